"""The languages of a workload, as a served tokenizer cuts them."""

from __future__ import annotations

from collections import Counter
from dataclasses import replace
from typing import Any

import numpy
import pytest

from ecoaudit.engines.base import EngineFacts
from ecoaudit.errors import NotFoundError
from ecoaudit.estimate import Basis, Estimate
from ecoaudit.factors.tokenizers import counted, tokenizer_of
from ecoaudit.scenario import Workload, load_workload
from ecoaudit.workloads.languages import UNSTATED, Mix, mix_of, tokenizer_served

TEKKEN = counted("tekken_131k")


def workload(**shares: float) -> Workload:
    figures = {
        code: Estimate.exact(share, "", Basis.DECLARED, "test") for code, share in shares.items()
    }
    return replace(load_workload("ambient-note"), languages=figures)


def facts(model: str = "fake", **config: Any) -> EngineFacts:
    settings = {"model_config": config} if config else {}
    url = "http://127.0.0.1:9"
    return EngineFacts(
        "vllm", "1", url, model, "served", "bf16", False, 4096, True, settings=settings
    )


def test_languages_are_drawn_by_their_shares() -> None:
    mix = mix_of(workload(en=0.6, es=0.3, am=0.1), TEKKEN)
    chance = numpy.random.default_rng(1)
    counts = Counter(mix.draw(chance).code for _ in range(20000))
    assert {code: counts[code] / 20000 for code in counts} == pytest.approx(
        {"en": 0.6, "es": 0.3, "am": 0.1}, abs=0.01
    )


def test_thirds_that_sum_to_less_than_one_are_a_whole() -> None:
    mix = mix_of(workload(en=0.333, es=0.333, am=0.333), TEKKEN)
    assert mix.mean_premium == pytest.approx((1 + 34838 / 26478 + 199550 / 26478) / 3)
    chance = numpy.random.default_rng(1)
    counts = Counter(mix.draw(chance).code for _ in range(20000))
    assert counts["am"] / 20000 == pytest.approx(1 / 3, abs=0.01)


def test_nothing_is_drawn_where_there_is_no_choice() -> None:
    chance, untouched = numpy.random.default_rng(1), numpy.random.default_rng(1)
    assert Mix().draw(chance) is UNSTATED
    assert mix_of(workload(am=1.0), TEKKEN).draw(chance).code == "am"
    assert chance.random() == untouched.random()
    assert (Mix().mean_premium, Mix().highest_premium, Mix().settings()) == (1.0, 1.0, {})


def test_the_highest_premium_is_the_upper_end_of_the_worst() -> None:
    mix = mix_of(workload(en=0.9, km=0.1), tokenizer_of())
    assert mix.highest_premium == pytest.approx(14.88, abs=0.005)  # Tekken's
    assert mix_of(workload(zh=1.0), counted("deepseek_128k")).highest_premium < 1


def test_the_run_is_told_share_premium_and_tokenizer() -> None:
    settings = mix_of(workload(en=0.7, hi=0.3), tokenizer_of("llama", 128_256)).settings()
    assert list(settings) == ["en", "hi"]
    hindi = settings["hi"]
    assert (hindi["name"], hindi["share"]) == ("Hindi", 0.3)
    assert hindi["token_premium"]["low"] == pytest.approx(1.577, abs=0.001)  # o200k
    assert hindi["token_premium"]["high"] == pytest.approx(4.794, abs=0.001)  # cl100k
    assert hindi["token_premium"]["basis"] == "modelled"
    assert hindi["tokenizer"].startswith("128,256 tokens, not counted: the range of 5")
    assert settings["en"]["token_premium"]["value"] == 1


def test_a_language_that_nobody_counted_is_refused() -> None:
    with pytest.raises(NotFoundError, match="no language 'se' among those of FLORES-200"):
        mix_of(workload(no=0.5, se=0.5), TEKKEN)


@pytest.mark.parametrize(
    ("served", "columns"),
    [
        (facts("folder", model_type="qwen3", vocab_size=151_936), ("qwen_151k",)),
        (facts("Qwen/Qwen2.5-7B-Instruct"), ("qwen_151k",)),  # by the table of models
        (facts("mistralai/Mistral-Nemo-Instruct-2407"), ("tekken_131k",)),
        # the configuration is believed, not the name
        (facts("deepseek-ai/x", model_type="qwen2", vocab_size=152_064), ("qwen_151k",)),
        (facts("toy", model_type="llama", vocab_size=2048), tokenizer_of().columns),
        (facts("fake"), tokenizer_of().columns),
        (None, tokenizer_of().columns),
    ],
)
def test_the_tokenizer_is_that_of_the_served_model(
    served: EngineFacts | None, columns: tuple[str, ...]
) -> None:
    assert tokenizer_served(served).columns == columns
