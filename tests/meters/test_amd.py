"""AMD's GPUs in a /sys made of files."""

from __future__ import annotations

from pathlib import Path

import pytest

from ecoaudit.errors import MeterUnavailableError, UsageError
from ecoaudit.estimate import Basis
from ecoaudit.measurement import BOARD, PACKAGE
from ecoaudit.meters import graphics_cards
from ecoaudit.meters.amd import AmdMeter, AmdPackageMeter, NoAmdError
from ecoaudit.trace import Trace
from tests.standins.sysfs import MI250, MI300A, Sysfs, measured

FIRST, SECOND, THIRD = "0000:03:00.0", "0000:83:00.0", "0001:c3:00.0"
UUIDS = {FIRST: 0xBEEF000000000001, SECOND: 0x00C0FFEE00000002, THIRD: 0xBEEF000000000003}


@pytest.fixture
def machine(tmp_path: Path) -> Sysfs:
    return Sysfs(tmp_path / "sys")


@pytest.fixture
def server(machine: Sysfs) -> Sysfs:
    """Three boards, which ROCm counts in another order than the bus."""
    for address in UUIDS:
        machine.amd(address, power_w=100.0)
    machine.node()
    for address in (THIRD, FIRST, SECOND):
        machine.node(address, UUIDS[address])
    return machine


def opened(machine: Sysfs, **environment: str) -> AmdMeter:
    return AmdMeter(machine.root, environment)


def addresses(meter: AmdMeter) -> list[object]:
    return [device.details["pci_bus_id"] for device in meter.devices()]


def test_power_is_integrated(machine: Sysfs) -> None:
    card = machine.amd(power_w=100.0)
    meter = opened(machine)
    (device,) = meter.devices()
    assert (device.kind, device.boundary, device.basis) == ("gpu", BOARD, Basis.MEASURED)
    assert (device.name, device.method) == ("Radeon Test", "amdgpu-power-input")
    assert device.source == (
        "Radeon Test at 0000:03:00.0: sampled instantaneous power (amdgpu), taken as -10 % to +25 %"
    )
    assert device.details["power_limit_w"] == 327.0
    trace = Trace(device)
    for tenth in range(101):  # 5 s at 100 W, then 5 s at 300 W
        card.power(100.0 if tenth <= 50 else 300.0)
        (reading,) = meter.read(tenth / 10)
        assert reading.energy_j is None
        trace.add(reading)
    energy = trace.energy(0.0, 10.0).energy_j
    assert energy.number == pytest.approx(1990.0)  # the step is met between two readings
    assert energy.numbers[1] == pytest.approx(0.9 * 1990.0, rel=0.01)
    assert energy.numbers[2] == pytest.approx(1.25 * 1990.0, rel=0.01)
    assert trace.peak_memory_bytes(0.0, 10.0) == 1048576000.0
    assert meter.doubts() == []
    meter.close()
    meter.close()


def test_where_only_averaged_power_is_given(machine: Sysfs) -> None:
    machine.amd(power_w=61.0, file="power1_average")
    meter = opened(machine)
    (device,) = meter.devices()
    assert (device.method, device.step_s) == ("amdgpu-power-average", 1.0)
    assert meter.read(0.0)[0].power_w == 61.0


def test_no_board(machine: Sysfs) -> None:
    machine.amd(integrated=True)
    machine.intel("0000:04:00.0")
    machine.other("0000:05:00.0", "0x1a03")
    with pytest.raises(NoAmdError):
        opened(machine)


@pytest.mark.parametrize(
    ("mask", "expected"),
    [
        ({}, [FIRST, SECOND, THIRD]),
        ({"ROCR_VISIBLE_DEVICES": "0"}, [THIRD]),
        ({"ROCR_VISIBLE_DEVICES": "2,1"}, [FIRST, SECOND]),
        ({"ROCR_VISIBLE_DEVICES": "GPU-00c0ffee00000002"}, [SECOND]),
        ({"ROCR_VISIBLE_DEVICES": "GPU-00C0"}, [SECOND]),
        ({"ROCR_VISIBLE_DEVICES": "1,7,2"}, [FIRST]),
        ({"ROCR_VISIBLE_DEVICES": "1,1,2"}, [FIRST]),  # a repetition ends it, unlike HIP's
        ({"HIP_VISIBLE_DEVICES": "1,-1,2"}, [FIRST]),
        ({"HIP_VISIBLE_DEVICES": "0,0,1"}, [FIRST, THIRD]),
        ({"HIP_VISIBLE_DEVICES": ""}, [FIRST, SECOND, THIRD]),
        ({"CUDA_VISIBLE_DEVICES": "0"}, [THIRD]),
        ({"HIP_VISIBLE_DEVICES": "1", "CUDA_VISIBLE_DEVICES": "0"}, [FIRST]),
        ({"ROCR_VISIBLE_DEVICES": "1,2", "HIP_VISIBLE_DEVICES": "1"}, [SECOND]),
    ],
)
def test_masks(server: Sysfs, mask: dict[str, str], expected: list[str]) -> None:
    assert addresses(opened(server, **mask)) == expected


def test_a_number_that_hides_others_is_told(server: Sysfs) -> None:
    assert opened(server, HIP_VISIBLE_DEVICES="1,-1").doubts() == []
    mask = "1,7,2"
    (said,) = opened(server, HIP_VISIBLE_DEVICES=mask).doubts()
    what = f"HIP_VISIBLE_DEVICES={mask}: 7 is no GPU of the 3 here"
    assert said.code == "gpu-hidden"
    assert said.message == f"{what}, and ROCm shows nothing from there on"
    assert said.remedy == "name GPUs that are there: `rocminfo`"


def test_a_word_that_names_no_gpu_or_two(server: Sysfs) -> None:
    with pytest.raises(UsageError) as caught:
        opened(server, ROCR_VISIBLE_DEVICES="0,GPU-dead")
    assert str(caught.value) == (
        "ROCR_VISIBLE_DEVICES: 'GPU-dead' names no AMD GPU of this machine;"
        " `rocminfo` shows their order and their UUIDs"
    )
    with pytest.raises(UsageError, match="'GPU-beef' fits more than one AMD GPU"):
        opened(server, HIP_VISIBLE_DEVICES="GPU-beef")
    with pytest.raises(UsageError, match="'GPU-' names no AMD GPU"):
        opened(server, HIP_VISIBLE_DEVICES="GPU-")


@pytest.mark.parametrize("mask", ["", "-1", "9,0", "NoDevFiles"])
def test_a_mask_that_hides_all(server: Sysfs, mask: str) -> None:
    with pytest.raises(MeterUnavailableError) as caught:
        opened(server, ROCR_VISIBLE_DEVICES=mask)
    assert str(caught.value) == (
        "all 3 AMD GPUs are hidden by ROCR_VISIBLE_DEVICES, and their energy is not counted;"
        " unset that to measure them"
    )


def test_beside_nvidia_the_cuda_mask_is_not_amds(server: Sysfs) -> None:
    server.nvidia_driver()
    assert len(opened(server, CUDA_VISIBLE_DEVICES="GPU-of-nvidia").devices()) == 3


def test_without_rocm_boards_count_as_on_the_bus(machine: Sysfs) -> None:
    for address in (SECOND, FIRST):
        machine.amd(address)
    assert addresses(opened(machine, HIP_VISIBLE_DEVICES="1")) == [SECOND]


def test_ids_are_uuids_or_places(server: Sysfs) -> None:
    ids = [device.id for device in opened(server).devices()]
    assert ids == [f"GPU-{number:016x}" for number in UUIDS.values()]


def test_partitions_are_one_board(machine: Sysfs) -> None:
    machine.amd(FIRST)
    for partition in range(4):
        machine.node(FIRST, UUIDS[FIRST], partition)
    assert addresses(opened(machine, ROCR_VISIBLE_DEVICES="2,3")) == [FIRST]


def test_the_second_die_of_an_mi250_is_not_zero(machine: Sysfs) -> None:
    for address, power_w in ((FIRST, 89.0), (SECOND, 0.0)):
        machine.amd(address, power_w=power_w, device=MI250, name="MI250")
        machine.node(address)
    meter = opened(machine)
    (device,) = meter.devices()
    assert device.source.endswith("both dies of the board")
    (reading,) = meter.read(0.0)
    assert (reading.power_w, reading.memory_bytes) == (89.0, None)
    assert meter.doubts() == []
    alone = opened(machine, ROCR_VISIBLE_DEVICES="1")
    assert alone.devices() == []
    (said,) = alone.doubts()
    assert (said.code, said.message) == (
        "gpu-not-read",
        "MI250 at 0000:83:00.0: gives no power of its own, as the second die of its board",
    )
    assert said.remedy == "measure all dies: unset ROCR_VISIBLE_DEVICES"


def test_two_dies_without_power_are_both_missing(machine: Sysfs) -> None:
    for address in (FIRST, SECOND):
        machine.amd(address, power_w=0.0, device=MI250)
    meter = opened(machine)
    assert meter.devices() == []
    assert [said.code for said in meter.doubts()] == ["gpu-not-read", "gpu-not-read"]


@pytest.mark.parametrize("power_w", [0.0, 0.045, 45000.0])
def test_a_power_of_nothing_or_of_wrong_units_is_not_believed(
    machine: Sysfs, power_w: float
) -> None:
    machine.amd(power_w=power_w)
    meter = opened(machine)
    trace = Trace(meter.devices()[0])
    for tenth in range(20):
        trace.add(meter.read(tenth / 10)[0])
    assert not trace.energy(0.0, 2.0).energy_j.known
    assert [said.code for said in meter.doubts()] == ["gpu-not-read", "gpu-lost"]
    assert f"gives a power of {power_w:g} W, which is not believed" in meter.doubts()[0].message


def test_a_driver_without_power_makes_the_sum_absent(machine: Sysfs) -> None:
    machine.amd(power_w=None)  # a virtual GPU
    meter = opened(machine)
    (device,) = meter.devices()
    assert device.method == "none"
    assert meter.read(0.0)[0].power_w is None
    (said,) = meter.doubts()
    assert said.message == "Radeon Test at 0000:03:00.0: its driver (amdgpu) shows no power"
    assert "--wall" in said.remedy


def test_an_old_driver_is_left_out_with_a_doubt(machine: Sysfs) -> None:
    machine.amd(FIRST, power_w=None, driver="radeon")
    machine.amd(SECOND)
    meter = opened(machine)
    assert addresses(meter) == [SECOND]
    assert [said.code for said in meter.doubts()] == ["gpu-not-read"]


def test_a_sleeping_board_is_left_out_with_a_doubt(machine: Sysfs) -> None:
    card = machine.amd()
    card.refuse()
    (card.folder / "power").mkdir()
    (card.folder / "power" / "runtime_status").write_text("suspended\n")
    meter = opened(machine)
    assert meter.devices() == []
    (said,) = meter.doubts()
    assert "sleeps" in said.message
    assert said.remedy.endswith("/device/power/control` first")


def test_an_mi300a_is_refused(machine: Sysfs) -> None:
    machine.amd(device=MI300A)
    meter = opened(machine)
    assert meter.devices()[0].method == "none"
    assert "CPU, GPU and memory in one" in meter.doubts()[0].message


def test_a_board_that_is_lost(machine: Sysfs) -> None:
    card = machine.amd(power_w=100.0)
    meter = opened(machine)
    assert meter.read(0.0)[0].power_w == 100.0
    (card.sensors / "power1_input").write_text("")
    assert meter.read(0.1)[0].power_w is None
    assert meter.read(0.2)[0].power_w is None
    (said,) = meter.doubts()
    assert said.code == "gpu-lost"
    assert said.message.startswith("Radeon Test at 0000:03:00.0: does not always give its power")
    card.power(100.0)
    assert meter.read(0.3)[0].power_w == 100.0


def test_a_processor_with_graphics_is_a_package(machine: Sysfs) -> None:
    card = machine.amd(power_w=54.0, file="power1_average", integrated=True, name="Radeon 8060S")
    meter = AmdPackageMeter(machine.root)
    (device,) = meter.devices()
    assert (device.kind, device.boundary) == ("cpu", PACKAGE)
    assert device.name == "Radeon 8060S with its CPU"
    (reading,) = meter.read(0.0)
    assert (reading.power_w, reading.memory_bytes) == (54.0, None)
    card.power(0.0, "power1_average")
    assert meter.read(0.1)[0].power_w is None
    assert [said.code for said in meter.doubts()] == ["rapl-failed"]
    meter.close()


def test_a_processor_without_graphics_is_none(machine: Sysfs) -> None:
    machine.amd(FIRST)
    machine.amd(SECOND, integrated=True, power_w=0.015)  # watts given as milliwatts
    with pytest.raises(NoAmdError):
        AmdPackageMeter(machine.root)


def test_a_run_holds_its_energy(machine: Sysfs, tmp_path: Path) -> None:
    machine.amd(power_w=200.0)
    run = measured(machine, tmp_path)
    duration_s = run["summary"]["duration_s"]["value"]
    energy = run["summary"]["gpu_energy_j"]
    assert energy["value"] == pytest.approx(200.0 * duration_s, rel=1e-3)
    assert (energy["basis"], energy["source"]) == ("measured", run["devices"][0]["source"])
    assert run["summary"]["peak_gpu_memory_bytes"]["value"] == 1048576000.0


def test_the_makers_list_of_names(
    machine: Sysfs, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "amdgpu.ids").write_text(
        "# List\n1.0.0\n744C,\tFE,\tAMD Radeon RX 7900 XTX\n744C,\tCC,\tAMD Radeon RX 7900 XT\n"
    )
    monkeypatch.setattr(graphics_cards, "NAMES", (tmp_path / "amdgpu.ids",))
    machine.amd(name="")
    machine.amd("0000:04:00.0", device="0x74a1", name="MI300X of its board")
    names = [device.name for device in opened(machine).devices()]
    assert names == ["AMD Radeon RX 7900 XTX", "MI300X of its board"]
    monkeypatch.setattr(graphics_cards, "NAMES", ())
    assert opened(machine).devices()[0].name == "AMD GPU 744c"
