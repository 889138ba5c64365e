"""The loads of a bench: how each is driven, when it may stop, and which part of it is steady."""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Protocol

from ecoaudit.errors import UsageError
from ecoaudit.run import load_in_words
from ecoaudit.workloads.arrivals import (
    Arrivals,
    ClinicDay,
    ClosedLoop,
    OpenLoop,
    all_at_once,
    gamma,
)
from ecoaudit.workloads.client import Answer
from ecoaudit.workloads.lengths import Shape
from ecoaudit.workloads.steady import (
    Steady,
    SteadyWatch,
    TimeWatch,
    Watch,
    minimum_requests,
    steady_by_time,
    steady_in_loop,
)

if TYPE_CHECKING:
    import numpy

CLOSED = "closed loop"
_SETTLING: float = 2.0  # mean answers, before an open loop that began empty is looked at


class Load(Protocol):
    """One load.

    Attributes:
        name: for people.
        window: name of its window in the run.
        arrivals: the kind of arrivals.
        level: requests in flight; None in an open loop.
        rate_per_s: mean arrivals in a second; None in a closed loop.
        shapes: lengths of its requests; None draws them from the scenario's.
        lengthened: prompts among these that were too short to be unlike all others.
        more: what gives more answers of it, in words; None: a longer window.
    """

    @property
    def name(self) -> str: ...
    @property
    def window(self) -> str: ...
    @property
    def arrivals(self) -> str: ...
    @property
    def level(self) -> int | None: ...
    @property
    def rate_per_s(self) -> float | None: ...
    @property
    def shapes(self) -> Sequence[Shape] | None: ...
    @property
    def lengthened(self) -> int: ...
    @property
    def more(self) -> str | None: ...

    def in_flight(self, each_s: float) -> float:
        """About how many requests will be in flight, if each takes so long [s]."""
        ...

    def requests(self, each_s: float, window_s: float) -> int:
        """About how many requests it will take."""
        ...

    def takes_s(self, each_s: float, window_s: float) -> float:
        """About how long it will take to its last answer [s]."""
        ...

    def check_due(self, chance: numpy.random.Generator, window_s: float) -> None:
        """Refuse a load in which no request would be due.

        Args:
            chance: draws as for :meth:`arriving`.
            window_s: shortest steady window [s].

        Raises:
            UsageError: none would; the message says from when on one is.
        """
        ...

    def arriving(self, chance: numpy.random.Generator) -> Arrivals:
        """When its requests come."""
        ...

    def watch(self, each_s: float, window_s: float, now: Callable[[], float]) -> Watch:
        """Says while it goes on whether it may stop."""
        ...

    def steady(
        self, answers: Sequence[Answer], began_s: float, each_s: float, window_s: float
    ) -> Steady:
        """Its steady window, or why there is none; the load began at ``began_s``."""
        ...


@dataclass(frozen=True, slots=True)
class Closed:
    """A fixed number of requests in flight."""

    level: int
    arrivals: str = CLOSED
    rate_per_s: None = None
    shapes: None = None
    lengthened: int = 0
    more: None = None

    @property
    def name(self) -> str:
        """For people."""
        return f"level {self.level}"

    @property
    def window(self) -> str:
        """Name of its window in the run."""
        return f"level-{self.level}"

    def in_flight(self, each_s: float) -> float:
        """See :class:`Load`."""
        return self.level

    def requests(self, each_s: float, window_s: float) -> int:
        """See :class:`Load`."""
        return max(minimum_requests(self.level), round(self.level * (2 + window_s / each_s)))

    def takes_s(self, each_s: float, window_s: float) -> float:
        """See :class:`Load`."""
        return self.requests(each_s, window_s) * each_s / self.level

    def check_due(self, chance: numpy.random.Generator, window_s: float) -> None:
        """See :class:`Load`. The first are due at once."""

    def arriving(self, chance: numpy.random.Generator) -> Arrivals:
        """See :class:`Load`."""
        return ClosedLoop(self.level)

    def watch(self, each_s: float, window_s: float, now: Callable[[], float]) -> Watch:
        """See :class:`Load`."""
        return SteadyWatch(self.level, window_s)

    def steady(
        self, answers: Sequence[Answer], began_s: float, each_s: float, window_s: float
    ) -> Steady:
        """See :class:`Load`."""
        return steady_in_loop(answers, self.level)


@dataclass(frozen=True, slots=True)
class Stream:
    """Arrivals at a steady mean rate, Poisson or in bursts, for as long as they are watched.

    Attributes:
        rate_per_s: mean arrivals in a second.
        burstiness: 1: Poisson; see :func:`ecoaudit.workloads.arrivals.gamma`.
    """

    rate_per_s: float
    burstiness: float = 1.0
    level: None = None
    shapes: None = None
    lengthened: int = 0
    more: None = None

    def __post_init__(self) -> None:
        for what, value in (("rate", self.rate_per_s), ("burstiness", self.burstiness)):
            if not (math.isfinite(value) and value > 0):
                raise UsageError(f"{what}: expected a number above 0, such as 0.5; got {value}")

    @property
    def arrivals(self) -> str:
        """The kind of arrivals."""
        return "poisson" if self.burstiness == 1 else f"gamma, burstiness {self.burstiness:g}"

    @property
    def name(self) -> str:
        """For people."""
        return load_in_words(None, self.arrivals, self.rate_per_s)

    @property
    def window(self) -> str:
        """Name of its window in the run."""
        kind = "poisson" if self.burstiness == 1 else "gamma"
        return f"{kind}-{self.rate_per_s:g}"

    def in_flight(self, each_s: float) -> float:
        """See :class:`Load`. Little's law."""
        return self.rate_per_s * each_s

    def requests(self, each_s: float, window_s: float) -> int:
        """See :class:`Load`."""
        return math.ceil(self.rate_per_s * (_SETTLING * each_s + window_s)) + 1

    def takes_s(self, each_s: float, window_s: float) -> float:
        """See :class:`Load`."""
        return (_SETTLING + 1) * each_s + window_s

    def check_due(self, chance: numpy.random.Generator, window_s: float) -> None:
        """See :class:`Load`."""
        first_s = next(gamma(self.rate_per_s, self.burstiness, chance))
        if first_s > window_s:
            raise UsageError(
                f"{self.name}: no request is due within the window of {window_s:g} s: with this"
                f" seed the first comes after {first_s:.0f} s; take --window"
                f" {math.ceil(first_s)}s at least (ten requests take about"
                f" {10 / self.rate_per_s:.0f} s)"
            )

    def arriving(self, chance: numpy.random.Generator) -> Arrivals:
        """See :class:`Load`."""
        return OpenLoop(gamma(self.rate_per_s, self.burstiness, chance))

    def watch(self, each_s: float, window_s: float, now: Callable[[], float]) -> Watch:
        """See :class:`Load`."""
        return TimeWatch(_SETTLING * each_s + window_s, now)

    def steady(
        self, answers: Sequence[Answer], began_s: float, each_s: float, window_s: float
    ) -> Steady:
        """See :class:`Load`."""
        return steady_by_time(answers, began_s + _SETTLING * each_s, window_s)


@dataclass(frozen=True, slots=True)
class Once:
    """A load with an end of its own and no steady part: a clinic's day, a night's batch, a trace.

    Attributes:
        arrivals: the kind of arrivals.
        window: name of its window in the run.
        count: requests, on average.
        lasts_s: how long requests come, the quiet before the first and after the last too [s].
        times: draws when they are due [s].
        shapes: their lengths; None draws them from the scenario's.
        lengthened: see :class:`Load`.
        more: see :class:`Load`.
    """

    arrivals: str
    window: str
    count: float
    lasts_s: float
    times: Callable[[numpy.random.Generator], Iterator[float]]
    shapes: Sequence[Shape] | None = None
    lengthened: int = 0
    more: str | None = "give a load with more requests"
    level: None = None

    @property
    def name(self) -> str:
        """For people."""
        return load_in_words(None, self.arrivals, self.rate_per_s)

    @property
    def rate_per_s(self) -> float | None:
        """Mean arrivals in a second; None where all come at once."""
        return self.count / self.lasts_s if self.lasts_s > 0 else None

    def in_flight(self, each_s: float) -> float:
        """See :class:`Load`."""
        rate = self.rate_per_s
        return self.count if rate is None else min(rate * each_s, self.count)

    def requests(self, each_s: float, window_s: float) -> int:
        """See :class:`Load`."""
        return math.ceil(self.count)

    def takes_s(self, each_s: float, window_s: float) -> float:
        """See :class:`Load`. A batch takes one answer's time at least: nobody knows how many of
        them the server answers at once."""
        return self.lasts_s + each_s

    def check_due(self, chance: numpy.random.Generator, window_s: float) -> None:
        """See :class:`Load`."""
        if next(self.times(chance), None) is None:
            raise UsageError(
                f"{self.name}: with this seed no request falls into it; give the profile another"
                " bench.seed, or drive a --rate"
            )

    def arriving(self, chance: numpy.random.Generator) -> Arrivals:
        """See :class:`Load`."""
        return OpenLoop(self.times(chance), self.lasts_s)

    def watch(self, each_s: float, window_s: float, now: Callable[[], float]) -> Watch:
        """See :class:`Load`."""
        return TimeWatch(math.inf, now)

    def steady(
        self, answers: Sequence[Answer], began_s: float, each_s: float, window_s: float
    ) -> Steady:
        """See :class:`Load`."""
        return Steady(None, expected=False)


def clinic_day(day: ClinicDay) -> Once:
    """A day of a clinic, from opening to closing.

    Raises:
        UsageError: a speed that is no number above 0.
    """
    if not (math.isfinite(day.speed) and day.speed > 0):
        raise UsageError(f"day: expected a speed above 0, such as 60; got {day.speed}")
    faster = "" if day.speed == 1 else f" x{day.speed:g}"
    return Once(
        f"clinic day{faster}, {day.requests:g} requests",
        "clinic-day",
        day.requests,
        day.duration_s,
        day.times,
        more="a day has no more: drive a --rate over a longer --window",
    )


def batch(count: int) -> Once:
    """``count`` requests at once, as a night's work.

    Raises:
        UsageError: no request.
    """
    if count < 1:
        raise UsageError(f"a batch needs at least 1 request; got {count}")
    return Once(
        f"batch of {count}",
        "batch",
        count,
        0.0,
        lambda _: all_at_once(count),
        more="give more requests at once: --batch",
    )


def all_loads(levels: Sequence[int], streams: Sequence[Load]) -> list[Load]:
    """The loads of a bench: the levels of a closed loop first.

    Raises:
        UsageError: a level under 1, or a load that is asked for twice.
    """
    if any(level < 1 for level in levels):
        raise UsageError(f"levels must be whole numbers of 1 or more, got {list(levels)}")
    loads: list[Load] = [*map(Closed, levels), *streams]
    for names in ([load.window for load in loads], [load.name for load in loads]):
        for name, count in Counter(names).items():
            if count > 1:
                raise UsageError(f"the load {name} was asked for twice")
    return loads


def longest_given(loads: Sequence[Load]) -> int:
    """The longest request of the loads that bring their own lengths [tokens]; 0 without any."""
    given = (shape for load in loads for shape in load.shapes or ())
    return max((shape.prompt_tokens + shape.output_tokens for shape in given), default=0)
