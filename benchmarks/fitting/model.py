"""The fit: from points to constants, and from constants back to what would have been measured."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

import numpy as np

from ecoaudit.sizing.constants import TERMS
from ecoaudit.sizing.speed import rates

from .least import Array, Mask, fitted
from .rows import UNIT, Point

# Before any row was seen: constant, spread of its logarithm, lower bound. Reading and computing:
# medians of measured kernels (0.83 of the bandwidth, 0.8 for the cache, 0.65 of the rate), and
# nothing is faster than the datasheet. Per layer of a step with a prompt: 0.8 ms (aiconfigurator).
COST: Final = {
    "weights": (1 / 0.83, 0.12, 1.0),
    "cache": (1 / 0.8, 0.3, 1.0),
    "compute": (1 / 0.65, 0.3, 1.0),
    "layer": (60e-6, 0.4, 0.0),
    "sequence": (20e-6, 1.0, 0.0),
    "link": (20e-6, 0.7, 0.0),
    "fp8_experts": (80e-6, 0.7, 0.0),
    "int4_experts": (80e-6, 0.7, 0.0),
    "prompt_step": (600e-6, 0.5, 0.0),
}
# Draw over the power limit: kernels that read 0.62 to 0.67, that compute 0.97 to 0.99 (at the
# limit, so that the unlimited draw is more); gaps between kernels near loaded idle.
LEVEL: Final = {
    "weights": (0.75, 0.15, 0.0),
    "cache": (0.8, 0.15, 0.0),
    "compute": (1.1, 0.15, 0.0),
    "layer": (0.35, 0.25, 0.0),
    "sequence": (0.65, 0.3, 0.0),
    "link": (0.25, 0.4, 0.0),
    "fp8_experts": (0.7, 0.2, 0.0),
    "int4_experts": (0.7, 0.2, 0.0),
    "prompt_step": (0.8, 0.25, 0.0),
}
# First token: request, token of the prompt, and how much of the prompts of the other clients of a
# closed loop it waits for.
FIRST: Final = ((0.015, 0.8, 0.0), (15e-6, 1.0, 0.0), (0.2, 0.7, 0.0))
SIGMA: Final = 0.1  # of a step time or a power, within one model
FIRST_SIGMA: Final = 0.2


@dataclass(frozen=True, slots=True)
class Table:
    """Points as arrays, one row each.

    Attributes:
        points: the rows.
        parts: work of a mean step, by kind.
        keys: the group that each row is held out with.
        fit: rows that may be fitted on.
    """

    points: list[Point]
    parts: Array
    keys: list[str]
    fit: Mask

    def only(self, mask: Mask) -> Table:
        """The rows for which ``mask`` is true."""
        chosen = [index for index, wanted in enumerate(mask) if wanted]
        return Table(
            [self.points[index] for index in chosen],
            self.parts[chosen],
            [self.keys[index] for index in chosen],
            self.fit[chosen],
        )

    def are(self, *keys: str) -> Mask:
        """Which rows are of these groups."""
        return np.array([key in keys for key in self.keys], dtype=bool)

    def sorts(self, sort: str) -> Mask:
        """Which rows are of models with ``experts`` or ``dense``; ``all``: every row."""
        return np.array([sort in ("all", point.sort) for point in self.points], dtype=bool)

    def column(self, name: str) -> Array:
        """A field of the points."""
        return np.array([getattr(point, name) for point in self.points], dtype=float)


def table_of(points: Sequence[Point], contradicted: frozenset[Point], by: str = "model") -> Table:
    """Points as arrays; ``by`` model or device."""
    keys = [point.model.name if by == "model" else point.device.name for point in points]
    return Table(
        list(points),
        np.array([point.parts() for point in points]).reshape(len(points), len(TERMS)),
        keys,
        np.array([point not in contradicted for point in points], dtype=bool),
    )


def fit_cost(table: Table) -> Array:
    """Constants of time from the rows that may be fitted on."""
    rows = table.only(table.fit)
    names = [_group(point) for point in rows.points]
    return _fit(rows.parts, rows.column("step_s"), names, list(COST.values()), SIGMA)


def fit_level(table: Table, cost: Array, anchors: Table) -> Array:
    """Constants of power from the rows that have it, and the anchors at small batches."""
    rows = table.only(table.fit & _has(table, "power_w"))
    shares, seen = [shares_of(rows, cost)], [relative_power(rows)]
    names = [_group(point) for point in rows.points]
    if anchors.points:
        shares.append(shares_of(anchors, cost, stretched=True))
        seen.append(relative_power(anchors))
        names += [_group(point) for point in anchors.points]
    return _fit(np.vstack(shares), np.hstack(seen), names, list(LEVEL.values()), SIGMA)


def step_s(table: Table, cost: Array) -> Array:
    """Time of a mean step [s]."""
    return np.asarray(table.parts @ cost)


def shares_of(table: Table, cost: Array, stretched: bool = False) -> Array:
    """Share of a mean step's time by kind of work.

    Args:
        table: the rows.
        cost: constants of time.
        stretched: the measured step is longer, and what is left of it is time between kernels.
    """
    times = table.parts * cost
    if stretched:
        left = np.maximum(table.column("step_s") - times.sum(axis=1), 0.0)
        times[:, TERMS.index("layer")] += left
    return np.asarray(times / times.sum(axis=1)[:, None])


def power_w(table: Table, cost: Array, level: Array) -> Array:
    """Draw of one device [W], at most its limit."""
    limit = np.array([point.device.power_limit.value for point in table.points])
    return np.asarray(limit * np.minimum(shares_of(table, cost) @ level, 1.0))


def alone(anchors: Table, cost: Array, level: Array) -> float:
    """Measured draw with one request over the predicted one, geometric mean."""
    single = anchors.only(anchors.column("batch") == 1)
    ratio = single.column("power_w") / power_w(single, cost, level)
    return float(np.exp(np.log(ratio).mean()))


def energy_j(table: Table, cost: Array, level: Array) -> Array:
    """Energy per output token, all devices [J]."""
    per_step = power_w(table, cost, level) * step_s(table, cost)
    return np.asarray(per_step * table.column("devices") / table.column("batch"))


def relative_power(table: Table) -> Array:
    """Measured draw over the limit."""
    limit = np.array([point.device.power_limit.value for point in table.points])
    return np.asarray(table.column("power_w") / limit)


def first_parts(table: Table, cost: Array) -> tuple[Array, Array]:
    """What a first token waits for in a closed loop: fixed [s], and by constant of ``FIRST``.

    Fixed: reading its own prompt and the rest of a step amid which it came.
    """
    compute, layer, delayed = (TERMS.index(name) for name in ("compute", "layer", "prompt_step"))
    fixed, others = [], []
    for point, parts in zip(table.points, table.parts, strict=True):
        each = parts * cost
        flop_s = _prompt_flop_s(point) * cost[compute]
        irregular = point.model.experts or point.model.state
        delay = point.model.layers * cost[delayed] if irregular else 0.0
        step = each.sum()
        fixed.append(flop_s + delay + point.model.layers * cost[layer] + 1.5 * step)
        others.append((1.0, point.prompt, (point.clients - 1) * flop_s))
    return np.array(fixed), np.array(others)


def fit_first(table: Table, cost: Sequence[Array]) -> Array:
    """Constants of ``FIRST``; ``cost`` by row."""
    fixed, others = _first(table, cost)
    names = [_group(point) for point in table.points]
    known = [(1.0, 0.01, 0.0), *FIRST]
    parts = np.hstack([fixed[:, None], others])
    return _fit(parts, table.column("first_s"), names, known, FIRST_SIGMA)[1:]


def first_s(table: Table, cost: Sequence[Array], first: Array) -> Array:
    """Time to the first token in a closed loop [s]."""
    fixed, others = _first(table, cost)
    return np.asarray(fixed + others @ first)


def _first(table: Table, cost: Sequence[Array]) -> tuple[Array, Array]:
    found = [
        first_parts(Table([point], parts[None, :], [""], np.array([True])), each)
        for point, parts, each in zip(table.points, table.parts, cost, strict=True)
    ]
    return np.hstack([one[0] for one in found]), np.vstack([one[1] for one in found])


def _prompt_flop_s(point: Point) -> float:
    rate = rates(point.model, point.weights, point.device, point.devices, UNIT)
    flop = point.prompt * (rate.flop_per_token + rate.attention_flop * point.prompt / 2)
    return flop * (rate.flop_s or 0.0)


def _fit(
    parts: Array,
    seen: Array,
    names: list[str],
    known: list[tuple[float, float, float]],
    sigma: float,
) -> Array:
    middle, spread, least = (np.array([each[index] for each in known]) for index in range(3))
    return fitted(parts, seen, names, middle, spread, sigma, least)


def _group(point: Point) -> str:
    return f"{point.device.name} {point.engine} {point.model.name}"


def _has(table: Table, name: str) -> Mask:
    return np.array([getattr(point, name) is not None for point in table.points], dtype=bool)
