"""The loads of one setup as one run."""

from __future__ import annotations

import hashlib
import math
from collections.abc import Iterator, Sequence
from dataclasses import asdict, replace
from typing import Any, Final

from ecoaudit import __version__
from ecoaudit.checks import doubt
from ecoaudit.errors import UsageError
from ecoaudit.estimate import Basis, Estimate, total
from ecoaudit.importers.base import UNSAID, Importer, Level, Setup
from ecoaudit.importers.reading import Document
from ecoaudit.importers.saying import Said, setup_doubts
from ecoaudit.measurement import BOARD, Device
from ecoaudit.run import CurvePoint, Doubt, Run, RunKind, RunStatus

_OF_RUN: Final = ("duration_s", "gpu_energy_j")  # of the whole run, not of one load
_UNEVEN: Final = 0.1  # between the mean lengths of loads, unsaid


def joined(
    levels: Sequence[Level],
    importer: Importer,
    documents: Sequence[Document],
    said: Said,
    name: str | None,
) -> Run:
    """A run of loads that one setup served.

    Args:
        levels: all of the same setup; at least one.
        importer: what read them.
        documents: the files they are from.
        said: what the user says.
        name: of the run; None makes one.

    Raises:
        UsageError: two of them are of the same load.
    """
    ordered = sorted(levels, key=lambda each: (each.level or math.inf, each.rate_per_s or 0.0))
    _no_load_twice(ordered)
    setup = ordered[0].setup
    curve = [
        CurvePoint(
            each.level, each.whole_run, each.steady, each.arrivals or UNSAID, each.rate_per_s
        )
        for each in ordered
    ]
    durations = [each.duration_s for each in ordered if each.duration_s is not None]
    chosen = curve[0].steady or curve[0].whole_run
    started = min((each.started_at for each in ordered if each.started_at), default=None)
    return Run(
        id=_id(documents, ordered, said),
        kind=RunKind.INFERENCE,
        name=name or f"{setup.model}, imported from {importer.tool}",
        status=RunStatus.COMPLETE,
        started_at=started or UNSAID,
        duration_s=sum(durations),
        devices=_devices(ordered),
        scenario={"workload": {"id": setup.workload or "imported"}},
        settings=_settings(ordered, importer, documents, said),
        curve=curve,
        doubts=list(_doubts(ordered, importer, said)),
        summary={
            "duration_s": _duration(durations, len(ordered), importer.tool),
            **_board_energy(curve),
            **{key: figure for key, figure in chosen.items() if key not in _OF_RUN},
        },
    )


def _no_load_twice(ordered: Sequence[Level]) -> None:
    seen: dict[str, str] = {}
    for each in ordered:
        if each.load in seen:
            raise UsageError(
                f"{each.place}: its load ({each.load}) is that of {seen[each.load]} too; import"
                " repeats as runs of their own"
            )
        seen[each.load] = each.place


def _id(documents: Sequence[Document], ordered: Sequence[Level], said: Said) -> str:
    """The same files, read in the same way, give the same run."""
    parts = [document.sha256 for document in documents]
    parts += [f"{each.place.rpartition('/')[2]} {each.load}" for each in ordered]
    parts += [f"{key}={value}" for key, value in said.items()]
    return f"import-{hashlib.sha256(repr(parts).encode()).hexdigest()[:12]}"


def _duration(durations: Sequence[float], loads: int, tool: str) -> Estimate:
    if len(durations) < loads:
        return Estimate.absent("s", f"{tool} does not say how long it took")
    source = f"{tool}, the loads added up"
    return Estimate.exact(sum(durations), "s", Basis.MEASURED, source)


def _board_energy(curve: Sequence[CurvePoint]) -> dict[str, Estimate]:
    """The energy of the boards over all loads, where each has one."""
    parts = [point.whole_run.get("gpu_energy_j") for point in curve]
    known = [part for part in parts if part is not None]
    return {"gpu_energy_j": total(known, "J")} if len(known) == len(parts) else {}


def _devices(ordered: Sequence[Level]) -> list[Device]:
    """The GPUs whose energy was read, else those that are named."""
    read = {device.id: device for each in ordered for device in each.devices}
    if read:
        return list(read.values())
    setup = ordered[0].setup
    measured = any("gpu_power_w" in each.steady for each in ordered)
    source = (
        "GPU board, read by the authors of the result" if measured else "named; no energy was read"
    )
    return [
        Device(
            id=f"gpu-{number}",
            kind="gpu",
            boundary=BOARD,
            name=setup.gpu,
            method="imported",
            basis=Basis.MEASURED if measured else Basis.DECLARED,
            source=source,
        )
        for number in range(setup.gpus or 0)
        if setup.gpu is not None
    ]


def _settings(
    ordered: Sequence[Level], importer: Importer, documents: Sequence[Document], said: Said
) -> dict[str, Any]:
    setup: Setup = ordered[0].setup
    versions = dict.fromkeys(each.tool_version for each in ordered if each.tool_version)
    return {
        "imported_from": importer.tool,
        "tool_version": ", ".join(versions) or UNSAID,
        "imported_by": f"ecoaudit {__version__}",
        **{key: value for key, value in asdict(setup).items() if value is not None},
        "weights": setup.weights or "unknown",
        "random_weights": said.random_weights,
        "arrivals": ", ".join(dict.fromkeys(each.arrivals or UNSAID for each in ordered)),
        "levels": [each.level for each in ordered if each.level is not None],
        "loads": [each.load for each in ordered],
        "clock": ordered[0].clock or UNSAID,
        "files": [
            {"name": each.name, "sha256": each.sha256, "size_bytes": each.size_bytes}
            for each in documents
        ],
        "said_by_user": dict(said.items()),
        "levels_seen": {each.load: each.counted for each in ordered},
        "queue_left_out": [
            {"level": each.level, "arrivals": each.arrivals, "rate_per_s": each.rate_per_s}
            for each in ordered
            if any(found.code == "queue-left-out" for found in each.doubts)
        ],
        "summary": {
            "load": ordered[0].load,
            "level": ordered[0].level,
            "window": "steady" if ordered[0].steady else "whole_run",
            "why": "the lowest load imported: no scenario says which stands for its demand",
        },
        "definitions": dict(importer.definitions),
    }


def _doubts(ordered: Sequence[Level], importer: Importer, said: Said) -> Iterator[Doubt]:
    """What weakens the run; what every load has is said once."""
    shared: dict[Doubt, None] = {}
    message = (
        f"the figures are those of {importer.tool}, read from its file; ecoaudit measured nothing"
    )
    yield doubt("imported", message)
    yield from setup_doubts(ordered[0].setup, said, importer.says_setup)
    yield from _uneven(ordered)
    of_loads = [(each, (*each.doubts, *_of_window(each))) for each in ordered]
    for each, weak in of_loads:
        for found in weak:
            if all(found in others for _, others in of_loads):
                shared[found] = None
            else:
                yield replace(found, message=f"{each.title}: {found.message}", load=each.load)
    yield from shared


def _of_window(level: Level) -> Iterator[Doubt]:
    """Whether there is no steady window, so that the figures are those of the whole."""
    if not level.steady:
        yield doubt(
            "whole-run-summary",
            "the figures are those of a whole load with its ramp-up and its emptying batch:"
            " tokens/s read low and J/token high",
            "measure steady windows: `ecoaudit bench`",
        )


def _uneven(ordered: Sequence[Level]) -> Iterator[Doubt]:
    """Whether the loads differ in more than their load."""
    for key, what in (("prompt_tokens", "prompts"), ("output_tokens", "answers")):
        means = [(each.mean_of(key), each.title) for each in ordered]
        known = sorted((mean, title) for mean, title in means if mean is not None)
        if known and known[-1][0] > known[0][0] * (1 + _UNEVEN):
            (short, first), (long, last) = known[0], known[-1]
            yield doubt(
                "uneven-lengths",
                f"mean {what} are {short:,.0f} tokens at {first} and {long:,.0f} at {last}",
            )
