"""Errors on groups that were held out, and the intervals that follow from them.

A group is a model (``calibrated``) or a device (``datasheet``). The interval of a group is made of
the errors of the others, each predicted without itself and without that group: nothing of a group
is in what it is judged by.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass
from typing import Final

import numpy as np

from ecoaudit.sizing.constants import SORTS

from .least import Array, Mask
from .model import Table

Predict = Callable[[Table, Table], dict[str, Array]]
"""From rows to fit on and rows to predict: predictions by quantity."""
OUTER: Final = 10.0  # per cent of the errors beyond each end
ENOUGH: Final = 3  # models of a sort whose errors make an interval of their own


@dataclass(frozen=True, slots=True)
class HeldOut:
    """Predictions of each row without its group.

    Attributes:
        predicted: by quantity; nan where there is none.
        low: lower end of each row's interval, over the prediction.
        high: upper end.
        ends: by quantity and sort, the interval of a group that is in no row.
    """

    predicted: dict[str, Array]
    low: dict[str, Array]
    high: dict[str, Array]
    ends: dict[str, tuple[float, float]]


def held_out(table: Table, seen: dict[str, Array], predict: Predict, strict: bool) -> HeldOut:
    """Hold out each group in turn, and each pair of groups for the intervals.

    Args:
        table: all rows.
        seen: measured, by quantity; nan where it was not.
        predict: fits and predicts.
        strict: what makes the interval of a group is predicted without that group. Else its own
            errors stay out of its interval, but the others are predicted with its rows: of the two
            devices with power, each would otherwise be predicted from no row at all.
    """
    groups = sorted(set(table.keys))
    count = len(table.points)
    alone, low, high = ({name: np.full(count, np.nan) for name in seen} for _ in range(3))
    for group in groups:
        out = table.are(group)
        _put(alone, out, predict(table.only(~out), table.only(out)))
    for group in groups:
        beside = alone
        if strict:
            beside = {name: np.full(count, np.nan) for name in seen}
            for other in groups:
                if other != group:
                    rest = table.only(~table.are(group, other))
                    out = table.are(other)
                    _put(beside, out, predict(rest, table.only(out)))
        for name, values in seen.items():
            for sort in SORTS:
                rows = table.are(group) & table.sorts(sort)
                if rows.any():
                    others = ~table.are(group)
                    low[name][rows], high[name][rows] = interval(
                        table, others, sort, values, beside[name]
                    )
    everything = np.ones(count, dtype=bool)
    ends = {
        f"{name} {sort}": interval(table, everything, sort, values, alone[name])
        for name, values in seen.items()
        for sort in SORTS
    }
    return HeldOut(alone, low, high, ends)


def interval(
    table: Table, rows: Mask, sort: str, seen: Array, predicted: Array
) -> tuple[float, float]:
    """80 % interval over a prediction, from the errors of some rows.

    Of models with experts or without, as asked, where there are ``ENOUGH`` of that sort; of all
    otherwise. Wider than the errors of n groups by sqrt(1 + 1/n): it is for the next one, and the
    middle is only known from n (Geisser, Predictive Inference, 1993, section 2.2).
    """
    known = rows & np.isfinite(seen) & np.isfinite(predicted)
    same = known & table.sorts(sort)
    chosen = same if _models(table, same) >= ENOUGH else known
    if not chosen.any():
        return 1.0, 1.0
    errors = np.log(seen[chosen] / predicted[chosen])
    groups = len({key for key, here in zip(table.keys, chosen, strict=True) if here})
    wider = math.sqrt(1 + 1 / groups)
    ends = np.exp(wider * np.percentile(errors, [OUTER, 100 - OUTER]))
    return float(min(ends[0], 1.0)), float(max(ends[1], 1.0))


def _models(table: Table, rows: Mask) -> int:
    return len({point.model.name for point, here in zip(table.points, rows, strict=True) if here})


def _put(into: dict[str, Array], rows: Mask, values: dict[str, Array]) -> None:
    for name, each in values.items():
        into[name][rows] = each


@dataclass(frozen=True, slots=True)
class Errors:
    """Errors of some rows, as shares.

    Attributes:
        count: rows.
        mean: of the absolute error.
        median: of the absolute error.
        p90: 90th percentile of the absolute error.
        bias: mean error.
        coverage: share of rows within their interval; None: no interval.
    """

    count: int
    mean: float
    median: float
    p90: float
    bias: float
    coverage: float | None


def errors_of(seen: Array, predicted: Array, low: Array | None, high: Array | None) -> Errors:
    """Errors where both figures are known."""
    known = np.isfinite(seen) & np.isfinite(predicted)
    off = predicted[known] / seen[known] - 1
    size = np.abs(off)
    inside = None
    if low is not None and high is not None:
        ratio = seen[known] / predicted[known]
        inside = float(((ratio >= low[known]) & (ratio <= high[known])).mean())
    return Errors(
        int(known.sum()),
        float(size.mean()),
        float(np.median(size)),
        float(np.percentile(size, 90)),
        float(off.mean()),
        inside,
    )
