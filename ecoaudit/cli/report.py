"""``ecoaudit report``: write a page from a plan or a run."""

from __future__ import annotations

import click


@click.command("report", epilog="Example: ecoaudit report plan.json run.json -o plan.html")
@click.argument("files", metavar="PLAN|RUN...", nargs=-1, required=True)
@click.option(
    "-o",
    "--output",
    metavar="FILE",
    required=True,
    help="Where to write; the suffix (.html, .md, .csv, .json) chooses the format.",
)
def command(files: tuple[str, ...], output: str) -> None:
    """Write a page from a plan, from measured runs, or from a plan with the runs behind it.

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
