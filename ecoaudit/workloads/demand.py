"""Which level a scenario's demand comes nearest to."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from ecoaudit.scenario import Scenario


@dataclass(frozen=True, slots=True)
class Demanded:
    """The level that stands for the demand.

    Attributes:
        level: requests in flight of the nearest measured level.
        in_flight: mean requests in flight in the busiest hour, at that level's speed.
        why: the sum, in words.
    """

    level: int
    in_flight: float
    why: str


def nearest_level(scenario: Scenario, e2e_s: Mapping[int, float]) -> Demanded:
    """The measured level nearest the mean number in flight in the busiest hour.

    Little's law: mean in flight = arrivals per second x mean time in the system (J. D. C. Little,
    Operations Research 9 (1961) 383-387). Each level has its own mean time, so each gives its own
    number; the level that lies nearest to its own number is taken, the lower of two.

    Args:
        scenario: its demand.
        e2e_s: mean end-to-end time at each measured level [s]; at least one.
    """
    rate = scenario.requests_per_peak_second.number
    level = min(sorted(e2e_s), key=lambda each: abs(rate * e2e_s[each] - each))
    in_flight = rate * e2e_s[level]
    return Demanded(
        level,
        in_flight,
        f"{rate:.4f} requests/s in the busiest hour x {e2e_s[level]:.2f} s each = {in_flight:.2f} "
        f"in flight (Little's law); level {level} is nearest",
    )
