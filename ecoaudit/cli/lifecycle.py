"""``ecoaudit lifecycle``: the whole-life account, per stage, scope and owner."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

import click

from ecoaudit.cli.options import output_option

if TYPE_CHECKING:
    from collections.abc import Sequence

    from ecoaudit.estimate import Estimate
    from ecoaudit.ledger import Ledger, Line

_SHOWN_SHARES: Final = 5


@click.command(
    epilog="""\b
Examples:
  ecoaudit lifecycle bloom-training
  ecoaudit plan urban-clinic-summaries -o plan.json
  ecoaudit lifecycle plan.json -o ledger.json
  ecoaudit lifecycle plan.json --option "google/gemma-3-12b-it bf16 on NVIDIA L40S" \\
    --option "google/gemma-3-4b-it bf16 on NVIDIA L4"
"""
)
@click.argument("sources", nargs=-1, required=True, metavar="LEDGER...")
@click.option(
    "--option",
    "options",
    multiple=True,
    metavar="ID",
    help="An option of the plan; several: compared.",
)
@click.option("--per", metavar="UNIT", default="total", help="Functional unit to compare by.")
@click.option(
    "--with-upstream", is_flag=True, help="Add the training of the model by others to the total."
)
@click.option(
    "--draws",
    type=click.IntRange(200, 1_000_000),
    default=10_000,
    show_default=True,
    help="Draws of all uncertain factors.",
)
@click.option("--seed", type=click.IntRange(0), default=1, show_default=True, help="Of the draws.")
@output_option("ledger")
@click.option("--json", "as_json", is_flag=True, help="Print the ledger as JSON.")
def command(
    sources: tuple[str, ...],
    options: tuple[str, ...],
    per: str,
    with_upstream: bool,
    draws: int,
    seed: int,
    output: str | None,
    as_json: bool,
) -> None:
    """Account for the whole life of a deployment or a training.

    LEDGER is an account profile (`ecoaudit profiles list`), a plan, or a ledger made before. Of a
    plan it is the recommended option over one year. Several are compared: with the factors that
    they share drawn alike, how often is the first below the other?
    """
    from ecoaudit.cli.lookups import lookups
    from ecoaudit.errors import UsageError
    from ecoaudit.lifecycle.accounting import Options
    from ecoaudit.lifecycle.sources import ledgers_from

    how = Options(with_upstream, draws, seed)
    ledgers = ledgers_from(sources, options, how, lookups())
    if len(ledgers) > 1:
        if output is not None or as_json:
            raise UsageError("-o and --json take one account; name one, and write each by itself")
        _print_compared(ledgers, per, draws, seed)
        return
    ledger = ledgers[0]
    if output is not None:
        ledger.save(output)
    if as_json:
        click.echo(ledger.to_json(), nl=False)
        return
    _print(ledger)
    if output is not None:
        click.echo(f"wrote {output}")


def _print(ledger: Ledger) -> None:
    from ecoaudit.cli.tables import console, print_doubts, table

    out = console()
    out.print(ledger.name, style="bold", markup=False)
    out.print(f"Allocation: {ledger.goal['allocation']}. Period: {ledger.goal['period']}.\n")
    rows = [_row(line) for line in ledger.lines if line.quantity.known]
    rows += [("total", "", "", "", *_shown(ledger.total))]
    heads = ("stage", "what", "scope", "owner", "carbon", "80 % interval")
    out.print(table("Whole life", heads, rows))
    absent = [line for line in ledger.lines if not line.quantity.known]
    if absent:
        out.print("Not modelled, and not nothing:")
        for line in absent:
            out.print(f"  {line.name}: {line.quantity.source}", markup=False)
    for line in ledger.beside:
        out.print(f"Beside the total: {line.name}: {_in_words(line.quantity)}", markup=False)
    _print_sums(ledger, out)
    _print_units(ledger, out)
    _print_conventions(ledger, out)
    shares = ledger.uncertainty.get("shares", [])[:_SHOWN_SHARES]
    if shares:
        told = ", ".join(f"{' = '.join(one['inputs'])} {one['share']:.0%}" for one in shares)
        out.print(f"\nThe doubt comes from (measure the first one next): {told}", markup=False)
    print_doubts(ledger.doubts, out)


def _row(line: Line) -> tuple[str, ...]:
    return (line.stage, line.name, line.scope, line.owner, *_shown(line.quantity))


def _shown(figure: Estimate) -> tuple[str, str]:
    from ecoaudit.units import human

    if not figure.known:
        return "not modelled", figure.source
    value, low, high = figure.numbers
    ends = "" if low == high else f"{human(low, figure.unit)} to {human(high, figure.unit)}"
    return human(value, figure.unit), ends


def _in_words(figure: Estimate) -> str:
    value, ends = _shown(figure)
    return f"{value} ({ends})" if ends else value


def _print_sums(ledger: Ledger, out: Any) -> None:
    from ecoaudit.cli.tables import table

    heads = ("", "carbon", "80 % interval")
    for title, sums in (
        ("By stage", ledger.by_stage),
        ("By scope of the GHG Protocol", ledger.by_scope),
        ("By owner", ledger.by_owner),
    ):
        rows = [(str(name), *_shown(each)) for name, each in sums.items() if each.known]
        out.print(table(title, heads, rows))
    out.print(f"Electricity by contract, all else alike: {_in_words(ledger.total_market)}")
    for name, impact in ledger.impacts.items():
        if impact.total.known:
            value, low, high = impact.total.numbers
            from ecoaudit.units import significant

            told = f"{significant(value)} {impact.unit} ({significant(low)} to {significant(high)})"
            out.print(f"{name}: {told}")


def _print_units(ledger: Ledger, out: Any) -> None:
    from ecoaudit.cli.tables import table

    rows = [
        (name, *_shown(_grams(unit.quantity)))
        for name, unit in ledger.per_unit.items()
        if unit.quantity.known
    ]
    if rows:
        out.print(table("Per functional unit", ("per", "carbon", "80 % interval"), rows))
    for name, unit in ledger.per_unit.items():
        if not unit.quantity.known:
            out.print(f"Per {name}: {unit.quantity.source}", markup=False)


def _grams(figure: Estimate) -> Estimate:
    """Without the unit that the table's first column has."""
    return figure.converted(1.0, "kgCO2e")


def _print_conventions(ledger: Ledger, out: Any) -> None:
    from ecoaudit.cli.tables import table

    rows = [(one["name"], one["what"], *_shown(one["total"])) for one in ledger.conventions]
    heads = ("convention", "how the hardware is shared out", "total", "80 % interval")
    out.print(table("The same under other conventions", heads, rows))


def _print_compared(ledgers: Sequence[Ledger], per: str, draws: int, seed: int) -> None:
    from ecoaudit.cli.tables import console, table
    from ecoaudit.lifecycle.pairs import compared

    out = console()
    rows = []
    for ledger in ledgers:
        figure = ledger.total if per == "total" else None
        if figure is None:
            unit = ledger.per_unit.get(per)
            figure = ledger.total if unit is None else unit.quantity
        rows.append((ledger.name, *_shown(_grams(figure))))
    title = "Carbon in total" if per == "total" else f"Carbon per {per}"
    out.print(table(title, ("account", "carbon", "80 % interval"), rows))
    first = ledgers[0]
    for other in ledgers[1:]:
        found = compared(first, other, per, count=draws, seed=seed)
        value, low, high = found.ratio
        out.print(
            f"{first.name} is below {other.name} in {found.below:.0%} of {found.draws:,} draws,"
            f" with {found.shared} shared factors drawn alike; it has {value:.2f} ({low:.2f} to"
            f" {high:.2f}) times the carbon.",
            markup=False,
        )
    out.print("A screening: no comparison to be disclosed to the public (ISO 14044).")
