"""When requests come: their statistics, and that nothing the server does puts them off."""

from __future__ import annotations

import asyncio
import itertools
import time
from collections.abc import Iterable
from itertools import pairwise
from statistics import fmean, stdev

import numpy
import pytest

from ecoaudit.workloads.arrivals import ClinicDay, OpenLoop, all_at_once, gamma, poisson

HOUR_S = 3600.0


def gaps(times: Iterable[float], count: int = 20_000) -> list[float]:
    return [after - before for before, after in pairwise(itertools.islice(times, count))]


@pytest.mark.parametrize("burstiness", [0.25, 1.0, 4.0])
def test_gaps_have_the_mean_of_the_rate_and_the_spread_of_the_burstiness(burstiness: float) -> None:
    found = gaps(gamma(0.5, burstiness, numpy.random.default_rng(1)))
    assert min(found) >= 0
    assert fmean(found) == pytest.approx(2.0, rel=0.05)
    assert stdev(found) / fmean(found) == pytest.approx(burstiness**-0.5, rel=0.05)


def test_poisson_counts_have_the_variance_of_their_mean() -> None:
    times = itertools.takewhile(lambda t: t < 4000, poisson(3.0, numpy.random.default_rng(2)))
    counts = numpy.bincount([int(time_s) for time_s in times], minlength=4000)
    assert counts.mean() == pytest.approx(3.0, rel=0.03)
    assert counts.var() == pytest.approx(3.0, rel=0.06)


def test_the_same_seed_gives_the_same_times() -> None:
    one, other = (gaps(poisson(1.0, numpy.random.default_rng(7)), 50) for _ in range(2))
    assert one == other


def test_all_at_once() -> None:
    assert list(all_at_once(3)) == [0.0, 0.0, 0.0]


# -- a clinic's day ----------------------------------------------------------------------------


def test_a_day_has_a_busiest_hour_a_lunch_and_all_its_requests() -> None:
    hours = ClinicDay(760, 9 * HOUR_S, 2.0).hours()
    assert [length_s for length_s, _ in hours] == [HOUR_S] * 9
    mean = 760 / 9
    assert hours[1][1] == pytest.approx(2 * mean)
    assert hours[4][1] == pytest.approx(mean / 4)
    others = [requests for place, (_, requests) in enumerate(hours) if place not in (1, 4)]
    assert others == pytest.approx([mean * (9 - 2.25) / 7] * 7)
    assert sum(requests for _, requests in hours) == pytest.approx(760)


@pytest.mark.parametrize("opening_h", [0.5, 1.0, 2.5, 3.0, 4.0, 8.75, 24.0])
@pytest.mark.parametrize("peak_factor", [1.0, 1.3, 3.0, 24.0])
def test_no_hour_is_busier_than_the_busiest(opening_h: float, peak_factor: float) -> None:
    hours = ClinicDay(100, opening_h * HOUR_S, peak_factor).hours()
    rates = [requests / length_s for length_s, requests in hours]
    assert sum(length_s for length_s, _ in hours) == pytest.approx(opening_h * HOUR_S)
    assert sum(requests for _, requests in hours) == pytest.approx(100)
    assert min(rates) >= 0
    assert max(rates) == pytest.approx(rates[min(1, len(rates) - 1)])


def test_a_faster_day_has_the_same_requests_in_less_time() -> None:
    day = ClinicDay(760, 9 * HOUR_S, 2.0, speed=60)
    assert day.duration_s == 540
    times = list(day.times(numpy.random.default_rng(3)))
    assert times == sorted(times)
    assert 0 <= times[0] < times[-1] <= 540
    assert len(times) == pytest.approx(760, abs=4 * 760**0.5)
    in_busiest = sum(60 <= time_s < 120 for time_s in times)
    at_lunch = sum(240 <= time_s < 300 for time_s in times)
    assert in_busiest == pytest.approx(169, abs=4 * 13)
    assert at_lunch == pytest.approx(21, abs=4 * 4.6)


# -- an open loop ------------------------------------------------------------------------------


def driven(times: Iterable[float], answer_s: float, most: int = 1000) -> list[tuple[float, float]]:
    """When each request was due and when it was sent, after the first moment [s]."""
    sent: list[tuple[float, float]] = []

    async def send(due_s: float | None) -> None:
        assert due_s is not None
        sent.append((due_s - start_s, time.monotonic() - start_s))
        await asyncio.sleep(answer_s)

    start_s = time.monotonic()
    loop = OpenLoop(times)
    asyncio.run(loop.drive(send, lambda: len(sent) < most, time.monotonic))
    return sent


def test_an_open_loop_waits_for_no_answer() -> None:
    sent = driven([0.0, 0.05, 0.1, 0.1, 0.3], answer_s=0.5)
    origin_s = sent[0][0]
    assert [due_s - origin_s for due_s, _ in sent] == pytest.approx([0.0, 0.05, 0.1, 0.1, 0.3])
    assert all(at_s >= due_s for due_s, at_s in sent)
    assert sent[-1][1] < 0.5  # before the first answer


def test_an_open_loop_stops_when_it_is_told_to() -> None:
    assert len(driven(itertools.count(0, 0.01), answer_s=0.0, most=5)) == 5
