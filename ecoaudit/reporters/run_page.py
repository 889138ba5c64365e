"""What a page says of a measured run, and of the runs behind a plan."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any, Final

from ecoaudit.checks import together
from ecoaudit.estimate import Basis, Estimate
from ecoaudit.measurement import HOST_PARTS, Measurement
from ecoaudit.quantities import estimate_of
from ecoaudit.reporters import serving_page
from ecoaudit.reporters.asked import asked_of_bench
from ecoaudit.reporters.figures import named, percent, plain
from ecoaudit.reporters.options import sentence
from ecoaudit.reporters.result_page import result
from ecoaudit.reporters.serving_page import in_cell
from ecoaudit.reporters.view import (
    FAILS,
    FITS,
    Bar,
    Block,
    Cell,
    Note,
    Notes,
    Part,
    Row,
    Section,
    Table,
)
from ecoaudit.reporters.words import BOUNDARIES, count, quantity_word
from ecoaudit.run import Doubt, Run

_LEVEL_COLUMNS: Final = (
    ("TTFT, 95 %", "ttft_s_p95"),
    ("TPOT, median", "tpot_s_p50"),
    ("Output rate", "output_tokens_per_s"),
    ("Per token", "energy_per_output_token_j"),
)
_ENERGIES: Final = {"gpu_energy_j": "board", "cpu_energy_j": "package", "dram_energy_j": "dram"}


def is_random(run: Run) -> bool:
    """Whether the run says that its model has random weights."""
    return bool(run.settings.get("random_weights")) or any(
        doubt.code == "random-weights" for doubt in run.doubts
    )


def sections(run: Run, prefix: str = "") -> list[Section]:
    """The sections of one run; ``prefix`` keeps their ids apart on a page with several."""
    name = f"{run.name}: " if prefix else ""
    found = [result(run, prefix, name)]
    found += serving_page.sections(run, prefix, name)
    found.append(_energy(run, prefix, name))
    made = [table for table in (asked_of_bench(run.scenario or {}), _settings(run)) if table.rows]
    if made:
        found.append(Section(f"{prefix}setup", f"{name}How it was made", list(made)))
    return found


# -- energy --------------------------------------------------------------------------------------


def _energy(run: Run, prefix: str, name: str) -> Section:
    blocks: list[Block] = []
    shares = _share_bar(run)
    if shares is not None:
        blocks.append(shares)
    blocks.append(_devices(run))
    if run.windows:
        blocks.append(_windows(run.windows))
    return Section(f"{prefix}energy", f"{name}Where the energy was read", blocks, _lead(run))


def _lead(run: Run) -> str:
    parts = _parts(run)
    whole = sum(estimate.number for _, estimate in parts)
    if not whole and any(key.startswith("gpu_energy_per_") for key in run.summary):
        return "The energy is that of the GPU boards alone; see the doubts."
    if not whole:
        return "No energy could be read or modelled; see the doubts."
    measured = sum(e.number for _, e in parts if e.basis is Basis.MEASURED) / whole
    return (
        f"{percent(measured)} of the energy was measured, {percent(1 - measured)} modelled. "
        "A meter at the plug is never added to the parts inside."
    )


def _parts(run: Run) -> list[tuple[str, Estimate]]:
    found = ((boundary, run.summary.get(name)) for name, boundary in _ENERGIES.items())
    return [(boundary, e) for boundary, e in found if e is not None and e.known]


def _share_bar(run: Run) -> Bar | None:
    parts = _parts(run)
    if not parts:
        return None
    shown = [
        Part(BOUNDARIES[boundary], estimate.number, named("energy_j", estimate), tone)
        for tone, (boundary, estimate) in enumerate(parts, 1)
    ]
    words = ", ".join(f"{part.label} {part.figure.text} {part.figure.basis}" for part in shown)
    return Bar("Energy by where it was read", words, shown)


def _devices(run: Run) -> Table:
    rows = [
        Row(
            [
                Cell(device.name, note=device.id if device.id != device.name else ""),
                Cell(BOUNDARIES.get(device.boundary, device.boundary)),
                Cell(device.method, note=str(device.basis), code=True),
                Cell(device.source),
            ]
        )
        for device in run.devices
    ]
    columns = ["Device", "Read at", "Method", "Source"]
    return Table(f"{count(len(run.devices), 'device')} watched", columns, rows)


def _windows(windows: Iterable[Measurement]) -> Table:
    rows = []
    kept = list(windows)
    noted = any(window.quantities for window in kept)
    seen = [b for b in (*HOST_PARTS, "wall") if any(_at(w, b) is not None for w in kept)]
    for window in kept:
        energies = [_at(window, boundary) for boundary in seen]
        rows.append(
            Row(
                [
                    Cell(window.path),
                    Cell(plain(window.start_s, "s")),
                    Cell(plain(window.duration_s, "s")),
                    *(Cell("none") if e is None else Cell(figure=named("j", e)) for e in energies),
                    *([Cell(_said_of(window))] if noted else []),
                ]
            )
        )
    columns = ["Window", "Starts at", "Lasts", *(BOUNDARIES[b] for b in seen)]
    numeric = frozenset(range(1, len(columns)))
    columns += ["What was seen in it"] if noted else []
    return Table("Windows of the run; they nest", columns, rows, numeric)


def _said_of(window: Measurement) -> str:
    """The quantities that a window has of its own, such as the waits of one request."""
    return "; ".join(
        f"{quantity_word(key)}: {named(key, each).full}" for key, each in window.quantities.items()
    )


def _at(window: Measurement, boundary: str) -> Estimate | None:
    parts = [device.energy_j for device in window.devices if device.boundary == boundary]
    if not parts:
        return None
    whole = parts[0]
    for part in parts[1:]:
        whole = whole + part
    return whole


# -- how it was made -----------------------------------------------------------------------------


def _settings(run: Run) -> Table:
    rows = [
        Row([Cell(key.replace("_", " ")), Cell(_plain_text(value))])
        for group in (run.settings, run.environment)
        for key, value in group.items()
        if not isinstance(value, dict | list) and value not in (None, "")
    ]
    return Table("Settings and environment", ["What", "Value"], rows)


def _plain_text(value: Any) -> str:
    if isinstance(value, bool):
        return "yes" if value else "no"
    return plain(value, "") if isinstance(value, float) else str(value)


def notes(doubts: Iterable[Doubt]) -> Notes:
    """Doubts without repeats; what is said of several loads has its remedy once."""
    found = []
    for alike in together(doubts):
        said = list(dict.fromkeys(each.message for each in alike))
        found.append(Note(sentence("; ".join(said)), sentence(alike[0].remedy), alike[0].code))
    return Notes(found)


# -- runs behind a plan --------------------------------------------------------------------------


def behind_plan(entries: list[dict[str, Any]], runs: Iterable[Run]) -> Section:
    """The runs that a plan used or did not use, with their levels where the run files are given."""
    given = {run.id: run for run in runs}
    rows: list[Row] = []
    for entry in entries:
        rows += _entry_rows(entry, given.pop(str(entry.get("id")), None))
    for run in given.values():
        rows += _entry_rows({"name": run.name, "used": False, "why": "not part of this plan"}, run)
    if not rows:
        lead = (
            "No measured run stands behind this plan: speed and power come from data sheets and "
            "formulas. `ecoaudit bench` on the device gives a run; `ecoaudit plan` takes it."
        )
        return Section("runs", "Measured runs", [], lead)
    columns = ["Run", "In this plan", "Level", *(t for t, _ in _LEVEL_COLUMNS), "Idle"]
    numeric = frozenset(range(2, len(columns)))
    table = Table("Measured runs", columns, rows, numeric)
    return Section("runs", "Measured runs", [table])


def _entry_rows(entry: dict[str, Any], run: Run | None) -> list[Row]:
    summary: dict[str, Estimate] = {}
    for key, data in (entry.get("summary") or {}).items():
        estimate = estimate_of(data)
        if estimate is not None:
            summary[key] = estimate
    settings = run.settings if run else {}
    model = entry.get("model") or settings.get("model") or "model not stated"
    weights = entry.get("weights") or settings.get("weights") or ""
    devices = entry.get("devices") or ([d.name for d in run.devices] if run else [])
    engine = f"{settings.get('engine') or ''} {settings.get('engine_version') or ''}".strip()
    said = [f"{model} {weights}".strip(), engine, ", ".join(map(str, devices))]
    head = Cell(
        str(entry.get("name") or entry.get("id") or "run"),
        note="; ".join(part for part in said if part),
    )
    calibrates = entry.get("calibrates")
    how = f"calibrates {calibrates}" if calibrates else str(entry.get("how") or "")
    used = Cell("used", state=FITS, note=how)
    if not entry.get("used"):
        used = Cell("not used", state=FAILS, note=str(entry.get("why") or ""))
    levels: list[tuple[str, dict[str, Estimate]]] = [("summary", summary)]
    if run is not None:
        summary = run.summary
        levels = [(p.load, p.figures) for p in run.curve] or [("summary", summary)]
    return [
        Row(
            [
                head,
                used,
                Cell(level),
                *(in_cell(figures, key) for _, key in _LEVEL_COLUMNS),
                in_cell(summary, "idle_power_w"),
            ]
        )
        for level, figures in levels
    ]
