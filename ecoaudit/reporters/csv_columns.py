"""How a quantity stands in a row of a CSV file."""

from __future__ import annotations

from ecoaudit.estimate import Estimate

Row = dict[str, str | float | int | None]


def columns(name: str, estimate: Estimate) -> Row:
    """The five columns of a quantity: value, ends, unit and basis."""
    return {
        name: estimate.value,
        f"{name}_low": estimate.low,
        f"{name}_high": estimate.high,
        f"{name}_unit": estimate.unit,
        f"{name}_basis": str(estimate.basis),
    }
