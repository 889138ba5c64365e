"""Figures of imported requests: from one value for each request, or from a tool's own summaries.

Names and definitions are those of ``ecoaudit bench``; see docs/importing.md.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass
from itertools import pairwise
from statistics import stdev
from typing import Final

import numpy as np

from ecoaudit.errors import FileFormatError
from ecoaudit.estimate import Basis, Estimate
from ecoaudit.importers.reading import Floats
from ecoaudit.statistics import percentile, percentile_interval

PERCENTILES: Final = (50, 95)
BOARD_DOUBT: Final = 0.05  # of an energy counter of a board, as for our own NVIDIA meter
SHORTEST_STEADY_S: Final = 20.0  # below this the ML.ENERGY benchmark drops a row
FULL_BATCH: Final = 0.85  # share of the batch below which it does so too
_HAIR: Final = 1e-3  # of a request, by which clocks may have it overlap with the next
_FEWEST: Final = 3  # requests for each of those in flight, and two more, as in our own bench
_BATCHES: Final = 10
_T90_9: Final = 1.383  # 90 % point of Student's t with 9 degrees of freedom
_Z90: Final = 1.2816  # 90 % point of the normal distribution


@dataclass(frozen=True, slots=True)
class Requests:
    """The requests that ended well: each array has one place for each of them.

    Attributes:
        sent_s: when it was sent [s], by any one clock.
        ttft_s: send to first token [s].
        e2e_s: send to last token [s].
        tpot_s: time per output token after the first [s]; not a number where there is none.
        prompt_tokens: length of the prompt.
        output_tokens: length of the answer.
        none_failed: whether these are all that were sent, but for those that were cut off.
        cut_off_s: when the first of those was sent that were cut off at the end [s], by the same
            clock; None where none was.
    """

    sent_s: Floats
    ttft_s: Floats
    e2e_s: Floats
    tpot_s: Floats
    prompt_tokens: Floats
    output_tokens: Floats
    none_failed: bool = True
    cut_off_s: float | None = None

    @property
    def first_s(self) -> Floats:
        """When its first token came [s]."""
        return self.sent_s + self.ttft_s

    @property
    def ended_s(self) -> Floats:
        """When it ended [s]."""
        return self.sent_s + self.e2e_s

    @property
    def span_s(self) -> float:
        """First send to last end [s]."""
        return float(np.max(self.ended_s) - np.min(self.sent_s))

    def tokens_until(self, time_s: float) -> float:
        """Tokens that had come, each answer's spread evenly from its first token to its end."""
        length_s = np.maximum(self.e2e_s - self.ttft_s, 1e-9)
        part = np.clip((time_s - self.first_s) / length_s, 0.0, 1.0)
        return float((self.output_tokens * part).sum())

    def most_in_flight(self) -> int:
        """The most of them that were in flight at one time; a hair's overlap is none."""
        sent_s, ended_s = np.sort(self.sent_s), np.sort(self.ended_s - _HAIR * self.e2e_s)
        over = np.searchsorted(ended_s, sent_s, side="right")
        return int(np.max(np.arange(1, len(sent_s) + 1) - over))

    def mean_in_flight(self, start_s: float, end_s: float) -> float:
        """How many of them were in flight on average between two times."""
        busy_s = np.minimum(self.ended_s, end_s) - np.maximum(self.sent_s, start_s)
        return float(np.maximum(busy_s, 0.0).sum()) / (end_s - start_s)

    def full_stretch(self, level: int) -> tuple[float, float] | None:
        """From when a batch of ``level`` had filled to before it emptied [s]; None: there is none.

        From the B-th first token to the (N - B - 1)-th end, N requests with B in flight, as the
        ML.ENERGY benchmark has it. Where requests were cut off at the end, it ends at the latest
        when the first of those was sent, for what they did later is not known.
        """
        count = len(self.sent_s)
        if count < _FEWEST * level + 2:
            return None
        opens_s = float(np.sort(self.first_s)[level - 1])
        closes_s = float(np.sort(self.ended_s)[count - level - 2])
        if self.cut_off_s is not None:
            closes_s = min(closes_s, self.cut_off_s)
        return (opens_s, closes_s) if closes_s > opens_s else None


def whole_run(
    requests: Requests, client: str, longest_s: float | None = None
) -> dict[str, Estimate]:
    """The figures of a load from one value for each of its requests; at least one.

    Args:
        requests: those that ended well.
        client: whose clock and whose counts these are.
        longest_s: how long the load took with requests that failed, whose ends are not known [s].
    """
    span_s = requests.span_s
    how = "first send to last end"
    if longest_s is not None and longest_s > span_s:
        span_s = longest_s
        how = "as the tool gives it: requests failed, and their ends are not said"
    good, prompts = len(requests.sent_s), float(requests.prompt_tokens.sum())
    outputs = float(requests.output_tokens.sum())
    rate = _rate(requests, float(requests.sent_s.min()), span_s, outputs, client)
    return {
        "duration_s": exact(span_s, "s", f"{client}, {how}"),
        "requests": exact(float(good), "requests", f"{client}, answers that ended well"),
        "requests_per_s": (rate * (good / max(outputs, 1.0))).converted(1.0, "requests/s"),
        "prompt_tokens": exact(prompts, "tokens", client),
        "output_tokens": exact(outputs, "tokens", client),
        "output_tokens_per_s": rate,
        **of_array("ttft_s", requests.ttft_s, client),
        **of_array("tpot_s", requests.tpot_s, client),
        **of_array("e2e_s", requests.e2e_s, client),
        "requests_in_flight": exact(
            float(requests.e2e_s.sum()) / span_s if span_s > 0 else float(good),
            "requests",
            f"{client}, time average",
        ),
    }


def steady(requests: Requests, level: int, client: str) -> dict[str, Estimate]:
    """The figures of the steady window; none where no such window can be proved.

    It is :meth:`Requests.full_stretch`, where that is at least 20 s with at least 85 % of B in
    flight in it on average, and no request failed.

    Args:
        requests: of a load in a closed loop.
        level: B, the requests in flight.
        client: whose clock and whose counts these are.
    """
    stretch = requests.full_stretch(level) if requests.none_failed else None
    if stretch is None:
        return {}
    opens_s, closes_s = stretch
    span_s = closes_s - opens_s
    if span_s < SHORTEST_STEADY_S:
        return {}
    in_flight = requests.mean_in_flight(opens_s, closes_s)
    outputs = requests.tokens_until(closes_s) - requests.tokens_until(opens_s)
    if in_flight < FULL_BATCH * level or outputs <= 0:
        return {}
    begun = (requests.first_s > opens_s) & (requests.first_s <= closes_s)
    over = (requests.ended_s > opens_s) & (requests.ended_s <= closes_s)
    good = outputs / float(requests.output_tokens.mean())
    rate = _rate(requests, opens_s, span_s, outputs, client)
    spread = f"{client}, tokens spread evenly over each answer"
    return {
        "duration_s": exact(span_s, "s", f"{client}, steady window"),
        "requests": exact(good, "requests", f"{spread}, over the load's mean answer"),
        "requests_per_s": (rate * (good / outputs)).converted(1.0, "requests/s"),
        "prompt_tokens": exact(float(requests.prompt_tokens[begun].sum()), "tokens", client),
        "output_tokens": exact(outputs, "tokens", spread),
        "output_tokens_per_s": rate,
        **of_array("ttft_s", requests.ttft_s[begun], client),
        **of_array("tpot_s", requests.tpot_s[over], client),
        **of_array("e2e_s", requests.e2e_s[over], client),
        "requests_in_flight": exact(in_flight, "requests", f"{client}, time average"),
    }


def _rate(
    requests: Requests, start_s: float, span_s: float, outputs: float, client: str
) -> Estimate:
    """Tokens per second with the interval of batch means: Law, Simulation Modeling and Analysis,
    5th ed., section 9.5.3."""
    if span_s <= 0:
        return Estimate.absent("tokens/s", "the requests took no time at all")
    edges = [start_s + span_s * number / _BATCHES for number in range(_BATCHES + 1)]
    until = [requests.tokens_until(edge) for edge in edges]
    rates = [(after - before) * _BATCHES / span_s for before, after in pairwise(until)]
    half = _T90_9 * stdev(rates) / math.sqrt(_BATCHES)
    value = outputs / span_s
    source = f"{client}; interval by {_BATCHES} batch means, tokens spread evenly over each answer"
    low = max(value - half, 0.0)
    return Estimate(value, low, value + half, "tokens/s", Basis.MEASURED, source)


def of_array(name: str, values: Floats, client: str) -> dict[str, Estimate]:
    """The percentiles of one quantity [s] from its single values; what is no number is left out."""
    ordered: list[float] = np.sort(values[np.isfinite(values)]).tolist()
    found = {}
    for q in PERCENTILES:
        if not ordered:
            found[f"{name}_p{q}"] = Estimate.absent("s", f"{client}: no request has one")
            continue
        low, high = percentile_interval(ordered, q)
        source = f"{client}; {len(ordered)} values, interval by order statistics"
        value = percentile(ordered, q)
        found[f"{name}_p{q}"] = Estimate(value, low, high, "s", Basis.MEASURED, source)
    return found


def of_summary(
    name: str, known: Mapping[float, float], count: int | None, source: str, place: str
) -> dict[str, Estimate]:
    """The percentiles of one quantity [s] from those that a tool's summary gives.

    The interval is that of :func:`ecoaudit.statistics.percentile_interval`, read off a straight
    line between the percentiles that are known. Where the number of values is not known the figure
    has none. No time is below 0; above the last one known there is no bound, and then the figure is
    absent.

    Args:
        name: of the quantity, with its unit.
        known: percentile (0: smallest, 100: largest) -> value [s].
        count: how many values there were; None: it is not known.
        source: where the summary is from.
        place: where it stands, for errors.

    Raises:
        FileFormatError: the percentiles fall.
    """
    ordered = sorted(known.items())
    if any(b < a for (_, a), (_, b) in pairwise(ordered)):
        raise FileFormatError(f"{place}: its percentiles fall, which none can; is the file whole?")
    anchors = ordered if ordered and ordered[0][0] == 0 else [(0.0, 0.0), *ordered]
    return {f"{name}_p{q}": _summarised(q, anchors, count, source) for q in PERCENTILES}


def _summarised(
    q: int, anchors: list[tuple[float, float]], count: int | None, source: str
) -> Estimate:
    value = dict(anchors).get(q)
    if value is None:
        return Estimate.absent("s", f"{source}: no {q}th percentile of it is in the file")
    if count is None:
        return exact(value, "s", f"{source}; no interval, for the number of values is not said")
    spread = _Z90 * math.sqrt(count * q / 100 * (1 - q / 100))
    below = max((math.floor(count * q / 100 - spread) - 1) * 100 / count, 0.0)
    above = min((math.ceil(count * q / 100 + spread)) * 100 / count, 100.0)
    how = f"{count} values, interval by order statistics between the percentiles in the file"
    if above > anchors[-1][0]:
        return Estimate.absent(
            "s", f"{source}: no percentile far enough above it is in the file for an interval"
        )
    x, y = zip(*anchors, strict=True)
    low, high = (float(np.interp(at, x, y)) for at in (below, above))
    return Estimate(
        value, min(low, value), max(high, value), "s", Basis.MEASURED, f"{source}; {how}"
    )


def exact(value: float, unit: str, source: str) -> Estimate:
    """A count or a length of time."""
    return Estimate.exact(value, unit, Basis.MEASURED, source)


def board_figures(energy: Estimate, counts: Mapping[str, Estimate]) -> dict[str, Estimate]:
    """What the energy of the GPU boards comes to per token and request.

    Args:
        energy: of the boards over the window [J].
        counts: the window's ``prompt_tokens``, ``output_tokens`` and ``requests``.
    """
    found = {"gpu_energy_j": energy}
    outputs, prompts = counts["output_tokens"].value, counts["prompt_tokens"].value
    both = None if outputs is None or prompts is None else outputs + prompts
    for name, count, unit in (
        ("gpu_energy_per_output_token_j", outputs, "J/token"),
        ("gpu_energy_per_token_j", both, "J/token"),
        ("gpu_energy_per_request_j", counts["requests"].value, "J/request"),
    ):
        if count is None:
            found[name] = Estimate.absent(unit, "what it is to be divided by is not in the file")
        elif count > 0:
            found[name] = energy.converted(1 / count, unit)
        else:
            found[name] = Estimate.absent(unit, "there is nothing to divide by")
    return found


def no_host_energy(reason: str) -> dict[str, Estimate]:
    """The host's energy, which no tool reads, as absent."""
    return {
        "energy_j": Estimate.absent("J", reason),
        "energy_per_output_token_j": Estimate.absent("J/token", reason),
        "energy_per_request_j": Estimate.absent("J/request", reason),
    }
