"""The account of a plan's option: what the plan knows of its life, and what the scenario adds."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Final

from ecoaudit.checks import doubt
from ecoaudit.errors import UsageError, did_you_mean
from ecoaudit.estimate import Basis, Estimate
from ecoaudit.plan import Option, Plan
from ecoaudit.run import Doubt, validated
from ecoaudit.scenario.account import (
    Account,
    Diesel,
    ElectricityUse,
    Equipment,
    Lifecycle,
    Panels,
    Supply,
    Units,
)
from ecoaudit.units import S_PER_DAY

DAYS_PER_YEAR: Final = 365.25
SHARED: Final = "shared"  # the way in which an option serves other clinics too
_YEAR_S: Final = DAYS_PER_YEAR * S_PER_DAY
_YEAR: Final = Estimate.exact(_YEAR_S, "s", Basis.DECLARED, "one year of use")


@dataclass(frozen=True, slots=True)
class Told:
    """An account with the doubts that came with it."""

    account: Account
    doubts: tuple[Doubt, ...]


def option_named(plan: Plan, name: str | None) -> Option:
    """An option by its id; None: the recommended one, else the first.

    Raises:
        UsageError: no such option, or none of which a year's energy is known.
    """
    known = {option.id: option for option in plan.options}
    chosen = name or plan.recommended or next(iter(known), None)
    if chosen is None:
        raise UsageError("the plan holds no option; nothing can be accounted")
    if chosen not in known:
        raise UsageError(f"no option {chosen!r} in the plan; {did_you_mean(chosen, known)}")
    option = known[chosen]
    if "energy_j_per_year" not in option.quantities:
        detailed = [each.id for each in plan.options if "energy_j_per_year" in each.quantities]
        raise UsageError(
            f"the plan has no energy of option {chosen!r}, which its device cannot hold or which"
            f" came after the first hundred; {did_you_mean(chosen, detailed)}"
        )
    return option


def account_of_option(plan: Plan, option: Option, place: Any) -> Told:
    """The account of an option over one year.

    Hardware is shared out over its life, so that a year carries a year's part of it.

    Args:
        plan: a plan of ecoaudit's.
        option: of it.
        place: the plan's file, for messages.
    """
    scenario = plan.scenario
    site, demand, workload = scenario["site"], scenario["demand"], scenario["workload"]
    said = scenario.get("lifecycle")
    lifecycle: Lifecycle = Lifecycle() if said is None else validated(said, Lifecycle, place)
    found = option.quantities
    days = _figure(demand["days_per_year"], place)
    idle, active = _idle_and_active(option, days, _figure(site["pue"], place))
    doubts: list[Doubt] = []
    equipment = _equipment(plan, option, lifecycle, place, doubts)
    requests = _requests(scenario, option, days, place)
    return Told(
        Account(
            id=f"{scenario['id']}/{option.id}",
            name=f"{_short(option.model)} ({option.weights}) on {_pieces(option)}, {option.mode},"
            f" at {site['name']}, one year",
            period=_YEAR,
            equipment=equipment,
            electricity=[
                ElectricityUse("serving-active", energy=active),
                ElectricityUse("serving-idle", energy=idle, share=lifecycle.share),
            ],
            supply=_supply(site, found, lifecycle, place),
            pue=_figure(site["pue"], place),
            amortisation=lifecycle.amortisation,
            water=lifecycle.water,
            network=lifecycle.network,
            upstream=lifecycle.upstream,
            units=Units(
                requests=requests,
                used_fraction=_figure(workload["used_fraction"], place),
                requests_per_consultation=lifecycle.requests_per_consultation,
                consultations_per_patient_year=lifecycle.consultations_per_patient_year,
                output_tokens=_tokens(workload, place),
                unit=workload["unit"],
            ),
            languages=_languages(plan, place),
            subject={
                "kind": "deployment",
                "scenario": scenario["id"],
                "option": option.id,
                "model": option.model,
                "weights": option.weights,
                "hardware": option.hardware,
                "mode": option.mode,
                "site": site["name"],
                "country": site["country"],
            },
        ),
        (*plan.doubts, *doubts),
    )


def _figure(data: Any, place: Any) -> Any:
    """A figure of the plan's file; None where it has none."""
    return None if data is None else validated(data, Estimate, place)


def _short(name: str) -> str:
    return name.rpartition("/")[2]


def _pieces(option: Option) -> str:
    many = f"{option.n_devices} x " if option.n_devices > 1 else ""
    return f"{many}{option.hardware}"


def _idle_and_active(option: Option, days: Estimate, pue: Estimate) -> tuple[Estimate, Estimate]:
    """A year's electricity of the computer [J]: at rest, and what answering adds."""
    found = option.quantities
    active = found["active_energy_j_per_day"].times(days, "J")
    rest = found["idle_energy_j_per_day"]
    off_days = found.get("energy_j_per_rest_day")
    if off_days is None:
        resting = rest * DAYS_PER_YEAR
    else:
        others = Estimate.exact(DAYS_PER_YEAR, "days", Basis.CONSTANT, "days of a year") - days
        away = off_days.per(pue, "J").times(others, "J")
        resting = rest.times(days, "J") + away
    return (
        resting.sourced(f"plan: at rest, all days of the year; {rest.source}"),
        active.sourced(f"plan: what requests add, on working days; {active.source}"),
    )


def _equipment(
    plan: Plan, option: Option, lifecycle: Lifecycle, place: Any, doubts: list[Doubt]
) -> list[Equipment]:
    life = _figure((plan.scenario.get("money") or {}).get("life"), place)
    busy = option.quantities.get("busy_share")
    at_work = None if busy is None else busy.times(_YEAR, "s")
    pieces = Estimate.exact(float(option.n_devices), "pieces", Basis.DECLARED, "the option's")
    common: dict[str, Any] = {"life": life, "busy": at_work, "share": lifecycle.share}
    found = [Equipment(option.hardware, device=option.hardware, count=pieces, **common)]
    if _is_card(option.hardware):
        if lifecycle.computer is None:
            message = f"the computer around {option.hardware} is not counted"
            doubts.append(doubt("computer-unknown", message))
        else:
            name = f"computer ({lifecycle.computer})"
            found.append(Equipment(name, computer=lifecycle.computer, **common))
    return [*found, *lifecycle.equipment]


def _languages(plan: Plan, place: Any) -> dict[str, Estimate]:
    """Of each language its tokens over the mean of all requests; none where shares are unknown."""
    mean: Estimate | None = _figure(plan.languages.get("mean_premium"), place)
    if mean is None or not mean.known:
        return {}
    found = {}
    for each in plan.languages["languages"]:
        premium: Estimate = _figure(each["token_premium"], place)
        if premium.known:
            found[each["name"]] = premium.per(mean, "")
    return found


def _is_card(hardware: str) -> bool:
    from ecoaudit.factors.hardware import MACHINE, find_device

    return find_device(hardware).kind != MACHINE


def _supply(
    site: dict[str, Any], found: dict[str, Estimate], lifecycle: Lifecycle, place: Any
) -> Supply:
    """Shares of grid, generator and panels as the plan's year has them."""
    whole = found["energy_j_per_year"]
    intensity = _figure(site.get("grid_intensity"), place)
    parts = {name: found.get(f"{name}_energy_j_per_year") for name in ("generator", "panels")}
    shares = {
        name: None if each is None or not each.value else _share(each, whole, name)
        for name, each in parts.items()
    }
    generator, fuel = site.get("generator"), shares["generator"]
    diesel = None
    if generator is not None and fuel is not None:
        diesel = Diesel(
            fuel, _figure(generator["fuel_use"], place), _figure(generator["carbon"], place)
        )
    off_grid = site.get("grid") is False
    sun = shares["panels"]
    panels = None
    if sun is not None:
        panels = Panels(sun, whole=intensity if off_grid else None)
    return Supply(
        country=site["country"],
        region=site.get("region"),
        intensity=None if off_grid else intensity,
        market=lifecycle.market,
        losses=lifecycle.losses,
        generator=diesel,
        panels=panels,
    )


def _share(part: Estimate, whole: Estimate, name: str) -> Estimate:
    """Of a year's electricity; both ends vary together, so that the share is taken as sure."""
    share = min(part.number / whole.number, 1.0)
    return Estimate.exact(share, "", Basis.MODELLED, f"plan: {name} over a year, hour by hour")


def _requests(scenario: dict[str, Any], option: Option, days: Estimate, place: Any) -> Estimate:
    demand, workload = scenario["demand"], scenario["workload"]
    each = demand.get("requests_per_clinician") or workload["requests_per_clinician"]
    people: Estimate = _figure(demand["clinicians"], place)
    a_day = people.times(_figure(each, place), "requests")
    year = a_day.times(days, "requests")
    clinics: Estimate | None = None
    if option.mode == SHARED:
        clinics = _figure(scenario.get("shared_by"), place)
    if clinics is None:
        return year.sourced("clinicians x requests of each x working days")
    told = "clinicians x requests of each x working days x clinics that share it"
    return year.times(clinics, "requests").sourced(told)


def _tokens(workload: dict[str, Any], place: Any) -> Estimate:
    mean: Estimate = _figure(workload["output"]["mean"], place)
    return mean.converted(1.0, "tokens/request")
