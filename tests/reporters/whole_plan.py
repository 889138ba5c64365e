"""The plan of ``examples`` with every part that a page may show: money, renting, load, languages,
ways of running, sensitivity, and the day by the hour."""

from __future__ import annotations

from dataclasses import asdict, replace
from typing import Any

from ecoaudit.estimate import Basis, Estimate
from ecoaudit.plan import Option, Plan, Verdict
from ecoaudit.planning.cost import break_even, ownership
from ecoaudit.scenario.money import Finance, Staff
from tests.reporters.examples import a_plan, declared, modelled

S_PER_YEAR = 365.25 * 86400
WH = 3600.0
BY_HOUR = "hour by hour: panels, battery, grid, generator, UPS"
RUNNING = "electricity and the staff's time"


def a_whole_plan(life_years: float | None = 3.5, usd_per_hour: float = 0.8) -> Plan:
    """Qwen3-4B on an L4 is recommended, always on; asleep between jobs it takes less and waits too
    long; the same on another card fits and is dominated.

    Args:
        life_years: how long it is kept; None: not said.
        usd_per_hour: price of a rented GPU, 1,000 h a year.
    """
    plan = a_plan()
    best = plan.options[0]
    price = best.quantities["capital_usd"]
    energy = best.quantities["energy_usd_per_year"]
    money = Finance(
        life=None if life_years is None else declared(life_years * S_PER_YEAR, "s"),
        discount_rate=declared(0.08, ""),
        import_duty=declared(0.25, ""),
        upkeep=declared(2 * 3600, "s"),
    )
    staff = Staff(hourly_cost=declared(9 / 3600, "USD/s"), skill="technician")
    owned = ownership(price, energy, money, staff)
    rent = declared(usd_per_hour * 1000, "USD", "a quotation")
    best = replace(
        best, quantities=best.quantities | {"running_usd_per_year": owned.known_per_year}
    )
    asleep = _asleep(best)
    dominated = replace(
        best,
        id="Qwen/Qwen3-4B, bf16, 1 x NVIDIA RTX 4090",
        weights="bf16",
        hardware="NVIDIA RTX 4090",
        dominated_by=best.id,
    )
    scenario = dict(plan.scenario)
    scenario["site"] = scenario["site"] | {"staff": {"skill": "technician"}}
    return replace(
        plan,
        scenario=scenario,
        options=[best, dominated, asleep, *plan.options[1:]],
        recommended=best.id,
        costs={
            "option": best.id,
            "life": asdict(owned.life),
            "discount_rate": asdict(owned.discount_rate),
            "rows": {name: asdict(row) for name, row in owned.rows.items()},
            "years": _years(owned) if life_years is not None else [],
            "missing": owned.missing,
            "total": asdict(owned.known_total),
            "present_value": asdict(owned.known_present_value),
        },
        alternatives=[
            {
                "mode": "cloud-gpu",
                "name": "A cloud",
                "usd_per_year": asdict(rent),
                "allowed": False,
                "note": "patient text may not leave the site (data_must_stay)",
                "break_even_months": asdict(
                    break_even(owned.known_capital, owned.known_per_year, rent).months
                ),
            },
            {
                "mode": "hosted-api",
                "name": "",
                "usd_per_year": asdict(Estimate.absent("USD", "no price was typed")),
                "allowed": True,
                "note": "",
            },
        ],
        breaks={
            "option": best.id,
            "limits": {"memory": None, "energy_per_day": 7.8, "complete": 2.52},
        },
        languages=_languages(),
        sensitivity=_sensitivity(best.id, dominated.id),
        supply=_supply(best.id),
    )


def _years(owned: Any) -> list[dict[str, Any]]:
    return [
        {
            "year": year.year,
            "length": year.length,
            "rows": {name: asdict(row) for name, row in year.rows.items()},
            "total": asdict(year.total),
        }
        for year in owned.years()
    ]


def _asleep(option: Option) -> Option:
    wait = replace(
        option.limits[0],
        name="complete",
        value=modelled(70, 40, 150, "s", "simulated"),
        limit=60.0,
        ok=False,
        margin=-1.5,
    )
    less = modelled(0.4 * 3.6e6, 0.2 * 3.6e6, 0.9 * 3.6e6, "J", "hours")
    wakes = {
        "energy_j_per_day": less,
        "added_wait_s": declared(90, "s", "assumed: a disk", 0.5),
    }
    return replace(
        option,
        id=f"{option.id}, sleep-between-jobs",
        mode="sleep-between-jobs",
        verdict=Verdict.FAILS,
        first_limit="complete",
        remedy="run in this way it misses wait for the whole answer",
        limits=[*option.limits, wait],
        quantities=option.quantities | wakes,
    )


def _languages() -> dict[str, Any]:
    def times(value: float) -> dict[str, Any]:
        return asdict(Estimate.exact(value, "", Basis.CONSTANT, "FLORES-200"))

    def row(code: str, name: str, share: float, premium: float, seconds: float) -> dict[str, Any]:
        tokens = Estimate.exact(1000 * premium, "tokens", Basis.MODELLED, "lengths x premium")
        return {
            "code": code,
            "name": name,
            "share": asdict(declared(share, "")),
            "token_premium": times(premium),
            "tokens_per_patient": asdict(tokens),
            "relative_tokens": times(premium),
            "relative_time": times(premium),
            "seconds": asdict(Estimate.exact(seconds, "s", Basis.MODELLED, "a request alone")),
            "usd_per_patient": asdict(Estimate.absent("USD", "no price")),
            "share_over_context": asdict(modelled(3e-13, 0, 4e-13, "", "lognormal lengths"))
            if code == "en"
            else asdict(modelled(0.02, 0.01, 0.03, "", "lognormal lengths")),
        }

    return {
        "tokenizer": {"name": "Qwen", "columns": ["qwen"]},
        "languages": [row("en", "English", 0.9, 1.0, 10.0), row("am", "Amharic", 0.1, 4.11, 35.0)],
        "worst": "am",
        "best": "en",
        "worst_over_best": times(4.11),
        "mean_premium": times(1.311),
    }


def _sensitivity(first: str, other: str) -> list[dict[str, Any]]:
    def row(
        driver: str, setting: str, usd: float, verdict: str, limit: str | None, then: str | None
    ) -> dict[str, Any]:
        return {
            "driver": driver,
            "setting": setting,
            "option": first,
            "verdict": verdict,
            "first_limit": limit,
            "recommended": then,
            "usd_per_year": asdict(modelled(usd, 0.9 * usd, 1.1 * usd, "USD", "costs")),
            "energy_j_per_year": asdict(modelled(3.6e9, 3e9, 4e9, "J", "a year")),
            "usd_per_used_result": None,
        }

    return [
        row("none", "as planned", 1000, "fits", None, first),
        row("load", "half the clinicians", 980, "fits", None, first),
        row("load", "twice the clinicians", 1040, "fails", "complete", other),
        row("life", "kept 2 years", 1400, "fits", None, first),
        row("tariff", "twice the price of electricity", 1100, "fails", "running_cost", None),
    ]


def _supply(option: str) -> dict[str, Any]:
    """40 Wh from the panels from 6:00 to 18:00, 10 Wh in other hours from the battery until 3:00,
    then nothing until the sun rises."""
    hours = []
    for hour in range(24):
        sun, dark = 6 <= hour < 18, 3 <= hour < 6
        load = (40 if sun else 10) * WH
        hours.append(
            {
                "hour": hour,
                "load_j": load,
                "solar_j": load if sun else 0.0,
                "battery_j": 0.0 if sun or dark else load,
                "grid_j": 0.0,
                "generator_j": 0.0,
                "ups_j": 0.0,
                "unserved_j": load if dark else 0.0,
                "curtailed_j": 0.0,
                "charge_j": 50 * WH,
            }
        )
    working = {
        "unserved_s": asdict(modelled(3 * 3600, 0, 5 * 3600, "s", BY_HOUR)),
        "solar_j": asdict(modelled(480 * WH, 400 * WH, 600 * WH, "J", BY_HOUR)),
        "grid_j": asdict(Estimate.exact(0.0, "J", Basis.MODELLED, BY_HOUR)),
        "battery_low": asdict(modelled(0.0, 0.0, 0.2, "", BY_HOUR)),
        "fuel_l": asdict(Estimate.absent("L", "the site has no generator")),
        "unserved_hours": [3, 4, 5],
        "unserved_hours_worst": [2, 3, 4, 5],
        "hours": hours,
    }
    return {
        "option": option,
        "working": working,
        "rest": working,
        "outages": {
            "ups_s": asdict(modelled(7200, 5400, 9000, "s", "capacity / load")),
            "unserved_s": asdict(Estimate.exact(0.0, "s", Basis.MODELLED, "any hour")),
            "worst_start": 0,
        },
        "assumptions": ["the sun shines from 6:00 to 18:00"],
    }
