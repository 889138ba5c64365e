"""``bench``: drives a scenario's load through an engine and measures it, level by level."""

from __future__ import annotations

import asyncio
import itertools
import math
import os
import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import asdict
from typing import Any, Final

from ecoaudit.checks import doubt
from ecoaudit.engines.base import Engine, EngineFacts, Progress
from ecoaudit.errors import EcoauditError, EngineError, UsageError
from ecoaudit.estimate import Basis, Estimate
from ecoaudit.measurement import Measurement
from ecoaudit.recorder import Recorder
from ecoaudit.recording import Window, energy_within
from ecoaudit.run import CurvePoint, Run, RunKind, RunStatus
from ecoaudit.scenario import Scenario
from ecoaudit.workloads.client import LoadClient
from ecoaudit.workloads.demand import nearest_load
from ecoaudit.workloads.doubts import (
    TOKEN_DIFFERENCE,
    engine_doubts,
    level_doubts,
    summary_doubts,
    token_difference,
)
from ecoaudit.workloads.ending import orderly_end
from ecoaudit.workloads.energy_shares import energy_shares
from ecoaudit.workloads.figures import DEFINITIONS, figures, without_token_figures
from ecoaudit.workloads.goodput import goodput
from ecoaudit.workloads.lengths import Shape, fitted, longest_context, shapes, shared_tokens
from ecoaudit.workloads.level import LevelLog, drive_level
from ecoaudit.workloads.loads import Load, all_loads, longest_given
from ecoaudit.workloads.prompts import Prepared, PromptMaker
from ecoaudit.workloads.server_metrics import cache_settings
from ecoaudit.workloads.steady import SHORTEST_STEADY_S, Span, whole_run
from ecoaudit.workloads.warming import ROUNDS, ask_few, expected_s, short

WINDOW_S: Final = 20.0
IDLE_S: Final = 10.0
_LOAD_STREAM, _WARMUP_STREAM, _ARRIVAL_STREAM = 0, 1, 2  # draws that are kept apart
_OPEN_SLOTS: Final = 4  # in flight while warming up for an open loop alone
_MOST_PREPARED = 2000  # requests made ahead of a level


def silent(line: str) -> None:
    """Progress that nobody wants to see."""


def bench(
    scenario: Scenario,
    engine: Engine,
    *,
    levels: Sequence[int] | None = None,
    streams: Sequence[Load] = (),
    window_s: float | None = None,
    idle_s: float | None = None,
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
        levels: requests in flight, one level each; the scenario's by default, none where
            ``streams`` are given.
        streams: loads in an open loop: arrivals that do not wait for answers.
        window_s: shortest steady window [s]; the scenario's by default, else 20 s.
        idle_s: length of both idle windows [s]; the scenario's by default, else 10 s.
        output: where the run goes; None keeps it in the runs folder.
        name: of the run.
        progress: is told what goes on, a line at a time.
        words: make text prompts of these words, rather than token ids.
        shortest_steady_s: a shorter steady window gives no steady figures [s].

    Raises:
        EngineError: the engine did not start (nothing is kept), or died (what was measured is
            kept as a failed run).
        UsageError: levels that cannot be driven.
    """
    plan = scenario.bench
    if scenario.workload.prefix_cache and scenario.workload.multi_turn:
        raise UsageError(
            "prefix_cache: on: a bench cannot yet send a conversation's history word for word; set"
            " it off, for histories that no cache knows"
        )
    levels = sorted(set(levels or (() if streams else plan.levels)))
    loads = all_loads(levels, streams)
    window_s = window_s if window_s is not None else _seconds(plan.window, WINDOW_S)
    idle_s = idle_s if idle_s is not None else _seconds(plan.idle, IDLE_S)
    recorder = Recorder(
        name or f"{scenario.name}: {engine.label}",
        kind=RunKind.INFERENCE,
        site=scenario.site,
        scenario=asdict(scenario),
        settings={
            "engine": engine.name,
            "levels": levels,
            "loads": [load.name for load in loads],
            "window_s": window_s,
            "idle_s": idle_s,
        },
        output=output,
    )
    work = _Bench(scenario, engine, recorder, loads, window_s, progress, words, shortest_steady_s)
    with orderly_end() as asked_to_end:
        recorder.start()
        try:
            work.prepare(idle_s)
        except BaseException as error:  # whatever it was, no server is left running
            engine.stop()
            if isinstance(error, KeyboardInterrupt):
                return recorder.finish(RunStatus.INTERRUPTED)
            recorder.discard()
            raise
        status = RunStatus.FAILED
        try:
            work.measure_loads()
            status = RunStatus.INTERRUPTED if asked_to_end() else RunStatus.COMPLETE
        except KeyboardInterrupt:
            status = RunStatus.INTERRUPTED
        except EcoauditError as error:
            raise type(error)(f"{error}\nwhat was measured is in {recorder.saved_to}") from error
        finally:
            engine.stop()
            work.summarise()
            run = recorder.finish(status)
        return run


class _Bench:
    """One run of :func:`bench`, step by step."""

    def __init__(
        self,
        scenario: Scenario,
        engine: Engine,
        recorder: Recorder,
        loads: Sequence[Load],
        window_s: float,
        progress: Progress,
        words: Sequence[str],
        shortest_steady_s: float,
    ):
        self._scenario = scenario
        self._engine = engine
        self._recorder = recorder
        self._loads = loads
        self._window_s = window_s
        self._progress = progress
        self._words = words
        self._shortest_s = shortest_steady_s
        self._seed = scenario.bench.seed
        self._driven: list[tuple[Load, float]] = []  # with its mean end-to-end time [s]

    # -- before the load -----------------------------------------------------------------------

    def prepare(self, idle_s: float) -> None:
        """Idle, start the engine, warm it up, idle again."""
        recorder, engine = self._recorder, self._engine
        self._rest("idle", idle_s, "measuring the machine at rest")
        with recorder.window("model_load"):
            self._facts = facts = engine.start(
                self._progress,
                concurrency=max((load.level or 1 for load in self._loads), default=1),
                context=max(longest_context(self._scenario), longest_given(self._loads)),
            )
        self._prompts = PromptMaker(
            facts, (self._seed, _LOAD_STREAM), self._words, shared_tokens(self._scenario)
        )
        recorder.settings.update(self._settings(facts))
        with recorder.window("warmup"):
            self._warm_up()
        loaded = self._rest("idle_loaded", idle_s, "measuring the loaded engine at rest")
        seen = recorder.measure(loaded)
        self._methods = {device.method for device in seen.devices}
        energy = energy_within(seen.devices, None)
        self._at_rest = seen if idle_s > 0 else None
        if idle_s > 0:
            power = (energy / idle_s).converted(1.0, "W")
            recorder.summary["idle_power_w"] = power.sourced(
                f"window idle_loaded, {idle_s:.1f} s; {energy.source}"
            )
        with recorder.window("first_request") as first:
            self._first_after_rest(first)

    def _rest(self, name: str, idle_s: float, what: str) -> Window:
        self._progress(f"{what}, {idle_s:.0f} s")
        with self._recorder.window(name) as window:
            time.sleep(idle_s)
        return window

    def _warm_up(self) -> None:
        most = max(load.level or _OPEN_SLOTS for load in self._loads)
        self._progress(f"warming up with {ROUNDS * most} short requests")
        log, metrics = self._ask_few(most, ROUNDS * most, short)
        if not log.good:
            raise EngineError(
                self._engine.alive()
                or f"{self._facts.url}: no request of the warm-up was answered ({log.failures}); "
                "check the served name and the context length"
            )
        self._recorder.settings["cache"] = cache_settings(metrics or "")
        self._each_s = expected_s(log.good, self._scenario.workload.output.mean.number)

    def _ask_few(
        self,
        streams: int,
        count: int,
        cut: Callable[[Iterator[Shape]], Iterator[Shape]],
    ) -> tuple[LevelLog, str | None]:
        """Some requests that share no prompt with the load."""
        facts = self._facts
        prompts = PromptMaker(facts, (self._seed, _WARMUP_STREAM), self._words)
        drawn = shapes(self._scenario, (self._seed, _WARMUP_STREAM), facts.max_model_len)
        client = LoadClient(facts.url, self._engine.headers, self._recorder.now)
        requests = prompts.requests(cut(drawn))
        return asyncio.run(ask_few(client, requests, streams, count, self._recorder.now))

    def _first_after_rest(self, window: Window) -> None:
        """One request, whole: what a clinic sees that asks now and then."""
        log, _ = self._ask_few(1, 1, iter)
        for answer in log.good:
            for name, value in (("ttft_s", answer.ttft_s), ("e2e_s", answer.e2e_s)):
                window.quantities[name] = Estimate.exact(
                    value, "s", Basis.MEASURED, "client, one request"
                )

    def _settings(self, facts: EngineFacts) -> dict[str, Any]:
        return {
            **facts.described(),
            "started_by_ecoaudit": self._engine.owns_server,
            "arrivals": ", ".join(dict.fromkeys(load.arrivals for load in self._loads)),
            "temperature": 0,
            "seed": self._seed,
            "prefix_cache": self._scenario.workload.prefix_cache,
            "prompts": "token ids" if self._prompts.exact else "text",
            "shortest_steady_s": self._shortest_s,
            "clocks": {"monotonic_s": self._recorder.now(), "unix_s": time.time()},
            "definitions": dict(DEFINITIONS),
        }

    # -- the load ------------------------------------------------------------------------------

    def measure_loads(self) -> None:
        """Drive every load and add its point to the curve."""
        measured: dict[str, dict[str, float | int | None]] = {}
        self._recorder.settings["levels_seen"] = measured
        for load in self._loads:
            log = self._drive(load)
            gone = self._engine.alive()
            if gone is not None:
                raise EngineError(gone)
            measured[str(load.level or load.name)] = log.seen()
            if not log.good:
                kinds = ", ".join(log.failures)
                self._recorder.add_doubt(
                    doubt(
                        "level-failed",
                        f"{load.name}: every request failed ({kinds})",
                        "look at the server's log; a lower level may hold",
                    )
                )
                continue
            self._add_point(log)
        if not self._recorder.curve:
            raise EngineError(f"{self._facts.url}: no load was answered; look at the server's log")

    def _drive(self, load: Load) -> LevelLog:
        import numpy

        recorder, facts = self._recorder, self._facts
        requests = self._requests(load)
        watch = load.watch(self._each_s, self._window_s, recorder.now)
        log = LevelLog(load, math.ceil(load.in_flight(self._each_s)))

        async def drive() -> None:
            async with LoadClient(facts.url, self._engine.headers, recorder.now) as client:
                await drive_level(
                    log,
                    client,
                    load.arriving(numpy.random.default_rng((self._seed, _ARRIVAL_STREAM))),
                    requests,
                    lambda answers: not watch.enough(answers),
                    watch.ended,
                    recorder.now,
                    counters=facts.abilities.metrics,
                    around=recorder.window(load.window),
                )

        asyncio.run(drive())
        return log

    def _requests(self, load: Load) -> Iterator[Prepared]:
        """The load's requests; about as many as it will need are made now, ahead of it."""
        context = self._facts.max_model_len
        if load.shapes is None:
            drawn = shapes(self._scenario, (self._seed, _LOAD_STREAM), context)
        else:
            drawn = (fitted(shape, context) for shape in load.shapes)
        made = self._prompts.requests(drawn)
        needed, in_flight = (
            load.requests(self._each_s, self._window_s),
            load.in_flight(self._each_s),
        )
        self._progress(
            f"{load.name}: about {needed} requests, {in_flight:.3g} in flight, "
            f"about {needed * self._each_s / max(in_flight, 1e-6):.0f} s"
        )
        ahead = list(itertools.islice(made, min(needed + math.ceil(in_flight), _MOST_PREPARED)))
        return itertools.chain(ahead, made)

    def _add_point(self, log: LevelLog) -> None:
        recorder, window = self._recorder, log.window
        if window is None:
            return
        part_of = log.load.steady(log.answers, self._each_s, self._window_s)
        span = part_of.span
        shares = self._scenario.workload.prefix_cache
        for said in level_doubts(log, part_of, self._shortest_s, shares):
            self._recorder.add_doubt(said)
        whole = self._figures(log, whole_run(log.answers), recorder.measure(window), whole=True)
        part: dict[str, Estimate] = {}
        if span is not None and span.duration_s >= self._shortest_s:
            inside = recorder.add_window("steady", span.start_s, span.end_s, window)
            part = self._figures(log, span, recorder.measure(inside), whole=False)
        difference = token_difference(log)
        if difference is not None and difference > TOKEN_DIFFERENCE:
            reason = "withheld: server and client disagree on the number of tokens"
            whole, part = without_token_figures(whole, reason), without_token_figures(part, reason)
        load = log.load
        recorder.curve.append(CurvePoint(load.level, whole, part, load.arrivals, load.rate_per_s))
        self._driven.append((load, sum(a.e2e_s for a in log.good) / len(log.good)))
        self._progress(_told(recorder.curve[-1]))

    def _figures(
        self, log: LevelLog, span: Span, seen: Measurement, whole: bool
    ) -> dict[str, Estimate]:
        found = figures(log, span, seen, whole)
        per_day = self._scenario.requests_per_day
        return {
            **found,
            **goodput(log.answers, span, whole, self._scenario.workload.service),
            **energy_shares(seen, self._at_rest, found["requests"], per_day),
        }

    # -- after the load ------------------------------------------------------------------------

    def summarise(self) -> None:
        """Fill the run's summary from the level nearest the demand, and say which that is."""
        recorder = self._recorder
        for said in engine_doubts(
            self._facts, self._engine.owns_server, self._prompts.exact, self._methods
        ):
            self._recorder.add_doubt(said)
        if not recorder.curve:
            return
        demanded = nearest_load(self._scenario, self._driven)
        point = recorder.curve[demanded.load]
        kind = "steady" if point.steady else "whole_run"
        recorder.settings["summary"] = {
            "level": point.level,
            "load": point.load,
            "window": kind,
            "why": demanded.why,
            "in_flight_at_peak": demanded.in_flight,
        }
        levels = [load.level for load in self._loads if load.level is not None]
        for said in summary_doubts(demanded, point, kind, levels):
            self._recorder.add_doubt(said)
        of_run = {"duration_s", "energy_j", "gpu_energy_j", "cpu_energy_j", "dram_energy_j"}
        for name, estimate in (point.steady or point.whole_run).items():
            if name not in of_run and not name.startswith("peak_"):
                recorder.summary[name] = estimate


def _told(point: CurvePoint) -> str:
    found = point.steady or point.whole_run
    rate, first = found["output_tokens_per_s"], found["ttft_s_p50"]
    name = point.arrivals if point.level is None else f"level {point.level}"
    return f"{name}: {rate.value or 0:.1f} tokens/s, first token {first}"


def _seconds(estimate: Estimate | None, otherwise: float) -> float:
    return otherwise if estimate is None else estimate.number
