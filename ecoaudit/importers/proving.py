"""A load held against its own requests: what they prove of it, and where they fall short of it."""

from __future__ import annotations

import math
from collections.abc import Iterator
from dataclasses import replace
from typing import Final

from ecoaudit.checks import doubt
from ecoaudit.errors import FileFormatError, UsageError
from ecoaudit.importers.base import Level
from ecoaudit.importers.figures import FULL_BATCH, no_host_energy, steady
from ecoaudit.importers.saying import Said
from ecoaudit.run import Doubt

_ABOVE: Final = 0.05  # of a level, by which a mean in flight may lie above it for rounding
_PEAK: Final = 0.1  # the same of the most at one time, by two clocks that differ a little
_WAITED: Final = 0.01  # of the mean answer: a longer wait in the client is said
_SHORT: Final = 0.1  # of the rate asked for, that may be missing unsaid
_DEVIATIONS: Final = 2.0  # standard ones, by which a Poisson count may miss its mean unsaid


def proved(level: Level, said: Said) -> Level:
    """The load with the steady window that its requests prove, and with what they cast doubt on.

    Args:
        level: with a load that the file or the user says.
        said: what the user says.

    Raises:
        UsageError: more requests were in flight than the user says.
        FileFormatError: more were than the file itself says.
    """
    part = level.steady
    if level.level is not None:
        _no_more_in_flight(level, level.level, said)
        if level.requests is not None:
            part = steady(level.requests, level.level, level.client)
    if part and level.requests is not None:
        part |= {name: level.whole_run[name] for name in no_host_energy("")}
    doubts = (*_not_full(level), *_left_out(level), *_slower(level))
    return replace(level, steady=part, doubts=(*level.doubts, *doubts))


def _no_more_in_flight(level: Level, most: int, said: Said) -> None:
    """A level is the most that were in flight at one time."""
    mean = _figure(level, "requests_in_flight") or 0.0
    peak = 0 if level.requests is None else level.requests.most_in_flight()
    found = f"{peak} of its requests" if peak else f"{mean:.1f} of its requests on average"
    if said.concurrency == most and (peak > most or mean > most * (1 + _ABOVE)):
        raise UsageError(
            f"{level.place}: {found} were in flight at one time, so that its load is not"
            f" --concurrency {most}; say the load that it was"
        )
    if mean > most * (1 + _ABOVE) or peak > most * (1 + _PEAK) + 1:
        raise FileFormatError(
            f"{level.place}: says that {most} requests were in flight, and {found} were at one"
            " time; is the file as the tool wrote it?"
        )


def _not_full(level: Level) -> Iterator[Doubt]:
    """Whether fewer requests were in flight than the level says."""
    if level.level is None or not level.whole_run:
        return
    stretch = None if level.requests is None else level.requests.full_stretch(level.level)
    if stretch is not None and level.requests is not None:
        mean: float | None = level.requests.mean_in_flight(*stretch)
        where = ""
    else:
        mean, where = _figure(level, "requests_in_flight"), ", its filling and emptying included"
    if mean is not None and mean < FULL_BATCH * level.level:
        message = f"{mean:.1f} requests were in flight on average, of {level.level}{where}"
        remedy = "send more requests, ten or more for each that is to be in flight"
        yield doubt("not-saturated", message, remedy)


def _left_out(level: Level) -> Iterator[Doubt]:
    """Arrivals that had to wait in the client: what is known as coordinated omission."""
    answer_s = _mean_answer_s(level)
    if level.waited_s is None or answer_s is None or level.waited_s <= _WAITED * answer_s:
        return
    message = f"requests waited {level.waited_s:.3g} s on average in the client, which no time"
    yield doubt("queue-left-out", f"{message} counts")


def _slower(level: Level) -> Iterator[Doubt]:
    """Whether fewer requests were answered in a second than were to come.

    Over a load of length T with n answers of mean length e it is n / (T - e): its last request came
    about e before its end. A Poisson count may miss its mean by two standard deviations unsaid.
    """
    count, span_s = _figure(level, "requests"), level.duration_s
    answer_s = _mean_answer_s(level)
    if not level.rate_per_s or not count or not span_s or answer_s is None or span_s <= answer_s:
        return
    lost = sum(level.counted.get(f"requests_{how}") or 0 for how in ("failed", "cut_off"))
    reached = (count + lost) / (span_s - answer_s)
    if reached < level.rate_per_s * (1 - max(_SHORT, _DEVIATIONS / math.sqrt(count))):
        message = f"{reached:.3g} requests were answered in a second, of {level.rate_per_s:.3g}"
        yield doubt("rate-not-reached", f"{message} that were to come")


def _mean_answer_s(level: Level) -> float | None:
    """Mean time from send to end [s]: of the requests, else by Little's law, else the median."""
    if level.requests is not None:
        return float(level.requests.e2e_s.mean())
    in_flight, rate = _figure(level, "requests_in_flight"), _figure(level, "requests_per_s")
    return in_flight / rate if in_flight and rate else _figure(level, "e2e_s_p50")


def _figure(level: Level, name: str) -> float | None:
    found = level.figures.get(name)
    return None if found is None else found.value
