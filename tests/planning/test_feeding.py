"""What the hours of options make of a site's supply, many at once and one by one."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

from ecoaudit.factors.hardware import find_device
from ecoaudit.factors.models import find_model
from ecoaudit.plan import Option, Plan, Verdict
from ecoaudit.planning import make_plan
from ecoaudit.planning.catalogue import Catalogue
from ecoaudit.planning.cells import Cell
from ecoaudit.planning.feeding import Feeding
from ecoaudit.planning.modes import always_on
from ecoaudit.planning.supply import supply_days
from ecoaudit.planning.verdicts import Verdicts
from ecoaudit.planning.ways import machine_of, work_in
from ecoaudit.scenario import Generator, Outages, PriceBand, Scenario, Solar, Ups, load_scenario
from ecoaudit.units import J_PER_KWH
from tests.planning.sites import exact

BANDS = [PriceBand(18 * 3600.0, 22 * 3600.0, exact(0.5 / J_PER_KWH, "USD/J"))]
DIESEL = Generator(exact(5000, "W"), exact(0.4 / J_PER_KWH, "L/J"), exact(1.2, "USD/L"))


@pytest.fixture(scope="module")
def solar() -> Scenario:
    scenario = load_scenario("solar-rural-screening")
    return replace(scenario, models=["Qwen3-1.7B", "Qwen3-4B"], hardware=["L4", "RTX A2000 6GB"])


@pytest.fixture(scope="module")
def urban() -> Scenario:
    scenario = load_scenario("urban-clinic-summaries")
    return replace(scenario, models=["Qwen3-4B"], hardware=["L4"], weights=["int4"])


def at(scenario: Scenario, **site: Any) -> Scenario:
    return replace(scenario, site=replace(scenario.site, **site))


def always(plan: Plan) -> Option:
    return next(option for option in plan.options if option.mode == "always-on")


def limit_of(option: Option, name: str) -> tuple[float, float | None, bool | None]:
    found = next(each for each in option.limits if each.name == name)
    return found.value.number, found.value.high, found.ok


def catalogue(scenario: Scenario) -> Catalogue:
    models = [find_model(name) for name in scenario.models]
    return Catalogue(scenario, models, [find_device(n) for n in scenario.hardware], {}, {})


def test_many_at_once_are_as_each_alone(solar: Scenario) -> None:
    dim = replace(solar.site.solar, peak_power=exact(900, "W"))  # type: ignore[type-var]
    scenario = at(solar, solar=dim)
    needs = catalogue(scenario)
    verdicts = Verdicts(needs)
    places = [(row, column) for row in range(needs.shape[0]) for column in range(2)]
    places = [place for place in places if needs.held[place]]
    together = Feeding(scenario).of_always_on(needs, places)
    for place in places:
        cell = Cell(verdicts, *place)
        mode = always_on(machine_of(cell, {}), work_in(cell), scenario.site.pue)
        assert mode.working is not None
        (day,) = supply_days(scenario.site, [mode.working])
        found = together[place].unserved_s
        assert found.number == pytest.approx(day.unserved_s.number, abs=1.0)
        assert found.high == pytest.approx(day.unserved_s.high, rel=0.02)


def test_a_battery_too_small_for_the_night_is_the_first_limit_of_who_is_always_on(
    solar: Scenario,
) -> None:
    panels = solar.site.solar
    assert panels is not None
    assert panels.battery is not None
    small = replace(panels, battery=replace(panels.battery, capacity=exact(3.6e5, "J")))  # 30 Wh
    plan = make_plan(at(solar, solar=small, energy_per_day=exact(1e9, "J")))
    option = always(plan)
    value, high, ok = limit_of(option, "supply")
    assert option.first_limit == "supply"
    assert ok is False
    assert 8 * 3600 < value <= (high or 0) < 24 * 3600
    assert "have no electricity" in (option.remedy or "")
    asleep = next(each for each in plan.options if each.mode == "opening-hours")
    assert limit_of(asleep, "supply")[0] < value / 2  # 3 W at night instead of 30


def test_the_plan_holds_the_day_of_the_recommended_option_by_the_hour(solar: Scenario) -> None:
    plan = make_plan(solar)
    assert plan.supply["option"] == plan.recommended
    hours = plan.supply["working"]["hours"]
    for hour in hours:
        fed = sum(hour[f"{name}_j"] for name in ("solar", "battery", "grid", "generator", "ups"))
        assert hour["load_j"] == pytest.approx(fed + hour["unserved_j"])
    chosen = next(option for option in plan.options if option.id == plan.recommended)
    day_j = chosen.quantities["energy_j_per_day"].number
    assert sum(hour["load_j"] for hour in hours) == pytest.approx(day_j)
    assert "sun shines from 6:00" in plan.supply["assumptions"][0]
    assert chosen.quantities["energy_usd_per_year"].value == 0  # the sun sends no bill


def test_a_site_with_a_grid_and_one_price_has_no_hours_to_follow(urban: Scenario) -> None:
    plan = make_plan(urban)
    assert plan.supply == {}
    assert all(limit.name != "supply" for option in plan.options for limit in option.limits)


def test_a_dear_evening_costs_the_idle_computer_its_four_hours(urban: Scenario) -> None:
    flat, dear = (always(make_plan(at(urban, tariff_by_hour=bands))) for bands in ([], BANDS))
    year_j = flat.quantities["energy_j_per_year"].number
    idle_j = flat.quantities["idle_energy_j_per_day"].number * urban.site.pue.number
    more = dear.quantities["energy_usd_per_year"].number
    more -= flat.quantities["energy_usd_per_year"].number
    each = (0.5 - 0.2) / J_PER_KWH
    assert flat.quantities["energy_usd_per_year"].number == pytest.approx(year_j * 0.2 / J_PER_KWH)
    assert more == pytest.approx(idle_j * 4 / 24 * 365.25 * each, rel=1e-6)  # it closes before


def test_off_in_the_evening_the_dear_hours_cost_next_to_nothing(urban: Scenario) -> None:
    plan = make_plan(at(urban, tariff_by_hour=BANDS))
    option = next(each for each in plan.options if each.mode == "opening-hours")
    price = option.quantities["energy_usd_per_year"].number / (
        option.quantities["energy_j_per_year"].number / J_PER_KWH
    )
    assert 0.2 < price < 0.23
    whole = always(plan).quantities
    assert whole["energy_usd_per_year"].number / (
        whole["energy_j_per_year"].number / J_PER_KWH
    ) == pytest.approx(0.2 + 0.3 * 4 / 24, rel=0.01)


def test_in_outages_the_generators_fuel_is_paid(urban: Scenario) -> None:
    outages = Outages(exact(10, "outages"), exact(7.305 * 3600, "s"))  # a tenth of the time
    plain = always(make_plan(urban)).quantities["energy_usd_per_year"].number
    site = {"outages": outages, "generator": DIESEL}
    plan = make_plan(at(urban, **site))
    found = always(plan).quantities["energy_usd_per_year"].number
    assert found == pytest.approx(plain * (0.9 + 0.1 * 0.4 * 1.2 / 0.2))
    assert plan.supply["outages"]["unserved_s_per_month"]["value"] == 0
    assert plan.supply["outages"]["fuel_l_per_month"]["value"] > 0


def test_outages_that_nothing_bridges_are_told(urban: Scenario) -> None:
    outages = Outages(exact(10, "outages"), exact(2 * 3600, "s"))
    plan = make_plan(at(urban, outages=outages))
    assert plan.supply["outages"]["unserved_s_per_month"]["value"] == pytest.approx(20 * 3600)
    (said,) = [doubt for doubt in plan.doubts if doubt.code == "outages-unserved"]
    assert "20" in said.message


def test_the_ups_is_held_against_the_largest_draw(urban: Scenario) -> None:
    weak = Ups(exact(J_PER_KWH, "J"), exact(200, "W"))
    option = always(make_plan(at(urban, ups=weak)))
    value, high, ok = limit_of(option, "ups_power")
    assert ok is False
    assert value == limit_of(option, "circuit_power")[0]
    assert option.verdict is Verdict.FAILS
    assert option.first_limit == "ups_power"
    assert (option.remedy or "").startswith("take a UPS that carries")
    assert (high or 0) > 200


def test_without_grid_panels_and_generator_nothing_is_fed(urban: Scenario) -> None:
    option = always(make_plan(at(urban, grid=False)))
    assert limit_of(option, "supply")[0] == pytest.approx(86400)
    assert option.first_limit == "supply"


def test_the_staffs_time_is_a_limit_where_both_are_given(urban: Scenario) -> None:
    staff = replace(urban.site.staff, hours_per_month=exact(3600, "s"))  # type: ignore[type-var]
    money = replace(urban.money, upkeep=exact(7200, "s"))
    option = always(make_plan(replace(at(urban, staff=staff), money=money)))
    assert limit_of(option, "staff") == (7200, 7200, False)
    assert option.first_limit == "staff"


def test_capital_holds_all_that_is_paid_at_the_purchase(urban: Scenario) -> None:
    money = replace(urban.money, import_duty=exact(0.25, ""), freight=exact(300.0, "USD"))
    option = always(make_plan(replace(urban, money=money)))
    price = option.quantities["capital_usd"].number
    assert limit_of(option, "capital")[0] == pytest.approx(price * 1.25 + 300)


def test_who_is_no_better_in_any_way_is_marked(solar: Scenario) -> None:
    plan = make_plan(solar)
    by_id = {option.id: option for option in plan.options}
    marked = [option for option in plan.options if option.dominated_by]
    assert marked
    for option in marked:
        better = by_id[str(option.dominated_by)]
        assert better.verdict is Verdict.FITS
        assert better.mode == option.mode
        for name, sign in (("parameters", -1), ("energy_j_per_year", 1), ("capital_usd", 1)):
            assert sign * better.quantities[name].number <= sign * option.quantities[name].number
    chosen = by_id[str(plan.recommended)]
    assert chosen.dominated_by is None


def test_the_carbon_of_a_site_on_diesel_is_that_of_its_fuel(urban: Scenario) -> None:
    fuel = replace(DIESEL, carbon=exact(2.7, "kgCO2e/L"))
    found = always(make_plan(at(urban, grid=False, generator=fuel))).quantities
    kwh = found["energy_j_per_year"].number / J_PER_KWH
    assert found["operational_kgco2e_per_year"].number == pytest.approx(kwh * 0.4 * 2.7, rel=1e-6)
    unknown = always(make_plan(at(urban, grid=False, generator=DIESEL))).quantities
    assert unknown["operational_kgco2e_per_year"].value is None
    assert "generator.carbon" in unknown["operational_kgco2e_per_year"].source


def test_in_outages_the_fuel_counts_in_carbon_too_with_panels_or_without(urban: Scenario) -> None:
    outages = Outages(exact(10, "outages"), exact(7.305 * 3600, "s"))  # a tenth of the time
    fuel = replace(DIESEL, carbon=exact(2.7, "kgCO2e/L"))
    own = exact(100.0, "gCO2e/kWh")
    site = {"outages": outages, "generator": fuel, "grid_intensity": own}
    found = always(make_plan(at(urban, **site))).quantities
    kwh = found["energy_j_per_year"].number / J_PER_KWH
    kg = kwh * (0.9 * 0.1 + 0.1 * 0.4 * 2.7)
    assert found["operational_kgco2e_per_year"].number == pytest.approx(kg)
    speck = Solar(exact(1e-3, "W"), exact(4 * 3600, "s"), exact(0.75, ""))
    with_panels = always(make_plan(at(urban, **site, grid=True, solar=speck))).quantities
    for name in ("energy_usd_per_year", "operational_kgco2e_per_year"):
        assert with_panels[name].number == pytest.approx(found[name].number, rel=1e-4)


def test_the_generator_carries_the_largest_draw(urban: Scenario) -> None:
    weak = replace(DIESEL, power=exact(200, "W"))
    option = always(make_plan(at(urban, grid=False, generator=weak)))
    assert limit_of(option, "generator_power")[0] == limit_of(option, "circuit_power")[0]
    assert limit_of(option, "generator_power")[2] is False


def test_the_load_at_which_the_supply_breaks_is_its_own(solar: Scenario) -> None:
    plan = make_plan(solar)
    found = plan.breaks["limits"]
    assert found["supply"] != found["complete"]
