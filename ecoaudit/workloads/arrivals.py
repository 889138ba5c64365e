"""When requests are sent: in a closed loop, or at times of their own whatever the server does.

In an open loop each request is due at a time that was drawn beforehand. It is sent then even if the
server has fallen behind, and its latency counts from that time, not from when the client came to
send it: a load tool that waits for answers hides the waiting of those who come meanwhile
("coordinated omission").
"""

from __future__ import annotations

import asyncio
import math
from collections.abc import Callable, Coroutine, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import accumulate, pairwise
from typing import TYPE_CHECKING, Final, Protocol

if TYPE_CHECKING:
    import numpy

HOUR_S: Final = 3600.0
_EARLY_S: Final = 0.0015  # an event loop wakes up to a millisecond late: the rest is waited awake
_LOOK_S: Final = 0.5  # longest sleep before it is asked again whether to go on
_LUNCH: Final = 0.25  # of the mean hour's requests come in the hour in the middle of the day

# Sends one request that was due at the given time [s]; None: as soon as it is ready. Returns when
# its answer has ended.
Send = Callable[[float | None], Coroutine[None, None, None]]


class Arrivals(Protocol):
    """Decides when requests are due; calls ``send`` for each until ``go_on`` says no."""

    async def drive(self, send: Send, go_on: Callable[[], bool], now: Callable[[], float]) -> None:
        """Return when every answer has ended."""
        ...


@dataclass(frozen=True, slots=True)
class ClosedLoop:
    """A fixed number of requests in flight: each answer that ends makes the next request due."""

    concurrency: int

    async def drive(self, send: Send, go_on: Callable[[], bool], now: Callable[[], float]) -> None:
        """See :class:`Arrivals`."""

        async def slot() -> None:
            while go_on():
                await send(None)

        async with asyncio.TaskGroup() as group:
            for _ in range(self.concurrency):
                group.create_task(slot())


@dataclass(frozen=True, slots=True)
class OpenLoop:
    """Requests at times of their own. Nothing that the server does puts one off.

    Attributes:
        times_s: when each is due after the first moment, in order [s].
        lasts_s: it goes on for so long after the first moment, with no further request [s].
    """

    times_s: Iterable[float]
    lasts_s: float = 0.0

    async def drive(self, send: Send, go_on: Callable[[], bool], now: Callable[[], float]) -> None:
        """See :class:`Arrivals`."""
        start_s = now()
        async with asyncio.TaskGroup() as group:
            for time_s in self.times_s:
                due_s = start_s + time_s
                await _wait_until(due_s, go_on, now)
                if not go_on():
                    return
                group.create_task(send(due_s))
                await asyncio.sleep(0)  # those that are late must not keep all others waiting
            await _wait_until(start_s + self.lasts_s, go_on, now)


async def _wait_until(time_s: float, go_on: Callable[[], bool], now: Callable[[], float]) -> None:
    """Sleep until a time, or until it need not go on."""
    while go_on() and (wait_s := time_s - now()) > 0:  # noqa: ASYNC110 - until a time
        await asyncio.sleep(min(max(wait_s - _EARLY_S, 0.0), _LOOK_S))


def gamma(rate: float, burstiness: float, chance: numpy.random.Generator) -> Iterator[float]:
    """Arrival times without end, with gaps of a gamma distribution [s].

    Args:
        rate: mean arrivals in a second.
        burstiness: shape of the gaps: 1 is a Poisson process, less comes in bursts, more is more
            even. The gaps' standard deviation is their mean over the root of it. As in
            ``vllm bench serve``.
        chance: where it is drawn from.
    """
    time_s = 0.0
    while True:
        for gap_s in chance.gamma(burstiness, 1 / (rate * burstiness), 256).tolist():
            time_s += gap_s
            yield time_s


def poisson(rate: float, chance: numpy.random.Generator) -> Iterator[float]:
    """Arrival times without end of a Poisson process with ``rate`` arrivals in a second [s]."""
    return gamma(rate, 1.0, chance)


def all_at_once(count: int) -> Iterator[float]:
    """``count`` requests in the first moment, as for a night's batch [s]."""
    return iter([0.0] * count)


@dataclass(frozen=True, slots=True)
class ClinicDay:
    """How the requests of a day come: opening hours with a busiest hour and a lunch.

    The busiest hour is the second; the hour in the middle has a quarter of the mean; the others
    share the rest evenly. There is no lunch in a day of less than four hours, nor where the other
    hours would then be busier than the busiest.

    Attributes:
        requests: of the day, on average.
        opening_s: how long the clinic is open [s].
        peak_factor: requests in the busiest hour over those of the mean hour.
        speed: how many times faster than a real day it goes by; lengths stay what they are, so
            that a day at 10 times its speed is ten times the load.
    """

    requests: float
    opening_s: float
    peak_factor: float
    speed: float = 1.0

    @property
    def duration_s(self) -> float:
        """How long it takes as driven [s]."""
        return self.opening_s / self.speed

    def hours(self) -> list[tuple[float, float]]:
        """Length [s] and mean arrivals of each hour, as driven; the last may be a part of one."""
        lengths = [HOUR_S] * int(self.opening_s // HOUR_S)
        if (left_s := self.opening_s - HOUR_S * len(lengths)) > 0:
            lengths.append(left_s)
        weights = self._weights([length_s / HOUR_S for length_s in lengths])
        whole = math.fsum(weights)
        return [
            (length_s / self.speed, self.requests * weight / whole)
            for length_s, weight in zip(lengths, weights, strict=True)
        ]

    def _weights(self, hours: Sequence[float]) -> list[float]:
        """Share of each piece of the day, as multiples of the mean hour's."""
        peak = 1 if len(hours) > 1 else 0
        busiest = {peak: min(self.peak_factor * hours[peak], math.fsum(hours))}
        if len(hours) >= 4:
            with_lunch = busiest | {len(hours) // 2: _LUNCH * hours[len(hours) // 2]}
            each = _shared(hours, with_lunch)
            if each <= self.peak_factor:
                return [with_lunch.get(place, each * long) for place, long in enumerate(hours)]
        each = _shared(hours, busiest)
        return [busiest.get(place, each * long) for place, long in enumerate(hours)]

    def times(self, chance: numpy.random.Generator) -> Iterator[float]:
        """Arrival times of one day [s]: a Poisson process whose rate is constant in each hour.

        Given their number, the arrivals of a stretch of constant rate lie evenly at random (S. M.
        Ross, Introduction to Probability Models, 11th ed., section 5.3.5).
        """
        hours = self.hours()
        edges = [0.0, *accumulate(length_s for length_s, _ in hours)]
        for (start_s, end_s), (_, mean) in zip(pairwise(edges), hours, strict=True):
            count = int(chance.poisson(mean))
            yield from sorted(chance.uniform(start_s, end_s, count).tolist())


def _shared(hours: Sequence[float], fixed: Mapping[int, float]) -> float:
    """What an hour without a weight of its own has, so that the weights sum to the hours."""
    rest = math.fsum(long for place, long in enumerate(hours) if place not in fixed)
    return max(math.fsum(hours) - math.fsum(fixed.values()), 0.0) / rest if rest else 0.0
