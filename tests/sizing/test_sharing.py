"""Several devices for one model: whether they can share it, and what their exchange costs."""

from __future__ import annotations

from dataclasses import replace

import pytest

from ecoaudit.factors.hardware import find_device
from ecoaudit.factors.models import find_model
from ecoaudit.factors.typed import model_from_mapping
from ecoaudit.sizing.constants import constants_of
from ecoaudit.sizing.sharing import (
    exchanging,
    most_devices,
    over_pcie,
    pcie_bytes_per_s,
    token_share,
    why_not,
)
from ecoaudit.sizing.speed import ModelSteps, rates

LLAMA, QWEN = find_model("Llama-3.1-8B"), find_model("Qwen2.5-7B-Instruct")
L4, H100 = find_device("L4"), find_device("H100 SXM")


@pytest.mark.parametrize(
    ("model", "devices", "why"),
    [
        ("Qwen2.5-7B-Instruct", 8, "28 attention heads"),  # vLLM issues 11797, THU-KEG/AdaptThink 1
        ("Qwen2.5-7B-Instruct", 4, ""),
        ("Qwen2.5-0.5B-Instruct", 4, "14 attention heads"),
        ("Llama-3.1-8B", 16, ""),  # 8 KV heads, each on two devices
        ("Llama-3.1-8B", 6, "32 attention heads"),
        ("gemma-3-1b-it", 4, ""),  # one KV head on all
        ("Qwen3-30B-A3B", 4, ""),
        ("DeepSeek-V3", 8, ""),
    ],
)
def test_heads_and_channels_are_split_evenly_or_not_at_all(
    model: str, devices: int, why: str
) -> None:
    said = why_not(find_model(model), devices)
    assert said == (f"{devices} devices cannot share {why} evenly" if why else "")


def test_kv_heads_are_whole() -> None:
    odd = replace(LLAMA, heads=24, kv_heads=3, intermediate=24 * 512)
    assert why_not(odd, 2) == "2 devices cannot share 3 KV heads evenly"
    assert why_not(odd, 6) == ""  # each on two
    assert why_not(odd, 8) == "8 devices cannot share 3 KV heads evenly"


def test_what_was_assumed_of_a_shape_is_not_judged() -> None:
    few = {"parameters_b": 3.2, "layers": 28, "kv_heads": 8, "head_dim": 128}
    typed = model_from_mapping("mine", few, "line 1")
    assert "intermediate" in typed.assumed
    assert why_not(replace(typed, intermediate=9001), 4) == ""


def test_the_most_devices_are_a_power_of_two() -> None:
    assert [most_devices(QWEN, count) for count in (1, 2, 4, 8)] == [1, 2, 4, 4]
    assert most_devices(LLAMA, 8) == 8


def test_modules_keep_their_fitted_links() -> None:
    own = constants_of(H100.name)
    assert exchanging(own, H100, 8) is own
    assert exchanging(constants_of(L4.name), L4, 1) is constants_of(L4.name)
    assert token_share(LLAMA, H100, 8) == 0
    assert not over_pcie(H100, 8)


def test_cards_exchange_over_pcie_with_more_doubt() -> None:
    one, two = constants_of(L4.name), exchanging(constants_of(L4.name), L4, 2)
    assert two.cost[5] == pytest.approx(24e-6)  # two sums in a layer, 6 us for each of two cards
    assert (*two.cost[:5], *two.cost[6:]) == (*one.cost[:5], *one.cost[6:])
    for name, (low, high) in one.ends.items():
        assert two.ends[name][0] < low
        assert two.ends[name][1] > high
    assert "over PCIe" in two.said
    # a token: 4,096 elements of 2 bytes at 55 % of 31.5 GB/s are 0.47 us, of 12 us for each sum
    assert token_share(LLAMA, L4, 2) == pytest.approx(0.473e-6 / 12e-6, rel=1e-3)


def test_lanes_are_those_of_the_card() -> None:
    found = {
        name: pcie_bytes_per_s(find_device(name)) / 1e9
        for name in ("T4", "L4", "RTX 4060 Ti 16GB", "RTX 5090", "RTX PRO 6000 Server")
    }
    assert found == pytest.approx(
        {
            "T4": 15.8,
            "L4": 31.5,
            "RTX 4060 Ti 16GB": 15.8,
            "RTX 5090": 63.0,
            "RTX PRO 6000 Server": 63.0,
        },
        rel=0.01,
    )
    assert pcie_bytes_per_s(replace(L4, form="")) == pcie_bytes_per_s(L4)


def test_a_long_prompt_waits_for_the_links() -> None:
    alone, both = rates(LLAMA, "bf16", L4), rates(LLAMA, "bf16", L4, 2)
    exchanged = 32 * 2 * (12e-6 + 1000 * 8192 / (0.55 * 16 * 1.969e9))
    computing = (alone.prefill_s(1000.0) or 0.0) / 2
    # the layers' own time is not halved
    assert (both.prefill_s(1000.0) or 0.0) - computing == pytest.approx(
        exchanged + 32 * alone.constants.cost[3] / 2, rel=1e-6
    )
    steps = ModelSteps(LLAMA, both, 2)
    assert steps.prefill_s(1000, 500) == both.prefill_s(1000.0)
    mean = sum(both.times(4.0, 1e6, 500.0))
    assert mean == pytest.approx(both.decode_s(4.0, 1e6, 500.0))
