"""``check: formula``: the figure follows from the formula that is written beside it."""

from __future__ import annotations

from ecoaudit.errors import did_you_mean
from ecoaudit.lifecycle.claims.claim import Claim, Recipe, Verdict
from ecoaudit.lifecycle.claims.kinds.base import by_recipe, not_enough


def judge(claim: Claim) -> Verdict:
    """See :data:`ecoaudit.lifecycle.claims.kinds.base.Kind`."""
    if claim.formula is None:
        return not_enough(claim, _without_formula(claim))
    verdict = by_recipe(claim, Recipe.of(claim.formula))
    known = [each.name for each in claim.inputs]
    strangers = [name for name in claim.formula.names if name not in known]
    if not strangers:
        return verdict
    guess = f" ({did_you_mean(strangers[0], known)})" if known else ""
    said = f"the formula takes {', '.join(strangers)}, which no input gives{guess}"
    rest = f"; {verdict.closes}" if verdict.closes else ""
    return not_enough(
        claim,
        said + rest,
        missing=verdict.missing,
        closes=verdict.closes,
        recipe=Recipe.of(claim.formula),
    )


def _without_formula(claim: Claim) -> str:
    if claim.words:
        return f"the formula is in words: {claim.words!r}"
    if any(each.value is not None for each in claim.inputs):
        return "no formula tells how the figure is made of its inputs"
    return "no inputs were published"
