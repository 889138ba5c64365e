"""Federated trainings: each site at its own grid, beside one central run."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest

from ecoaudit.ledger import Ledger, Stage, known_sum
from ecoaudit.lifecycle.federated import ledger_of_federation
from ecoaudit.lifecycle.of_run import RunFiles
from ecoaudit.scenario.account import ElectricityUse, Equipment, Supply
from ecoaudit.scenario.federation import Central, FederatedSite, Federation, Spell
from tests.lifecycle.accounts import FEW, YEAR_S, sure, unsure

WEEK_S = 7 * 86400.0


def site(grid: float, minutes: float, waiting: float) -> FederatedSite:
    return FederatedSite(
        supply=Supply(intensity=unsure(grid, "gCO2e/kWh")),
        equipment=[
            Equipment(
                "computer",
                embodied=unsure(300.0, "kgCO2e"),
                life=sure(5 * YEAR_S, "s"),
                reserved=sure(10 * 3600.0, "s"),
            )
        ],
        pue=sure(1.2, ""),
        working=Spell(sure(200.0, "W"), sure(minutes * 60, "s")),
        waiting=Spell(sure(60.0, "W"), sure(waiting * 60, "s")),
    )


FEDERATION = Federation(
    id="three",
    name="Three sites",
    period=sure(WEEK_S, "s"),
    rounds=sure(50.0, "rounds"),
    exchanged=sure(1e8, "bytes"),
    sites={"north": site(400, 6, 24), "south": site(50, 30, 0), "west": site(800, 12, 18)},
    network="fixed",
    central=Central(
        "One run",
        equipment=[Equipment("card", embodied=unsure(150.0, "kgCO2e"), life=sure(3 * YEAR_S, "s"))],
        electricity=[
            ElectricityUse("adaptation", power=sure(250.0, "W"), time=sure(40 * 3600.0, "s"))
        ],
        supply=Supply(intensity=unsure(300.0, "gCO2e/kWh")),
        pue=sure(1.2, ""),
    ),
)


def made(federation: Federation = FEDERATION) -> Ledger:
    return ledger_of_federation(federation, RunFiles(Path("/nowhere")), FEW)


def test_each_site_has_its_own_grid_rounds_and_waiting() -> None:
    lines = {line.id: line.quantity for line in made().lines}
    # 50 rounds of 6 min at 200 W are 1 kWh; of 24 min at 60 W are 1.2 kWh
    assert lines["north/training/grid"].number == pytest.approx(1.0 * 0.4)
    assert lines["north/waiting_for_the_other_sites/grid"].number == pytest.approx(1.2 * 0.4)
    assert lines["south/training/grid"].number == pytest.approx(5.0 * 0.05)
    assert lines["west/training/grid"].number == pytest.approx(2.0 * 0.8)
    # 50 x 100 MB = 5 GB over networks, at the site's own grid
    north = lines["north/network"].number
    assert lines["west/network"].number == pytest.approx(2 * north)


def test_sites_sum_to_the_total_and_the_worst_is_told_over_the_best() -> None:
    found = made()
    sites = [row for row in found.rows if row["kind"] == "site"]
    assert [row["name"] for row in sites] == ["west", "north", "south"]
    whole = known_sum(row["quantity"] for row in sites)
    assert whole == pytest.approx(found.total.number, rel=1e-12)
    worst, best = sites[0]["quantity"].number, sites[-1]["quantity"].number
    assert sites[0]["over_best"].number == pytest.approx(worst / best)


def test_the_central_run_stands_beside() -> None:
    found = made()
    (row,) = [row for row in found.rows if row["kind"] == "instead"]
    assert row["name"] == "One run"
    assert row["quantity"].number == pytest.approx(250 * 40 / 1000 * 0.3 * 1.2 + 150 * 7 / 1095.75)
    assert 0.0 <= row["below"] <= 1.0
    assert row["over_best"].number == pytest.approx(row["quantity"].number / found.total.number)
    assert all(row["kind"] != "instead" for row in made(replace(FEDERATION, central=None)).rows)


def test_the_order_of_sites_changes_nothing() -> None:
    backwards = replace(FEDERATION, sites=dict(reversed(FEDERATION.sites.items())))
    assert made().to_json() == made(backwards).to_json()


def test_waiting_is_idle_electricity_of_its_own() -> None:
    found = made()
    idle = found.by_stage[Stage.IDLE].number
    assert idle == pytest.approx(1.2 * 0.4 + 0.9 * 0.8)


def test_one_site_is_no_federation() -> None:
    with pytest.raises(ValueError, match=r"sites: expected two or more"):
        replace(FEDERATION, sites={"north": site(400, 6, 24)})
