"""The page of a plan, of runs or of a ledger: decision, sections, doubts, provenance, glossary,
footer."""

from __future__ import annotations

from typing import Any, Final

from ecoaudit import __version__
from ecoaudit.ledger import Ledger
from ecoaudit.plan import Plan
from ecoaudit.reporters import ledger_inputs, ledger_page, plan_page, run_page
from ecoaudit.reporters.base import Content
from ecoaudit.reporters.decision import decision
from ecoaudit.reporters.figures import plain
from ecoaudit.reporters.ledger_words import GLOSSARY_OF_LEDGERS
from ecoaudit.reporters.matrix import fit_matrix
from ecoaudit.reporters.options import chosen, fitting_table
from ecoaudit.reporters.view import Cell, Notes, Page, Row, Section, Table, Terms
from ecoaudit.reporters.words import GLOSSARY, RANDOM_WEIGHTS, count
from ecoaudit.run import Run

MOST_FACTORS: Final = 150


def build_page(content: Content) -> Page:
    """Everything that the page of ``content`` says."""
    if content.ledger is not None:
        return _ledger_page(content.ledger, content)
    return _plan_page(content.plan, content) if content.plan else _runs_page(content)


def _plan_page(plan: Plan, content: Content) -> Page:
    sections = plan_page.sections(plan)
    sections.append(run_page.behind_plan(plan.runs, content.runs))
    doubts = [*plan.doubts, *(doubt for run in content.runs for doubt in run.doubts)]
    if doubts:
        sections.append(_doubts(run_page.notes(doubts)))
    if plan.factors:
        sections.append(_provenance(plan))
    sections.append(_glossary())
    random = any(map(run_page.is_random, content.runs)) or any(map(_random_entry, plan.runs))
    random = random or any(doubt.code == "random-weights" for doubt in plan.doubts)
    scenario = plan.scenario
    return Page(
        kicker="Deployment plan",
        title=str(scenario.get("name") or scenario.get("id") or "Plan"),
        subtitle=_subtitle(scenario),
        warnings=[RANDOM_WEIGHTS] if random else [],
        decision=decision(plan),
        sections=sections,
        footer=_footer(content, plan.schema, plan.tool),
    )


def _random_entry(entry: dict[str, Any]) -> bool:
    return bool(entry.get("random_weights")) or "weights are random" in str(entry.get("why"))


def _subtitle(scenario: dict[str, Any]) -> str:
    site = (scenario.get("site") or {}).get("name")
    work = (scenario.get("workload") or {}).get("name")
    parts = [str(part) for part in (site, work) if part]
    return "Which model, on which device, stays within what this site has" + (
        f": {', '.join(part[:1].lower() + part[1:] for part in parts)}." if parts else "."
    )


def _ledger_page(ledger: Ledger, content: Content) -> Page:
    sections = ledger_page.sections(ledger)
    if ledger.doubts:
        sections.append(_doubts(run_page.notes(ledger.doubts)))
    sections += [ledger_inputs.method(ledger), _glossary(GLOSSARY_OF_LEDGERS)]
    return Page(
        kicker="Whole-life account",
        title=ledger.name,
        subtitle=ledger_page.subtitle(ledger),
        warnings=[],
        decision=None,
        sections=sections,
        footer=_footer(content, ledger.schema, ledger.tool, "Ledger"),
    )


def _runs_page(content: Content) -> Page:
    runs = content.runs
    several = len(runs) > 1
    sections = [
        section
        for place, run in enumerate(runs, 1)
        for section in run_page.sections(run, f"run{place}-" if several else "")
    ]
    doubts = run_page.notes(doubt for run in runs for doubt in run.doubts)
    if doubts.items:
        sections.append(_doubts(doubts))
    sections.append(_glossary())
    return Page(
        kicker="Measured runs" if several else "Measured run",
        title=", ".join(dict.fromkeys(run.name for run in runs)),
        subtitle=_runs_subtitle(runs),
        warnings=[RANDOM_WEIGHTS] if any(map(run_page.is_random, runs)) else [],
        decision=None,
        sections=sections,
        footer=_footer(content, runs[0].schema, ""),
    )


def _runs_subtitle(runs: tuple[Run, ...]) -> str:
    if len(runs) == 1:
        return _made_with(runs[0])
    models = dict.fromkeys(str(run.settings["model"]) for run in runs if run.settings.get("model"))
    kinds = dict.fromkeys(str(run.kind) for run in runs)
    what = f"{count(len(runs), 'run')}: {', '.join(kinds)}"
    return f"{what}; {', '.join(models)}." if models else f"{what}."


def _made_with(run: Run) -> str:
    """Kind of a run, model, engine and devices, as far as they are known."""
    said = run.settings
    weights = said.get("weights")
    model = [said.get("model"), None if weights == "unknown" else weights]
    engine = [said.get("engine"), said.get("engine_version")]
    parts = [" ".join(str(word) for word in words if word) for words in (model, engine)]
    boards = [device.name for device in run.devices if device.kind in ("gpu", "cpu")]
    parts += [", ".join(dict.fromkeys(boards))]
    return f"{str(run.kind).capitalize()} run: {'; '.join(part for part in parts if part)}."


def _doubts(notes: Notes) -> Section:
    lead = "What weakens these figures, and what to do about it."
    return Section("doubts", "Doubts", [notes], lead)


def _glossary(terms: list[tuple[str, str]] = GLOSSARY) -> Section:
    return Section("glossary", "Words", [Terms(terms)])


def _provenance(plan: Plan) -> Section:
    shown, left_out = _relevant(plan)
    rows = [
        Row([Cell(_factor_name(row)), Cell(_factor_value(row)), Cell(_year(row)), Cell(_said(row))])
        for row in shown
    ]
    note = ""
    if left_out:
        note = (
            f"{count(left_out, 'further row')} about models and devices that this page does not "
            "name stand in the plan file."
        )
    table = Table(
        f"Every table row behind this page: {count(len(rows), 'row')}",
        ["Factor", "Value", "Year", "Source"],
        rows,
        frozenset({1, 2}),
        note=note,
        closed=f"Show {count(len(rows), 'row')}",
    )
    lead = "Published figures that were used, with their sources. The basis of each is “constant”."
    return Section("provenance", "Where the factors come from", [table], lead)


def _relevant(plan: Plan) -> tuple[list[dict[str, Any]], int]:
    """Rows about what the page names, and general ones; how many others there are."""
    about = {option.model for option in plan.options} | {o.hardware for o in plan.options}
    named = _named(plan) if len(plan.factors) > MOST_FACTORS else about
    shown = [row for row in plan.factors if _owner(row) not in about or _owner(row) in named]
    return shown, len(plan.factors) - len(shown)


def _named(plan: Plan) -> set[str]:
    """Models and devices of the recommended option and of the options that the page lists."""
    option = chosen(plan)
    names = {option.model, option.hardware} if option else set()
    if plan.options:
        names |= {cell.text for cell in fit_matrix(plan).columns}
        listed = {row.cells[0].text.partition(". ")[2] for row in fitting_table(plan).rows}
        listed |= {row.cells[0].text for row in fit_matrix(plan).rows}
        names |= {o.model for o in plan.options if o.model.rpartition("/")[2] in listed}
    return names


def _owner(row: dict[str, Any]) -> str:
    return str(row.get("name", "")).rpartition(": ")[0]


def _factor_name(row: dict[str, Any]) -> str:
    return str(row.get("name", "")).replace("_", " ")


def _factor_value(row: dict[str, Any]) -> str:
    value = row.get("value")
    if isinstance(value, int | float):
        return plain(float(value), str(row.get("unit") or ""))
    return "not stated" if value is None else str(value)


def _year(row: dict[str, Any]) -> str:
    return str(row.get("year") or "not stated")


def _said(row: dict[str, Any]) -> str:
    parts = [str(row.get("source") or "no source")]
    if row.get("licence"):
        parts.append(f"licence: {row['licence']}")
    if row.get("note"):
        parts.append(str(row["note"]))
    return "; ".join(parts)


def _footer(content: Content, schema: str, tool: str, what: str = "Plan") -> list[tuple[str, str]]:
    lines = [("Page", f"ecoaudit {__version__}")]
    if tool:
        lines.append((what, tool))
    if content.command:
        lines.append(("Command", content.command))
    return [*lines, ("File format", schema)]
