"""``ecoaudit report``: write a page from a plan, a run or a ledger."""

from __future__ import annotations

import click


@click.command(
    "report",
    epilog="""\b
Examples:
  ecoaudit report plan.json run.json -o plan.html
  ecoaudit report ledger.json -o ledger.html
""",
)
@click.argument("files", metavar="PLAN|RUN|LEDGER...", nargs=-1, required=True)
@click.option(
    "-o",
    "--output",
    metavar="FILE",
    required=True,
    help="Where to write; the suffix (.html, .md, .csv, .json) chooses the format.",
)
def command(files: tuple[str, ...], output: str) -> None:
    """Write a page from a plan, from measured runs, from a plan with the runs behind it, or from
    one ledger.

    The page is one file that needs no network and no scripts: it can be mailed, printed, and
    opened from a memory stick.
    """
    from ecoaudit.reporters import load_content, reporter_for
    from ecoaudit.reporters.base import command_line
    from ecoaudit.run import write_text

    reporter = reporter_for(output)
    content = load_content(files, command_line(files, output))
    place = write_text(output, reporter.render(content))
    click.echo(f"wrote {place}")
