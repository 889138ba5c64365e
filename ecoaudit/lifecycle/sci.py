"""Software Carbon Intensity and its extension for AI, from the lines of an account."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any, Final

import numpy

from ecoaudit.estimate import Basis, Estimate
from ecoaudit.ledger import Input, Line, Stage
from ecoaudit.ledger import reckoned as central_of
from ecoaudit.lifecycle.draws import Draws, interval
from ecoaudit.lifecycle.reckoning import Reckoned

_HARDWARE: Final = frozenset({Stage.MANUFACTURE, Stage.END})
_CONSUMER: Final = frozenset({Stage.ACTIVE, Stage.IDLE, Stage.CLIENT, *_HARDWARE})
_PROVIDER: Final = frozenset({Stage.ADAPTATION})


def sci(
    reckoned: Reckoned,
    units: Mapping[str, str],
    preferred: str,
    energy: Estimate,
    inputs: Mapping[str, Input],
    draws: Draws,
) -> dict[str, Any]:
    """Scores under calendar-time amortisation, electricity by location.

    SCI = ((E x I) + M) per R: Green Software Foundation, SCI Specification 1.1 = ISO/IEC
    21031:2024. E x I is here the sum over the account's supplies, each with a factor of its own; M
    is the hardware's making and end of life by the time that it is kept for this.

    Args:
        reckoned: lines under that convention.
        units: functional units, as formulas.
        preferred: the one to report, the first of those that are known otherwise.
        energy: of the whole account [kWh].
        inputs: of the account.
        draws: of them.
    """
    operation = [line for line in reckoned.lines if line.of not in _HARDWARE and _in_sci(line)]
    making = [line for line in reckoned.lines if line.of in _HARDWARE]
    parts = {
        "operational": reckoned.sum_of(operation),
        "embodied": reckoned.sum_of(making),
        "energy": energy,
    }
    name = preferred if preferred in units else next(iter(units), None)
    provider = _provider(reckoned, inputs, draws)
    if name is None:
        absent = Estimate.absent("gCO2e", "no functional unit is stated: units")
        scores = {"score": absent, "consumer": absent, "provider": provider}
        return {**parts, "functional_unit": None, **scores}
    formula = units[name]

    def score(of: Callable[[Line], bool]) -> Estimate:
        return _score(
            [line for line in reckoned.lines if of(line)], name, formula, reckoned, inputs, draws
        )

    return {
        **parts,
        "functional_unit": name,
        "units": formula,
        "score": score(_in_sci),
        "consumer": score(lambda line: _in_sci(line) and line.of in _CONSUMER),
        "provider": provider,
    }


def _in_sci(line: Line) -> bool:
    """Others' training is shown beside; all else is within the boundary."""
    return line.quantity.known and line.stage is not Stage.UPSTREAM


def _score(
    lines: list[Line],
    name: str,
    formula: str,
    reckoned: Reckoned,
    inputs: Mapping[str, Input],
    draws: Draws,
) -> Estimate:
    unit = f"gCO2e/{name}"
    if not lines:
        return Estimate.absent(unit, "none of its lines is known")
    many = draws.run(formula)
    units = central_of(formula, inputs)
    whole = reckoned.sum_of(lines)
    grams = 1000 * numpy.sum([reckoned.draws[line.id] for line in lines], axis=0) / many
    central = 1000 * whole.number / units
    return Estimate(central, *interval(grams, central), unit, Basis.MODELLED, whole.source)


def _provider(reckoned: Reckoned, inputs: Mapping[str, Input], draws: Draws) -> Estimate:
    """Of training and adaptation, per thousand million tokens that it saw.

    Where nothing is served, the hardware and its waiting are the training's too.
    """
    unit = "gCO2e/1e9 training tokens"
    known = [line for line in reckoned.lines if line.quantity.known and _in_sci(line)]
    serves = any(line.of is Stage.ACTIVE for line in known)
    lines = [line for line in known if line.of in _PROVIDER or not serves]
    if not any(line.of in _PROVIDER for line in lines):
        return Estimate.absent(unit, "nothing was trained or adapted here")
    if "training_tokens" not in inputs:
        why = "the tokens of the training are not stated: units.training_tokens"
        return Estimate.absent(unit, why)
    return _score(lines, "1e9 training tokens", "training_tokens / 1e9", reckoned, inputs, draws)
