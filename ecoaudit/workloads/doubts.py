"""What weakens a level's figures, said with its remedy; reference: the rules of each peer named."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Sequence
from typing import Final

from ecoaudit.checks import doubt
from ecoaudit.engines.base import EngineFacts
from ecoaudit.run import CurvePoint, Doubt
from ecoaudit.statistics import percentile
from ecoaudit.workloads.client_pool import MOST_STREAMS, MOST_TOKENS_PER_S
from ecoaudit.workloads.demand import Demanded
from ecoaudit.workloads.lengths import MIN_PROMPT_TOKENS
from ecoaudit.workloads.level import LevelLog
from ecoaudit.workloads.loads import Load
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
COLD_PREFIX: Final = 1.1  # times what a prefix cache cannot have: so much is computed, at most
FEW_REQUESTS: Final = 45  # 0.95^n is under a tenth from here on: all could lie below the 95th
TOKEN_DIFFERENCE: Final = 0.01  # between the server's count and the client's
MOST_BUSY: Final = 0.8  # of a core, for one process of the client
MOST_LAG_S: Final = 0.02  # of its event loop, 95th percentile
LEAST_LAGS: Final = 20  # looks at it, for a percentile
LATE_S: Final = 0.02  # after it was due: a load of which 5 % are sent later is told


def token_difference(log: LevelLog) -> float | None:
    """Relative difference of the server's token count from the client's; None when not known.

    Nor is it known of a load that was cut: the server makes tokens for streams that were let go.
    """
    server = None if log.cut else log.server_output_tokens
    client = sum(max(answer.counts, default=0.0) for answer in log.answers)
    if server is None or client <= 0:
        return None
    return abs(server - client) / client


def level_doubts(
    log: LevelLog,
    steady: Steady,
    shortest_s: float,
    shared_block: int | None = None,
    processes: int = 1,
) -> Iterator[Doubt]:
    """What weakens one load.

    Args:
        log: what was seen of it.
        steady: its steady window.
        shortest_s: a shorter one gives no figures [s].
        shared_block: tokens in a block of the server's prefix cache, where prompts are meant to
            share their beginning; else None.
        processes: how many followed the streams.
    """
    name = log.name
    if log.cut:
        yield doubt(
            "cut-load",
            f"{name}: ended early: {log.cut}; its figures are those of the answers until then",
        )
    elif not steady.expected:
        pass  # its figures are those of all of it
    elif steady.why:
        yield doubt("no-steady", f"{name}: no steady figures: {steady.why}")
    elif steady.duration_s < shortest_s:
        length = "is empty" if steady.span is None else f"lasted {steady.duration_s:.1f} s"
        yield doubt(
            "short-steady",
            f"{name}: the steady window {length}, under {shortest_s:.0f} s, so it has no steady "
            "figures",
            log.load.more or f"measure longer: --window {shortest_s:.0f}s",
        )
    if log.load.lengthened:
        yield doubt(
            "lengthened-prompts",
            f"{name}: {log.load.lengthened} of its {len(log.load.shapes or ())} prompts were sent"
            f" longer than the trace has them, with {MIN_PROMPT_TOKENS} tokens",
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
    counted = [answer for answer in log.good if answer.counted]
    if len(counted) < len(log.good):
        yield doubt(
            "uncounted-answers",
            f"{name}: the server told no token count for {len(log.good) - len(counted)} of"
            f" {len(log.good)} answers: each chunk with text counts as a token",
        )
    short = sum(1 for answer in counted if answer.output_tokens < answer.asked_tokens)
    if short:
        yield doubt(
            "short-answers",
            f"{name}: {short} of {len(log.good)} answers were shorter than the scenario asks for",
            "use a server that honours ignore_eos, such as vLLM",
        )
    long = sum(1 for answer in log.good if 0 < answer.asked_tokens < answer.output_tokens)
    if long:
        yield doubt(
            "long-answers",
            f"{name}: {long} of {len(log.good)} answers were longer than was asked for",
        )
    yield from _saturation(log, steady.span, name)
    yield from _counters(log, name, shared_block)
    yield from _client(log, name, processes)


def few_requests(load: Load, answers: int) -> Iterator[Doubt]:
    """Whether a load had too few answers, over all times that it was driven."""
    if answers < FEW_REQUESTS:
        yield doubt(
            "few-requests",
            f"{load.name}: only {answers} answers, too few for an upper end of the 95th"
            f" percentiles, which takes {FEW_REQUESTS}",
            load.more or "measure longer: --window",
        )


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


def _counters(log: LevelLog, name: str, shared_block: int | None) -> Iterator[Doubt]:
    difference = token_difference(log)
    if difference is not None and difference > TOKEN_DIFFERENCE:
        yield doubt(
            "token-count-mismatch",
            f"{name}: the server counted {log.server_output_tokens:.0f} tokens, "
            f"{difference:.1%} away from the client, so figures per token are withheld",
            "keep other clients off the server while it is measured",
        )
    read = grown(log.before.prompt_tokens, log.after.prompt_tokens)
    sent = sum(answer.prompt_tokens for answer in log.answers)
    if read is not None and sent and not log.failures and not log.cut:
        apart = abs(read - sent) / sent
        if apart > TOKEN_DIFFERENCE:
            yield doubt(
                "prompt-count-mismatch",
                f"{name}: the server read {read:,.0f} prompt tokens, {apart:.1%} away from what was"
                " sent",
            )
    queries = grown(log.before.prefix_queries, log.after.prefix_queries)
    hits = grown(log.before.prefix_hits, log.after.prefix_hits)
    if shared_block is None and queries and hits and hits / queries > WARM_PREFIX:
        yield doubt(
            "warm-prefix",
            f"{name}: {hits / queries:.0%} of the prompt tokens came from the prefix cache, though "
            "no two prompts are alike",
            "keep other clients off the server while it is measured",
        )
    if shared_block is not None and queries and hits is not None and log.fresh_tokens:
        # Found is only what fills a block, and the last token of an answer was not yet read.
        needed = log.fresh_tokens + len(log.answers) * (shared_block + 1)
        if queries - hits > COLD_PREFIX * needed:
            yield doubt(
                "cold-prefix",
                f"{name}: the server computed {queries - hits:,.0f} of {queries:,.0f} prompt"
                f" tokens, though only {log.fresh_tokens:,.0f} had not been sent or made before",
            )
    preempted = grown(log.before.preemptions, log.after.preemptions)
    if preempted:
        yield doubt(
            "preemptions",
            f"{name}: {preempted:.0f} requests were put back for want of KV cache",
            "lower the level, or give the server more cache memory",
        )


def _client(log: LevelLog, name: str, processes: int) -> Iterator[Doubt]:
    """Whether the client itself was the bottleneck, by what it was asked for and what was seen."""
    ends = [answer.ended_s for answer in log.answers if answer.ended_s is not None]
    length_s = max(ends) - log.answers[0].sent_s
    rate = sum(answer.output_tokens for answer in log.answers) / length_s if length_s > 0 else 0.0
    streams = most_in_flight(log.answers)
    signs = []
    if streams > MOST_STREAMS * processes or rate > MOST_TOKENS_PER_S * processes:
        signs.append(f"followed up to {streams} streams at {rate:.0f} tokens/s")
    busy = log.client_cpu_s / length_s / processes if length_s > 0 else 0.0
    if busy > MOST_BUSY:
        signs.append(f"kept {busy:.0%} of a core busy{' each' if processes > 1 else ''}")
    if len(log.lags_s) >= LEAST_LAGS and (lag_s := percentile(log.lags_s, 95)) > MOST_LAG_S:
        signs.append(f"came {lag_s * 1e3:.0f} ms late to its events (95th percentile)")
    if signs:
        who = "one client" if processes == 1 else f"{processes} client processes"
        yield doubt(
            "busy-client",
            f"{name}: {who} {' and '.join(signs)}; its late percentiles read high",
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
            point.load,
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
    elif any(method.startswith("modelled-cpu") for method in methods):
        yield doubt(
            "attached-server",
            "the server is not a child of ecoaudit, so the modelled CPU and the memory of its "
            "processes leave it out: figures of the host are absent",
            "let ecoaudit start it: --engine vllm --model",
        )
