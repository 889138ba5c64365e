"""What a run or a ledger says, in the terms that all formats share."""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import dataclass, replace
from typing import Final

from ecoaudit.estimate import Estimate
from ecoaudit.ledger import Ledger
from ecoaudit.printable import printable
from ecoaudit.run import Doubt, Run

LONGEST: Final = 300  # characters of a name or sentence that somebody gave
# A path: from the root of a file system, the home folder or a drive, at the begin of a word.
_PATH: Final = re.compile(
    r"""(?<![\w.:/~\\-])            # not amid a word, a unit or an address
        (?:file:/+|~[\w-]*[/\\]|\.{1,2}[/\\]|[A-Za-z]:[/\\]|\\\\|/(?=[\w.~-]+/|[\w-]+\.\w))
        (?:[^\s,;:'"`()<>|/\\]*[/\\])*  # its folders
        ([^\s,;:'"`()<>|/\\]*)         # its last part
    """,
    re.VERBOSE,
)
_ADDRESS: Final = re.compile(
    r"""\bhttps?://(?:[^\s/@]*@)?(?:localhost|\[[0-9a-f:.]+\]|\d{1,3}(?:\.\d{1,3}){3}|[\w-]+)
        (?::\d+)?(?=[/\s,;)]|$)[^\s,;)]*
        |\b\d{1,3}(?:\.\d{1,3}){3}(?::\d+)?\b""",
    re.VERBOSE,
)


@dataclass(frozen=True, slots=True)
class Row:
    """A figure with its name.

    Attributes:
        label: for people.
        figure: with its unit.
        name: by which the file knows it.
    """

    label: str
    figure: Estimate
    name: str


@dataclass(frozen=True, slots=True)
class Facts:
    """What all formats share.

    Attributes:
        source: the run or ledger itself, for what only one format needs.
        title: its name.
        id: its own.
        date: day on which it was measured, as 2026-11-23; empty: the file says none.
        tool: name and version of the program that made the file.
        what: what kind of figures these are, such as ``an inference run``.
        model: the model, as its makers name it; empty: the file says none.
        hardware: devices, each with its number.
        place: country or zone of the grid; empty: the file says none.
        carbon: all that is counted [kgCO2e].
        energy: electricity [kWh], with the facility's share where ``energy_with_facility``.
        energy_with_facility: whether it is in ``energy``; it is in ``carbon`` in any case.
        duration: of what was measured [s].
        intensity: of the electricity [gCO2e/kWh].
        pue: the site's energy over the equipment's.
        rows: figures that are known, for a table.
        lacking: figures that are not, and why.
        scopes: of the GHG Protocol.
        boundary: what is counted, in sentences.
        not_counted: what is not, in words.
        method: how the figures came about, in sentences.
        doubts: what weakens them.
    """

    source: Run | Ledger
    title: str
    id: str
    date: str
    tool: str
    what: str
    model: str
    hardware: tuple[str, ...]
    place: str
    carbon: Estimate
    energy: Estimate
    energy_with_facility: bool
    duration: Estimate
    intensity: Estimate
    pue: Estimate
    rows: tuple[Row, ...]
    lacking: tuple[Row, ...]
    scopes: tuple[Row, ...]
    boundary: tuple[str, ...]
    not_counted: tuple[str, ...]
    method: tuple[str, ...]
    doubts: tuple[Doubt, ...]

    @property
    def kind(self) -> str:
        """``run`` or ``ledger``."""
        return "run" if isinstance(self.source, Run) else "ledger"


def fit(figure: Estimate) -> Estimate:
    """A figure whose unit and source may be handed on."""
    return replace(figure, unit=said(figure.unit, 80), source=said(figure.source))


def split(rows: Iterable[Row]) -> tuple[tuple[Row, ...], tuple[Row, ...]]:
    """Rows that are known, and those that are not."""
    every = tuple(rows)
    return (
        tuple(row for row in every if row.figure.known),
        tuple(row for row in every if not row.figure.known),
    )


def said(text: object, longest: int = LONGEST) -> str:
    """Text of a file for a reader elsewhere: on one line, without paths and addresses, not longer
    than ``longest`` characters. What is cut ends in ``...``."""
    line = printable(" ".join(str(text)[: 8 * longest].split()))
    line = _PATH.sub(_file_of, _ADDRESS.sub("an address", line))
    return line if len(line) <= longest else f"{line[: longest - 3].rstrip()}..."


def _file_of(path: re.Match[str]) -> str:
    """A file's own name; of a folder nothing."""
    name = path[1]
    return name if "." in name.strip(".") else "a path"


def model_name(name: object) -> str:
    """A model without the folders that it lay in: a Hugging Face id has at most an owner."""
    text = str(name).strip()
    if re.match(r"[/\\~.]|[A-Za-z]:[/\\]", text) or text.count("/") > 1 or "\\" in text:
        text = re.split(r"[/\\]", text.rstrip("/\\"))[-1]
    return said(text)
