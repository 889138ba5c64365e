"""``ecoaudit explain``: formula, inputs and sources of any figure of a file, reckoned again."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import click

if TYPE_CHECKING:
    from ecoaudit.explaining import Explanation, Figure, Sheet

_NEXT = "take the file as ecoaudit wrote it"


@click.command(
    epilog="""\b
Examples:
  ecoaudit plan solar-rural-screening -o plan.json
  ecoaudit explain plan.json
  ecoaudit explain plan.json energy_j_per_year
  ecoaudit explain plan.json limits.circuit_power.margin
  ecoaudit lifecycle bloom-training -o ledger.json
  ecoaudit explain ledger.json made/gpu --json
"""
)
@click.argument("file", metavar="FILE")
@click.argument("key", required=False)
@click.option("--json", "as_json", is_flag=True, help="Print it as JSON.")
def command(file: str, key: str | None, as_json: bool) -> None:
    """Show how a figure of a run, plan or ledger follows from others, with their sources.

    Without KEY all keys are listed. What is printed is reckoned again; a file that says something
    else than follows from its own inputs ends with exit code 1.
    """
    from ecoaudit.errors import EcoauditError
    from ecoaudit.explaining import explain, open_sheet

    sheet = open_sheet(file)
    if key is None:
        found = [explain(sheet, figure) for figure in sheet.listed()]
        if as_json:
            _echo([each.as_data() for each in found])
        else:
            _list(sheet, found)
    else:
        found = [explain(sheet, sheet.find(key))]
        if as_json:
            _echo(found[0].as_data())
        else:
            _print(found[0])
    wrong = [each.contradiction for each in found if each.contradiction]
    if wrong:
        more = f", and {len(wrong) - 1:,} more" if len(wrong) > 1 else ""
        raise EcoauditError(f"{file}: {wrong[0]}{more}; {_NEXT}")


def _echo(data: Any) -> None:
    click.echo(json.dumps(data, indent=1, ensure_ascii=False))


# -- all of them -----------------------------------------------------------------------------------


def _list(sheet: Sheet, found: list[Explanation]) -> None:
    from ecoaudit.cli.tables import console, print_line, table

    out = console()
    for line in (f"{sheet.kind}: {sheet.title}", *sheet.notes):
        print_line(line, out)
    groups: dict[str, list[Explanation]] = {}
    for each in found:
        groups.setdefault(each.figure.group, []).append(each)
    for group, members in groups.items():
        rows = [_row(each) for each in members]
        out.print(table(group, ("key", "figure", "80 % interval", "follows from"), rows))
    known = [each for each in found if each.figure.estimate.known]
    with_formula = [each for each in known if each.derivation is not None]
    print_line(
        f"{len(with_formula):,} of {len(known):,} figures follow from others of this file, and were"
        " recomputed; the others are readings, statements, table rows, or come of what is not kept",
        out,
    )


def _row(each: Explanation) -> tuple[str, str, str, str]:
    from ecoaudit.units import human

    figure, estimate = each.figure, each.figure.estimate
    follows = str(estimate.basis)
    if each.derivation is not None:
        follows = each.derivation.copies or each.derivation.formula
    if each.contradiction:
        follows = f"NOT as the file says: {follows}"
    if not estimate.known:
        return figure.key, "-", "", f"absent: {estimate.source}"
    value, low, high = estimate.numbers
    ends = "" if low == high else f"{human(low, estimate.unit)} to {human(high, estimate.unit)}"
    return figure.key, human(value, estimate.unit), ends, follows


# -- one of them -----------------------------------------------------------------------------------


def _print(explained: Explanation) -> None:
    from ecoaudit.cli.tables import console, print_line

    out = console()
    figure, estimate = explained.figure, explained.figure.estimate
    print_line(figure.key, out, style="bold")
    for line in _of(figure):
        print_line(f"  {line}", out)
    if explained.derivation is None and explained.method is not None:
        page = f" ({explained.method.page})" if explained.method.page else ""
        print_line(f"No formula: {explained.method.what}{page}", out)
    elif explained.derivation is not None:
        print_line(f"Formula: {explained.derivation.formula}", out)
        print_line("Inputs, with the keys under which they are explained themselves:", out)
        for name, given in explained.inputs.items():
            told = _of(given)
            print_line(f"  {name} = {told[0]}  [{given.key}]", out)
            for line in told[1:]:
                print_line(f"    {line}", out)
    if explained.interval:
        again = ""
        if explained.ends is not None and explained.ends[0] != explained.ends[1]:
            again = f"; drawn again: {explained.ends[0]!r} to {explained.ends[1]!r}"
        print_line(f"Interval: {explained.interval}{again}", out)
    if explained.check:
        print_line(explained.check, out)
    if not estimate.known:
        print_line("There is no figure, and it is never taken as 0.", out)


def _of(figure: Figure) -> list[str]:
    """What is known of a figure, a line each; the first is the figure itself, with all digits."""
    estimate = figure.estimate
    if estimate.value is None:
        return [f"absent: {estimate.source}"]
    lines = [f"{estimate.value!r} {estimate.unit}".rstrip()]
    if estimate.low != estimate.high:
        unit = estimate.unit and f" {estimate.unit}"
        lines.append(f"80 % interval: {estimate.low!r} to {estimate.high!r}{unit}")
    lines.append(f"{estimate.basis}: {estimate.source}")
    told = {
        "year": figure.year,
        "licence": figure.licence,
        "boundary": figure.boundary,
        "in place of": figure.replaces,
    }
    said = [f"{name} {value}" for name, value in told.items() if value]
    if said:
        lines.append(", ".join(said))
    return lines
