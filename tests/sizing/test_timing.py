"""Waits of many options at once, on steps of known length."""

from __future__ import annotations

import math
from dataclasses import dataclass, replace
from typing import Any

import numpy
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from ecoaudit.estimate import Basis, Estimate
from ecoaudit.scenario import load_scenario
from ecoaudit.sizing.demand import Load, load_of, poisson_p95
from ecoaudit.sizing.timing import Asked, Timings, p95_of_poisson, timings

Array = numpy.ndarray[Any, numpy.dtype[numpy.float64]]
HOSPITAL = load_of(load_scenario("district-hospital-notes"))


@dataclass(frozen=True)
class Known:
    """Steps of ``step_s`` and ``each_s`` for each running; prompts at ``token_s`` a token."""

    step_s: Array
    each_s: float = 0.0
    token_s: float = 1e-4

    def decode_s(self, batch: Array, kv_bytes_each: Array, context: Array) -> Array:
        return self.step_s + self.each_s * batch

    def prefill_s(self, prompt: Array) -> Array:
        return 0 * self.step_s + self.token_s * prompt

    def admission_s(self, prompt: Array) -> Array:
        return numpy.array([[0.03]])


def of(load: Load, steps: Known, room: float = 100.0) -> Timings:
    rooms = numpy.full(steps.step_s.shape, room)
    return timings(steps, lambda _: numpy.array([[1.0]]), load, Asked.of([load]), rooms)


def per_s(load: Load, rate: float) -> Load:
    """The same with an exact rate all day."""
    exact = Estimate.exact(rate, "requests/s", Basis.DECLARED, "test")
    return replace(load, peak_per_s=exact, mean_per_s=exact)


def test_littles_law_with_steps_that_grow() -> None:
    load, steps = per_s(HOSPITAL, 0.2), Known(numpy.array([[0.01, 0.02]]), each_s=0.001)
    found = of(load, steps)
    output, prefill = load.output_mean.number, load.prompt_mean.number * 1e-4
    for column, base in enumerate((0.01, 0.02)):
        batch = found.running[0, column]
        # B = rate x O x (base + 0.001 B) / (1 - rate x prefill)
        slack = 1 - 0.2 * prefill
        exact = 0.2 * output * base / (slack - 0.2 * output * 0.001)
        assert batch == pytest.approx(exact, rel=0.02)
        assert found.in_flight[0, column] == poisson_p95(batch)
    assert found.stable.all()


def test_a_lone_request_waits_for_its_own_prompt_and_its_own_steps() -> None:
    load = per_s(HOSPITAL, 1e-6)
    found = of(load, Known(numpy.array([[0.02]])))
    first = 0.03 + load.prompt_p95.number * 1e-4 + 0.02
    assert found.first_s[0, 0] == pytest.approx(first, rel=1e-6)
    assert found.complete_s[0, 0] == pytest.approx(first + load.output_p95.number * 0.02, rel=1e-6)
    # rate x (prompt + steps) of the opening hours, while requests hardly overlap
    each = load.prompt_mean.number * 1e-4 + load.output_mean.number * 0.02
    assert found.busy_s[0, 0] == pytest.approx(1e-6 * each * load.opening_s, rel=0.01)


def test_what_waits_for_prompts_before_it_is_in_the_first_token() -> None:
    load = per_s(HOSPITAL, 0.5)
    quick, slow = (of(load, Known(numpy.array([[0.001]]), token_s=t)) for t in (1e-5, 5e-4))
    prefill = load.prompt_mean.number * 5e-4
    rho = 0.5 * prefill
    assert 0.05 < rho < 1
    wait = prefill / (2 * (1 - rho)) * math.log(rho / 0.05)
    own = load.prompt_p95.number * 5e-4
    assert slow.first_s[0, 0] == pytest.approx(0.03 + wait + own + slow.tpot_s[0, 0])
    assert quick.first_s[0, 0] < 0.1 * slow.first_s[0, 0]


def test_more_arrivals_than_can_be_done_have_no_wait() -> None:
    found = of(per_s(HOSPITAL, 5.0), Known(numpy.array([[0.2, 1e-5]]), token_s=1e-6), room=20.0)
    assert found.stable.tolist() == [[False, True]]
    assert math.isinf(found.running[0, 0])
    assert numpy.isnan(found.first_s[0, 0])
    assert numpy.isnan(found.complete_s[0, 0])
    assert found.busy_s[0, 0] == HOSPITAL.opening_s
    assert found.load[0, 0] > 1 > found.load[0, 1]


def test_no_rate_of_reading_no_first_token() -> None:
    found = of(HOSPITAL, Known(numpy.array([[0.02]]), token_s=math.nan))
    assert not found.read[0, 0]
    assert found.stable[0, 0]
    assert numpy.isnan(found.first_s[0, 0])
    assert numpy.isnan(found.load[0, 0])
    assert found.tpot_s[0, 0] == 0.02
    assert found.busy_s[0, 0] > 0


@settings(deadline=None)  # the first call makes the table
@given(st.lists(st.floats(0, 250), min_size=1, max_size=20))
def test_the_95th_percentile_of_many_poisson_numbers(means: list[float]) -> None:
    found = p95_of_poisson(numpy.array(means))
    assert found.tolist() == [poisson_p95(mean) for mean in means]
