"""``bench``: drives a scenario's load through an engine and measures it, level by level."""

from __future__ import annotations

import asyncio
import contextlib
import itertools
import os
import time
from collections.abc import Iterator, Sequence
from dataclasses import asdict
from typing import Any, Final

from ecoaudit.checks import doubt
from ecoaudit.engines.base import Engine, EngineFacts, Progress
from ecoaudit.errors import EcoauditError, EngineError, UsageError
from ecoaudit.estimate import Estimate
from ecoaudit.recorder import Recorder
from ecoaudit.recording import Window, energy_within
from ecoaudit.run import CurvePoint, Doubt, Run, RunKind, RunStatus
from ecoaudit.scenario import Scenario
from ecoaudit.workloads.arrivals import ClosedLoop
from ecoaudit.workloads.client import LoadClient
from ecoaudit.workloads.demand import Demanded, nearest_level
from ecoaudit.workloads.doubts import (
    TOKEN_DIFFERENCE,
    engine_doubts,
    level_doubts,
    token_difference,
)
from ecoaudit.workloads.ending import orderly_end
from ecoaudit.workloads.figures import DEFINITIONS, figures, without_token_figures
from ecoaudit.workloads.lengths import Shape, longest_context, shapes
from ecoaudit.workloads.level import LevelLog, drive_level
from ecoaudit.workloads.prompts import Prepared, PromptMaker
from ecoaudit.workloads.server_metrics import cache_settings
from ecoaudit.workloads.steady import (
    SHORTEST_STEADY_S,
    Watch,
    minimum_requests,
    steady,
    whole_run,
)

WINDOW_S: Final = 20.0
IDLE_S: Final = 10.0
WARMUP_ROUNDS: Final = 2  # requests per slot of the highest level
WARMUP_TOKENS: Final = 32  # longest warm-up answer
_LOAD_STREAM, _WARMUP_STREAM = 0, 1  # keep the warm-up's draws apart from the load's
_MOST_PREPARED = 2000  # requests made ahead of a level


def silent(line: str) -> None:
    """Progress that nobody wants to see."""


def bench(
    scenario: Scenario,
    engine: Engine,
    *,
    levels: Sequence[int] | None = None,
    window_s: float | None = None,
    idle_s: float | None = None,
    output: str | os.PathLike[str] | None = None,
    name: str | None = None,
    progress: Progress = silent,
    words: Sequence[str] = (),
    shortest_steady_s: float = SHORTEST_STEADY_S,
) -> Run:
    """Measure an engine under a scenario's load.

    Windows: ``idle`` before the engine starts, ``model_load``, ``warmup``, ``idle_loaded``, then
    ``level-N`` for each level with its ``steady`` part inside. Ctrl-C and SIGTERM end the run as
    ``interrupted`` with the levels that are done; the engine is taken down whatever happens.

    Args:
        scenario: gives lengths, levels, demand and site.
        engine: not started yet.
        levels: requests in flight, one level each; the scenario's by default.
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
    levels = sorted(set(levels or plan.levels))
    if not levels or levels[0] < 1:
        raise UsageError(f"levels must be whole numbers of 1 or more, got {list(levels)}")
    window_s = window_s if window_s is not None else _seconds(plan.window, WINDOW_S)
    idle_s = idle_s if idle_s is not None else _seconds(plan.idle, IDLE_S)
    recorder = Recorder(
        name or f"{scenario.name}: {engine.label}",
        kind=RunKind.INFERENCE,
        site=scenario.site,
        scenario=asdict(scenario),
        settings={"engine": engine.name, "levels": levels, "window_s": window_s, "idle_s": idle_s},
        output=output,
    )
    work = _Bench(scenario, engine, recorder, levels, window_s, progress, words, shortest_steady_s)
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
            work.measure_levels()
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
        levels: Sequence[int],
        window_s: float,
        progress: Progress,
        words: Sequence[str],
        shortest_steady_s: float,
    ):
        self._scenario = scenario
        self._engine = engine
        self._recorder = recorder
        self._levels = levels
        self._window_s = window_s
        self._progress = progress
        self._words = words
        self._shortest_s = shortest_steady_s
        self._seed = scenario.bench.seed
        self._e2e_s: dict[int, float] = {}

    # -- before the load -----------------------------------------------------------------------

    def prepare(self, idle_s: float) -> None:
        """Idle, start the engine, warm it up, idle again."""
        recorder, engine = self._recorder, self._engine
        self._rest("idle", idle_s, "measuring the machine at rest")
        with recorder.window("model_load"):
            self._facts = facts = engine.start(
                self._progress,
                concurrency=max(self._levels),
                context=longest_context(self._scenario),
            )
        self._prompts = PromptMaker(facts, (self._seed, _LOAD_STREAM), self._words)
        recorder.settings.update(self._settings(facts))
        with recorder.window("warmup"):
            self._speed = asyncio.run(self._warm_up())
        loaded = self._rest("idle_loaded", idle_s, "measuring the loaded engine at rest")
        seen = recorder.measure(loaded)
        self._methods = {device.method for device in seen.devices}
        energy = energy_within(seen.devices, None)
        if idle_s > 0:
            power = (energy / idle_s).converted(1.0, "W")
            recorder.summary["idle_power_w"] = power.sourced(
                f"window idle_loaded, {idle_s:.1f} s; {energy.source}"
            )

    def _rest(self, name: str, idle_s: float, what: str) -> Window:
        self._progress(f"{what}, {idle_s:.0f} s")
        with self._recorder.window(name) as window:
            time.sleep(idle_s)
        return window

    async def _warm_up(self) -> tuple[float, float]:
        """Short requests on every slot; gives seconds to the first token and per further one."""
        most = max(self._levels)
        self._progress(f"warming up with {WARMUP_ROUNDS * most} short requests")
        facts = self._facts
        prompts = PromptMaker(facts, (self._seed, _WARMUP_STREAM), self._words)
        drawn = shapes(self._scenario, (self._seed, _WARMUP_STREAM), facts.max_model_len)
        short = (
            Shape(shape.prompt_tokens, min(shape.output_tokens, WARMUP_TOKENS)) for shape in drawn
        )
        log = LevelLog(most)
        async with LoadClient(facts.url, self._engine.headers, self._recorder.now) as client:
            await drive_level(
                log,
                client,
                ClosedLoop(most),
                prompts.requests(short),
                lambda answers: len(answers) < WARMUP_ROUNDS * most,
                lambda _: None,
                self._recorder.now,
                counters=False,
                around=contextlib.nullcontext(),
            )
            text = await client.metrics() if facts.abilities.metrics else None
        if not log.good:
            raise EngineError(
                self._engine.alive()
                or f"{facts.url}: no request of the warm-up was answered ({log.failures}); "
                "check the served name and the context length"
            )
        self._recorder.settings["cache"] = cache_settings(text or "")
        ttft_s = sum(answer.ttft_s for answer in log.good) / len(log.good)
        tpots = [answer.tpot_s for answer in log.good if answer.tpot_s is not None]
        return ttft_s, sum(tpots) / len(tpots) if tpots else 0.0

    def _settings(self, facts: EngineFacts) -> dict[str, Any]:
        return {
            **facts.settings,
            "engine_version": facts.version,
            "url": facts.url,
            "model": facts.model,
            "served_name": facts.served_name,
            "weights": facts.weights,
            "random_weights": facts.weights_are_random,
            "max_model_len": facts.max_model_len,
            "abilities": asdict(facts.abilities),
            "started_by_ecoaudit": self._engine.owns_server,
            "arrivals": "closed loop",
            "temperature": 0,
            "seed": self._seed,
            "prompts": "token ids" if self._prompts.exact else "text",
            "shortest_steady_s": self._shortest_s,
            "clocks": {"monotonic_s": self._recorder.now(), "unix_s": time.time()},
            "definitions": dict(DEFINITIONS),
        }

    # -- the load ------------------------------------------------------------------------------

    def measure_levels(self) -> None:
        """Drive every level and add its point to the curve."""
        measured: dict[str, dict[str, float | int | None]] = {}
        self._recorder.settings["levels_seen"] = measured
        for level in self._levels:
            log, window = self._drive(level)
            gone = self._engine.alive()
            if gone is not None:
                raise EngineError(gone)
            measured[str(level)] = log.seen()
            if not log.good:
                kinds = ", ".join(log.failures)
                self._recorder.add_doubt(
                    doubt(
                        "level-failed",
                        f"level {level}: every request failed ({kinds})",
                        "look at the server's log; a lower level may hold",
                    )
                )
                continue
            self._add_point(log, window)
        if not self._recorder.curve:
            raise EngineError(f"{self._facts.url}: no level was answered; look at the server's log")

    def _drive(self, level: int) -> tuple[LevelLog, Window]:
        recorder, facts = self._recorder, self._facts
        requests = self._requests(level)
        watch = Watch(level, self._window_s)
        log = LevelLog(level)
        opened: list[Window] = []

        @contextlib.contextmanager
        def measured() -> Iterator[None]:
            with recorder.window(f"level-{level}") as window:
                opened.append(window)
                yield

        async def drive() -> None:
            async with LoadClient(facts.url, self._engine.headers, recorder.now) as client:
                await drive_level(
                    log,
                    client,
                    ClosedLoop(level),
                    requests,
                    lambda answers: not watch.enough(answers),
                    watch.ended,
                    recorder.now,
                    counters=facts.abilities.metrics,
                    around=measured(),
                )

        asyncio.run(drive())
        return log, opened[0]

    def _requests(self, level: int) -> Iterator[Prepared]:
        """The level's requests; about as many as it will need are made now, ahead of it."""
        drawn = shapes(self._scenario, (self._seed, _LOAD_STREAM), self._facts.max_model_len)
        made = self._prompts.requests(drawn)
        ttft_s, tpot_s = self._speed
        each_s = max(ttft_s + tpot_s * self._scenario.workload.output.mean.number, 1e-3)
        needed = max(minimum_requests(level), round(level * (2 + self._window_s / each_s)))
        self._progress(
            f"level {level}: about {needed} requests, {level} in flight, "
            f"about {needed / level * each_s:.0f} s"
        )
        ahead = list(itertools.islice(made, min(needed + level, _MOST_PREPARED)))
        return itertools.chain(ahead, made)

    def _add_point(self, log: LevelLog, window: Window) -> None:
        recorder = self._recorder
        span = steady(log.answers, log.concurrency)
        for said in level_doubts(log, span, self._shortest_s):
            self._recorder.add_doubt(said)
        whole = figures(log, whole_run(log.answers), recorder.measure(window), whole=True)
        part: dict[str, Estimate] = {}
        if span is not None and span.duration_s >= self._shortest_s:
            inside = recorder.add_window("steady", span.start_s, span.end_s, window)
            part = figures(log, span, recorder.measure(inside), whole=False)
        difference = token_difference(log)
        if difference is not None and difference > TOKEN_DIFFERENCE:
            reason = "withheld: server and client disagree on the number of tokens"
            whole, part = without_token_figures(whole, reason), without_token_figures(part, reason)
        recorder.curve.append(CurvePoint(log.concurrency, whole, part))
        self._e2e_s[log.concurrency] = sum(a.e2e_s for a in log.good) / len(log.good)
        self._progress(_told(recorder.curve[-1]))

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
        demanded = nearest_level(self._scenario, self._e2e_s)
        point = next(point for point in recorder.curve if point.level == demanded.level)
        kind = "steady" if point.steady else "whole_run"
        recorder.settings["summary"] = {
            "level": demanded.level,
            "window": kind,
            "why": demanded.why,
            "in_flight_at_peak": demanded.in_flight,
        }
        for said in _summary_doubts(demanded, kind, self._levels):
            self._recorder.add_doubt(said)
        of_run = {"duration_s", "energy_j", "gpu_energy_j", "cpu_energy_j", "dram_energy_j"}
        for name, estimate in (point.steady or point.whole_run).items():
            if name not in of_run and not name.startswith("peak_"):
                recorder.summary[name] = estimate


def _summary_doubts(demanded: Demanded, kind: str, levels: Sequence[int]) -> Iterator[Doubt]:
    if kind == "whole_run":
        yield doubt(
            "whole-run-summary",
            "the run's figures are those of a whole level with its ramp-up and its emptying batch: "
            "tokens/s read low and J/token high",
            f"measure longer: --window {SHORTEST_STEADY_S:.0f}s",
        )
    if demanded.in_flight > max(levels):
        yield doubt(
            "demand-above-levels",
            f"the busiest hour has {demanded.in_flight:.1f} requests in flight on average, above "
            f"the highest level {max(levels)}",
            f"measure a higher level too: --levels {','.join(map(str, levels))},"
            f"{-int(-demanded.in_flight // 1)}",
        )


def _told(point: CurvePoint) -> str:
    found = point.steady or point.whole_run
    rate, first = found["output_tokens_per_s"], found["ttft_s_p50"]
    return f"level {point.level}: {rate.value or 0:.1f} tokens/s, first token {first}"


def _seconds(estimate: Estimate | None, otherwise: float) -> float:
    return otherwise if estimate is None else estimate.number
