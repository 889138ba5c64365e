"""Which factor the doubt of a total comes from, and so which number to measure next."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

import numpy

from ecoaudit.distributions import Array
from ecoaudit.lifecycle.draws import Draws

_BINS: Final = 50
_ROUNDING: Final = 1e-9  # relative; draws of a sure total differ by their last digits


def variance_shares(
    whole: Array, draws: Draws, among: Mapping[str, list[str]]
) -> list[tuple[list[str], float]]:
    """Share of the total's variance that goes with each factor alone, largest first.

    Of its logarithm, where the total is above nothing in all draws: one draw in a thousand of a
    long tail would else be most of the variance.

    First-order Sobol index, estimated from the draws at hand: the variance of the mean within
    bins of a factor over all variance, less what chance alone would give. Plischke, Borgonovo and
    Smith 2013, European Journal of Operational Research 226(3), section 4. The shares of factors
    that act together do not sum to 1.

    Args:
        whole: draws of the total.
        draws: of its inputs.
        among: uncertain inputs of the total, those that share their draws together.

    Returns:
        Names of the inputs that share the draws of a factor, and the share, between 0 and 1.
    """
    if whole.min() > 0:
        whole = numpy.log(whole)
    variance = float(whole.var())
    uncertain = variance > _ROUNDING**2 * max(1.0, float(numpy.abs(whole).mean())) ** 2
    found = []
    for names in among.values():
        share = _first_order(draws.of(names[0]), whole, variance) if uncertain else 0.0
        found.append((sorted(names), share))
    return sorted(found, key=lambda each: (-each[1], each[0]))


def _first_order(factor: Array, whole: Array, variance: float) -> float:
    groups = numpy.array_split(whole[numpy.argsort(factor, kind="stable")], _BINS)
    means = numpy.array([group.mean() for group in groups])
    within = float(numpy.mean([group.var(ddof=1) for group in groups]))
    between = float(means.var(ddof=1)) - within * _BINS / whole.size
    return min(max(between / variance, 0.0), 1.0)
