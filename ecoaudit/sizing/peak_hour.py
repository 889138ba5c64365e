"""The busiest hour of a scenario on one option: its tails by simulation, and its capacity.

Requests are drawn once and used for all options, so that two options differ by what they are and
not by chance.
"""

from __future__ import annotations

import math
from bisect import bisect_left
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise
from statistics import NormalDist, stdev
from typing import TYPE_CHECKING, Final

from ecoaudit.estimate import Basis, Estimate
from ecoaudit.sizing.demand import Load
from ecoaudit.sizing.simulation import ServerLimits, Simulated, Steps, simulate
from ecoaudit.statistics import percentile, student_point

if TYPE_CHECKING:
    import numpy
    from numpy.typing import NDArray

PERCENTILES: Final = (50, 95, 99)
REQUESTS: Final = 3000  # of one simulation: 30 of them lie beyond the 99th percentile
QUICK: Final = 500  # where many options are simulated: 25 lie beyond the 95th percentile
FEWEST: Final = 100
_BATCHES: Final = 10
_NORMAL: Final = NormalDist()
_UNITS: Final = {f"{what}_p{q}": "s" for what in ("ttft_s", "e2e_s", "tpot_s") for q in PERCENTILES}
_MEANS: Final = {"requests_running": "requests", "busy_share": "", "busy_s_each": "s/request"}


@dataclass(frozen=True, slots=True)
class Draws:
    """Requests of a load, the same for all options that are compared.

    Attributes:
        gaps: between arrivals, as multiples of their mean.
        prompts: [tokens].
        outputs: [tokens].
        cut: how many were longer than the served context, and cut.
    """

    gaps: tuple[float, ...]
    prompts: tuple[int, ...]
    outputs: tuple[int, ...]
    cut: int

    def arrivals_s(self, per_s: float) -> list[float]:
        """When they come, at so many in a second on average [s]."""
        times, now = [], 0.0
        for gap in self.gaps:
            now += gap / per_s
            times.append(now)
        return times


def drawn(load: Load, longest: int, count: int = REQUESTS, seed: int = 1) -> Draws:
    """Poisson arrivals and lognormal lengths of a load.

    Each distribution is cut into as many equally likely pieces as there are requests, the middles
    are taken and shuffled: means and percentiles are then the load's own and not those of the
    draw (stratification: Owen, Monte Carlo theory, methods and examples, chapter 8).

    The answers' sigma is of E[O^2]/E[O]^2 = exp(sigma^2), the prompts' of
    :attr:`~ecoaudit.sizing.demand.Load.prompt_spread` likewise. Johnson, Kotz, Balakrishnan,
    Continuous Univariate Distributions, vol. 1, ch. 14.

    Args:
        load: the scenario's requests.
        longest: prompt and answer together that are served [tokens]; the longer of the two is cut.
        count: how many.
        seed: of the draws; gaps, prompts and answers each have a stream of their own.
    """
    import numpy

    middles = (numpy.arange(count) + 0.5) / count
    normal = numpy.array([_NORMAL.inv_cdf(middle) for middle in middles.tolist()])

    def shuffled(stream: int) -> NDArray[numpy.int64]:
        return numpy.random.default_rng((seed, stream)).permutation(count)

    def lengths(stream: int, mean: float, spread: float) -> NDArray[numpy.int64]:
        sigma = math.sqrt(math.log(spread))
        whole: NDArray[numpy.int64] = numpy.rint(
            mean * numpy.exp(sigma * normal[shuffled(stream)] - sigma**2 / 2)
        ).astype(numpy.int64)
        return numpy.maximum(whole, 1)

    prompts = lengths(1, load.prompt_mean.number, load.prompt_spread)
    outputs = lengths(2, load.output_mean.number, load.output_spread)
    too_long = prompts + outputs > longest
    shorter = numpy.minimum(numpy.minimum(prompts, outputs), longest // 2)
    first = too_long & (prompts >= outputs)
    second = too_long & ~first
    prompts = numpy.where(first, longest - shorter, numpy.where(second, shorter, prompts))
    outputs = numpy.where(second, longest - shorter, numpy.where(first, shorter, outputs))
    gaps = -numpy.log(1 - middles)[shuffled(0)]
    gaps /= gaps.mean()
    return Draws(
        tuple(gaps.tolist()),
        tuple(prompts.tolist()),
        tuple(outputs.tolist()),
        int(too_long.sum()),
    )


def saturated_per_s(draws: Draws, steps: Steps, limits: ServerLimits) -> Estimate:
    """Requests that can be finished in a second, with always more waiting.

    A queue is stable if and only if requests come more slowly than they leave when all are there at
    the start: Baccelli and Foss, On the saturation rule for the stability of queues, Journal of
    Applied Probability 32 (1995) 494. Counted from when the first batch has gone to when the last
    request is let in, or over all of it where there are no more requests than one batch or two.
    """
    seen = simulate([0.0] * len(draws.gaps), draws.prompts, draws.outputs, steps, limits)
    ended = sorted(seen.ended_s)
    count = len(ended)
    source = f"simulation of {count} requests that are all there at the start"
    first = min(limits.most_running, count // 4)
    last = bisect_left(ended, max(seen.begun_s)) - 1
    if last - first < count // 10:
        mean = count / ended[-1]
        return Estimate.within(mean, 0.2, "requests/s", Basis.MODELLED, f"{source}, +-20 %")
    marks = [first + (last - first) * part // _BATCHES for part in range(_BATCHES + 1)]
    each = [(b - a) / (ended[b] - ended[a]) for a, b in pairwise(marks) if ended[b] > ended[a]]
    value = (last - first) / (ended[last] - ended[first])
    return _estimate(value, each, "requests/s", f"{source}; interval by {_BATCHES} batch means")


def at_peak(
    draws: Draws,
    per_s: float,
    steps: Steps,
    limits: ServerLimits,
    capacity: Estimate | None = None,
) -> dict[str, Estimate]:
    """What a steady stream of requests finds, by name; absent where they come too fast.

    ``ttft_s_*``, ``e2e_s_*`` and ``tpot_s_*`` (p50, p95, p99), ``requests_running``,
    ``busy_share``, ``busy_s_each`` (time at work over requests) and ``capacity_per_s``. The first
    tenth of the requests fills the server and does not count. The intervals hold the chance of the
    draws alone, by ten batch means (Law, Simulation Modeling and Analysis, 5th ed., section 9.5.3),
    not the doubt of the step times: for that, simulate the same draws with
    :class:`~ecoaudit.sizing.simulation.Slowed` steps. Above about 90 % of the capacity so few
    requests do not settle: the figures are then those of a server that began empty, and the batches
    hang together.

    Args:
        draws: the requests, at least ``FEWEST``.
        per_s: arrivals in a second.
        steps: how long steps take.
        limits: what the server takes at once.
        capacity: of these draws, steps and limits where it is known already.
    """
    count = len(draws.gaps)
    if count < FEWEST:
        raise ValueError(f"a tail needs at least {FEWEST} requests; got {count}")
    if not 0 < per_s < math.inf:
        raise ValueError(f"expected a rate above 0 requests a second; got {per_s}")
    if capacity is None:
        capacity = saturated_per_s(draws, steps, limits)
    found = {"capacity_per_s": capacity}
    if per_s >= capacity.number:
        why = f"{per_s:.3g} requests come in a second, of which {capacity.number:.3g} can be "
        why += "finished: the wait grows"
        units = _UNITS | _MEANS
        return found | {name: Estimate.absent(unit, why) for name, unit in units.items()}
    seen = simulate(draws.arrivals_s(per_s), draws.prompts, draws.outputs, steps, limits)
    warm = count // 10
    edges = [warm + (count - warm) * part // _BATCHES for part in range(_BATCHES + 1)]
    spans = list(pairwise(edges))
    said = f"simulation of {count} requests, Poisson arrivals, {per_s:.3g} in a second; "
    said += f"interval of the draws alone, by {_BATCHES} batch means"
    for what, waits in (("ttft_s", seen.ttft_s), ("e2e_s", seen.e2e_s)):
        found |= _percentiles(what, [waits[start:end] for start, end in spans], said)
    per_token = _per_token(seen, draws.outputs)
    found |= _percentiles("tpot_s", [per_token[start:end] for start, end in spans], said)
    times = [(seen.arrived_s[start], seen.arrived_s[end - 1]) for start, end in spans]
    whole = (times[0][0], times[-1][1])
    running, *each_running = (seen.running(*span) for span in (whole, *times))
    busy, *each_busy = (seen.busy_share(*span) for span in (whole, *times))

    def each_s(share: float, start_s: float, end_s: float) -> float:
        came = bisect_left(seen.arrived_s, end_s) - bisect_left(seen.arrived_s, start_s)
        return share * (end_s - start_s) / max(came, 1)

    parts = [each_s(share, *span) for share, span in zip(each_busy, times, strict=True)]
    means = ((running, each_running), (busy, each_busy), (each_s(busy, *whole), parts))
    for (name, unit), (mean, batches) in zip(_MEANS.items(), means, strict=True):
        found[name] = _estimate(mean, batches, unit, said)
    return found


def _per_token(seen: Simulated, outputs: Sequence[int]) -> list[float | None]:
    """Time per output token after the first, of each request [s]; None: it has no more."""
    ends = zip(seen.first_s, seen.ended_s, outputs, strict=True)
    return [(end - first) / (many - 1) if many > 1 else None for first, end, many in ends]


def _percentiles(
    what: str, batches: Sequence[Sequence[float | None]], said: str
) -> dict[str, Estimate]:
    """Percentiles of a wait, by name, with the spread of those of the batches."""
    told = [[wait for wait in batch if wait is not None] for batch in batches]
    if not all(told):
        absent = Estimate.absent("s", "answers of one token have no time per token after the first")
        return {f"{what}_p{q}": absent for q in PERCENTILES}
    waits = [wait for batch in told for wait in batch]
    return {
        f"{what}_p{q}": _estimate(
            percentile(waits, q), [percentile(batch, q) for batch in told], "s", said
        )
        for q in PERCENTILES
    }


def _estimate(value: float, each: Sequence[float], unit: str, source: str) -> Estimate:
    """A figure with the interval of its batches, on the log scale: a tail is skewed."""
    if min(each) <= 0:  # nothing came in one of them
        return Estimate(value, 0.0, max(*each, value), unit, Basis.MODELLED, source)
    spread = math.exp(student_point(len(each) - 1) * stdev(map(math.log, each)) / len(each) ** 0.5)
    return Estimate(value, value / spread, value * spread, unit, Basis.MODELLED, source)
