"""What a request adds, and its part of the day: the hand calculation of docs/serving.md."""

from __future__ import annotations

import pytest

from ecoaudit.estimate import Basis, Estimate
from ecoaudit.measurement import BOARD, DeviceEnergy, Measurement
from ecoaudit.workloads.energy_shares import ALLOCATED, MARGINAL, energy_shares, per_used_result


def measured(energy_j: float, duration_s: float) -> Measurement:
    energy = Estimate.exact(energy_j, "J", Basis.MEASURED, "test")
    device = DeviceEnergy("gpu", "gpu", BOARD, energy, "test")
    return Measurement("w", "w", 0.0, duration_s, [device])


def requests(value: float) -> Estimate:
    return Estimate.exact(value, "requests", Basis.MEASURED, "test")


@pytest.mark.parametrize(("per_day", "allocated"), [(760, 6941.05), (1520, 3530.53)])
def test_the_example_of_the_docs(per_day: float, allocated: float) -> None:
    found = energy_shares(measured(3000, 30), measured(600, 10), requests(10), requests(per_day))
    assert found[MARGINAL].number == pytest.approx(120)
    assert found[ALLOCATED].number == pytest.approx(allocated, abs=0.01)
    assert {estimate.unit for estimate in found.values()} == {"J/request"}


def test_what_nobody_uses_falls_on_what_is_used() -> None:
    found = energy_shares(measured(3000, 30), measured(600, 10), requests(10), requests(760))
    found["energy_per_request_j"] = Estimate.exact(300, "J/request", Basis.MEASURED, "test")
    fifth = Estimate(0.2, 0.1, 0.4, "", Basis.DECLARED, "a study")
    used = per_used_result(found, fifth)
    assert used["energy_per_used_result_j"].numbers == pytest.approx((1500, 750, 3000))
    assert used["marginal_energy_per_used_result_j"].number == pytest.approx(600)
    assert used["allocated_energy_per_used_result_j"].number == pytest.approx(34705.3, abs=0.1)
    assert {estimate.unit for estimate in used.values()} == {"J/used result"}
    assert per_used_result(found, None) == {}


def test_without_a_rest_or_a_request_there_is_no_figure() -> None:
    window = measured(3000, 30)
    for found, why in (
        (energy_shares(window, None, requests(10), requests(760)), "was not measured at rest"),
        (energy_shares(window, measured(600, 10), requests(0), requests(760)), "no request ended"),
    ):
        assert [estimate.known for estimate in found.values()] == [False, False]
        assert all(why in estimate.source for estimate in found.values())


def test_a_rest_without_a_reading_leaves_no_figure() -> None:
    silent = Measurement(
        "w", "w", 0.0, 10.0, [DeviceEnergy("gpu", "gpu", BOARD, Estimate.absent("J", "lost"), "x")]
    )
    found = energy_shares(measured(3000, 30), silent, requests(10), requests(760))
    assert found[MARGINAL] == Estimate.absent("J/request", "lost")
