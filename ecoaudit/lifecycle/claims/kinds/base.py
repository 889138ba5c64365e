"""What every kind of check does: recompute the figure, compare, and say what would close a gap."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator, Sequence

from ecoaudit.errors import UsageError
from ecoaudit.formulas import Formula
from ecoaudit.lifecycle.claims.claim import Claim, Need, Outcome, Recipe, Verdict
from ecoaudit.lifecycle.claims.hints import hints
from ecoaudit.lifecycle.claims.solving import closing, solve
from ecoaudit.lifecycle.claims.written import unit_in_name
from ecoaudit.units import significant

Kind = Callable[[Claim], Verdict]
"""Judges a claim.

Raises:
    UsageError: the claim has no input, unit or key that its check needs; names it.
"""

_TOLD_NEEDS = 6  # in a sentence; a file has all of them
# Characters x inputs of a formula. Above the first, what has no closed form is not looked for,
# above the second nothing is: a hostile file must not take minutes. Published: up to 3,000.
_MOST_SEARCHED = 6_000
_MOST_SOLVED = 20_000


def by_recipe(claim: Claim, recipe: Recipe) -> Verdict:
    """The verdict on a figure that is made by ``recipe`` of the claim's inputs."""
    values = claim.values
    missing = tuple(name for name in recipe.names if name not in values)
    if claim.published is None:
        return _without_figure(claim, recipe, missing)
    if missing:
        return _without_inputs(claim, recipe, missing, claim.published.value)
    try:
        recomputed = float(recipe.work(values))
    except UsageError as error:
        return not_enough(claim, f"it cannot be recomputed: {error}", recipe=recipe)
    if agrees(claim, recomputed):
        said = f"published {claim.published.text}; its inputs give {figure(claim, recomputed)}"
        return Verdict(
            claim,
            Outcome.CONSISTENT,
            said,
            recomputed,
            recipe.text,
            unitless=unitless(claim, recipe.names),
        )
    return contradiction(claim, recipe, recomputed)


def agrees(claim: Claim, recomputed: float) -> bool:
    """The rule, with room for the rounding of floats. Without a published figure, all agrees."""
    if claim.published is None:
        return True
    room = claim.allowed + 1e-12 * abs(recomputed)
    return abs(recomputed - claim.published.value) <= room


def contradiction(claim: Claim, recipe: Recipe, recomputed: float, why: str = "") -> Verdict:
    """That the figure does not follow, and from what it would."""
    published = claim.published
    shown = "" if published is None else published.text
    needs = _needs(claim, recipe)
    factor = None if published is None or not published.value else recomputed / published.value
    slips = tuple(_left_out(claim, recipe))
    if factor is not None:
        slips += hints(factor, {name: claim.values[name] for name in recipe.names})
    times = "" if factor is None else f", {significant(factor, 3)} times that"
    said = why or f"published {shown}, but its inputs give {figure(claim, recomputed)}{times}"
    return Verdict(
        claim,
        Outcome.CONTRADICTS,
        said + _told(claim, needs),
        recomputed,
        recipe.text,
        needs,
        slips,
        unitless=unitless(claim, recipe.names),
    )


def not_enough(
    claim: Claim,
    sentence: str,
    *,
    missing: Sequence[str] = (),
    closes: str = "",
    recipe: Recipe | None = None,
    recomputed: float | None = None,
) -> Verdict:
    """That nothing can be said, and why."""
    return Verdict(
        claim,
        Outcome.NOT_ENOUGH,
        sentence,
        recomputed,
        "" if recipe is None else recipe.text,
        missing=tuple(missing),
        closes=closes,
    )


def figure(claim: Claim, value: float) -> str:
    """A recomputed value in the published figure's unit, with as many digits as that has."""
    digits = 4 if claim.published is None else claim.published.digits
    return f"{significant(value, digits)} {claim.unit}".rstrip()


def unitless(claim: Claim, names: Sequence[str]) -> tuple[str, ...]:
    """Inputs of which neither the name nor the file tells a unit. A share in per cent has one."""
    told = {
        each.name for each in claim.inputs if each.unit or (each.number and "%" in each.number.text)
    }
    return tuple(name for name in names if name not in told and not unit_in_name(name))


def absent(claim: Claim, names: Sequence[str]) -> str:
    """``a, b and c are missing``, with the words that stand in their place."""
    words = {each.name: f" ({each.words!r} is no number)" for each in claim.inputs if each.words}
    told = ["the published figure" if name == "value" else name for name in names]
    told = [name + words.get(name, "") for name in told]
    verb = "are" if len(told) > 1 else "is"
    return f"{' and '.join([', '.join(told[:-1]), told[-1]] if told[1:] else told)} {verb} missing"


def _without_figure(claim: Claim, recipe: Recipe, missing: Sequence[str]) -> Verdict:
    if missing:
        missing = ("value", *missing)
        return not_enough(claim, absent(claim, missing), missing=missing, recipe=recipe)
    try:
        recomputed = float(recipe.work(claim.values))
    except UsageError as error:
        return not_enough(claim, f"no published figure; {error}", missing=("value",), recipe=recipe)
    shown = f"{significant(recomputed, 4)} {recipe.unit}".rstrip()
    said = f"no published figure; its inputs give {shown}"
    return not_enough(claim, said, missing=("value",), recipe=recipe, recomputed=recomputed)


def _without_inputs(
    claim: Claim, recipe: Recipe, missing: Sequence[str], published: float
) -> Verdict:
    units = {name: recipe.units.get(name) or claim.unit_of(name) for name in recipe.names}
    found = closing(recipe, claim.values, missing, published, units)
    closes = ""
    if found is not None:
        unit = units[missing[0]] if len(missing) == 1 else ""
        needed = f"{significant(found[1], 4)} {unit}".rstrip()
        closes = f"{found[0]} would have to be {needed}"
    said = absent(claim, missing) + (f"; {closes}" if closes else "")
    return not_enough(claim, said, missing=missing, closes=closes, recipe=recipe)


def _needs(claim: Claim, recipe: Recipe) -> tuple[Need, ...]:
    size = _size(recipe)
    if claim.published is None or (claim.formula is not None and size > _MOST_SOLVED):
        return ()
    values = {name: claim.values[name] for name in recipe.names}
    searched = size <= _MOST_SEARCHED
    found = (
        (name, solve(recipe, values, name, claim.published.value, searched=searched))
        for name in recipe.names
    )
    return tuple(
        Need(name, values[name], needed, recipe.units.get(name) or claim.unit_of(name))
        for name, needed in found
        if needed is not None
    )


def _size(recipe: Recipe | Formula) -> int:
    return len(recipe.text) * len(recipe.names)


def _left_out(claim: Claim, recipe: Recipe) -> Iterator[str]:
    """Parts of a sum without which the figure follows."""
    for name in recipe.names:
        try:
            without = recipe.work({**claim.values, name: 0.0})
        except UsageError:
            continue
        if without and agrees(claim, without):
            yield f"it follows without {name}: was that left out of the figure?"


def _told(claim: Claim, needs: Sequence[Need]) -> str:
    if not needs:
        looked = claim.formula is None or _size(claim.formula) <= _MOST_SEARCHED
        return "; no single input explains it" if looked else ""
    each = [_need(claim, need) for need in needs[:_TOLD_NEEDS]]
    return "; it would follow with " + ", or with ".join(each)


def _need(claim: Claim, need: Need) -> str:
    """What an input would have to be, with enough digits to tell it from what it is."""
    number = next(each.number for each in claim.inputs if each.name == need.name)
    digits = 4
    while digits < 12 and math.isclose(need.given, need.needed, rel_tol=10.0 ** (2 - digits)):
        digits += 1
    needed = f"{significant(need.needed, digits)} {need.unit}".rstrip()
    return f"{need.name} = {needed} instead of {'' if number is None else number.text}"
