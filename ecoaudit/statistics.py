"""Small statistics, in plain Python so that importing them costs nothing."""

from __future__ import annotations

import math
from collections.abc import Sequence

_Z80 = 1.2816  # half an 80 % interval of the normal distribution


def percentile(values: Sequence[float], q: float) -> float:
    """The ``q``-th percentile by linear interpolation between order statistics.

    Definition 7 of Hyndman and Fan, "Sample quantiles in statistical packages", The American
    Statistician 50 (1996) 361-365; the default of NumPy and R.

    Args:
        values: at least one finite number, in any order.
        q: percentile, 0 to 100.

    Raises:
        ValueError: no values, or ``q`` outside 0 to 100.
    """
    if not values:
        raise ValueError("a percentile needs at least one value")
    if not 0 <= q <= 100:
        raise ValueError(f"a percentile lies between 0 and 100, got {q}")
    ordered = sorted(values)
    rank = (len(ordered) - 1) * q / 100
    below = math.floor(rank)
    above = min(below + 1, len(ordered) - 1)
    return ordered[below] + (ordered[above] - ordered[below]) * (rank - below)


def percentile_interval(values: Sequence[float], q: float) -> tuple[float, float]:
    """An 80 % confidence interval of the ``q``-th percentile from order statistics.

    The number of values below the true percentile is binomial(n, q/100); the interval takes the
    order statistics at its normal-approximated 10 % and 90 % points (z = 1.2816), rounded outwards
    and bounded by the smallest and largest value. Conover, Practical Nonparametric Statistics,
    3rd ed., section 3.2.
    """
    ordered = sorted(values)
    if not ordered:
        raise ValueError("a percentile interval needs at least one value")
    n, p = len(ordered), q / 100
    spread = 1.2816 * math.sqrt(n * p * (1 - p))
    low = min(max(math.floor(n * p - spread) - 1, 0), n - 1)
    high = min(max(math.ceil(n * p + spread), 0), n - 1)
    point = percentile(ordered, q)
    return min(ordered[low], point), max(ordered[high], point)


def trapezoid(times_s: Sequence[float], values: Sequence[float]) -> float:
    """The integral of ``values`` over ``times_s`` by the trapezoidal rule.

    Args:
        times_s: ascending times [s], same length as ``values``.
        values: samples, for instance power [W]; the integral is then in J.
    """
    return math.fsum(
        (t1 - t0) * (v0 + v1) / 2
        for t0, t1, v0, v1 in zip(times_s, times_s[1:], values, values[1:], strict=False)
    )


def share_interval(count: int, of: int, z: float = _Z80) -> tuple[float, float]:
    """The interval of a share that was counted: E. B. Wilson, J. Am. Stat. Assoc. 22 (1927) 209.

    Args:
        count: how many.
        of: among how many, at least one.
        z: standard deviations to either side; an 80 % interval by default.
    """
    share, z2 = count / of, z * z / of
    middle = share + z2 / 2
    half = z * math.sqrt(share * (1 - share) / of + z2 / (4 * of))
    # At 0 and 1 rounding may miss them by a hair.
    return max(min((middle - half) / (1 + z2), share), 0.0), max((middle + half) / (1 + z2), share)


def student_point(degrees: int, z: float = _Z80) -> float:
    """The point of Student's t that the normal distribution has at ``z``.

    Cornish and Fisher's expansion to the second order, Abramowitz and Stegun 26.7.5: within 0.1 %
    for nine degrees of freedom and more at the default, the 90 % point.

    Args:
        degrees: of freedom, at least one.
        z: of the standard normal distribution; half an 80 % interval by default.
    """
    first = (z**3 + z) / 4
    second = (5 * z**5 + 16 * z**3 + 3 * z) / 96
    return z + first / degrees + second / degrees**2
