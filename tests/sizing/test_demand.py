"""Lengths and requests in flight."""

from __future__ import annotations

from dataclasses import replace

import numpy
import pytest

from ecoaudit.estimate import Basis, Estimate
from ecoaudit.scenario import Lengths, Scenario, load_scenario, load_workload
from ecoaudit.sizing.demand import load_of, lognormal_p95, poisson_p95, reach_p95
from ecoaudit.workloads.lengths import conversation


def tokens(value: float, low: float | None = None, high: float | None = None) -> Estimate:
    ends = (value if low is None else low, value if high is None else high)
    return Estimate(value, *ends, "tokens", Basis.DECLARED, "test")


def test_p95_of_a_lognormal() -> None:
    # m = 1554, s = 491: sigma^2 = 0.09516, p95 = 1554 exp(1.6449 x 0.30847 - 0.04758) = 2461.2
    p95 = lognormal_p95(Lengths(tokens(1554), tokens(491)))
    assert p95.value == pytest.approx(2461.2, rel=1e-4)


def test_p95_of_a_fixed_length_is_that_length() -> None:
    assert lognormal_p95(Lengths(tokens(100), tokens(0))).value == 100


def test_p95_keeps_the_doubt_of_its_mean() -> None:
    p95 = lognormal_p95(Lengths(tokens(100, 50, 150), tokens(30, 10, 50)))
    assert p95.low is not None
    assert p95.high is not None
    assert p95.low < 100 < p95.number < p95.high


@pytest.mark.parametrize(
    ("mean", "count"), [(0.01, 1), (0.39, 2), (1.0, 3), (10.0, 15), (100.0, 117), (400.0, 433)]
)
def test_p95_of_a_poisson_number(mean: float, count: int) -> None:
    assert poisson_p95(mean) == count


def test_load_of_the_district_hospital() -> None:
    load = load_of(load_scenario("district-hospital-notes"))
    assert load.requests_per_day.value == pytest.approx(40 * 19)
    assert load.mean_per_s.value == pytest.approx(760 / 32400)
    assert load.peak_per_s.value == pytest.approx(2 * 760 / 32400)
    assert load.prompt_mean.value == 1554 + 500
    assert load.context_p95.value == pytest.approx(2461.2 + 500 + 964.5, rel=1e-4)


def test_where_requests_stand_in_conversations_of_one_length() -> None:
    assert reach_p95(Lengths(tokens(1000), tokens(0))).value == pytest.approx(950)
    assert reach_p95(Lengths(tokens(1000), tokens(1))).value == pytest.approx(950, rel=1e-4)


def test_where_requests_stand_in_conversations_that_differ() -> None:
    # mean and sd 1: sigma^2 = ln 2, mu = -sigma^2 / 2. Drawn: a conversation, each weighted by its
    # length, and a place in it.
    chance = numpy.random.default_rng(1)
    whole = chance.lognormal(-0.34657, 0.83255, 400_000)
    place = chance.random(400_000) * whole
    order = numpy.argsort(place)
    share = numpy.cumsum(whole[order]) / whole.sum()
    drawn = float(place[order][numpy.searchsorted(share, 0.95)])
    assert reach_p95(Lengths(tokens(1), tokens(1))).number == pytest.approx(drawn, rel=0.02)


@pytest.fixture
def chat() -> Scenario:
    scenario = load_scenario("district-hospital-notes")
    return replace(scenario, workload=load_workload("skills-chat"))


def test_a_conversation_is_sized_with_its_history(chat: Scenario) -> None:
    load = load_of(chat)
    assert load.prompt_mean == chat.prompt_tokens
    assert load.prompt_mean.number > 2400
    assert load.context_p95.number > load.prompt_p95.number > load.prompt_mean.number
    assert load.prompt_p95.low is not None
    assert load.prompt_p95.low > 0


def test_the_context_has_room_for_95_of_100_requests(chat: Scenario) -> None:
    context, chance = load_of(chat).context_p95.number, numpy.random.default_rng(2)
    turns = [turn for _ in range(3000) for turn in conversation(chat, chance)]
    inside = sum(turn.prompt_tokens + turn.output_tokens <= context for turn in turns)
    assert inside / len(turns) == pytest.approx(0.95, abs=0.015)


def test_the_context_has_room_for_a_whole_conversation_of_fixed_length(chat: Scenario) -> None:
    fixed = replace(
        chat.workload,
        prompt=Lengths(tokens(10), tokens(0)),
        output=Lengths(tokens(5), tokens(0)),
        turns=Estimate.exact(4, "turns", Basis.DECLARED, "test"),
        turns_sd=None,
    )
    load = load_of(replace(chat, workload=fixed))
    assert load.context_p95.value == pytest.approx(600 + 60)
    assert load.prompt_p95.value == pytest.approx(600 + 55)
