"""Which of the loads that were driven a scenario's demand comes nearest to."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

from ecoaudit.run import CurvePoint
from ecoaudit.scenario import Scenario


@dataclass(frozen=True, slots=True)
class Demanded:
    """The load that stands for the demand.

    Attributes:
        load: its place among those that were driven.
        in_flight: mean requests in flight in the busiest hour, at that load's speed.
        why: the sum, in words.
    """

    load: int
    in_flight: float
    why: str


def nearest_load(scenario: Scenario, curve: Sequence[CurvePoint]) -> Demanded:
    """The measured load nearest to the busiest hour.

    Among levels of a closed loop by Little's law: mean in flight = arrivals per second x mean time
    in the system (J. D. C. Little, Operations Research 9 (1961) 383-387), the latter by the same
    law from what was measured: requests in flight over requests per second. Each level has its own
    mean time, so each gives its own number; the level that lies nearest to its own number is taken,
    the lower of two. Where there is no closed loop, the open one whose arrivals in a second are
    nearest to the busiest hour's.

    Args:
        scenario: its demand.
        curve: the measured points; at least one.
    """
    rate = scenario.requests_per_peak_second.number
    times_s = [_mean_time_s(point) for point in curve]
    levels = [
        (abs(rate * e2e_s - point.level), point.level, place)
        for place, (point, e2e_s) in enumerate(zip(curve, times_s, strict=True))
        if point.level is not None
    ]
    if levels:
        _, level, place = min(levels)
        e2e_s = times_s[place]
        return Demanded(
            place,
            rate * e2e_s,
            f"{rate:.4f} requests/s in the busiest hour x {e2e_s:.2f} s each ="
            f" {rate * e2e_s:.2g} in flight (Little's law); level {level} is nearest",
        )
    apart = [abs((point.rate_per_s or math.inf) - rate) for point in curve]
    place = apart.index(min(apart))
    return Demanded(
        place,
        rate * times_s[place],
        f"{rate:.4f} requests/s in the busiest hour; {curve[place].load} is nearest",
    )


def _mean_time_s(point: CurvePoint) -> float:
    """Mean end-to-end time of a load's requests [s]; 0 where its figures do not give it."""
    found = point.steady or point.whole_run
    in_flight, rate = found["requests_in_flight"].value, found["requests_per_s"].value
    return in_flight / rate if in_flight and rate else 0.0
