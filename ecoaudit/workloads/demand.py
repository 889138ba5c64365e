"""Which of the loads that were driven a scenario's demand comes nearest to."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

from ecoaudit.scenario import Scenario
from ecoaudit.workloads.loads import Load


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


def nearest_load(scenario: Scenario, driven: Sequence[tuple[Load, float]]) -> Demanded:
    """The measured load nearest to the busiest hour.

    Among levels of a closed loop by Little's law: mean in flight = arrivals per second x mean time
    in the system (J. D. C. Little, Operations Research 9 (1961) 383-387). Each level has its own
    mean time, so each gives its own number; the level that lies nearest to its own number is taken,
    the lower of two. Where there is no closed loop, the open one whose arrivals in a second are
    nearest to the busiest hour's.

    Args:
        scenario: its demand.
        driven: each load with its mean end-to-end time [s]; at least one.
    """
    rate = scenario.requests_per_peak_second.number
    levels = [
        (abs(rate * e2e_s - load.level), load.level, place)
        for place, (load, e2e_s) in enumerate(driven)
        if load.level is not None
    ]
    if levels:
        _, level, place = min(levels)
        e2e_s = driven[place][1]
        return Demanded(
            place,
            rate * e2e_s,
            f"{rate:.4f} requests/s in the busiest hour x {e2e_s:.2f} s each ="
            f" {rate * e2e_s:.2f} in flight (Little's law); level {level} is nearest",
        )
    apart = [abs((load.rate_per_s or math.inf) - rate) for load, _ in driven]
    place = apart.index(min(apart))
    load, e2e_s = driven[place]
    return Demanded(
        place,
        rate * e2e_s,
        f"{rate:.4f} requests/s in the busiest hour; {load.name} is nearest",
    )
