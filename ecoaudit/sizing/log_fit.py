"""Factors on a prior that meet some measurements: least squares of logarithms, held by the prior.

Where the measurements tell a factor, they set it; where they do not, it stays near 1; where they
tell two only together, both move. So a few measurements may serve many factors.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Final

import numpy

from ecoaudit.bands import Array

_ROUNDS: Final = 60
_LONGEST: Final = 0.7  # of one step, in the logarithm of a factor
_CLOSE: Final = 1e-9
_APART: Final = 1e-5  # for the differences that stand for derivatives

Predict = Callable[[Array], Array]  # logarithms of what is to be seen, by those of the factors


@dataclass(frozen=True, slots=True)
class LogFit:
    """What was found.

    Attributes:
        factors: on the prior.
        covariance: of their logarithms.
        off: root mean square of ln(seen / predicted).
    """

    factors: Array
    covariance: Array
    off: float

    def spread(self, predict: Predict) -> float:
        """Standard deviation of the logarithm of a prediction, the mean over several."""
        slopes = _slopes(predict, numpy.log(self.factors))
        variances = numpy.einsum("ij,jk,ik->i", slopes, self.covariance, slopes)
        return float(numpy.sqrt(variances.mean()))


def fit(predict: Predict, seen: Array, doubt: Array, free: Array) -> LogFit:
    """The factors that minimise ((ln seen - predicted) / doubt)^2 + (ln factor / free)^2, summed.

    By Gauss and Newton's method with short steps.

    Args:
        predict: logarithms of the predictions, by those of the factors.
        seen: what was measured.
        doubt: standard deviation of the logarithm of each.
        free: that of each factor before anything was measured.
    """
    logs = numpy.zeros_like(free)
    weight, tie = 1 / doubt**2, 1 / free**2
    for _ in range(_ROUNDS):
        slopes = _slopes(predict, logs)
        missing = numpy.log(seen) - predict(logs)
        curvature = slopes.T @ (weight[:, None] * slopes) + numpy.diag(tie)
        step = numpy.linalg.solve(curvature, slopes.T @ (weight * missing) - tie * logs)
        longest = float(numpy.abs(step).max())
        logs = logs + step * min(1.0, _LONGEST / max(longest, _LONGEST))
        if longest < _CLOSE:
            break
    slopes = _slopes(predict, logs)
    curvature = slopes.T @ (weight[:, None] * slopes) + numpy.diag(tie)
    missing = numpy.log(seen) - predict(logs)
    off = float(numpy.sqrt((missing**2).mean()))
    covariance: Array = numpy.linalg.inv(curvature).astype(numpy.float64)
    return LogFit(numpy.exp(logs), covariance, off)


def _slopes(predict: Predict, logs: Array) -> Array:
    """Derivatives of each prediction by each factor's logarithm."""
    columns = []
    for place in range(len(logs)):
        step = numpy.zeros_like(logs)
        step[place] = _APART
        columns.append((predict(logs + step) - predict(logs - step)) / (2 * _APART))
    return numpy.stack(columns, axis=1)
