"""What a plan says of money on the terminal: the cost by year, and what renting would cost."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from rich.box import Box
    from rich.console import Console

    from ecoaudit.plan import Plan

MOST_YEARS = 7
RENTED = {
    "cloud-gpu": "rent a GPU in a cloud",
    "hosted-api": "pay a hosted model by the token",
    "subscription": "subscribe for each clinician",
    "do-nothing": "do nothing",
}


def print_money(console: Console, plan: Plan, lines: Box) -> None:
    """The cost by year of the plan's first option, and the alternatives that have a price."""
    if plan.costs:
        _by_year(console, plan.costs, lines)
    _alternatives(console, plan)


def _by_year(console: Console, costs: dict[str, Any], lines: Box) -> None:
    from rich.table import Table

    from ecoaudit.printable import printable

    if costs["years"]:
        years = costs["years"]
        names = list(dict.fromkeys(name for year in years for name in year["rows"]))
        shown = years if len(years) <= MOST_YEARS else [*years[: MOST_YEARS - 1], years[-1]]
        table = Table(title="Cost by year, USD", title_justify="left", box=lines)
        table.add_column("year")
        for year in shown:
            table.add_column(str(year["year"]), justify="right")
        for name in names:
            table.add_row(name.replace("_", " "), *(_usd(y["rows"].get(name)) for y in shown))
        table.add_row("together", *(_usd(year["total"]) for year in shown))
        console.print(table)
        if len(shown) < len(years):
            console.print("The years between are like the one before.")
        total, worth = costs["total"], costs["present_value"]
        text = f"Together {_usd(total)} ({_usd(total, 'low')} to {_usd(total, 'high')}) USD"
        if worth["value"] is not None:
            text += f", worth {_usd(worth)} USD today"
        console.print(f"{text}.")
    else:
        console.print("No cost by year: the scenario has no `money.life`.")
    if costs["missing"]:
        missing = ", ".join(name.replace("_", " ") for name in costs["missing"])
        console.print(printable(f"Not given, so not in it: {missing}."), markup=False)
    console.print()


def _alternatives(console: Console, plan: Plan) -> None:
    from ecoaudit.printable import printable
    from ecoaudit.quantities import estimate_of
    from ecoaudit.reporters.paid_back import never, too_late

    told = [row for row in plan.alternatives if row["usd_per_year"]["value"] is not None]
    if len(told) < 2:  # doing nothing always has a price
        return
    console.print("[bold]Instead of buying[/bold]")
    for row in told:
        text = f"- {RENTED[row['mode']]}: {_usd(row['usd_per_year'])} USD a year"
        even = estimate_of(row.get("break_even_months"))
        if not row["allowed"]:
            text += f"; not allowed: {row['note']}"
        elif even is not None:
            paid = f"after {even.number:.3g} months" if even.known else even.source
            paid = too_late(plan, even) or paid
            text += f"; {never(plan, row) or f'buying has paid for itself: {paid}'}"
        console.print(printable(f"{text}."), markup=False)
    console.print()


def _usd(figure: dict[str, Any] | None, end: str = "value") -> str:
    number = None if figure is None else figure[end]
    return "" if number is None else f"{float(f'{number:.3g}'):,.0f}"
