"""``ecoaudit profiles``: list, show, copy, check and begin scenario profiles."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import click

if TYPE_CHECKING:
    from collections.abc import Iterator

KINDS = ("sites", "workloads", "scenarios", "accounts")


@click.group(
    epilog="""\b
Examples:
  ecoaudit profiles list
  ecoaudit profiles copy urban-clinic-summaries
  ecoaudit profiles check profiles/scenarios/urban-clinic-summaries.yaml
  ecoaudit profiles new --tier T1 --name "Hill clinic"
"""
)
def command() -> None:
    """List, show, copy, check and begin scenario profiles: the YAML files of a clinic."""


@command.command("list")
@click.option("--json", "as_json", is_flag=True, help="Print JSON.")
def list_profiles(as_json: bool) -> None:
    """Show every profile, its kind and where it lies; ./profiles wins over the shipped ones."""
    import json

    from ecoaudit.printable import printable
    from ecoaudit.scenario import available_profiles

    found = {kind: available_profiles(kind) for kind in KINDS}
    if as_json:
        text = {
            kind: {name: str(path) for name, path in paths.items()} for kind, paths in found.items()
        }
        click.echo(json.dumps(text, indent=1))
        return
    for kind, paths in found.items():
        click.echo(kind)
        for name, path in paths.items():
            own = "" if path.is_absolute() else f"  ({path})"
            click.echo(printable(f"  {name:26} {_title(path)}{own}"))


@command.command()
@click.argument("name")
def show(name: str) -> None:
    """Print the profile NAME, with the sources of its figures.

    \b
    Example:
      ecoaudit profiles show district-hospital
    """
    from ecoaudit.printable import printable

    click.echo(printable(_find(name)[1].read_text("utf-8"), keep="\n\r\t"), nl=False)


@command.command()
@click.argument("name")
@click.option(
    "--to", default="profiles", type=click.Path(), help="Folder to copy to.", show_default=True
)
@click.option("--force", is_flag=True, help="Overwrite files that are there.")
def copy(name: str, to: str, force: bool) -> None:
    """Copy the profile NAME here, to be edited; a scenario brings its site and workload.

    \b
    Example:
      ecoaudit profiles copy urban-clinic-summaries
    """
    import shutil

    from ecoaudit.errors import UsageError

    pairs = [(source, Path(to) / kind / source.name) for kind, source in _with_parts(name)]
    for _, target in pairs:
        if target.exists() and not force:
            raise UsageError(f"{target}: exists; --force overwrites it")
    for source, target in pairs:
        target.parent.mkdir(parents=True, exist_ok=True)
        if source.resolve() != target.resolve():
            shutil.copyfile(source, target)
        click.echo(str(target))


@command.command()
@click.argument("names", nargs=-1, required=True)
def check(names: tuple[str, ...]) -> None:
    """Read profiles as ecoaudit would, and say what is wrong with file, line and key.

    Countries, regions, models and devices must be in ecoaudit's tables, as `ecoaudit plan` needs
    them to be.

    \b
    Example:
      ecoaudit profiles check my-clinic.yaml
    """
    from ecoaudit.cli.lookups import lookups
    from ecoaudit.printable import printable
    from ecoaudit.scenario import load_account, load_scenario, load_site, load_workload

    tables = lookups()
    for name in names:
        kind, path = _find(name)
        if kind == "scenarios":
            load_scenario(path, tables)
        elif kind == "sites":
            load_site(path, tables)
        elif kind == "accounts":
            load_account(path, tables)
        else:
            load_workload(path)
        article = "an" if kind == "accounts" else "a"
        click.echo(printable(f"{path}: ok, {article} {kind[:-1]}"))


@command.command()
@click.option("--tier", required=True, metavar="T0..T5", help="Kind of clinic; see below.")
@click.option("--name", help="What the clinic is called.")
@click.option(
    "-o", "--output", metavar="FILE", help="Where to write; '-' prints. Else under ./profiles."
)
@click.option(
    "--answer", "given", multiple=True, metavar="KEY=VALUE", help="An answer that is not asked for."
)
@click.option("--yes", is_flag=True, help="Ask nothing; take what is usual for the tier.")
@click.option("--force", is_flag=True, help="Overwrite a file that is there.")
def new(
    tier: str, name: str | None, output: str | None, given: tuple[str, ...], yes: bool, force: bool
) -> None:
    """Begin a scenario from a few questions in the words of a clinic.

    On a terminal it asks; elsewhere it takes the answers and, for the rest, what is usual for the
    tier, marked as assumed. `ecoaudit plan` takes the file as it is.

    \b
    T0 health post          T3 district hospital
    T1 rural clinic         T4 referral hospital
    T2 urban clinic         T5 regional node

    \b
    Keys: name, country, work, clinicians, patients, languages, hours, days,
    supply, power, energy, tariff, budget, data_may_leave

    \b
    Examples:
      ecoaudit profiles new --tier T1
      ecoaudit profiles new --tier T2 --name "Hill clinic" --answer country=KEN \\
        --answer clinicians=4 --answer "languages=en 60, am 40" -o hill.yaml
    """
    import sys

    from ecoaudit.cli.new_profile import new_profile
    from ecoaudit.errors import UsageError
    from ecoaudit.run import write_text

    pairs = [*given, *([] if name is None else [f"name={name}"])]
    asking = sys.stdin.isatty() and not yes
    path, text = new_profile(tier, pairs, None if output == "-" else output, asking, force)
    if output == "-":
        click.echo(text, nl=False)
        return
    if path.exists() and not force:  # it came while somebody answered
        raise UsageError(f"{path}: exists; --force overwrites it")
    write_text(path, text)
    click.echo(str(path))
    click.echo(f"Next: ecoaudit plan {path}", err=True)


def _find(name: str) -> tuple[str, Path]:
    """The kind and the file of a profile given by name or path."""
    from ecoaudit.errors import NotFoundError, did_you_mean
    from ecoaudit.scenario import available_profiles, find_profile

    if name.endswith((".yaml", ".yml")) or "/" in name:
        path = find_profile("scenarios", name)
        return _kind_of(path), path
    known: dict[str, tuple[str, Path]] = {}
    for kind in KINDS:
        for other, path in available_profiles(kind).items():
            known[other] = (kind, path)
    if name not in known:
        raise NotFoundError(f"no profile {name!r}; {did_you_mean(name, known)}")
    return known[name]


def _kind_of(path: Path) -> str:
    """By its folder, else by the keys that only one kind has."""
    if path.parent.name in KINDS:
        return path.parent.name
    keys = {line.partition(":")[0] for line in path.read_text("utf-8", "replace").splitlines()}
    if {"demand", "budget"} & keys:
        return "scenarios"
    if {"equipment", "electricity"} & keys:
        return "accounts"
    return "workloads" if {"prompt", "output"} & keys else "sites"


def _with_parts(name: str) -> Iterator[tuple[str, Path]]:
    """A profile, and of a scenario the site and workload that it names."""
    from ecoaudit.scenario import find_profile, load_scenario

    kind, path = _find(name)
    yield kind, path
    if kind == "scenarios":
        scenario = load_scenario(path)
        for part, each in (("sites", scenario.site.id), ("workloads", scenario.workload.id)):
            yield part, find_profile(part, each, beside=path.parent)


def _title(path: Path) -> str:
    """The profile's name for people, or the first comment."""
    for line in path.read_text("utf-8", "replace").splitlines():
        if line.startswith("name:"):
            return line.removeprefix("name:").strip()
    return ""
