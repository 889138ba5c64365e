"""``check: energy``: GPUs, hours and power make the energy that is stated beside them."""

from __future__ import annotations

import math
from typing import Final

from ecoaudit.errors import UsageError, did_you_mean
from ecoaudit.lifecycle.claims.claim import Claim, Recipe, Verdict
from ecoaudit.lifecycle.claims.kinds.base import by_recipe
from ecoaudit.lifecycle.claims.written import scale_of
from ecoaudit.units import J_PER_KWH

# Input -> the dimension of its unit; None for a count or a ratio, which has none.
_DIMENSIONS: Final = {
    "gpus": None,
    "time": "time",
    "gpu_hours": None,
    "power": "power",
    "pue": None,
}
_BLANK: Final = {"time": "h", "power": "W"}  # the unit in which a blank one is told
_ABSENT: Final = {"time": 3600.0}  # s in that of an input that the file does not name


def judge(claim: Claim) -> Verdict:
    """See :data:`ecoaudit.lifecycle.claims.kinds.base.Kind`."""
    if claim.published is not None:
        scale = scale_of(claim.unit)
        if scale is None or scale[0] != "energy":
            raise UsageError(f"value: expected an energy, such as '2638 MWh'; got {claim.unit!r}")
        return by_recipe(claim, energy_of_inputs(claim, scale[1]))
    return by_recipe(claim, energy_of_inputs(claim, J_PER_KWH))


def energy_of_inputs(claim: Claim, unit_j: float) -> Recipe:
    """``gpus x time x power x pue``, or ``gpu_hours x power x pue``.

    Args:
        claim: its inputs are used.
        unit_j: J in the unit of the result, which is the claim's, else kWh.

    Raises:
        UsageError: an input has another name, or no unit that it needs.
    """
    factors = {each.name: 1.0 for each in claim.inputs}
    units = dict(_BLANK)
    for each in claim.inputs:
        if each.name not in _DIMENSIONS:
            raise UsageError(
                f"inputs: no {each.name!r} here; {did_you_mean(each.name, _DIMENSIONS)}"
            )
        dimension = _DIMENSIONS[each.name]
        if dimension is not None:
            scale = scale_of(each.unit or ("" if each.number else _BLANK[dimension]))
            if scale is None or scale[0] != dimension:
                example = "'400 W'" if dimension == "power" else "'5 months'"
                raise UsageError(f"inputs.{each.name}: expected a {dimension} such as {example}")
            factors[each.name] = scale[1]
            units[each.name] = each.unit or _BLANK[dimension]
    names: tuple[str, ...] = ("gpu_hours",) if "gpu_hours" in factors else ("gpus", "time")
    if "gpu_hours" in factors and {"gpus", "time"} & factors.keys():
        raise UsageError("inputs: give gpu_hours, or gpus and time; not both")
    names += ("power", *(["pue"] if "pue" in factors else []))
    constant = (3600.0 if "gpu_hours" in factors else 1.0) / unit_j
    constant *= math.prod(factors.get(name, _ABSENT.get(name, 1.0)) for name in names)
    return Recipe(
        " x ".join(names),
        names,
        lambda values: constant * math.prod(values[name] for name in names),
        {name: unit for name, unit in units.items() if name in names},
        claim.unit or "kWh",
    )
