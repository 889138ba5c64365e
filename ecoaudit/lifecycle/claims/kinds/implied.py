"""``check: implied factor``: what emissions over energy come to is a factor that a grid can have.

The quotient is the grid's intensity times the PUE where the energy is that of the machines.
"""

from __future__ import annotations

from ecoaudit.errors import UsageError
from ecoaudit.lifecycle.claims.claim import Claim, Outcome, Recipe, Verdict
from ecoaudit.lifecycle.claims.kinds.base import by_recipe, contradiction, not_enough
from ecoaudit.lifecycle.claims.kinds.energy import energy_of_inputs
from ecoaudit.lifecycle.claims.written import scale_of
from ecoaudit.units import J_PER_KWH, significant


def judge(claim: Claim) -> Verdict:
    """See :data:`ecoaudit.lifecycle.claims.kinds.base.Kind`."""
    recipe = _energy(claim)
    missing = [name for name in recipe.names if name not in claim.values]
    if claim.published is None or missing:
        return by_recipe(claim, recipe)
    scale = scale_of(claim.unit)
    if scale is None or scale[0] != "mass":
        raise UsageError(f"value: expected emissions, such as '390 t'; got {claim.unit!r}")
    energy_kwh, kg = recipe.work(claim.values), claim.published.value * scale[1]
    if energy_kwh <= 0 or kg <= 0:
        return not_enough(claim, "emissions and energy must be above 0 for a factor between them")
    factor, (lowest, highest) = kg / energy_kwh, claim.band
    said = f"PUE x intensity is implied to be {significant(factor, 4)} kg/kWh"
    band = f"{lowest:g} to {highest:g} kg/kWh"
    if lowest <= factor <= highest:
        text = f"{said}, which lies within {band}"
        return Verdict(claim, Outcome.CONSISTENT, text, factor, f"value / ({recipe.text})")
    nearest = lowest if factor < lowest else highest
    per_kwh = nearest / scale[1]
    emissions = Recipe(
        recipe.text, recipe.names, lambda values: recipe.work(values) * per_kwh, recipe.units
    )
    why = f"{said}, which no grid has ({band})"
    verdict = contradiction(claim, emissions, energy_kwh * per_kwh, why)
    slips = tuple(_scales(factor, lowest, highest))
    return Verdict(
        claim, Outcome.CONTRADICTS, verdict.sentence, factor, verdict.recipe, verdict.needs, slips
    )


def _energy(claim: Claim) -> Recipe:
    """The energy in kWh: an input ``energy``, or what makes it."""
    given = next((each for each in claim.inputs if each.name == "energy"), None)
    if given is None:
        return energy_of_inputs(claim, J_PER_KWH)
    scale = scale_of(given.unit)
    if (given.number or given.unit) and (scale is None or scale[0] != "energy"):
        raise UsageError(f"inputs.energy: expected one such as '433 MWh'; got {given.unit!r}")
    kwh = 1.0 if scale is None else scale[1] / J_PER_KWH
    units = {"energy": given.unit or "kWh"}
    return Recipe("energy", ("energy",), lambda values: values["energy"] * kwh, units)


def _scales(factor: float, lowest: float, highest: float) -> list[str]:
    """Powers of a thousand that bring the factor into the band."""
    mixed = "would bring it there: units mixed up (g, kg, t; Wh, kWh, MWh)?"
    return [
        f"a factor of {1000 ** abs(power):,.0f} {mixed}"
        for power in (-2, -1, 1, 2)
        if lowest <= factor * 1000.0**power <= highest
    ]
