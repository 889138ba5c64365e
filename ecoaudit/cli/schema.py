"""``ecoaudit schema``: the JSON Schema of a file format."""

from __future__ import annotations

import click

from ecoaudit.schemas import KINDS, schema_path


@click.command(
    epilog="""\b
Example:
  ecoaudit schema run > run.schema.json
"""
)
@click.argument("kind", type=click.Choice(KINDS))
def command(kind: str) -> None:
    """Print the JSON Schema of a KIND of file, for programs that read or write one."""
    click.echo(schema_path(kind).read_text("utf-8"), nl=False)
