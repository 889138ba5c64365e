"""What ``bench`` prints at its end: its loads, how fast and at what cost, and the whole of it."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from ecoaudit.estimate import Estimate
    from ecoaudit.run import CurvePoint, Run

Columns = tuple[tuple[str, tuple[str, ...]], ...]  # headings, and the figures below each

_SPEED: Columns = (
    ("first token p50/p95", ("ttft_s_p50", "ttft_s_p95")),
    ("per token p50", ("tpot_s_p50",)),
    ("answer p50/p95", ("e2e_s_p50", "e2e_s_p95")),
    ("tokens/s", ("output_tokens_per_s",)),
    ("in time", ("service_level_share",)),
    ("in time/s", ("goodput_per_s",)),
)
_COST: Columns = (
    ("lasts", ("duration_s",)),
    ("requests", ("requests",)),
    ("power", ("power_w",)),
    ("J/token", ("energy_per_output_token_j",)),
    ("J/request", ("energy_per_request_j",)),
    ("one more adds", ("marginal_energy_per_request_j",)),
    ("with its part of a day", ("allocated_energy_per_request_j",)),
)
_IN_WORDS = ("s", "W")  # units that stand in the cell; others stand in the heading


def print_bench(run: Run, output: str | None) -> None:
    """How fast each load was and what it cost, the whole bench, the doubts, and where it lies."""
    from ecoaudit.cli.tables import console, print_doubts, print_line, table, whole_bench

    out = console()
    if run.curve:
        columns = ["load", "window", *(head for head, _ in _SPEED)]
        rows = [
            [point.load, "steady" if point.steady else "whole", *_cells(point, _SPEED)]
            for point in run.curve
        ]
        out.print(table(run.name, columns, rows))
        columns = ["load", *(head for head, _ in _COST)]
        rows = [[point.load, *_cells(point, _COST)] for point in run.curve]
        out.print(table("what each load costs", columns, rows))
    for line in whole_bench(run):
        print_line(line, out)
    print_doubts(run.doubts, out)
    if run.status != "complete":
        out.print(f"the run is {run.status}", style="bold")
    from ecoaudit.journal import runs_folder

    place = output if output is not None else runs_folder() / f"{run.id}.json"
    out.print(f"run: {place}", soft_wrap=True, markup=False)


def _cells(point: CurvePoint, columns: Columns) -> list[str]:
    return [
        _cell([point.figures[name] for name in names if name in point.figures])
        for _, names in columns
    ]


def _cell(figures: Sequence[Estimate]) -> str:
    """Figures of one kind in one cell, with the unit once where that is the same."""
    shown = [_figure(figure) for figure in figures]
    units = {each.partition(" ")[2] for each in shown}
    if len(shown) > 1 and len(units) == 1:
        shown = [*(each.partition(" ")[0] for each in shown[:-1]), shown[-1]]
    return "/".join(shown) or "-"


def _figure(estimate: Estimate) -> str:
    from ecoaudit.units import human, significant

    if estimate.value is None:
        return "absent"
    if estimate.unit in _IN_WORDS:
        return human(estimate.value, estimate.unit)
    return significant(estimate.value)
