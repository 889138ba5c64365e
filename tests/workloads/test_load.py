"""Lengths, prompts, arrivals, counters and the steady window: what a load is made of."""

from __future__ import annotations

import asyncio
import itertools
import json
import math
from array import array
from dataclasses import replace
from statistics import fmean, stdev

import numpy
import pytest

from ecoaudit.engines.base import Abilities, EngineFacts
from ecoaudit.errors import UsageError
from ecoaudit.estimate import Basis, Estimate
from ecoaudit.run import CurvePoint
from ecoaudit.scenario import Lengths, Scenario, load_scenario
from ecoaudit.workloads.arrivals import ClinicDay, ClosedLoop, poisson
from ecoaudit.workloads.client import Answer
from ecoaudit.workloads.demand import nearest_load
from ecoaudit.workloads.lengths import Shape, fitted, log_parameters, longest_context, shapes
from ecoaudit.workloads.loads import Closed, Stream, batch, clinic_day
from ecoaudit.workloads.prompts import FIRST_ID, LAST_ID, PromptMaker
from ecoaudit.workloads.server_metrics import cache_settings, grown, read_counters
from ecoaudit.workloads.steady import (
    Span,
    Steady,
    SteadyWatch,
    mean_in_flight,
    minimum_requests,
    most_in_flight,
    steady_by_time,
    steady_in_loop,
    tokens_in,
)

FACTS = EngineFacts("fake", "1", "http://127.0.0.1:9", "m", "served", "bf16", False, 4096, True)


def tokens(value: float) -> Estimate:
    return Estimate.exact(value, "tokens", Basis.DECLARED, "test")


@pytest.fixture
def notes() -> Scenario:
    return load_scenario("district-hospital-notes")


# -- lengths -----------------------------------------------------------------------------------


def test_lognormal_parameters() -> None:
    # sigma^2 = ln(1 + (491/1554)^2) = 0.095156, mu = ln 1554 - sigma^2/2
    mu, sigma = log_parameters(Lengths(tokens(1554), tokens(491)))
    assert sigma == pytest.approx(math.sqrt(0.095156), rel=1e-5)
    assert mu == pytest.approx(7.3010, abs=1e-4)


def test_drawn_lengths_have_the_mean_and_spread_of_the_profile(notes: Scenario) -> None:
    drawn = list(itertools.islice(shapes(notes, (1, 0), None), 20000))
    prompts = [shape.prompt_tokens - 500 for shape in drawn]  # 500: the system prompt
    assert fmean(prompts) == pytest.approx(1554, rel=0.01)
    assert stdev(prompts) == pytest.approx(491, rel=0.03)
    assert fmean(shape.output_tokens for shape in drawn) == pytest.approx(618, rel=0.01)
    assert not any(shape.clipped for shape in drawn)


def test_the_same_seed_gives_the_same_lengths(notes: Scenario) -> None:
    first, again, other = (
        list(itertools.islice(shapes(notes, seed, None), 5)) for seed in ((1, 0), (1, 0), (2, 0))
    )
    assert first == again
    assert first != other


def test_lengths_beyond_the_context_are_cut_and_marked(notes: Scenario) -> None:
    drawn = list(itertools.islice(shapes(notes, (1, 0), 1000), 50))
    assert all(shape.clipped for shape in drawn)
    assert {shape.prompt_tokens + shape.output_tokens for shape in drawn} == {1000}
    tiny = next(shapes(notes, (1, 0), 64))
    assert (tiny.prompt_tokens, tiny.output_tokens) == (32, 32)
    assert fitted(Shape(100, 9000), 8192) == Shape(100, 8092, clipped=True)
    assert fitted(Shape(9000, 100), 8192) == Shape(8092, 100, clipped=True)


def test_no_spread_makes_every_length_the_mean(notes: Scenario) -> None:
    work = replace(
        notes.workload,
        prompt=Lengths(tokens(100), tokens(0)),
        output=Lengths(tokens(20), tokens(0)),
        system_prompt=tokens(0),
    )
    scenario = replace(notes, workload=work)
    assert list(itertools.islice(shapes(scenario, (1,), None), 3)) == [Shape(100, 20)] * 3
    assert longest_context(scenario) == 120


# -- prompts -----------------------------------------------------------------------------------


def test_prompts_are_of_exact_length_and_share_no_beginning() -> None:
    maker, other = PromptMaker(FACTS, (1, 0)), PromptMaker(FACTS, (1, 0))
    made = [maker.token_ids(256) for _ in range(300)] + [other.token_ids(256) for _ in range(300)]
    assert {len(ids) for ids in made} == {256}
    assert len({tuple(ids[:5]) for ids in made}) == 600
    assert all(FIRST_ID <= token < LAST_ID for ids in made for token in ids)
    assert made[0][5:] == made[300][5:]  # the filling is that of the seed


def test_a_request_asks_for_a_counted_stream_of_exact_length() -> None:
    request = PromptMaker(FACTS, (1,)).request(Shape(20, 7))
    body = json.loads(request.body)
    assert (request.path, request.output_tokens) == ("/v1/completions", 7)
    assert len(body.pop("prompt")) == 20
    assert body == {
        "model": "served",
        "max_tokens": 7,
        "temperature": 0,
        "stream": True,
        "stream_options": {"include_usage": True, "continuous_usage_stats": True},
        "ignore_eos": True,
    }


def test_prompts_share_a_beginning_where_they_are_to() -> None:
    maker = PromptMaker(FACTS, (1,), shared_tokens=30)
    one, other = maker.token_ids(50), maker.token_ids(40)
    assert (len(one), len(other)) == (50, 40)
    assert one[:30] == other[:30]
    assert one[30:38] != other[30:38]
    assert one[:30] != PromptMaker(FACTS, (1,), shared_tokens=30).token_ids(50)[:30]  # fresh salt
    facts = replace(FACTS, abilities=Abilities(token_ids=False))
    texts = PromptMaker(facts, (1,), shared_tokens=30)
    first, second = (json.loads(texts.request(Shape(50, 7)).body)["prompt"] for _ in range(2))
    assert first.split()[:32] == second.split()[:32]  # salt, number and 30 words
    assert first.split()[32:] != second.split()[32:]


def test_a_server_without_token_ids_gets_words() -> None:
    facts = replace(
        FACTS,
        abilities=Abilities(completions=False, token_ids=False, ignore_eos=False),
        tokens_per_word=2.0,
    )
    maker = PromptMaker(facts, (1,))
    body = json.loads(maker.request(Shape(40, 7)).body)
    assert not maker.exact
    assert len(body["messages"][0]["content"].split()) == 2 + 20  # salt and number, then words
    assert "ignore_eos" not in body


# -- arrivals ----------------------------------------------------------------------------------


def test_a_closed_loop_keeps_its_number_in_flight() -> None:
    due: list[float | None] = []
    in_flight: list[int] = []

    async def drive() -> None:
        running = 0

        async def send(due_s: float | None) -> None:
            nonlocal running
            due.append(due_s)
            running += 1
            in_flight.append(running)
            await asyncio.sleep(0)
            running -= 1

        await ClosedLoop(3).drive(send, lambda: len(due) < 10, lambda: 0.0)

    asyncio.run(drive())
    assert due == [None] * 10  # as soon as they are ready
    assert max(in_flight) == 3


def test_how_long_a_load_takes() -> None:
    each_s, window_s = 0.5, 20.0
    assert Closed(4).takes_s(each_s, window_s) == 168 * 0.5 / 4  # 4 x (2 + 20 / 0.5) requests
    # two answers' time, the window, and the last answer, however few requests come in it
    assert Stream(0.001).takes_s(each_s, window_s) == 21.5
    assert clinic_day(ClinicDay(3, 8 * 3600.0, 2.0, 60.0)).takes_s(each_s, window_s) == 480.5
    assert batch(7).takes_s(each_s, window_s) == 0.5


def test_a_load_in_which_nothing_is_due_is_refused() -> None:
    draws = numpy.random.default_rng
    first_s = next(poisson(0.01, draws(7)))
    with pytest.raises(UsageError) as caught:
        Stream(0.01).check_due(draws(7), first_s - 0.001)
    said = str(caught.value)
    assert said.startswith("poisson, 0.01 requests/s: no request is due within the window of ")
    assert f"take --window {math.ceil(first_s)}s at least (ten requests take about 1000 s)" in said
    Stream(0.01).check_due(draws(7), math.ceil(first_s))
    Closed(1).check_due(draws(7), 0.0)
    batch(1).check_due(draws(7), 0.0)
    day = clinic_day(ClinicDay(0.001, 8 * 3600.0, 2.0))
    with pytest.raises(UsageError, match="with this seed no request falls into it; give the"):
        day.check_due(draws(7), 20.0)
    clinic_day(ClinicDay(300, 8 * 3600.0, 2.0)).check_due(draws(7), 20.0)


@pytest.mark.parametrize("speed", [math.nan, math.inf, 0.0])
def test_a_day_has_a_speed(speed: float) -> None:
    with pytest.raises(UsageError, match="day: expected a speed above 0, such as 60; got"):
        clinic_day(ClinicDay(20, 8 * 3600.0, 2.0, speed))


# -- windows -----------------------------------------------------------------------------------


def answered(index: int, sent_s: float, first_s: float, ended_s: float, count: int) -> Answer:
    """An answer whose tokens come evenly from the first to the last."""
    step = (ended_s - first_s) / (count - 1)
    return Answer(
        index,
        sent_s,
        sent_s,
        first_s,
        ended_s,
        ended_s,
        output_tokens=count,
        times_s=array("d", [first_s + step * n for n in range(count)]),
        counts=array("d", range(1, count + 1)),
    )


# Two in flight, eight requests of 4 s each, first token after 1 s, one token each 0.5 s; the
# second slot runs 2 s behind the first.
ANSWERS = [
    answered(number, sent_s, sent_s + 1, sent_s + 4, 7)
    for number, sent_s in enumerate((0.0, 2.0, 4.0, 6.0, 8.0, 10.0, 12.0, 14.0))
]


def test_the_steady_window_opens_with_the_bth_first_token() -> None:
    # 2nd first token at 3 s; N - B - 1 = 5 ended, the 5th at 12 s
    span = steady_in_loop(ANSWERS, 2).span
    assert span == Span(3.0, 12.0)
    assert mean_in_flight(ANSWERS, span) == 2.0
    assert most_in_flight(ANSWERS) == 2
    # by 3 s came 5 + 1 tokens of the first two, by 12 s all 35 of five, and 3 of the sixth
    assert tokens_in(ANSWERS, span) == 35 + 3 - 6


def test_too_few_requests_have_no_steady_window() -> None:
    refused = [Answer(n, 0.0, ended_s=1.0, error="HTTP 500") for n in range(8)]
    for answers in (ANSWERS[:3], refused):
        assert steady_in_loop(answers, 2) == Steady(None)


def test_a_level_goes_on_until_its_steady_window_is_long_enough() -> None:
    assert minimum_requests(2) == 8
    watch = SteadyWatch(2, 9.0)
    for answer in ANSWERS[:6]:
        watch.ended(answer)
    assert not watch.enough(ANSWERS[:7])  # under the minimum
    assert watch.enough(ANSWERS)  # 3 s to 12 s
    longer = SteadyWatch(2, 9.1)
    for answer in ANSWERS[:6]:
        longer.ended(answer)
    assert not longer.enough(ANSWERS)


def test_an_open_loop_is_cut_by_time() -> None:
    # every 2 s one that takes 4 s: two in flight all along, once it has settled
    answers = [answered(n, 2.0 * n, 2.0 * n + 1, 2.0 * n + 4, 7) for n in range(30)]
    assert steady_by_time(answers, start_s=8.0, window_s=40.0) == Steady(Span(8.0, 48.0))


def test_an_open_loop_that_falls_behind_has_no_steady_window() -> None:
    # a server that takes one at a time, for 4 s each, and one comes every 2 s
    answers = [answered(n, 2.0 * n, 4.0 * n + 1, 4.0 * n + 4, 7) for n in range(30)]
    found = steady_by_time(answers, start_s=8.0, window_s=40.0)
    assert found.span is None
    # 8 to 10 s: five have come, two have ended; one more from 10 s on. 44 to 48 s likewise
    assert found.why == (
        "requests in flight rose from about 3.5 to 12.5: the server does not keep up"
    )


def queue_of_one(load: float, seed: int) -> list[Answer]:
    """Poisson arrivals for 620 s at a server that takes one at a time, for 1 s each."""
    times = poisson(load, numpy.random.default_rng(seed))
    free_s, answers = 0.0, []
    for number, due_s in enumerate(itertools.takewhile(lambda time_s: time_s < 620, times)):
        begun_s = max(due_s, free_s)
        free_s = begun_s + 1.0
        answers.append(answered(number, due_s, begun_s + 0.5, free_s, 7))
    return answers


@pytest.mark.parametrize(("load", "least", "most"), [(0.5, 0.0, 0.02), (1.3, 0.98, 1.0)])
def test_a_trend_is_told_from_chance(load: float, least: float, most: float) -> None:
    """At half of what the server holds few are refused, at 1.3 times that nearly all.

    docs/serving.md has more of these figures.
    """
    found = [steady_by_time(queue_of_one(load, seed), 10.0, 600.0) for seed in range(100)]
    assert least <= sum(steady.span is None for steady in found) / 100 <= most


# -- the server's counters ---------------------------------------------------------------------

METRICS = """\
# HELP vllm:generation_tokens_total Number of generation tokens processed.
# TYPE vllm:generation_tokens_total counter
vllm:generation_tokens_total{engine="0",model_name="m"} 864.0
vllm:generation_tokens_total{engine="1",model_name="m"} 100.0
vllm:generation_tokens_created{engine="0",model_name="m"} 1.795408797682114e+09
vllm:prompt_tokens_total{engine="0",model_name="m"} 1.977e+03
vllm:num_requests_running{engine="0",model_name="m"} 3.0
vllm:kv_cache_usage_perc{engine="0",model_name="m"} 0.25
vllm:cache_config_info{block_size="128",cache_dtype="auto",enable_prefix_caching="True"} 1.0
"""


def test_counters_are_summed_over_engines() -> None:
    counters = read_counters(METRICS)
    assert (counters.output_tokens, counters.prompt_tokens) == (964.0, 1977.0)
    assert (counters.running, counters.cache_use) == (3.0, 0.25)
    assert counters.preemptions is None
    assert cache_settings(METRICS) == {
        "enable_prefix_caching": "True",
        "block_size": "128",
        "cache_dtype": "auto",
    }
    assert cache_settings("") == {}


@pytest.mark.parametrize(
    ("before", "after", "growth"), [(1.0, 3.0, 2.0), (None, 3.0, None), (3.0, 1.0, None)]
)
def test_growth(before: float | None, after: float, growth: float | None) -> None:
    assert grown(before, after) == growth


# -- demand ------------------------------------------------------------------------------------


def point(level: int | None, e2e_s: float, rate: float | None = None) -> CurvePoint:
    """A point whose requests take so long on average, by Little's law."""
    in_flight = (rate or 0.0) * e2e_s if level is None else float(level)
    found = {
        "requests_in_flight": Estimate.exact(in_flight, "requests", Basis.MEASURED, "test"),
        "requests_per_s": Estimate.exact(in_flight / e2e_s, "requests/s", Basis.MEASURED, "test"),
    }
    return CurvePoint(level, found, arrivals="poisson" if rate else "closed loop", rate_per_s=rate)


def test_the_level_nearest_the_demand(notes: Scenario) -> None:
    # 40 clinicians x 19 notes in 9 h, twice that in the busiest hour: 760 x 2 / 32400 = 0.0469/s
    chosen = nearest_load(notes, [point(1, 10.0), point(2, 40.0), point(4, 60.0)])
    assert chosen.load == 1  # 0.47 at level 1, 1.88 at level 2, 2.81 at level 4
    assert chosen.in_flight == pytest.approx(760 * 2 / 32400 * 40)
    assert nearest_load(notes, [point(None, 1.0, 0.05), point(4, 1.0)]).load == 1
    assert nearest_load(notes, [point(None, 9.0, 0.5), point(None, 4.0, 0.05)]).load == 1
