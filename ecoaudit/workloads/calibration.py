"""A calibration: a few minutes of one model on this card or computer, for the planner's constants.

At rest, loaded and at rest, one, four and sixteen requests in flight, then long prompts one at a
time. It is driven and measured as a bench is, and leaves an ordinary run. It needs no clinic: its
lengths are fixed, and what follows from a demand is absent.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final

from ecoaudit.engines.base import Engine, Progress
from ecoaudit.errors import EngineError
from ecoaudit.estimate import Basis, Estimate
from ecoaudit.recorder import Recorder
from ecoaudit.run import OF_RUN, Run, RunKind, load_in_words
from ecoaudit.scenario import Lengths, Scenario, Site, Workload
from ecoaudit.scenario.model import Bench, Demand, Host
from ecoaudit.workloads.arrivals import Arrivals, ClosedLoop
from ecoaudit.workloads.bench_plan import IDLE_S, WINDOW_S, BenchPlan, planned
from ecoaudit.workloads.client import Answer
from ecoaudit.workloads.driving import INTERRUPTED, Driver
from ecoaudit.workloads.failures import remedy, told
from ecoaudit.workloads.lengths import Shape
from ecoaudit.workloads.level import LevelLog
from ecoaudit.workloads.points import PointMaker, Seen
from ecoaudit.workloads.readying import Ready, get_ready
from ecoaudit.workloads.served import add_doubts_of_engine, served
from ecoaudit.workloads.steady import SHORTEST_STEADY_S, Steady, Watch

if TYPE_CHECKING:
    import numpy

LEVELS: Final = (1, 4, 16)
# Short prompts, so that little of the time per token is the reading of others' prompts; answers of
# several lengths, since requests that begin and end together would read theirs together as well.
PROMPT_TOKENS, OUTPUT_TOKENS, OUTPUT_SD_TOKENS = 32, 64, 24
LONG_PROMPT_TOKENS, LONG_OUTPUT_TOKENS = 2048, 32
LONG_PROMPTS: Final = "long prompts, one at a time"
SETTING: Final = "calibration"  # as ecoaudit.sizing.calibration_run reads it
_LEAST_PROMPTS: Final = 3
_MOST_PROMPTS: Final = 1000
_WHY_NOT: Final = "a calibration is of a device, not of a clinic"


@dataclass(frozen=True, slots=True)
class LongPrompts:
    """Long prompts with short answers, one after the other, for a while.

    Attributes:
        tokens: of a prompt.
        answer: tokens of an answer.
        level: None: it is no level of the curve, whose prompts are short.
    """

    tokens: int
    answer: int = LONG_OUTPUT_TOKENS
    arrivals: str = LONG_PROMPTS
    level: None = None
    rate_per_s: None = None
    lengthened: int = 0
    more: str | None = None

    @property
    def name(self) -> str:
        """For people."""
        return f"prompts of {self.tokens} tokens, one at a time"

    @property
    def window(self) -> str:
        """Name of its window in the run."""
        return "long-prompts"

    @property
    def shapes(self) -> Sequence[Shape]:
        """See :class:`ecoaudit.workloads.loads.Load`: more than will be sent."""
        return [Shape(self.tokens, self.answer)] * _MOST_PROMPTS

    def in_flight(self, each_s: float) -> float:
        """See :class:`~ecoaudit.workloads.loads.Load`."""
        return 1

    def requests(self, each_s: float, window_s: float) -> int:
        """See :class:`~ecoaudit.workloads.loads.Load`; how long one takes is not known yet."""
        return _LEAST_PROMPTS

    def takes_s(self, each_s: float, window_s: float) -> float:
        """See :class:`~ecoaudit.workloads.loads.Load`; at least."""
        return max(_LEAST_PROMPTS * each_s, window_s)

    def check_due(self, chance: numpy.random.Generator, window_s: float) -> None:
        """See :class:`~ecoaudit.workloads.loads.Load`. The first is due at once."""

    def arriving(self, chance: numpy.random.Generator) -> Arrivals:
        """See :class:`~ecoaudit.workloads.loads.Load`."""
        return ClosedLoop(1)

    def watch(self, each_s: float, window_s: float, now: Callable[[], float]) -> Watch:
        """See :class:`~ecoaudit.workloads.loads.Load`."""
        return _SomeWatch(window_s, now)

    def steady(
        self, answers: Sequence[Answer], began_s: float, each_s: float, window_s: float
    ) -> Steady:
        """See :class:`~ecoaudit.workloads.loads.Load`. It has no part that is unlike the rest."""
        return Steady(None, expected=False)


class _SomeWatch:
    """Stops after some prompts and some time.

    Args:
        lasts_s: after it was first asked [s].
        now: the recorder's clock.
    """

    def __init__(self, lasts_s: float, now: Callable[[], float]):
        self._until_s = now() + lasts_s
        self._now = now

    def ended(self, answer: Answer) -> None:
        """See :class:`~ecoaudit.workloads.steady.Watch`."""

    def enough(self, answers: Sequence[Answer]) -> bool:
        """See :class:`~ecoaudit.workloads.steady.Watch`."""
        if len(answers) >= _MOST_PROMPTS:
            return True
        return len(answers) >= _LEAST_PROMPTS and self._now() > self._until_s


def calibrate(
    engine: Engine,
    *,
    site: Site | None = None,
    window_s: float = WINDOW_S,
    idle_s: float = IDLE_S,
    long_prompt: int = LONG_PROMPT_TOKENS,
    asked: dict[str, Any] | None = None,
    output: str | os.PathLike[str] | None = None,
    name: str | None = None,
    progress: Progress,
    shortest_steady_s: float = SHORTEST_STEADY_S,
) -> Run:
    """Measure an engine with few requests in flight and with long prompts.

    Ctrl-C and SIGTERM end the run as ``interrupted`` with what is done; the engine is taken down
    whatever happens.

    Args:
        engine: not started yet.
        site: gives the grid's carbon intensity; None: the world's, with a doubt.
        window_s: shortest steady window of each load [s].
        idle_s: length of both idle windows [s].
        long_prompt: length of the long prompts [tokens].
        asked: what the engine was told when it was made, for the run file.
        output: where the run goes; None keeps it in the runs folder.
        name: of the run.
        progress: is told what goes on, a line at a time.
        shortest_steady_s: a shorter steady window gives no steady figures [s].

    Raises:
        EngineError: the engine did not start (nothing is kept), or died or answered nothing (what
            was measured is kept as a failed run).
    """
    scenario = _no_clinic()
    long = LongPrompts(long_prompt)
    plan = planned(
        scenario,
        levels=LEVELS,
        streams=[long],
        window_s=window_s,
        idle_s=idle_s,
        shortest_steady_s=min(shortest_steady_s, window_s),
    )
    recorder = Recorder(
        name or f"calibration with {engine.label}",
        kind=RunKind.INFERENCE,
        site=site,
        settings={
            "engine": engine.name,
            **plan.settings(),
            "asked": asked or {},
            SETTING: {
                "prompt_tokens": PROMPT_TOKENS,
                "output_tokens": OUTPUT_TOKENS,
                "output_sd_tokens": OUTPUT_SD_TOKENS,
                "long_prompt_tokens": long.tokens,
                "long_output_tokens": long.answer,
            },
        },
        output=output,
    )

    def prepare() -> _Calibration:
        ready = get_ready(scenario, engine, recorder, plan, progress)
        return _Calibration(scenario, engine, ready, recorder, plan, progress)

    return served(engine, recorder, prepare)


class _Calibration:
    """The loads of a calibration, and its summary."""

    def __init__(
        self,
        scenario: Scenario,
        engine: Engine,
        ready: Ready,
        recorder: Recorder,
        plan: BenchPlan,
        progress: Progress,
    ):
        self._engine = engine
        self._ready = ready
        self._recorder = recorder
        self._plan = plan
        self._progress = progress
        self._driver = Driver(scenario, engine, ready, recorder, plan, progress)
        self._points = PointMaker(scenario, ready, recorder, plan.window_s, plan.shortest_steady_s)

    def measure_loads(self) -> None:
        """Drive each load once.

        Raises:
            EngineError: the engine died, or a load was not answered.
            KeyboardInterrupt: so it was asked.
        """
        for load in self._plan.loads:
            self._driver.drive(load, self._keep)

    def _keep(self, log: LevelLog) -> None:
        """Put what was seen of a load into the run."""
        recorder, load = self._recorder, log.load
        recorder.settings.setdefault("levels_seen", {})[log.key] = log.seen()
        recorder.note_settings()
        if log.good:
            point = self._points.add(Seen(load), log)
            recorder.add_point(point)
            first, each = (point.figures[name] for name in ("ttft_s_p50", "tpot_s_p50"))
            self._progress(f"{load.name}: first token {first}, then each {each}")
        elif log.cut != INTERRUPTED and self._engine.alive() is None:
            raise EngineError(
                f"{load.name}: every request failed ({told(log.failures)}); {remedy(log.failures)}"
            )

    def summarise(self) -> None:
        """Fill the summary from one request in flight."""
        recorder = self._recorder
        add_doubts_of_engine(self._ready, recorder)
        if not recorder.curve:
            return
        point = recorder.curve[0]
        recorder.settings["summary"] = {
            "level": point.level,
            "load": load_in_words(point.level, point.arrivals, point.rate_per_s),
            "window": "steady" if point.steady else "whole_run",
            "why": "one request in flight",
        }
        for figure, estimate in point.figures.items():
            if figure not in OF_RUN:
                recorder.summary[figure] = estimate


def _no_clinic() -> Scenario:
    """What the machinery of a bench asks of a scenario: lengths; all of a clinic is absent."""

    def absent(unit: str) -> Estimate:
        return Estimate.absent(unit, _WHY_NOT)

    def exact(value: float, unit: str) -> Estimate:
        return Estimate.exact(value, unit, Basis.DECLARED, "lengths of a calibration")

    none = absent("")
    work = Workload(
        id=SETTING,
        name="Calibration",
        prompt=Lengths(exact(PROMPT_TOKENS, "tokens"), exact(0.0, "tokens")),
        output=Lengths(exact(OUTPUT_TOKENS, "tokens"), exact(OUTPUT_SD_TOKENS, "tokens")),
        system_prompt=exact(0.0, "tokens"),
        requests_per_clinician=absent("requests"),
    )
    host = Host(price=absent("USD"), idle_power=none, busy_power=none, peak_power=none)
    site = Site(
        id=SETTING,
        name="no site",
        country="",
        circuit_power=none,
        energy_per_day=none,
        tariff=none,
        pue=none,
        host=host,
    )
    demand = Demand(absent("clinicians"), opening=none, days_per_year=none, peak_factor=none)
    bench = Bench(levels=list(LEVELS))
    return Scenario(SETTING, "Calibration", site, work, demand, absent("USD"), bench=bench)
