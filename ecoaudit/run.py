"""A finished run and its file, ``ecoaudit.run/1``: where the measuring half ends.

Format history:

* ``ecoaudit.run/1``: first version.
"""

from __future__ import annotations

import glob
import json
import math
import os
from collections.abc import Callable, Iterator
from dataclasses import asdict, dataclass, field, replace
from enum import StrEnum
from functools import cache
from pathlib import Path
from typing import Any, ClassVar

from ecoaudit.errors import FileFormatError
from ecoaudit.estimate import Estimate
from ecoaudit.measurement import Device, Measurement
from ecoaudit.quantities import Fault, data_faults, figure_faults

_NEXT = "correct it, or take the file as ecoaudit wrote it"
RUN_SCHEMA = "ecoaudit.run/1"

# In the summary these are of the whole run, though each load of a curve has its own.
OF_RUN = frozenset(
    {
        *("duration_s", "energy_j", "gpu_energy_j", "cpu_energy_j", "dram_energy_j"),
        *("peak_host_memory_bytes", "peak_gpu_memory_bytes"),
    }
)


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
    """Something that weakens a result, said beside it with its remedy.

    Attributes:
        code: of the list in ``ecoaudit.checks``.
        message: what was found, with its figures.
        remedy: what to do about it.
        load: of which load of the curve, named as in :attr:`CurvePoint.load`; None: of the run.
    """

    code: str
    message: str
    remedy: str
    load: str | None = None


def load_in_words(level: int | None, arrivals: str, rate_per_s: float | None) -> str:
    """A load in a few words: its level, or how requests came and how many in a second."""
    if level is not None:
        return str(level)
    return arrivals if rate_per_s is None else f"{arrivals}, {rate_per_s:g} requests/s"


@dataclass(frozen=True, slots=True)
class CurvePoint:
    """One load of an inference run: the same names as ``summary``, for each kind of window.

    Attributes:
        level: requests in flight, in a closed loop; None in an open one.
        whole_run: first send to last finish.
        steady: the steady part; empty where there is none or it was too short, see the doubts.
        arrivals: how requests came.
        rate_per_s: mean arrivals in a second, in an open loop that has such a rate.
    """

    __pydantic_config__: ClassVar = {"extra": "forbid"}

    level: int | None
    whole_run: dict[str, Estimate]
    steady: dict[str, Estimate] = field(default_factory=dict)
    arrivals: str = "closed loop"
    rate_per_s: float | None = None

    def of_load(self, level: int | None, arrivals: str, rate_per_s: float | None) -> bool:
        """Whether it is the point of this load."""
        return (self.level, self.arrivals, self.rate_per_s) == (level, arrivals, rate_per_s)

    @property
    def load(self) -> str:
        """What was driven, in a few words."""
        return load_in_words(self.level, self.arrivals, self.rate_per_s)

    @property
    def title(self) -> str:
        """The same for people."""
        return self.load if self.level is None else f"level {self.level}"

    @property
    def figures(self) -> dict[str, Estimate]:
        """Those of the steady part, else those of the whole of it."""
        return self.steady or self.whole_run


@dataclass(frozen=True, slots=True)
class Run:
    """One measured run. Field names are those of the file; see ``ecoaudit schema run``.

    ``summary`` holds the quantities of ``../docs/numbers.md`` by name; one that could not be had
    is there as an absent Estimate whose source says why, or not there when it does not apply.
    """

    __pydantic_config__: ClassVar = {"extra": "forbid", "allow_inf_nan": False}

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

    @property
    def summary_point(self) -> CurvePoint | None:
        """The load of whose figures the summary speaks; None where there is none, or none said."""
        said = self.settings.get("summary")
        if not isinstance(said, dict):
            return None
        load = said.get("load", said.get("level"))
        return next((point for point in self.curve if point.load == str(load)), None)

    def load_of(self, name: str) -> str | None:
        """Of which load a figure of the summary is; None: of the whole run."""
        point = self.summary_point
        if point is None or name in OF_RUN or name not in point.figures:
            return None
        return point.load

    def to_json(self) -> str:
        """The text of the run's file."""
        return json.dumps(asdict(self), indent=1, ensure_ascii=False, allow_nan=False) + "\n"

    def save(self, path: str | os.PathLike[str]) -> Path:
        """Write the run to ``path``, whole or not at all. Missing folders are made."""
        return write_text(path, self.to_json())


def load_run(path: str | os.PathLike[str]) -> Run:
    """Read a run file.

    Raises:
        FileFormatError: no such file, no JSON, not a run, or one whose figures cannot be; the
            message names the place in it.
    """
    run: Run = load_json(path, Run, RUN_SCHEMA, "run", _faults)
    return replace(run, doubts=[_with_load(said, run.curve) for said in run.doubts])


def _with_load(said: Doubt, curve: list[CurvePoint]) -> Doubt:
    """A doubt with its load, which files from before that field have in its message alone."""
    if said.load is None:
        for point in curve:
            if said.message.startswith((f"{point.title}: ", f"{point.title}, time ")):
                return replace(said, load=point.load)
    return said


def _faults(run: Run) -> Iterator[Fault]:
    """What no run of ecoaudit's holds: it was edited since."""
    if run.duration_s < 0:
        yield "duration_s", f"expected 0 s or more; got {run.duration_s:g}"
    yield from _twice([device.id for device in run.devices], "devices")
    yield from figure_faults(run.summary, "summary")
    for place, window in enumerate(run.windows):
        at = f"windows.{place}"
        if not math.isfinite(window.start_s):
            yield f"{at}.start_s", f"expected a finite number; got {window.start_s}"
        if not 0 <= window.duration_s < math.inf:
            yield f"{at}.duration_s", f"expected 0 s or more; got {window.duration_s:g}"
        yield from _twice([device.id for device in window.devices], f"{at}.devices")
        for number, device in enumerate(window.devices):
            energies = {"energy_j": device.energy_j}
            yield from figure_faults(energies, f"{at}.devices.{number}")
        yield from figure_faults(window.quantities, f"{at}.quantities")
    for place, point in enumerate(run.curve):
        if point.level is not None and point.level < 1:
            yield f"curve.{place}.level", f"expected 1 or more; got {point.level}"
        yield from figure_faults(point.whole_run, f"curve.{place}.whole_run")
        yield from figure_faults(point.steady, f"curve.{place}.steady")
    for name in ("environment", "scenario", "settings"):
        yield from data_faults(getattr(run, name), name)


def _twice(ids: list[str], at: str) -> Iterator[Fault]:
    seen: set[str] = set()
    for place, each in enumerate(ids):
        if each in seen:
            yield f"{at}.{place}.id", f"{each!r} stands here twice, and would count twice"
        seen.add(each)


def load_json(
    path: str | os.PathLike[str],
    kind: type[Any],
    schema: str,
    noun: str,
    faults: Callable[[Any], Iterator[Fault]],
) -> Any:
    """Read a JSON file into the dataclass ``kind``, checking ``schema`` and every field.

    Args:
        path: the file.
        kind: what it holds.
        schema: what its key ``schema`` must say.
        noun: what such a file is called.
        faults: what the fields say that cannot be.

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
    record = validated(data, kind, place)
    for where, said in faults(record):
        raise FileFormatError(f"{place}: {where}: {said}; {_NEXT}")
    return record


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
    except IsADirectoryError:
        raise FileFormatError(f"{place}: cannot be read: it is a folder") from None
    except UnicodeDecodeError as error:
        said = f"not UTF-8 at byte {error.start}; save the file as UTF-8"
        raise FileFormatError(f"{place}: cannot be read: {said}") from None
    except OSError as error:
        raise FileFormatError(f"{place}: cannot be read ({error})") from error
    except json.JSONDecodeError as error:
        raise FileFormatError(f"{place}:{error.lineno}: not JSON ({error.msg})") from error
    except RecursionError:
        raise FileFormatError(f"{place}: nested too deeply to be a file of ecoaudit") from None


def validated(data: object, kind: type[Any], place: Path) -> Any:
    """``data`` as the dataclass ``kind``; pydantic checks it here, once, where it enters."""
    from pydantic import ValidationError

    try:
        return _adapter(kind).validate_python(data)  # type: ignore[arg-type]  # it is hashable
    except ValidationError as error:
        first = error.errors()[0]
        where = ".".join(str(part) for part in first["loc"]) or "top level"
        said = first["msg"].removeprefix("Value error, ")
        raise FileFormatError(f"{place}: {where}: {said}; {_NEXT}") from error


@cache
def _adapter(kind: Any) -> Any:
    from pydantic import TypeAdapter

    return TypeAdapter(kind)


def drop_leftovers(path: Path) -> None:
    """Remove what a kill amid :func:`write_text` left beside ``path``."""
    target = path.resolve()
    for left in target.parent.glob(f".{glob.escape(target.name)}.{'[a-z0-9_]' * 8}"):
        left.unlink(missing_ok=True)


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
    except BaseException:  # Ctrl-C too: half a file goes
        Path(temporary).unlink(missing_ok=True)
        raise
    return place
