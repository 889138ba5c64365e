"""A log that some other program writes of any meter, fitted to the run by wall-clock time.

A CSV file with the columns ``time`` (ISO 8601, or seconds since 1970) and ``power_w`` and/or
``energy_kwh`` (a counter); other columns and lines that start with ``#`` are left alone. It is read
when the run ends, so that the logger may still write it; the clocks of both must agree.
"""

from __future__ import annotations

import csv
import math
import time
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime
from itertools import pairwise
from pathlib import Path

from ecoaudit.checks import doubt_from
from ecoaudit.errors import FileFormatError, UsageError
from ecoaudit.measurement import Device, Reading
from ecoaudit.meters.wall import WallAddress, wall_device
from ecoaudit.run import Doubt
from ecoaudit.units import J_PER_KWH

_DOUBT = 0.02
_LAST_S = 1e11  # seconds since 1970 lie below this; milliseconds above
_SHORTEST_EDGE_S = 2.0  # so much may lack at either end of the run
_GAP_ROWS = 5.0  # so many usual distances without a row are a gap
_CLOCK_S = 0.5  # by which this computer's clock may be set during a run
_FINE = 0.005  # largest share of the run's energy that a step of a counter in use may be


def open_meter_log(address: WallAddress, device_id: str) -> MeterLog:
    """Open ``csv:FILE``. The file may appear during the run; its folder must be there.

    Raises:
        UsageError: the file is there and is no log, or its folder is missing.
    """
    return MeterLog(Path(address.path), device_id)


@dataclass(frozen=True, slots=True)
class _Row:
    unix_s: float
    power_w: float | None
    energy_j: float | None


class MeterLog:
    """Gives nothing while the run goes on, and all its readings in :meth:`last_readings`.

    Args:
        path: the file.
        device_id: what the run calls the meter.
        unix: seconds since 1970; injected by tests.
    """

    name = "csv"

    def __init__(self, path: Path, device_id: str = "wall", unix: Callable[[], float] = time.time):
        self._path = path.absolute()
        self._unix = unix
        self._read: list[tuple[float, float]] = []  # first and last call: their clock, unix time
        self._doubtful: list[str] = []
        if path.exists():
            _rows(self._path, [])
        elif not self._path.parent.is_dir():
            raise UsageError(f"--wall csv:{path}: there is no folder {self._path.parent}")
        self._device = wall_device(
            device_id,
            f"log {path.name}",
            method="meter-log",
            source=f"{path.name}, a meter's log, fitted to the run by wall clock; the meter's"
            " accuracy is not in it, taken as +-2 %",
            either_way=_DOUBT,
            step_s=1.0,  # at best; between two rows the mean is all that is known
        )

    def devices(self) -> Sequence[Device]:
        return [self._device]

    def read(self, now_s: float) -> Sequence[Reading]:
        """Nothing; keeps the time of the call, for the fit."""
        self._read[1:] = [(now_s, self._unix())]
        return []

    def last_readings(self) -> Sequence[Reading]:
        """The log's readings over the run, on the recorder's clock; none if it lacks a part."""
        if not self._read:
            return []
        start_s, start_unix_s = self._read[0]
        end_s, end_unix_s = self._read[-1]
        moved_s = (end_unix_s - end_s) - (start_unix_s - start_s)
        if abs(moved_s) > _CLOCK_S:
            self._doubt(
                f"this computer's clock was set by {moved_s:+.1f} s during the run; the log is"
                " fitted by the clock at its start; run it again and leave the clock alone"
            )
        try:
            rows = _rows(self._path, self._doubtful)
        except FileFormatError as error:
            why = str(error).replace(";", ",")
            remedy = "have the logger write rows such as 2026-11-03T10:15:00+01:00,412.5"
            if not self._path.exists():
                remedy = "start the log before the run"
            self._doubtful.append(f"{why}: the energy at the plug is absent; {remedy}")
            return []
        end_unix_s = start_unix_s + (end_s - start_s)
        used = self._covering(rows, start_unix_s, end_unix_s)
        offset_s = start_unix_s - start_s
        return [
            Reading(self._device.id, t_unix_s - offset_s, power_w=power_w)
            for t_unix_s, power_w in self._powers(used)
        ]

    def doubts(self) -> Sequence[Doubt]:
        return [doubt_from("wall-log", told) for told in dict.fromkeys(self._doubtful)]

    def close(self) -> None:
        pass

    def _covering(self, rows: list[_Row], start_s: float, end_s: float) -> list[_Row]:
        """The rows of the run with one more at each end; none if they do not cover it."""
        distances = [b.unix_s - a.unix_s for a, b in pairwise(rows)]
        usual_s = sorted(distances)[len(distances) // 2] if distances else 0.0
        edge_s = max(usual_s, _SHORTEST_EDGE_S)
        before = rows[0].unix_s - start_s if rows else math.inf
        after = end_s - rows[-1].unix_s if rows else math.inf
        if len(rows) < 2 or before > edge_s or after > edge_s:
            lacks = [f"its first {before:.0f} s"] * (before > edge_s)
            lacks += [f"its last {after:.0f} s"] * (after > edge_s)
            what = " and ".join(lacks) if len(rows) > 1 else "all of it"
            if before > end_s - start_s or after > end_s - start_s:
                what = "all of it"
            self._doubt(
                f"does not cover the run: it lacks {what}, so the energy at the plug is absent;"
                " start the log before the run, end it after, and see that both clocks agree"
            )
            return []
        first = max((i for i, row in enumerate(rows) if row.unix_s <= start_s), default=0)
        last = min((i for i, row in enumerate(rows) if row.unix_s >= end_s), default=len(rows) - 1)
        used = rows[first : last + 1]
        longest_s = max(b.unix_s - a.unix_s for a, b in pairwise(used))
        if longest_s > max(_GAP_ROWS * usual_s, _SHORTEST_EDGE_S):
            self._doubt(
                f"has no row for {longest_s:.0f} s of the run; what was used meanwhile is taken"
                " from the rows around it; see why the log paused"
            )
        if usual_s > (end_s - start_s) / 10:
            self._doubt(
                f"has a row every {usual_s:.3g} s, and the run lasted {end_s - start_s:.0f} s: its"
                " edges are interpolated; run longer, or log more often"
            )
        return used

    def _powers(self, rows: list[_Row]) -> Iterable[tuple[float, float]]:
        """Power over time: the log's own, or the mean between rows where the counter is better."""
        if not rows:
            return []
        counters = [row.energy_j for row in rows if row.energy_j is not None]
        fell = any(b < a for a, b in pairwise(counters))
        powers = [(row.unix_s, row.power_w) for row in rows if row.power_w is not None]
        if fell:
            self._doubt(
                "its counter was set back during the run, and is not used; reset no meter in a run"
            )
        moves = [b - a for a, b in pairwise(counters) if b > a]
        gained_j = sum(moves)
        fine = bool(moves) and min(moves) <= _FINE * gained_j
        if len(counters) == len(rows) and not fell and (fine or len(powers) < len(rows)):
            if not fine:
                self._doubt(
                    "its counter moves in steps that are large against the run's energy; log the"
                    " power too, or run longer"
                )
            return _means(rows)
        if len(powers) < 2:
            self._doubt("holds no power and no counter that can be used for the run")
            return []
        return powers

    def _doubt(self, text: str) -> None:
        self._doubtful.append(f"{self._device.name}: {text}")


def _means(rows: list[_Row]) -> list[tuple[float, float]]:
    """The counter's mean power between each two rows, as its value at both their ends."""
    points = []
    for before, after in pairwise(rows):
        length_s = after.unix_s - before.unix_s
        mean_w = ((after.energy_j or 0.0) - (before.energy_j or 0.0)) / length_s
        hair_s = min(length_s * 1e-3, 1e-4)
        points += [(before.unix_s + hair_s, mean_w), (after.unix_s - hair_s, mean_w)]
    return points


def _rows(path: Path, doubts: list[str]) -> list[_Row]:
    """Read the log; what is doubtful but usable goes to ``doubts``.

    Raises:
        FileFormatError: no such file or no log; the message names the line.
    """
    try:
        text = path.read_text("utf-8-sig")
    except FileNotFoundError:
        raise FileFormatError(f"{path.name}: no such file") from None
    except (OSError, UnicodeDecodeError) as error:
        raise FileFormatError(f"{path.name}: cannot be read ({error})") from error
    whole = text if text.endswith("\n") else text[: text.rfind("\n") + 1]  # a line being written
    lines = [(n, line) for n, line in enumerate(whole.splitlines(), 1) if line.strip()]
    numbered = [(n, line) for n, line in lines if not line.startswith("#")]
    columns = [name.strip() for name in next(csv.reader([numbered[0][1]]))] if numbered else []
    if "time" not in columns or not {"power_w", "energy_kwh"} & set(columns):
        raise FileFormatError(
            f"{path.name}: expected the columns time and power_w and/or energy_kwh; got"
            f" {', '.join(columns) or 'none'}"
        )
    rows: list[_Row] = []
    places: list[str] = []
    bad: list[str] = []
    for number, line in numbered[1:]:
        place = f"{path.name}:{number}"
        try:
            row = _row(columns, line, place, doubts)
        except FileFormatError as error:
            bad.append(str(error))
            continue
        if rows and row.unix_s <= rows[-1].unix_s:
            # The row before is the wrong one where this follows what was before that.
            if row.unix_s == rows[-1].unix_s or (len(rows) > 1 and row.unix_s <= rows[-2].unix_s):
                bad.append(f"{place}: time must rise")
                continue
            rows.pop()
            bad.append(f"{places.pop()}: its time lies after that of the next row")
        rows.append(row)
        places.append(place)
    if bad and not rows:
        raise FileFormatError(bad[0])
    if bad:
        what = bad[0].replace(";", ",")
        doubts.append(
            f"{what}: {_rows_left_out(len(bad))}; see what the logger wrote there, and its clock"
        )
    return rows


def _rows_left_out(count: int) -> str:
    if count == 1:
        return "this row was left out"
    return f"this row and {count - 1} more were left out"


def _row(columns: list[str], line: str, place: str, doubts: list[str]) -> _Row:
    try:
        cells = dict(zip(columns, next(csv.reader([line])), strict=False))
    except csv.Error as error:
        raise FileFormatError(f"{place}: {error}") from None
    return _Row(
        _unix_s(cells.get("time", ""), place, doubts),
        _amount(cells.get("power_w", ""), 1.0, place),
        _amount(cells.get("energy_kwh", ""), J_PER_KWH, place),
    )


def _unix_s(text: str, place: str, doubts: list[str]) -> float:
    text = text.strip()
    try:
        unix_s = float(text)
    except ValueError:
        try:
            moment = datetime.fromisoformat(text)
        except ValueError:
            raise FileFormatError(
                f"{place}: time: expected 2026-11-03T10:15:00+01:00 or seconds since 1970; got"
                f" {text!r}"
            ) from None
        if moment.tzinfo is None:
            doubts.append(
                f"{place.partition(':')[0]}: its times have no offset from UTC, and are taken as"
                " this computer's local time; write the offset, as in 2026-11-03T10:15:00+01:00"
            )
        return moment.timestamp()
    if not 0 <= unix_s < _LAST_S:
        raise FileFormatError(f"{place}: time: expected seconds since 1970; got {text!r}")
    return unix_s


def _amount(text: str, unit: float, place: str) -> float | None:
    """A cell in the house unit; None when it is empty."""
    if not text.strip():
        return None
    try:
        value = float(text)
    except ValueError:
        raise FileFormatError(f"{place}: expected a number; got {text!r}") from None
    if not math.isfinite(value) or value < 0:
        raise FileFormatError(f"{place}: expected a number from 0; got {text!r}")
    return value * unit
