"""``check: phases``: each phase that the text names is a part of the total.

``named`` are the phases of the text, the inputs the parts of the total. Where the parts have
numbers, they must add up to it as well.
"""

from __future__ import annotations

from ecoaudit.errors import UsageError
from ecoaudit.lifecycle.claims.claim import Claim, Outcome, Verdict
from ecoaudit.lifecycle.claims.kinds.total import judge_sum, sum_of_inputs


def judge(claim: Claim) -> Verdict:
    """See :data:`ecoaudit.lifecycle.claims.kinds.base.Kind`."""
    if not claim.named:
        raise UsageError("named: expected the phases that the text names")
    recipe = sum_of_inputs(claim)
    there = {_plain(name) for name in recipe.names}
    absent = [phase for phase in claim.named if _plain(phase) not in there]
    if absent:
        of = "the total" if claim.published is None else f"the total of {claim.published.text}"
        several = (
            "are named in the text and are" if len(absent) > 1 else "is named in the text and is"
        )
        said = f"{' and '.join(absent)} {several} no part of {of} ({recipe.text})"
        return Verdict(claim, Outcome.CONTRADICTS, said, recipe=recipe.text)
    return judge_sum(claim)


def _plain(name: str) -> str:
    return "".join(letter for letter in name.lower() if letter.isalnum())
