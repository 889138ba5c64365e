"""``bench``: drives a scenario's load through an engine and measures it, load by load."""

from __future__ import annotations

import os
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import asdict
from typing import Any

from ecoaudit.checks import doubt
from ecoaudit.engines.base import Engine, Progress
from ecoaudit.errors import EngineError, UsageError
from ecoaudit.recorder import Recorder
from ecoaudit.run import OF_RUN, CurvePoint, Run, RunKind
from ecoaudit.scenario import Scenario
from ecoaudit.workloads.bench_plan import BenchPlan, Levels, planned
from ecoaudit.workloads.by_language import by_language
from ecoaudit.workloads.client import SILENCE_LIMIT_S
from ecoaudit.workloads.course import MOST_LEVEL, climbing, least_known
from ecoaudit.workloads.demand import nearest_load
from ecoaudit.workloads.doubts import few_requests, summary_doubts
from ecoaudit.workloads.driving import INTERRUPTED, Driver, check_due
from ecoaudit.workloads.failures import remedy, told
from ecoaudit.workloads.level import LevelLog
from ecoaudit.workloads.loads import Load
from ecoaudit.workloads.points import PointMaker, Seen
from ecoaudit.workloads.readying import Ready, get_ready
from ecoaudit.workloads.resuming import asked_for, check_asked, nothing_left, take_over
from ecoaudit.workloads.served import add_doubts_of_engine, served
from ecoaudit.workloads.steady import SHORTEST_STEADY_S


def silent(line: str) -> None:
    """Progress that nobody wants to see."""


def bench(
    scenario: Scenario,
    engine: Engine,
    *,
    levels: Levels | None = None,
    streams: Sequence[Load] = (),
    window_s: float | None = None,
    idle_s: float | None = None,
    budget_s: float | None = None,
    silence_s: float = SILENCE_LIMIT_S,
    engine_options: Mapping[str, Any] | None = None,
    earlier: Run | None = None,
    output: str | os.PathLike[str] | None = None,
    name: str | None = None,
    progress: Progress = silent,
    words: Sequence[str] = (),
    shortest_steady_s: float = SHORTEST_STEADY_S,
) -> Run:
    """Measure an engine under a scenario's load.

    Windows: ``idle`` before the engine starts, ``model_load``, ``warmup``, ``idle_loaded``,
    ``first_request`` after that rest, then ``level-N`` for each level with its ``steady`` part
    inside, then each open load alike. Ctrl-C and SIGTERM end the run as ``interrupted`` with what
    is done; the engine is taken down whatever happens.

    Args:
        scenario: gives lengths, levels, demand and site.
        engine: not started yet.
        levels: requests in flight, one level each; ``auto``: 1, 2, 4 ... until more tell nothing;
            the scenario's by default, none where ``streams`` are given.
        streams: loads in an open loop: arrivals that do not wait for answers.
        window_s: shortest steady window [s]; the scenario's by default, else 20 s.
        idle_s: length of both idle windows [s]; the scenario's by default, else 10 s.
        budget_s: loads are driven again, the least known first, until all are known to 5 % or they
            have taken so long in all [s]; None: each once.
        silence_s: longest wait for more of an answer; then it has failed [s].
        engine_options: what the engine was told when it was made, as data: model, address, flags
            ... Kept as ``settings["asked"]``; a bench goes on only with the same.
        earlier: a bench that was cut short; the loads that it finished are taken from it. One that
            has them all is given back. What is the same run: ``ecoaudit.workloads.resuming``.
        output: where the run goes; None keeps it in the runs folder.
        name: of the run.
        progress: is told what goes on, a line at a time.
        words: make text prompts of these words, rather than token ids.
        shortest_steady_s: a shorter steady window gives no steady figures [s].

    Raises:
        EngineError: the engine did not start (nothing is kept), or died (what was measured is
            kept as a failed run).
        UsageError: loads that cannot be driven or hold no request, or an earlier run that was made
            otherwise.
    """
    plan = planned(
        scenario,
        levels=levels,
        streams=streams,
        window_s=window_s,
        idle_s=idle_s,
        shortest_steady_s=shortest_steady_s,
        budget_s=budget_s,
        silence_s=silence_s,
        words=words,
    )
    check_due(plan.loads, scenario.bench.seed, plan.window_s)
    asked = asked_for(engine, plan, engine_options or {})
    if earlier is not None:
        check_asked(earlier, asdict(scenario), asked)
        if nothing_left(plan, earlier):
            progress("the earlier run has all of it")
            return earlier
    recorder = Recorder(
        name or f"{scenario.name}: {engine.label}",
        kind=RunKind.INFERENCE,
        site=scenario.site,
        scenario=asdict(scenario),
        settings={"engine": engine.name, **plan.settings(), "asked": asked},
        output=output,
    )

    def prepare() -> _Bench:
        ready = get_ready(scenario, engine, recorder, plan, progress)
        _check_able(scenario, ready, plan)
        if earlier is not None:
            take_over(earlier, recorder)
        return _Bench(scenario, engine, ready, recorder, plan, progress)

    return served(engine, recorder, prepare)


def _check_able(scenario: Scenario, ready: Ready, plan: BenchPlan) -> None:
    """Refuse a load that the engine's abilities do not allow.

    Raises:
        UsageError: it cannot be driven.
    """
    at_once = all(load.level is None and load.rate_per_s is None for load in plan.loads)
    if not ready.facts.abilities.streams and (plan.climbs or not at_once):
        raise UsageError("this engine answers whole batches only: a batch is the load to give it")
    work = scenario.workload
    able = ready.prompts.exact and ready.facts.abilities.answer_ids
    if work.multi_turn and work.prefix_cache and not able:
        raise UsageError(
            "prefix_cache: on: a conversation's history can be sent again word for word only to a"
            " server that takes and gives token ids, such as vLLM; set it off, for histories that"
            " no cache knows"
        )


class _Bench:
    """The loads of one run of :func:`bench`, and its summary."""

    def __init__(
        self,
        scenario: Scenario,
        engine: Engine,
        ready: Ready,
        recorder: Recorder,
        plan: BenchPlan,
        progress: Progress,
    ):
        self._scenario = scenario
        self._engine = engine
        self._ready = ready
        self._recorder = recorder
        self._plan = plan
        self._progress = progress
        self._driver = Driver(scenario, engine, ready, recorder, plan, progress)
        self._points = PointMaker(scenario, ready, recorder, plan.window_s, plan.shortest_steady_s)
        self._seen: list[Seen] = []

    def measure_loads(self) -> None:
        """Drive every load and add its point to the curve; then some again, as the budget allows.

        Raises:
            EngineError: the engine died, or answered no load.
        """
        recorder = self._recorder
        recorder.settings.setdefault("levels_seen", {})
        began_s = recorder.now()
        for load in self._loads():
            if any(
                point.of_load(load.level, load.arrivals, load.rate_per_s)
                for point in recorder.curve
            ):
                self._progress(f"{load.name}: finished by the earlier run")
                continue
            seen = Seen(load)
            self._measure(seen)
            if seen.point is not None:
                self._seen.append(seen)
        if not recorder.curve:
            raise EngineError(
                f"{self._ready.facts.url}: no load was answered; look at the server's log"
            )
        if self._plan.budget_s is not None:
            self._repeat(began_s + self._plan.budget_s)

    def _loads(self) -> Iterator[Load]:
        if self._plan.climbs:
            most = self._ready.facts.settings.get("max_num_seqs") or MOST_LEVEL
            service = self._scenario.workload.service
            yield from climbing(self._recorder.curve, most, service, self._progress)
        yield from self._plan.loads

    def _repeat(self, until_s: float) -> None:
        """Drive the least known load again, until all are known well or there is no time left."""
        now = self._recorder.now
        while True:
            known = [(seen.load, seen.point) for seen in self._seen if seen.point is not None]
            load = least_known(known)
            if load is None:
                self._progress("all loads are known well enough")
                return
            if now() + self._driver.takes_s(load) > until_s:
                self._progress("the time for further measuring is over")
                return
            (seen,) = (each for each in self._seen if each.load is load)
            self._measure(seen)

    def _measure(self, seen: Seen) -> None:
        """Drive a load once more; its point of the curve then holds this time too.

        Raises:
            EngineError: the engine died.
            KeyboardInterrupt: so it was asked.
        """
        seen.times += 1
        self._driver.drive(seen.load, lambda log: self._keep(seen, log), seen.times)

    def _keep(self, seen: Seen, log: LevelLog) -> None:
        """Put what was seen of a load into the run."""
        recorder = self._recorder
        seen_of = {**log.seen(), "languages": by_language(log.answers)}
        recorder.settings["levels_seen"][log.key] = seen_of
        recorder.note_settings()
        if not log.good:
            if log.cut == INTERRUPTED:
                return
            if not log.answers:  # drawn again, at a low rate; it began with a load that had some
                self._progress(f"{log.name}: no request came")
                return
            recorder.add_doubt(
                doubt(
                    "level-failed",
                    f"{log.name}: every request failed ({told(log.failures)})",
                    remedy(log.failures),
                    seen.name,
                )
            )
            return
        point = self._points.add(seen, log)
        recorder.add_point(point)
        self._progress(_told(point))

    def summarise(self) -> None:
        """Fill the run's summary from the level nearest the demand, and say which that is."""
        recorder, ready = self._recorder, self._ready
        add_doubts_of_engine(ready, recorder)
        for seen in self._seen:
            for said in few_requests(seen.load, seen.answers):
                recorder.add_doubt(said, seen.name)
        if not recorder.curve:
            return
        demanded = nearest_load(self._scenario, recorder.curve)
        point = recorder.curve[demanded.load]
        kind = "steady" if point.steady else "whole_run"
        recorder.settings["summary"] = {
            "level": point.level,
            "load": point.load,
            "window": kind,
            "why": demanded.why,
            "in_flight_at_peak": demanded.in_flight,
        }
        levels = [point.level for point in recorder.curve if point.level is not None]
        for said in summary_doubts(demanded, point, kind, levels):
            recorder.add_doubt(said)
        for name, estimate in (point.steady or point.whole_run).items():
            if name not in OF_RUN:
                recorder.summary[name] = estimate


def _told(point: CurvePoint) -> str:
    found = point.steady or point.whole_run
    rate, first = found["output_tokens_per_s"], found["ttft_s_p50"]
    name = point.load if point.level is None else f"level {point.level}"
    return f"{name}: {rate.value or 0:.1f} tokens/s, first token {first}"
