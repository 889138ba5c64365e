"""What every member of the family keeps to, and which of them a machine gets."""

from __future__ import annotations

import json
import os
from collections.abc import Iterator
from pathlib import Path

import pytest

from ecoaudit.errors import FileFormatError, UsageError
from ecoaudit.measurement import BOARD, DRAM, HOST_PARTS, MODULE, PACKAGE
from ecoaudit.meters import METERS, open_meters, probe_all
from ecoaudit.process_tree import ProcessTree
from tests.meters.conftest import OnGpus
from tests.standins.nvml import Constant, StandInGpu, distinct
from tests.standins.powercap import PowercapTree, public_folder, server, unprivileged
from tests.standins.sysfs import Sysfs

TRACE = Path(__file__).parents[1] / "data" / "trace-constant-100w.csv"

# No test of this file may meet the machine's own GPUs: those with NVIDIA's run in a process of
# theirs, and the others' are files.
pytestmark = pytest.mark.usefixtures("_no_gpu", "machine")


@pytest.fixture
def _no_gpu(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(METERS, "nvidia", _without_gpu)


@pytest.fixture
def machine(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Sysfs:
    monkeypatch.setenv("ECOAUDIT_SYSFS", str(tmp_path / "machine"))
    return Sysfs(tmp_path / "machine")


def _without_gpu(tree: ProcessTree) -> object:
    from ecoaudit.meters.nvidia import NoGpuError

    raise NoGpuError("no NVIDIA driver is installed")


@pytest.fixture
def powercap(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[PowercapTree]:
    with PowercapTree(tmp_path / "sys", server()) as tree:
        monkeypatch.setenv("ECOAUDIT_POWERCAP", str(tree.sysfs / "class" / "powercap"))
        yield tree


@pytest.fixture
def nothing(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("ECOAUDIT_POWERCAP", str(tmp_path / "empty"))


def own_tree() -> ProcessTree:
    return ProcessTree(os.getpid())


@pytest.mark.parametrize("name", [name for name in METERS if name != "nvidia"])
def test_every_meter_keeps_to_the_protocol(
    name: str, powercap: PowercapTree, machine: Sysfs, monkeypatch: pytest.MonkeyPatch
) -> None:
    machine.amd()
    machine.amd("0000:05:00.0", integrated=True)
    machine.jetson({"VDD_IN": (5000, 1000)})
    monkeypatch.setenv("ECOAUDIT_REPLAY", str(TRACE))
    meter = METERS[name](own_tree())
    devices = list(meter.devices())
    assert meter.name == name
    assert len({device.id for device in devices}) == len(devices) > 0
    for device in devices:
        assert device.boundary in HOST_PARTS
        assert device.source
        assert device.relative_low < 1
    first = meter.read(10.0)
    last = meter.read(11.0)
    assert [r.device_id for r in first] == [r.device_id for r in last] == [d.id for d in devices]
    for before, after in zip(first, last, strict=True):
        assert (before.t_s, after.t_s) == (10.0, 11.0)
        if before.energy_j is None or after.energy_j is None:  # sampled power
            assert before.power_w is not None
            assert after.power_w is not None
            assert after.power_w > 0
        else:
            assert after.energy_j >= before.energy_j >= 0
    assert meter.doubts() == []
    meter.close()
    meter.close()


def test_sensors_are_taken_where_there_are_any(powercap: PowercapTree) -> None:
    meters, doubts = open_meters(own_tree())
    assert [meter.name for meter in meters] == ["rapl"]
    assert doubts == []


def test_without_sensors_both_parts_are_modelled_and_doubted(nothing: None) -> None:
    meters, doubts = open_meters(own_tree())
    assert [meter.name for meter in meters] == ["modelled-cpu", "modelled-ram"]
    assert [doubt.code for doubt in doubts] == ["cpu-modelled", "ram-modelled"]
    assert doubts[0].message.startswith("the energy of the CPU is modelled: there is no energy")
    assert "ECOAUDIT_CPU_TDP_W" in doubts[0].remedy
    assert all(doubt.remedy for doubt in doubts)


def test_memory_is_modelled_beside_a_measured_package(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    with PowercapTree(tmp_path, server(dram=None)) as tree:
        monkeypatch.setenv("ECOAUDIT_POWERCAP", str(tree.sysfs / "class" / "powercap"))
        meters, doubts = open_meters(own_tree())
    methods = {d.boundary: d.method for meter in meters for d in meter.devices()}
    assert methods == {PACKAGE: "rapl-powercap", DRAM: "modelled-ram"}
    (doubt,) = doubts
    assert doubt.message == (
        "the energy of the memory is modelled: the processor has no counter for it"
    )
    assert "plug" in doubt.remedy


def test_closed_counters_give_a_model_and_the_exact_remedy(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    with public_folder() as folder, PowercapTree(folder, server(core=False)) as tree:
        where = tree.sysfs / "class" / "powercap"
        monkeypatch.setenv("ECOAUDIT_POWERCAP", str(where))
        for zone in ("intel-rapl:0", "intel-rapl:0:0"):
            tree.deny(zone)
        with unprivileged():
            meters, doubts = open_meters(own_tree())
            probes = probe_all()
    assert [meter.name for meter in meters] == ["modelled-cpu", "modelled-ram"]
    assert "closed to this user" in doubts[0].message
    assert doubts[0].remedy.startswith(f"run `sudo chmod a+r {where}/intel-rapl*:*/energy_uj`")
    assert [probe.state for probe in probes] == [*["absent"] * 2, "modelled", "modelled", "absent"]
    assert probes[2].remedy.startswith("run `sudo chmod")


def test_a_replay_stands_in_for_everything(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("ECOAUDIT_REPLAY", str(TRACE))
    meters, doubts = open_meters(own_tree())
    assert [meter.name for meter in meters] == ["replay"]
    assert doubts == []
    (probe,) = probe_all()
    assert (probe.meter, probe.state) == ("replay", "measured")
    assert "trace-constant-100w.csv" in probe.detail
    assert "unset ECOAUDIT_REPLAY" in probe.remedy


def test_a_replay_that_is_not_there_is_an_error(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("ECOAUDIT_REPLAY", "nowhere.csv")
    with pytest.raises(FileFormatError, match="ECOAUDIT_REPLAY names a trace"):
        open_meters(own_tree())


def test_one_closed_package_gets_the_whole_cpu_modelled(monkeypatch: pytest.MonkeyPatch) -> None:
    """A sum without one of the sockets is no energy of the CPU; the memory stays measured."""
    zones = server(packages=2, core=False)
    with public_folder() as folder, PowercapTree(folder, zones) as tree:
        monkeypatch.setenv("ECOAUDIT_POWERCAP", str(tree.sysfs / "class" / "powercap"))
        tree.deny("intel-rapl:1")
        with unprivileged():
            meters, doubts = open_meters(own_tree())
        tree.allow("intel-rapl:1")
        tree.deny("intel-rapl:0:0")
        with unprivileged():
            without_memory, others = open_meters(own_tree())
    methods = {d.id: d.method for meter in meters for d in meter.devices()}
    assert methods == {
        "dram-0": "rapl-powercap", "dram-1": "rapl-powercap", "cpu": "modelled-cpu"
    }  # fmt: skip
    (said,) = doubts
    assert said.code == "cpu-modelled"
    assert said.message == (
        "the energy of the CPU is modelled:"
        " the energy counters of CPU package-1 are closed to this user"
    )
    assert said.remedy.startswith("run `sudo chmod a+r")
    ids = [d.id for meter in without_memory for d in meter.devices()]
    assert ids == ["cpu-package-0", "cpu-package-1", "ram"]
    assert [said.code for said in others] == ["ram-modelled"]


def test_a_counter_that_stands_still_is_told_by_the_probe(powercap: PowercapTree) -> None:
    with powercap.run({"intel-rapl:0:1": 20.0}):
        _, _, cpu, memory, _ = probe_all()
    assert (cpu.meter, cpu.state) == ("rapl", "absent")
    assert cpu.detail == "the counter of CPU package-0 stood still for 0.1 s"
    assert "--wall" in cpu.remedy
    assert memory.state == "measured"


def test_probes_of_a_machine_with_sensors(powercap: PowercapTree) -> None:
    with powercap.run({"intel-rapl:0": 80.0, "intel-rapl:0:1": 20.0}):
        nvidia, amd, cpu, memory, wall = probe_all()
    assert (nvidia.what, nvidia.state, nvidia.remedy) == ("NVIDIA GPUs", "absent", "")
    assert (amd.what, amd.state, amd.remedy) == ("AMD GPUs", "absent", "")
    assert (wall.what, wall.state) == ("meter at the plug", "absent")
    assert wall.remedy == (
        "`ecoaudit run --wall shelly://HOST -- COMMAND`; kinds: shelly, tasmota, redfish, csv"
    )
    assert (cpu.meter, cpu.state, cpu.remedy) == ("rapl", "measured", "")
    assert (memory.meter, memory.state) == ("rapl", "measured")
    assert cpu.detail == "RAPL energy counter of the CPU package-0 (powercap), taken as +-5 %"


def test_amds_boards_join_the_host(machine: Sysfs, powercap: PowercapTree) -> None:
    machine.amd("0000:03:00.0")
    machine.amd("0000:05:00.0", integrated=True)  # within the package, which is measured
    meters, doubts = open_meters(own_tree())
    assert [meter.name for meter in meters] == ["amd", "rapl"]
    assert [d.boundary for meter in meters for d in meter.devices()] == [BOARD, PACKAGE, DRAM]
    assert doubts == []
    (amd,) = (probe for probe in probe_all() if probe.meter == "amd")
    assert amd.state == "measured"
    assert amd.detail.startswith("Radeon Test at 0000:03:00.0: sampled instantaneous power")
    assert amd.detail.endswith("[answers: instantaneous power]")


def test_amds_graphics_give_the_package_where_rapl_does_not(machine: Sysfs, nothing: None) -> None:
    machine.amd(integrated=True)
    meters, doubts = open_meters(own_tree())
    assert [meter.name for meter in meters] == ["amd-package", "modelled-ram"]
    assert [doubt.code for doubt in doubts] == ["ram-modelled"]
    (cpu,) = (probe for probe in probe_all() if probe.what == "CPU packages")
    assert (cpu.meter, cpu.state) == ("amd-package", "measured")
    assert "CPU and graphics (amdgpu)" in cpu.detail


def test_gpus_that_no_meter_reads_are_told(machine: Sysfs, nothing: None) -> None:
    machine.intel("0000:00:02.0")
    machine.intel("0000:03:00.0")
    machine.other("0000:04:00.0", "0x1a03")
    inside, board = (f"Intel GPU 56a0 at 0000:{place}" for place in ("00:02.0", "03:00.0"))
    _, doubts = open_meters(own_tree())
    assert [(d.code, d.message) for d in doubts if d.code == "gpu-not-read"] == [
        (
            "gpu-not-read",
            f"{inside}: is part of the processor, whose energy is modelled from CPU time alone",
        ),
        ("gpu-not-read", f"{board}: no meter of ours reads Intel's boards"),
    ]
    rows = [probe for probe in probe_all() if probe.what == "other GPUs"]
    assert [row.state for row in rows] == ["absent", "absent"]
    assert rows[1].remedy == "measure with a meter at the plug: --wall"


def test_graphics_within_a_measured_package_are_no_doubt(
    machine: Sysfs, powercap: PowercapTree
) -> None:
    machine.intel("0000:00:02.0")
    _, doubts = open_meters(own_tree())
    assert doubts == []


def test_a_mask_of_amds_that_names_no_gpu(
    machine: Sysfs, nothing: None, monkeypatch: pytest.MonkeyPatch
) -> None:
    machine.amd()
    monkeypatch.setenv("HIP_VISIBLE_DEVICES", "GPU-beef")
    with pytest.raises(UsageError, match="'GPU-beef' names no AMD GPU"):
        open_meters(own_tree())
    (amd,) = (probe for probe in probe_all() if probe.meter == "amd")
    assert amd.state == "absent"
    assert amd.detail == "HIP_VISIBLE_DEVICES: 'GPU-beef' names no AMD GPU of this machine"


def test_a_jetsons_sensor_stands_alone(machine: Sysfs, nothing: None) -> None:
    machine.jetson({"VDD_IN": (5000, 1000)})
    meters, doubts = open_meters(own_tree())
    assert [d.boundary for meter in meters for d in meter.devices()] == [MODULE]
    assert doubts == []
    assert [(probe.meter, probe.state) for probe in probe_all()] == [
        ("jetson", "measured"),
        ("wall", "absent"),
    ]


def test_a_jetson_that_cannot_be_read_is_modelled_and_doubted(
    machine: Sysfs, nothing: None
) -> None:
    machine.jetson({"VDD_CPU_CV": (19000, 100)})
    meters, doubts = open_meters(own_tree())
    assert [meter.name for meter in meters] == ["modelled-cpu", "modelled-ram"]
    assert doubts[0].code == "module-failed"
    assert doubts[0].remedy == "measure with a meter at the plug: --wall"
    assert probe_all()[0].what == "Jetson module"
    assert probe_all()[0].state == "absent"


OPEN_ALL = """
import os
from dataclasses import asdict
from ecoaudit.meters import open_meters, probe_all
from ecoaudit.process_tree import ProcessTree
meters, doubts = open_meters(ProcessTree(os.getpid()))
devices = [device.boundary for meter in meters for device in meter.devices()]
out = [devices, [asdict(doubt) for doubt in doubts], [asdict(probe) for probe in probe_all()]]
"""


def test_gpus_join_the_host(on_gpus: OnGpus, nothing: None) -> None:
    gpus = distinct(StandInGpu(power=Constant(300.0)), StandInGpu(power=Constant(100.0)))
    (devices, doubts, probes), _ = on_gpus(gpus, OPEN_ALL)
    assert devices == [BOARD, BOARD, PACKAGE, DRAM]
    assert [doubt["code"] for doubt in doubts] == ["cpu-modelled", "ram-modelled"]
    assert probes[0]["state"] == "measured"
    assert probes[0]["detail"].count("NVML total energy counter") == 2


def test_a_gpu_that_refuses_is_a_doubt_not_an_error(on_gpus: OnGpus, nothing: None) -> None:
    (devices, doubts, probes), _ = on_gpus([StandInGpu()], OPEN_ALL, no_permission=True)
    assert devices == [PACKAGE, DRAM]
    assert doubts[0]["code"] == "gpu-not-read"
    assert "refuses" in doubts[0]["message"]
    assert "/dev/nvidia" in doubts[0]["remedy"]
    assert (probes[0]["state"], probes[0]["remedy"]) == ("absent", doubts[0]["remedy"])


ASK_ALL = """
from ecoaudit.errors import UsageError
from ecoaudit.meters import open_meters, probe_all
from ecoaudit.process_tree import ProcessTree
try:
    open_meters(ProcessTree(1))
except UsageError as error:
    out = [str(error), [[probe.state, probe.detail] for probe in probe_all()]]
"""


def test_a_mask_with_an_unknown_gpu_is_an_error_that_doctor_shows(
    on_gpus: OnGpus, nothing: None
) -> None:
    mask = {"CUDA_VISIBLE_DEVICES": "GPU-beef"}
    (error, probes), _ = on_gpus([StandInGpu()], ASK_ALL, mask)
    what = "CUDA_VISIBLE_DEVICES: 'GPU-beef' names no GPU of this machine"
    assert error == f"{what}; `nvidia-smi -L` shows their numbers and UUIDs"
    assert probes[0] == ["absent", what]
    assert len(probes) == 5


def test_json_of_a_device(powercap: PowercapTree) -> None:
    """A run file holds the devices: all their details go into JSON."""
    from dataclasses import asdict

    meters, _ = open_meters(own_tree())
    for meter in meters:
        for device in meter.devices():
            assert json.loads(json.dumps(asdict(device), allow_nan=False))["id"] == device.id
