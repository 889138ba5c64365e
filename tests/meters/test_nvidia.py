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
except (MeterError, UsageError) as error:
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
        "answers": "energy counter, instant power, average power, power by the older call",
        "power_method": "nvml-power-instant",
        "power_window_s": None,
        "mig": None,
        "mig_share": None,
    }


def test_two_boards_are_read_apart(on_gpus: OnGpus) -> None:
    square = Square(50.0, 250.0, period_s=0.3)
    gpus = distinct(StandInGpu(power=square, memory_used_bytes=2**30), replace(L4))
    (rows, faults), origin_s = on_gpus(gpus, WATCH.format(seconds=1.0))
    assert rows[0][0][1] < rows[0][1][1]  # each has the time just after its own counter
    for index, gpu in enumerate(gpus):
        truth_j = true_energy_j(
            gpu, rows[0][index][1], rows[-1][index][1], origin_monotonic_s=origin_s
        )
        assert gained_j(rows, index) == pytest.approx(truth_j, rel=0.02)
    assert rows[0][0][4:] == [2**30]
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


def test_a_mask_that_hides_some_is_said(on_gpus: OnGpus) -> None:
    script = OPEN + "out = [said.code for said in meter.doubts()]"
    gpus = distinct(H100, H100)
    assert on_gpus(gpus, script, {"CUDA_VISIBLE_DEVICES": "0,7,1"})[0] == ["gpu-hidden"]
    container = {"NVIDIA_VISIBLE_DEVICES": gpus[1].uuid}
    assert on_gpus(gpus, script, container)[0] == ["gpu-left-out"]


def test_an_unknown_id_is_an_error_of_usage(on_gpus: OnGpus) -> None:
    for mask in ("GPU-9", "7"):
        out, _ = on_gpus(distinct(H100, H100), TRY, {"CUDA_VISIBLE_DEVICES": mask})
        assert out[0] == "UsageError"
        assert out[1].startswith(f"CUDA_VISIBLE_DEVICES: '{mask}' names no GPU")


@pytest.mark.parametrize("mask", ["", "-1", ",", "NoDevFiles"])
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
    sliced = replace(H100, mig=True, mig_devices=instances, mig_slices=(4, 3))
    gpus = distinct(H100, sliced)
    script = OPEN + (
        "out = [[d.id, d.source, d.details['mig'], d.details['mig_share']]"
        " for d in meter.devices()] + [said.code for said in meter.doubts()]"
    )
    for mask, share in ((instances[1], 3 / 7), (f"MIG-{gpus[1].uuid}/1/0", 4 / 7)):
        (board, code), _ = on_gpus(gpus, script, {"CUDA_VISIBLE_DEVICES": mask})
        assert board[0] == gpus[1].uuid
        assert "whole board" in board[1]
        assert board[2:] == ["mig_whole_board", share]
        assert code == "mig-board"
    (board, _), _ = on_gpus(gpus, script, {"CUDA_VISIBLE_DEVICES": ",".join(instances)})
    assert board[3] == 1.0


def test_the_share_of_an_instance_needs_permission(on_gpus: OnGpus) -> None:
    """And the numbers of the instance, where it is named by them."""
    gpu = replace(H100, mig=True, mig_devices=("MIG-1",))
    script = OPEN + "out = [meter.devices()[0].details['mig_share'], *sentences(meter)]"
    for board, mask, told in (
        (replace(gpu, board_slices=0), "MIG-1", True),
        (replace(gpu, no_mig_ids=True), f"MIG-{gpu.uuid}/1/0", True),
        (replace(gpu, board_slices=0), "0", False),
    ):
        (share, said), _ = on_gpus([board], script, {"CUDA_VISIBLE_DEVICES": mask})
        assert share is None
        assert ("which share of it the program was given is not known" in said) == told


def test_boards_that_are_not_kept_are_read_no_more(on_gpus: OnGpus) -> None:
    instances = ("MIG-1", "MIG-2")
    gpus = distinct(H100, replace(H100, mig=True, mig_devices=instances, mig_slices=(4, 3)))
    script = OPEN + (
        "meter.keep({meter.devices()[1].id})\n"
        "out = [[d.id, d.details['mig_share']] for d in meter.devices()]"
        " + [r.device_id for r in meter.read(0.0)]"
    )
    out, _ = on_gpus(gpus, script, {"CUDA_VISIBLE_DEVICES": "0,MIG-2"})
    assert out == [[gpus[1].uuid, 3 / 7], gpus[1].uuid]


NO_COUNTER = replace(H100, no_counter=True)
NO_FIELDS = replace(NO_COUNTER, no_field_185=True, no_field_186=True)


@pytest.mark.parametrize(
    ("gpu", "method", "step_s"),
    [
        (NO_COUNTER, "nvml-power-instant", 0.1),
        (replace(NO_COUNTER, no_field_186=True), "nvml-power-average", 1.0),
        (NO_FIELDS, "nvml-power", 1.0),  # a mean since Ampere
        (replace(NO_FIELDS, architecture=7, compute_capability="8.6"), "nvml-power", 1.0),
        (replace(NO_FIELDS, architecture=7, compute_capability="8.0"), "nvml-power", 0.1),
        (replace(NO_FIELDS, architecture=4, compute_capability="6.0"), "nvml-power", 0.1),
    ],
)
def test_without_a_counter_power_is_sampled(
    on_gpus: OnGpus, gpu: StandInGpu, method: str, step_s: float
) -> None:
    script = OPEN + (
        "d = meter.devices()[0]; out = [d.method, d.relative_low, d.step_s, watch(meter, 0.3)]"
    )
    (chosen, doubt, step, rows), _ = on_gpus([gpu], script)
    assert (chosen, doubt, step) == (method, 0.1, step_s)
    assert [row[0][2] for row in rows] == [None] * len(rows)
    assert all(row[0][3] == pytest.approx(300.0) for row in rows)


def test_neither_counter_nor_power_is_null_with_a_reason(on_gpus: OnGpus) -> None:
    script = OPEN + "out = [meter.devices()[0].method, watch(meter, 0.1), sentences(meter)]"
    (method, rows, faults), _ = on_gpus([replace(H100, no_counter=True, no_power=True)], script)
    assert method == "none"
    assert rows[-1][0][2:4] == [None, None]
    assert "offers neither an energy counter nor power" in faults[0]


TRACED = (
    OPEN
    + """
from ecoaudit.trace import Trace
trace = Trace(meter.devices()[0])
start_s = time.monotonic()
while time.monotonic() < start_s + {seconds}:
    for reading in meter.read(time.monotonic()):
        trace.add(reading)
    time.sleep(0.02)
end_s = time.monotonic()
def seen(since_s, until_s):
    found = trace.energy(since_s, until_s)
    return [found.energy_j.value, found.energy_j.low, found.energy_j.high, found.method,
            found.energy_j.source]
out = [seen(start_s, end_s), [start_s, end_s], trace.described().method, sentences(meter),
       seen(end_s - 0.3, end_s), trace.gaps(start_s, end_s)]
"""
)


@pytest.mark.parametrize(
    ("gpu", "said"),
    [
        (replace(H100, counter_step_ms=20, reset_at_s=0.6), "set back"),
        (replace(H100, stuck_counter=True), "stood still"),
        (replace(H100, counter_step_ms=20, no_counter_from_s=0.6), "counter failed"),
    ],
)
def test_power_stands_in_for_a_counter_and_says_so(
    on_gpus: OnGpus, gpu: StandInGpu, said: str
) -> None:
    (whole, (start_s, end_s), method, faults, _, _), _ = on_gpus(
        [gpu], TRACED.format(seconds=1.6), origin_monotonic_s=time.monotonic() + 0.4
    )
    value, low, high, own_method, source = whole
    truth_j = 300.0 * (end_s - start_s)
    assert value == pytest.approx(truth_j, rel=0.03)
    assert low <= truth_j <= high
    assert method == own_method == "nvml-energy-counter+power"
    assert "by power, as the counter failed" in source
    assert any(said in fault for fault in faults)


def test_a_reset_counter_without_power_leaves_a_gap_and_says_so(on_gpus: OnGpus) -> None:
    gpu = replace(H100, counter_step_ms=20, reset_at_s=0.6, no_power=True)
    (whole, (start_s, end_s), _, faults, _, _), _ = on_gpus(
        [gpu], TRACED.format(seconds=1.6), origin_monotonic_s=time.monotonic() + 0.4
    )
    value, low, high, _, _ = whole
    assert low <= 300.0 * (end_s - start_s) <= high
    assert value == pytest.approx(300.0 * (end_s - start_s), rel=0.1)
    assert any("it gives no power, so that what was used in the gap is not" in f for f in faults)


@pytest.mark.parametrize("gpu", [H100, NO_COUNTER])
def test_what_a_lost_board_used_is_bounded(on_gpus: OnGpus, gpu: StandInGpu) -> None:
    lost = replace(gpu, lost_at_s=0.7)
    (whole, (start_s, end_s), _, _, last, gaps), origin_s = on_gpus(
        [lost], TRACED.format(seconds=1.5), origin_monotonic_s=time.monotonic() + 0.4
    )
    value, low, high, _, source = whole
    answered_s = origin_s + 0.7 - start_s
    assert value == pytest.approx(300.0 * answered_s, abs=20.0)
    assert low <= 300.0 * answered_s
    assert high >= 300.0 * (end_s - start_s)
    assert high == pytest.approx(value + 700.0 * (gaps[0][1] - gaps[0][0]), rel=0.12)
    assert "before the end" in source
    assert last[:3] == [None, None, None]
    assert "no answer for 0.3 s" in last[4]


def test_a_board_that_comes_back(on_gpus: OnGpus) -> None:
    """With the counter it had, nothing is missing; with one that began anew, the gap is bounded."""
    counted_on = replace(H100, lost_at_s=0.3, back_at_s=1.0)
    anew = replace(counted_on, reset_at_s=0.5)
    for gpu, missing in ((counted_on, False), (anew, True)):
        (whole, (start_s, end_s), _, _, _, gaps), _ = on_gpus(
            [gpu], TRACED.format(seconds=2.0), origin_monotonic_s=time.monotonic() + 0.4
        )
        value, low, high, _, _ = whole
        truth_j = 300.0 * (end_s - start_s)
        assert low <= truth_j <= high
        assert value == pytest.approx(truth_j - 210.0 * missing, abs=25.0)
        assert len(gaps) == missing


def test_a_lost_board_leaves_the_others_alone(on_gpus: OnGpus) -> None:
    gpus = distinct(replace(H100, lost_at_s=0.5), L4)
    (rows, _), _ = on_gpus(
        gpus, WATCH.format(seconds=1.0), origin_monotonic_s=time.monotonic() + 0.3
    )
    assert rows[0][0][2] is not None
    assert rows[-1][0][2:] == [None, None, None]
    assert rows[-1][1][2] > 0


def test_the_time_of_a_reading_is_that_of_its_counter(on_gpus: OnGpus) -> None:
    """Calls that take 10 ms: the second board's counter answers later than the first's."""
    slow = [replace(gpu, latency_ms=10.0, counter_step_ms=0) for gpu in distinct(H100, L4)]
    script = OPEN + "start_s = time.monotonic(); out = [start_s, watch(meter, 0.3)]"
    (_, rows), origin_s = on_gpus(slow, script)
    for index, gpu in enumerate(slow):
        first, last = rows[0][index], rows[-1][index]
        truth_j = true_energy_j(gpu, first[1], last[1], origin_monotonic_s=origin_s)
        assert gained_j(rows, index) == pytest.approx(truth_j, rel=0.02)
    assert rows[0][1][1] - rows[0][0][1] >= 0.02


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
