"""Rated power (TDP) of CPUs, from the table that comes with codecarbon."""

from __future__ import annotations

import csv
import re
from functools import cache

from ecoaudit.estimate import Basis, Estimate
from ecoaudit.factors.codecarbon_data import data_file, version

_TABLE = "hardware/cpu_power.csv"
# What kernels add to the maker's name: "11th Gen Intel(R) Core(TM) i5-1135G7 @ 2.40GHz",
# "AMD EPYC 7763 64-Core Processor", "AMD Ryzen 7 PRO 4750U with Radeon Graphics".
_CLUTTER = re.compile(
    r"\((?:r|tm|c)\)|@.*|\bwith radeon.*|\b\d+th gen\b|\b\d+-core\b|\bcpu\b|\bprocessor\b"
)


def cpu_tdp_w(model: str) -> Estimate | None:
    """The rated power of one socket [W].

    The name must be the table's, apart from marks, clock and core count that kernels add: a
    similar name is never taken for it.

    Args:
        model: ``model name`` of ``/proc/cpuinfo``.

    Returns:
        None when the table does not hold this CPU, or holds different figures for it.

    Raises:
        NotFoundError: codecarbon is not installed.
    """
    rated = _table().get(_normalised(model))
    if rated is None or len(rated) != 1:
        return None
    ((name, tdp_w),) = rated
    source = f"rated power of {name} (codecarbon {version()}, cpu_power.csv)"
    return Estimate.exact(tdp_w, "W", Basis.CONSTANT, source)


def _normalised(name: str) -> str:
    return " ".join(_CLUTTER.sub(" ", name.casefold()).split())


@cache
def _table() -> dict[str, set[tuple[str, float]]]:
    """Normalised name -> {(name, TDP in W)}; more than one where rows disagree."""
    found: dict[str, dict[float, str]] = {}
    with data_file(_TABLE).open(encoding="utf-8-sig", newline="") as file:
        for row in csv.DictReader(file):
            try:
                tdp_w = float(row["TDP"])
            except ValueError:  # "29.32.9": a slip in the table
                continue
            if tdp_w > 0:
                found.setdefault(_normalised(row["Name"]), {}).setdefault(tdp_w, row["Name"])
    return {key: {(name, tdp) for tdp, name in rows.items()} for key, rows in found.items()}
