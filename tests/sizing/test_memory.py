"""Memory arithmetic, against published logs and figures."""

from __future__ import annotations

import pytest

from ecoaudit.estimate import Basis, Estimate
from ecoaudit.factors.models import find_model, models
from ecoaudit.factors.typed import TABLE_SHARES, model_from_mapping
from ecoaudit.sizing.memory import (
    BITS,
    active_parameters,
    attention_flop,
    kv_bytes,
    kv_bytes_per_sequence,
    kv_bytes_per_token,
    linears,
    parameters,
    state_bytes,
    tensors,
    weight_bytes,
)

GIB = 2**30


def test_weights_of_llama_3_8b_as_vllm_logs_them() -> None:
    # vLLM pull request 10511: model weights take 14.96 GiB
    assert weight_bytes(find_model("Llama-3.1-8B"), "bf16").number / GIB == pytest.approx(
        14.96, abs=0.005
    )


@pytest.mark.parametrize(
    ("name", "weights", "gib", "percent"),
    [
        # checkpoint sizes of the model card (arXiv:2508.10925, table 1)
        ("openai/gpt-oss-20b", "mxfp4", 12.8, 0.5),
        ("openai/gpt-oss-120b", "mxfp4", 60.8, 0.5),
        # Qwen2.5-7B-AWQ as loaded by vLLM 0.7.3 (vllm issue 13882)
        ("Qwen/Qwen2.5-7B-Instruct", "int4", 5.20, 0.5),
        # Llama-3.1-8B in GGUF Q4_K_M: a file of 4.92 GB
        ("meta-llama/Llama-3.1-8B-Instruct", "q4_k_m", 4.92e9 / GIB, 0.5),
    ],
)
def test_quantised_weights_as_published(
    name: str, weights: str, gib: float, percent: float
) -> None:
    assert weight_bytes(models()[name], weights).number / GIB == pytest.approx(
        gib, rel=percent / 100
    )


def test_deepseek_v3_counts_as_its_makers_do() -> None:
    # README_WEIGHTS.md of the repository: 671 B, of which 36.6 B for a token with the output layer
    model = models()["deepseek-ai/DeepSeek-V3"]
    assert parameters(model).number == pytest.approx(671e9, rel=1e-3)
    assert active_parameters(model) == pytest.approx(36.6e9, rel=1e-3)
    # most of its weights are FP8 in blocks of 128 x 128
    assert weight_bytes(model, "fp8").number == pytest.approx(671.03e9 + 2 * 0.927e9, rel=1e-3)


def test_only_linear_layers_are_quantised() -> None:
    # embedding and head of Qwen2.5-0.5B are 28 % of it: four bits are far more than a quarter
    model = find_model("Qwen2.5-0.5B")
    whole, four = weight_bytes(model, "bf16").number, weight_bytes(model, "int4").number
    assert tensors(model).embedding / tensors(model).total == pytest.approx(0.28, abs=0.01)
    assert four / whole == pytest.approx(0.28 + 0.72 * 4.156 / 16, abs=0.01)


@pytest.mark.parametrize("name", list(models()))
def test_fewer_bits_never_take_more_memory(name: str) -> None:
    model = models()[name]
    sizes = [weight_bytes(model, weights).number for weights in ("bf16", "fp8", "int4")]
    assert sizes == sorted(sizes, reverse=True)
    assert weight_bytes(model, "int8").number == pytest.approx(sizes[1], rel=2e-3)


def test_every_format_has_its_interval() -> None:
    for value, low, high in BITS.values():
        assert low <= value <= high


@pytest.mark.parametrize(
    ("name", "per_token", "at_8k"),
    [
        ("meta-llama/Llama-3.1-8B-Instruct", 131_072, 1.07e9),
        ("mistralai/Mistral-7B-Instruct-v0.3", 131_072, 1.07e9),
        ("epfl-llm/meditron-7b", 524_288, 4.29e9),  # Llama-2-7B
    ],
)
def test_cache_that_a_public_calculator_has_wrong(name: str, per_token: int, at_8k: float) -> None:
    # selfhostllm.org says 11.47 GB for "a 7B" at 8k tokens
    model = models()[name]
    assert sum(kv_bytes_per_token(model)) == per_token
    assert kv_bytes(model, 8192) == pytest.approx(at_8k, rel=5e-3)
    assert kv_bytes(model, 8192) < 11.47e9 / 2


def test_cache_comes_in_blocks_of_16_tokens() -> None:
    model = find_model("Llama-3.1-8B")
    assert kv_bytes(model, 1) == 16 * 131_072
    assert kv_bytes(model, 16) == 16 * 131_072
    assert kv_bytes(model, 17) == 32 * 131_072


def test_sliding_windows_bound_the_cache() -> None:
    # Gemma-3-27B: 10 of 62 layers see all; 82 KB/token and 0.44 GB of windows
    model = find_model("gemma-3-27b-it")
    assert kv_bytes(model, 100_000) == 100_000 * 81_920 + 436_207_616
    assert kv_bytes(model, 512) == 512 * 507_904
    # a step with 2,048 tokens in flight keeps ceil((1024 - 1 + 2048) / 16) + 1 blocks, and vLLM
    # fills the 52 layers with a window up to six groups of ten
    assert kv_bytes(model, 100_000, 2048) == 100_000 * 81_920 + 193 * 16 * 425_984 * 60 / 52
    # the same without windows is six times as much, as calculators have it that know none
    assert kv_bytes(model, 100_000) < 0.17 * 100_000 * 507_904


def test_windows_widen_the_interval_upwards_only() -> None:
    context = Estimate.exact(8000, "tokens", Basis.DECLARED, "test")
    each = kv_bytes_per_sequence(find_model("gemma-3-27b-it"), context, 2048)
    assert each.low == each.value
    assert each.high is not None
    assert each.high > each.number
    plain = kv_bytes_per_sequence(find_model("Llama-3.1-8B"), context, 2048)
    assert plain.low == plain.value == plain.high


def test_deepseek_v3_keeps_one_latent_per_token_and_layer() -> None:
    # (512 + 64) x 2 bytes x 61 layers; 128 heads of 192 + 128 would be 71 times as much
    model = models()["deepseek-ai/DeepSeek-V3"]
    assert kv_bytes_per_token(model) == (70_272, 0)
    assert kv_bytes(model, 8192) == 8192 * 70_272
    # the latent has no heads that could be split over devices
    assert kv_bytes(model, 8192, tensor_parallel=8) == kv_bytes(model, 8192)


def test_an_8_bit_cache_is_half_as_large() -> None:
    for model in (find_model("Llama-3.1-8B"), find_model("gemma-3-27b-it")):
        assert kv_bytes(model, 8000, element_bytes=1) == kv_bytes(model, 8000) / 2
    context = Estimate.exact(8000, "tokens", Basis.DECLARED, "test")
    each = kv_bytes_per_sequence(find_model("Llama-3.1-8B"), context, 2048, element_bytes=1)
    assert each.number == 8000 * 65_536
    assert each.source == "KV cache, 8 bit"


@pytest.mark.parametrize(("devices", "share"), [(1, 1), (2, 1 / 2), (8, 1 / 8), (16, 1 / 8)])
def test_heads_are_split_over_devices_and_then_repeated(devices: int, share: float) -> None:
    model = find_model("Llama-3.1-8B")  # 8 KV heads
    assert kv_bytes(model, 8000, tensor_parallel=devices) == kv_bytes(model, 8000) * share


@pytest.mark.parametrize(
    ("name", "per_token", "state"),
    [
        # 36 x (32 x 128 x 128 of the state + 3 x 8192 of the convolution) x 2 bytes
        ("Qwen/Qwen3-Next-80B-A3B-Thinking", 24_576, 36 * (524_288 + 24_576) * 2),
        # 27 x (128 x 80 x 128 in FP32 + 3 x 12288 in 16 bit)
        ("nvidia/NVIDIA-Nemotron-Nano-9B-v2", 16_384, 27 * (1_310_720 * 4 + 36_864 * 2)),
        ("ibm-granite/granite-4.0-h-small", 16_384, 36 * (1_048_576 + 25_344) * 2),
    ],
)
def test_a_state_does_not_grow_with_the_context(name: str, per_token: int, state: int) -> None:
    model = models()[name]
    assert sum(kv_bytes_per_token(model)) == per_token
    assert state_bytes(model) == state
    assert kv_bytes(model, 1600) == 1600 * per_token + state
    assert kv_bytes(model, 16_000) - kv_bytes(model, 1600) == 14_400 * per_token
    assert kv_bytes(model, 1600, tensor_parallel=2) == 1600 * per_token / 2 + state / 2


def test_a_state_makes_blocks_as_large_as_itself_at_worst() -> None:
    # vLLM's page of a layer must hold a state: 1,097,728 bytes over 2,048 a token and layer, in
    # whole blocks of 16: 544 tokens
    model = models()["Qwen/Qwen3-Next-80B-A3B-Thinking"]
    assert kv_bytes(model, 1, 2048) == 544 * 24_576 + 36 * 544 * 2048
    assert kv_bytes(model, 545, 2048) == 1088 * 24_576 + 36 * 544 * 2048


def test_linear_layers_are_the_groups_that_are_quantised() -> None:
    for model in models().values():
        parts, groups = linears(model), tensors(model)
        assert sum(part.elements for part in parts) == groups.dense + groups.experts
        assert all(part.inputs > 0 and part.outputs > 0 and part.count > 0 for part in parts)


def test_attention_counts_only_layers_that_attend() -> None:
    assert attention_flop(find_model("Llama-3.1-8B")) == 4 * 32 * 128 * 32
    assert attention_flop(models()["Qwen/Qwen3-Next-80B-A3B-Thinking"]) == 4 * 16 * 256 * 12
    assert attention_flop(models()["deepseek-ai/DeepSeek-V3"]) == 2 * 128 * (192 + 128) * 61


def test_shares_of_tables_hold_for_every_model_of_the_table() -> None:
    for model in models().values():
        for tied in (True, False) if model.tied is None else (model.tied,):
            parts = tensors(model, tied)
            share = (parts.embedding + parts.head) / parts.total
            row = next(row for row in TABLE_SHARES if parts.total <= row[0])
            assert row[1] <= share <= row[3], (model.name, share)


def test_a_model_of_five_numbers_has_the_weights_of_the_real_one_in_its_interval() -> None:
    for real in models().values():
        if real.experts or real.state:
            continue
        count = parameters(real).number / 1e9
        typed = model_from_mapping(
            "typed",
            {
                "parameters_b": count,
                "layers": real.layers,
                "kv_heads": real.kv_heads,
                "head_dim": real.head_dim,
            },
            "test",
        )
        assert parameters(typed).number / 1e9 == pytest.approx(count, rel=2e-4)
        assert weight_bytes(typed, "bf16").number == pytest.approx(
            weight_bytes(real, "bf16").number, rel=2e-4
        )
        four, truth = weight_bytes(typed, "int4"), weight_bytes(real, "int4").number
        assert (four.low or 0) <= truth * (1 + 1e-9), real.name
        assert truth <= (four.high or 0) * (1 + 1e-9), real.name
        assert sum(kv_bytes_per_token(typed)) == sum(kv_bytes_per_token(real))
