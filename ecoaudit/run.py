"""A finished run and its file, ``ecoaudit.run/1``: where the measuring half ends.

Format history:

* ``ecoaudit.run/1``: first version.
"""

from __future__ import annotations

import json
import os
from dataclasses import asdict, dataclass, field
from enum import StrEnum
from pathlib import Path
from typing import Any, ClassVar

from ecoaudit.errors import FileFormatError
from ecoaudit.estimate import Estimate
from ecoaudit.measurement import Device, Measurement

RUN_SCHEMA = "ecoaudit.run/1"


class RunKind(StrEnum):
    """What was measured."""

    COMMAND = "command"
    TRAINING = "training"
    INFERENCE = "inference"


class RunStatus(StrEnum):
    """How the run ended."""

    COMPLETE = "complete"
    FAILED = "failed"
    INTERRUPTED = "interrupted"
    RECOVERED = "recovered"


@dataclass(frozen=True, slots=True)
class Doubt:
    """Something that weakens a result, said beside it with its remedy."""

    code: str
    message: str
    remedy: str


@dataclass(frozen=True, slots=True)
class CurvePoint:
    """One level of an inference run: the same names as ``summary``, for each kind of window.

    Attributes:
        level: requests in flight (closed loop).
        whole_run: first send to last finish.
        steady: the part with all slots busy; empty when it was too short, see the run's doubts.
    """

    __pydantic_config__: ClassVar = {"extra": "forbid"}

    level: int
    whole_run: dict[str, Estimate]
    steady: dict[str, Estimate] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Run:
    """One measured run. Field names are those of the file; see ``ecoaudit schema run``.

    ``summary`` holds the quantities of ``../docs/numbers.md`` by name; one that could not be had
    is there as an absent Estimate whose source says why, or not there when it does not apply.
    """

    __pydantic_config__: ClassVar = {"extra": "forbid"}

    id: str
    kind: RunKind
    name: str
    status: RunStatus
    started_at: str
    duration_s: float
    schema: str = RUN_SCHEMA
    environment: dict[str, Any] = field(default_factory=dict)
    devices: list[Device] = field(default_factory=list)
    scenario: dict[str, Any] | None = None
    settings: dict[str, Any] = field(default_factory=dict)
    windows: list[Measurement] = field(default_factory=list)
    curve: list[CurvePoint] = field(default_factory=list)
    doubts: list[Doubt] = field(default_factory=list)
    summary: dict[str, Estimate] = field(default_factory=dict)

    def to_json(self) -> str:
        """The text of the run's file."""
        return json.dumps(asdict(self), indent=1, ensure_ascii=False, allow_nan=False) + "\n"

    def save(self, path: str | os.PathLike[str]) -> Path:
        """Write the run to ``path``, whole or not at all. Missing folders are made."""
        return write_text(path, self.to_json())


def load_run(path: str | os.PathLike[str]) -> Run:
    """Read a run file.

    Raises:
        FileFormatError: no such file, no JSON, or not a run; the message names the place in it.
    """
    run: Run = load_json(path, Run, RUN_SCHEMA, "run")
    return run


def load_json(path: str | os.PathLike[str], kind: type[Any], schema: str, noun: str) -> Any:
    """Read a JSON file into the dataclass ``kind``, checking ``schema`` and every field.

    Raises:
        FileFormatError: the file cannot be used; one sentence with the place.
    """
    place = Path(path)
    data = read_json(place)
    found = data.get("schema") if isinstance(data, dict) else None
    if found != schema:
        raise FileFormatError(
            f"{place}: expected a {noun} file with schema {schema!r}, found {found!r}"
        )
    return validated(data, kind, place)


def read_json(path: str | os.PathLike[str]) -> Any:
    """What a JSON file holds.

    Raises:
        FileFormatError: no such file, or no JSON; one sentence with the place.
    """
    place = Path(path)
    try:
        return json.loads(place.read_text("utf-8"))
    except FileNotFoundError:
        raise FileFormatError(f"{place}: no such file") from None
    except (OSError, UnicodeDecodeError) as error:
        raise FileFormatError(f"{place}: cannot be read ({error})") from error
    except json.JSONDecodeError as error:
        raise FileFormatError(f"{place}:{error.lineno}: not JSON ({error.msg})") from error
    except RecursionError:
        raise FileFormatError(f"{place}: nested too deeply to be a file of ecoaudit") from None


def validated(data: object, kind: type[Any], place: Path) -> Any:
    """``data`` as the dataclass ``kind``; pydantic checks it here, once, where it enters."""
    from pydantic import TypeAdapter, ValidationError

    try:
        return TypeAdapter(kind).validate_python(data)
    except ValidationError as error:
        first = error.errors()[0]
        where = ".".join(str(part) for part in first["loc"]) or "top level"
        raise FileFormatError(f"{place}: {where}: {first['msg']}") from error


def write_text(path: str | os.PathLike[str], text: str) -> Path:
    """Write ``text`` to ``path`` so that a crash leaves the old file or the new, never half.

    A link is followed. What is no regular file (a pipe, ``/dev/stdout``) is written as it stands.
    """
    import tempfile

    place = Path(path)
    target = place.resolve()
    if target.exists() and not target.is_file():
        target.write_text(text, encoding="utf-8", errors="backslashreplace")
        return place
    target.parent.mkdir(parents=True, exist_ok=True)
    handle, temporary = tempfile.mkstemp(dir=target.parent, prefix=f".{target.name}.")
    try:
        with os.fdopen(handle, "w", encoding="utf-8", errors="backslashreplace") as file:
            file.write(text)
            file.flush()
            os.fsync(file.fileno())
        mask = os.umask(0)
        os.umask(mask)
        Path(temporary).chmod(0o666 & ~mask)
        Path(temporary).replace(target)
    except BaseException:
        Path(temporary).unlink(missing_ok=True)
        raise
    return place
