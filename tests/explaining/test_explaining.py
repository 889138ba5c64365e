"""Every figure of every kind of file: it follows from others, or is said to be what it is."""

from __future__ import annotations

import math
from collections.abc import Iterable
from dataclasses import replace
from pathlib import Path

import pytest
from hypothesis import given, settings

from ecoaudit.errors import FileFormatError, NotFoundError
from ecoaudit.estimate import Estimate
from ecoaudit.explaining import SHEETS, Explanation, Figure, Sheet, explain, open_sheet
from ecoaudit.explaining.ledger_sheet import LedgerSheet
from ecoaudit.explaining.methods import OF_PLACES, OF_PLANS, OF_RUNS
from ecoaudit.explaining.plan_sheet import PlanSheet
from ecoaudit.formulas import Formula
from ecoaudit.scenario.account import Account
from tests.explaining.conftest import SheetOf
from tests.explaining.samples import LEDGERS, PLANS, SCENARIOS
from tests.lifecycle.accounts import accounts, ledger

DOCS = Path(__file__).parents[2] / "docs"


def hold(sheet: Sheet, figures: Iterable[Figure]) -> tuple[int, int]:
    """Check each figure; how many follow from others, and how many are known."""
    follow = known = 0
    for figure in figures:
        found = explain(sheet, figure)
        assert sheet.find(figure.key) == figure
        assert not found.contradiction
        if found.derivation is None:
            assert found.method is not None, figure.key
            assert found.method.what, figure.key
            assert found.inputs == {}, figure.key
            assert found.recomputed is None, figure.key
        else:
            assert found.method is None
            assert found.check.endswith("they agree"), figure.key
            values = {name: given.estimate.number for name, given in found.inputs.items()}
            again = Formula.parse(found.derivation.formula)(values)
            said = figure.estimate.number
            assert math.isclose(again, said, rel_tol=1e-9, abs_tol=found.rounding), figure.key
            assert figure.key not in found.derivation.inputs.values(), figure.key
        follow += found.derivation is not None
        known += figure.estimate.known
        assert bool(found.interval) is figure.estimate.known, figure.key
    return follow, known


# At least this share of the figures that are known can be recomputed.
@pytest.mark.parametrize(
    ("name", "share"),
    [
        *(("command", 0.1), ("training", 0.2), ("bench", 0.4), ("sites", 0.1)),
        *(("ranks", 0.05), ("ranks in two countries", 0.03)),
        *(("vllm", 0.5), ("guidellm", 0.5), ("aiperf", 0.6), ("ml-energy", 0.5)),
        ("older bench", 0.35),
    ],
)
def test_each_figure_of_a_run_follows_or_is_said_to_be_a_reading(
    name: str, share: float, sheet_of: SheetOf
) -> None:
    sheet = sheet_of(name)
    follow, known = hold(sheet, sheet.listed())
    assert follow >= share * known


@pytest.mark.parametrize("name", PLANS)
def test_each_figure_of_a_plan_with_all_of_it_follows_or_is_said_to_be_what_it_is(
    name: str, sheet_of: SheetOf
) -> None:
    sheet = sheet_of(name)
    assert isinstance(sheet, PlanSheet)
    follow, known = hold(sheet, sheet.every())
    assert follow >= 0.6 * known


@pytest.mark.parametrize("name", SCENARIOS)
def test_each_figure_of_a_plan_of_a_bundled_scenario(name: str, sheet_of: SheetOf) -> None:
    sheet = sheet_of(name)
    assert isinstance(sheet, PlanSheet)
    follow, known = hold(sheet, sheet.every())
    assert follow >= 0.6 * known


@pytest.mark.parametrize("name", LEDGERS)
def test_each_figure_of_a_ledger_follows_but_inputs_and_what_other_accounts_say(
    name: str, sheet_of: SheetOf
) -> None:
    sheet = sheet_of(name)
    hold(sheet, sheet.listed())
    left = {
        figure.group
        for figure in sheet.listed()
        if figure.estimate.known and explain(sheet, figure).derivation is None
    }
    assert left <= {"inputs", "conventions", "uncertainty", "sci", "rows"}
    assert "rows" not in left or name.startswith("federat")  # a central run beside it
    busy = (
        "busy",
        "bloom-training",
    )  # scores are of calendar time, whose lines are not in the file
    assert "sci" not in left or name in busy


@settings(max_examples=25, deadline=None)
@given(account=accounts())
def test_each_figure_of_any_account_follows_or_is_an_input(account: Account) -> None:
    sheet = LedgerSheet(ledger(account))
    follow, known = hold(sheet, sheet.listed())
    assert follow >= 0.3 * known


@pytest.mark.parametrize("name", ["clinic", "busy"])
def test_intervals_of_a_ledger_are_drawn_again(name: str, sheet_of: SheetOf) -> None:
    sheet = sheet_of(name)
    for key in ("total", "by_stage.serving-idle", "per_unit.patient-year", "impacts.water"):
        found = explain(sheet, sheet.find(key))
        assert found.ends == pytest.approx(found.figure.estimate.numbers[1:], rel=1e-12)
        assert "draws of all inputs, seed" in found.interval


def edited(figure: Figure) -> Figure:
    """The same with another value."""
    value, low, high = figure.estimate.numbers
    other = value * 1.001 + 1e-6
    estimate = replace(figure.estimate, value=other, low=min(low, other), high=max(high, other))
    return replace(figure, estimate=estimate)


@pytest.mark.parametrize("name", ["sites", "grid that fails", "busy"])
def test_any_other_value_of_a_figure_that_follows_is_caught(name: str, sheet_of: SheetOf) -> None:
    sheet = sheet_of(name)
    caught = 0
    for figure in sheet.listed():
        if explain(sheet, figure, with_ends=False).derivation is not None:
            found = explain(sheet, edited(figure), with_ends=False)
            assert "does not follow from its formula, which gives" in found.contradiction
            caught += 1
    assert caught > 10


def test_an_interval_that_was_edited_is_caught(sheet_of: SheetOf) -> None:
    sheet = sheet_of("clinic")
    figure = sheet.find("total")
    wider = replace(figure.estimate, high=figure.estimate.numbers[2] * 1.01)
    found = explain(sheet, replace(figure, estimate=wider))
    assert found.agrees
    assert "does not follow from the draws of its inputs" in found.contradiction


# -- what single figures follow from ---------------------------------------------------------------


def formula(sheet: Sheet, key: str) -> str:
    found = explain(sheet, sheet.find(key))
    return "" if found.derivation is None else found.derivation.formula


def input_of(found: Explanation, name: str) -> Estimate:
    return found.inputs[name].estimate


def test_carbon_of_a_run_names_grid_and_pue(sheet_of: SheetOf) -> None:
    sheet = sheet_of("command")
    found = explain(sheet, sheet.find("operational_kgco2e"))
    assert found.derivation is not None
    assert found.derivation.formula == "energy_j / 3.6e6 * pue * grid_g_per_kwh / 1000"
    assert found.derivation.inputs["grid_g_per_kwh"] == "settings.grid.intensity"
    assert input_of(found, "pue").value == 1.2
    assert input_of(found, "energy_j").value == pytest.approx(500)
    assert "grid of Kenya" in input_of(found, "grid_g_per_kwh").source
    assert [
        f.key for f in sheet.listed() if f.key.startswith("windows.work") and "dur" in f.key
    ] == [
        "windows.work.duration_s",
        "windows.work#2.duration_s",
    ]


def test_a_loops_energy_per_step_is_of_its_windows(sheet_of: SheetOf) -> None:
    sheet = sheet_of("training")
    found = explain(sheet, sheet.find("energy_per_step_j"))
    assert found.derivation is not None
    windows = [key for name, key in found.derivation.inputs.items() if name != "steps"]
    assert len(windows) == 2  # one on each side of the evaluation
    assert all(key.startswith("windows.steps") for key in windows)


def test_a_bench_tells_marginal_and_allocated_energy(sheet_of: SheetOf) -> None:
    sheet = sheet_of("bench")
    assert formula(sheet, "curve.2.marginal_energy_per_request_j") == (
        "(energy_j - rest_power_w * duration_s) / requests"
    )
    key = "curve.1.whole_run.allocated_energy_per_used_result_j"
    assert formula(sheet, key) == "allocated_energy_per_request_j / used_fraction"
    assert formula(sheet, "idle_power_w") == "gpu_0 / duration_s"
    late = explain(sheet, sheet.find("curve.2.ttft_s_p95"))
    assert late.figure.key == "curve.2.steady.ttft_s_p95"
    assert late.derivation is None
    assert late.method is not None
    assert late.method.what == "a percentile of the requests' own times, which are not kept"


def test_a_federation_sums_its_sites(sheet_of: SheetOf) -> None:
    sheet = sheet_of("sites")
    found = explain(sheet, sheet.find("operational_kgco2e"))
    assert found.derivation is not None
    assert set(found.derivation.inputs.values()) == {
        f"settings.sites.{number}.operational_kgco2e" for number in range(3)
    }


def test_a_plans_money_names_each_part(sheet_of: SheetOf) -> None:
    sheet = sheet_of("grid that fails")
    assert formula(sheet, "running_usd_per_year") == (
        "energy_usd_per_year + upkeep_s * 12 * staff_usd_per_s + capital_usd * maintenance"
    )
    found = explain(sheet, sheet.find("present_value_usd"))
    assert {"discount_rate", "life_s", "duty", "disposal_usd"} <= found.inputs.keys()
    assert "fuel_usd_per_l" in explain(sheet, sheet.find("energy_usd_per_year")).inputs
    assert formula(sheet, "limits.circuit_power.margin") == "(there - need_high) / there"
    margin = explain(sheet, sheet.find("limits.circuit_power.margin"))
    assert input_of(margin, "there").value == 3000
    assert formula(sheet, "alternatives.cloud-gpu.usd_per_year") == (
        "gpu_usd_per_s * opening_s * days_per_year"
    )


def test_with_prices_by_the_hour_the_bill_is_not_recomputed(sheet_of: SheetOf) -> None:
    sheet = sheet_of("price by the hour")
    assert formula(sheet, "energy_usd_per_year") == ""
    assert "hour by hour" in sheet.method(sheet.find("energy_usd_per_year")).what


def test_an_input_of_a_ledger_says_all_that_is_known_of_it(sheet_of: SheetOf) -> None:
    sheet = sheet_of("clinic")
    found = explain(sheet, sheet.find("grid_g_per_kwh"))
    assert found.derivation is None
    assert "80 % between" in found.interval
    assert found.figure.estimate.source == "the test: 400.0 gCO2e/kWh by 1.2"
    assert found.as_data()["figure"]["value"] == 400.0


# -- keys ------------------------------------------------------------------------------------------


def test_ends_are_figures_too(sheet_of: SheetOf) -> None:
    sheet = sheet_of("clinic")
    total = sheet.find("total").estimate
    assert sheet.find("total.low").estimate.value == total.low
    assert sheet.find("total.high").estimate.value == total.high


def test_figures_of_any_option_have_keys(sheet_of: SheetOf) -> None:
    sheet = sheet_of("grid that fails")
    assert isinstance(sheet, PlanSheet)
    ids = {figure.group for figure in sheet.every() if figure.name == "tpot_s"}
    assert len(ids) > 5
    for each in ids:
        assert sheet.find(f"options.{each}.capital_usd").group == each
    first = sheet.find("capital_usd")
    assert sheet.find(f"options.{first.group}.capital_usd") == first
    with pytest.raises(NotFoundError, match=r"no option in 'options.Qwen3 8B.capital_usd'"):
        sheet.find("options.Qwen3 8B.capital_usd")


@pytest.mark.parametrize(
    ("name", "key", "hint"),
    [
        ("command", "enrgy_j", "did you mean 'energy_j'"),
        ("grid that fails", "limits.circuit_powr", "did you mean 'limits.circuit_power'"),
        ("clinic", "by_stage.serving_idle", "'by_stage.serving-idle'"),
    ],
)
def test_a_misspelt_key_names_the_nearest(
    name: str, key: str, hint: str, sheet_of: SheetOf
) -> None:
    sheet = sheet_of(name)
    with pytest.raises(NotFoundError, match=hint):
        sheet.find(key)


def test_keys_are_unique(sheet_of: SheetOf) -> None:
    for name in ("bench", "off the grid", "busy"):
        keys = [figure.key for figure in sheet_of(name).listed()]
        assert len(keys) == len(set(keys))


def test_there_is_a_sheet_for_each_kind_of_file(tmp_path: Path) -> None:
    assert [schema.split("/")[0] for schema in SHEETS] == [
        f"ecoaudit.{kind}" for kind in ("run", "plan", "ledger")
    ]
    (tmp_path / "x.json").write_text('{"schema": "other/1"}')
    with pytest.raises(FileFormatError, match="found schema 'other/1'"):
        open_sheet(tmp_path / "x.json")


@pytest.mark.parametrize(
    "page", sorted({m.page for t in (OF_RUNS, OF_PLANS, OF_PLACES) for _, m in t if m.page})
)
def test_the_pages_of_methods_are_there(page: str) -> None:
    name, _, anchor = page.removeprefix("docs/").partition("#")
    text = (DOCS / name).read_text("utf-8")
    heads = {
        line.lstrip("# ").lower().replace(" ", "-") for line in text.splitlines() if line[:1] == "#"
    }
    assert not anchor or anchor in heads
