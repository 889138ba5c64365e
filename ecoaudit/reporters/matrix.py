"""The fit matrix: which models and devices of a large plan to show, and what stands in each cell.

Thousands of cells cannot be read. Rows are at most two models of each size class, columns one
device of each memory class; in each class those with most options that fit, then the best ranked.
"""

from __future__ import annotations

from bisect import bisect_left
from collections import defaultdict
from typing import Final

from ecoaudit.plan import Option, Plan, Verdict
from ecoaudit.reporters.figures import plain
from ecoaudit.reporters.view import FAILS, FITS, NONE, UNKNOWN, Cell, Matrix, Row
from ecoaudit.reporters.words import SHORT_MODES, count, short_limit, short_model

SIZE_CLASSES: Final = (1e9, 3e9, 6e9, 10e9, 16e9, 40e9)  # upper ends [parameters]
MEMORY_CLASSES: Final = (9e9, 13e9, 17e9, 25e9, 33e9, 49e9, 97e9, 130e9)  # upper ends [bytes]
ROWS_PER_CLASS: Final = 2
MOST_COLUMNS: Final = 8
MOST_ROWS: Final = 14


def state_of(option: Option) -> str:
    """``fits``, ``fails``, or ``unknown`` when no limit is missed but one cannot be judged."""
    if option.verdict is Verdict.FITS:
        return FITS
    return FAILS if any(limit.ok is False for limit in option.limits) else UNKNOWN


def fit_matrix(plan: Plan) -> Matrix:
    """The matrix of a plan."""
    best: dict[tuple[str, str], Option] = {}
    for option in plan.options:  # ranked, so the first of a pair is its best weight format
        best.setdefault((option.model, option.hardware), option)
    chosen = next((o for o in plan.options if o.id == plan.recommended), plan.options[0])
    models, devices = _chosen_models(plan, chosen), _chosen_devices(plan, chosen)
    all_models = {option.model for option in plan.options}
    all_devices = {option.hardware for option in plan.options}
    shown = f"{len(models)} of {count(len(all_models), 'model')} and {len(devices)} of "
    sizes, memory = _sizes(plan), _memory(plan)
    return Matrix(
        caption=f"Models against devices: {shown}{count(len(all_devices), 'device')}",
        columns=[
            Cell(device, note=plain(memory[device], "bytes") if memory.get(device) else "")
            for device in devices
        ],
        rows=[
            Row(
                [
                    Cell(
                        short_model(model),
                        note=f"{plain(sizes[model], 'parameters')}" if sizes.get(model) else "",
                    ),
                    *(_cell(best.get((model, device)), plan) for device in devices),
                ],
                strong=model == chosen.model and plan.recommended is not None,
            )
            for model in models
        ],
        note=(
            "Each cell shows the best weight format and way of running; always on is not said. "
            "Where it does not fit, the word is the limit that is missed by most; a question mark: "
            "a figure is absent, so nobody can say."
        ),
    )


def _cell(option: Option | None, plan: Plan) -> Cell:
    if option is None:
        return Cell("none", state=NONE)
    state = state_of(option)
    parts = [option.weights, SHORT_MODES.get(option.mode, "")]
    if option.n_devices > 1:
        parts.insert(0, f"{option.n_devices} x")
    if state == FITS:
        parts.append("chosen" if option.id == plan.recommended else "")
        return Cell("fits", state=state, note=", ".join(filter(None, parts)))
    note = ", ".join(filter(None, parts))
    return Cell(short_limit(option.first_limit or ""), state=state, note=note)


def _chosen_models(plan: Plan, chosen: Option) -> list[str]:
    sizes = _sizes(plan)
    order = _order(plan, [option.model for option in plan.options], chosen.model)
    taken: dict[int, list[str]] = defaultdict(list)
    for model in order:
        room = taken[bisect_left(SIZE_CLASSES, sizes.get(model, 0.0))]
        if len(room) < ROWS_PER_CLASS or len(order) <= MOST_ROWS:
            room.append(model)
    models = [model for room in taken.values() for model in room]
    return sorted(models, key=lambda model: (-sizes.get(model, 0.0), model))


def _chosen_devices(plan: Plan, chosen: Option) -> list[str]:
    memory = _memory(plan)
    order = _order(plan, [option.hardware for option in plan.options], chosen.hardware)
    taken: dict[int, str] = {}
    for device in order:
        taken.setdefault(bisect_left(MEMORY_CLASSES, memory.get(device, 0.0)), device)
    devices = order if len(order) <= MOST_COLUMNS else _first(order, set(taken.values()))
    return sorted(devices, key=lambda device: (memory.get(device, 0.0), device))


def _first(order: list[str], wanted: set[str]) -> list[str]:
    return [name for name in order if name in wanted][:MOST_COLUMNS]


def _order(plan: Plan, names: list[str], first: str) -> list[str]:
    """Distinct ``names``: ``first``, then most options that fit, then best ranked."""
    fits: dict[str, int] = defaultdict(int)
    for name, option in zip(names, plan.options, strict=True):
        fits[name] += option.verdict is Verdict.FITS
    distinct = list(dict.fromkeys(names))
    rank = {name: place for place, name in enumerate(distinct)}
    return sorted(distinct, key=lambda name: (name != first, -fits[name], rank[name]))


def _sizes(plan: Plan) -> dict[str, float]:
    """Parameters by model, from the options or the table rows of the plan."""
    sizes = _facts(plan, ": shape")
    for option in plan.options:
        size = option.quantities.get("parameters")
        if size is not None and size.value is not None:
            sizes[option.model] = size.value
    return sizes


def _memory(plan: Plan) -> dict[str, float]:
    """Memory by device [bytes], from the table rows of the plan or the limit of its options."""
    memory: dict[str, float] = {}
    for option in plan.options:
        for limit in option.limits:
            if limit.name == "memory" and limit.limit is not None:
                memory.setdefault(option.hardware, limit.limit)
    return memory | _facts(plan, ": memory")


def _facts(plan: Plan, ending: str) -> dict[str, float]:
    return {
        str(row["name"]).removesuffix(ending): float(row["value"])
        for row in plan.factors
        if str(row.get("name", "")).endswith(ending) and row.get("value") is not None
    }
