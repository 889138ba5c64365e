"""Training memory and work, against published and hand-computed figures."""

from __future__ import annotations

from dataclasses import replace

import pytest

from ecoaudit.errors import UsageError
from ecoaudit.estimate import Basis, Estimate
from ecoaudit.factors.models import Model, find_model, models
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
    assert memory.adapters.number == memory.gradients.number == 2 * 41_943_040
    assert memory.optimiser.number == 12 * 41_943_040
    # with 2,048 tokens: 16.06 + 0.67 + 0.54 + 3.15 + 0.64 GB
    assert memory.total.number == pytest.approx(21.06e9, rel=5e-3)


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


# Peak of what PyTorch 2.13 holds in a step of transformers 5.19 (SDPA, AdamW) beside weights,
# adapters, gradients and optimiser [bytes], every tensor counted on shapes alone; adapters of rank
# 16 on every linear layer, in FP32 with dropout or in 16 bit without.
LLAMA_1B, LLAMA_2 = find_model("Llama-3.2-1B"), replace(LLAMA, kv_heads=32, intermediate=11008)
COUNTED = [
    ("1 billion, FP32 adapters", LLAMA_1B, "lora", 1024, True, 1.608e9),
    ("1 billion, longer", LLAMA_1B, "lora", 4096, True, 6.579e9),
    ("1 billion, all layers kept", LLAMA_1B, "lora", 1024, False, 5.614e9),
    ("1 billion, 16-bit adapters", LLAMA_1B, "lora", 1024, False, 3.351e9),
    ("8 billion, FP32 adapters", LLAMA, "lora", 1024, True, 1.695e9),
    ("8 billion, longer", LLAMA, "lora", 4096, True, 7.296e9),
    ("8 billion, all layers kept", LLAMA, "lora", 1024, False, 16.687e9),
    ("8 billion, 16-bit adapters", LLAMA, "lora", 1024, False, 8.039e9),
    ("Llama 2 7B, FP32 adapters", replace(LLAMA_2, vocab=32000), "lora", 8192, True, 6.551e9),
    ("Llama 2 7B, 16-bit adapters", replace(LLAMA_2, vocab=32000), "lora", 8192, True, 5.419e9),
    ("8 billion, all trained", LLAMA, "full", 1024, False, 8.398e9),
    ("1 billion, all trained", LLAMA_1B, "full", 1024, False, 3.245e9),
]


@pytest.mark.parametrize(
    ("model", "method", "tokens", "checkpointed", "counted"),
    [case[1:] for case in COUNTED],
    ids=[case[0] for case in COUNTED],
)
def test_activations_are_those_that_pytorch_holds(
    model: Model, method: str, tokens: int, checkpointed: bool, counted: float
) -> None:
    found = training_memory(
        model, method, sequence_tokens=tokens, rank=16, checkpointed=checkpointed
    ).activations
    assert (found.low or 0) < counted < (found.high or 0)
    if checkpointed or method == "full":
        assert found.number == pytest.approx(counted, rel=0.2)


def test_activations_grow_with_all_tokens_of_a_step() -> None:
    one, four = (
        training_memory(LLAMA, "lora", sequence_tokens=1000, batch=batch).activations
        for batch in (1, 4)
    )
    assert four.number == 4 * one.number
    assert one.number == 1000 * (2 * 4096 * 32 + 12 * 128256)
    assert one.low == 0.9 * 1000 * (2 * 4096 * 32 + 1.25 * (25 * 4096 + 8 * 14336))
    # a loss that is cut in pieces has no logits: 12 bytes for each of 128,256


def test_only_the_experts_of_a_token_are_at_work() -> None:
    model = models()["Qwen/Qwen3-30B-A3B"]
    found = training_memory(model, "qlora", sequence_tokens=1000, checkpointed=False).activations
    assert found.number == pytest.approx(
        1000 * (48 * (25 * 2048 + 8 * 8 * 768) + 12 * 151_936), rel=1e-9
    )


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
