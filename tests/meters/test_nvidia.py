"""Against the real pynvml and a simulated library; see tests/standins/nvml."""

from __future__ import annotations

import time
from dataclasses import replace
from typing import Any

import pytest

from ecoaudit.errors import MeterUnavailableError
from ecoaudit.meters.nvidia import NoGpuError, NvidiaMeter
from tests.meters.conftest import OnGpus
from tests.standins.nvml import Constant, Square, StandInGpu, distinct, true_energy_j

H100 = StandInGpu(power=Constant(300.0), counter_step_ms=100)
L4 = StandInGpu(power=Constant(60.0), name="NVIDIA L4", power_limit_w=72.0)

OPEN = "meter = NvidiaMeter()\n"
DEVICES = OPEN + "out = [[d.id, d.method, d.source, d.details] for d in meter.devices()]"
WATCH = OPEN + "out = [watch(meter, {seconds}), sentences(meter)]"
TRY = """
try:
    out = [d.id for d in NvidiaMeter().devices()]
except MeterError as error:
    out = [type(error).__name__, str(error)]
"""


def gained_j(rows: list[list[Any]], device: int = 0) -> float:
    return float(rows[-1][device][2] - rows[0][device][2])


def test_a_board_is_described(on_gpus: OnGpus) -> None:
    gpus = distinct(H100, replace(L4, memory_total_bytes=24 * 2**30))
    out, _ = on_gpus(gpus, DEVICES, driver_version="580.1")
    assert [row[0] for row in out] == [gpus[0].uuid, gpus[1].uuid]
    _, method, source, details = out[1]
    assert method == "nvml-energy-counter"
    assert source == "GPU 1 (NVIDIA L4): NVML total energy counter, taken as +-5 %"
    assert details == {
        "index": 1.0,
        "pci_bus_id": "00000000:02:00.0",
        "power_limit_w": 72.0,
        "memory_bytes": 24 * 2**30,
        "driver": "580.1",
        "power_method": "nvml-power-instant",
        "mig": None,
    }


def test_two_boards_are_read_apart(on_gpus: OnGpus) -> None:
    square = Square(50.0, 250.0, period_s=0.3)
    gpus = distinct(
        StandInGpu(power=square, memory_used_bytes=2**30, gpu_utilization=75), replace(L4)
    )
    (rows, faults), origin_s = on_gpus(gpus, WATCH.format(seconds=1.0))
    for index, gpu in enumerate(gpus):
        truth_j = true_energy_j(
            gpu, rows[0][index][1], rows[-1][index][1], origin_monotonic_s=origin_s
        )
        assert gained_j(rows, index) == pytest.approx(truth_j, rel=0.02)
    assert rows[0][0][4:] == [2**30, 0.75]
    assert rows[0][1][3] == pytest.approx(60.0)
    assert rows[0][0][2] < 25.0  # counts from the opening, not from the driver's start
    assert faults == []


@pytest.mark.parametrize(
    ("mask", "shown"), [("1", [1]), ("1,0", [1, 0]), ("GPU-1", [1]), ("0,2,1", [0])]
)
def test_the_mask_selects(on_gpus: OnGpus, mask: str, shown: list[int]) -> None:
    gpus = distinct(H100, H100)
    out, _ = on_gpus(gpus, TRY, {"CUDA_VISIBLE_DEVICES": mask})
    assert out == [gpus[index].uuid for index in shown]


@pytest.mark.parametrize("mask", ["", "-1", "7"])
def test_a_mask_that_hides_all_is_said(on_gpus: OnGpus, mask: str) -> None:
    out, _ = on_gpus(distinct(H100, H100), TRY, {"CUDA_VISIBLE_DEVICES": mask})
    assert out[0] == "MeterUnavailableError"
    assert f"CUDA_VISIBLE_DEVICES={mask} hides all 2 GPUs" in out[1]


def test_numbers_among_unlike_boards_are_doubtful(on_gpus: OnGpus) -> None:
    script = OPEN + "out = sentences(meter)"
    gpus = distinct(H100, L4)
    faults, _ = on_gpus(gpus, script, {"CUDA_VISIBLE_DEVICES": "1"})
    assert len(faults) == 1
    assert "CUDA_DEVICE_ORDER=PCI_BUS_ID" in faults[0]
    order = {"CUDA_VISIBLE_DEVICES": "1", "CUDA_DEVICE_ORDER": "PCI_BUS_ID"}
    assert on_gpus(gpus, script, order)[0] == []


def test_a_mig_instance_is_its_whole_board(on_gpus: OnGpus) -> None:
    instances = ("MIG-11110000-0000-4000-8000-000000000001", "MIG-11110000-0000-4000-8000-2")
    gpus = distinct(H100, replace(H100, mig=True, mig_devices=instances))
    for mask in (instances[1], f"MIG-{gpus[1].uuid}/7/0"):
        out, _ = on_gpus(gpus, DEVICES, {"CUDA_VISIBLE_DEVICES": mask})
        assert [row[0] for row in out] == [gpus[1].uuid]
        assert "whole board" in out[0][2]
        assert out[0][3]["mig"] == "mig_whole_board"


@pytest.mark.parametrize(
    ("gpu", "method"),
    [
        (replace(H100, no_counter=True), "nvml-power-instant"),
        (replace(H100, no_counter=True, no_field_186=True), "nvml-power-average"),
    ],
)
def test_without_a_counter_power_is_sampled(on_gpus: OnGpus, gpu: StandInGpu, method: str) -> None:
    script = OPEN + (
        "out = [meter.devices()[0].method, meter.devices()[0].relative_low, watch(meter, 0.3)]"
    )
    (chosen, doubt, rows), _ = on_gpus([gpu], script)
    assert (chosen, doubt) == (method, 0.1)
    assert [row[0][2] for row in rows] == [None] * len(rows)
    assert all(row[0][3] == pytest.approx(300.0) for row in rows)


def test_neither_counter_nor_power_is_null_with_a_reason(on_gpus: OnGpus) -> None:
    script = OPEN + "out = [meter.devices()[0].method, watch(meter, 0.1), sentences(meter)]"
    (method, rows, faults), _ = on_gpus([replace(H100, no_counter=True, no_power=True)], script)
    assert method == "none"
    assert rows[-1][0][2:4] == [None, None]
    assert "offers neither an energy counter nor power" in faults[0]


def test_a_counter_that_is_set_back_is_bridged_by_power(on_gpus: OnGpus) -> None:
    gpu = replace(H100, counter_step_ms=20, reset_at_s=1.0)
    (rows, faults), _ = on_gpus(
        [gpu], WATCH.format(seconds=1.2), origin_monotonic_s=time.monotonic() - 0.2
    )
    energies = [row[0][2] for row in rows]
    assert energies == sorted(energies)
    duration_s = rows[-1][0][1] - rows[0][0][1]
    assert gained_j(rows) == pytest.approx(300.0 * duration_s, rel=0.06)
    assert any("set back" in fault for fault in faults)


def test_a_counter_that_stands_still_is_not_believed(on_gpus: OnGpus) -> None:
    (rows, faults), _ = on_gpus([replace(H100, stuck_counter=True)], WATCH.format(seconds=1.5))
    duration_s = rows[-1][0][1] - rows[0][0][1]
    assert gained_j(rows) == pytest.approx(300.0 * duration_s, rel=0.02)
    assert any("stood still" in fault for fault in faults)


def test_a_lost_board_is_null_and_said(on_gpus: OnGpus) -> None:
    gpus = distinct(replace(H100, lost_at_s=0.5), L4)
    (rows, faults), _ = on_gpus(
        gpus, WATCH.format(seconds=1.0), origin_monotonic_s=time.monotonic() + 0.3
    )
    assert rows[0][0][2] is not None
    assert rows[-1][0][2:] == [None, None, None, None]
    assert rows[-1][1][2] > 0
    assert any("GPU 0" in fault and "does not answer" in fault for fault in faults)


def test_fast_reading_leaves_the_slow_questions_out(on_gpus: OnGpus) -> None:
    """The recorder reads every 2 ms at an edge: counter and power then, memory now and then."""
    script = OPEN + "out = watch(meter, 0.3, 0.002)"
    rows, _ = on_gpus([replace(H100, counter_step_ms=0)], script)
    powers = [row[0] for row in rows if row[0][3] is not None]
    memories = [row[0] for row in rows if row[0][4] is not None]
    assert 4 <= len(memories) <= 7
    assert len(powers) > 2 * len(memories)
    assert len(rows) > 20
    energies = [row[0][2] for row in rows]
    assert energies == sorted(set(energies))


@pytest.mark.parametrize(
    ("reasons", "said"),
    [(0x04, "held at its power limit"), (0x20, "slowed by its temperature"), (0x01, None)],
)
def test_throttling_is_told(on_gpus: OnGpus, reasons: int, said: str | None) -> None:
    """0x01 is an idle board, which is no throttling."""
    (_, faults), _ = on_gpus(
        [replace(H100, clocks_event_reasons=reasons)], WATCH.format(seconds=0.3)
    )
    assert [said in fault for fault in faults] == ([True] if said else [])


@pytest.mark.parametrize(("programs", "said"), [(1, "another program"), (3, "3 other programs")])
def test_other_programs_on_the_board_are_told(on_gpus: OnGpus, programs: int, said: str) -> None:
    (_, faults), _ = on_gpus([replace(H100, processes=programs)], WATCH.format(seconds=0.3))
    assert len(faults) == 1
    assert said in faults[0]
    assert "counted whole" in faults[0]


@pytest.mark.parametrize(
    ("config", "kind", "message"),
    [
        ({"driver_not_loaded": True}, "MeterUnavailableError", "driver is not loaded"),
        ({"no_permission": True}, "MeterUnavailableError", "may use /dev/nvidia"),
    ],
)
def test_a_driver_that_refuses(
    on_gpus: OnGpus, config: dict[str, bool], kind: str, message: str
) -> None:
    out, _ = on_gpus([H100], TRY, **config)
    assert out[0] == kind
    assert message in out[1]


def test_a_driver_without_boards_is_no_gpu(on_gpus: OnGpus) -> None:
    out, _ = on_gpus([], TRY)
    assert out == ["NoGpuError", "the NVIDIA driver shows no GPU"]


def test_no_driver_at_all_is_no_gpu(on_gpus: OnGpus) -> None:
    out, _ = on_gpus([H100], TRY, {"ECOAUDIT_STANDIN_NVML": ""})
    assert out == ["NoGpuError", "no NVIDIA driver is installed"]
    assert issubclass(NoGpuError, MeterUnavailableError)


def test_closing_twice(on_gpus: OnGpus) -> None:
    out, _ = on_gpus([H100], OPEN + "meter.close(); meter.close(); out = meter.name")
    assert out == NvidiaMeter.name
