"""Deployment scenarios: a site, a workload, and what is asked of them, read from YAML profiles."""

from __future__ import annotations

from ecoaudit.scenario.account import Account, Lifecycle
from ecoaudit.scenario.described import Described
from ecoaudit.scenario.federation import Federation
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
from ecoaudit.scenario.money import (
    Alternatives,
    CloudGpu,
    Currency,
    Finance,
    HostedApi,
    Quality,
    Staff,
    Subscription,
)
from ecoaudit.scenario.profiles import KINDS, available_profiles, find_profile
from ecoaudit.scenario.reader import Lookups, load_account, load_scenario, load_site, load_workload
from ecoaudit.scenario.supply import Battery, Generator, Outages, PriceBand, Solar, Ups

__all__ = [
    "KINDS",
    "Account",
    "Alternatives",
    "Battery",
    "Bench",
    "CloudGpu",
    "Currency",
    "Demand",
    "Described",
    "Federation",
    "Finance",
    "Generator",
    "Host",
    "HostedApi",
    "Lengths",
    "Lifecycle",
    "Lookups",
    "Outages",
    "PriceBand",
    "Quality",
    "Scenario",
    "Service",
    "Site",
    "Solar",
    "Staff",
    "Subscription",
    "Ups",
    "Workload",
    "available_profiles",
    "find_profile",
    "load_account",
    "load_scenario",
    "load_site",
    "load_workload",
]
