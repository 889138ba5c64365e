"""What every report format offers, and what it is given."""

from __future__ import annotations

import shlex
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol

from ecoaudit.errors import FileFormatError, UsageError
from ecoaudit.ledger import LEDGER_SCHEMA, Ledger, load_ledger
from ecoaudit.plan import PLAN_SCHEMA, Plan, load_plan
from ecoaudit.run import RUN_SCHEMA, Run, load_run, read_json


@dataclass(frozen=True, slots=True)
class Content:
    """What a report is about: a plan with the runs behind it, runs alone, or one ledger.

    Attributes:
        plan: at most one.
        runs: in the order given.
        ledger: alone, where there is one.
        command: the command that makes this report, for its footer; paths as file names only.
    """

    plan: Plan | None = None
    runs: tuple[Run, ...] = ()
    command: str = ""
    ledger: Ledger | None = None


class Reporter(Protocol):
    """Writes content in one format. Same content, same text, byte for byte."""

    suffix: str

    def render(self, content: Content) -> str:
        """The text of the report.

        Raises:
            UsageError: this format cannot hold this content.
        """
        ...


def load_content(paths: Sequence[str | Path], command: str = "") -> Content:
    """Read plan, run and ledger files; which is which stands in each file's ``schema``.

    Raises:
        FileFormatError: a file that cannot be read or is none of them.
        UsageError: no file, more than one plan, or a ledger with anything else.
    """
    plans: list[Plan] = []
    runs: list[Run] = []
    ledgers: list[Ledger] = []
    for path in paths:
        data = read_json(path)
        schema = data.get("schema") if isinstance(data, dict) else None
        if schema == PLAN_SCHEMA:
            plans.append(load_plan(path))
        elif schema == RUN_SCHEMA:
            runs.append(load_run(path))
        elif schema == LEDGER_SCHEMA:
            ledgers.append(load_ledger(path))
        else:
            known = ", ".join(map(repr, (PLAN_SCHEMA, RUN_SCHEMA, LEDGER_SCHEMA)))
            raise FileFormatError(
                f"{path}: expected a plan, run or ledger file (schema {known}), found {schema!r}"
            )
    if ledgers:
        if len(paths) > 1:
            raise UsageError(
                "a report holds one ledger and nothing else; write one for each file, or compare"
                " ledgers with `ecoaudit lifecycle`"
            )
        return Content(command=command, ledger=ledgers[0])
    if len(plans) > 1:
        raise UsageError(f"a report holds one plan, got {len(plans)}; write one report for each")
    if not plans and not runs:
        raise UsageError("a report needs a plan, a run or a ledger file")
    return Content(plans[0] if plans else None, tuple(runs), command)


def command_line(files: Sequence[str | Path], output: str | Path) -> str:
    """The command that makes a report, with file names instead of paths, so that a report that is
    made again elsewhere is the same."""
    names = [shlex.quote(Path(file).name) for file in files]
    return f"ecoaudit report {' '.join(names)} -o {shlex.quote(Path(output).name)}"
