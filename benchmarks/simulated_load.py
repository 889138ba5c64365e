"""The simulation of a clinic's load beside a real vLLM server on this machine's CPU: the 95th
percentile of the time to first token, and the requests in the batch.

The server has the toy model, no prefix cache, 8 requests at most in its batch and 512 tokens in a
step. First its steps are measured: closed loops with 1, 2, 4 and 8 in flight, and prompts of some
lengths alone. Then requests come at random at three rates, and the simulation is given the same
arrivals and lengths, with step times in two ways:

- calibrated: decode steps of the closed loops, the reading of prompts as the engine counts it, and
  the time that client and HTTP server add to a first token.
- curve: the points of the closed loops alone, as of any measured run (`sizing/operating.py`).

After each rate the last of those prompts are read alone again: `machine_slower_percent` says how
much slower than at first. A run in which it is far from 0 had other work beside it, and says
nothing.

    python -m benchmarks.simulated_load --save     # about 5 minutes, where vLLM is installed
"""

from __future__ import annotations

import sys
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass

import numpy

from benchmarks.bench import Row, options, report
from benchmarks.driving import drive
from ecoaudit.engines.base import EngineFacts
from ecoaudit.engines.vllm import VllmServer
from ecoaudit.estimate import Basis, Estimate
from ecoaudit.run import CurvePoint
from ecoaudit.sizing.operating import curve_steps
from ecoaudit.sizing.peak_hour import Draws, saturated_per_s
from ecoaudit.sizing.simulation import ServerLimits, Steps, simulate
from ecoaudit.statistics import percentile
from ecoaudit.workloads.lengths import Shape
from ecoaudit.workloads.level import LevelLog
from ecoaudit.workloads.loads import Closed, Load, Once
from ecoaudit.workloads.prompts import PromptMaker
from ecoaudit.workloads.server_metrics import grown

SHARES = (0.3, 0.55, 0.75)  # of the capacity
LEVELS = (1, 2, 4, 8)
LENGTHS = (16, 64, 128, 256, 384, 512)  # of prompts that are read alone [tokens]
PROMPT, OUTPUT = (250.0, 200.0), (64.0, 48.0)  # mean and standard deviation [tokens]
LIMITS = ServerLimits(most_running=8, batched_tokens=512, kv_tokens=32_768)
CONTEXT = 2048
LEVEL_S, RATE_S = 20.0, 60.0
ALONE = 15  # requests of each length
FLAGS = (
    "--no-enable-prefix-caching",
    *("--max-num-seqs", str(LIMITS.most_running)),
    *("--max-num-batched-tokens", str(LIMITS.batched_tokens)),
)


@contextmanager
def serving() -> Iterator[EngineFacts]:
    """A server with the toy model."""
    engine = VllmServer(flags=FLAGS)
    try:
        yield engine.start(
            lambda line: print(line, file=sys.stderr),
            concurrency=LIMITS.most_running,
            context=CONTEXT,
        )
    finally:
        engine.stop()


def shapes(count: int, seed: int) -> list[Shape]:
    """Lengths of requests, lognormal."""
    chance = numpy.random.default_rng(seed)

    def drawn(mean: float, sd: float) -> list[int]:
        variance = numpy.log(1 + (sd / mean) ** 2)
        lengths = chance.lognormal(numpy.log(mean) - variance / 2, variance**0.5, count)
        found: list[int] = numpy.clip(numpy.rint(lengths), 8, CONTEXT // 2 - 8).astype(int).tolist()
        return found

    return [Shape(p, o) for p, o in zip(drawn(*PROMPT), drawn(*OUTPUT), strict=True)]


def driven(facts: EngineFacts, load: Load, given: Sequence[Shape], lasts_s: float) -> LevelLog:
    """What the client sees of a load: all of these requests, or as many as are sent in a time."""
    made = PromptMaker(facts, (len(given),)).requests(iter(given))
    log = LevelLog(load, LIMITS.most_running)
    until_s = time.monotonic() + lasts_s

    drive(
        log,
        facts,
        made,
        len(given),
        lambda answers: len(answers) < len(given) and time.monotonic() < until_s,
    )
    if log.failures:
        raise RuntimeError(f"{log.name}: {log.failures}")
    return log


def at_times(times_s: Sequence[float]) -> Once:
    """Requests at these times [s]."""
    return Once("poisson", "poisson", len(times_s), times_s[-1], lambda _: iter(times_s))


def engine_s(log: LevelLog, part: str) -> float:
    """Time that requests spent in a part of the engine, all together [s]."""
    spent = grown(getattr(log.before, part), getattr(log.after, part))
    if spent is None:
        raise RuntimeError(f"the server does not count {part}")
    return spent


# -- the steps -------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Calibrated:
    """Steps by level and by length of prompt; see :class:`ecoaudit.sizing.simulation.Steps`.

    Attributes:
        decode_each_s: at each of ``LEVELS`` [s].
        prefill_each_s: at each of ``LENGTHS`` [s].
        delay_s: what client and HTTP server add to a first token [s].
    """

    decode_each_s: tuple[float, ...]
    prefill_each_s: tuple[float, ...]
    delay_s: float

    @property
    def shared_s(self) -> float:
        """See :class:`ecoaudit.sizing.simulation.Steps`."""
        return min(self.decode_each_s[0], self.prefill_each_s[0])

    def decode_s(self, batch: float, context: float) -> float:
        """See :class:`ecoaudit.sizing.simulation.Steps`."""
        return float(numpy.interp(batch, LEVELS, self.decode_each_s))

    def prefill_s(self, tokens: float, context: float) -> float:
        """See :class:`ecoaudit.sizing.simulation.Steps`."""
        return float(numpy.interp(tokens, LENGTHS, self.prefill_each_s))


def closed_loops(facts: EngineFacts) -> list[CurvePoint]:
    """The operating curve of the load's lengths, as a bench gives it."""
    points = []
    for level in LEVELS:
        log = driven(facts, Closed(level), shapes(4000, level), LEVEL_S)
        tpots = [answer.tpot_s for answer in log.good if answer.tpot_s is not None]
        figures = {
            "tpot_s_p50": _seen(percentile(tpots, 50), "s"),
            "ttft_s_p50": _seen(percentile([a.ttft_s for a in log.good], 50), "s"),
            "prompt_tokens": _seen(sum(a.prompt_tokens for a in log.good), "tokens"),
            "output_tokens": _seen(sum(a.output_tokens for a in log.good), "tokens"),
            "requests": _seen(len(log.good), "requests"),
        }
        points.append(CurvePoint(level, figures))
        print(level, {name: round(e.number, 5) for name, e in figures.items()}, file=sys.stderr)
    return points


def _seen(value: float, unit: str) -> Estimate:
    return Estimate.exact(float(value), unit, Basis.MEASURED, "client")


def alone(facts: EngineFacts, length: int) -> tuple[float, float]:
    """Mean time of reading a prompt alone in the engine, and to the first token outside [s]."""
    log = driven(facts, Closed(1), [Shape(length, 1)] * ALONE, 60.0)
    ttft_s = sum(answer.ttft_s for answer in log.good) / len(log.good)
    return engine_s(log, "prefill_s") / len(log.good), ttft_s


def calibrated(facts: EngineFacts, points: Sequence[CurvePoint]) -> Calibrated:
    """The steps by the engine's own times of prompts that are read alone."""
    prefill_each_s, delays_s = [], []
    for length in LENGTHS:
        inside_s, ttft_s = alone(facts, length)
        prefill_each_s.append(inside_s)
        delays_s.append(ttft_s - inside_s)
    tpots = [point.whole_run["tpot_s_p50"].number for point in points]
    prompt_s = float(numpy.interp(PROMPT[0], LENGTHS, prefill_each_s))
    apart_s = (prompt_s - tpots[0]) / OUTPUT[0]
    decode_each_s = [
        tpot - (level - 1) * apart_s for level, tpot in zip(LEVELS, tpots, strict=True)
    ]
    found = Calibrated(tuple(decode_each_s), tuple(prefill_each_s), percentile(delays_s, 50))
    print(found, file=sys.stderr)
    return found


# -- side by side ----------------------------------------------------------------------------------


def row(
    name: str, share: float, steps: Steps, delay_s: float, log: LevelLog, given: Sequence[Shape]
) -> Row:
    """What was seen of a load and what the simulation tells of it."""
    answers = log.good
    first_s = answers[0].due_s
    told = simulate(
        [answer.due_s - first_s for answer in answers],
        [shape.prompt_tokens for shape in given],
        [shape.output_tokens for shape in given],
        steps,
        LIMITS,
    )
    lasts_s = max(answer.last_s or 0.0 for answer in answers) - first_s
    ttft_s = percentile([answer.ttft_s for answer in answers], 95)
    told_ttft_s = percentile(told.ttft_s, 95) + delay_s
    running = (engine_s(log, "prefill_s") + engine_s(log, "decode_s")) / lasts_s
    told_running = told.running(0.0, max(told.ended_s))
    return {
        "steps": name,
        "share_of_capacity": share,
        "requests_per_s": len(answers) / lasts_s,
        "requests": len(answers),
        "ttft_p95_ms": 1e3 * ttft_s,
        "ttft_p95_ms_told": 1e3 * told_ttft_s,
        "ttft_off_percent": 100 * (told_ttft_s / ttft_s - 1),
        "running": running,
        "running_told": told_running,
        "running_off_percent": 100 * (told_running / running - 1),
        "e2e_p50_ms": 1e3 * percentile([answer.e2e_s for answer in answers], 50),
        "e2e_p50_ms_told": 1e3 * (percentile(told.e2e_s, 50) + delay_s),
    }


def rows() -> Iterator[Row]:
    """Each rate, by both ways to know the steps."""
    with serving() as facts:
        driven(facts, Closed(4), shapes(200, 99), 10.0)  # to warm up
        points = closed_loops(facts)
        spread = 1 + (PROMPT[1] / PROMPT[0]) ** 2
        curve, known = curve_steps(points, spread), calibrated(facts, points)
        many = shapes(3000, 7)
        prompts = tuple(shape.prompt_tokens for shape in many)
        outputs = tuple(shape.output_tokens for shape in many)
        draws = Draws((1.0,) * len(many), prompts, outputs, 0)
        most = saturated_per_s(draws, known, LIMITS).number
        for number, share in enumerate(SHARES):
            count = round(share * most * RATE_S)
            gaps = numpy.random.default_rng(number).exponential(1 / (share * most), count)
            times: list[float] = numpy.cumsum(gaps).tolist()
            given = shapes(count, 100 + number)
            log = driven(facts, at_times(times), given, 3 * RATE_S)
            if len(log.good) != count:
                raise RuntimeError(f"{count} requests were to be sent, {len(log.good)} were")
            slower = alone(facts, LENGTHS[-1])[0] / known.prefill_each_s[-1] - 1
            for name, steps, delay_s in (
                ("calibrated", known, known.delay_s),
                ("curve", curve, 0.0),
            ):
                found = row(name, share, steps, delay_s, log, given)
                found["machine_slower_percent"] = 100 * slower
                print(found, file=sys.stderr)
                yield found


if __name__ == "__main__":
    asked = options(__doc__).parse_args()
    report("simulated_load", list(rows()), asked)
