"""What a run says of a machine at rest."""

from __future__ import annotations

import pytest

from ecoaudit.estimate import Basis, Estimate
from ecoaudit.measurement import BOARD, DeviceEnergy, Measurement
from ecoaudit.recording import net_of_idle


def measured(name: str, energy_j: float, duration_s: float) -> Measurement:
    energy = Estimate.exact(energy_j, "J", Basis.MEASURED, "a meter")
    device = DeviceEnergy("gpu", "gpu", BOARD, energy, "test")
    return Measurement(name, name, 0.0, duration_s, [device])


@pytest.mark.parametrize("rest", ["idle", "idle_loaded"])
def test_idle_power_names_the_window_that_it_is_of(rest: str) -> None:
    found = net_of_idle(measured("command", 3000, 30), measured(rest, 600, 10))
    assert found["idle_power_w"].source == f"window {rest}, 10.0 s; a meter"
    assert found["idle_power_w"].number == pytest.approx(60)
    assert found["net_energy_j"].number == pytest.approx(1200)
