"""Drives one load through an engine that is warm, in a window of its own."""

from __future__ import annotations

import asyncio
import math
from collections.abc import Callable, Iterator, Sequence
from typing import TYPE_CHECKING

from ecoaudit.engines.base import Engine, Progress
from ecoaudit.errors import EngineError
from ecoaudit.recorder import Recorder
from ecoaudit.scenario import Scenario
from ecoaudit.workloads.bench_plan import BenchPlan
from ecoaudit.workloads.client import Client
from ecoaudit.workloads.clients import client_for
from ecoaudit.workloads.lengths import Shape, Turn, conversation, fitted, shapes
from ecoaudit.workloads.level import LevelLog, drive_level
from ecoaudit.workloads.loads import Load
from ecoaudit.workloads.readying import ARRIVAL_STREAM, LOAD_STREAM, Ready
from ecoaudit.workloads.requests import Conversations, Requests, Singles

if TYPE_CHECKING:
    import numpy

INTERRUPTED = "it was interrupted"
_MIDWAY_STREAM = 3
_MOST_PREPARED = 2000  # requests made ahead of a load


def check_due(loads: Sequence[Load], seed: int, window_s: float) -> None:
    """Refuse loads in which no request would be due, before anything is started.

    Raises:
        UsageError: there is one; see :meth:`ecoaudit.workloads.loads.Load.check_due`.
    """
    for load in loads:
        load.check_due(_arrival_draws((seed, 0)), window_s)


def _arrival_draws(seed: tuple[int, int]) -> numpy.random.Generator:
    """What arrival times are drawn from: the scenario's seed, and how often the load was driven."""
    import numpy

    return numpy.random.default_rng((*seed, ARRIVAL_STREAM))


class Driver:
    """Drives the loads of a bench, one after the other.

    Args:
        scenario: gives the lengths.
        engine: is running.
        ready: what is known of it.
        recorder: has a window for each load.
        plan: how long a load is to be watched.
        progress: is told before each load.
    """

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

    def takes_s(self, load: Load) -> float:
        """About how long a load will take [s]."""
        return load.takes_s(self._ready.each_s, self._plan.window_s)

    def drive(self, load: Load, keep: Callable[[LevelLog], None], time: int = 1) -> None:
        """Drive a load for the first or a further ``time``; each has draws of its own.

        Args:
            load: which.
            keep: is given what came of it, also of one that was cut short, by Ctrl-C or because
                the server has gone: its ``cut`` says why.
            time: 1 for the first.

        Raises:
            EngineError: the engine has gone.
            KeyboardInterrupt: so it was asked.
        """
        log = LevelLog(load, math.ceil(load.in_flight(self._ready.each_s)), time)
        try:
            self._drive(log)
        except KeyboardInterrupt:
            log.cut = INTERRUPTED
        gone = self._engine.alive()
        if gone is not None:
            log.cut = log.cut or gone.splitlines()[0]
        keep(log)
        if gone is not None:
            raise EngineError(gone)
        if log.cut == INTERRUPTED:
            raise KeyboardInterrupt

    def _drive(self, log: LevelLog) -> None:
        recorder, ready, load = self._recorder, self._ready, log.load
        seed = (self._scenario.bench.seed, log.time - 1)
        requests = self._requests(load, seed)
        watch = load.watch(ready.each_s, self._plan.window_s, recorder.now)
        window = load.window if log.time == 1 else f"{load.window}-time-{log.time}"

        async def drive() -> None:
            async with self._client(load) as client:
                await drive_level(
                    log,
                    client,
                    load.arriving(_arrival_draws(seed)),
                    requests,
                    lambda answers: not watch.enough(answers),
                    watch.ended,
                    recorder.now,
                    counters=ready.facts.abilities.metrics,
                    gone=self._engine.alive,
                    around=recorder.window(window),
                )

        asyncio.run(drive())

    def _client(self, load: Load) -> Client:
        each_s = self._ready.each_s
        output = self._scenario.workload.output.mean.number * self._ready.mix.mean_premium
        in_flight = load.in_flight(each_s)
        return client_for(
            self._ready.facts,
            self._engine.headers,
            self._recorder.now,
            streams=math.ceil(in_flight),
            tokens_per_s=in_flight * output / each_s,
            silence_s=self._plan.silence_s,
        )

    def _requests(self, load: Load, seed: tuple[int, ...]) -> Requests:
        """The load's requests; about as many as it will need are made now, ahead of it."""
        import numpy

        ready, work = self._ready, self._scenario.workload
        context = ready.facts.max_model_len
        needed = load.requests(ready.each_s, self._plan.window_s)
        in_flight = load.in_flight(ready.each_s)
        self._progress(
            f"{load.name}: about {needed} requests, {in_flight:.3g} in flight, "
            f"about {self.takes_s(load):.0f} s"
        )
        if load.shapes is None and work.multi_turn and work.prefix_cache:
            return Conversations(
                ready.prompts,
                self._conversations((*seed, LOAD_STREAM)),
                math.ceil(in_flight),
                numpy.random.default_rng((*seed, _MIDWAY_STREAM)),
            )
        drawn: Iterator[Shape]
        if load.shapes is None:
            drawn = shapes(self._scenario, (*seed, LOAD_STREAM), context, ready.mix)
        else:
            drawn = (fitted(shape, context) for shape in load.shapes)
        ahead = min(needed + math.ceil(in_flight), _MOST_PREPARED)
        return Singles(ready.prompts.requests(drawn), ahead)

    def _conversations(self, seed: tuple[int, ...]) -> Iterator[list[Turn]]:
        import numpy

        chance, ready = numpy.random.default_rng(seed), self._ready
        while True:
            yield conversation(self._scenario, chance, ready.facts.max_model_len, ready.mix)
