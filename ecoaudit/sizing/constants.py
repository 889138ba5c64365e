"""What real steps cost over the datasheet: constants fitted on public rows, by device and engine.

The table beside this module is made by ``python -m benchmarks.fitting`` and not by hand. A device
that is in it is ``calibrated``; any other takes the row ``any``, fitted on all of them, and is
``datasheet``, until it is calibrated itself (:mod:`ecoaudit.sizing.calibration`). Intervals are the
errors on models (of ``any``: on devices) that were held out.
"""

from __future__ import annotations

import csv
import math
from dataclasses import dataclass, fields
from functools import cache
from pathlib import Path
from typing import Final

from ecoaudit.errors import FileFormatError, NotFoundError
from ecoaudit.estimate import Basis, Estimate
from ecoaudit.factors.hardware import Device

TABLE: Final = Path(__file__).parent / "constants.csv"
ANY: Final = "any"
CALIBRATED, DATASHEET = "calibrated", "datasheet"

TERMS: Final = (
    "weights",
    "cache",
    "compute",
    "layer",
    "sequence",
    "link",
    "fp8_experts",
    "int4_experts",
    "prompt_step",
)
"""Kinds of work in a step, in the order of ``Constants.cost`` and ``Constants.level``.

The first three are over the time at the device's own rates: reading weights, reading the cache,
computing. The others are seconds: per layer; per sequence; per layer with more than one device;
per layer of experts in 8 and in 4 bit; per layer in a step that reads a prompt, of models with
experts or a state.
"""
FEW: Final = 8  # requests; with fewer, public rows of power are all but missing
QUANTITIES: Final = ("step", "power", "energy", "first")
SORTS: Final = ("dense", "experts")
"""Models without experts and with: their errors differ, so their intervals do."""
ENDS: Final = tuple(f"{name} {sort}" for name in QUANTITIES for sort in SORTS)


@dataclass(frozen=True, slots=True)
class Constants:
    """One row of the table.

    Attributes:
        device: name in ``ecoaudit/factors/hardware.csv``, or ``any``.
        engine: engine and versions that the rows were measured with.
        cost: by kind of work (``TERMS``): over the datasheet's time, or [s].
        level: by kind of work: draw meanwhile, over the power limit.
        alone: draw with one request, over what the levels give; they are fitted from eight on.
        request_s: of a request before its prompt is read [s].
        token_s: of a token of a prompt before it is read [s].
        ends: by quantity and sort of model (``"step dense"``): 80 % interval, low and high over
            the value.
        rows: measured points.
        models: shapes of models among them.
        power_from: ``own`` rows, or ``any``: the levels are those of the row ``any``.
        step_error: mean error of the step time of models held out.
        energy_error: mean error of J/token of models held out; None: no power was measured.
        source: where the rows come from.
    """

    device: str
    engine: str
    cost: tuple[float, ...]
    level: tuple[float, ...]
    alone: float
    request_s: float
    token_s: float
    ends: dict[str, tuple[float, float]]
    rows: int
    models: int
    power_from: str
    step_error: float
    energy_error: float | None
    source: str

    @property
    def trust(self) -> str:
        """``calibrated`` or ``datasheet``."""
        return DATASHEET if self.device == ANY else CALIBRATED

    def few(self, batch: float) -> float:
        """Factor on the draw of fewer than eight requests: ``alone`` at one, even over log B."""
        return float(self.alone ** max(0.0, 1 - math.log2(max(batch, 1.0)) / math.log2(FEW)))

    @property
    def said(self) -> str:
        """For a source: what the figure stands on."""
        if self.trust == DATASHEET:
            return f"roofline with constants of other devices ({self.source})"
        return f"roofline fitted on this device, {self.engine} ({self.source})"

    def estimate(self, value: float, unit: str, quantity: str, sort: str) -> Estimate:
        """A figure with its 80 % interval.

        Args:
            value: in ``unit``.
            unit: the unit.
            quantity: one of ``QUANTITIES``: whose interval it has.
            sort: one of ``SORTS``: of the model.
        """
        low, high = self.ends[f"{quantity} {sort}"]
        return Estimate(value, value * low, value * high, unit, Basis.MODELLED, self.said)


def own_constants(device: Device) -> Constants:
    """The constants of a device: from its calibration where it has one, else from the table."""
    return constants_of(device.name) if device.constants is None else device.constants


@cache
def constants_of(device: str, engine: str = "") -> Constants:
    """The constants of a device: its own where there are any, those of ``any`` otherwise.

    Args:
        device: name in the table of devices.
        engine: a version such as ``0.18``; empty: the row whose models were met best when
            held out.

    Raises:
        NotFoundError: the device has rows, but none of this engine.
    """
    rows = [row for row in table() if row.device == device]
    if engine and rows:
        found = [row for row in rows if engine in row.engine.replace(",", "").split()]
        if not found:
            known = "; ".join(row.engine for row in rows)
            raise NotFoundError(f"{device}: no constants of engine {engine!r}; known: {known}")
        rows = found
    if not rows:
        rows = [row for row in table() if row.device == ANY]
    return min(rows, key=lambda row: row.step_error)


@cache
def table() -> tuple[Constants, ...]:
    """All rows, in the order of the file."""
    return tuple(read_constants(TABLE))


def columns() -> list[str]:
    """Header of the file."""
    ends = [f"{name}_{end}".replace(" ", "_") for name in ENDS for end in ("low", "high")]
    words = ["device", "engine", "power_from", "source"]
    counts = ["rows", "models", "step_error", "energy_error"]
    costs = [f"cost_{name}" for name in TERMS]
    levels = [f"level_{name}" for name in TERMS]
    return [*words, *counts, *costs, *levels, "alone", "request_s", "token_s", *ends]


def read_constants(path: Path) -> list[Constants]:
    """Read a table of constants.

    Raises:
        FileFormatError: another header, a cell that is no number, or an interval without its value.
    """
    with path.open(encoding="utf-8", newline="") as file:
        reader = csv.DictReader(file, strict=True)
        if list(reader.fieldnames or []) != columns():
            raise FileFormatError(
                f"{path.name}:1: header: not that of a table of constants; "
                "make it with python -m benchmarks.fitting"
            )
        return [_row(path, line, cells) for line, cells in enumerate(reader, 2)]


def _row(path: Path, line: int, cells: dict[str, str]) -> Constants:
    def number(name: str) -> float:
        try:
            return float(cells[name])
        except (TypeError, ValueError):
            raise FileFormatError(
                f"{path.name}:{line}: {name}: expected a number, got {cells[name]!r}"
            ) from None

    ends = {
        name: (number(f"{name}_low".replace(" ", "_")), number(f"{name}_high".replace(" ", "_")))
        for name in ENDS
    }
    for name, (low, high) in ends.items():
        if not 0 < low <= 1 <= high:
            column = f"{name}_low".replace(" ", "_")
            raise FileFormatError(f"{path.name}:{line}: {column}: the interval holds no 1")
    return Constants(
        device=cells["device"],
        engine=cells["engine"],
        cost=tuple(number(f"cost_{name}") for name in TERMS),
        level=tuple(number(f"level_{name}") for name in TERMS),
        alone=number("alone"),
        request_s=number("request_s"),
        token_s=number("token_s"),
        ends=ends,
        rows=int(number("rows")),
        models=int(number("models")),
        power_from=cells["power_from"],
        step_error=number("step_error"),
        energy_error=number("energy_error") if cells["energy_error"] else None,
        source=cells["source"],
    )


def written(constants: Constants) -> dict[str, str]:
    """The cells of a row, by column."""
    cells = {
        field.name: str(getattr(constants, field.name))
        for field in fields(Constants)
        if field.name in ("device", "engine", "power_from", "source", "rows", "models")
    }
    error = constants.energy_error
    cells |= {
        "step_error": f"{constants.step_error:.4f}",
        "energy_error": "" if error is None else f"{error:.4f}",
        "alone": f"{constants.alone:.3f}",
        "request_s": f"{constants.request_s:.3g}",
        "token_s": f"{constants.token_s:.3g}",
    }
    for index, name in enumerate(TERMS):
        cells[f"cost_{name}"] = f"{constants.cost[index]:.4g}"
        cells[f"level_{name}"] = f"{constants.level[index]:.3g}"
    for name, (low, high) in constants.ends.items():
        column = name.replace(" ", "_")
        cells |= {f"{column}_low": f"{low:.3f}", f"{column}_high": f"{high:.3f}"}
    return cells
