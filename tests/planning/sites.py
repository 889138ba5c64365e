"""Sites for the tests of planning."""

from __future__ import annotations

from typing import Any

from ecoaudit.estimate import Basis, Estimate
from ecoaudit.scenario import Host, Site


def exact(value: float, unit: str = "USD") -> Estimate:
    return Estimate.exact(value, unit, Basis.DECLARED, "typed")


def site(**changes: Any) -> Site:
    """A site with a grid and nothing else, with ``changes``."""
    host = Host(exact(1000), exact(40, "W"), exact(80, "W"), exact(200, "W"))
    figures: dict[str, Any] = {
        "id": "test",
        "name": "Test",
        "country": "KEN",
        "circuit_power": exact(2000, "W"),
        "energy_per_day": exact(3.6e7, "J"),
        "tariff": exact(0.161 / 3.6e6, "USD/J"),
        "pue": exact(1.0, ""),
        "host": host,
    }
    return Site(**(figures | changes))
