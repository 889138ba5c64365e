"""``ecoaudit runs``: list, show, recover, merge and import measured runs."""

from __future__ import annotations

from pathlib import Path

import click

from ecoaudit.cli import import_results
from ecoaudit.cli.options import output_option


@click.group(
    "runs",
    epilog="""\b
Examples:
  ecoaudit runs list
  ecoaudit runs show run.json
  ecoaudit runs recover
  ecoaudit runs merge run.rank0.json run.rank1.json -o run.json
  ecoaudit runs merge --sites north.json south.json -o federation.json
  ecoaudit runs import result.json --engine vllm --engine-version 0.32.0 -o run.json""",
)
def command() -> None:
    """List, show, recover, merge and import measured runs.

    Runs without -o are kept in a folder of the user's; ECOAUDIT_RUNS names another.
    """


command.add_command(import_results.command)


@command.command("list", epilog="Example: ecoaudit runs list")
@click.argument("folder", required=False, type=click.Path(path_type=Path))
def list_runs(folder: Path | None) -> None:
    """The runs in FOLDER, or in the runs folder."""
    from ecoaudit.cli.tables import console, table
    from ecoaudit.errors import FileFormatError, UsageError
    from ecoaudit.journal import runs_folder
    from ecoaudit.run import load_run
    from ecoaudit.units import human

    if folder is not None and not folder.is_dir():
        raise UsageError(f"{folder}: {'is no folder' if folder.exists() else 'no such folder'}")
    place = folder or runs_folder()
    rows, broken = [], []
    for path in sorted(place.glob("*.json")):
        try:
            run = load_run(path)
        except FileFormatError as error:
            if _meant_as_run(path):
                broken.append(str(error))
            continue
        energy = run.summary.get("energy_j")
        rows.append(
            (
                path.name,
                run.name,
                run.kind,
                run.status,
                run.started_at[:19],
                human(run.duration_s, "s"),
                "absent" if energy is None else human(energy.value, "J"),
            )
        )
    out = console()
    out.print(
        table(str(place), ("file", "name", "kind", "status", "started", "duration", "energy"), rows)
    )
    for sentence in [*broken, *_unfinished(place, folder is None)]:
        out.print(sentence)


def _meant_as_run(path: Path) -> bool:
    """Whether a file that is no run was to be one; JSON of another kind is the user's own."""
    import json

    try:
        data = json.loads(path.read_bytes())
    except (ValueError, OSError, RecursionError):
        return True
    return isinstance(data, dict) and str(data.get("schema", "")).startswith("ecoaudit.run/")


def _unfinished(place: Path, own: bool) -> list[str]:
    """A sentence for each kind of journal in a folder; ``own``: it is the runs folder."""
    from ecoaudit.recovery import abandoned_journals, journals_in, unusable

    left = abandoned_journals(place)
    faults = [(journal, unusable(journal)) for journal in left]
    whole = [journal for journal, fault in faults if fault is None]
    going_on = len(journals_in(place)) - len(left)
    said = []
    if whole:
        files = "" if own else " " + " ".join(map(str, whole))
        said.append(f"{len(whole)} killed: `ecoaudit runs recover{files}` saves what was recorded")
    if going_on:
        said.append(f"{going_on} going on, or just begun")
    return [*said, *(fault for _, fault in faults if fault is not None)]


@command.command("show", epilog="Example: ecoaudit runs show run.json")
@click.argument("file", type=click.Path(path_type=Path))
@click.option("--json", "as_json", is_flag=True, help="Print the run file itself.")
def show(file: Path, as_json: bool) -> None:
    """The summary of a run."""
    from ecoaudit.cli.tables import print_run
    from ecoaudit.run import load_run

    run = load_run(file)
    if as_json:
        click.echo(run.to_json(), nl=False)
    else:
        print_run(run, None, stderr=False)


@command.command(
    "recover",
    epilog="""\b
Examples:
  ecoaudit runs recover                  every killed run
  ecoaudit runs recover run.json         the killed run that was to be written there
  ecoaudit runs recover X.journal.jsonl -o run.json""",
)
@click.argument("files", nargs=-1, type=click.Path(path_type=Path))
@output_option("recovered run; only with one FILE")
def recover(files: tuple[Path, ...], output: str | None) -> int:
    """Make runs of the journals that killed runs left behind.

    Without FILE, every journal in the runs folder whose program is gone. A recovered run goes
    where the killed one was to go (its -o), or into the runs folder.
    """
    from ecoaudit.errors import EcoauditError, UsageError
    from ecoaudit.recovery import abandoned_journals, journal_for, recover_to

    journals = [journal_for(path) for path in files] or abandoned_journals()
    if output is not None and len(journals) != 1:
        raise UsageError(f"-o takes one run, but there are {len(journals)} to recover; name one")
    if not journals:
        click.echo("nothing to recover", err=True)
    failed = 0
    for journal in journals:
        try:
            click.echo(str(recover_to(journal, None if output is None else Path(output))))
        except EcoauditError as error:  # the others are recovered all the same
            click.echo(f"ecoaudit: {error}", err=True)
            failed = failed or error.exit_code
        except OSError as error:
            click.echo(f"ecoaudit: {journal}: cannot be saved ({error.strerror})", err=True)
            failed = 1
    return failed


@command.command(
    "merge",
    epilog="""\b
Examples:
  ecoaudit runs merge run.rank0.json run.rank1.json -o run.json
  ecoaudit runs merge --sites north.json south.json -o federation.json""",
)
@click.argument("files", nargs=-1, required=True, type=click.Path(path_type=Path))
@click.option("--sites", is_flag=True, help="The runs are of sites of a federated training.")
@click.option("-o", "--output", metavar="FILE", required=True, help="Where to write the run.")
def merge_runs(files: tuple[Path, ...], sites: bool, output: str) -> None:
    """One run of the runs of one training job's ranks, or of a federated training's sites.

    Ranks: give the run of every rank, in any order. A board counts once, and so do the CPU and
    the memory of each machine; tokens add up.

    Sites (--sites): give the run of each site, in any order; of a site with several ranks, the
    merge of those. Each site counts at its own grid and PUE; energy, carbon, tokens, steps,
    waiting and bytes moved add up. Of words, only run ids, names of devices and the labels that
    you gave to runs and windows are carried.
    """
    from ecoaudit.cli.tables import print_run
    from ecoaudit.errors import UsageError
    from ecoaudit.federation import merge_sites
    from ecoaudit.merging import merge
    from ecoaudit.run import load_run

    target = Path(output)
    if any(target.absolute() == file.absolute() for file in files):
        raise UsageError(f"{output}: is one of the runs to merge; choose another -o")
    runs = [load_run(file) for file in files]
    run = merge_sites(runs) if sites else merge(runs)
    print_run(run, run.save(target))
