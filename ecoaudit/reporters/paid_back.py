"""When buying has paid for itself beside renting, and which renting is left where nothing fits."""

from __future__ import annotations

import re
from typing import Any

from ecoaudit.estimate import Estimate
from ecoaudit.plan import Plan
from ecoaudit.quantities import estimate_of
from ecoaudit.reporters.figures import plain
from ecoaudit.reporters.options import option_by_id
from ecoaudit.reporters.plan_words import RENTED
from ecoaudit.reporters.told import mapping
from ecoaudit.reporters.words import inside

_MONTHS = 12.0
_OPEN = re.compile(r"(\d+(?:\.\d+)?(?:e\+\d+)?) months, from .* to never")  # open at its latest end


def too_late(plan: Plan, months: Estimate) -> str:
    """``not within its life of 48 months (66)``; empty where it pays within it, or where the life
    or the time is not known."""
    life = estimate_of(plan.costs.get("life"))
    if life is None or not life.known:
        return ""
    ends = _MONTHS * life.number
    if months.known:
        central, told = months.number, f"{months.number:,.0f}"
    else:
        found = _OPEN.fullmatch(months.source)
        if found is None:
            return ""
        central, told = float(found[1]), months.source
    if central <= ends * (1 + 1e-9):
        return ""
    whole = f"{ends:,.0f}"
    return f"not within its life of {whole} months ({told if told != whole else f'over {whole}'})"


def never(plan: Plan, told: dict[str, Any]) -> str:
    """Why buying never pays beside this renting; empty where it does, or where that is open.

    Args:
        plan: whose first option is bought.
        told: of ``plan.alternatives``.
    """
    months = estimate_of(told.get("break_even_months"))
    rent = estimate_of(told.get("usd_per_year"))
    if months is None or months.known or not months.source.endswith(": never"):
        return ""
    said = "buying never pays for itself"
    option = option_by_id(plan, plan.costs.get("option"))
    own = None if option is None else option.quantities.get("running_usd_per_year")
    if option is None or option.mode == "shared" or own is None or rent is None:
        return said  # a shared computer's figure is of all clinics
    if not own.known or not rent.known:
        return said
    return f"{said}: renting costs {usd(rent)} a year, running one's own {usd(own)}"


def instead(plan: Plan) -> list[str]:
    """The cheapest of what one could do instead of buying that is allowed and has a price."""
    found = []
    for told in plan.alternatives:
        price = estimate_of(told.get("usd_per_year"))
        if told.get("allowed") and told.get("mode") != "do-nothing" and price and price.known:
            found.append((price.number, str(told.get("mode")), str(told.get("name") or ""), price))
    if not found:
        return []
    _, mode, name, price = min(found, key=lambda row: row[0])
    said = f"Instead of buying: {inside(RENTED.get(mode, mode))}"
    said += f" ({name})" if name else ""
    said += f", {usd(price)} a year"
    budget = estimate_of(mapping(plan.scenario.get("money"), "money").get("yearly_budget"))
    if budget is not None and budget.known:
        kept = price.numbers[2] <= budget.numbers[1]
        said += f", {'within' if kept else 'over'} the yearly budget of {usd(budget)}"
    return [f"{said}."]


def usd(price: Estimate) -> str:
    """``1,850 USD``: to three digits."""
    return plain(float(f"{price.number:.3g}"), price.unit)
