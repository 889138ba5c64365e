"""What a life-cycle account says."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any, Final

from ecoaudit.citing.facts import Facts, Row, model_name, said, split
from ecoaudit.estimate import Estimate
from ecoaudit.ledger import Ledger, Owner, Scope, Stage
from ecoaudit.quantities import estimate_of

SCOPES: Final = {
    Scope.FUEL: "Scope 1, fuel burnt on site",
    Scope.ELECTRICITY: "Scope 2, purchased electricity, by location",
    Scope.SERVICES: "Scope 3.1, purchased goods and services",
    Scope.CAPITAL: "Scope 3.2, capital goods",
    Scope.ENERGY: "Scope 3.3, upstream of fuel and electricity",
    Scope.TRANSPORT: "Scope 3.4, transport",
    Scope.WASTE: "Scope 3.5, waste",
    Scope.SOLD: "Scope 3.11, use by others",
}
OWNERS: Final = {
    Owner.VENDOR: "In the vendor's hands",
    Owner.CLINIC: "In the clinic's hands",
    Owner.SUPPLIER: "In the supplier's hands",
}
_GOAL: Final = ("functional_unit", "boundary", "cut_off", "allocation", "period", "impact", "use")


def facts_of_ledger(ledger: Ledger) -> Facts:
    """What a ledger says, in the terms that all formats share."""
    known, lacking = split(_rows(ledger))
    unknown = (Row(said(line.name), line.quantity, line.id) for line in ledger.lacking)
    return Facts(
        source=ledger,
        title=said(ledger.name),
        id=said(ledger.id),
        date="",
        tool=said(ledger.tool) or "ecoaudit",
        what="a life-cycle account",
        model=model_name(ledger.subject.get("model") or ""),
        hardware=_texts(ledger.subject.get("hardware")),
        place=said(ledger.subject.get("country") or ""),
        carbon=ledger.total,
        energy=ledger.energy,
        energy_with_facility=True,
        duration=_period(ledger),
        intensity=Estimate.absent("gCO2e/kWh", "an account may have several supplies"),
        pue=_input(ledger, "pue", "", "the account states no PUE"),
        rows=known,
        lacking=(*(row for row in lacking if not row.name.startswith("by_")), *unknown),
        scopes=tuple(_scopes(ledger)),
        boundary=tuple(_goal(ledger)),
        not_counted=tuple(
            f"{said(line.name)} ({said(line.quantity.source)})" for line in ledger.lacking
        ),
        method=tuple(_method(ledger)),
        doubts=tuple(ledger.doubts),
    )


def uses_of(ledger: Ledger) -> tuple[str, ...]:
    """What the account's electricity was for: ``training``, ``inference``, both or neither.

    Idle time beside training alone is that of the training, such as its waiting.
    """
    stages = {line.stage for line in ledger.lines if line.quantity.known}
    training = ("training",) if Stage.ADAPTATION in stages else ()
    served = Stage.ACTIVE in stages or (Stage.IDLE in stages and not training)
    return (*training, "inference") if served else training


def score_of(ledger: Ledger) -> Estimate:
    """The score of ISO/IEC 21031, with its own unit."""
    found = _estimate(ledger.sci.get("score"))
    return found or Estimate.absent("gCO2e", "the ledger holds no score of ISO/IEC 21031")


def _rows(ledger: Ledger) -> Iterator[Row]:
    yield Row("Total, electricity by location", ledger.total, "total")
    yield Row("Total, electricity by contract", ledger.total_market, "total_market")
    yield Row("Electricity, with the site's overhead", ledger.energy, "energy")
    for name, each in ledger.per_unit.items():
        yield Row(f"Per {said(name)}", each.quantity, f"per_unit.{name}")
    score = ledger.sci.get("score")
    if score is not None:
        unit = said(ledger.sci.get("functional_unit") or "")
        per = f", per {unit}" if unit else ""
        yield Row(f"Software Carbon Intensity (ISO/IEC 21031){per}", score_of(ledger), "sci.score")
    for stage, figure in ledger.by_stage.items():
        yield Row(stage_word(stage), figure, f"by_stage.{stage}")
    yield from _scopes(ledger)
    for owner, figure in ledger.by_owner.items():
        yield Row(OWNERS[owner], figure, f"by_owner.{owner}")
    for line in ledger.beside:
        yield Row(f"Beside the total: {said(line.name)}", line.quantity, f"beside.{line.id}")
    for name, impact in ledger.impacts.items():
        word = said(name).replace("-", " ").capitalize()
        yield Row(f"{word}, of what is known", impact.total, f"impacts.{name}")


def _scopes(ledger: Ledger) -> Iterator[Row]:
    for scope, figure in ledger.by_scope.items():
        yield Row(SCOPES[scope], figure, f"by_scope.{scope}")


def stage_word(stage: Stage) -> str:
    """A stage for people."""
    return stage.value.replace("-", " ").capitalize()


def _goal(ledger: Ledger) -> Iterator[str]:
    for key in (*_GOAL, *(key for key in ledger.goal if key not in _GOAL)):
        if key in ledger.goal:
            word = said(key).replace("_", " ").capitalize()
            yield f"{word}: {said(ledger.goal[key])}."


def _method(ledger: Ledger) -> Iterator[str]:
    yield (
        "Each line follows from its inputs by a formula that the ledger states, with the source,"
        " year and licence of each input."
    )
    draws = ledger.uncertainty.get("draws")
    if isinstance(draws, int) and not isinstance(draws, bool):
        yield f"Intervals are 80 % intervals of {draws:,} common draws of all inputs."
    else:
        yield "Intervals are 80 % intervals."
    yield "What is not known is a line of its own, is in no sum, and is not nothing."


def _period(ledger: Ledger) -> Estimate:
    hours = _input(ledger, "period_h", "h", "the ledger tells its period in words alone")
    return hours.converted(3600.0, "s")


def _input(ledger: Ledger, name: str, unit: str, why: str) -> Estimate:
    found = ledger.inputs.get(name)
    if found is None or found.figure.unit != unit:
        return Estimate.absent(unit, why)
    return found.figure


def _texts(data: Any) -> tuple[str, ...]:
    if isinstance(data, list):
        return tuple(said(each) for each in data)
    return (said(data),) if data else ()


def _estimate(data: Any) -> Estimate | None:
    return data if isinstance(data, Estimate) else estimate_of(data)
