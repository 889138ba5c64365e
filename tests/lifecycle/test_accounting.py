"""Ledgers: sums that hold, published accounts that come back, files that are refused."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings

from ecoaudit.errors import FileFormatError
from ecoaudit.ledger import Ledger, Scope, Stage, known_sum, load_ledger, reckoned
from ecoaudit.lifecycle.accounting import Options
from ecoaudit.scenario.account import Account, ElectricityUse, Supply
from tests.lifecycle.accounts import FEW, accounts, clinic, ledger, sure

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
    assert set(absent) == {"facility", "grid/losses", "ended/card", "network"}
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
    with pytest.raises(FileFormatError, match=r"by_stage: does not sum to the total"):
        load_ledger(path)


def test_idle_is_told_apart_and_asked_for() -> None:
    active = [ElectricityUse("serving-active", energy=sure(3.6e6, "J"))]
    found: Ledger = ledger(clinic(electricity=active))
    assert "no-idle" in {each.code for each in found.doubts}
    points = {point["clause"]: point["met"] for point in found.sci["points"]}
    assert points["energy (E)"] == "not met"
