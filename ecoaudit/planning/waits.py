"""Waits at the busiest hour, simulated, for the options that are worth it.

All options get the same requests, so that two differ by what they are and not by chance.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Final

from ecoaudit.estimate import Basis, Estimate
from ecoaudit.planning.catalogue import Catalogue
from ecoaudit.sizing.peak_hour import QUICK, Draws, at_peak, drawn
from ecoaudit.sizing.simulation import ServerLimits
from ecoaudit.sizing.speed import ModelSteps, rates
from ecoaudit.sizing.vllm_budget import batch_defaults

Place = tuple[int, int]
OPTIONS: Final = 12  # are simulated


@dataclass(frozen=True, slots=True)
class Waits:
    """What 95 % of the requests wait at most at the busiest hour.

    Attributes:
        first: for the first token [s].
        complete: for the whole answer [s].
    """

    first: Estimate
    complete: Estimate


def simulated(catalogue: Catalogue, places: Iterable[Place]) -> dict[Place, Waits]:
    """The waits of options; those of measured ones, and where no prompt can be timed, are left out.

    Args:
        catalogue: the tables.
        places: rows and columns of options that hold their model.
    """
    found: dict[Place, Waits] = {}
    draws: dict[tuple[int, int], Draws] = {}
    for place in places:
        if place in catalogue.evidence or not catalogue.timings.read[place]:
            continue
        load, longest = catalogue.load_at(place[0]), _longest(catalogue, place)
        key = (id(load), longest)
        if key not in draws:
            draws[key] = drawn(load, longest, count=QUICK)
        found[place] = _waits(catalogue, place, draws[key])
    return found


def _longest(catalogue: Catalogue, place: Place) -> int:
    """Longest request that is served [tokens]: the model's context, or what the load asks for."""
    model = catalogue.pairs[place[0]].model
    need = catalogue.load_at(place[0]).context_p95.high or 0.0
    return max(int(min(4 * need, model.context_tokens or need)), 2)


def _waits(catalogue: Catalogue, place: Place, draws: Draws) -> Waits:
    load = catalogue.load_at(place[0])
    pair, device = catalogue.pairs[place[0]], catalogue.devices[place[1]]
    count = catalogue.counts[place[1]]
    rate = rates(pair.model, pair.weights, device, count)
    batched, most = batch_defaults(device)
    room = int(catalogue.room[place])
    longest = max(p + o for p, o in zip(draws.prompts, draws.outputs, strict=True))
    kv_tokens = max(int(room * (load.context_p95.high or 0.0)), longest)
    limits = ServerLimits(min(most, batched), batched, kv_tokens)
    peak = load.peak_per_s.high or 0.0
    found = at_peak(draws, peak, ModelSteps(pair.model, rate, count), limits)
    admitted = rate.admission_s(load.prompt_p95.number)
    return Waits(
        _with_doubt(found["ttft_s_p95"], admitted, rate.constants.ends[f"first {rate.sort}"]),
        _with_doubt(found["e2e_s_p95"], admitted, rate.constants.ends[f"step {rate.sort}"]),
    )


def _with_doubt(wait: Estimate, admitted_s: float, ends: tuple[float, float]) -> Estimate:
    """A simulated wait with what comes before it, and with the doubt of the steps' times."""
    if not wait.known:
        return wait
    steps = Estimate(1.0, min(ends[0], 1.0), max(ends[1], 1.0), "", Basis.MODELLED, "")
    before = Estimate.exact(admitted_s, "s", Basis.MODELLED, "")
    return (wait + before).times(steps, "s").sourced(wait.source)
