"""``check: sum``: the inputs are the rows of a table, and the figure is their total."""

from __future__ import annotations

from ecoaudit.errors import UsageError
from ecoaudit.lifecycle.claims.claim import Claim, Outcome, Recipe, Verdict
from ecoaudit.lifecycle.claims.kinds.base import by_recipe, contradiction, figure
from ecoaudit.lifecycle.claims.written import scale_of


def judge(claim: Claim) -> Verdict:
    """See :data:`ecoaudit.lifecycle.claims.kinds.base.Kind`."""
    return judge_sum(claim)


def judge_sum(claim: Claim) -> Verdict:
    """Whether the rows add up to the total, and by how much they do not."""
    recipe = sum_of_inputs(claim)
    verdict = by_recipe(claim, recipe)
    published, rows = claim.published, verdict.recomputed
    if verdict.outcome is not Outcome.CONTRADICTS or published is None or rows is None:
        return verdict
    apart = figure(claim, abs(published.value - rows))
    what = f"{apart} of it are in no row" if rows < published.value else f"{apart} more than that"
    why = f"the total is given as {published.text}, but its rows add up to {figure(claim, rows)}"
    return contradiction(claim, recipe, rows, f"{why}: {what}")


def sum_of_inputs(claim: Claim) -> Recipe:
    """The rows added up, in the unit of the total.

    Raises:
        UsageError: there are no rows, or one has a unit that is not the total's.
    """
    if not claim.inputs:
        raise UsageError("inputs: expected the rows that make the total, each with its number")
    names = tuple(each.name for each in claim.inputs)
    factors = {each.name: factor_between(each.unit, claim.unit, each.name) for each in claim.inputs}
    return Recipe(
        " + ".join(names),
        names,
        lambda values: sum(values[name] * factors[name] for name in names),
        {each.name: each.unit or claim.unit for each in claim.inputs},
    )


def factor_between(unit: str, other: str, name: str) -> float:
    """What turns a number in ``unit`` into one in ``other``.

    Raises:
        UsageError: they are different things, or one is unknown here.
    """
    if unit == other or not unit or not other:
        return 1.0
    one, two = scale_of(unit), scale_of(other)
    if one is None or two is None or one[0] != two[0]:
        raise UsageError(f"inputs.{name}: {unit!r} and {other!r} cannot be converted into another")
    return one[1] / two[1]
