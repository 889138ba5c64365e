"""Roofline times, against published measurements and their own algebra."""

from __future__ import annotations

import pytest

from ecoaudit.factors.hardware import find_device
from ecoaudit.factors.models import find_model
from ecoaudit.scenario import load_scenario
from ecoaudit.sizing.demand import load_of
from ecoaudit.sizing.memory import kv_bytes
from ecoaudit.sizing.speed import INTERVAL, capacity_per_s, datasheet, rates, timing


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


def test_reading_the_weights_bounds_a_step_of_one() -> None:
    model, device = find_model("Llama-3.1-8B"), find_device("L4")
    step = rates(model, "bf16", device).decode_s(1, 0.0, 0.0)
    # 7.505 billion parameters x 2 bytes over 0.83 x 300.1 GB/s, and 32 x 62 us
    assert step == pytest.approx(15.01e9 / (0.83 * 300.1e9) + 32 * 62e-6, rel=1e-3)


def test_four_bits_never_give_the_full_byte_ratio() -> None:
    model, device = find_model("Llama-3.1-8B"), find_device("L4")
    full = rates(model, "bf16", device).decode_s(1, 0.0, 0.0)
    four = rates(model, "int4", device).decode_s(1, 0.0, 0.0)
    assert 1.5 < full / four < 2.5


def test_experts_touched_grow_with_the_batch() -> None:
    rate = rates(find_model("Qwen3-30B-A3B"), "bf16", find_device("H100 SXM"))
    one, many = rate.decode_s(1, 0.0, 0.0), rate.decode_s(32, 0.0, 0.0)
    assert many > 4 * one
    assert many < rate.dense_s + rate.experts_s + 48 * 62e-6


def test_prefill_of_a_thousand_tokens() -> None:
    rate = rates(find_model("Llama-3.1-8B"), "bf16", find_device("H100 SXM"))
    flop = 2 * 7.505e9 * 1000 + 2 * 32 * 128 * 32 * 1000**2
    assert rate.prefill_s(1000) == pytest.approx(flop / (0.6 * 989e12) + 32 * 0.8e-3, rel=1e-3)


def test_no_rate_no_first_token_and_the_reason_is_said() -> None:
    model = find_model("Llama-3.1-8B")
    load = load_of(load_scenario("urban-clinic-summaries"))
    rate = rates(model, "bf16", find_device("M4 Pro"))
    result = timing(model, rate, load, 100)
    assert rate.prefill_s(1000) is None
    assert result.first_s is None
    assert result.complete_s is None
    assert not result.complete
    assert result.tpot_s > 0
    absent = datasheet(result.first_s, "s", "not sourced")
    assert not absent.known
    assert absent.source == "not sourced"


def test_clinic_load_is_tiny() -> None:
    # sizing reference: 0.05 requests/s of Llama-3.1-8B on an L40S run at B = 0.28 for short
    # answers; here 0.047/s at the peak, 618 tokens each
    model = find_model("Llama-3.1-8B")
    load = load_of(load_scenario("district-hospital-notes"))
    result = timing(model, rates(model, "bf16", find_device("L40S")), load, 100)
    assert result.stable
    assert 1 <= result.in_flight <= 5
    assert 0.1 < result.busy_s_per_day / load.opening_s < 0.6


def test_more_arrivals_than_can_be_done_is_unstable() -> None:
    from dataclasses import replace

    model = find_model("Llama-3.1-8B")
    load = load_of(load_scenario("district-hospital-notes"))
    busy = replace(load, peak_per_s=load.peak_per_s * 1000, mean_per_s=load.mean_per_s * 1000)
    rate = rates(model, "bf16", find_device("L4"))
    result = timing(model, rate, busy, 50)
    assert not result.stable
    assert result.complete_s is None
    assert result.busy_s_per_day == load.opening_s
    capacity = capacity_per_s(model, rate, busy, 50)
    assert capacity is not None
    assert capacity < busy.peak_per_s.number


def test_datasheet_figures_say_how_unsure_they_are() -> None:
    figure = datasheet(2.0, "s", "x")
    assert figure.low == pytest.approx(2 / (1 + INTERVAL))
    assert figure.high == pytest.approx(2 * (1 + INTERVAL))
