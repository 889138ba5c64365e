"""What a plan says besides its options: the cost by year, what else one could do, the languages."""

from __future__ import annotations

from dataclasses import asdict
from typing import Any

from ecoaudit.plan import Option
from ecoaudit.planning.cells import Cell
from ecoaudit.planning.cost import break_even
from ecoaudit.planning.languages import Served, language_costs, tokenizer_of_model
from ecoaudit.planning.quantities import clinics_of, cost_of
from ecoaudit.planning.renting import NOTHING, rented
from ecoaudit.scenario import Scenario
from ecoaudit.sizing.speed import rates


def costs_of(option: Option, scenario: Scenario) -> dict[str, Any]:
    """What owning an option costs, by year where a life is given."""
    if "energy_usd_per_year" not in option.quantities:
        return {}
    cost = cost_of(option.quantities, scenario)
    years: list[dict[str, Any]] = []
    if cost.life.known:
        years = [
            {
                "year": year.year,
                "length": year.length,
                "rows": {name: asdict(row) for name, row in year.rows.items()},
                "total": asdict(year.total),
            }
            for year in cost.years()
        ]
    return {
        "option": option.id,
        "life": asdict(cost.life),
        "discount_rate": asdict(cost.discount_rate),
        "rows": {name: asdict(row) for name, row in cost.rows.items()},
        "years": years,
        "missing": cost.missing,
        "total": asdict(cost.known_total),
        "present_value": asdict(cost.known_present_value),
    }


def alternatives_of(option: Option | None, scenario: Scenario) -> list[dict[str, Any]]:
    """What one could do instead of buying ``option``, and when buying it has paid for itself."""
    found = []
    for offer in rented(scenario):
        told: dict[str, Any] = {
            "mode": offer.mode,
            "name": offer.name,
            "usd_per_year": asdict(offer.usd_per_year),
            "allowed": offer.allowed,
            "note": offer.note,
        }
        known = option is not None and "energy_usd_per_year" in option.quantities
        if known and option is not None and offer.mode != NOTHING and offer.usd_per_year.known:
            cost = cost_of(option.quantities, scenario)
            capital, year = cost.known_capital, cost.known_per_year
            clinics = clinics_of(option.mode, scenario)
            if clinics is not None:  # each pays its part
                capital, year = (each.per(clinics, "USD") for each in (capital, year))
            even = break_even(capital, year, offer.usd_per_year)
            told["break_even_months"] = asdict(even.months)
        found.append(told)
    return found


def languages_of(cell: Cell, scenario: Scenario) -> dict[str, Any]:
    """What each language of the workload costs with an option's model; never an energy."""
    tokenizer = tokenizer_of_model(cell.model)
    rate = rates(cell.model, cell.weights, cell.device, cell.devices)
    tpot = cell.figure("tpot_s").value if cell.held else None
    served = Served(cell.model.context_tokens, rate.prefill_s, tpot)
    found = language_costs(scenario.workload, tokenizer, served)
    return {} if found is None else asdict(found)
