"""What outages of the grid do to a load that battery, generator and UPS carry through them."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from ecoaudit.estimate import Basis, Estimate
from ecoaudit.planning.courses import HOURS, repeated, run, silent, steady
from ecoaudit.planning.hours import DayLoad
from ecoaudit.planning.supply import (
    ENDS,
    HELPS,
    HURTS,
    ends_of,
    feed_of,
    fuel_of,
    has_grid,
    load_rows,
)
from ecoaudit.scenario import Site
from ecoaudit.units import S_PER_HOUR

if TYPE_CHECKING:
    import numpy
    from numpy.typing import NDArray

    Array = NDArray[numpy.float64]


@dataclass(frozen=True, slots=True)
class OutageEffect:
    """What an outage of the grid does; it may begin at any hour, each as likely.

    Attributes:
        unserved_s: time without supply, of one outage; its value is the mean over the hours at
            which it may begin, its ends those of the best and the worst hour [s].
        unserved_s_per_month: of all of them [s].
        fuel_l_per_month: of the generator [L]; absent without one.
        fuel_usd_per_month: [USD]; absent without a generator.
        worst_start: the hour of the day at which one does most harm.
    """

    unserved_s: Estimate
    unserved_s_per_month: Estimate
    fuel_l_per_month: Estimate
    fuel_usd_per_month: Estimate
    worst_start: int


def outage_effects(site: Site, loads: Sequence[DayLoad]) -> list[OutageEffect]:
    """What the site's outages do to each load; they begin on a day like the one before.

    Args:
        site: with ``outages``.
        loads: days to weigh.

    Raises:
        ValueError: the site does not state its outages, or has no grid.
    """
    import numpy

    if site.outages is None or not has_grid(site):
        raise ValueError("the site does not state the outages of a grid")
    if not loads:
        return []
    base = steady(feed_of(site, len(loads)), load_rows(loads))
    lengths = ends_of(site.outages.hours, harm=True)
    days = 1 + math.ceil((HOURS + lengths.max() / S_PER_HOUR) / HOURS)
    cases = len(loads) * ENDS
    rows = numpy.repeat(numpy.arange(cases), HOURS)
    starts = numpy.tile(numpy.arange(HOURS), cases)
    hours = numpy.arange(days * HOURS)[None, :]
    long_h = (lengths / S_PER_HOUR)[rows % ENDS][:, None]
    since = hours - starts[:, None]
    out = numpy.where(since >= 0, numpy.clip(long_h - since, 0.0, 1.0), 0.0)
    feed = feed_of(site, len(loads)).taking(rows)
    load = numpy.tile(base.load, (1, days))[rows]
    course = run(feed, load, 1.0 - out, base.charge[rows, -1], base.ups_charge[rows, -1])
    never = repeated(base, rows, days)
    silent_s = silent(course).sum(1) - silent(never).sum(1)
    made_j = (course.generator - never.generator).sum(1)
    return [
        _effect(
            site,
            silent_s.reshape(cases, HOURS)[place * ENDS : (place + 1) * ENDS],
            made_j.reshape(cases, HOURS)[place * ENDS : (place + 1) * ENDS],
        )
        for place in range(len(loads))
    ]


def _effect(site: Site, silent_s: Array, made_j: Array) -> OutageEffect:
    """Of one load: rows central, what helps, what hurts; columns hours of its begin."""
    outages = site.outages
    if outages is None:
        raise ValueError("the site does not state its outages")
    means = silent_s.mean(1)
    source = "outages that begin at any hour of a day that repeats"
    one = Estimate(
        float(means[0]),
        float(min(means[0], silent_s[HELPS].min())),
        float(max(means[0], silent_s[HURTS].max())),
        "s",
        Basis.MODELLED,
        source,
    )
    mean = Estimate(
        float(means[0]), float(means.min()), float(means.max()), "s", Basis.MODELLED, source
    )
    fuel, price, _ = fuel_of(site, made_j.mean(1))
    return OutageEffect(
        unserved_s=one,
        unserved_s_per_month=mean.times(outages.per_month, "s"),
        fuel_l_per_month=fuel.times(outages.per_month, "L"),
        fuel_usd_per_month=price.times(outages.per_month, "USD"),
        worst_start=int(silent_s[0].argmax()),
    )
