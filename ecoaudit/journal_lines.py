"""A recording as lines of its journal, and back: what :func:`recover` needs after a kill."""

from __future__ import annotations

from dataclasses import asdict
from pathlib import Path
from typing import Any

from ecoaudit.errors import FileFormatError
from ecoaudit.estimate import Estimate
from ecoaudit.factors.grid import GridFactor
from ecoaudit.journal import read_journal
from ecoaudit.measurement import Device, Reading
from ecoaudit.recording import Recording, Window
from ecoaudit.run import CurvePoint, Doubt, Run, RunKind, RunStatus, validated

Noted = Window | Doubt | CurvePoint | dict[str, Any]


class NothingRecordedError(FileFormatError):
    """A journal that ends before the first reading."""


def recover(journal: Path) -> tuple[Run, str | None]:
    """The run of a journal that a kill left behind, and the output file it was meant for.

    Raises:
        NothingRecordedError: it ends before the first reading.
        FileFormatError: not a journal.
    """
    try:
        return _replayed(journal)
    except (KeyError, TypeError, ValueError, AttributeError) as error:
        raise FileFormatError(
            f"{journal}: not a journal of this version of ecoaudit ({error!r})"
        ) from error


def _replayed(journal: Path) -> tuple[Run, str | None]:
    recording: Recording | None = None
    last_s = 0.0
    opened: dict[int, Window] = {}
    for line in read_journal(journal):
        kind = line.pop("is")
        if kind == "header":
            recording = _from_header(line, journal)
            last_s = recording.start_s
        elif recording is None:
            raise FileFormatError(f"{journal}: the first line is no header")
        elif kind == "environment":
            recording.environment = line["environment"]
        elif kind == "readings":
            last_s = max(last_s, line["t"])
            for device_id, *values, late_s in line["r"]:
                reading = Reading(device_id, line["t"] + late_s, *values)
                recording.traces[device_id].add(reading)
        elif kind == "host":
            recording.host_memory.append((line["t"], line["bytes"]))
        elif kind == "open":
            window = Window(line["name"], line["path"], line["t"])
            opened[line["n"]] = window
            recording.windows.append(window)
            last_s = max(last_s, line["t"])
        elif kind == "close":
            opened[line["n"]].end_s = line["t"]
            counted = validated(line.get("quantities", {}), dict[str, Estimate], journal)
            opened[line["n"]].quantities.update(counted)
            last_s = max(last_s, line["t"])
        elif kind == "doubt":
            recording.add_doubt(Doubt(**line))
        elif kind == "point":
            recording.add_point(validated(line, CurvePoint, journal))
        elif kind == "settings":
            recording.settings = line["settings"]
    if recording is None:
        raise NothingRecordedError(
            f"{journal}: the program was killed before the first reading; nothing was recorded,"
            " and the journal is removed"
        )
    recording.doubt(
        "recovered",
        "the run was killed; it ends at the last reading in its journal: at most a second before"
        " the kill, or earlier, where the disk was full and what followed could not be written",
    )
    return recording.to_run(RunStatus.RECOVERED, last_s), recording.output


def header_of(recording: Recording) -> dict[str, Any]:
    """The journal's header line: what :func:`recover` needs to make the Recording again."""
    return {
        "id": recording.id,
        "name": recording.name,
        "kind": recording.kind,
        "started_at": recording.started_at,
        "start_s": recording.start_s,
        "grid": asdict(recording.grid),
        "pue": None if recording.pue is None else asdict(recording.pue),
        "scenario": recording.scenario,
        "settings": recording.settings,
        "output": recording.output,
        "devices": [asdict(trace.device) for trace in recording.traces.values()],
    }


def row_of(reading: Reading, call_s: float) -> list[str | float | None]:
    """A reading as the journal keeps it, with how much later than the call it was."""
    late_s = reading.t_s - call_s
    return [reading.device_id, reading.energy_j, reading.power_w, reading.memory_bytes, late_s]


def line_of(kind: str, what: Noted) -> dict[str, Any]:
    """Something as the journal keeps it: an edge of a window (``open``, ``close``), a ``doubt``, a
    ``point`` of the curve, or the ``settings``."""
    if isinstance(what, dict):
        return {"settings": what}
    if isinstance(what, (Doubt, CurvePoint)):
        return asdict(what)
    if kind == "open":
        return {"n": id(what), "name": what.name, "path": what.path, "t": what.start_s}
    closed: dict[str, Any] = {"n": id(what), "t": what.end_s}
    if what.quantities:
        closed["quantities"] = {name: asdict(counted) for name, counted in what.quantities.items()}
    return closed


def _from_header(line: dict[str, Any], journal: Path) -> Recording:
    recording = Recording(
        id=line["id"],
        name=line["name"],
        kind=RunKind(line["kind"]),
        started_at=line["started_at"],
        start_s=line["start_s"],
        grid=validated(line["grid"], GridFactor, journal),
        pue=None if line["pue"] is None else validated(line["pue"], Estimate, journal),
        scenario=line["scenario"],
        settings=line["settings"],
        output=line["output"],
    )
    recording.watch(validated(line["devices"], list[Device], journal))
    return recording
