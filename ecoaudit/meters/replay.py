"""Plays a recorded trace of power or energy as if it were being measured."""

from __future__ import annotations

import csv
import math
import os
from bisect import bisect_right
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path

from ecoaudit.errors import FileFormatError
from ecoaudit.estimate import Basis
from ecoaudit.measurement import BOARD, DRAM, PACKAGE, WALL, Device, Reading
from ecoaudit.run import Doubt

VARIABLE = "ECOAUDIT_REPLAY"
_COLUMNS = ("t_s", "device_id", "kind", "boundary", "power_w", "energy_j", "memory_bytes")
_KINDS = ("gpu", "cpu", "ram", "wall")
_BOUNDARIES = (BOARD, PACKAGE, DRAM, WALL)


class ReplayMeter:
    """A trace on the caller's clock: its start is the first reading.

    Between two rows the power is the earlier row's; where the file has a counter, the energy lies
    on the straight line between two rows. After the last row the last power goes on.
    """

    name = "replay"

    def __init__(self, tracks: Sequence[_Track], source: str):
        self._tracks = list(tracks)
        self._devices = [
            Device(
                id=track.device_id,
                kind=track.kind,
                boundary=track.boundary,
                name=track.device_id,
                method="replay",
                basis=Basis.MEASURED,
                source=source,
                relative_low=0.0,
                relative_high=0.0,
                details={"power_method": self.name},  # as the energy: no second path to it
            )
            for track in self._tracks
        ]
        self._first_s: float | None = None

    @classmethod
    def load(cls, path: str | os.PathLike[str]) -> ReplayMeter:
        """Read a trace: a CSV file with the columns ``t_s, device_id, kind, boundary, power_w``
        and, where they are known, ``energy_j`` (a counter) and ``memory_bytes``. Lines that start
        with ``#`` say where it is from.

        Raises:
            FileFormatError: no such file or not a trace; the message names the line.
        """
        place = Path(path)
        return cls(_read(place), f"replay of {place.name}")

    def devices(self) -> Sequence[Device]:
        return self._devices

    def read(self, now_s: float) -> Sequence[Reading]:
        if self._first_s is None:
            self._first_s = now_s
        t_s = now_s - self._first_s
        return [
            Reading(
                track.device_id,
                now_s,
                track.energy_j(t_s),
                track.power_w(t_s),
                track.memory_bytes(t_s),
            )
            for track in self._tracks
        ]

    def doubts(self) -> Sequence[Doubt]:
        return []

    def close(self) -> None:
        pass


@dataclass(slots=True)
class _Track:
    """The rows of one device; times from 0."""

    device_id: str
    kind: str
    boundary: str
    times_s: list[float] = field(default_factory=list)
    powers_w: list[float] = field(default_factory=list)
    energies_j: list[float] = field(default_factory=list)
    memories_bytes: list[float | None] = field(default_factory=list)

    def add(
        self, t_s: float, power_w: float, energy_j: float | None, memory_bytes: float | None
    ) -> None:
        """Take in a row; without a counter the energy follows from the power."""
        if energy_j is None:
            energy_j = 0.0
            if self.times_s:
                held_s = t_s - self.times_s[-1]
                energy_j = self.energies_j[-1] + self.powers_w[-1] * held_s
        self.times_s.append(t_s)
        self.powers_w.append(power_w)
        self.energies_j.append(energy_j)
        self.memories_bytes.append(memory_bytes)

    def power_w(self, t_s: float) -> float:
        return self.powers_w[self._row(t_s)]

    def memory_bytes(self, t_s: float) -> float | None:
        return self.memories_bytes[self._row(t_s)]

    def energy_j(self, t_s: float) -> float:
        """Energy from the first row to ``t_s``."""
        row = self._row(t_s)
        since_s = t_s - self.times_s[row]
        slope_w = self.powers_w[row]
        if row + 1 < len(self.times_s):
            step_s = self.times_s[row + 1] - self.times_s[row]
            slope_w = (self.energies_j[row + 1] - self.energies_j[row]) / step_s
        return self.energies_j[row] - self.energies_j[0] + slope_w * since_s

    def _row(self, t_s: float) -> int:
        return max(bisect_right(self.times_s, t_s) - 1, 0)


def _read(path: Path) -> list[_Track]:
    try:
        lines = path.read_text("utf-8-sig").splitlines()
    except FileNotFoundError:
        raise FileFormatError(f"{path}: no such file; {VARIABLE} names a trace to replay") from None
    except (OSError, UnicodeDecodeError) as error:
        raise FileFormatError(f"{path}: cannot be read ({error})") from error
    numbered = [(n, line) for n, line in enumerate(lines, 1) if line.strip() and line[0] != "#"]
    columns = next(csv.reader([numbered[0][1]]), []) if numbered else []
    missing = [name for name in _COLUMNS[:5] if name not in columns]
    unknown = [name for name in columns if name not in _COLUMNS]
    if missing or unknown:
        raise FileFormatError(
            f"{path}: expected the columns {', '.join(_COLUMNS[:5])} and, where they are known,"
            f" {', '.join(_COLUMNS[5:])}; got {', '.join(columns) or 'none'}"
        )
    tracks: dict[str, _Track] = {}
    start_s = 0.0
    for number, line in numbered[1:]:
        cells = next(csv.reader([line]))
        if len(cells) != len(columns):
            raise FileFormatError(f"{path}:{number}: expected {len(columns)} cells")
        row = dict(zip(columns, cells, strict=True))
        try:
            t_s, power_w = _number(row["t_s"]), _number(row["power_w"])
            energy_j, memory_bytes = (
                _number(row[name]) if row.get(name) else None for name in _COLUMNS[5:]
            )
        except ValueError as error:
            raise FileFormatError(f"{path}:{number}: expected a number; {error}") from None
        if row["kind"] not in _KINDS or row["boundary"] not in _BOUNDARIES:
            raise FileFormatError(
                f"{path}:{number}: expected a kind of {', '.join(_KINDS)} and a boundary of"
                f" {', '.join(_BOUNDARIES)}; got {row['kind']!r} and {row['boundary']!r}"
            )
        if not tracks:
            start_s = t_s
        key = row["device_id"]
        track = tracks.setdefault(key, _Track(key, row["kind"], row["boundary"]))
        if track.times_s and (
            t_s - start_s <= track.times_s[-1]
            or (energy_j is not None and energy_j < track.energies_j[-1])
        ):
            raise FileFormatError(f"{path}:{number}: time must rise and energy must not fall")
        if power_w < 0 or t_s < start_s:
            raise FileFormatError(f"{path}:{number}: a power or time lies below zero")
        track.add(t_s - start_s, power_w, energy_j, memory_bytes)
    if not tracks:
        raise FileFormatError(f"{path}: holds no rows")
    return list(tracks.values())


def _number(text: str) -> float:
    value = float(text)
    if not math.isfinite(value):
        raise ValueError(f"got {text!r}")
    return value
