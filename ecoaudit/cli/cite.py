"""``ecoaudit cite``: a run or a ledger as text or data for others."""

from __future__ import annotations

from pathlib import Path

import click


@click.command(
    "cite",
    epilog="""\b
Formats: latex, markdown, huggingface, boamps, impact-framework, eu-gpai, codecarbon.

\b
Examples:
  ecoaudit cite run.json --as latex -o energy.tex
  ecoaudit cite ledger.json --as impact-framework -o manifest.yaml
""",
)
@click.argument("file", metavar="RUN|LEDGER", type=click.Path(path_type=Path))
@click.option("--as", "wanted", metavar="FORMAT", required=True, help="What to write it as.")
@click.option("-o", "--output", type=click.Path(path_type=Path), help="Write to this file.")
def command(file: Path, wanted: str, output: Path | None) -> None:
    """Write a run or a ledger as text or data for others.

    Texts (latex, markdown) give no more digits than the interval allows, each with its interval
    and basis; data for programs give the figure in full. No prompt, host name or path goes along.
    """
    from ecoaudit.citing import cite, citer_for, load_facts
    from ecoaudit.run import write_text

    citer = citer_for(wanted)
    text = cite(load_facts(file), citer)
    if output is None:
        click.echo(text, nl=False)
    else:
        click.echo(f"wrote {write_text(output, text)}")
