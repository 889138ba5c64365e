"""What a bench is to do: which loads, for how long, and when it may stop."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Final, Literal

from ecoaudit.errors import UsageError
from ecoaudit.estimate import Estimate
from ecoaudit.scenario import Scenario
from ecoaudit.workloads.client import SILENCE_LIMIT_S
from ecoaudit.workloads.loads import Load, all_loads
from ecoaudit.workloads.steady import SHORTEST_STEADY_S

WINDOW_S: Final = 20.0
IDLE_S: Final = 10.0

Levels = Sequence[int] | Literal["auto"]


@dataclass(frozen=True, slots=True)
class BenchPlan:
    """What a bench is to do.

    Attributes:
        loads: that were asked for by name: levels of a closed loop, then those of an open one.
        climbs: whether levels are chosen as it goes, from 1 up, before ``loads``.
        window_s: shortest steady window [s].
        idle_s: length of both idle windows [s].
        shortest_steady_s: a shorter steady window gives no steady figures [s].
        budget_s: loads are driven again, until their figures are narrow, for so long in all [s];
            None: each once.
        silence_s: longest wait for more of an answer [s].
        words: make text prompts of these words, rather than token ids.
    """

    loads: tuple[Load, ...]
    climbs: bool
    window_s: float
    idle_s: float
    shortest_steady_s: float
    budget_s: float | None
    silence_s: float
    words: tuple[str, ...]

    @property
    def levels(self) -> list[int] | str:
        """The levels that were asked for, or ``auto``."""
        if self.climbs:
            return "auto"
        return [load.level for load in self.loads if load.level is not None]

    def settings(self) -> dict[str, Any]:
        """What the run file says of it."""
        return {
            "levels": self.levels,
            "loads": [load.name for load in self.loads],
            "window_s": self.window_s,
            "idle_s": self.idle_s,
            "shortest_steady_s": self.shortest_steady_s,
            "budget_s": self.budget_s,
            "silence_s": self.silence_s,
        }


def planned(
    scenario: Scenario,
    *,
    levels: Levels | None = None,
    streams: Sequence[Load] = (),
    window_s: float | None = None,
    idle_s: float | None = None,
    shortest_steady_s: float = SHORTEST_STEADY_S,
    budget_s: float | None = None,
    silence_s: float = SILENCE_LIMIT_S,
    words: Sequence[str] = (),
) -> BenchPlan:
    """The plan of a bench; what is not given is the scenario's, else a default.

    Raises:
        UsageError: loads that cannot be driven.
    """
    own = scenario.bench
    climbs = levels == "auto"
    if climbs:
        numbers: list[int] = []
    elif isinstance(levels, str):
        raise UsageError(f"levels: expected whole numbers or 'auto'; got {levels!r}")
    else:
        numbers = sorted(set(levels or (() if streams else own.levels)))
    return BenchPlan(
        loads=tuple(all_loads(numbers, streams)),
        climbs=climbs,
        window_s=window_s if window_s is not None else _seconds(own.window, WINDOW_S),
        idle_s=idle_s if idle_s is not None else _seconds(own.idle, IDLE_S),
        shortest_steady_s=shortest_steady_s,
        budget_s=budget_s,
        silence_s=silence_s,
        words=tuple(words),
    )


def _seconds(estimate: Estimate | None, otherwise: float) -> float:
    return otherwise if estimate is None else estimate.number
