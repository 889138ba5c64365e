"""Deployment scenarios: a site, a workload, and what is asked of them, read from YAML profiles."""

from __future__ import annotations

from ecoaudit.scenario.model import (
    Bench,
    Demand,
    Host,
    Lengths,
    Scenario,
    Service,
    Site,
    Workload,
)
from ecoaudit.scenario.profiles import KINDS, available_profiles, find_profile
from ecoaudit.scenario.reader import Lookups, load_scenario, load_site, load_workload

__all__ = [
    "KINDS",
    "Bench",
    "Demand",
    "Host",
    "Lengths",
    "Lookups",
    "Scenario",
    "Service",
    "Site",
    "Workload",
    "available_profiles",
    "find_profile",
    "load_scenario",
    "load_site",
    "load_workload",
]
