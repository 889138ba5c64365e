"""What one number would have to be for a recipe to give a figure."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence
from typing import Final

import numpy

from ecoaudit.errors import UsageError
from ecoaudit.lifecycle.claims.claim import Recipe

_SAME: Final = 1e-9  # relative; what counts as the figure itself
_DECADES: Final = (6, 2)  # how far above and below the given number another is looked for
_PER_DECADE: Final = 12
_MOST_CROSSINGS: Final = 3
_MOST_ROUNDS: Final = 60
# Names of numbers that cannot be beyond these.
_AT_LEAST_ONE: Final = ("pue",)
_AT_MOST_ONE: Final = ("utilisation", "utilization", "efficiency", "share", "fraction")


def solve(
    recipe: Recipe,
    values: Mapping[str, float],
    name: str,
    figure: float,
    *,
    searched: bool = True,
) -> float | None:
    """The value of ``name`` with which ``recipe`` gives ``figure``, the others as given.

    Proportional, inverse and straight-line parts are solved in closed form; others, if they are
    ``searched``, between values on a grid within six decades of the given one, the nearest first.

    Returns:
        None where there is none of the same sign, or none that such a number can have.
    """

    def at(value: float) -> float | None:
        return _result(recipe, {**values, name: value})

    given = values[name]
    for candidate in (_as_power(at, given, figure), _as_line(at, given, figure)):
        if candidate is not None and _gives(at, candidate, figure):
            return candidate if _can_be(name, given, candidate) else None
    found = _by_search(recipe, values, name, figure) if searched else None
    return found if found is not None and _can_be(name, given, found) else None


def closing(
    recipe: Recipe,
    values: Mapping[str, float],
    missing: Sequence[str],
    figure: float,
    units: Mapping[str, str] | None = None,
) -> tuple[str, float] | None:
    """What the missing numbers would have to be together, as an expression and its value.

    ``("pue x kg_per_kwh", 0.4137)`` where the figure is proportional to both; a sum where they
    are added; None where they cannot be drawn together. Of several, those with a unit are told as
    ``time [h]``.
    """
    blank = dict.fromkeys(missing, 1.0)
    base = {**values, **blank}
    if len(missing) == 1:
        (name,) = missing
        found = solve(recipe, base, name, figure)
        return None if found is None else (name, found)
    units = units or {}
    labels = {name: f"{name} [{units[name]}]" if units.get(name) else name for name in missing}
    powers = {name: _power_of(_at(recipe, base, name), 1.0) for name in missing}
    ones = _result(recipe, base)
    if ones and all(powers.values()) and figure / ones > 0:
        together = figure / ones
        if _product_gives(recipe, values, {n: p or 1 for n, p in powers.items()}, together, figure):
            return _expression({labels[n]: power or 1 for n, power in powers.items()}), together
    total = _as_sum(recipe, values, missing, figure)
    return None if total is None else (" + ".join(labels[name] for name in missing), total)


# -- how a recipe depends on a number -----------------------------------------------------------

_At = Callable[[float], float | None]


def _result(recipe: Recipe, values: Mapping[str, float]) -> float | None:
    try:
        return float(recipe.work(values))
    except UsageError:  # divides by zero, is too large ...
        return None


def _at(recipe: Recipe, values: Mapping[str, float], name: str) -> _At:
    return lambda value: _result(recipe, {**values, name: value})


def _same(one: float, other: float) -> bool:
    return math.isclose(one, other, rel_tol=_SAME, abs_tol=1e-300)


def _gives(at: _At, value: float, figure: float) -> bool:
    result = at(value) if math.isfinite(value) else None
    return result is not None and _same(result, figure)


def _power_of(at: _At, given: float) -> float | None:
    """The exponent p where the result goes with value**p; None where it does not."""
    if given == 0:
        return None
    once, twice, thrice = at(given), at(2 * given), at(3 * given)
    if not once or not twice or not thrice or twice / once <= 0:
        return None
    power = round(math.log2(twice / once) * 4) / 4
    fits = _same(twice, once * 2**power) and _same(thrice, once * 3**power)
    return power if fits and power else None


def _as_power(at: _At, given: float, figure: float) -> float | None:
    power, result = _power_of(at, given), at(given)
    if power is None or not result or figure / result <= 0:
        return None
    try:
        return float(given * (figure / result) ** (1 / power))
    except OverflowError:
        return None


def _as_line(at: _At, given: float, figure: float) -> float | None:
    width = abs(given) or 1.0
    here, there, beyond = at(given), at(given + width), at(given + 2 * width)
    if here is None or there is None or beyond is None or there == here:
        return None
    if not _same(beyond - there, there - here):
        return None
    return given + width * (figure - here) / (there - here)


def _by_search(
    recipe: Recipe, values: Mapping[str, float], name: str, figure: float
) -> float | None:
    """The nearest value between which and its neighbour on a grid the result crosses the figure."""
    given = values[name]
    if given == 0:
        return None
    for decades in _DECADES:
        steps = numpy.arange(-decades * _PER_DECADE, decades * _PER_DECADE + 1)
        grid = given * 10.0 ** (steps / _PER_DECADE)
        try:
            above = numpy.asarray(recipe.work({**values, name: grid}) - figure)
        except UsageError:  # somewhere on the grid: try one that is less wide
            continue
        crossed = numpy.flatnonzero(above[:-1] * above[1:] <= 0)
        for place in sorted(crossed, key=lambda at: abs(at + 0.5 - len(grid) / 2))[
            :_MOST_CROSSINGS
        ]:
            ends = float(grid[place]), float(grid[place + 1])
            found = _between(_at(recipe, values, name), ends, figure)
            if found is not None:
                return found
        return None
    return None


def _between(at: _At, ends: tuple[float, float], figure: float) -> float | None:
    """By false position, weighted as in the Illinois method (Dowell and Jarratt, BIT 11, 1971)."""
    one, other = ends
    first, last = at(one), at(other)
    if first is None or last is None:
        return None
    below, above = first - figure, last - figure
    for _ in range(_MOST_ROUNDS):
        value = one if below == above else one - below * (other - one) / (above - below)
        result = at(value)
        if result is None or _same(result, figure):
            return None if result is None else value
        if (result - figure) * above <= 0:
            one, below = other, above
        else:
            below /= 2
        other, above = value, result - figure
    return None


def _can_be(name: str, given: float, value: float) -> bool:
    """Whether a number of that name can have the value; none changes its sign."""
    if given * value < 0 or (value == 0 and given != 0):
        return False
    words = name.lower()
    if any(word in words for word in _AT_LEAST_ONE) and "_x_" not in words and given >= 1:
        return value >= 1
    return value <= 1 or given > 1 or not any(word in words for word in _AT_MOST_ONE)


# -- several missing numbers --------------------------------------------------------------------


def _product_gives(
    recipe: Recipe,
    values: Mapping[str, float],
    powers: Mapping[str, float],
    together: float,
    figure: float,
) -> bool:
    """Whether any numbers with that product give the figure, tried with two sets of them."""
    first, *others = powers
    for start in (2.0, 0.7):
        tried = {name: start + place for place, name in enumerate(others)}
        rest = math.prod(tried[name] ** powers[name] for name in others)
        tried[first] = (together / rest) ** (1 / powers[first])
        result = _result(recipe, {**values, **tried})
        if result is None or not _same(result, figure):
            return False
    return True


def _as_sum(
    recipe: Recipe, values: Mapping[str, float], missing: Sequence[str], figure: float
) -> float | None:
    """``a + b`` where the figure depends on their sum alone, in a straight line."""

    def at(first: float, rest: float) -> float | None:
        parts = dict.fromkeys(missing[1:], rest / (len(missing) - 1))
        return _result(recipe, {**values, missing[0]: first, **parts})

    nothing, one, other = at(0.0, 0.0), at(1.0, 0.0), at(0.0, 1.0)
    if nothing is None or one is None or other is None or one == nothing:
        return None
    each = [
        _result(recipe, {**values, **dict.fromkeys(missing, 0.0), name: 1.0}) for name in missing
    ]
    if any(result is None or not _same(result, one) for result in each) or not _same(other, one):
        return None
    total = (figure - nothing) / (one - nothing)
    check = at(total / 3, total * 2 / 3)
    if total <= 0 or check is None or not _same(check, figure):
        return None
    return total


def _expression(powers: Mapping[str, float]) -> str:
    above = [_to_power(name, power) for name, power in powers.items() if power > 0]
    below = [_to_power(name, -power) for name, power in powers.items() if power < 0]
    return " / ".join([" x ".join(above) or "1", *below])


def _to_power(name: str, power: float) -> str:
    return name if power == 1 else f"{name}**{power:g}"
