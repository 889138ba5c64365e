"""Which load of a run stands for a scenario's demand, and how near its requests come to it."""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Final

from ecoaudit.estimate import Estimate
from ecoaudit.run import CurvePoint
from ecoaudit.scenario import Scenario

# Beyond this a wait that was measured is farther off than a modelled one (docs/accuracy.md).
FARTHEST: Final = 1.5
# The same where times are scaled to the lengths: their doubt is then +-41 %, that of a datasheet's.
FARTHEST_SCALED: Final = 4.0
UNSAID: Final = 0.1  # of a length, that may differ unsaid


def figures_of(point: CurvePoint) -> dict[str, Estimate]:
    """The figures that are known of a load: of its steady window, else of all of it."""
    found = point.steady or point.whole_run
    return {name: figure for name, figure in found.items() if figure.known}


def nearest_point(points: Sequence[CurvePoint], scenario: Scenario) -> CurvePoint:
    """The load nearest to the scenario's busiest hour.

    By the rule of a bench: among levels of a closed loop the one nearest to the mean in flight that
    its own speed gives the demand (Little's law: arrivals per second x mean time in the system; J.
    D. C. Little, Operations Research 9 (1961) 383-387), the lower of two; without any, the open
    loop whose arrivals in a second are nearest.

    Args:
        points: at least one, each with its requests in a second.
        scenario: its demand.
    """
    rate = scenario.requests_per_peak_second.number
    levels = [
        (abs(rate * _mean_time_s(point) - point.level), point.level, place)
        for place, point in enumerate(points)
        if point.level is not None
    ]
    if levels:
        return points[min(levels)[2]]
    return min(points, key=lambda point: abs((point.rate_per_s or math.inf) - rate))


def _mean_time_s(point: CurvePoint) -> float:
    """Mean end-to-end time of a load's requests [s]: those in flight over those in a second."""
    found = figures_of(point)
    in_flight, rate = found.get("requests_in_flight"), found["requests_per_s"]
    there = float(point.level or 0) if in_flight is None else in_flight.number
    return there / rate.number if rate.number > 0 else 0.0


@dataclass(frozen=True, slots=True)
class Length:
    """A mean length that was measured, and that of the scenario.

    Attributes:
        what: ``prompts`` or ``answers``.
        measured: [tokens]; None where it is not said.
        wanted: [tokens].
    """

    what: str
    measured: float | None
    wanted: Estimate

    @property
    def factor(self) -> float:
        """The longer over the shorter; infinite where one is none."""
        measured, wanted = self.measured or 0.0, self.wanted.number
        shorter = min(measured, wanted)
        return max(measured, wanted) / shorter if shorter > 0 else math.inf

    @property
    def differs(self) -> bool:
        """Whether it lies outside the scenario's own interval by more than goes unsaid."""
        _, low, high = self.wanted.numbers
        return self.factor > 1 + UNSAID and not low <= (self.measured or 0.0) <= high

    @property
    def said(self) -> str:
        """In words."""
        return f"{self.what} of {self.measured or 0:,.0f} tokens, not {self.wanted.number:,.0f}"


def lengths(point: CurvePoint, scenario: Scenario) -> Iterator[Length]:
    """The mean lengths of a load's prompts and answers beside the scenario's."""
    found = point.whole_run or point.steady
    requests = found.get("requests")

    def mean(name: str) -> float | None:
        tokens = found.get(name)
        if requests is None or not requests.value or tokens is None or not tokens.known:
            return None
        return tokens.number / requests.number

    return beside(mean("prompt_tokens"), mean("output_tokens"), scenario)


def beside(prompt: float | None, output: float | None, scenario: Scenario) -> Iterator[Length]:
    """Mean lengths that were measured [tokens] beside the scenario's."""
    yield Length("prompts", prompt, scenario.prompt_tokens)
    yield Length("answers", output, scenario.workload.output.mean)
