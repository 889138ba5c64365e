"""Memory arithmetic, against published logs and figures."""

from __future__ import annotations

import pytest

from ecoaudit.estimate import Basis, Estimate
from ecoaudit.factors.hardware import find_device
from ecoaudit.factors.models import find_model, models
from ecoaudit.sizing.memory import (
    BITS,
    batch_defaults,
    kv_bytes,
    kv_bytes_per_sequence,
    kv_bytes_per_token,
    kv_pool_bytes,
    overhead_bytes,
    tensors,
    usable_bytes,
    weight_bytes,
)

GIB = 2**30


def test_weights_of_llama_3_8b_as_vllm_logs_them() -> None:
    # vLLM pull request 10511: model weights take 14.96 GiB
    assert weight_bytes(find_model("Llama-3.1-8B"), "bf16").number / GIB == pytest.approx(
        14.96, abs=0.005
    )


def test_cache_pool_as_vllm_logs_it() -> None:
    # the same log: 79.22 GiB x 0.90 - 14.96 - 1.79 - 1.26 leaves 53.29 GiB
    pool = kv_pool_bytes(79.22 * GIB, 0.90, 14.96 * GIB, 1.79 * GIB, 1.26 * GIB)
    assert pool / GIB == pytest.approx(53.29, abs=0.01)


def test_gpt_oss_20b_as_published() -> None:
    assert weight_bytes(find_model("gpt-oss-20b"), "mxfp4").number == pytest.approx(
        13.8e9, rel=5e-3
    )


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
        ("mistralai/Mistral-7B-Instruct-v0.3", 131_072, 1.07e9),
        ("epfl-llm/meditron-7b", 524_288, 4.29e9),  # Llama-2-7B
    ],
)
def test_cache_that_a_public_calculator_has_wrong(name: str, per_token: int, at_8k: float) -> None:
    # selfhostllm.org says 11.47 GB for "a 7B" at 8k tokens
    model = models()[name]
    assert sum(kv_bytes_per_token(model)) == per_token
    assert kv_bytes(model, 8192) == pytest.approx(at_8k, rel=5e-3)


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
    # a step with 2,048 tokens in flight keeps ceil((1024 - 1 + 2048) / 16) + 1 blocks
    assert kv_bytes(model, 100_000, 2048) == 100_000 * 81_920 + 193 * 16 * 425_984


def test_windows_widen_the_interval_upwards_only() -> None:
    context = Estimate.exact(8000, "tokens", Basis.DECLARED, "test")
    each = kv_bytes_per_sequence(find_model("gemma-3-27b-it"), context, 2048)
    assert each.low == each.value
    assert each.high is not None
    assert each.high > each.number
    plain = kv_bytes_per_sequence(find_model("Llama-3.1-8B"), context, 2048)
    assert plain.low == plain.value == plain.high


@pytest.mark.parametrize(
    ("name", "batch"),
    [
        ("L4", (2048, 256)),
        ("A100 80GB PCIe", (2048, 256)),
        ("H100 PCIe", (8192, 1024)),
        ("MI300X", (16384, 1024)),
    ],
)
def test_batch_defaults_of_vllm(name: str, batch: tuple[int, int]) -> None:
    assert batch_defaults(find_device(name)) == batch


def test_overheads_hold_what_logs_show() -> None:
    # logs: 1.79 + 1.26 GiB on an 80 GB card, 0.2 to 0.33 and 0.37 to 1.77 on cards of 24 to 32 GB
    small = overhead_bytes(find_model("Llama-3.1-8B"), 2048, 256)
    assert small.low is not None
    assert small.high is not None
    assert small.low / GIB < 0.33 + 0.37 + 0.36 < small.high / GIB
    large = overhead_bytes(find_model("Llama-3.1-8B"), 8192, 1024)
    assert large.high is not None
    assert large.high / GIB > 1.79


def test_usable_memory_is_pessimistic_about_what_gb_means() -> None:
    card = usable_bytes(find_device("H100 SXM"))
    assert card.low == pytest.approx(0.92 * 80e9)
    assert card.high == pytest.approx(0.92 * 80 * GIB)
    assert card.low is not None
    assert card.high is not None
    assert card.low < 0.92 * 79.22 * GIB < card.high
    machine = usable_bytes(find_device("M4 Pro"))
    assert machine.low == pytest.approx(0.65 * 64e9)
    assert "assumed" in machine.source
