"""``ecoaudit claims``: do published figures follow from their own inputs?"""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import click

if TYPE_CHECKING:
    from collections.abc import Sequence

    from rich.console import Console

    from ecoaudit.lifecycle.claims import ClaimFile, Verdict

TEMPLATES = ("model-card", "paper", "tender")


@click.group(
    epilog="""\b
Examples:
  ecoaudit claims check paper.yaml
  ecoaudit claims check llama
  ecoaudit claims list
  ecoaudit claims new --template paper -o paper.yaml
"""
)
def command() -> None:
    """Check whether published figures follow from their own inputs."""


@command.command()
@click.argument("file")
@click.option("--json", "as_json", is_flag=True, help="Print JSON.")
@click.option("-o", "--output", metavar="FILE.json", help="Write the verdicts as JSON.")
def check(file: str, as_json: bool, output: str | None) -> None:
    """Recompute each figure of FILE from its own inputs.

    FILE is YAML or CSV, or a family of published results (`ecoaudit claims list`). Each claim is
    `consistent`, `contradicts` (with the value of each input that alone would make it follow) or
    `not enough inputs` (with what would close it).

    \b
    Exit code: 0 if nothing contradicts
               1 if a claim contradicts its inputs
               2 if the file cannot be used

    \b
    Examples:
      ecoaudit claims check paper.yaml
      ecoaudit claims check results.csv -o verdicts.json
      ecoaudit claims check llama
    """
    import json
    import sys

    from ecoaudit.errors import UsageError
    from ecoaudit.lifecycle.claims import Outcome, judge, read_claims
    from ecoaudit.lifecycle.claims import as_json as to_json
    from ecoaudit.run import write_text

    if output is not None and not output.endswith(".json"):
        raise UsageError(f"{output}: the verdicts are written as JSON; name a file that ends so")
    claims = read_claims(file)
    verdicts = judge(claims)
    text = json.dumps(to_json(claims, verdicts), indent=1)
    if output is not None:
        write_text(output, text + "\n")
    if as_json:
        click.echo(text)
    else:
        _print(claims, verdicts)
        if output is not None:
            click.echo(f"verdicts: {output}")
    sys.exit(1 if any(each.outcome is Outcome.CONTRADICTS for each in verdicts) else 0)


@command.command("list")
@click.argument("family", required=False)
@click.option("--json", "as_json", is_flag=True, help="Print JSON.")
def list_families(family: str | None, as_json: bool) -> None:
    """Show the published results that ship with ecoaudit, by family; or those of one FAMILY.

    They are cited facts: each has its source and how it was come by (`primary`, `paper-text`,
    `secondary`, `derived`, `unverified`).

    \b
    Examples:
      ecoaudit claims list
      ecoaudit claims list bloom
    """
    if family is None:
        _list_all(as_json)
    else:
        _list_one(family, as_json)


@command.command()
@click.option(
    "--template", required=True, type=click.Choice(TEMPLATES), help="What the figures stand in."
)
@click.option(
    "-o", "--output", required=True, metavar="FILE.yaml", help="Where to write; '-' prints."
)
@click.option("--force", is_flag=True, help="Overwrite a file that is there.")
def new(template: str, output: str, force: bool) -> None:
    """Begin a file of claims, with comments; what is left blank is `not enough inputs`.

    \b
    Example:
      ecoaudit claims new --template model-card -o card.yaml
    """
    from ecoaudit.errors import UsageError
    from ecoaudit.lifecycle.claims import templates
    from ecoaudit.run import write_text

    text = templates()[template].read_text("utf-8")
    if output == "-":
        click.echo(text, nl=False)
        return
    if Path(output).exists() and not force:
        raise UsageError(f"{output}: exists; --force overwrites it")
    write_text(output, text)
    click.echo(output)
    click.echo(f"Next: fill it in, then ecoaudit claims check {output}", err=True)


def _print(file: ClaimFile, verdicts: Sequence[Verdict]) -> None:
    """A table of all, then what is wrong, then what is missing, then the rule."""
    from ecoaudit.cli.tables import console, print_line, table
    from ecoaudit.lifecycle.claims import RULE, Outcome, counts

    out = console()
    columns = ("claim", "published", "recomputed", "difference", "verdict")
    out.print(table(file.title or str(file.path), columns, map(_row, verdicts)))
    for outcome, style in ((Outcome.CONTRADICTS, "red"), (Outcome.NOT_ENOUGH, "yellow")):
        for verdict in verdicts:
            if verdict.outcome is outcome:
                _print_reason(verdict, out, style)
    unitless = [
        f"{each.claim.id}: {', '.join(each.unitless)}" for each in verdicts if each.unitless
    ]
    if unitless:
        print_line(f"no unit is told, by name or beside it, for {'; '.join(unitless)}", out)
    consistent, contradict, lacking = counts(verdicts).values()
    summary = f"{consistent} consistent, {contradict} contradict, {lacking} not enough inputs"
    print_line(summary, out)
    print_line(f"rule: {RULE}", out)


def _row(verdict: Verdict) -> tuple[str, ...]:
    from ecoaudit.units import significant

    claim, factor = verdict.claim, verdict.factor
    published = claim.published
    digits = 4 if published is None else published.digits
    recomputed = verdict.recomputed
    implied = claim.check == "implied factor"
    unit = "kg/kWh" if implied else claim.unit
    return (
        claim.id,
        "" if published is None else published.text,
        "" if recomputed is None else f"{significant(recomputed, digits)} {unit}".rstrip(),
        "" if factor is None or implied else _difference(factor),
        str(verdict.outcome),
    )


def _difference(factor: float) -> str:
    """Recomputed against published: ``+0.31 %``, or ``x 10`` where they are far apart."""
    if not 0.5 < factor < 2:
        return f"x {factor:.3g}"
    percent = 100 * (factor - 1)
    return f"{percent:+.2g} %" if abs(percent) >= 1e-4 else "0 %"


def _print_reason(verdict: Verdict, out: Console, style: str) -> None:
    from ecoaudit.cli.tables import print_line

    sentence = f"{verdict.claim.id} {verdict.outcome}: {verdict.sentence}"
    print_line(sentence, out, style=style)
    for hint in verdict.hints:
        print_line(f"  {hint}", out)
    if verdict.claim.note:
        print_line(f"  note: {verdict.claim.note}", out)


def _list_all(as_json: bool) -> None:
    import json

    from ecoaudit.cli.tables import console, table
    from ecoaudit.lifecycle.claims import counts, families, judge, read_claims

    files = {name: read_claims(name) for name in families()}
    found = {name: counts(judge(file)) for name, file in files.items()}
    if as_json:
        rows = {name: {"title": files[name].title, **found[name]} for name in files}
        click.echo(json.dumps(rows, indent=1))
        return
    cells = [
        (name, str(len(file.claims)), *map(str, found[name].values()), file.title)
        for name, file in files.items()
    ]
    total = sum(len(file.claims) for file in files.values())
    columns = ("family", "rows", "consistent", "contradict", "not enough", "of")
    console().print(table(f"{total} published results", columns, cells))


def _list_one(family: str, as_json: bool) -> None:
    import json

    from ecoaudit.cli.tables import console, print_line, table
    from ecoaudit.errors import NotFoundError, did_you_mean
    from ecoaudit.lifecycle.claims import families, read_claims

    if family not in families():
        raise NotFoundError(f"no family {family!r}; {did_you_mean(family, families())}")
    file = read_claims(family)
    rows = [
        {
            "id": claim.id,
            "quantity": claim.quantity,
            "value": "" if claim.published is None else claim.published.text,
            "status": claim.status,
            "source": claim.source,
        }
        for claim in file.claims
    ]
    if as_json:
        click.echo(json.dumps(rows, indent=1))
        return
    out = console()
    shown = ("id", "quantity", "value", "status")
    out.print(table(file.title, shown, ([row[key] for key in shown] for row in rows)))
    for source in dict.fromkeys(row["source"] for row in rows):
        print_line(f"source: {source}", out)
