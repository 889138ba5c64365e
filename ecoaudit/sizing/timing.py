"""Waits and time at work under a scenario's load, of many options at once.

Means follow Little's law; the 95th percentiles here are closed forms that serve to choose by, and
:mod:`ecoaudit.sizing.simulation` gives those of the options that are left.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import cache
from typing import Final, Protocol

import numpy

from ecoaudit.bands import Array, Flags
from ecoaudit.sizing.demand import Load, poisson_p95

_ROUNDS: Final = 60  # of the fixed point; it halves its error in each where the load can be borne
_CLOSE: Final = 0.01
_COUNTED: Final = 200  # above, the 95th percentile of a Poisson number is that of the normal limit
_LEAST_RHO: Final = 0.05  # of prompts being read: below it 95 % find none before them


class Steps(Protocol):
    """The times of options, each an array over them; NaN where not known."""

    def decode_s(self, batch: Array, kv_bytes_each: Array, context: Array) -> Array:
        """One decode step [s]."""

    def prefill_s(self, prompt: Array) -> Array:
        """Reading a prompt [s]."""

    def admission_s(self, prompt: Array) -> Array:
        """From a request's arrival until its prompt can be read, the queue aside [s]."""


@dataclass(frozen=True, slots=True)
class Asked:
    """The lengths of a load, one row for each option that has lengths of its own; (rows, 1).

    Attributes:
        prompt_mean: [tokens].
        prompt_p95: [tokens].
        output_mean: [tokens].
        output_p95: [tokens].
        mean_context: tokens before the one that is written.
    """

    prompt_mean: Array
    prompt_p95: Array
    output_mean: Array
    output_p95: Array
    mean_context: Array

    @classmethod
    def of(cls, loads: Sequence[Load]) -> Asked:
        """The central lengths of loads, one in each row."""
        rows = [
            (
                load.prompt_mean.number,
                load.prompt_p95.number,
                load.output_mean.number,
                load.output_p95.number,
                load.mean_context,
            )
            for load in loads
        ]
        return cls(*numpy.array(rows).T[:, :, None])


@dataclass(frozen=True, slots=True)
class Timings:
    """What a load comes to, for each option.

    Attributes:
        in_flight: requests to make room for: 95th percentile at the peak, pessimistic arrivals.
        running: mean number in flight at that peak; infinite where it cannot be borne.
        tpot_s: time per output token at ``in_flight`` [s].
        first_s: wait for the first token, 95th percentile [s]; NaN: prefill not known, or unstable.
        complete_s: wait for the whole answer, 95th percentile [s]; NaN likewise.
        busy_s: time at work on a working day [s].
        load: arrivals at the peak over what can be done with all the room; NaN: not known.
        read: whether the time to read a prompt is known.
        stable: whether the work that arrives at the peak can be done at all.
    """

    in_flight: Array
    running: Array
    tpot_s: Array
    first_s: Array
    complete_s: Array
    busy_s: Array
    load: Array
    read: Flags
    stable: Flags


def timings(
    steps: Steps, kv_of: Callable[[Array], Array], load: Load, asked: Asked, room: Array
) -> Timings:
    """Mean number in flight by Little's law, then the times at its 95th percentile.

    B = arrivals x O x step(B) / (1 - arrivals x prefill), iterated (Little 1961). A new prompt
    waits for those before it: M/G/1, E[W] = arrivals E[S^2] / (2 (1 - rho)), and its 95th
    percentile E[W]/rho x ln(rho/0.05) (Kleinrock, Queueing Systems, vol. 1, section 5).

    Args:
        steps: their times.
        kv_of: KV cache of a sequence by its length in tokens, a row each [bytes].
        load: when the scenario's requests arrive.
        asked: how long they are.
        room: sequences that the KV cache holds.
    """
    context = asked.mean_context
    kv, output = kv_of(context), asked.output_mean
    prefill = steps.prefill_s(asked.prompt_mean) + 0.0 * room
    read = ~numpy.isnan(prefill)
    known = numpy.where(read, prefill, 0.0)
    peak = load.peak_per_s.high or 0.0

    def in_flight(per_s: float) -> tuple[Array, Flags]:
        return _fixed_point(lambda batch: steps.decode_s(batch, kv, context), known, output, per_s,
                            room)  # fmt: skip

    running, stable = in_flight(peak)
    count = numpy.where(stable, p95_of_poisson(numpy.where(stable, running, 0.0)), room)
    count = numpy.minimum(count, numpy.maximum(room, 1))
    rho = peak * known
    tpot = steps.decode_s(count, kv, context) / numpy.where(rho < 1, 1 - rho, 1.0)
    with numpy.errstate(divide="ignore", invalid="ignore"):
        wait = numpy.where(rho > _LEAST_RHO, known / (2 * (1 - rho)) * numpy.log(rho / 0.05), 0.0)
        longest = asked.prompt_p95
        first = steps.admission_s(longest) + wait + steps.prefill_s(longest) + tpot
        first = numpy.where(read & stable, first, numpy.nan)
        at_most = prefill + output * steps.decode_s(room, kv, context) / room
        loaded = numpy.where(room >= 1, peak * at_most, numpy.nan)
    mean = load.mean_per_s.number
    usual, steady = in_flight(mean)
    usual = usual + mean * known  # a request is also at work while its prompt is read
    busy = load.opening_s * numpy.where(steady, 1 - numpy.exp(-usual), 1.0)
    return Timings(
        count,
        numpy.where(stable, running, numpy.inf),
        tpot,
        first,
        first + asked.output_p95 * tpot,
        busy,
        loaded,
        read,
        stable,
    )


def _fixed_point(
    step_s: Callable[[Array], Array], prefill: Array, output: Array, per_s: float, room: Array
) -> tuple[Array, Flags]:
    """Mean number in flight, and whether it stays within the room."""
    rho = per_s * prefill
    stable = rho < 1
    slack = numpy.where(stable, 1 - rho, 1.0)
    batch = numpy.zeros_like(room)
    for _ in range(_ROUNDS):
        new = per_s * output * step_s(numpy.maximum(batch, 1.0)) / slack
        stable &= new <= room
        done = ~stable | (numpy.abs(new - batch) <= _CLOSE * new)
        batch = numpy.where(stable, new, room)
        if done.all():
            break
    return batch, stable


def p95_of_poisson(means: Array) -> Array:
    """:func:`ecoaudit.sizing.demand.poisson_p95` of each."""
    most = min(float(means.max(initial=0.0)), float(_COUNTED))
    few = numpy.searchsorted(_thresholds(2 ** math.ceil(math.log2(most + 2))), means) + 1.0
    many = numpy.ceil(means + 1.6449 * numpy.sqrt(means))
    return numpy.where(means > _COUNTED, many, few)


@cache
def _thresholds(most: int) -> tuple[float, ...]:
    """The largest mean whose 95th percentile is n, for n = 1, 2 ... until it is above ``most``."""
    found = [0.0]
    while found[-1] <= min(most, _COUNTED):
        low, high = found[-1], found[-1] + 2.0
        for _ in range(50):
            middle = (low + high) / 2
            low, high = (middle, high) if poisson_p95(middle) <= len(found) else (low, middle)
        found.append(low)
    return tuple(found[1:])
