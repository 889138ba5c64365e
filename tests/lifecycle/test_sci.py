"""Scores against the specifications' own examples, and the points clause by clause."""

from __future__ import annotations

from typing import Any

import pytest

from ecoaudit.ledger import Ledger
from ecoaudit.lifecycle.accounting import Options
from ecoaudit.scenario.account import ElectricityUse, Equipment, Supply, Units
from tests.lifecycle.accounts import clinic, ledger, sure

HOUR_S = 3600.0
YEAR_OF_365_S = 365 * 24 * HOUR_S


def made(
    embodied_kg: float, life_s: float, time_s: float, requests: float = 1.0, kwh: float = 1e-12
) -> Ledger:
    """An hour or so of a machine, and some electricity at 1 kg/kWh."""
    return ledger(
        clinic(
            period=sure(time_s, "s"),
            equipment=[
                Equipment("machine", embodied=sure(embodied_kg, "kgCO2e"), life=sure(life_s, "s"))
            ],
            electricity=[ElectricityUse("serving-active", energy=sure(kwh * 3.6e6, "J"))],
            supply=Supply(intensity=sure(1000.0, "gCO2e/kWh")),
            pue=None,
            network=None,
            water=None,
            units=Units(requests=sure(requests, "requests"), used_fraction=sure(1.0, "")),
        )
    )


def points(found: Ledger) -> dict[str, str]:
    return {f"{one['standard']}: {one['clause']}": one["met"] for one in found.sci["points"]}


def score(found: Ledger) -> float:
    value: float = found.sci["score"].number
    return value


def test_the_specifications_embodied_example() -> None:
    # SCI 1.1: a server of 1,000 kg over four years, used for an hour; the text rounds to 28 g.
    assert score(made(1000.0, 4 * YEAR_OF_365_S, HOUR_S)) == pytest.approx(28.5388, rel=1e-4)


def test_impact_frameworks_recorded_embodied_output() -> None:
    # manifests/outputs, sci-embodied scenario 1: 1,000,000 g and two disks of 100,000 g.
    found = made(1200.0, 126_144_000.0, HOUR_S)
    assert score(found) == pytest.approx(34.24657534246575, rel=1e-9)


def test_impact_frameworks_recorded_score() -> None:
    # manifests/outputs, sci: 5.02 g of carbon over 100 requests.
    found = made(1e-12, YEAR_OF_365_S, HOUR_S, requests=100.0, kwh=0.00502)
    assert score(found) == pytest.approx(0.0502, rel=1e-9)


def test_the_score_is_operation_and_making_over_the_unit() -> None:
    found = ledger(clinic())
    whole = found.sci["operational"].number + found.sci["embodied"].number
    assert whole == pytest.approx(found.total.number, rel=1e-12)
    units = found.per_unit["accepted note"].units.number
    assert score(found) == pytest.approx(1000 * whole / units, rel=1e-12)
    assert found.sci["functional_unit"] == "accepted note"


def test_the_score_takes_calendar_time_whatever_the_ledger_takes() -> None:
    busy = ledger(clinic(amortisation="occupied"))
    assert score(busy) == pytest.approx(score(ledger(clinic())), rel=1e-12)
    assert busy.total.number < ledger(clinic()).total.number


def test_points_follow_what_the_account_has() -> None:
    whole = points(ledger(clinic()))
    name = "SCI 1.1 (ISO/IEC 21031): "
    for clause in ("energy (E)", "embodied emissions (M)", "functional unit (R)"):
        assert whole[name + clause] == "met"
    assert whole[name + "facility overhead (PUE)"] == "met"
    assert whole[name + "carbon intensity (I), off the grid"] == "met"
    assert whole[name + "software boundary, training"] == "not met"
    bare = points(
        ledger(
            clinic(
                supply=Supply(intensity=sure(400.0, "gCO2e/kWh")),
                pue=None,
                network=None,
                upstream=None,
                units=Units(),
                electricity=[ElectricityUse("serving-active", energy=sure(3.6e6, "J"))],
                period=sure(3 * YEAR_OF_365_S, "s"),
            )
        )
    )
    assert bare[name + "energy (E)"] == "not met"
    assert bare[name + "functional unit (R)"] == "not met"
    assert bare[name + "software boundary"] == "not met"
    assert bare[name + "facility overhead (PUE)"] == "not met"
    assert bare[name + "carbon intensity (I), off the grid"] == "not applicable"
    assert bare[name + "software boundary, training"] == "not met"
    assert bare[name + "reporting, time"] == "not met"


def test_adding_others_training_to_the_total_does_not_make_its_point_met() -> None:
    added = ledger(clinic(), Options(draws=500, with_upstream=True))
    point = "SCI 1.1 (ISO/IEC 21031): software boundary, training"
    assert points(added)[point] == "not met"
    assert score(added) == pytest.approx(score(ledger(clinic())), rel=1e-12)


def test_a_training_alone_is_within_its_boundary_and_has_its_hardware() -> None:
    account = clinic(
        electricity=[ElectricityUse("adaptation", energy=sure(100 * 3.6e6, "J"))],
        supply=Supply(intensity=sure(500.0, "gCO2e/kWh")),
        pue=None,
        network=None,
        upstream=None,
        units=Units(training_tokens=sure(1e9, "tokens")),
    )
    found = ledger(account)
    assert points(found)["SCI 1.1 (ISO/IEC 21031): software boundary, training"] == "met"
    assert found.sci["provider"].number == pytest.approx(1000 * found.total.number)


def test_equipment_that_is_known_to_be_missing_leaves_embodied_unmet() -> None:
    found = ledger(clinic(missing={"the computer around the card": "not stated"}))
    assert points(found)["SCI 1.1 (ISO/IEC 21031): embodied emissions (M)"] == "not met"
    assert "making of the computer around the card" in {line.name for line in found.lacking}


def test_provider_and_consumer_are_told_apart() -> None:
    def scores(**units: Any) -> dict[str, Any]:
        account = clinic(
            electricity=[
                ElectricityUse("serving-active", energy=sure(10 * 3.6e6, "J")),
                ElectricityUse("adaptation", energy=sure(40 * 3.6e6, "J")),
            ],
            supply=Supply(intensity=sure(500.0, "gCO2e/kWh")),
            pue=sure(1.5, ""),
            units=Units(requests=sure(1000.0, "requests"), **units),
        )
        return ledger(account).sci

    found = scores(training_tokens=sure(2e9, "tokens"))
    # 40 kWh x 1.5 x 0.5 kg/kWh over two thousand million tokens
    assert found["provider"].number == pytest.approx(1000 * 40 * 1.5 * 0.5 / 2)
    assert found["consumer"].number < found["score"].number
    assert "training_tokens" in scores()["provider"].source
