"""Lifecycle compute and carbon accounting for language models in clinics.

The public names are loaded when first used, so that ``import ecoaudit`` costs next to nothing.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

__version__ = "0.1.0"

if TYPE_CHECKING:
    from ecoaudit.errors import EcoauditError
    from ecoaudit.estimate import Estimate
    from ecoaudit.lifecycle.operational import assess
    from ecoaudit.measurement import Measurement
    from ecoaudit.plan import Plan
    from ecoaudit.planning import make_plan
    from ecoaudit.profiling import profile
    from ecoaudit.recorder import Recorder
    from ecoaudit.run import Run, load_run
    from ecoaudit.scenario import Scenario

_HOME = {
    "EcoauditError": "errors",
    "Estimate": "estimate",
    "Measurement": "measurement",
    "Plan": "plan",
    "Recorder": "recorder",
    "Run": "run",
    "Scenario": "scenario",
    "assess": "lifecycle.operational",
    "load_run": "run",
    "make_plan": "planning",
    "profile": "profiling",
}

__all__ = [
    "EcoauditError",
    "Estimate",
    "Measurement",
    "Plan",
    "Recorder",
    "Run",
    "Scenario",
    "__version__",
    "assess",
    "load_run",
    "make_plan",
    "profile",
]


def __getattr__(name: str) -> Any:
    if name not in _HOME:
        raise AttributeError(f"module 'ecoaudit' has no attribute {name!r}")
    from importlib import import_module

    value = getattr(import_module(f"ecoaudit.{_HOME[name]}"), name)
    globals()[name] = value
    return value


def __dir__() -> list[str]:
    return sorted(__all__)
