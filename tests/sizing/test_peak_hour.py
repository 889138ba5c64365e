"""The peak hour of a scenario: draws, capacity, tails."""

from __future__ import annotations

import math
from dataclasses import replace

import numpy
import pytest

from ecoaudit.estimate import Basis
from ecoaudit.scenario import load_scenario, load_workload
from ecoaudit.sizing.demand import Load, load_of
from ecoaudit.sizing.peak_hour import Draws, at_peak, drawn, saturated_per_s
from ecoaudit.sizing.simulation import ServerLimits, Slowed
from tests.sizing.test_simulation import Straight

CARD = Straight(0.0245, 2e-4, 1.9e-7, 0.0, 1e-4, 0.0)
LIMITS = ServerLimits(64, 2048, 200_000)
NAMES = {
    *(f"{what}_p{q}" for what in ("ttft_s", "e2e_s", "tpot_s") for q in (50, 95, 99)),
    *("requests_running", "busy_share", "busy_s_each", "capacity_per_s"),
}


@pytest.fixture
def load() -> Load:
    return load_of(load_scenario("district-hospital-notes"))


def one_length(count: int, prompt: int = 100, output: int = 1) -> Draws:
    gaps: list[float] = numpy.random.default_rng(3).exponential(1.0, count).tolist()
    return Draws(tuple(gaps), (prompt,) * count, (output,) * count, 0)


def test_lengths_have_the_means_and_the_tails_of_the_load(load: Load) -> None:
    draws = drawn(load, 100_000, count=60_000)
    prompts, outputs = numpy.array(draws.prompts), numpy.array(draws.outputs)
    assert prompts.mean() == pytest.approx(load.prompt_mean.number, rel=0.01)
    assert numpy.quantile(prompts, 0.95) == pytest.approx(load.prompt_p95.number, rel=0.01)
    assert outputs.mean() == pytest.approx(load.output_mean.number, rel=0.01)
    assert numpy.quantile(outputs, 0.95) == pytest.approx(load.output_p95.number, rel=0.02)
    assert numpy.mean(draws.gaps) == pytest.approx(1.0, rel=0.01)
    assert numpy.std(draws.gaps) == pytest.approx(1.0, rel=0.02)
    assert draws.cut == 0


def test_prompts_of_conversations_have_the_loads_mean_and_tail() -> None:
    scenario = load_scenario("district-hospital-notes")
    chat = load_of(replace(scenario, workload=load_workload("skills-chat")))
    prompts = numpy.array(drawn(chat, 10**6, count=60_000).prompts)
    assert prompts.mean() == pytest.approx(chat.prompt_mean.number, rel=0.02)
    assert numpy.quantile(prompts, 0.95) == pytest.approx(chat.prompt_p95.number, rel=0.02)


def test_the_same_seed_gives_the_same_requests_and_another_one_others(load: Load) -> None:
    assert drawn(load, 8192) == drawn(load, 8192)
    assert drawn(load, 8192, seed=2).gaps != drawn(load, 8192).gaps


def test_a_shorter_served_context_changes_no_other_request(load: Load) -> None:
    roomy, tight = drawn(load, 100_000), drawn(load, 2500)
    changed = sum(a != b for a, b in zip(roomy.prompts, tight.prompts, strict=True))
    assert roomy.gaps == tight.gaps
    assert 0 < changed <= tight.cut < 3000
    assert max(p + o for p, o in zip(tight.prompts, tight.outputs, strict=True)) == 2500
    assert min(tight.prompts) >= 1


def test_arrivals_come_at_the_rate() -> None:
    assert Draws((1.0, 3.0, 0.5), (1,) * 3, (1,) * 3, 0).arrivals_s(2.0) == [0.5, 2.0, 2.25]


def test_capacity_of_one_at_a_time_is_the_inverse_of_its_time() -> None:
    steps = Straight(0.02, 0.0, 0.0, 0.0, 0.001, 0.0)
    each_s = 0.1 + 20 * 0.02
    most = saturated_per_s(one_length(400, 100, 21), steps, ServerLimits(1, 512, 512))
    assert most.numbers == pytest.approx((1 / each_s,) * 3)


def test_capacity_of_a_full_batch() -> None:
    # 8 at once, prompts of no time: 8 answers every 50 steps of 20 ms
    steps = Straight(0.02, 0.0, 0.0, 0.0, 0.0, 0.0)
    most = saturated_per_s(one_length(2000, 10, 51), steps, ServerLimits(8, 512, 10_000))
    assert most.number == pytest.approx(8 / (50 * 0.02), rel=0.02)


def test_capacity_of_a_batch_as_large_as_the_load_is_told_widely() -> None:
    # all 200 at once: one step of no time, and 50 of 20 ms
    steps = Straight(0.02, 0.0, 0.0, 0.0, 0.0, 0.0)
    most = saturated_per_s(one_length(200, 10, 51), steps, ServerLimits(256, 4096, 100_000))
    assert most.numbers == pytest.approx((200.0, 160.0, 240.0))


def test_capacity_is_where_the_queue_begins_to_grow(load: Load) -> None:
    draws = drawn(load, 8192, count=6000)
    most = saturated_per_s(draws, CARD, LIMITS).number
    below = at_peak(draws, 0.8 * most, CARD, LIMITS)
    assert below["ttft_s_p95"].number < 5
    assert below["capacity_per_s"].number == most
    beyond = at_peak(draws, 1.01 * most, CARD, LIMITS)
    assert beyond["ttft_s_p95"].basis is Basis.ABSENT
    assert "the wait grows" in beyond["ttft_s_p95"].source
    assert beyond.keys() == below.keys() == NAMES
    assert beyond["capacity_per_s"].number == most


def test_a_clinics_hour_is_mostly_rest(load: Load) -> None:
    found = at_peak(drawn(load, 8192), load.peak_per_s.number, CARD, LIMITS)
    for name in ("ttft_s", "e2e_s"):
        p50, p95, p99 = (found[f"{name}_p{q}"].number for q in (50, 95, 99))
        assert p50 < p95 < p99
    # one alone: 2,054 tokens at 0.1 ms, and half a step of those that find another at work
    assert found["ttft_s_p50"].number == pytest.approx(0.21, rel=0.1)
    running, busy = found["requests_running"].number, found["busy_share"].number
    assert busy == pytest.approx(1 - math.exp(-running), rel=0.05)  # as M/G/infinity
    assert {e.basis for e in found.values()} == {Basis.MODELLED}


def test_p95_of_one_at_a_time_is_that_of_m_d_1() -> None:
    """P(W > 2 s) of M/D/1 at rho = 0.5 by Erlang's sum; W_95 follows where it falls to 5 %."""
    busy = 0.5

    def at_most(wait: float) -> float:
        whole = math.floor(wait)
        terms = ((busy * (j - wait)) ** j / math.factorial(j) for j in range(whole + 1))
        exps = (math.exp(-busy * (j - wait)) for j in range(whole + 1))
        return (1 - busy) * math.fsum(t * e for t, e in zip(terms, exps, strict=True))

    p95 = next(w / 1000 for w in range(1, 20_000) if at_most(w / 1000) >= 0.95)
    steps = Straight(0.02, 0.0, 0.0, 0.0, 0.01, 0.0)
    found = at_peak(one_length(60_000), busy, steps, ServerLimits(1, 512, 512))["ttft_s_p95"]
    assert found.number == pytest.approx(1 + p95, rel=0.03)


def test_intervals_hold_the_true_wait_about_as_often_as_they_say() -> None:
    # M/D/1 at rho = 0.5 again: the mean number in service is 0.5 exactly
    steps = Straight(0.02, 0.0, 0.0, 0.0, 0.01, 0.0)
    inside = 0
    for seed in range(60):
        gaps: list[float] = numpy.random.default_rng(seed).exponential(1.0, 1000).tolist()
        draws = Draws(tuple(gaps), (100,) * 1000, (1,) * 1000, 0)
        found = at_peak(draws, 0.5, steps, ServerLimits(1, 512, 512))["busy_share"]
        _, low, high = found.numbers
        inside += low <= 0.5 <= high
    assert 0.68 <= inside / 60 <= 0.92


def test_slower_steps_never_shorten_a_wait(load: Load) -> None:
    draws = drawn(load, 8192)
    usual = at_peak(draws, 0.4, CARD, LIMITS)
    slow = at_peak(draws, 0.4, Slowed(CARD, 1.2), LIMITS)
    for name in NAMES - {"capacity_per_s"}:
        assert slow[name].number > usual[name].number
    assert slow["capacity_per_s"].number == pytest.approx(usual["capacity_per_s"].number / 1.2)


def test_a_tail_of_a_few_requests_is_refused() -> None:
    with pytest.raises(ValueError, match="at least 100 requests; got 99"):
        at_peak(one_length(99), 0.1, CARD, LIMITS)


@pytest.mark.parametrize("per_s", [0.0, -1.0, math.nan, math.inf])
def test_a_rate_that_cannot_be_is_refused(per_s: float) -> None:
    with pytest.raises(ValueError, match="a rate above 0"):
        at_peak(one_length(200), per_s, CARD, LIMITS)
