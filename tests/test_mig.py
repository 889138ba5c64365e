from __future__ import annotations

import pytest

from ecoaudit.estimate import Basis, Estimate
from ecoaudit.measurement import BOARD, Device, DeviceEnergy
from ecoaudit.mig import energy_of_instances


def board(share: float | None) -> Device:
    about: dict[str, str | float | None] = {"mig_share": share}
    return Device("it", "gpu", BOARD, "Test GPU", "test", Basis.MEASURED, "a test", details=about)


def used(energy: Estimate) -> list[DeviceEnergy]:
    return [DeviceEnergy("it", "gpu", BOARD, energy, "test")]


WHOLE = Estimate(700.0, 665.0, 735.0, "J", Basis.MEASURED, "a test")


def test_an_instance_has_its_part_by_slices_and_up_to_all() -> None:
    found = energy_of_instances([board(3 / 7)], used(WHOLE))
    assert found is not None
    assert found.numbers == pytest.approx((300.0, 142.5, 735.0))
    assert found.basis is Basis.MODELLED
    assert found.source == "43% of the board's compute slices (MIG); a test"


def test_all_instances_together_are_the_board() -> None:
    found = energy_of_instances([board(1.0)], used(WHOLE))
    assert found is not None
    assert found.numbers == WHOLE.numbers


def test_no_instance_no_part() -> None:
    assert energy_of_instances([board(None)], used(WHOLE)) is None


def test_an_absent_board_leaves_its_part_absent() -> None:
    found = energy_of_instances([board(0.5)], used(Estimate.absent("J", "lost")))
    assert found == Estimate.absent("J", "lost")
