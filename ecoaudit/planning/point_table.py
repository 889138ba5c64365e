"""Tables of operating points: rows asked, rows answered; a row that cannot be computed says why."""

from __future__ import annotations

import csv
import io
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from ecoaudit.errors import EcoauditError, FileFormatError, UsageError, did_you_mean
from ecoaudit.factors.hardware import Device, find_device
from ecoaudit.factors.model_config import read
from ecoaudit.factors.models import Model, find_model
from ecoaudit.factors.weight_format import weight_format
from ecoaudit.sizing.point import FIGURES, Point, PointFigures, figures_of

DEFAULTS: Final = {
    "n_gpus": "1",
    "weights": "",
    "concurrency": "1",
    "input_tokens": "1000",
    "output_tokens": "200",
}
"""What an empty cell or a column left out stands for; weights: as published, else bf16."""
REQUIRED: Final = ("model", "gpu")
COLUMNS: Final = (
    "fits",
    *(name + end for name in FIGURES for end in ("", "_low", "_high")),
    "basis",
    "error",
)
_MOST: Final = 1_000_000_000  # of requests in flight, or tokens
_ALIASES: Final = {"bfloat16": "bf16", "float16": "fp16", "awq": "int4", "gptq": "int4"}


@dataclass(frozen=True, slots=True)
class Answered:
    """A row of a table of points.

    Attributes:
        asked: its cells as they were given.
        point: what they mean; None where they cannot be read.
        figures: what it comes to; None where it cannot be computed.
        error: why not; empty where it can.
    """

    asked: dict[str, str]
    point: Point | None
    figures: PointFigures | None
    error: str = ""

    @property
    def used(self) -> dict[str, str]:
        """Its cells, with the default that stood in for one that was empty or left out."""
        if self.point is None:
            return self.asked
        defaults = DEFAULTS | {"weights": self.point.weights}
        stand_in = {name: text for name, text in defaults.items() if not self.asked.get(name)}
        return self.asked | stand_in

    def cells(self) -> dict[str, str]:
        """The row with the columns of ``COLUMNS`` added."""
        added = dict.fromkeys(COLUMNS, "")
        added["error"] = self.error
        if self.figures is not None:
            added |= {"fits": "yes" if self.figures.fits else "no", "basis": self.figures.trust}
            lacking = []
            for name, figure in self.figures.figures.items():
                if figure.known:
                    ends = zip(("", "_low", "_high"), figure.numbers, strict=True)
                    added |= {name + end: f"{number:.6g}" for end, number in ends}
                else:
                    lacking.append(figure.source)
            added["error"] = "; ".join(dict.fromkeys(lacking))
        return self.used | added


@dataclass(frozen=True, slots=True)
class Asked:
    """A row as a table has it.

    Attributes:
        cells: by column.
        fault: why it cannot be read; empty where it can.
    """

    cells: dict[str, str]
    fault: str = ""


def answer(asked: Mapping[str, str], calibrated: Mapping[str, Device] | None = None) -> Answered:
    """The figures of one row; never an error of its own.

    Args:
        asked: its cells by column.
        calibrated: devices as the user's calibrations say, by name.
    """
    row = {name: (text or "").strip() for name, text in asked.items()}
    point = None
    try:
        point = point_of(row, calibrated or {})
        return Answered(row, point, figures_of(point))
    except EcoauditError as error:
        return Answered(row, point, None, str(error))


def point_of(row: Mapping[str, str], calibrated: Mapping[str, Device]) -> Point:
    """A point from the texts of its cells.

    Raises:
        UsageError: a cell is missing or no number.
        NotFoundError: no table holds the model, device or weight format.
    """
    for name in REQUIRED:
        if not row.get(name):
            raise UsageError(f"{name}: it is empty; name a {name}")
    said = DEFAULTS | {name: text for name, text in row.items() if text}
    model = model_of(said["model"])
    weights = said["weights"].lower() or model.shipped or "bf16"
    devices = _number(said, "n_gpus")
    if devices != int(devices):
        raise UsageError(f"n_gpus: expected a whole number; got {said['n_gpus']!r}")
    point = Point(
        model,
        _device(said["gpu"], calibrated),
        weight_format(_ALIASES.get(weights, weights), "weights"),
        int(devices),
        _number(said, "concurrency"),
        _number(said, "input_tokens"),
        _number(said, "output_tokens"),
    )
    length, most = point.input_tokens + point.output_tokens, model.context_tokens
    if most is not None and length > most:
        raise UsageError(
            f"input_tokens, output_tokens: {length:,.0f} tokens together are beyond the context of"
            f" {model.name}, {most:,}; shorten them"
        )
    return point


def _device(name: str, calibrated: Mapping[str, Device]) -> Device:
    """A calibrated device by its own name, or one of the table, as calibrated if it was."""
    if name in calibrated:
        return calibrated[name]
    device = find_device(name)
    return calibrated.get(device.name, device)


def model_of(name: str) -> Model:
    """A model of the table, or one that a ``config.json`` describes."""
    return read(Path(name)) if name.endswith(".json") else find_model(name)


def _number(row: Mapping[str, str], name: str) -> float:
    try:
        found = float(row[name].replace(",", ""))
    except ValueError:
        raise UsageError(f"{name}: expected a number; got {row[name]!r}") from None
    if not 0 < found < _MOST:
        bound = f"expected a number above 0 and below {_MOST:,}"
        raise UsageError(f"{name}: {bound}; got {row[name]!r}")
    return found


def read_rows(path: Path) -> list[Asked]:
    """The rows of a CSV file; one with more cells than columns says so in its place.

    Raises:
        FileFormatError: it cannot be read, lacks a column that is needed, or has no row.
    """
    try:
        text = path.read_text("utf-8-sig")
    except (OSError, UnicodeDecodeError) as error:
        why = getattr(error, "strerror", None) or "it is not text in UTF-8"
        raise FileFormatError(f"{path}: cannot be read: {why}") from None
    try:
        reader = csv.DictReader(io.StringIO(text, newline=""), strict=True)
        header = [(name or "").strip() for name in reader.fieldnames or []]
        reader.fieldnames = header
        known = (*REQUIRED, *DEFAULTS)
        if not any(header):
            raise FileFormatError(f"{path}: the table is empty")
        for name in REQUIRED:
            if name not in header:
                near = did_you_mean(name, header)
                raise FileFormatError(f"{path}:1: it has no column {name!r}; {near}")
        twice = [name for name in known if header.count(name) > 1]
        if twice:
            raise FileFormatError(f"{path}:1: the column {twice[0]!r} stands there twice")
        rows = [_asked(row, len(header)) for row in reader]
        if not rows:
            raise FileFormatError(f"{path}: the table is empty")
        return rows
    except csv.Error as error:
        raise FileFormatError(f"{path}: not a CSV file: {error}") from None


def _asked(row: Mapping[str | None, str | list[str] | None], columns: int) -> Asked:
    cells = {
        name: text for name, text in row.items() if isinstance(name, str) and isinstance(text, str)
    }
    beyond = row.get(None)
    fault = f"{columns + len(beyond)} cells, {columns} columns" if beyond else ""
    return Asked(cells, fault)


def written(rows: Iterable[Answered]) -> str:
    """The table with its answers, as CSV."""
    lines = [row.cells() for row in rows]
    header = list(dict.fromkeys(name for line in lines for name in line))
    tail = [name for name in header if name in COLUMNS]
    header = [name for name in header if name not in COLUMNS] + tail
    out = io.StringIO(newline="")
    writer = csv.DictWriter(out, header or [*REQUIRED, *COLUMNS], lineterminator="\n")
    writer.writeheader()
    writer.writerows(lines)
    return out.getvalue()


def answered(
    rows: Iterable[Asked], calibrated: Mapping[str, Device] | None = None
) -> Iterator[Answered]:
    """Each row answered, in its place."""
    return (
        Answered(row.cells, None, None, row.fault) if row.fault else answer(row.cells, calibrated)
        for row in rows
    )
