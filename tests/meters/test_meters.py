"""What every member of the family keeps to, and which of them a machine gets."""

from __future__ import annotations

import json
import os
from collections.abc import Iterator
from pathlib import Path

import pytest

from ecoaudit.errors import FileFormatError
from ecoaudit.measurement import BOARD, DRAM, HOST_PARTS, PACKAGE
from ecoaudit.meters import METERS, open_meters, probe_all
from ecoaudit.process_tree import ProcessTree
from tests.meters.conftest import OnGpus
from tests.standins.nvml import Constant, StandInGpu, distinct
from tests.standins.powercap import PowercapTree, public_folder, server, unprivileged

TRACE = Path(__file__).parents[1] / "data" / "trace-constant-100w.csv"

# No test of this file may meet the machine's own GPUs: those with GPUs run in a process of theirs.
pytestmark = pytest.mark.usefixtures("_no_gpu")


@pytest.fixture
def _no_gpu(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(METERS, "nvidia", _without_gpu)


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
    name: str, powercap: PowercapTree, monkeypatch: pytest.MonkeyPatch
) -> None:
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
        assert before.energy_j is not None
        assert after.energy_j is not None
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
    assert [probe.state for probe in probes] == ["absent", "modelled", "modelled"]
    assert probes[1].remedy.startswith("run `sudo chmod")


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


def test_probes_of_a_machine_with_sensors(powercap: PowercapTree) -> None:
    gpus, cpu, memory = probe_all()
    assert (gpus.state, gpus.remedy) == ("absent", "")
    assert (cpu.meter, cpu.state, cpu.remedy) == ("rapl", "measured", "")
    assert (memory.meter, memory.state) == ("rapl", "measured")
    assert cpu.detail == "RAPL energy counter of the CPU package-0 (powercap), taken as +-5 %"


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


def test_a_mask_with_an_unknown_gpu_is_a_doubt(on_gpus: OnGpus, nothing: None) -> None:
    (devices, doubts, _), _ = on_gpus(
        [StandInGpu()], OPEN_ALL, {"CUDA_VISIBLE_DEVICES": "GPU-beef"}
    )
    assert BOARD not in devices
    assert doubts[0]["message"] == ("CUDA_VISIBLE_DEVICES: 'GPU-beef' names no GPU of this machine")


def test_json_of_a_device(powercap: PowercapTree) -> None:
    """A run file holds the devices: all their details go into JSON."""
    from dataclasses import asdict

    meters, _ = open_meters(own_tree())
    for meter in meters:
        for device in meter.devices():
            assert json.loads(json.dumps(asdict(device), allow_nan=False))["id"] == device.id
