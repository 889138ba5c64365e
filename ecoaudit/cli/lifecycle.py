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
  ecoaudit lifecycle plan.json --option "Qwen/Qwen3-14B, int4, 1 x NVIDIA L4" \\
    --option "openai/gpt-oss-20b, mxfp4, 1 x NVIDIA L4, opening-hours" -o compared.json
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
@output_option("ledger, or the comparison as JSON")
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
    from ecoaudit.lifecycle.sources import check_output, ledgers_from

    if output is not None:
        check_output(output, sources)
    _check_options(sources)
    how = Options(with_upstream, draws, seed)
    ledgers = ledgers_from(sources, options, how, lookups())
    if len(ledgers) > 1:
        _compare(ledgers, per, draws, seed, output, as_json=as_json)
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


def _check_options(sources: Sequence[str]) -> None:
    """Refuse what a finished ledger would leave aside in silence.

    Draws and seed are also those of a comparison; they say nothing to one ledger alone.
    """
    from click.core import ParameterSource

    from ecoaudit.errors import UsageError
    from ecoaudit.lifecycle.sources import is_finished

    context = click.get_current_context()
    about = ["with_upstream", "draws", "seed"] if len(sources) == 1 else ["with_upstream"]
    given = [
        f"--{name.replace('_', '-')}"
        for name in about
        if context.get_parameter_source(name) is ParameterSource.COMMANDLINE
    ]
    finished = next(filter(is_finished, sources), None) if given else None
    if finished is not None:
        raise UsageError(
            f"{finished}: a finished ledger is shown as it is, without {' and '.join(given)}; give"
            " the account or plan from which it was made"
        )


def _compare(
    ledgers: Sequence[Ledger],
    per: str,
    draws: int,
    seed: int,
    output: str | None,
    *,
    as_json: bool,
) -> None:
    import json
    from dataclasses import asdict

    from ecoaudit.cli.lifecycle_table import print_compared
    from ecoaudit.reporters.ledger_compared import pairs, sides
    from ecoaudit.run import write_text

    rows = sides(ledgers, per, count=draws, seed=seed)
    found = pairs(ledgers, per, count=draws, seed=seed)
    told = {"rows": [asdict(row) for row in rows], "pairs": [asdict(pair) for pair in found]}
    text = json.dumps(told, indent=1, ensure_ascii=False, allow_nan=False)
    if output is not None:
        write_text(output, f"{text}\n")
    if as_json:
        click.echo(text)
        return
    print_compared(rows, found)
    if output is not None:
        click.echo(f"wrote {output}")


def _file_of(source: str, output: str | None) -> str | None:
    """The ledger's file: where it was written, or where it was read."""
    from ecoaudit.lifecycle.sources import is_finished

    if output is not None:
        return output
    return source if is_finished(source) else None
