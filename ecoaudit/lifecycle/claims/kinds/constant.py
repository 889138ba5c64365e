"""``check: constant share``: how much of a figure is a model's constant and no measurement.

The inputs are the parts; ``constant`` names those that are constants. A share above ``threshold``
contradicts a figure that is given as measured.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy

from ecoaudit.errors import UsageError, did_you_mean
from ecoaudit.lifecycle.claims.claim import Claim, Outcome, Recipe, Verdict
from ecoaudit.lifecycle.claims.kinds.base import absent, agrees, contradiction, not_enough
from ecoaudit.lifecycle.claims.kinds.total import factor_between


def judge(claim: Claim) -> Verdict:
    """See :data:`ecoaudit.lifecycle.claims.kinds.base.Kind`. A ``value`` is the share as stated."""
    recipe = _share(claim)
    missing = [name for name in recipe.names if name not in claim.values]
    if missing:
        return not_enough(claim, absent(claim, missing), missing=missing, recipe=recipe)
    try:
        share = float(recipe.work(claim.values))
    except UsageError as error:
        return not_enough(claim, f"it cannot be recomputed: {error}", recipe=recipe)
    if claim.published is not None and not agrees(claim, share):
        return contradiction(claim, recipe, share)
    what = f"{100 * share:.1f} % of it is constant ({', '.join(claim.constant)})"
    limit = f"the {100 * claim.threshold:g} % that can go without saying"
    if share > claim.threshold:
        said = f"{what}: more than {limit}, so that part was not measured"
        return Verdict(claim, Outcome.CONTRADICTS, said, share, recipe.text)
    return Verdict(claim, Outcome.CONSISTENT, f"{what}: within {limit}", share, recipe.text)


def _share(claim: Claim) -> Recipe:
    names = tuple(each.name for each in claim.inputs)
    if not claim.constant:
        raise UsageError("constant: name the inputs that are constants of a model")
    for name in claim.constant:
        if name not in names:
            raise UsageError(f"constant: no input {name!r}; {did_you_mean(name, names)}")
    first = claim.inputs[0].unit
    factors = {each.name: factor_between(each.unit, first, each.name) for each in claim.inputs}

    def share(values: Mapping[str, Any]) -> Any:
        parts = {name: values[name] * factors[name] for name in names}
        whole = sum(parts.values())
        if numpy.any(whole <= 0):
            raise UsageError("the parts add up to nothing")
        return sum(parts[name] for name in claim.constant) / whole

    constant = " + ".join(claim.constant)
    return Recipe(f"({constant}) / ({' + '.join(names)})", names, share)
