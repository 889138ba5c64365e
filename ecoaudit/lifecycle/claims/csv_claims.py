"""Claims in a CSV file: a row each, its inputs as ``a=1;b=2``.

Tables of others hold words where numbers should be; such a row says that it cannot be recomputed,
and the rest of the file still is.
"""

from __future__ import annotations

import csv
import io
from collections.abc import Iterator
from pathlib import Path
from typing import Final

from ecoaudit.errors import ProfileError, UsageError
from ecoaudit.formulas import Formula
from ecoaudit.lifecycle.claims.claim import TOLERANCE, Claim, ClaimFile, Input
from ecoaudit.lifecycle.claims.written import parse_share, parse_written

MOST_BYTES: Final = 500_000
MOST_ROWS: Final = 2_000
MOST_INPUTS: Final = 100
COLUMNS: Final = ("id", "source", "quantity", "value", "unit", "inputs", "formula")


def read_csv_claims(path: Path) -> ClaimFile:
    """The claims of a CSV file, with columns :data:`COLUMNS` and, if they are there,
    ``tolerance``, ``note``, ``kind`` and ``status``; others are left aside.

    Raises:
        ProfileError: with the line, and the column where it is one.
    """
    claims: list[Claim] = []
    seen: dict[str, int] = {}
    for line, row in _rows(path):
        claim = _claim(path, line, row)
        if claim.id in seen:
            first = f"{claim.id!r} stands in line {seen[claim.id]} already"
            raise ProfileError(first, path=path, line=line, key="id")
        seen[claim.id] = line
        claims.append(claim)
        if len(claims) > MOST_ROWS:
            raise ProfileError(f"more than {MOST_ROWS:,} rows; split it", path=path, line=line)
    if not claims:
        raise ProfileError("no rows below its heading", path=path, line=1)
    return ClaimFile(path, "", "", tuple(claims))


def _rows(path: Path) -> Iterator[tuple[int, dict[str, str]]]:
    """Each row with the line in which it begins."""
    try:
        with path.open("rb") as file:
            raw = file.read(MOST_BYTES + 1)
    except OSError as error:
        raise ProfileError(f"cannot be read ({error.strerror})", path=path) from None
    if len(raw) > MOST_BYTES:
        raise ProfileError(f"more than {MOST_BYTES:,} bytes", path=path)
    try:
        text = raw.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        line = raw.count(b"\n", 0, error.start) + 1
        raise ProfileError("not UTF-8; save the file as UTF-8", path=path, line=line) from None
    reader = csv.reader(io.StringIO(text, newline=""), strict=True)
    line = 1
    try:
        heading = [name.strip() for name in next(reader, [])]
        _check_heading(path, heading)
        line = reader.line_num + 1
        for cells in reader:
            if any(cell.strip() for cell in cells):
                if len(cells) != len(heading):
                    what = f"{len(cells)} cells under {len(heading)} columns"
                    raise ProfileError(f"{what}; quote a cell with commas", path=path, line=line)
                yield line, dict(zip(heading, cells, strict=True))
            line = reader.line_num + 1
    except csv.Error as error:
        raise ProfileError(f"not CSV ({error})", path=path, line=line) from None


def _check_heading(path: Path, heading: list[str]) -> None:
    lacking = [name for name in COLUMNS if name not in heading]
    if lacking:
        columns = f"needs the columns {', '.join(COLUMNS)}"
        raise ProfileError(f"{columns}; no {', '.join(lacking)}", path=path, line=1)
    twice = next((name for name in heading if name and heading.count(name) > 1), None)
    if twice is not None:
        raise ProfileError("this column stands twice", path=path, line=1, key=twice)


def _claim(path: Path, line: int, row: dict[str, str]) -> Claim:
    """A row; one cell that cannot be read leaves the claim open, and the reason in ``fault``."""
    faults: list[str] = []

    def fault(message: str, key: str) -> None:
        faults.append(f"line {line}: {key}: {message}")

    texts = {key: " ".join(value.split()) for key, value in row.items()}
    if not texts["id"]:
        what = "expected a short name of its own for the row"
        raise ProfileError(what, path=path, line=line, key="id")
    published, tolerance = None, TOLERANCE
    try:
        unit = texts["unit"]
        published = parse_written(texts["value"], unit) if texts["value"] else None
    except UsageError as error:
        fault(str(error), "value")
    try:
        stated = texts.get("tolerance", "")
        tolerance = parse_share(stated) if stated else TOLERANCE
    except UsageError as error:
        fault(str(error), "tolerance")
    inputs = tuple(_inputs(texts["inputs"]))
    if len(inputs) > MOST_INPUTS:
        fault(f"{len(inputs)} inputs, and {MOST_INPUTS} at most can be checked", "inputs")
    names = [each.name for each in inputs]
    twice = next((name for name in names if names.count(name) > 1), None)
    if twice is not None:
        fault(f"{twice!r} stands twice", "inputs")
    formula = _formula(texts["formula"])
    return Claim(
        id=texts["id"],
        line=line,
        quantity=texts["quantity"],
        published=published,
        inputs=inputs,
        formula=formula,
        words="" if formula is not None else texts["formula"],
        tolerance=tolerance,
        kind=texts.get("kind", ""),
        status=texts.get("status", ""),
        source=texts["source"],
        note=texts.get("note", ""),
        fault="; ".join(faults),
    )


def _formula(text: str) -> Formula | None:
    try:
        return Formula.parse(text) if text else None
    except UsageError:
        return None


def _inputs(text: str) -> Iterator[Input]:
    for part in text.split(";"):
        name, equals, value = (each.strip() for each in part.partition("="))
        if not equals:
            if name:
                yield Input(name, None, words=name)
            continue
        try:
            number = parse_written(value) if value else None
            yield Input(name, number, "" if number is None else number.unit)
        except UsageError:
            yield Input(name, None, words=value)
