"""A manifest of the Green Software Foundation's Impact Framework, version 1.1.0.

Each line of a ledger is a child whose pipeline reckons its carbon [gCO2e] anew with the builtin
plugins from the ledger's own inputs. ``SciEmbodied`` gets the emissions of the whole thing as
``baseline-emissions``, in grams, and nothing else: its constant for memory is in kg per GB where
the others are in grams.
"""

from __future__ import annotations

import ast
from datetime import UTC, datetime
from typing import Any, Final

from ecoaudit.citing.base import BOTH
from ecoaudit.citing.facts import Facts, said
from ecoaudit.citing.if_steps import (
    Embodied,
    InexpressibleError,
    Steps,
    embodied,
    parameter,
    plugin,
)
from ecoaudit.citing.ledger_facts import score_of
from ecoaudit.citing.yaml_text import yaml_text
from ecoaudit.estimate import Estimate
from ecoaudit.ledger import Input, Ledger, Line, PerUnit, Stage, reckoned
from ecoaudit.run import Run
from ecoaudit.units import S_PER_HOUR

G_PER_KG: Final = 1000.0
_NO_DATE: Final = "1970-01-01T00:00:00.000Z"
_UNITS: Final = "functional-units"
_CARBON: Final = {
    "outputs": {
        "carbon": {
            "description": "emissions of this part",
            "unit": "gCO2e",
            "aggregation-method": {"time": "sum", "component": "sum"},
        }
    }
}
_SAME: Final = 1e-9  # relative


class ImpactFrameworkCiter:
    """Writes a manifest with its outputs."""

    name = "impact-framework"
    what = "a manifest of the Impact Framework with its outputs"
    holds = BOTH
    instead = ""

    def render(self, facts: Facts) -> str:
        source = facts.source
        made = _of_run(facts, source) if isinstance(source, Run) else _of_ledger(facts, source)
        return yaml_text(made)


def _manifest(
    facts: Facts,
    description: list[str],
    plugins: dict[str, Any],
    children: dict[str, Any],
    carbon: float | None,
) -> dict[str, Any]:
    manifest: dict[str, Any] = {
        "name": facts.title,
        "description": " ".join(description),
        "tags": {"kind": facts.kind, "complexity": "moderate", "category": "on-premise"},
    }
    if carbon is None:
        return {**manifest, "initialize": {"plugins": plugins}, "tree": {"children": children}}
    return {
        **manifest,
        "aggregation": {"metrics": ["carbon"], "type": "component"},
        "initialize": {"plugins": plugins},
        "tree": {"children": children, "aggregated": {"carbon": carbon}},
    }


# -- a run -----------------------------------------------------------------------------------


def _of_run(facts: Facts, run: Run) -> dict[str, Any]:
    """Operational emissions O = E x PUE x I (ISO/IEC 21031); no score, for no unit is stated."""
    description = [f"{facts.what.capitalize()} by {facts.tool}.", *facts.boundary]
    values = {"timestamp": _moment(run), "duration": facts.duration.value}
    for name, figure in (
        ("energy", facts.energy),
        ("pue", facts.pue),
        ("grid/carbon-intensity", facts.intensity),
    ):
        if figure.known:
            values[name] = figure.value
        else:
            description.append(f"{name} is absent: {said(figure.source)}.")
    description.append("No SCI score: a run states no functional unit for all of its energy.")
    if not facts.carbon.known:
        description.append(f"carbon is absent: {said(facts.carbon.source)}.")
        child: dict[str, Any] = {"inputs": [values], "outputs": [values]}
        return _manifest(facts, description, {}, {"run": child}, None)
    grams = facts.carbon.number * G_PER_KG
    factors = [name for name in ("energy", "pue", "grid/carbon-intensity") if name in values]
    steps = Steps("run")
    product = facts.energy.number if facts.energy.known else 0.0
    product *= (facts.pue.value or 0.0) if facts.pue.known else 1.0
    product *= (facts.intensity.value or 0.0) if facts.intensity.known else 0.0
    if abs(product - grams) <= _SAME * abs(grams):
        steps.add("Multiply", {"input-parameters": factors, "output-parameter": "carbon"})
    else:
        description.append("carbon is given, for the file does not tell all its factors.")
        values["carbon-of-the-file"] = grams
        steps.add("Sum", {"input-parameters": ["carbon-of-the-file"], "output-parameter": "carbon"})
    _last(steps)["parameter-metadata"] = _CARBON
    child = {
        "pipeline": {"compute": list(steps.plugins)},
        "inputs": [values],
        "outputs": [{**values, "carbon": grams}],
    }
    return _manifest(facts, description, steps.plugins, {"run": child}, grams)


def _moment(run: Run) -> str:
    try:
        start = datetime.fromisoformat(run.started_at)
    except ValueError:
        return _NO_DATE
    utc = start.replace(tzinfo=UTC) if start.tzinfo is None else start.astimezone(UTC)
    return utc.strftime("%Y-%m-%dT%H:%M:%S.") + f"{utc.microsecond // 1000:03d}Z"


# -- a ledger --------------------------------------------------------------------------------


def _of_ledger(facts: Facts, ledger: Ledger) -> dict[str, Any]:
    unit = _unit_of(ledger)
    description = [f"Life-cycle account by {facts.tool}.", *facts.boundary]
    moment: dict[str, Any] = {"timestamp": _NO_DATE, "duration": facts.duration.value or 1.0}
    description.append("The account has no date: the timestamp stands in.")
    if not facts.duration.known:
        description.append("Nor does it tell its period in seconds: the duration stands in.")
    plugins: dict[str, Any] = {}
    children: dict[str, Any] = {}
    if unit is not None:
        name, counted = unit
        plugins["sci"] = plugin("Sci", {"functional-unit": _UNITS})
        moment[_UNITS] = counted.units.number
        description.append(_score_said(ledger, name, counted))
    else:
        description.append("No SCI score: no functional unit is told, or a line is negative.")
    for at, line in enumerate(ledger.lines, 1):
        where = f"{at} {said(line.name, 80)}"
        if not line.quantity.known:
            description.append(f"{said(line.name)} is absent: {said(line.quantity.source)}.")
            continue
        steps, values, how = _line(f"line-{at}", line, ledger.inputs)
        if how:
            description.append(f"{said(line.name)}: {how}.")
        plugins |= steps.plugins
        values = {**moment, **values}
        grams = line.quantity.number * G_PER_KG
        outputs: dict[str, Any] = {**values, "carbon": grams}
        if unit is not None:
            outputs["sci"] = grams / moment[_UNITS]
        children[where] = {
            "pipeline": {"compute": [*steps.plugins, *(["sci"] if unit else [])]},
            "inputs": [values],
            "outputs": [outputs],
        }
    if not ledger.total.known:
        description.append(f"The total is absent: {said(ledger.total.source)}.")
        return _manifest(facts, description, plugins, children, None)
    manifest = _manifest(facts, description, plugins, children, ledger.total.number * G_PER_KG)
    if unit is not None:
        manifest["aggregation"]["metrics"].append("sci")
        score = unit[1].quantity.number * G_PER_KG
        manifest["tree"]["aggregated"]["sci"] = score
    return manifest


def _unit_of(ledger: Ledger) -> tuple[str, PerUnit] | None:
    """The functional unit of the score, or the first that is known; none where a line is negative,
    which ``Sci`` refuses."""
    known = {
        name: unit
        for name, unit in ledger.per_unit.items()
        if unit.quantity.known and unit.units.known and unit.units.number > 0
    }
    if any(line.quantity.known and line.quantity.number < 0 for line in ledger.lines):
        return None
    wanted = ledger.sci.get("functional_unit")
    if isinstance(wanted, str) and wanted in known:
        return wanted, known[wanted]
    return next(iter(known.items()), None)


def _score_said(ledger: Ledger, name: str, unit: PerUnit) -> str:
    grams = unit.quantity.number * G_PER_KG
    score: Estimate = score_of(ledger)
    what = f"sci is the total over the functional unit {said(name)!r}"
    if score.value is None:
        return f"{what}; the account has no score of its own."
    if abs(score.value - grams) <= _SAME * abs(grams):
        return f"{what}, which is the account's score of ISO/IEC 21031."
    return f"{what}; the account's score of ISO/IEC 21031 has another boundary."


def _line(prefix: str, line: Line, inputs: dict[str, Input]) -> tuple[Steps, dict[str, float], str]:
    """Steps to a line's carbon [gCO2e], the parameters that they take, and what is to be said."""
    steps, how = Steps(prefix), ""
    # SciEmbodied takes the duration where the time is 0.
    made = line.stage is Stage.MANUFACTURE and line.quantity.number > 0
    form = embodied(line.formula, inputs) if made else None
    try:
        if form is not None:
            _embodied(steps, form, inputs)
        else:
            kilograms = steps.formula(line.formula)
            _grams(steps, kilograms)
    except InexpressibleError as error:
        steps = Steps(prefix)
        _grams(steps, "carbon-in-kg")
        steps.numbers["carbon-in-kg"] = line.quantity.number
        how = f"given, for the builtin plugins have no {said(error, 60)}"
    names = _names(steps)
    named = {parameter(name): each.figure for name, each in inputs.items()}
    values = {name: figure.number for name, figure in named.items() if name in names}
    return steps, {**values, **steps.numbers}, how


def _grams(steps: Steps, kilograms: str) -> None:
    steps.add(
        "Coefficient",
        {"input-parameter": kilograms, "coefficient": G_PER_KG, "output-parameter": "carbon"},
    )
    _last(steps)["parameter-metadata"] = _CARBON


def _embodied(steps: Steps, form: Embodied, inputs: dict[str, Input]) -> None:
    """``SciEmbodied`` with TE in grams, its life in seconds and the rest as the time [s]."""
    hours = steps.product(form.over)
    steps.add(
        "Coefficient",
        {"input-parameter": hours, "coefficient": S_PER_HOUR, "output-parameter": "time"},
    )
    life = 1.0
    for part in form.under:
        life *= _central(part, inputs)
    config = {
        "baseline-emissions": inputs[form.emissions].figure.number * G_PER_KG,
        "lifespan": life * S_PER_HOUR,
        "output-parameter": "carbon",
    }
    steps.add("SciEmbodied", config)
    _last(steps)["parameter-metadata"] = _CARBON


def _central(node: ast.expr, inputs: dict[str, Input]) -> float:
    return reckoned(ast.unparse(node), inputs)


def _last(steps: Steps) -> dict[str, Any]:
    return next(reversed(steps.plugins.values()))


def _names(steps: Steps) -> set[Any]:
    """What the steps take, parameters among it."""
    found: set[Any] = set()
    for each in steps.plugins.values():
        for value in each["config"].values():
            found |= set(value) if isinstance(value, list) else {value}
    return found
