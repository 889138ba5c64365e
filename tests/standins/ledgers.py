"""Small ledgers, built in code and valid: what they say can be reckoned by hand."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import asdict, replace
from typing import TypeVar

from ecoaudit.distributions import Distribution
from ecoaudit.estimate import Basis, Estimate
from ecoaudit.ledger import (
    Impact,
    Input,
    Ledger,
    Line,
    Owner,
    PerUnit,
    Scope,
    Stage,
    known_sum,
    reckoned,
)
from ecoaudit.run import Doubt

K = TypeVar("K", bound=Stage | Scope | Owner)
UNIT = "accepted note"


def an_input(value: float, unit: str, source: str, spread: float = 0.2) -> Input:
    figure = Estimate.within(value, spread, unit, Basis.DECLARED, source)
    return Input(figure, Distribution.of(figure), draw=f"{source}:{unit}", year=2025)


INPUTS = {
    "gpu_kgco2e": an_input(273.0, "kgCO2e", "embodied carbon of one card, by its maker"),
    "gpu_share": an_input(0.5, "", "half of the card is another ward's", 0.1),
    "period_h": an_input(8766.0, "h", "one year", 0.0),
    "gpu_life_h": an_input(43830.0, "h", "five years", 0.3),
    "active_kwh": an_input(450.25, "kWh", "meter at the plug", 0.05),
    "idle_kwh": an_input(2600.5, "kWh", "meter at the plug", 0.05),
    "grid_kgco2e_per_kwh": an_input(0.0705, "kgCO2e/kWh", "grid of Kenya 2023"),
    "pue": an_input(1.4, "", "room with a split air conditioner", 0.05),
    "requests": an_input(50000.0, "requests", "log of the year", 0.0),
    "used_fraction": an_input(0.8, "", "the head nurse", 0.1),
    "water_l_per_kwh": an_input(1.9, "L/kWh", "power stations of the grid", 0.4),
}


def _line(
    place: str,
    name: str,
    stage: Stage,
    scope: Scope,
    owner: Owner,
    formula: str,
    inputs: dict[str, Input],
    unit: str = "kgCO2e",
) -> Line:
    quantity = Estimate.within(
        reckoned(formula, inputs), 0.25, unit, Basis.MODELLED, f"formula of {place}"
    )
    return Line(place, name, stage, scope, owner, quantity, formula)


def _lines(inputs: dict[str, Input]) -> list[Line]:
    return [
        _line(
            "made/gpu",
            "making of the card",
            Stage.MANUFACTURE,
            Scope.CAPITAL,
            Owner.VENDOR,
            "gpu_kgco2e * gpu_share * period_h / gpu_life_h",
            inputs,
        ),
        _line(
            "active",
            "answering",
            Stage.ACTIVE,
            Scope.ELECTRICITY,
            Owner.CLINIC,
            "active_kwh * grid_kgco2e_per_kwh",
            inputs,
        ),
        _line(
            "idle",
            "waiting, ready to answer",
            Stage.IDLE,
            Scope.ELECTRICITY,
            Owner.CLINIC,
            "idle_kwh * grid_kgco2e_per_kwh",
            inputs,
        ),
        _line(
            "facility",
            "cooling and losses",
            Stage.FACILITY,
            Scope.ELECTRICITY,
            Owner.CLINIC,
            "(active_kwh + idle_kwh) * (pue - 1) * grid_kgco2e_per_kwh",
            inputs,
        ),
        Line(
            "ended/gpu",
            "end of life of the card",
            Stage.END,
            Scope.WASTE,
            Owner.CLINIC,
            Estimate.absent("kgCO2e", "no source tells the end of life of this card"),
        ),
    ]


def a_ledger(inputs: dict[str, Input] | None = None, lines: list[Line] | None = None) -> Ledger:
    """A year of a model on half a card, answering, idle and cooled; its end of life is absent."""
    inputs = INPUTS if inputs is None else inputs
    lines = _lines(inputs) if lines is None else lines
    total = _sum(lines, "of the lines that are known")
    units = Estimate.within(
        reckoned("requests * used_fraction", inputs), 0.1, UNIT, Basis.MODELLED, "requests used"
    )
    per = total.number / units.number
    water = _line(
        "water/grid",
        "water of the power stations",
        Stage.SUPPLY,
        Scope.ENERGY,
        Owner.SUPPLIER,
        "(active_kwh + idle_kwh) * pue * water_l_per_kwh",
        inputs,
        "L",
    )
    kwh = reckoned("(active_kwh + idle_kwh) * pue", inputs)
    score = Estimate.within(1000 * per, 0.3, f"gCO2e/{UNIT}", Basis.MODELLED, "formula of the SCI")
    return Ledger(
        id="district-7f3a",
        name="A year of notes at the district hospital",
        subject={"kind": "plan", "model": "Qwen/Qwen3-8B", "hardware": ["NVIDIA L4"]},
        goal={
            "period": "one year",
            "boundary": "manufacture to end of life of the equipment listed",
            "allocation": "calendar time kept for this over its life",
        },
        inputs=dict(inputs),
        lines=lines,
        total=total,
        total_market=total * 0.5,
        by_stage=_by(lines, lambda line: line.stage),
        by_scope=_by(lines, lambda line: line.scope),
        by_owner=_by(lines, lambda line: line.owner),
        impacts={"water": Impact("L", [water], water.quantity)},
        energy=Estimate.within(kwh, 0.05, "kWh", Basis.MODELLED, "meter and PUE"),
        energy_formula="(active_kwh + idle_kwh) * pue",
        per_unit={
            UNIT: PerUnit(
                units,
                Estimate.within(per, 0.3, f"kgCO2e/{UNIT}", Basis.MODELLED, "total over units"),
                "requests * used_fraction",
            )
        },
        sci={"score": asdict(score), "functional_unit": UNIT},
        uncertainty={"draws": 10000, "seed": 1},
        doubts=[Doubt("not-modelled", "not in the total: end of life", "state end_of_life")],
        tool="ecoaudit 0.1.0",
    )


def an_adaptation() -> Ledger:
    """Fine-tuning and nothing else; one line's formula is beyond plain arithmetic."""
    inputs = INPUTS
    lines = [
        _line(
            "tuning",
            "fine-tuning",
            Stage.ADAPTATION,
            Scope.ELECTRICITY,
            Owner.CLINIC,
            "max(active_kwh, idle_kwh) * grid_kgco2e_per_kwh",
            inputs,
        )
    ]
    return replace(a_ledger(inputs, lines), id="tuning-1", name="Fine-tuning of the notes' model")


def _by(lines: list[Line], key: Callable[[Line], K]) -> dict[K, Estimate]:
    groups: dict[K, list[Line]] = {}
    for line in lines:
        groups.setdefault(key(line), []).append(line)
    return {each: _sum(group, "sum of its lines") for each, group in groups.items()}


def _sum(lines: list[Line], source: str) -> Estimate:
    if not any(line.quantity.known for line in lines):
        return Estimate.absent("kgCO2e", lines[0].quantity.source)
    value = known_sum(line.quantity for line in lines)
    return Estimate.within(value, 0.2, "kgCO2e", Basis.MODELLED, source)
