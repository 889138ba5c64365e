"""A finished plan and its file, ``ecoaudit.plan/1``: what the planner's report is made from."""

from __future__ import annotations

import json
import os
from collections.abc import Iterator
from dataclasses import asdict, dataclass, field
from enum import StrEnum
from pathlib import Path
from typing import Any, ClassVar

from ecoaudit.errors import did_you_mean
from ecoaudit.estimate import Estimate
from ecoaudit.quantities import LIMIT_UNITS, Fault, data_faults, figure_faults
from ecoaudit.run import Doubt, load_json, write_text

PLAN_SCHEMA = "ecoaudit.plan/1"


class Verdict(StrEnum):
    """Whether an option can be had at this site."""

    FITS = "fits"
    FAILS = "fails"


@dataclass(frozen=True, slots=True)
class Limit:
    """One thing that an option must stay within.

    Attributes:
        name: ``memory``, ``circuit_power``, ``energy_per_day``, ``capital`` ...
        value: what the option needs, in the house unit.
        limit: what there is, in the same unit; None where the site states no limit.
        ok: whether the pessimistic end of ``value`` stays within the pessimistic end of what
            there is; None when ``value`` is absent, which never counts as fitting.
        margin: (limit - pessimistic value) / limit; negative when it fails; None when unknown.
        source: where the limit comes from.
    """

    __pydantic_config__: ClassVar = {"extra": "forbid", "allow_inf_nan": False}

    name: str
    value: Estimate
    limit: float | None
    ok: bool | None
    margin: float | None
    source: str = ""


@dataclass(frozen=True, slots=True)
class Option:
    """One model in one weight format on one device, or on several cards in one computer.

    Attributes:
        id: unique in the plan.
        model: Hugging Face id.
        weights: weight format.
        hardware: device name.
        n_devices: how many.
        mode: ``always-on``, ``opening-hours``, ``sleep-between-jobs``, ``night-batch``, or
            ``shared`` by several clinics.
        verdict: fits only when every limit holds.
        first_limit: name of the limit that is missed by most; None when it fits.
        remedy: the next thing to try, one sentence; None when it fits.
        limits: all that could be computed; a model that its device cannot hold has no time and
            no energy. Of an option beyond the first hundred only its first limit.
        quantities: name -> Estimate: ``parameters``, ``weight_bytes``, ``kv_bytes_per_token``,
            ``kv_bytes_per_sequence``, ``capital_usd``, ``peak_power_w``, ``idle_power_w``,
            ``busy_power_w``, ``busy_share``, ``tpot_s``, ``ttft_s``, ``e2e_s``;
            ``idle_energy_j_per_day``, ``active_energy_j_per_day``, ``cooling_energy_j_per_day``
            and their sum ``energy_j_per_day``; ``energy_j_per_year``, ``energy_usd_per_year``,
            ``operational_kgco2e_per_year``; what generator and panels give of a year's energy
            (``generator_energy_j_per_year``, ``panels_energy_j_per_year``);
            ``energy_per_request_j`` (a day's energy shared out) and
            ``marginal_energy_per_request_j``; ``running_usd_per_year`` (what is known of a
            year's energy, staff and maintenance), and where a life is given ``life_cost_usd``,
            ``present_value_usd`` and ``cost_per_request_usd``; ``download_s`` where the link is
            known; ``added_wait_s`` and ``woken_share`` of a mode. Empty beyond the first hundred.
        dominated_by: id of an option that fits too, with a model at least as large (or as good,
            where there are scores), no more energy in a year and no higher price; None: of none.
        trust: ``measured``, ``calibrated`` or ``datasheet``: what the speed and energy rest on.
    """

    __pydantic_config__: ClassVar = {"extra": "forbid"}

    id: str
    model: str
    weights: str
    hardware: str
    n_devices: int
    mode: str
    verdict: Verdict
    first_limit: str | None
    remedy: str | None
    limits: list[Limit]
    quantities: dict[str, Estimate] = field(default_factory=dict)
    trust: str = "datasheet"
    dominated_by: str | None = None


@dataclass(frozen=True, slots=True)
class Plan:
    """All options for one scenario, best first, and the one that is recommended.

    Attributes:
        scenario: the scenario as read, with every figure's source.
        options: ranked; those that fit come first.
        recommended: id of the best option that fits; None when none does.
        doubts: what weakens the plan.
        factors: every table row that was used: ``{"name", "value", "unit", "year", "source"}``.
        runs: the measured runs that were given: ``{"id", "name", "kind", "status", "started_at",
            "model", "weights", "devices", "used", "option", "load", "levels", "how", "why",
            "summary"}``: ``how`` says in words what of it stands for the demand, ``levels`` are
            those of the operating curve that is used, and ``summary`` is of ``load``, the nearest.
        costs: of the recommended option, else of the first: ``{"option", "life", "years":
            [{"year", "length", "rows": {name: Estimate}, "total"}], "missing"}``.
        alternatives: what one could do instead of buying: ``{"mode", "name", "usd_per_year",
            "allowed", "note", "break_even_months"}``.
        breaks: how many times the load each limit of the same option breaks:
            ``{"option", "limits": {name: factor, or None beyond a thousand}}``.
        languages: of the same option: ``{"tokenizer", "languages": [...], "worst", "best",
            "worst_over_best", "mean_premium"}``; empty where the workload states none.
        sensitivity: what other figures of the scenario would change, each ``{"driver", "setting",
            "option", "verdict", "first_limit", "recommended", "usd_per_year", "energy_j_per_year",
            "usd_per_used_result"}``: ``option`` is the same as in ``costs``, and ``recommended``
            is chosen among the options that came first. No energy is told by language.
        supply: the day of the same option by the hour, where the site states more than a grid and
            one price: ``{"option", "working", "rest", "outages", "assumptions"}``.
        tool: name and version of the program.
    """

    __pydantic_config__: ClassVar = {"extra": "forbid", "allow_inf_nan": False}

    scenario: dict[str, Any]
    options: list[Option]
    recommended: str | None
    doubts: list[Doubt] = field(default_factory=list)
    factors: list[dict[str, Any]] = field(default_factory=list)
    runs: list[dict[str, Any]] = field(default_factory=list)
    costs: dict[str, Any] = field(default_factory=dict)
    alternatives: list[dict[str, Any]] = field(default_factory=list)
    breaks: dict[str, Any] = field(default_factory=dict)
    languages: dict[str, Any] = field(default_factory=dict)
    sensitivity: list[dict[str, Any]] = field(default_factory=list)
    supply: dict[str, Any] = field(default_factory=dict)
    tool: str = ""
    schema: str = PLAN_SCHEMA

    def to_json(self) -> str:
        """The text of the plan's file."""
        return json.dumps(asdict(self), indent=1, ensure_ascii=False, allow_nan=False) + "\n"

    def save(self, path: str | os.PathLike[str]) -> Path:
        """Write the plan to ``path``, whole or not at all."""
        return write_text(path, self.to_json())


def load_plan(path: str | os.PathLike[str]) -> Plan:
    """Read a plan file.

    Raises:
        FileFormatError: no such file, no JSON, not a plan, or one whose figures cannot be; the
            message names the place in it.
    """
    plan: Plan = load_json(path, Plan, PLAN_SCHEMA, "plan", _faults)
    return plan


_DATA = (
    *("scenario", "factors", "runs", "costs", "alternatives", "breaks", "languages"),
    *("sensitivity", "supply"),
)


def _faults(plan: Plan) -> Iterator[Fault]:
    """What no plan of ecoaudit's holds: it was edited since."""
    seen: dict[str, Option] = {}
    for place, option in enumerate(plan.options):
        at = f"options.{place}"
        if option.id in seen:
            yield f"{at}.id", f"{option.id!r} stands here twice"
        seen[option.id] = option
        limits = {limit.name: limit.value for limit in option.limits}
        yield from figure_faults(limits, f"{at}.limits", LIMIT_UNITS)
        yield from figure_faults(option.quantities, f"{at}.quantities")
        if option.first_limit is not None and option.first_limit not in limits:
            known = did_you_mean(option.first_limit, limits)
            yield f"{at}.first_limit", f"{option.first_limit!r} is none of its limits; {known}"
    best = plan.recommended
    if best is not None and best not in seen:
        yield "recommended", f"{best!r} is none of the options; {did_you_mean(best, seen)}"
    elif best is not None and seen[best].verdict is not Verdict.FITS:
        yield "recommended", f"{best!r} does not fit, as its verdict says"
    for option in plan.options:
        if option.dominated_by is not None and option.dominated_by not in seen:
            yield f"{option.id}.dominated_by", f"{option.dominated_by!r} is none of the options"
    for name in _DATA:
        yield from data_faults(getattr(plan, name), name)
