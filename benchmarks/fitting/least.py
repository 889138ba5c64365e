"""Robust least squares of positive constants on a log scale, pulled towards what is known."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

import numpy as np
from numpy.typing import NDArray

Array = NDArray[np.float64]
Mask = NDArray[np.bool_]
HUBER: Final = 1.5  # beyond so many sigma an error counts linearly
MOST_ROWS: Final = 20.0  # that one model counts for


def fitted(
    parts: Array,
    seen: Array,
    models: Sequence[str],
    known: Array,
    spread: Array,
    sigma: float,
    least: Array,
) -> Array:
    """Constants c that make ``parts @ c`` meet ``seen``.

    Least over c > 0 is sum w rho(ln(parts @ c / seen) / sigma) + sum (ln(c / known) / spread)^2,
    rho of Huber; a model with more rows than ``MOST_ROWS`` counts for that many. Levenberg and
    Marquardt's way, on ln c.

    Args:
        parts: rows by constants.
        seen: what was measured.
        models: the model of each row.
        known: constants before any row was seen.
        spread: how far from it they may be, standard deviation of ln c.
        sigma: standard deviation of ln seen.
        least: lower bound of each constant.
    """
    counts = {model: models.count(model) for model in set(models)}
    weight = np.array([min(1.0, MOST_ROWS / counts[model]) for model in models])
    middle, floor = np.log(known), np.log(np.maximum(least, 1e-12))

    def error(at: Array) -> Array:
        return np.asarray(np.log(parts @ np.exp(at) / seen) / sigma)

    def cost(at: Array) -> float:
        size = np.abs(error(at))
        rho = np.where(size < HUBER, size**2, 2 * HUBER * size - HUBER**2)
        return float((weight * rho).sum() + (((at - middle) / spread) ** 2).sum())

    at = np.maximum(middle, floor)
    best, damping = cost(at), 1e-3
    for _ in range(60):
        constants = np.exp(at)
        off = error(at)
        slope = parts * constants / (parts @ constants)[:, None] / sigma
        robust = weight * np.minimum(1.0, HUBER / np.maximum(np.abs(off), 1e-9))
        curve = (slope * robust[:, None]).T @ slope + np.diag(1 / spread**2)
        down = (slope * robust[:, None]).T @ off + (at - middle) / spread**2
        free = (at > floor + 1e-12) | (down < 0)
        step = np.zeros_like(at)
        moved = False
        for _ in range(12):
            inner = curve[np.ix_(free, free)]
            step[free] = -np.linalg.solve(inner + damping * np.diag(np.diag(inner)), down[free])
            new = np.maximum(at + np.clip(step, -1, 1), floor)
            value = cost(new)
            if value < best:
                moved = best - value > 1e-8 * best
                at, best, damping = new, value, max(damping / 3, 1e-7)
                break
            damping *= 4
        if not moved:
            break
    return np.asarray(np.exp(at))
