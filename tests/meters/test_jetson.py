"""A Jetson's sensor in a /sys made of files."""

from __future__ import annotations

from pathlib import Path

import pytest

from ecoaudit.errors import MeterUnavailableError
from ecoaudit.measurement import HOST_PARTS, MODULE
from ecoaudit.meters.jetson import JetsonMeter, NoJetsonError
from tests.standins.sysfs import Sysfs, measured

ORIN_NANO = {"VDD_IN": (4960, 1500), "VDD_CPU_GPU_CV": (4960, 300), "VDD_SOC": (4960, 290)}
AGX_ORIN = {"VDD_GPU_SOC": (19000, 300), "VDD_CPU_CV": (19000, 100), "VIN_SYS_5V0": (5000, 800)}


@pytest.fixture
def machine(tmp_path: Path) -> Sysfs:
    return Sysfs(tmp_path / "sys")


def test_the_whole_module_and_none_of_its_rails(machine: Sysfs) -> None:
    folder = machine.jetson(ORIN_NANO, "NVIDIA Jetson Orin Nano")
    meter = JetsonMeter(machine.root)
    (device,) = meter.devices()
    assert (device.id, device.kind, device.boundary) == ("jetson-module", "module", MODULE)
    assert MODULE in HOST_PARTS
    assert device.name == "NVIDIA Jetson Orin Nano"
    (reading,) = meter.read(0.0)
    assert reading.power_w == pytest.approx(7.44)
    (folder / "curr1_input").write_text("3000\n")
    assert meter.read(0.1)[0].power_w == pytest.approx(14.88)
    assert meter.doubts() == []
    meter.close()
    meter.close()


def test_a_run_holds_the_module_in_place_of_its_parts(machine: Sysfs, tmp_path: Path) -> None:
    machine.jetson({"VDD_IN": (5000, 2000)})
    run = measured(machine, tmp_path)
    duration_s = run["summary"]["duration_s"]["value"]
    energy = run["summary"]["energy_j"]
    assert energy["value"] == pytest.approx(10.0 * duration_s, rel=1e-3)
    assert energy["basis"] == "measured"
    assert [device["boundary"] for device in run["devices"]] == ["module"]
    for part in ("gpu_energy_j", "cpu_energy_j", "dram_energy_j"):
        assert run["summary"][part]["value"] is None


def test_a_sensor_that_fails_gives_nothing_and_says_so(machine: Sysfs) -> None:
    folder = machine.jetson(ORIN_NANO)
    meter = JetsonMeter(machine.root)
    (folder / "curr1_input").write_text("0\n")
    assert meter.read(0.0)[0].power_w is None
    (said,) = meter.doubts()
    assert (said.code, said.message) == (
        "module-failed",
        "Jetson Test: its sensor does not always answer (4960 mV, 0 mA)",
    )
    meter.close()


def test_a_module_without_a_sensor_for_the_whole_is_refused(machine: Sysfs) -> None:
    machine.jetson(AGX_ORIN, "Jetson AGX Orin")
    with pytest.raises(MeterUnavailableError) as caught:
        JetsonMeter(machine.root)
    assert not isinstance(caught.value, NoJetsonError)
    assert str(caught.value) == (
        "Jetson AGX Orin has no sensor for the whole module, only for VDD_CPU_CV, VDD_GPU_SOC,"
        " VIN_SYS_5V0; measure with a meter at the plug: --wall"
    )


def test_a_channel_that_is_switched_off_is_no_sensor(machine: Sysfs) -> None:
    folder = machine.jetson({"VDD_IN": (4960, 1500)})
    (folder / "in1_enable").write_text("0\n")
    with pytest.raises(MeterUnavailableError, match="no sensor for the whole module at all"):
        JetsonMeter(machine.root)


def test_a_sensor_that_cannot_be_read(machine: Sysfs) -> None:
    folder = machine.jetson(ORIN_NANO)
    (folder / "curr1_input").unlink()
    with pytest.raises(MeterUnavailableError, match=r"VDD_IN cannot be read .*; run as a user"):
        JetsonMeter(machine.root)


def test_the_same_chip_on_another_computer(machine: Sysfs) -> None:
    machine.jetson(ORIN_NANO)
    (machine.root / "firmware" / "devicetree" / "base" / "compatible").write_text("acme,board\0")
    with pytest.raises(NoJetsonError):
        JetsonMeter(machine.root)
