"""What a clinic's languages cost, by hand from the counts of FLORES-200."""

from __future__ import annotations

import math
from dataclasses import replace

import numpy
import pytest

from ecoaudit.errors import NotFoundError
from ecoaudit.estimate import Basis, Estimate
from ecoaudit.factors.languages import token_premium
from ecoaudit.factors.models import find_model
from ecoaudit.factors.tokenizers import named, tokenizer_of
from ecoaudit.planning.languages import (
    Served,
    ends_of,
    in_its_languages,
    language_costs,
    tokenizer_of_model,
)
from ecoaudit.scenario import Lengths, Workload, load_workload

QWEN, TEKKEN = named("qwen"), named("tekken")
LLAMA = tokenizer_of("llama", 128_256)  # not counted
AMHARIC, KHMER = 107935 / 26255, 174351 / 26255  # of Qwen


def exact(value: float, unit: str = "") -> Estimate:
    return Estimate.exact(value, unit, Basis.DECLARED, "test")


def workload(**languages: float) -> Workload:
    return Workload(
        id="visit",
        name="Visit",
        prompt=Lengths(exact(1000, "tokens"), exact(400, "tokens")),
        output=Lengths(exact(200, "tokens"), exact(50, "tokens")),
        system_prompt=exact(500, "tokens"),
        requests_per_clinician=exact(10, "requests"),
        languages={code: exact(share) for code, share in languages.items()},
    )


def test_lengths_grow_by_the_premium_but_for_the_system_prompt() -> None:
    costs = language_costs(workload(en=0.7, am=0.3), QWEN)
    assert costs is not None
    english, amharic = costs.languages
    assert (english.prompt_tokens.number, english.output_tokens.number) == (1500, 200)
    assert (english.relative_time.numbers, english.relative_tokens.number) == ((1, 1, 1), 1)
    assert amharic.token_premium.number == pytest.approx(AMHARIC)
    assert amharic.prompt_tokens.number == pytest.approx(500 + 1000 * AMHARIC)
    assert amharic.output_tokens.number == pytest.approx(200 * AMHARIC)
    assert amharic.tokens_per_patient.number == pytest.approx(500 + 1200 * AMHARIC)
    assert amharic.relative_tokens.number == pytest.approx((500 + 1200 * AMHARIC) / 1700)
    assert amharic.relative_reading.number == pytest.approx((500 + 1000 * AMHARIC) / 1500)
    # without a speed: as the answer, down to the reading
    assert amharic.relative_time.number == pytest.approx(AMHARIC)
    assert amharic.relative_time.low == pytest.approx((500 + 1000 * AMHARIC) / 1500)
    assert amharic.share is not None
    assert amharic.share.number == 0.3
    assert amharic.name == "Amharic"
    assert not amharic.seconds.known
    assert not amharic.usd_per_patient.known
    assert not amharic.share_over_context.known
    assert costs.mean_premium.number == pytest.approx(0.7 + 0.3 * AMHARIC)


def test_the_worst_served_language_and_its_ratio_to_the_best() -> None:
    mix = workload(en=0.2, am=0.5, km=0.3)
    by_qwen, by_tekken = language_costs(mix, QWEN), language_costs(mix, TEKKEN)
    assert by_qwen is not None
    assert by_tekken is not None
    assert (by_qwen.worst, by_qwen.best) == ("km", "en")
    assert by_qwen.worst_over_best.number == pytest.approx(6.64, abs=0.005)
    assert by_tekken.worst_over_best.number == pytest.approx(14.88, abs=0.005)
    without = language_costs(mix, TEKKEN, codes=("am", "km"))
    assert without is not None
    assert without.worst_over_best.number == pytest.approx(394035 / 199550)
    assert not without.mean_premium.known  # the shares are of all three
    assert ends_of(("am", "km"), named("o200k")) == ("am", "km")


def test_a_tokenizer_that_was_not_counted_gives_intervals() -> None:
    costs = language_costs(workload(en=0.5, am=0.5), LLAMA)
    assert costs is not None
    premium = token_premium("am", LLAMA)
    amharic = costs.languages[1]
    assert premium.numbers[1:] == pytest.approx((4.11, 7.72), abs=0.005)
    assert amharic.prompt_tokens.low == pytest.approx(500 + 1000 * (premium.low or 0))
    assert amharic.prompt_tokens.high == pytest.approx(500 + 1000 * (premium.high or 0))
    assert costs.mean_premium.high == pytest.approx(0.5 + 0.5 * (premium.high or 0))


def test_the_mean_is_taken_by_one_tokenizer_at_a_time() -> None:
    # Qwen is best at Amharic and o200k at Khmer: no tokenizer has both low ends
    costs = language_costs(workload(am=0.5, km=0.5), LLAMA)
    assert costs is not None
    ends = [token_premium(code, LLAMA) for code in ("am", "km")]
    assert (costs.mean_premium.low or 0) > 0.5 * sum(end.low or 0 for end in ends) + 0.5
    o200k = 0.5 * (150030 / 25536 + 85619 / 25536)
    assert costs.mean_premium.low == pytest.approx(o200k)


def test_with_a_speed_and_prices_seconds_and_money_are_told() -> None:
    served = Served(
        prefill_s=lambda tokens: tokens / 1000,
        tpot_s=0.05,
        prompt_usd_per_token=1e-6,
        output_usd_per_token=4e-6,
    )
    costs = language_costs(workload(en=0.5, am=0.5), QWEN, served)
    assert costs is not None
    english, amharic = costs.languages
    assert english.seconds.number == pytest.approx(1.5 + 200 * 0.05)
    taken = 0.5 + AMHARIC + 200 * AMHARIC * 0.05
    assert amharic.seconds.number == pytest.approx(taken)
    assert amharic.relative_time.number == pytest.approx(taken / 11.5)
    assert english.usd_per_patient.number == pytest.approx(1500e-6 + 800e-6)
    assert amharic.usd_per_patient.number == pytest.approx(500e-6 + AMHARIC * 1800e-6)
    unknown = language_costs(workload(am=1), QWEN, Served(prefill_s=lambda tokens: None, tpot_s=1))
    assert unknown is not None
    assert not unknown.languages[0].seconds.known


def test_requests_that_do_not_fit_the_context_agree_with_draws() -> None:
    mix = workload(en=0.5, am=0.3, km=0.2)
    costs = language_costs(mix, QWEN, Served(context_tokens=8192))
    assert costs is not None
    # long answers with long prompts: the same standard normal makes both
    normal = numpy.random.default_rng(1).standard_normal(200_000)
    lengths = numpy.zeros_like(normal)
    for mean, sd in ((1000, 400), (200, 50)):
        variance = math.log(1 + (sd / mean) ** 2)
        lengths += mean * numpy.exp(normal * math.sqrt(variance) - variance / 2)
    for row, premium in zip(costs.languages, (1.0, AMHARIC, KHMER), strict=True):
        drawn = float(numpy.mean(500 + premium * lengths > 8192))
        assert row.share_over_context.number == pytest.approx(drawn, abs=0.005)
    assert costs.languages[0].share_over_context.number < 1e-6
    assert 0.4 < costs.languages[2].share_over_context.number < 0.6
    small = language_costs(mix, QWEN, Served(context_tokens=400))
    assert small is not None
    assert small.languages[0].share_over_context.number == 1


def test_of_a_conversation_the_whole_is_a_patient() -> None:
    chat = replace(load_workload("skills-chat"), languages={"am": exact(1)})
    costs = language_costs(chat, QWEN, Served(context_tokens=8192))
    assert costs is not None
    (amharic,) = costs.languages
    prompt = 600 + (chat.prompt_tokens.number - 600) * AMHARIC
    assert amharic.prompt_tokens.number == pytest.approx(prompt)
    assert amharic.tokens_per_patient.number == pytest.approx(36.5 * (prompt + 26 * AMHARIC))
    # 1,861.5 tokens of talk with a spread as wide, 7,592 tokens of Qwen's for 1,847 of English
    assert 0.3 < amharic.share_over_context.number < 0.4


def test_no_languages_no_costs() -> None:
    assert language_costs(workload(), QWEN) is None
    assert language_costs(workload(), QWEN, codes=("sw",)) is not None
    with pytest.raises(NotFoundError, match="no language 'xx'"):
        language_costs(workload(xx=1), QWEN)


def test_the_lengths_of_a_mix_are_those_of_its_draws() -> None:
    mix = workload(en=0.5, am=0.3, km=0.2)
    found = in_its_languages(mix, QWEN)
    chance = numpy.random.default_rng(2)
    longer = chance.choice([1.0, AMHARIC, KHMER], size=400_000, p=[0.5, 0.3, 0.2])
    variance = math.log(1 + 0.4**2)
    drawn = longer * 1000 * chance.lognormal(-variance / 2, math.sqrt(variance), 400_000)
    assert found.prompt.mean.number == pytest.approx(float(drawn.mean()), rel=0.005)
    assert found.prompt.sd.number == pytest.approx(float(drawn.std()), rel=0.01)
    assert found.prompt.mean.number == pytest.approx(1000 * (0.5 + 0.3 * AMHARIC + 0.2 * KHMER))
    assert found.output.mean.number == pytest.approx(200 * (0.5 + 0.3 * AMHARIC + 0.2 * KHMER))
    assert found.system_prompt == mix.system_prompt
    assert found.prompt.mean.basis is Basis.MODELLED
    assert "test; in its languages, tokenizer Qwen" in found.prompt.mean.source
    wide = in_its_languages(mix, LLAMA).prompt.mean
    assert (wide.low or 0) < wide.number < (wide.high or 0)


def test_english_alone_and_no_language_change_no_length() -> None:
    plain = workload()
    assert in_its_languages(plain, QWEN) is plain
    english = in_its_languages(workload(en=1), QWEN)
    assert english.prompt.mean.numbers == pytest.approx((1000, 1000, 1000))
    assert english.prompt.sd.number == pytest.approx(400)


def test_the_tokenizer_of_a_model_of_the_table() -> None:
    assert tokenizer_of_model(find_model("Qwen3-8B")).columns == ("qwen_151k",)
    assert len(tokenizer_of_model(find_model("Llama-3.1-8B-Instruct")).columns) == 5
