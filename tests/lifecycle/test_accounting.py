"""Ledgers: sums that hold, published accounts that come back, files that are refused."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings

from ecoaudit.errors import FileFormatError, UsageError
from ecoaudit.estimate import Basis, Estimate
from ecoaudit.ledger import Ledger, Scope, Stage, known_sum, load_ledger, reckoned
from ecoaudit.lifecycle.accounting import Case, Options, ledger_of
from ecoaudit.lifecycle.of_run import RunFiles
from ecoaudit.run import Run, RunKind, RunStatus
from ecoaudit.scenario.account import Account, ElectricityUse, Equipment, Supply, Upstream
from tests.lifecycle.accounts import FEW, YEAR_S, accounts, clinic, ledger, sure

ONE_PART_IN_1E9 = 1e-9


@settings(max_examples=60, deadline=None, suppress_health_check=list(HealthCheck))
@given(accounts())
def test_sums_and_units_hold_for_any_account(account: Account) -> None:
    found = ledger(account, Options(draws=200))
    lines = known_sum(line.quantity for line in found.lines)
    if not found.total.known:
        assert lines == 0
        return
    total = found.total.number
    assert lines == pytest.approx(total, rel=ONE_PART_IN_1E9)
    for sums in (found.by_stage, found.by_scope, found.by_owner):
        assert known_sum(sums.values()) == pytest.approx(total, rel=ONE_PART_IN_1E9)
    for each in found.per_unit.values():
        again = each.quantity.number * each.units.number
        assert again == pytest.approx(total, rel=ONE_PART_IN_1E9)
    for line in found.every_line:
        if line.quantity.known:
            again = reckoned(line.formula, found.inputs)
            assert again == pytest.approx(line.quantity.number, rel=ONE_PART_IN_1E9)
    for impact in found.impacts.values():
        parts = known_sum(line.quantity for line in impact.lines)
        assert parts == pytest.approx(impact.total.value or 0.0, rel=ONE_PART_IN_1E9)


@settings(max_examples=15, deadline=None, suppress_health_check=list(HealthCheck))
@given(accounts())
def test_a_saved_ledger_is_read_as_it_was(account: Account) -> None:
    import tempfile

    found = ledger(account, Options(draws=200))
    with tempfile.TemporaryDirectory() as folder:
        path = found.save(Path(folder) / "ledger.json")
        assert load_ledger(path).to_json() == found.to_json()


def test_scopes_of_each_supply() -> None:
    found = ledger(clinic())
    scopes = {line.id: line.scope for line in found.lines}
    assert scopes["serving_idle/generator"] is Scope.FUEL
    assert scopes["serving_idle/generator/chain"] is Scope.ENERGY
    assert scopes["serving_idle/grid"] is Scope.ELECTRICITY
    assert scopes["serving_idle/grid/chain"] is Scope.ENERGY
    assert scopes["serving_idle/panels/chain"] is Scope.CAPITAL
    assert scopes["made/computer"] is Scope.CAPITAL
    assert scopes["ended/computer"] is Scope.WASTE


def test_figures_by_hand() -> None:
    found = {line.id: line for line in ledger(clinic()).lines}
    # 500 kWh, of which 70 % from the grid at 400 g, 10 % from 0.4 L/kWh at 2.7 kg/L, 20 % sun
    assert found["serving_idle/grid"].quantity.number == pytest.approx(500 * 0.7 * 0.4)
    assert found["serving_idle/generator"].quantity.number == pytest.approx(500 * 0.1 * 0.4 * 2.7)
    assert found["serving_idle/panels/chain"].quantity.number == pytest.approx(500 * 0.2 * 0.117)
    # of what leaves the power station a tenth is lost: 1/9 more than arrives
    lost = found["serving_idle/grid/chain"].quantity.number
    assert lost == pytest.approx(500 * 0.7 * 0.4 / 9)
    cooling = found["facility/serving_idle/grid"].quantity.number
    assert cooling == pytest.approx(500 * 0.3 * 0.7 * 0.4)
    assert found["made/computer"].quantity.number == pytest.approx(300 / 5)
    assert found["network"].quantity.number == pytest.approx(1.0 * 0.06 * 0.4)


def test_electricity_by_contract_stands_beside_that_by_location() -> None:
    found = ledger(clinic())
    bought = [line for line in found.lines if line.market is not None]
    by_place = known_sum(line.quantity for line in bought)
    by_contract = known_sum(line.market for line in bought if line.market is not None)
    assert by_contract == pytest.approx(by_place * 20 / 400)
    changed = found.total.number - by_place + by_contract
    assert found.total_market.number == pytest.approx(changed)
    without = ledger(clinic(supply=replace(clinic().supply, market=None)))
    assert without.total_market.number == without.total.number
    assert "no contract is stated" in without.total_market.source


def test_training_by_others_is_added_only_when_asked() -> None:
    beside = ledger(clinic())
    assert [line.stage for line in beside.beside] == [Stage.UPSTREAM]
    added = ledger(clinic(), replace(FEW, with_upstream=True))
    more = added.total.number - beside.total.number
    # 1,000 t over 1e15 tokens, 10,000 requests of 300
    assert more == pytest.approx(1e6 * 10_000 * 300 / 1e15)
    assert added.beside == []


def test_conventions_of_amortisation() -> None:
    found = {one["name"]: one for one in ledger(clinic()).conventions}
    calendar, busy = found["calendar"]["manufacture"].number, found["busy"]["manufacture"].number
    # A computer that does nothing else: its busy time carries its idle time too.
    assert busy == pytest.approx(calendar)
    assert found["occupied"]["manufacture"].number == pytest.approx(0.05 * calendar)


def test_a_shared_computer_reserved_full_and_marginal() -> None:
    equipment = [replace(each, share=sure(0.25, "")) for each in clinic().equipment]
    found = {one["name"]: one for one in ledger(clinic(equipment=equipment)).conventions}
    full = found["calendar, full"]["manufacture"].number
    assert found["calendar"]["manufacture"].number == pytest.approx(full / 4)
    assert found["calendar, marginal"]["manufacture"].number == 0.0


def test_what_is_not_stated_is_absent_and_never_nothing() -> None:
    bare = clinic(
        supply=Supply(intensity=sure(400.0, "gCO2e/kWh")),
        pue=None,
        water=None,
        network=None,
        upstream=None,
    )
    found = ledger(bare)
    absent = {line.id: line.quantity for line in found.lacking}
    assert set(absent) == {"facility", "grid/losses", "ended/card", "devices", "network"}
    assert all(each.value is None and each.source for each in absent.values())
    assert found.by_stage[Stage.FACILITY].value is None
    assert not found.impacts["water"].total.known
    assert "not-modelled" in {each.code for each in found.doubts}


def test_per_unit_charges_what_nobody_used_to_the_rest() -> None:
    found = ledger(clinic())
    total = found.total.number
    assert found.per_unit["accepted note"].quantity.number == pytest.approx(total / 8_000)
    assert found.per_unit["1000 consultations"].units.number == pytest.approx(10 / 1.2)
    assert found.per_unit["patient-year"].units.number == pytest.approx(10_000 / 1.2 / 6)
    assert found.per_unit["1000 output tokens"].units.number == pytest.approx(3_000)


def test_the_same_account_gives_the_same_file() -> None:
    assert ledger(clinic()).to_json() == ledger(clinic()).to_json()


def test_an_edited_ledger_is_refused(tmp_path: Path) -> None:
    path = ledger(clinic()).save(tmp_path / "ledger.json")
    data = json.loads(path.read_text())
    data["lines"][0]["quantity"]["value"] *= 1.01
    data["lines"][0]["quantity"]["high"] *= 2
    path.write_text(json.dumps(data))
    with pytest.raises(FileFormatError, match=r"does not follow from its formula"):
        load_ledger(path)


def test_a_ledger_whose_stages_do_not_sum_is_refused(tmp_path: Path) -> None:
    path = ledger(clinic()).save(tmp_path / "ledger.json")
    data = json.loads(path.read_text())
    data["by_stage"]["serving-idle"]["value"] = data["by_stage"]["serving-idle"]["low"]
    path.write_text(json.dumps(data))
    with pytest.raises(
        FileFormatError, match=r"by_stage\.serving-idle: is not the sum of its lines"
    ):
        load_ledger(path)


@pytest.mark.parametrize("name", ["generator", "panels", "period", "grid", "serving-idle", "pue"])
def test_no_name_of_the_users_replaces_another_figure(name: str) -> None:
    def total(called: str) -> float:
        thing = Equipment(
            called,
            embodied=sure(1000.0, "kgCO2e"),
            end_of_life=sure(1.0, "kgCO2e"),
            life=sure(10 * YEAR_S, "s"),
            share=sure(0.01, ""),
        )
        use = ElectricityUse(
            "serving-idle", power=sure(7.0, "W"), time=sure(3.6e6, "s"), name=called
        )
        account = clinic()
        return ledger(
            replace(
                account,
                equipment=[*account.equipment, thing],
                electricity=[*account.electricity, use],
            )
        ).total.number

    assert total(name) == pytest.approx(total("something else"), rel=1e-12)


def test_ids_of_lines_are_told_apart(tmp_path: Path) -> None:
    thing = Equipment("grid", embodied=sure(500.0, "kgCO2e"), life=sure(5 * YEAR_S, "s"))
    use = ElectricityUse("serving-idle", energy=sure(3.6e6, "J"), name="made")
    found = ledger(clinic(equipment=[thing], electricity=[use]))
    ids = [line.id for line in found.every_line]
    assert len(set(ids)) == len(ids)
    assert load_ledger(found.save(tmp_path / "ledger.json")).total == found.total


def test_a_pue_whose_interval_goes_below_one_cools_no_less_than_nothing() -> None:
    pue = Estimate(1.05, 1.0, 1.1, "", Basis.DECLARED, "the test")
    found = ledger(clinic(pue=pue))
    assert all((line.quantity.low or 0.0) >= 0.0 for line in found.lines)


def test_busy_time_without_a_utilisation_is_the_time_that_it_is_kept() -> None:
    found = {one["name"]: one["total"] for one in ledger(clinic()).conventions}
    assert found["busy"].numbers == pytest.approx(found["calendar"].numbers, rel=1e-12)


@pytest.mark.parametrize(
    ("changes", "said"),
    [
        ({"reserved": sure(10 * YEAR_S, "s")}, "reserved is 87660 h"),
        ({"busy": sure(2 * YEAR_S, "s")}, "busy is 17532 h"),
        ({"life": sure(3600.0, "s")}, "is kept for longer than its life"),
    ],
)
def test_times_that_cannot_be_are_refused(changes: dict[str, Estimate], said: str) -> None:
    with pytest.raises(ValueError, match=said):
        clinic(equipment=[replace(clinic().equipment[1], **changes)])  # type: ignore[arg-type]


def test_more_tokens_than_all_users_have_are_refused() -> None:
    upstream = Upstream("a model", sure(500e3, "kgCO2e"), sure(10.0, "tokens"))
    with pytest.raises(UsageError, match="tokens of all users, and this account alone has 3e"):
        ledger(clinic(upstream=upstream))


def test_a_run_is_counted_once(tmp_path: Path) -> None:
    energy = {"energy_j": Estimate.exact(3.6e6, "J", Basis.MEASURED, "a meter")}
    run = Run("r1", RunKind.COMMAND, "r", RunStatus.COMPLETE, "2026-01-01T00:00:00Z", 1.0)
    grid = {"zone": "UGA", "fallback": False}
    replace(run, summary=energy, settings={"grid": grid}).save(tmp_path / "run.json")
    once = [ElectricityUse("adaptation", run="run.json")]
    supply = Supply(country="KEN")
    found = ledger_of(Case(clinic(electricity=once, supply=supply), RunFiles(tmp_path), FEW))
    codes = {each.code for each in found.doubts}
    assert {"run-elsewhere", "run-boundary"} <= codes
    with pytest.raises(UsageError, match="run r1 is counted already"):
        ledger_of(Case(clinic(electricity=once * 2, supply=supply), RunFiles(tmp_path), FEW))


def test_idle_is_told_apart_and_asked_for() -> None:
    active = [ElectricityUse("serving-active", energy=sure(3.6e6, "J"))]
    found: Ledger = ledger(clinic(electricity=active))
    assert "no-idle" in {each.code for each in found.doubts}
    points = {point["clause"]: point["met"] for point in found.sci["points"]}
    assert points["energy (E)"] == "not met"
