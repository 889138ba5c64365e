"""What is fitted and held out: each device and engine by model, and all of them by device."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Final

import numpy as np

from ecoaudit.sizing.constants import ANY, Constants
from ecoaudit.sizing.memory import active_parameters, tensors

from .held_out import HeldOut, Predict, held_out
from .least import Array, Mask
from .model import (
    Table,
    alone,
    energy_j,
    first_s,
    fit_cost,
    fit_first,
    fit_level,
    power_w,
    relative_power,
    step_s,
    table_of,
)
from .rows import ML_ENERGY, Data

SEEN: Final = {"step": "step_s", "power": "power_w", "energy": "energy_j", "first": "first_s"}


@dataclass(frozen=True, slots=True)
class Group:
    """One device and engine, or all.

    Attributes:
        name: device, or ``any``.
        engine: generation.
        table: its points.
        seen: measured, by quantity.
        held: predictions without the own model, or without the own device.
        constants: fitted on all.
    """

    name: str
    engine: str
    table: Table
    seen: dict[str, Array]
    held: HeldOut
    constants: Constants


class Study:
    """All fits on some data."""

    def __init__(self, data: Data):
        self.data = data
        self.everything = table_of(data.points, data.contradicted, by="device")
        self.anchors = table_of(data.anchors, frozenset(), by="device")
        limit = relative_power(self.anchors)
        self.anchors = self.anchors.only(limit <= 1.0)

    def run(self) -> list[Group]:
        """Every device and engine, then all."""
        every = self._group(ANY, "any", self.everything, self._predict_by_device)
        kinds = sorted({(point.device.name, point.engine) for point in self.data.points})
        groups = []
        for device, engine in kinds:
            chosen = [
                point
                for point in self.data.points
                if (point.device.name, point.engine) == (device, engine)
            ]
            table = table_of(chosen, self.data.contradicted)
            models = {point.model.name for point in chosen}
            if len(models) < 2:
                continue  # nothing to hold out against; they count in ``any``

            def predict(rows: Table, asked: Table, models: set[str] = models) -> dict[str, Array]:
                missing = models - {point.model.name for point in rows.points}
                return self._predict(rows, asked, missing)

            groups.append(self._group(device, engine, table, predict, every))
        return [*groups, every]

    # -- fits ------------------------------------------------------------------------------------

    def _anchors_of(self, rows: Table, missing: set[str]) -> Table:
        """Points at small batches of the devices in ``rows``, without some models."""
        devices = {point.device.name for point in rows.points}
        kept = [
            point.device.name in devices and point.model.name not in missing
            for point in self.anchors.points
        ]
        return self.anchors.only(np.array(kept, dtype=bool))

    def _predict(self, rows: Table, asked: Table, missing: set[str]) -> dict[str, Array]:
        """Of models that are not in ``rows``, on the same device."""
        return self._predictions(rows, asked, self._anchors_of(rows, missing))

    def _predict_by_device(self, rows: Table, asked: Table) -> dict[str, Array]:
        """Of devices that are not in ``rows``."""
        return self._predictions(rows, asked, self._anchors_of(rows, set()))

    def _predictions(self, rows: Table, asked: Table, anchors: Table) -> dict[str, Array]:
        cost = fit_cost(rows)
        none = np.full(len(asked.points), np.nan)
        found = {"step": step_s(asked, cost), "power": none, "energy": none, "first": none}
        if _any(asked, "power_w"):
            level = fit_level(rows, cost, anchors)
            found["power"] = power_w(asked, cost, level)
            found["energy"] = energy_j(asked, cost, level)
        timed = rows.only(_known(rows, "first_s"))
        if timed.points and _any(asked, "first_s"):
            first = fit_first(timed, [cost] * len(timed.points))
            found["first"] = first_s(asked, [cost] * len(asked.points), first)
        return found

    def _group(
        self, name: str, engine: str, table: Table, predict: Predict, every: Group | None = None
    ) -> Group:
        seen = {
            quantity: np.array([_nan(getattr(point, field)) for point in table.points], dtype=float)
            for quantity, field in SEEN.items()
        }
        held = held_out(table, seen, predict, strict=every is not None)
        constants = self._constants(name, engine, table, seen, held, every)
        return Group(name, engine, table, seen, held, constants)

    def _constants(
        self,
        name: str,
        engine: str,
        table: Table,
        seen: dict[str, Array],
        held: HeldOut,
        every: Group | None,
    ) -> Constants:
        cost = fit_cost(table)
        own = _any(table, "power_w")
        ends = dict(held.ends)
        if own or every is None:
            anchors = self._anchors_of(table, set())
            level = fit_level(table, cost, anchors)
            single = self.anchors if every is None else anchors
            factor = alone(single, cost, level) if single.points else None
        else:
            level = np.array(every.constants.level)
            factor = None
            ends |= _of(every, "power") | _of(every, "energy")
        if factor is None:
            assert every is not None
            factor = every.constants.alone
        if every is None:
            timed = table.only(_known(table, "first_s"))
            request_s, token_s, _ = fit_first(timed, [cost] * len(timed.points))
        else:
            request_s, token_s = every.constants.request_s, every.constants.token_s
            ends |= _of(every, "first")
        sources = sorted({point.source for point in table.points})
        versions = sorted({point.version for point in table.points if point.version})
        unlabelled = any(not point.version for point in table.points)
        numbers = ", ".join(v for v in versions if v[0].isdigit())
        return Constants(
            device=name,
            engine=f"vLLM {numbers}{', unlabelled' if unlabelled else ''}",
            cost=tuple(float(each) for each in cost),
            level=tuple(float(each) for each in level),
            alone=factor,
            request_s=float(request_s),
            token_s=float(token_s),
            ends=ends,
            rows=len(table.points),
            models=len({point.model.name for point in table.points}),
            power_from="own" if own else ANY,
            step_error=_mean_error(seen["step"], held.predicted["step"]) or 0.0,
            energy_error=_mean_error(seen["energy"], held.predicted["energy"]),
            source=" and ".join(sources),
        )


def _of(group: Group, quantity: str) -> dict[str, tuple[float, float]]:
    """The intervals of one quantity."""
    ends = group.constants.ends
    return {name: ends[name] for name in ends if name.startswith(quantity)}


def roofline_energy_j(table: Table) -> Array:
    """Energy per output token of the power limit times the datasheet's roofline [J]."""
    limit = np.array([point.device.power_limit.value for point in table.points])
    step = np.array([point.roofline_s() for point in table.points])
    return np.asarray(limit * step * table.column("devices") / table.column("batch"))


def ecologits_energy_j(table: Table) -> Array:
    """Energy of the boards per output token by EcoLogits 0.11.3, made for the H100 [J].

    n x (alpha exp(beta B) P + gamma) Wh with B = 64 and P active parameters in billions; n boards
    of 80 GB hold 1.2 x 16 bit x all parameters, rounded up to a power of two
    (``ecologits/impacts/llm.py``). Its server share and PUE are left off: the rows are boards.
    """
    found = []
    for point in table.points:
        active, total = active_parameters(point.model) / 1e9, tensors(point.model).total / 1e9
        boards = 2 ** math.ceil(math.log2(math.ceil(1.2 * total * 2 / 80)))
        each = 1.1665273170451914e-6 * math.exp(-0.011205921025579175 * 64) * active
        known = "H100" in point.device.name and point.source == ML_ENERGY
        found.append(boards * (each + 4.052928146734005e-5) * 3600 if known else math.nan)
    return np.array(found)


def _known(table: Table, name: str) -> Mask:
    return np.array([getattr(point, name) is not None for point in table.points], dtype=bool)


def _any(table: Table, name: str) -> bool:
    return any(getattr(point, name) is not None for point in table.points)


def _nan(value: float | None) -> float:
    return math.nan if value is None else value


def _mean_error(seen: Array, predicted: Array) -> float | None:
    known = np.isfinite(seen) & np.isfinite(predicted)
    return float(np.abs(predicted[known] / seen[known] - 1).mean()) if known.any() else None
