"""What weakens a level's figures, said with its remedy; reference: the rules of each peer named."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Sequence
from typing import Final

from ecoaudit.checks import doubt
from ecoaudit.engines.base import EngineFacts
from ecoaudit.run import CurvePoint, Doubt
from ecoaudit.statistics import percentile
from ecoaudit.workloads.demand import Demanded
from ecoaudit.workloads.level import LevelLog
from ecoaudit.workloads.server_metrics import grown
from ecoaudit.workloads.steady import (
    SHORTEST_STEADY_S,
    Span,
    Steady,
    mean_in_flight,
    most_in_flight,
)

FULL_BATCH: Final = 0.85  # ML.ENERGY drops rows below this share of the batch
WARM_PREFIX: Final = 0.01  # share of prompt tokens found in the prefix cache
TOKEN_DIFFERENCE: Final = 0.01  # between the server's count and the client's
MOST_STREAMS: Final = 128  # of one client process, beyond which its tails are not to be trusted
MOST_TOKENS_PER_S: Final = 6000.0
LATE_S: Final = 0.02  # after it was due: a load of which 5 % are sent later is told


def token_difference(log: LevelLog) -> float | None:
    """Relative difference of the server's token count from the client's; None when not known."""
    server = log.server_output_tokens
    client = sum(max(answer.counts, default=0.0) for answer in log.answers)
    if server is None or client <= 0:
        return None
    return abs(server - client) / client


def level_doubts(
    log: LevelLog, steady: Steady, shortest_s: float, shares: bool = False
) -> Iterator[Doubt]:
    """What weakens one load.

    Args:
        log: what was seen of it.
        steady: its steady window.
        shortest_s: a shorter one gives no figures [s].
        shares: whether prompts are meant to share their beginning.
    """
    name = log.load.name
    if not steady.expected:
        pass  # its figures are those of all of it
    elif steady.why:
        yield doubt("no-steady", f"{name}: no steady figures: {steady.why}")
    elif steady.duration_s < shortest_s:
        length = "is empty" if steady.span is None else f"lasted {steady.duration_s:.1f} s"
        yield doubt(
            "short-steady",
            f"{name}: the steady window {length}, under {shortest_s:.0f} s, so it has no steady "
            "figures",
            f"measure longer: --window {shortest_s:.0f}s",
        )
    if log.failures:
        kinds = ", ".join(f"{count} x {kind}" for kind, count in log.failures.items())
        yield doubt(
            "failed-requests",
            f"{name}: {sum(log.failures.values())} of {len(log.answers)} requests failed ({kinds}) "
            "and are left out",
            "look at the server's log; a lower level may hold",
        )
    if log.clipped:
        yield doubt(
            "clipped-lengths",
            f"{name}: {log.clipped} of {len(log.answers)} requests were cut to the served context",
            "serve a longer context: --max-model-len",
        )
    short = sum(1 for answer in log.good if answer.output_tokens < answer.asked_tokens)
    if short:
        yield doubt(
            "short-answers",
            f"{name}: {short} of {len(log.good)} answers were shorter than the scenario asks for",
            "use a server that honours ignore_eos, such as vLLM",
        )
    yield from _saturation(log, steady.span, name)
    yield from _counters(log, name, shares)
    yield from _client(log, name)


def _saturation(log: LevelLog, span: Span | None, name: str) -> Iterator[Doubt]:
    """Whether the server worked on all requests in flight, or let some wait.

    The server's gauge of running requests is no measure of this: it stands still during a long
    prefill, and then reads too low.
    """
    if span is None or log.load.level is None:
        return
    waiting = [c.waiting for t_s, c in log.samples if span.holds(t_s) and c.waiting is not None]
    running = mean_in_flight(log.answers, span)
    running -= sum(waiting) / len(waiting) if waiting else 0.0
    if running < FULL_BATCH * log.load.level:
        yield doubt(
            "not-saturated",
            f"{name}: {running:.1f} requests were running on average in the steady window",
            "raise the server's max_num_seqs, or take this level as above the server's limit",
        )


def _counters(log: LevelLog, name: str, shares: bool) -> Iterator[Doubt]:
    difference = token_difference(log)
    if difference is not None and difference > TOKEN_DIFFERENCE:
        yield doubt(
            "token-count-mismatch",
            f"{name}: the server counted {log.server_output_tokens:.0f} tokens, "
            f"{difference:.1%} away from the client, so figures per token are withheld",
            "keep other clients off the server while it is measured",
        )
    queries = grown(log.before.prefix_queries, log.after.prefix_queries)
    hits = grown(log.before.prefix_hits, log.after.prefix_hits)
    if not shares and queries and hits and hits / queries > WARM_PREFIX:
        yield doubt(
            "warm-prefix",
            f"{name}: {hits / queries:.0%} of the prompt tokens came from the prefix cache, though "
            "no two prompts are alike",
            "keep other clients off the server while it is measured",
        )
    preempted = grown(log.before.preemptions, log.after.preemptions)
    if preempted:
        yield doubt(
            "preemptions",
            f"{name}: {preempted:.0f} requests were put back for want of KV cache",
            "lower the level, or give the server more cache memory",
        )


def _client(log: LevelLog, name: str) -> Iterator[Doubt]:
    ends = [answer.ended_s for answer in log.answers if answer.ended_s is not None]
    length_s = max(ends) - log.answers[0].sent_s
    rate = sum(answer.output_tokens for answer in log.answers) / length_s if length_s > 0 else 0.0
    streams = most_in_flight(log.answers)
    if streams > MOST_STREAMS or rate > MOST_TOKENS_PER_S:
        yield doubt(
            "busy-client",
            f"{name}: one client followed up to {streams} streams at {rate:.0f} tokens/s; "
            "its late percentiles read high",
            "drive it from another machine, or trust the medians only",
        )
    late_s = percentile([answer.late_s for answer in log.answers], 95)
    if late_s > LATE_S:
        yield doubt(
            "late-client",
            f"{name}: 5 % of the requests were sent {late_s * 1e3:.0f} ms or more after they were"
            " due; that is part of the latencies",
        )


def summary_doubts(
    demanded: Demanded, point: CurvePoint, kind: str, levels: Sequence[int]
) -> Iterator[Doubt]:
    """What weakens the summary, from how its load was chosen."""
    if kind == "whole_run" and point.level is not None:
        yield doubt(
            "whole-run-summary",
            "the run's figures are those of a whole level with its ramp-up and its emptying batch: "
            "tokens/s read low and J/token high",
            f"measure longer: --window {SHORTEST_STEADY_S:.0f}s",
        )
    if levels and demanded.in_flight > max(levels):
        yield doubt(
            "demand-above-levels",
            f"the busiest hour has {demanded.in_flight:.1f} requests in flight on average, above "
            f"the highest level {max(levels)}",
            f"measure a higher level too: --levels {','.join(map(str, levels))},"
            f"{-int(-demanded.in_flight // 1)}",
        )


def engine_doubts(
    facts: EngineFacts, owned: bool, exact_prompts: bool, methods: Collection[str]
) -> Iterator[Doubt]:
    """What weakens the whole run, from what is known of the engine and the meters."""
    if facts.weights_are_random:
        yield doubt(
            "random-weights",
            f"the weights of {facts.model} are random: engine and load are real, the model is not",
            "bench the model you mean to use: --model with a model on this machine",
        )
    if facts.weights == "unknown":
        yield doubt(
            "unknown-weights",
            f"the weight format of {facts.model} is not known",
            "say it with --weight-format",
        )
    if not exact_prompts:
        yield doubt(
            "approximate-lengths",
            "prompts were sent as text, so their lengths only come near the scenario's; the "
            "figures count what the server counted",
            "use a server that takes token ids on /v1/completions, such as vLLM",
        )
    if not facts.abilities.metrics:
        yield doubt(
            "no-server-counters",
            "the server has no vLLM counters, so prefix cache, preemptions and token counts could "
            "not be checked",
            "use a vLLM server for figures that are to be published",
        )
    if owned:
        return
    if not facts.local:
        yield doubt(
            "remote-server",
            f"{facts.url} is another machine: all energy and memory here is the client's, and "
            "network time is in every latency",
            "run ecoaudit on the machine that serves",
        )
    elif any(method.startswith("modelled") for method in methods):
        yield doubt(
            "attached-server",
            "the server is not a child of ecoaudit, so the modelled CPU and memory figures leave "
            "it out",
            "let ecoaudit start it: --engine vllm --model",
        )
