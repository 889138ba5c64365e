"""Rates as arrays are the rates of each model on each device."""

from __future__ import annotations

import numpy
import pytest

from ecoaudit.factors.hardware import devices, find_device
from ecoaudit.factors.models import find_model, models
from ecoaudit.sizing.memory import kv_bytes
from ecoaudit.sizing.power import serving_w
from ecoaudit.sizing.speed import rates
from ecoaudit.sizing.stacked import stacked

FORMATS = ("bf16", "fp8", "int8", "int4")


def test_the_whole_catalogue_is_that_of_its_cells() -> None:
    pairs = [(model, w) for model in models().values() for w in model.formats(FORMATS)]
    all_devices = list(devices().values())
    found = stacked(pairs, all_devices)
    kv = numpy.array([[1e6 * (place + 1)] for place in range(len(pairs))])
    steps = {batch: found.decode_s(numpy.array([[batch]]), kv, 700.0) for batch in (1.0, 7.0)}
    prompts, before = found.prefill_s(900.0), found.admission_s(900.0)
    for row in range(0, len(pairs), 3):
        for column, device in enumerate(all_devices):
            rate = rates(*pairs[row], device)
            for batch, step in steps.items():
                one = rate.decode_s(batch, float(kv[row, 0]), 700.0)
                assert step[row, column] == pytest.approx(one, rel=1e-9)
            one_prompt = rate.prefill_s(900.0)
            if one_prompt is None:
                assert numpy.isnan(prompts[row, column])
            else:
                assert prompts[row, column] == pytest.approx(one_prompt, rel=1e-9)
            assert before[0, column] == pytest.approx(rate.admission_s(900.0))


def test_eight_bits_compute_in_eight_where_the_device_can() -> None:
    model = find_model("Llama-3.1-8B")
    found = stacked([(model, "bf16"), (model, "fp8")], [find_device("L4"), find_device("A10")])
    assert found.flop_s[1, 0] == pytest.approx(found.flop_s[0, 0] / 2)
    assert found.flop_s[1, 1] == found.flop_s[0, 1]


def test_the_draw_is_that_of_each_model_on_each_device() -> None:
    pairs = [(model, w) for model in models().values() for w in model.formats(FORMATS)]
    some = [find_device(name) for name in ("H100 SXM", "B200", "L4", "RTX 4090")]
    found = stacked(pairs, some)
    kv = numpy.array([[1e6]])
    for batch in (1.0, 3.5, 16.0):
        share, few = found.draw(numpy.array([[batch]]), kv, 700.0, 600.0, 200.0)
        for row in range(0, len(pairs), 4):
            for column, device in enumerate(some):
                one = serving_w(device, rates(*pairs[row], device), batch, 1e6, 700.0, 600.0, 200.0)
                assert share[row, column] * device.power_limit.value == pytest.approx(one.number)
                assert 0 < few[0, column] <= 1


def test_several_devices_are_as_their_cells() -> None:
    pairs = [(model, w) for model in models().values() for w in model.formats(FORMATS)]
    some = [find_device(name) for name in ("L4", "L4", "RTX 4090", "RTX 4090", "H100 SXM")]
    counts = [1, 2, 4, 8, 2]  # H100: modules, whose links are fitted
    found = stacked(pairs, some, counts)
    kv = numpy.array([[kv_bytes(m, 700.0, tensor_parallel=n) for n in counts] for m, _ in pairs])
    batch = numpy.array([[5.0]])
    steps, prompts = found.decode_s(batch, kv, 700.0), found.prefill_s(900.0)
    share, _ = found.draw(batch, kv, 700.0, 600.0, 200.0)
    low, high = found.ends("step")
    for row in range(0, len(pairs), 5):
        for column, (device, count) in enumerate(zip(some, counts, strict=True)):
            rate, each = rates(*pairs[row], device, count), float(kv[row, column])
            assert steps[row, column] == pytest.approx(rate.decode_s(5.0, each, 700.0), rel=1e-9)
            assert prompts[row, column] == pytest.approx(rate.prefill_s(900.0), rel=1e-9)
            drawn = serving_w(device, rate, 5.0, each, 700.0, 600.0, 200.0).number
            assert share[row, column] * device.power_limit.value == pytest.approx(drawn)
            ends = rate.constants.ends[f"step {rate.sort}"]
            assert (low[row, column], high[row, column]) == ends
    assert found.links_s[0, 0] == found.link_token_s[0, 0] == 0
