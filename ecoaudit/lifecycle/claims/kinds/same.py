"""``check: same``: one thing, stated in several places: two factors for one site, two units."""

from __future__ import annotations

from collections.abc import Iterable

from ecoaudit.errors import UsageError
from ecoaudit.lifecycle.claims.claim import Claim, Outcome, Recipe, Verdict
from ecoaudit.lifecycle.claims.hints import hints
from ecoaudit.lifecycle.claims.kinds.base import absent, agrees, figure, not_enough, unitless
from ecoaudit.lifecycle.claims.kinds.total import factor_between
from ecoaudit.units import significant


def judge(claim: Claim) -> Verdict:
    """See :data:`ecoaudit.lifecycle.claims.kinds.base.Kind`.

    The inputs are the other places; each is converted to the unit of the value.
    """
    if not claim.inputs:
        raise UsageError("inputs: expected the other places that state the figure")
    known = {
        each.name: each.number.value * factor_between(each.unit, claim.unit, each.name)
        for each in claim.inputs
        if each.number is not None
    }
    missing = [each.name for each in claim.inputs if each.name not in known]
    recipe = Recipe("the same figure: " + ", ".join(known), tuple(known), lambda _: 0.0)
    if claim.published is None or not known:
        missing = [*(["value"] if claim.published is None else []), *missing]
        return not_enough(claim, absent(claim, missing), missing=missing, recipe=recipe)
    published = claim.published.value
    others = [name for name, value in known.items() if not agrees(claim, value)]
    if not others:
        first = next(iter(known.values()))
        said = f"published {claim.published.text}, and so in {', '.join(known)}"
        return Verdict(
            claim, Outcome.CONSISTENT, said, first, recipe.text, unitless=_untold(claim, known)
        )
    worst = max(others, key=lambda name: abs(known[name] - published))
    factor = known[worst] / published if published else 0.0
    told = "; ".join(f"{name}: {figure(claim, known[name])}" for name in others)
    times = f", {significant(factor, 3)} times that" if factor else ""
    said = f"two figures for one thing: published {claim.published.text}, but {told}{times}"
    return Verdict(
        claim,
        Outcome.CONTRADICTS,
        said,
        known[worst],
        recipe.text,
        hints=hints(factor, {}),
        unitless=_untold(claim, known),
    )


def _untold(claim: Claim, known: Iterable[str]) -> tuple[str, ...]:
    """Places without a unit, which is taken to be that of the value."""
    return unitless(claim, list(known)) if claim.unit else ()
