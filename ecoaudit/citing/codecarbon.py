"""One row in the columns of CodeCarbon's ``emissions.csv``, version 3.3.2.

There, power and energy have the PUE in them, energy is in kWh, emissions are in kg, their rate in
kg/s and memory in GiB. What the run does not tell is empty, never 0.
"""

from __future__ import annotations

import csv
import io
from collections import Counter
from datetime import datetime, timedelta
from typing import Any, Final

from ecoaudit.citing.base import RUN
from ecoaudit.citing.facts import Facts, said
from ecoaudit.errors import UsageError
from ecoaudit.estimate import Estimate
from ecoaudit.run import Run
from ecoaudit.units import BYTES_PER_GIB, J_PER_KWH

COLUMNS: Final = (
    *("timestamp", "project_name", "run_id", "experiment_id", "duration", "emissions"),
    *("emissions_rate", "cpu_power", "gpu_power", "ram_power", "cpu_energy", "gpu_energy"),
    *("ram_energy", "energy_consumed", "water_consumed", "country_name", "country_iso_code"),
    *("region", "cloud_provider", "cloud_region", "os", "python_version", "codecarbon_version"),
    *("cpu_count", "cpu_model", "gpu_count", "gpu_model", "longitude", "latitude"),
    *("ram_total_size", "tracking_mode", "cpu_utilization_percent", "gpu_utilization_percent"),
    *("ram_utilization_percent", "ram_used_gb", "on_cloud", "pue", "wue"),
)
_UNKNOWN: Final = ("", "unknown", None)


class CodeCarbonCiter:
    """Writes CSV."""

    name = "codecarbon"
    what = "a row for CodeCarbon's emissions.csv"
    holds = frozenset({RUN})
    instead = (
        "its columns are of the electricity of one run, and the emissions of a whole life would be"
        " read as that; cite the runs behind it, or take --as impact-framework"
    )

    def render(self, facts: Facts) -> str:
        if not isinstance(facts.source, Run):
            raise UsageError(self.instead)
        row = _row(facts, facts.source)
        text = io.StringIO()
        writer = csv.DictWriter(text, COLUMNS, lineterminator="\n")
        writer.writeheader()
        writer.writerow({name: row.get(name, "") for name in COLUMNS})
        return text.getvalue()


def _row(facts: Facts, run: Run) -> dict[str, Any]:
    """The cells that are known."""
    pue = facts.pue.value if facts.pue.known else None
    over = 1.0 if pue is None else pue
    seconds = facts.duration.value
    cells: dict[str, Any] = {
        "timestamp": _end(run),
        "project_name": text(facts.title),
        "run_id": text(facts.id),
        "duration": seconds,
        "emissions": facts.carbon.value,
        "energy_consumed": _kwh(run.summary.get("energy_j"), over),
        "pue": pue,
    }
    if facts.carbon.value is not None and seconds:
        cells["emissions_rate"] = facts.carbon.value / seconds
    for part, name in (
        ("cpu", "cpu_energy_j"),
        ("gpu", "gpu_energy_j"),
        ("ram", "dram_energy_j"),
    ):
        kwh = _kwh(run.summary.get(name), over)
        cells[f"{part}_energy"] = kwh
        if kwh is not None and seconds:
            cells[f"{part}_power"] = kwh * J_PER_KWH / seconds
    cells |= _place(run) | _machine(run)
    return {name: value for name, value in cells.items() if value not in _UNKNOWN}


def _kwh(energy: Estimate | None, pue: float) -> float | None:
    if energy is None or energy.value is None:
        return None
    return energy.value * pue / J_PER_KWH


def _end(run: Run) -> str:
    """CodeCarbon writes the time at which a run ended."""
    try:
        start = datetime.fromisoformat(run.started_at)
    except ValueError:
        return ""
    end = start.replace(tzinfo=None) + timedelta(seconds=run.duration_s)
    return end.isoformat(timespec="seconds")


def _place(run: Run) -> dict[str, Any]:
    grid = run.settings.get("grid")
    if not isinstance(grid, dict) or grid.get("fallback"):
        return {}
    code, _, region = str(grid.get("zone") or "").partition("/")
    if len(code) != 3 or not code.isalpha() or not code.isupper():
        return {}
    return {"country_iso_code": code, "region": text(region)}


def _machine(run: Run) -> dict[str, Any]:
    told = run.environment
    boards = Counter(each.name for each in run.devices if each.kind == "gpu")
    memory = _number(told.get("memory_bytes"))
    return {
        "os": text(told.get("os")),
        "python_version": text(told.get("python")),
        "cpu_count": _number(told.get("logical_cpus")),
        "cpu_model": text(told.get("cpu")),
        "gpu_count": boards.total() or None,
        "gpu_model": text(", ".join(f"{count} x {name}" for name, count in boards.items())),
        "ram_total_size": None if memory is None else memory / BYTES_PER_GIB,
    }


def _number(value: Any) -> float | None:
    return value if isinstance(value, int | float) and not isinstance(value, bool) else None


def text(value: Any) -> str:
    """Text that no spreadsheet runs as a formula; empty where there is none."""
    if value in _UNKNOWN:
        return ""
    line = said(value)
    return f"'{line}" if line.startswith(("=", "+", "-", "@")) else line
