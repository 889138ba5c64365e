"""Models that are made on the spot: their files fit together."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from ecoaudit.engines.toy_model import CALIBRATION_CPU, CALIBRATION_GPU, SHAPES, toy_model
from ecoaudit.engines.vllm_model import VllmModel
from ecoaudit.factors.model_config import from_config
from ecoaudit.sizing.memory import tensors


@pytest.mark.parametrize("name", [CALIBRATION_CPU, CALIBRATION_GPU])
def test_the_tokenizer_has_a_word_for_all_that_the_model_can_answer(
    name: str, tmp_path: Path
) -> None:
    from tokenizers import Tokenizer

    folder = toy_model(tmp_path / "made", name)
    config = json.loads((folder / "config.json").read_text("utf-8"))
    assert config == SHAPES[name]
    tokenizer = Tokenizer.from_file(str(folder / "tokenizer.json"))
    assert tokenizer.get_vocab_size() == config["vocab_size"]
    assert tokenizer.id_to_token(config["vocab_size"] - 1) is not None


@pytest.mark.parametrize(
    ("name", "parameters"),
    [
        ("ecoaudit/toy-llama", 3.95e6),
        ("ecoaudit/llama-60m", 62.9e6),
        ("ecoaudit/llama-0.2b", 205.6e6),
        ("ecoaudit/llama-1b", 1.107e9),
        ("ecoaudit/llama-3b", 3.02e9),
    ],
)
def test_they_are_as_large_as_their_name_says(name: str, parameters: float) -> None:
    assert tensors(from_config(name, SHAPES[name], name)).total == pytest.approx(
        parameters, rel=0.005
    )
    assert VllmModel(name).is_random
