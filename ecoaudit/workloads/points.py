"""From what was seen of a load to its point of the curve."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field

from ecoaudit.estimate import Estimate
from ecoaudit.recorder import Recorder
from ecoaudit.recording import Window
from ecoaudit.run import CurvePoint, load_in_words
from ecoaudit.scenario import Scenario
from ecoaudit.workloads.doubts import TOKEN_DIFFERENCE, level_doubts, token_difference
from ecoaudit.workloads.energy_shares import energy_shares, per_used_result
from ecoaudit.workloads.engine_figures import engine_figures
from ecoaudit.workloads.figures import figures, without_token_figures
from ecoaudit.workloads.goodput import goodput
from ecoaudit.workloads.level import LevelLog
from ecoaudit.workloads.loads import Load
from ecoaudit.workloads.memory_split import memory_split
from ecoaudit.workloads.readying import Ready
from ecoaudit.workloads.steady import Span, Steady, steady_in_loop
from ecoaudit.workloads.takes import Takes, measured_together

_USUAL_BLOCK = 128  # tokens: the largest that vLLM takes of itself


@dataclass(slots=True)
class Seen:
    """All times that one load was driven.

    Attributes:
        load: the load.
        whole: what was seen each time, with the whole of it as its window.
        steady: the same with the steady part, where that was long enough.
        miscounted: whether server and client disagreed on the tokens.
        times: how often it was driven, with an answer or without.
        point: of the curve, by all of them; None before the first.
    """

    load: Load
    whole: list[tuple[LevelLog, Span]] = field(default_factory=list)
    steady: list[tuple[LevelLog, Span]] = field(default_factory=list)
    miscounted: bool = False
    times: int = 0
    point: CurvePoint | None = None

    @property
    def name(self) -> str:
        """The load as its point and its doubts name it: :attr:`ecoaudit.run.CurvePoint.load`."""
        return load_in_words(self.load.level, self.load.arrivals, self.load.rate_per_s)

    @property
    def answers(self) -> int:
        """Good answers of all times."""
        return sum(len(log.good) for log, _ in self.whole)


class PointMaker:
    """Makes the points of a curve, with the doubts of each.

    Args:
        scenario: gives service level and daily load.
        ready: the loaded engine at rest.
        recorder: measures the windows.
        window_s: shortest steady window that was asked for [s].
        shortest_s: a shorter one gives no steady figures [s].
    """

    def __init__(
        self,
        scenario: Scenario,
        ready: Ready,
        recorder: Recorder,
        window_s: float,
        shortest_s: float,
    ):
        self._scenario = scenario
        self._ready = ready
        self._recorder = recorder
        self._window_s = window_s
        self._shortest_s = shortest_s

    def add(self, seen: Seen, log: LevelLog) -> CurvePoint:
        """The point of a load by this time and those before it; the log has good answers."""
        part_of = self._steady(log)
        for said in level_doubts(
            log, part_of, self._shortest_s, self._shared_block(), log.processes
        ):
            self._recorder.add_doubt(said, seen.name)
        seen.whole.append((log, log.span))
        if part_of.span is not None and part_of.duration_s >= self._shortest_s:
            seen.steady.append((log, part_of.span))
        difference = token_difference(log)
        if difference is not None and difference > TOKEN_DIFFERENCE:
            seen.miscounted = True
        load = log.load
        whole = self._figures(seen.whole, whole=True, miscounted=seen.miscounted)
        steady = (
            self._figures(seen.steady, whole=False, miscounted=seen.miscounted)
            if seen.steady
            else {}
        )
        seen.point = CurvePoint(load.level, whole, steady, load.arrivals, load.rate_per_s)
        return seen.point

    def _shared_block(self) -> int | None:
        """Tokens in a block of the prefix cache, where prompts are meant to be found in it."""
        if not self._scenario.workload.prefix_cache:
            return None
        return int(self._recorder.settings["cache"].get("block_size", _USUAL_BLOCK))

    def _steady(self, log: LevelLog) -> Steady:
        if log.cut:
            return Steady(None, log.cut)
        facts, each_s = self._ready.facts, self._ready.each_s
        if not facts.abilities.streams:  # all are asked at once, and it works on so many at a time
            found = steady_in_loop(log.answers, facts.settings["max_num_seqs"])
            return found if found.span is not None else Steady(None, expected=False)
        return log.load.steady(log.answers, log.span.start_s, each_s, self._window_s)

    def _figures(
        self, each: Sequence[tuple[LevelLog, Span]], *, whole: bool, miscounted: bool
    ) -> dict[str, Estimate]:
        recorder, scenario = self._recorder, self._scenario
        boards = self._ready.boards
        windows = [self._window(log, span, whole) for log, span in each]
        seen = [recorder.measure(window) for window in windows]
        energy = measured_together(
            [
                boards.of_server(all_of_it, recorder.board_memory(window))
                for all_of_it, window in zip(seen, windows, strict=True)
            ]
        )
        takes = Takes(each, whole)
        found = figures(takes, energy) | boards.energy_beside(measured_together(seen))
        found |= goodput(takes, scenario.workload.service, found["requests_per_s"])
        found |= energy_shares(
            energy, self._ready.at_rest, found["requests"], scenario.requests_per_day
        )
        found |= per_used_result(found, scenario.workload.used_fraction)
        if miscounted:
            reason = "withheld: server and client disagree on the number of tokens"
            found = without_token_figures(found, reason)
        found |= engine_figures(takes)
        if recorder.settings["started_by_ecoaudit"]:
            found |= memory_split(self._ready.facts, recorder.settings["cache"], found)
        return found

    def _window(self, log: LevelLog, span: Span, whole: bool) -> Window:
        """The window of a load, or its steady part, which is added to the run the first time."""
        if log.window is None:
            raise ValueError(f"{log.name} was driven outside a window")
        if whole:
            return log.window
        if log.steady is None:
            log.steady = self._recorder.add_window("steady", span.start_s, span.end_s, log.window)
        return log.steady
