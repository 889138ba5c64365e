"""The account of a plan's option: what the plan knows of its life, and what the scenario adds."""

from __future__ import annotations

import math
from dataclasses import dataclass, replace
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
    Network,
    Panels,
    Supply,
    Units,
)
from ecoaudit.units import S_PER_DAY

DAYS_PER_YEAR: Final = 365.25
SHARED: Final = "shared"  # the way in which an option serves other clinics too
_COMPUTER: Final = "the computer around the card"
_SERVED: Final = 1e-6  # of a year's electricity, what may be missing by rounding
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
    try:
        return _told(plan, option, place)
    except KeyError as error:
        raise UsageError(
            f"{place}: {error.args[0]}: this key is missing, as in plans of an older version; plan"
            " again with this one"
        ) from None


def _told(plan: Plan, option: Option, place: Any) -> Told:
    scenario = plan.scenario
    site, demand, workload = scenario["site"], scenario["demand"], scenario["workload"]
    said = scenario.get("lifecycle")
    lifecycle: Lifecycle = Lifecycle() if said is None else validated(said, Lifecycle, place)
    days = _figure(demand["days_per_year"], place)
    idle, active = _idle_and_active(option, days, _figure(site["pue"], place))
    requests = _requests(scenario, option, days, place)
    doubts: list[Doubt] = []
    equipment = _equipment(plan, option, lifecycle, days, place, doubts)
    return Told(
        Account(
            id=f"{scenario['id']}/{option.id}",
            name=f"{_short(option.model)} ({option.weights}) on {_pieces(option)}, {option.mode},"
            f" at {site['name']}, one year",
            period=_YEAR,
            equipment=equipment,
            missing={_COMPUTER: doubts[0].message} if doubts else {},
            electricity=[
                ElectricityUse(
                    "serving-active", energy=_of_each(active, requests), repeats=requests
                ),
                ElectricityUse("serving-idle", energy=idle, share=lifecycle.share),
            ],
            supply=_supply(option, site, lifecycle, place),
            pue=_figure(site["pue"], place),
            amortisation=lifecycle.amortisation,
            water=lifecycle.water,
            network=_network(lifecycle, scenario, option, place),
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
        # A day's energy holds the PUE's doubt: both are high together.
        value, low, high = (
            day / part for day, part in zip(off_days.numbers, pue.numbers, strict=True)
        )
        resting_day = replace(off_days, value=value, low=min(value, low), high=max(value, high))
        away = resting_day.times(others, "J")
        resting = rest.times(days, "J") + away
    return (
        resting.sourced(f"plan: at rest, all days of the year; {rest.source}"),
        active.sourced(f"plan: what requests add, on working days; {active.source}"),
    )


def _of_each(whole: Estimate, many: Estimate) -> Estimate:
    """What one request takes [J]: its interval is that of the whole less that of their number.

    The whole is high where there are many requests, whose own doubt is drawn apart.
    """
    value = whole.number / many.number
    ends = []
    for end in (1, 2):
        of_whole = math.log(whole.numbers[end] / whole.number) if whole.numbers[end] > 0 else None
        of_many = math.log(many.numbers[end] / many.number)
        left = 0.0 if of_whole is None else math.sqrt(max(of_whole**2 - of_many**2, 0.0))
        ends.append(0.0 if of_whole is None else value * math.exp(left if end == 2 else -left))
    told = f"what one request adds; {whole.source}"
    return Estimate(value, ends[0], ends[1], "J", Basis.MODELLED, told)


def _network(
    lifecycle: Lifecycle, scenario: dict[str, Any], option: Option, place: Any
) -> Network | None:
    """Data of this clinic, or of all that share the computer."""
    found = lifecycle.network
    clinics: Estimate | None = _figure(scenario.get("shared_by"), place)
    if found is None or clinics is None or option.mode != SHARED:
        return found
    return replace(found, data=found.data.times(clinics, "bytes"))


def _equipment(
    plan: Plan,
    option: Option,
    lifecycle: Lifecycle,
    days: Estimate,
    place: Any,
    doubts: list[Doubt],
) -> list[Equipment]:
    life = _figure((plan.scenario.get("money") or {}).get("life"), place)
    busy = option.quantities.get("busy_share")
    at_work = None if busy is None else (busy * S_PER_DAY).times(days, "s")
    pieces = Estimate.exact(float(option.n_devices), "pieces", Basis.DECLARED, "the option's")
    common: dict[str, Any] = {"life": life, "busy": at_work, "share": lifecycle.share}
    cards = common | {"busy": None if at_work is None else at_work * option.n_devices}
    found = [Equipment(option.hardware, device=option.hardware, count=pieces, **cards)]
    if _is_card(option.hardware):
        if lifecycle.computer is None:
            message = (
                f"what kind of computer is around {option.hardware} is not stated:"
                " lifecycle.computer"
            )
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


def _supply(option: Option, site: dict[str, Any], lifecycle: Lifecycle, place: Any) -> Supply:
    """Shares of grid, generator and panels as the plan's year has them.

    Raises:
        UsageError: there is no grid, and what feeds the option is not known, or not enough.
    """
    found = option.quantities
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
    if off_grid:
        _check_fed(option, parts, whole)
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


def _check_fed(option: Option, parts: dict[str, Estimate | None], whole: Estimate) -> None:
    known = [each for each in parts.values() if each is not None]
    if any(not each.known for each in known):
        why = "the plan did not follow its hours, so that what feeds it is not known"
    elif math.fsum(each.number for each in known) < whole.number * (1 - _SERVED):
        why = "panels, battery and generator do not give all that it takes"
    else:
        return
    raise UsageError(
        f"option {option.id!r} is at a site without a grid, and {why}; account for one that fits"
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
