"""Several models, or kinds of weights, in one ``bench``: one run each, one after the other."""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from itertools import product
from pathlib import Path
from typing import TYPE_CHECKING

import click

from ecoaudit.errors import EcoauditError, EngineError

if TYPE_CHECKING:
    from ecoaudit.run import Run

INTERRUPTED_EXIT = 130


@dataclass(frozen=True, slots=True)
class Member:
    """One run of a series.

    Attributes:
        model: as it was given; None: what the engine chooses.
        weights: ``real`` or ``random``.
        output: where its run goes; None: into the runs folder.
        earlier: a run to go on with.
    """

    model: str | None
    weights: str
    output: Path | None
    earlier: Run | None = None

    @property
    def label(self) -> str:
        """For people."""
        kind = ", random weights" if self.weights == "random" else ""
        return f"{self.model or 'the default model'}{kind}"


def series(
    models: Sequence[str | None],
    weights: Sequence[str],
    output: str | None,
    resume: bool,
    measure: Callable[[Member], Run],
) -> int:
    """Measure each model with each kind of weights; the exit code.

    One that fails does not keep the others from being measured: what went wrong is said at once and
    again at the end. Ctrl-C ends all.

    Args:
        models: one or more.
        weights: one or more kinds.
        output: a file for one run, a folder for several; None: the runs folder.
        resume: go on with the runs that are there.
        measure: measures one.
    """
    members = _members(models, weights, output)
    failures: list[str] = []
    for number, member in enumerate(members, 1):
        if len(members) > 1:
            click.echo(f"ecoaudit: {number} of {len(members)}: {member.label}", err=True)
        try:
            code = _one(member, resume, measure)
        except EngineError as error:
            if len(members) == 1:
                raise
            click.echo(f"ecoaudit: {member.label}: {error}", err=True)
            failures.append(member.label)
            continue
        if code == INTERRUPTED_EXIT:
            return code
    if failures:
        raise EcoauditError(
            f"{len(failures)} of {len(members)} were not measured: {'; '.join(failures)}; the same"
            " command with --resume tries them again"
        )
    return 0


def _one(member: Member, resume: bool, measure: Callable[[Member], Run]) -> int:

    from ecoaudit.cli.bench_table import print_bench
    from ecoaudit.run import RunStatus

    if resume:
        member = replace(member, earlier=_earlier(member.output))
    run = measure(member)
    print_bench(run, None if member.output is None else str(member.output))
    return INTERRUPTED_EXIT if run.status is RunStatus.INTERRUPTED else 0


def _earlier(output: Path | None) -> Run | None:
    """The run to go on with, if there is one; a copy stays in the runs folder."""
    from ecoaudit.journal import runs_folder
    from ecoaudit.recovery import run_at

    if output is None:
        return None
    found = run_at(output)
    if found is None:
        click.echo(f"ecoaudit: {output}: nothing is there yet; beginning anew", err=True)
        return None
    kept = found.save(runs_folder() / f"{found.id}.json")
    click.echo(f"ecoaudit: going on with {output}; a copy of it is kept as {kept}", err=True)
    return found


def _members(
    models: Sequence[str | None], weights: Sequence[str], output: str | None
) -> list[Member]:
    pairs = list(product(dict.fromkeys(models), dict.fromkeys(weights)))
    if output is None:
        return [Member(model, kind, None) for model, kind in pairs]
    place = Path(output)
    if len(pairs) == 1:
        ((model, kind),) = pairs
        return [Member(model, kind, place)]
    if place.suffix == ".json" or place.is_file():
        raise click.UsageError(f"-o {output}: several runs go into a folder, such as -o runs/")
    names = [_file_name(model, kind) for model, kind in pairs]
    twice = {name for name in names if names.count(name) > 1}
    if twice:
        raise click.UsageError(f"two models would have one file, {min(twice)}: measure them apart")
    return [
        Member(model, kind, place / name) for (model, kind), name in zip(pairs, names, strict=True)
    ]


def _file_name(model: str | None, weights: str) -> str:
    """Such as ``Qwen3-8B.json``, or ``Qwen3-8B-random.json``."""
    last = Path(model).name if model else "default"
    plain = re.sub(r"[^A-Za-z0-9._-]+", "-", last).strip("-.") or "model"
    return f"{plain}{'-random' if weights == 'random' else ''}.json"
