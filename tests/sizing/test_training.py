"""Training memory and work, against published and hand-computed figures."""

from __future__ import annotations

import pytest

from ecoaudit.errors import UsageError
from ecoaudit.estimate import Basis, Estimate
from ecoaudit.factors.models import find_model, models
from ecoaudit.sizing.memory import active_parameters, parameters, weight_bytes
from ecoaudit.sizing.training import (
    METHODS,
    adapter_bytes,
    lora_parameters,
    training_flop,
    training_memory,
)

LLAMA = find_model("Llama-3.1-8B")
TOKENS = Estimate.exact(1e6, "tokens", Basis.DECLARED, "test")


def test_an_adapter_of_llama_3_1_8b_is_84_mb() -> None:
    # rank 16 on every linear layer: 41.9 million parameters
    assert lora_parameters(LLAMA, 16) == 41_943_040
    assert adapter_bytes(LLAMA, 16).number == pytest.approx(84e6, rel=2e-3)
    assert lora_parameters(LLAMA, 8) == 41_943_040 / 2


def test_experts_have_adapters_of_their_own_unless_left_out() -> None:
    model = models()["Qwen/Qwen3-30B-A3B"]
    attention = 48 * ((2048 + 4096) * 2 + (2048 + 512) * 2)
    assert lora_parameters(model, 16, experts=False) == 16 * attention
    assert lora_parameters(model, 16) == 16 * (attention + 48 * 128 * 3 * (2048 + 768))


def test_a_rank_of_nothing_is_refused() -> None:
    with pytest.raises(UsageError, match="rank of an adapter is at least 1; got 0"):
        lora_parameters(LLAMA, 0)


def test_full_training_takes_16_bytes_per_parameter() -> None:
    memory = training_memory(LLAMA, "full", sequence_tokens=2048)
    held = memory.weights.number + memory.trained.number
    assert held == pytest.approx(16 * parameters(LLAMA).number)
    assert memory.weights.number == pytest.approx(2 * 8.03e9, rel=1e-3)


def test_lora_keeps_the_model_in_16_bit() -> None:
    memory = training_memory(LLAMA, "lora", sequence_tokens=2048, rank=16)
    assert memory.weights.number == weight_bytes(LLAMA, "bf16").number
    assert memory.trained.number == 16 * 41_943_040
    # with 2,048 tokens: 16.06 + 0.67 + 0.54 + 0.29 GB
    assert memory.total.number == pytest.approx(17.55e9, rel=5e-3)


def test_qlora_quantises_only_linear_layers() -> None:
    memory = training_memory(LLAMA, "qlora", sequence_tokens=2048, rank=16)
    # 6.98 billion weights in 4.127 bits, 1.05 billion in 16; 0.516 bytes for each would be 4.14 GB
    assert memory.weights.number == pytest.approx(6.98e9 * 0.516 + 2 * 1.051e9, rel=2e-3)
    assert memory.weights.number > 0.516 * 8.03e9
    assert memory.trained.number == 16 * 41_943_040


def test_methods_are_ordered_by_what_they_take() -> None:
    for model in models().values():
        totals = [
            training_memory(model, method, sequence_tokens=1024).total.number for method in METHODS
        ]
        assert totals == sorted(totals, reverse=True)


def test_activations() -> None:
    kept = training_memory(LLAMA, "lora", sequence_tokens=1000, batch=4).activations
    assert kept.number == 2 * 4000 * 4096 * 32 + 34 * 4000 * 4096
    assert kept.high == kept.number + 8 * 4000 * 128256  # logits and their gradient
    assert kept.low == kept.number / 2
    whole = training_memory(
        LLAMA, "lora", sequence_tokens=1000, batch=4, checkpointed=False
    ).activations
    assert whole.number == 34 * 4000 * 4096 * 32


def test_work_of_full_training_and_adapters() -> None:
    active = active_parameters(LLAMA)
    assert training_flop(LLAMA, "full", TOKENS).number == pytest.approx(6 * active * 1e6)
    again = training_flop(LLAMA, "full", TOKENS, recomputed=True)
    assert again.number == pytest.approx(8 * active * 1e6)
    adapted = training_flop(LLAMA, "lora", TOKENS, rank=16)
    assert adapted.number == pytest.approx((4 * active + 6 * 41_943_040) * 1e6)
    assert adapted.unit == "FLOP"
    assert adapted.source == "4 N D + 6 N_lora D"
    assert training_flop(LLAMA, "qlora", TOKENS, rank=16).number == adapted.number


def test_attention_adds_6_l_a_d_s_per_token() -> None:
    plain = training_flop(LLAMA, "full", TOKENS)
    long = training_flop(LLAMA, "full", TOKENS, sequence_tokens=8192)
    assert long.number - plain.number == pytest.approx(6 * 32 * 32 * 128 * 8192 * 1e6)


def test_only_active_parameters_work() -> None:
    model = models()["Qwen/Qwen3-30B-A3B"]
    assert training_flop(model, "full", TOKENS).number == pytest.approx(6 * 3.042e15, rel=1e-3)


def test_an_unknown_way_to_train_is_named() -> None:
    with pytest.raises(UsageError, match="no way to train is called 'lorra'; did you mean 'lora'"):
        training_memory(LLAMA, "lorra", sequence_tokens=1)
    with pytest.raises(UsageError, match="no way to train"):
        training_flop(LLAMA, "dpo", TOKENS)


def test_nothing_to_train_on_is_refused() -> None:
    with pytest.raises(UsageError, match="at least one sequence of one token"):
        training_memory(LLAMA, "full", sequence_tokens=0)
