"""What every format offers, and what it is given."""

from __future__ import annotations

from pathlib import Path
from typing import Final, Protocol

from ecoaudit.citing.facts import Facts
from ecoaudit.citing.ledger_facts import facts_of_ledger
from ecoaudit.citing.run_facts import facts_of_run
from ecoaudit.errors import FileFormatError, UsageError
from ecoaudit.ledger import LEDGER_SCHEMA, load_ledger
from ecoaudit.plan import PLAN_SCHEMA
from ecoaudit.run import RUN_SCHEMA, load_run, read_json

RUN: Final = "run"
LEDGER: Final = "ledger"
BOTH: Final = frozenset({RUN, LEDGER})


class Citer(Protocol):
    """Writes what a file says in one format. Same file, same text, byte for byte.

    Attributes:
        name: as in ``cite --as NAME``.
        what: what it is, in a few words.
        holds: the kinds of file whose figures it has a place for.
        instead: what to take for a kind that it does not hold.
    """

    name: str
    what: str
    holds: frozenset[str]
    instead: str

    def render(self, facts: Facts) -> str:
        """The text, with a new line at its end.

        Raises:
            UsageError: the format asks for a figure that the file does not have.
        """
        ...


def load_facts(path: str | Path) -> Facts:
    """What a run or ledger file says.

    Raises:
        FileFormatError: it cannot be read, or is neither.
        UsageError: it is a plan.
    """
    data = read_json(path)
    schema = data.get("schema") if isinstance(data, dict) else None
    if schema == RUN_SCHEMA:
        return facts_of_run(load_run(path))
    if schema == LEDGER_SCHEMA:
        return facts_of_ledger(load_ledger(path))
    if schema == PLAN_SCHEMA:
        name = Path(path).name
        raise UsageError(
            f"{path}: a plan is what might be, and is not cited; account for one of its options"
            f" first: `ecoaudit lifecycle {name} -o ledger.json`"
        )
    raise FileFormatError(
        f"{path}: expected a run or ledger file (schema {RUN_SCHEMA!r} or {LEDGER_SCHEMA!r}), "
        f"found {schema!r}"
    )


def cite(facts: Facts, citer: Citer) -> str:
    """The text of a file in a format.

    Raises:
        UsageError: the format has no place for such a file, or asks for what it does not have.
    """
    if facts.kind not in citer.holds:
        raise UsageError(f"--as {citer.name} has no place for a {facts.kind}: {citer.instead}")
    return citer.render(facts)
