"""The kinds of check: one member per file, each a function from a claim to its verdict."""

from __future__ import annotations

from typing import Final

from ecoaudit.lifecycle.claims.kinds import (
    constant,
    energy,
    formula,
    implied,
    phases,
    same,
    total,
)
from ecoaudit.lifecycle.claims.kinds.base import Kind

KINDS: Final[dict[str, Kind]] = {
    "formula": formula.judge,
    "sum": total.judge,
    "energy": energy.judge,
    "implied factor": implied.judge,
    "same": same.judge,
    "constant share": constant.judge,
    "phases": phases.judge,
}
