"""Ledgers of plans: what the plan reckoned comes back, stage by stage."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest

from ecoaudit.errors import UsageError
from ecoaudit.ledger import Ledger, Scope, Stage
from ecoaudit.lifecycle.accounting import Case, ledger_of
from ecoaudit.lifecycle.of_plan import account_of_option, option_named
from ecoaudit.lifecycle.of_run import RunFiles
from ecoaudit.plan import Plan, load_plan
from ecoaudit.planning import make_plan
from ecoaudit.scenario import load_scenario
from tests.lifecycle.accounts import FEW

SCENARIOS = ("urban-clinic-summaries", "solar-rural-screening", "district-hospital-notes")


@pytest.fixture(scope="module", params=SCENARIOS)
def plan(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Plan:
    """A bundled scenario's plan, as its file holds it."""
    path = tmp_path_factory.mktemp("plan") / "plan.json"
    make_plan(load_scenario(request.param)).save(path)
    return load_plan(path)


def made(plan: Plan, name: str | None = None) -> Ledger:
    told = account_of_option(plan, option_named(plan, name), Path("plan.json"))
    return ledger_of(Case(told.account, RunFiles(Path()), FEW, doubts=told.doubts))


def test_energy_and_operation_are_the_plans(plan: Plan) -> None:
    for option in plan.options[:12]:
        if "energy_j_per_year" not in option.quantities:
            continue
        if not option.quantities["operational_kgco2e_per_year"].known:
            with pytest.raises(UsageError, match="is at a site without a grid"):
                made(plan, option.id)
            continue
        found = made(plan, option.id)
        year_j = option.quantities["energy_j_per_year"].number
        assert found.energy.number * 3.6e6 == pytest.approx(year_j, rel=1e-9)
        kept = [
            line.quantity.number
            for line in found.lines
            if line.quantity.known
            and (
                line.stage in {Stage.ACTIVE, Stage.IDLE, Stage.FACILITY}
                or line.id.endswith("panels/chain")
            )
        ]
        operational = option.quantities["operational_kgco2e_per_year"].number
        assert sum(kept) == pytest.approx(operational, rel=1e-9)


def test_a_site_without_a_grid_buys_nothing(plan: Plan) -> None:
    off_grid = plan.scenario["site"]["grid"] is False
    refused = 0
    for option in plan.options:
        if "energy_j_per_year" not in option.quantities:
            continue
        try:
            found = made(plan, option.id) if off_grid else None
        except UsageError:
            refused += 1
            continue
        if found is not None:
            bought = found.by_scope.get(Scope.ELECTRICITY)
            assert bought is None or not bought.known
    assert (refused > 0) == off_grid


def test_a_plan_of_an_older_version_is_told_to_be_made_again(plan: Plan) -> None:
    older = replace(plan, scenario={k: v for k, v in plan.scenario.items() if k != "demand"})
    with pytest.raises(UsageError, match="plan again with this one"):
        made(older)


def test_diesel_is_scope_one(plan: Plan) -> None:
    found = made(plan)
    burnt = found.by_scope.get(Scope.FUEL)
    has_generator = plan.scenario["site"]["generator"] is not None
    assert (burnt is not None and burnt.number > 0) == has_generator


def test_an_option_of_which_no_energy_is_known_is_refused(plan: Plan) -> None:
    unheld = [each.id for each in plan.options if "energy_j_per_year" not in each.quantities]
    if unheld:
        with pytest.raises(UsageError, match="the plan has no energy of option"):
            option_named(plan, unheld[0])
    with pytest.raises(UsageError, match="no option 'nothing' in the plan"):
        option_named(plan, "nothing")
