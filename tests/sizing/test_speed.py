"""Roofline times, against published measurements and their own algebra."""

from __future__ import annotations

import pytest

from ecoaudit.factors.hardware import devices, find_device
from ecoaudit.factors.models import find_model, models
from ecoaudit.sizing.constants import ANY, constants_of
from ecoaudit.sizing.memory import BITS, kv_bytes
from ecoaudit.sizing.speed import FORMAT_EFFICIENCY, ModelSteps, rates


@pytest.mark.parametrize(
    ("model", "joule_per_token", "fraction"),
    # ML.ENERGY, vLLM 0.11.1, chat, 1 x H100 at 8 requests: J/token and draw over 700 W
    [("Llama-3.1-8B", 0.455, 0.69), ("Qwen3-32B", 1.73, 0.77)],
)
def test_step_time_against_ml_energy(model: str, joule_per_token: float, fraction: float) -> None:
    measured = 8 * joule_per_token / (fraction * 700)
    shape = find_model(model)
    step = rates(shape, "bf16", find_device("H100 SXM")).decode_s(8, kv_bytes(shape, 400), 400)
    assert step == pytest.approx(measured, rel=0.1)


def test_a_step_of_one_by_hand() -> None:
    model, device = find_model("Llama-3.1-8B"), find_device("L4")
    rate = rates(model, "bf16", device)
    cost = rate.constants.cost
    step = rate.decode_s(1, 0.0, 0.0)
    # 7.505 billion parameters x 2 bytes at 300.1 GB/s and x 2 operations at 121 TFLOP/s, each over
    # the share reached; 32 layers; one sequence
    by_hand = 15.01e9 / 300.1e9 * cost[0] + 15.01e9 / 121e12 * cost[2] + 32 * cost[3] + cost[4]
    assert step == pytest.approx(by_hand, rel=1e-3)


def test_the_parts_of_a_step_add_up_to_it() -> None:
    for name in ("Llama-3.1-8B", "Qwen3-30B-A3B", "gpt-oss-20b"):
        model = find_model(name)
        weights = model.formats(["fp8"])[0]
        rate = rates(model, weights, find_device("H100 SXM"), devices=2)
        kv = kv_bytes(model, 900, tensor_parallel=2)
        assert sum(rate.times(7, kv, 900)) == pytest.approx(rate.decode_s(7, kv, 900))


def test_four_bits_never_give_the_full_byte_ratio() -> None:
    model, device = find_model("Llama-3.1-8B"), find_device("L4")
    full = rates(model, "bf16", device).decode_s(1, 0.0, 0.0)
    four = rates(model, "int4", device).decode_s(1, 0.0, 0.0)
    assert 1.5 < full / four < 2.5


def test_every_format_has_an_efficiency_and_a_time() -> None:
    model, device = find_model("Qwen3-30B-A3B"), find_device("L40S")
    bf16 = rates(model, "bf16", device).decode_s(4, 0.0, 0.0)
    for weights in BITS:
        assert 0 < FORMAT_EFFICIENCY[weights] <= 1
        assert 0 < rates(model, weights, device).decode_s(4, 0.0, 0.0) <= bf16 * 1.2


def test_experts_touched_grow_with_the_batch() -> None:
    rate = rates(find_model("Qwen3-30B-A3B"), "bf16", find_device("H100 SXM"))
    one, many = rate.decode_s(1, 0.0, 0.0), rate.decode_s(32, 0.0, 0.0)
    assert many > 3 * one
    # 128 (1 - (15/16)^32) = 112 of 128 experts
    assert rate.parts(32, 0.0, 0.0)[0] == pytest.approx(
        rate.dense_s + rate.experts_s * 112 / 128, rel=0.01
    )


def test_more_of_anything_takes_longer() -> None:
    model, device = find_model("Llama-3.1-8B"), find_device("L40S")
    rate = rates(model, "bf16", device)
    small = rate.decode_s(4, kv_bytes(model, 500), 500)
    assert rate.decode_s(5, kv_bytes(model, 500), 500) > small
    assert rate.decode_s(4, kv_bytes(model, 5000), 5000) > small
    two = rates(model, "bf16", device, devices=2)
    assert two.dense_s == pytest.approx(rate.dense_s / 2)
    assert two.counts[1] == 32
    assert two.fixed_s < rate.fixed_s


def test_prompts_in_the_mean_step_slow_it() -> None:
    model = find_model("Llama-3.1-8B")
    rate = rates(model, "bf16", find_device("L40S"))
    alone = rate.times(8, 0.0, 500)
    shared = rate.times(8, 0.0, 500, prompt=1000, output=250)
    # 8 of 250 steps begin an answer: 32 prompt tokens in each step
    flop = 8 / 250 * 1000 * (2 * 7.505e9 + 4 * 32 * 128 * 32 * 500)
    extra = flop / 362.05e12 * rate.constants.cost[2]
    assert sum(shared) - sum(alone) == pytest.approx(extra, rel=1e-3)


def test_prefill_of_a_thousand_tokens() -> None:
    rate = rates(find_model("Llama-3.1-8B"), "bf16", find_device("H100 SXM"))
    flop = 2 * 7.505e9 * 1000 + 2 * 32 * 128 * 32 * 1000**2
    time = rate.prefill_s(1000)
    assert time == pytest.approx(flop / 989e12 * rate.constants.cost[2] + rate.fixed_s, rel=1e-3)


def test_prefill_of_a_model_with_experts_waits_for_dispatch() -> None:
    rate = rates(find_model("Qwen3-30B-A3B"), "bf16", find_device("H100 SXM"))
    small = rate.prefill_s(1)
    assert small is not None
    assert small > 48 * rate.constants.cost[8]


def test_steps_for_the_simulation_agree_with_the_rates() -> None:
    model = find_model("Llama-3.1-8B")
    rate = rates(model, "bf16", find_device("L40S"))
    steps = ModelSteps(model, rate)
    assert steps.decode_s(3, 800) == rate.decode_s(3, kv_bytes(model, 800), 800)
    assert steps.prefill_s(512, 256) == rate.prefill_s(512)
    assert steps.shared_s < min(steps.decode_s(1, 0), steps.prefill_s(1, 0))
    blind = ModelSteps(model, rates(model, "bf16", find_device("M4 Pro")))
    with pytest.raises(ValueError, match="computing rate is not known"):
        blind.prefill_s(512, 256)


def test_no_rate_no_prefill_but_a_step() -> None:
    model = find_model("Llama-3.1-8B")
    rate = rates(model, "bf16", find_device("M4 Pro"))
    assert rate.prefill_s(1000) is None
    assert rate.decode_s(1, kv_bytes(model, 500), 500) > 0
    absent = rate.estimate(rate.prefill_s(1000), "s", "first", "not sourced")
    assert not absent.known
    assert absent.source == "not sourced"


def test_figures_say_how_unsure_they_are() -> None:
    ends = constants_of(ANY).ends
    for name, sort in (("Llama-3.1-8B", "dense"), ("Qwen3-30B-A3B", "experts")):
        figure = rates(find_model(name), "bf16", find_device("L4")).estimate(2.0, "s", "step", "")
        low, high = ends[f"step {sort}"]
        assert figure.numbers == pytest.approx((2.0, 2 * low, 2 * high))


def test_the_whole_catalogue_has_rates_and_finite_steps() -> None:
    for model in models().values():
        for device in devices().values():
            step = rates(model, "fp8", device).decode_s(1, kv_bytes(model, 500), 500)
            assert 0 < step < 60
