"""``ecoaudit lifecycle``: the whole-life account, per stage, scope and owner."""

from __future__ import annotations

from typing import TYPE_CHECKING

import click

from ecoaudit.cli.options import output_option

if TYPE_CHECKING:
    from collections.abc import Sequence

    from ecoaudit.ledger import Ledger


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
@click.option("--lines", is_flag=True, help="Show every line, and doubts in full.")
@output_option("ledger")
@click.option(
    "--json", "as_json", is_flag=True, help="Print the ledger, or the comparison, as JSON."
)
def command(
    sources: tuple[str, ...],
    options: tuple[str, ...],
    per: str,
    with_upstream: bool,
    draws: int,
    seed: int,
    lines: bool,
    output: str | None,
    as_json: bool,
) -> None:
    """Account for the whole life of a deployment or a training.

    LEDGER is an account profile (`ecoaudit profiles list`), a plan, or a ledger made before. Of a
    plan it is the recommended option over one year. Several are compared: with the factors that
    they share drawn alike, how often is the first below the others?
    """
    from ecoaudit.cli.lifecycle_table import print_ledger
    from ecoaudit.cli.lookups import lookups
    from ecoaudit.errors import UsageError
    from ecoaudit.lifecycle.accounting import Options
    from ecoaudit.lifecycle.sources import ledgers_from

    how = Options(with_upstream, draws, seed)
    ledgers = ledgers_from(sources, options, how, lookups())
    if len(ledgers) > 1:
        if output is not None:
            raise UsageError("-o takes one account; name one, and write each by itself")
        _compare(ledgers, per, draws, seed, as_json=as_json)
        return
    if per != "total":
        raise UsageError("--per compares accounts; name two of them, or leave it out")
    ledger = ledgers[0]
    if output is not None:
        ledger.save(output)
    if as_json:
        click.echo(ledger.to_json(), nl=False)
        return
    print_ledger(ledger, _file_of(sources[0], output), lines=lines)
    if output is not None:
        click.echo(f"wrote {output}")


def _compare(ledgers: Sequence[Ledger], per: str, draws: int, seed: int, *, as_json: bool) -> None:
    import json
    from dataclasses import asdict

    from ecoaudit.cli.lifecycle_table import print_compared
    from ecoaudit.reporters.ledger_compared import pairs, sides

    rows = sides(ledgers, per, count=draws, seed=seed)
    found = pairs(ledgers, per, count=draws, seed=seed)
    if as_json:
        told = {"rows": [asdict(row) for row in rows], "pairs": [asdict(pair) for pair in found]}
        click.echo(json.dumps(told, indent=1, ensure_ascii=False, allow_nan=False))
        return
    print_compared(rows, found)


def _file_of(source: str, output: str | None) -> str | None:
    """The ledger's file: where it was written, or where it was read."""
    from ecoaudit.ledger import LEDGER_SCHEMA
    from ecoaudit.run import read_json

    if output is not None or not source.endswith(".json"):
        return output
    return source if read_json(source).get("schema") == LEDGER_SCHEMA else None
