"""The ways of running one option, side by side."""

from __future__ import annotations

from ecoaudit.estimate import Estimate
from ecoaudit.plan import Option, Plan
from ecoaudit.reporters.figures import named
from ecoaudit.reporters.matrix import state_of
from ecoaudit.reporters.options import margin_text
from ecoaudit.reporters.view import FITS, Cell, Row, Table
from ecoaudit.reporters.words import MODES, limit_word, short_model

_SHOWN = (
    "energy_j_per_day",
    "energy_j_per_year",
    "running_usd_per_year",
    "added_wait_s",
)


def ways_of(plan: Plan, option: Option) -> list[Option]:
    """The options of a plan that differ from ``option`` in the way of running alone, and itself."""
    own = (option.model, option.weights, option.hardware, option.n_devices)
    return [
        each
        for each in plan.options
        if (each.model, each.weights, each.hardware, each.n_devices) == own
    ]


def ways_table(plan: Plan, option: Option) -> Table | None:
    """What each way of running takes; None where the plan holds one alone."""
    ways = ways_of(plan, option)
    if len(ways) < 2:
        return None
    note = "The added wait is that of waking, or of waiting for the batch; always on adds none."
    if any(way.mode == "shared" for way in ways):
        note += " Energy and cost of the shared computer are those of all the clinics together."
    number = f"{option.n_devices} x " if option.n_devices > 1 else ""
    what = f"{short_model(option.model)} in {option.weights} on {number}{option.hardware}"
    columns = ["Way", "Fits", "Working day", "Year", "To run, each year", "Added wait, 95 %"]
    rows = [_row(way, plan) for way in ways]
    return Table(f"Ways of running {what}", columns, rows, frozenset({2, 3, 4, 5}), note=note)


def _row(option: Option, plan: Plan) -> Row:
    state = state_of(option)
    verdict = Cell("fits", state=FITS)
    if state != FITS:
        first = next((each for each in option.limits if each.name == option.first_limit), None)
        note = "" if first is None else margin_text(first)
        verdict = Cell(limit_word(option.first_limit or ""), state=state, note=note)
    word = MODES.get(option.mode, option.mode.replace("-", " "))
    note = "recommended" if option.id == plan.recommended else ""
    return Row(
        [
            Cell(word[:1].upper() + word[1:], note=note),
            verdict,
            *(_quantity(name, option.quantities.get(name)) for name in _SHOWN),
        ],
        strong=option.id == plan.recommended,
    )


def _quantity(name: str, estimate: Estimate | None) -> Cell:
    if estimate is None:
        return Cell("none" if name == "added_wait_s" else "not in the plan")
    return Cell(figure=named(name, estimate))
