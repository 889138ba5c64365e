"""What ``bench`` prints at its end: a row for each load, the doubts, and where the run lies."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from ecoaudit.run import CurvePoint, Run


def print_bench(run: Run, output: str | None) -> None:
    """A row per level, the doubts, and where the run lies."""
    from ecoaudit.cli.tables import console, print_doubts, table

    out = console()
    chosen = run.settings.get("summary", {})
    if run.curve:
        columns = (
            "load",
            "window",
            "requests",
            "first token p50/p95",
            "per token p50",
            "answer p50/p95",
            "tokens/s",
            "power",
            "J/token",
            "J/request",
        )
        out.print(table(run.name, columns, [_row(point) for point in run.curve]))
    if chosen:
        out.print(f"the run's figures: {chosen['why']}", markup=False)
    if "idle_power_w" in run.summary:
        out.print(f"idle, model loaded: {run.summary['idle_power_w']}", markup=False)
    print_doubts(run.doubts, out)
    if run.status != "complete":
        out.print(f"the run is {run.status}", style="bold")
    from ecoaudit.journal import runs_folder

    place = output if output is not None else runs_folder() / f"{run.id}.json"
    out.print(f"run: {place}", soft_wrap=True, markup=False)


def _row(point: CurvePoint) -> tuple[str, ...]:
    from ecoaudit.units import human, significant

    found = point.steady or point.whole_run

    def shown(*names: str) -> str:
        return " / ".join(human(found[name].value, found[name].unit) for name in names)

    def bare(name: str) -> str:
        value = found[name].value
        return "absent" if value is None else significant(value)

    return (
        point.load,
        f"{'steady' if point.steady else 'whole'}, {found['duration_s'].value or 0:.0f} s",
        bare("requests"),
        shown("ttft_s_p50", "ttft_s_p95"),
        shown("tpot_s_p50"),
        shown("e2e_s_p50", "e2e_s_p95"),
        bare("output_tokens_per_s"),
        shown("power_w"),
        bare("energy_per_output_token_j"),
        bare("energy_per_request_j"),
    )
