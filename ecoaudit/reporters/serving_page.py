"""What a page says of a server under load: its operating curve, its counters, its memory."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

from ecoaudit.checks import weakening
from ecoaudit.estimate import Estimate
from ecoaudit.reporters.figures import named
from ecoaudit.reporters.view import (
    Bar,
    Block,
    Cell,
    Curve,
    Curves,
    Line,
    Part,
    Point,
    Row,
    Section,
    Table,
)
from ecoaudit.reporters.words import quantity_word
from ecoaudit.run import CurvePoint, Run

Columns = tuple[tuple[str, str], ...]  # the head of each column, and the quantity below it

# Title of each picture, and the quantities in it with what tells them apart.
_PICTURES: Final = (
    ("Output tokens per second", (("output_tokens_per_s", ""),)),
    ("Wait for the first token", (("ttft_s_p50", "median"), ("ttft_s_p95", "95 % within"))),
    ("Time per output token", (("tpot_s_p50", "median"), ("tpot_s_p95", "95 % within"))),
    ("Energy per output token", (("energy_per_output_token_j", ""),)),
)
_SPEED: Final[Columns] = (
    ("In flight", "requests_in_flight"),
    ("Output rate", "output_tokens_per_s"),
    ("TTFT, median", "ttft_s_p50"),
    ("TTFT, 95 %", "ttft_s_p95"),
    ("TPOT, median", "tpot_s_p50"),
    ("TPOT, 95 %", "tpot_s_p95"),
)
_COST: Final[Columns] = (
    ("Per token", "energy_per_output_token_j"),
    ("Per request", "energy_per_request_j"),
    ("One more request", "marginal_energy_per_request_j"),
    ("With its part of a day", "allocated_energy_per_request_j"),
    ("In time", "service_level_share"),
    ("In time, per second", "goodput_per_s"),
)
_COUNTERS: Final[Columns] = (
    ("In the batch", "requests_running"),
    ("Waiting", "requests_waiting"),
    ("KV cache, most", "kv_cache_use_peak"),
    ("Prefix cache", "prefix_hit_share"),
    ("Put back", "preemptions"),
    ("Queue", "engine_queue_s"),
    ("Prefill", "engine_prefill_s"),
    ("Decode", "engine_decode_s"),
)
_COUNTERS_NOTE: Final = (
    "In the batch and waiting are gauges, looked at once a second; they stand still while a long "
    "prompt is read, and then read low. Queue, prefill and decode are means of the requests that "
    "ended."
)


def sections(run: Run, prefix: str, name: str) -> list[Section]:
    """The sections of a run's loads; none for a run without any.

    Args:
        run: of any kind.
        prefix: keeps their ids apart on a page with several runs.
        name: what their titles begin with.
    """
    if not run.curve:
        return []
    found = [_curve(run, prefix, name)]
    engine = _engine(run)
    if engine is not None:
        lead, blocks = engine
        found.append(Section(f"{prefix}engine", f"{name}Inside the engine", blocks, lead))
    return found


def in_cell(figures: dict[str, Estimate], key: str) -> Cell:
    """A figure in a table."""
    return Cell(figure=named(key, figures[key])) if key in figures else Cell("not measured")


# -- the curve -----------------------------------------------------------------------------------


def _curve(run: Run, prefix: str, name: str) -> Section:
    curves = [
        curve
        for title, keys in _PICTURES
        if (curve := _picture(run.curve, title, keys)) is not None
    ]
    blocks: list[Block] = [Curves(curves, _how_to_read(curves))] if curves else []
    blocks.append(_table("How fast it answers under each load", _SPEED, run))
    if any(key in point.figures for point in run.curve for _, key in _COST):
        blocks.append(_table("What each load costs, and how many answers came in time", _COST, run))
    return Section(f"{prefix}curve", f"{name}Under load", blocks)


def _picture(
    curve: Sequence[CurvePoint], title: str, keys: Sequence[tuple[str, str]]
) -> Curve | None:
    """One picture; None where fewer than two loads have a figure for it."""
    lines = [Line(label, _points(curve, key)) for key, label in keys]
    lines = [line for line in lines if line.points]
    if max((len(line.points) for line in lines), default=0) < 2:
        return None
    unit = next(p.figures[key].unit for key, _ in keys for p in curve if key in p.figures)
    said = [
        (f"{line.label}: " if line.label else "")
        + "; ".join(f"{point.label} {point.figure.text}" for point in line.points)
        for line in lines
    ]
    return Curve(title, ". ".join(said), unit, lines)


def _points(curve: Sequence[CurvePoint], key: str) -> list[Point]:
    """The loads that have the figure and a place: their level, or their mean in flight."""
    points = []
    for load in curve:
        figures = load.figures
        estimate, in_flight = figures.get(key), figures.get("requests_in_flight")
        x = load.level or (in_flight.value if in_flight is not None else None)
        if estimate is None or not estimate.known or not x or x <= 0:
            continue
        value, low, high = estimate.numbers
        point = Point(
            x,
            f"at {load.level} in flight" if load.level else f"{load.load}, {x:.2g} in flight",
            value,
            low,
            high,
            named(key, estimate),
            joined=load.level is not None,
            steady=bool(load.steady),
        )
        points.append(point)
    return points


def _how_to_read(curves: Sequence[Curve]) -> str:
    points = [point for curve in curves for line in curve.lines for point in line.points]
    said = ["Across: requests in flight, each doubling as wide as the next.",
            "Upright lines: 80 % intervals."]  # fmt: skip
    if any(not point.joined for point in points):
        said.append(
            "Round, joined: closed loops. Square: requests that come when they are due, placed at "
            "their mean in flight."
        )
    if any(not point.steady for point in points):
        said.append("Hollow: the whole run, where there was no steady window.")
    return " ".join(said)


def _table(caption: str, columns: Columns, run: Run, note: str = "") -> Table:
    """A row for each load, with the columns that at least one has, and what weakens them.

    The load whose figures stand for the run is marked.
    """
    shown = [(head, key) for head, key in columns if any(key in p.figures for p in run.curve)]
    chosen = run.summary_point
    rows = [
        Row(
            [_load(point), *(in_cell(point.figures, key) for _, key in shown)],
            strong=point is chosen,
        )
        for point in run.curve
    ]
    heads = ["Load", *(head for head, _ in shown)]
    said = f"{note} {_doubted(shown, run)}".strip()
    return Table(caption, heads, rows, frozenset(range(1, len(heads))), note=said)


def _doubted(columns: Sequence[tuple[str, str]], run: Run) -> str:
    """The columns that doubts weaken, with their codes, and at which loads if not at all."""
    by_codes: dict[str, list[str]] = {}
    for head, key in columns:
        loads: dict[str, list[str]] = {}
        shown = [p for p in run.curve if key in p.figures and p.figures[key].known]
        for point in shown:
            weak = weakening(key, run.doubts, point.load)
            for code in dict.fromkeys(said.code for said in weak):
                loads.setdefault(code, []).append(_in_words(point))
        codes = ", ".join(
            code if len(at) == len(shown) else f"{code} at {' and '.join(at)}"
            for code, at in loads.items()
        )
        if codes:
            by_codes.setdefault(codes, []).append(head)
    said = [f"{', '.join(heads)} ({codes})" for codes, heads in by_codes.items()]
    return f"Doubted, see below: {'; '.join(said)}." if said else ""


def _in_words(point: CurvePoint) -> str:
    return point.load if point.level is None else f"{point.level} in flight"


def _load(point: CurvePoint) -> Cell:
    return Cell(
        _in_words(point), note="steady window" if point.steady else "whole run: no steady window"
    )


# -- inside the engine ---------------------------------------------------------------------------


def _engine(run: Run) -> tuple[str, list[Block]] | None:
    """Lead and blocks about the engine's counters and memory; None where a run has neither."""
    keys = [key for _, key in _COUNTERS]
    counters = [each for p in run.curve for k, each in p.figures.items() if k in keys]
    memory = _memory(run)
    blocks: list[Block] = [memory] if memory is not None else []
    lead = "What the engine counts itself, beside what the client saw."
    if any(each.known for each in counters):
        caption = "The engine's own counters under each load"
        blocks.append(_table(caption, _COUNTERS, run, _COUNTERS_NOTE))
    elif counters:
        lead = f"No counters of the engine: {counters[0].source}."
    return (lead, blocks) if counters or blocks else None


def _memory(run: Run) -> Bar | None:
    """Memory by what it holds: of the load with the most in the KV cache."""
    splits = [p.figures for p in run.curve if "kv_cache_reserved_bytes" in p.figures]
    if not splits:
        return None
    split = max(splits, key=lambda figures: figures["kv_cache_used_bytes"].value or 0.0)
    used = split["kv_cache_used_bytes"]
    parts = [
        _part("weights_memory_bytes", split["weights_memory_bytes"], 2),
        _part("kv_cache_used_bytes", used, 3),
        _part("kv_cache_reserved_bytes", split["kv_cache_reserved_bytes"], 1, less=used),
        _part("memory_overhead_bytes", split["memory_overhead_bytes"], 4),
    ]
    if not any(part.value for part in parts):
        return None
    title = "Memory of the device that serves, at the load that used most of the KV cache"
    return Bar(title, ", ".join(_said(part) for part in parts), parts)


def _part(key: str, whole: Estimate, tone: int, less: Estimate | None = None) -> Part:
    """A stretch of the memory bar; of the reserved KV cache only what was not used."""
    label, shown = quantity_word(key), whole
    if less is not None and less.known:
        label, shown = "KV cache, reserved and not used", whole - less
    return Part(label, max(shown.value or 0.0, 0.0), named(key, shown), tone)


def _said(part: Part) -> str:
    said = f"{part.label} {part.figure.text}"
    return f"{said} ({part.figure.source})" if not part.value else f"{said} {part.figure.basis}"
