"""Before the load: the machine at rest, the engine started and warmed up, and at rest again."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from typing import Any, Final

from ecoaudit.engines.base import Engine, EngineFacts, Progress
from ecoaudit.errors import EngineError
from ecoaudit.estimate import Basis, Estimate
from ecoaudit.measurement import Measurement
from ecoaudit.recorder import Recorder
from ecoaudit.recording import Window, energy_within
from ecoaudit.scenario import Scenario
from ecoaudit.workloads.bench_plan import BenchPlan
from ecoaudit.workloads.clients import client_for
from ecoaudit.workloads.engine_figures import DEFINITIONS as ENGINE_DEFINITIONS
from ecoaudit.workloads.failures import remedy, told
from ecoaudit.workloads.figures import DEFINITIONS
from ecoaudit.workloads.languages import Mix, mix_of, tokenizer_served
from ecoaudit.workloads.lengths import Shape, longest_context, shapes, shared_tokens
from ecoaudit.workloads.level import LevelLog
from ecoaudit.workloads.loads import longest_given
from ecoaudit.workloads.memory_split import DEFINITIONS as MEMORY_DEFINITIONS
from ecoaudit.workloads.prompts import PromptMaker
from ecoaudit.workloads.requests import Singles
from ecoaudit.workloads.server_metrics import cache_settings
from ecoaudit.workloads.server_place import place_of
from ecoaudit.workloads.serving_boards import ServingBoards, told_apart
from ecoaudit.workloads.warming import ROUNDS, ask_few, expected_s, short

LOAD_STREAM, WARMUP_STREAM, ARRIVAL_STREAM = 0, 1, 2  # draws that are kept apart
CLIMB_STREAMS: Final = 64  # requests in flight that a server is started for where levels climb
_OPEN_STREAMS: Final = 4  # in flight while warming up where no level says how many


@dataclass(frozen=True, slots=True)
class Ready:
    """An engine that is warm, and what was seen on the way.

    Attributes:
        facts: of the engine.
        prompts: makes those of the load.
        mix: the languages of the load, as the served tokenizer cuts them.
        each_s: about how long an answer takes [s].
        at_rest: the window of the loaded engine at rest; None where there was none.
        boards: which GPUs the engine uses.
        methods: how the devices are read.
    """

    facts: EngineFacts
    prompts: PromptMaker
    mix: Mix
    each_s: float
    at_rest: Measurement | None
    boards: ServingBoards
    methods: frozenset[str]


def get_ready(
    scenario: Scenario,
    engine: Engine,
    recorder: Recorder,
    plan: BenchPlan,
    progress: Progress,
) -> Ready:
    """Idle, start the engine, warm it up, idle again, and ask one request after that rest.

    Raises:
        EngineError: the engine did not start, or answered nothing.
        NotFoundError: a language of the scenario that is in no table.
    """
    return _Readying(scenario, engine, recorder, plan, progress).go()


class _Readying:
    def __init__(
        self,
        scenario: Scenario,
        engine: Engine,
        recorder: Recorder,
        plan: BenchPlan,
        progress: Progress,
    ):
        self._scenario = scenario
        self._engine = engine
        self._recorder = recorder
        self._plan = plan
        self._progress = progress
        self._seed = scenario.bench.seed

    def go(self) -> Ready:
        recorder, plan, work = self._recorder, self._plan, self._scenario.workload
        expected = mix_of(work, tokenizer_served())  # the tokenizer is known once it has started
        before = self._rest("idle", "measuring the machine at rest")
        most = max((load.level or 1 for load in plan.loads), default=1)
        with recorder.window("model_load"):
            self._facts = facts = self._engine.start(
                self._progress,
                concurrency=max(most, CLIMB_STREAMS) if plan.climbs else most,
                context=max(longest_context(self._scenario, expected), longest_given(plan.loads)),
            )
        self._mix = mix_of(work, tokenizer_served(facts))
        prompts = PromptMaker(
            facts, (self._seed, LOAD_STREAM), plan.words, shared_tokens(self._scenario)
        )
        recorder.settings.update(self._settings(prompts))
        with recorder.window("warmup"):
            each_s = self._warm_up()
        recorder.note_settings()
        rest = self._rest("idle_loaded", "measuring the loaded engine at rest")
        loaded, memory = recorder.measure(rest), recorder.board_memory(rest)
        boards = ServingBoards(place=place_of(facts, self._engine.owns_server))
        if self._engine.owns_server:
            boards = told_apart(recorder.board_memory(before), memory)
        loaded = boards.of_server(loaded, memory)
        self._note_idle_power(loaded)
        with recorder.window("first_request") as first:
            self._first_after_rest(first)
        return Ready(
            facts,
            prompts,
            self._mix,
            each_s,
            loaded if plan.idle_s > 0 else None,
            boards,
            frozenset(device.method for device in loaded.devices),
        )

    def _rest(self, name: str, what: str) -> Window:
        self._progress(f"{what}, {self._plan.idle_s:.0f} s")
        with self._recorder.window(name) as window:
            time.sleep(self._plan.idle_s)
        return window

    def _note_idle_power(self, loaded: Measurement) -> None:
        idle_s = loaded.duration_s
        if self._plan.idle_s > 0:
            energy = energy_within(loaded.devices, None)
            power = (energy / idle_s).converted(1.0, "W")
            self._recorder.summary["idle_power_w"] = power.sourced(
                f"window idle_loaded, {idle_s:.1f} s; {energy.source}"
            )

    def _warm_up(self) -> float:
        """Warm the engine up; about how long a request takes [s]."""
        levels: Sequence[int] = [load.level or _OPEN_STREAMS for load in self._plan.loads]
        most = max(levels, default=_OPEN_STREAMS)
        self._progress(f"warming up with {ROUNDS * most} short requests")
        log, metrics = self._ask_few(most, ROUNDS * most, short)
        if not log.good:
            raise EngineError(
                self._engine.alive()
                or f"{self._facts.url}: no request of the warm-up was answered:"
                f" {told(log.failures)}; {remedy(log.failures)}"
            )
        self._recorder.settings["cache"] = cache_settings(metrics or "")
        output = self._scenario.workload.output.mean.number * self._mix.mean_premium
        return expected_s(log.good, output)

    def _ask_few(
        self,
        streams: int,
        count: int,
        cut: Callable[[Iterator[Shape]], Iterator[Shape]],
    ) -> tuple[LevelLog, str | None]:
        """Some requests that share no prompt with the load."""
        facts, stream = self._facts, (self._seed, WARMUP_STREAM)
        prompts = PromptMaker(facts, stream, self._plan.words)
        drawn = shapes(self._scenario, stream, facts.max_model_len, self._mix)
        client = client_for(
            facts, self._engine.headers, self._recorder.now, silence_s=self._plan.silence_s
        )
        requests = Singles(prompts.requests(cut(drawn)))
        return asyncio.run(ask_few(client, requests, streams, count, self._recorder.now))

    def _first_after_rest(self, window: Window) -> None:
        """One request, whole: what a clinic sees that asks now and then."""
        log, _ = self._ask_few(1, 1, iter)
        for answer in log.good:
            for name, value in (("ttft_s", answer.ttft_s), ("e2e_s", answer.e2e_s)):
                window.quantities[name] = Estimate.exact(
                    value, "s", Basis.MEASURED, "client, one request"
                )

    def _settings(self, prompts: PromptMaker) -> dict[str, Any]:
        kinds = ["closed loop"] if self._plan.climbs else []
        kinds += [load.arrivals for load in self._plan.loads]
        return {
            **self._facts.described(),
            "started_by_ecoaudit": self._engine.owns_server,
            "arrivals": ", ".join(dict.fromkeys(kinds)),
            "temperature": 0,
            "seed": self._seed,
            "prefix_cache": self._scenario.workload.prefix_cache,
            "languages": self._mix.settings(),
            "prompts": "token ids" if prompts.exact else "text",
            "clocks": {"monotonic_s": self._recorder.now(), "unix_s": time.time()},
            "definitions": {**DEFINITIONS, **ENGINE_DEFINITIONS, **MEMORY_DEFINITIONS},
        }
