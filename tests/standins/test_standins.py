"""The stand-ins tell the truth: what a reader gets from them is what the test configured."""

from __future__ import annotations

import json
import subprocess
import sys
import time
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from .nvml import (
    CONFIG_VARIABLE,
    CompilerMissingError,
    Constant,
    Square,
    StandInGpu,
    Steps,
    compile_library,
    distinct,
    environment,
    true_energy_j,
    write_config,
)
from .powercap import PowercapTree, Zone, public_folder, server, unprivileged

# What every child script starts with: the real pynvml, and ask() = a value or the error's name.
PRELUDE = """
import json, sys, time
import pynvml as n
def ask(function, *arguments):
    try:
        return function(*arguments)
    except n.NVMLError as error:
        return type(error).__name__
def field(handle, *ids):
    return [[v.nvmlReturn, v.value.ullVal if v.valueType == 3 else v.value.uiVal]
            for v in n.nvmlDeviceGetFieldValues(handle, list(ids))]
"""

STEPS = Steps(((0, 80.0), (0.1, 300.0), (0.13, 60.0), (0.33, 420.0)))
LOOP = replace(STEPS, loop_s=0.37)


@pytest.fixture(scope="session")
def library(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return compile_library(tmp_path_factory.mktemp("nvml"))


Child = Callable[[str], Any]


@pytest.fixture
def config(tmp_path: Path) -> Path:
    return tmp_path / "gpus.txt"


@pytest.fixture
def child(library: Path, config: Path) -> Child:
    """Run a script in a process that sees the stand-in; returns what it prints, from JSON."""

    def run(script: str) -> Any:
        result = subprocess.run(
            [sys.executable, "-c", PRELUDE + script],
            env=environment(library, config),
            capture_output=True,
            text=True,
            check=False,
        )
        assert result.returncode == 0, result.stderr
        return json.loads(result.stdout)

    return run


# ---- NVML: identity and energy ----


def test_pynvml_sees_the_configured_gpus(child: Child, config: Path) -> None:
    gpus = distinct(
        StandInGpu(name="NVIDIA L4", architecture=8, compute_capability="8.9"),
        StandInGpu(memory_total_bytes=2**34, memory_used_bytes=3 * 2**30, processes=2),
    )
    write_config(config, gpus, driver_version="580.1")
    seen = child(f"""
n.nvmlInit()
out = [n.nvmlSystemGetDriverVersion(), n.nvmlSystemGetCudaDriverVersion_v2()]
out.append(n.nvmlDeviceGetCount())
h, g = (n.nvmlDeviceGetHandleByIndex(i) for i in range(2))
out.append([n.nvmlDeviceGetName(h), n.nvmlDeviceGetUUID(h), n.nvmlDeviceGetArchitecture(h),
            n.nvmlDeviceGetCudaComputeCapability(h), n.nvmlDeviceGetPciInfo(h).busId])
m, v2 = n.nvmlDeviceGetMemoryInfo(g), n.nvmlDeviceGetMemoryInfo(g, version=n.nvmlMemory_v2)
out.append([m.total, m.used, m.free, v2.total, v2.used, v2.free])
out.append([p.usedGpuMemory for p in n.nvmlDeviceGetComputeRunningProcesses(g)])
out.append([n.nvmlDeviceGetTemperature(g, 0), n.nvmlDeviceGetTemperatureV(g, 0),
            n.nvmlDeviceGetUtilizationRates(g).gpu, n.nvmlDeviceGetCurrentClocksEventReasons(g)])
out.append([n.nvmlDeviceGetIndex(n.nvmlDeviceGetHandleByUUID({gpus[1].uuid!r})),
            n.nvmlDeviceGetIndex(n.nvmlDeviceGetHandleByPciBusId("0000:02:00.0"))])
out.append([ask(n.nvmlDeviceGetHandleByIndex, 2), ask(n.nvmlDeviceGetHandleByUUID, "GPU-9"),
            ask(n.nvmlDeviceGetFanSpeed, h)])
n.nvmlShutdown()
out.append(ask(n.nvmlDeviceGetCount))
print(json.dumps(out))
""")
    assert seen == [
        *["580.1", 13000, 2],
        ["NVIDIA L4", gpus[0].uuid, 8, [8, 9], "00000000:01:00.0"],
        [2**34, 3 * 2**30, 2**34 - 3 * 2**30] * 2,
        [3 * 2**29] * 2,
        [45, 45, 0, 0],
        [1, 1],
        ["NVMLError_InvalidArgument", "NVMLError_NotFound", "NVMLError_FunctionNotFound"],
        "NVMLError_Uninitialized",
    ]


READ_COUNTERS_FOR_A_SECOND = """
n.nvmlInit()
handles = [n.nvmlDeviceGetHandleByIndex(i) for i in range(n.nvmlDeviceGetCount())]
readings, end = [], time.monotonic() + 1.0
while True:
    last = time.monotonic() >= end
    for i, handle in enumerate(handles):
        before = time.monotonic()
        counter = n.nvmlDeviceGetTotalEnergyConsumption(handle)
        readings.append([i, before, counter, time.monotonic()])
    if last:
        break
    time.sleep(0.007)
print(json.dumps(readings))
"""


@pytest.mark.parametrize("origin_from_now_s", [-100_000.0, 0.0, 0.5])
def test_counter_follows_the_trace(child: Child, config: Path, origin_from_now_s: float) -> None:
    gpus = distinct(
        StandInGpu(power=Constant(300.0)),
        StandInGpu(power=Square(60.0, 300.0, period_s=0.12), counter_step_ms=100),
        StandInGpu(power=LOOP, counter_step_ms=20, counter_phase_ms=7.3),
        StandInGpu(power=STEPS),
    )
    origin_s = time.monotonic() + origin_from_now_s
    assert write_config(config, gpus, origin_monotonic_s=origin_s) == origin_s
    readings = child(READ_COUNTERS_FOR_A_SECOND)
    for index, before_s, counter_mj, after_s in readings:
        gpu = gpus[index]
        seen_j = (counter_mj - gpu.counter_offset_mj) / 1e3
        # The counter shows the energy at its last tick, at most one step before the call.
        oldest_s = before_s - gpu.counter_step_ms / 1e3
        low_j, high_j = (
            true_energy_j(gpu, origin_s, t, origin_monotonic_s=origin_s)
            for t in (oldest_s, after_s)
        )
        assert low_j - 0.002 <= seen_j <= high_j + 0.002
    for index, gpu in enumerate(gpus):
        own = [reading[1:] for reading in readings if reading[0] == index]
        (t0, first_mj, t0_late), (t1, last_mj, t1_late) = own[0], own[-1]
        truth_j = true_energy_j(gpu, t0, t1, origin_monotonic_s=origin_s)
        calls_s = t0_late - t0 + t1_late - t1
        slack_j = 420.0 * (gpu.counter_step_ms / 1e3 + calls_s) + 0.002
        assert (last_mj - first_mj) / 1e3 == pytest.approx(truth_j, abs=slack_j)


def test_counter_ticks_at_its_step_and_phase(child: Child, config: Path) -> None:
    gpu = StandInGpu(power=Constant(200.0), counter_step_ms=50, counter_phase_ms=13)
    write_config(config, [gpu], origin_monotonic_s=1.0)
    readings = child(READ_COUNTERS_FOR_A_SECOND)
    values = {reading[2] for reading in readings}
    assert 5 < len(values) <= (readings[-1][3] - readings[0][1]) / 0.05 + 2
    assert {round(value - gpu.counter_offset_mj) % 10_000 for value in values} == {2_600}


@pytest.mark.parametrize(
    ("power", "t0", "t1", "truth_j"),
    [
        (Constant(300.0), 2.0, 5.0, 900.0),
        (Square(60.0, 300.0, period_s=1.0), 0.25, 1.75, 60.0 * 0.75 + 300.0 * 0.75),
        (Square(60.0, 300.0, period_s=1.0), -0.25, 0.25, 300.0 * 0.25 + 60.0 * 0.25),
        (Steps(((0, 10.0), (1, 50.0))), -1.0, 3.0, 10.0 + 10.0 + 100.0),
        (Steps(((0, 10.0), (1, 50.0)), loop_s=2), -0.5, 2.5, 25.0 + 10.0 + 50.0 + 5.0),
    ],
)
def test_true_energy(
    power: Constant | Square | Steps, t0: float, t1: float, truth_j: float
) -> None:
    gpu = StandInGpu(power=power)
    energy_j = true_energy_j(gpu, 1000.0 + t0, 1000.0 + t1, origin_monotonic_s=1000.0)
    assert energy_j == pytest.approx(truth_j)


# ---- NVML: power, limits, failures ----


def test_a_failed_field_leaves_the_others(child: Child, config: Path) -> None:
    gpus = distinct(
        StandInGpu(power=Constant(150.0), power_limit_w=300.0),
        StandInGpu(power=Constant(150.0), no_field_186=True, max_power_limit_w=None),
    )
    write_config(config, gpus)
    whole, partial = child("""
n.nvmlInit()
ids = [(186, 0), 185, 187, 188, 189, 190, 192, 191, (186, 1)]
print(json.dumps([field(n.nvmlDeviceGetHandleByIndex(i), *ids) for i in range(2)]))
""")
    not_supported = [3, 0]
    watts = [[0, 150_000], [0, 150_000], [0, 200_000], [0, 700_000], [0, 700_000], [0, 300_000]]
    assert whole == [*watts, [0, 300_000], not_supported, not_supported]
    assert [value for value in partial if value[0] == 0] == [
        *[[0, 150_000], [0, 200_000], [0, 700_000], [0, 700_000], [0, 700_000]]
    ]
    assert partial[0] == partial[3] == not_supported


def test_power_is_instant_or_averaged(child: Child, config: Path) -> None:
    step_up = Steps(((0, 100.0), (10, 300.0)))
    gpus = distinct(
        StandInGpu(power=step_up),
        StandInGpu(power=step_up, legacy_power_averaged=True),
        StandInGpu(power=Square(100.0, 300.0, period_s=0.1), power_step_ms=100, power_window_ms=25),
    )
    origin_s = write_config(config, gpus, origin_monotonic_s=time.monotonic() - 10.2)
    *readings, t0, t1 = child("""
n.nvmlInit()
t0 = time.monotonic()
out = []
for i in range(3):
    h = n.nvmlDeviceGetHandleByIndex(i)
    out.append([n.nvmlDeviceGetPowerUsage(h), field(h, 186)[0][1], field(h, 185)[0][1]])
print(json.dumps([*out, t0, time.monotonic()]))
""")
    low_mw, high_mw = (  # 100 W, then 300 W since trace time 10, over the last second
        1e3 * min(300.0, 100.0 + 200.0 * (t - origin_s - 10)) for t in (t0, t1)
    )
    assert readings[0][:2] == [300_000, 300_000]
    assert readings[1][1] == 300_000
    for averaged in (readings[0][2], readings[1][0], readings[1][2]):
        assert low_mw - 1 <= averaged <= high_mw + 1
    # Sampled for the last 25 ms of each period, the square wave seems to be always high.
    assert readings[2] == [300_000, 300_000, 200_000]


READ_ALL = """
n.nvmlInit()
out = []
for i in range(n.nvmlDeviceGetCount()):
    h = ask(n.nvmlDeviceGetHandleByIndex, i)
    out.append(h if isinstance(h, str) else [
        ask(n.nvmlDeviceGetTotalEnergyConsumption, h), field(h, 83)[0][0],
        ask(n.nvmlDeviceGetPowerUsage, h), field(h, 186)[0][0],
        ask(n.nvmlDeviceGetPowerManagementLimit, h)])
print(json.dumps(out))
"""


def test_failing_boards(child: Child, config: Path) -> None:
    gpus = distinct(
        StandInGpu(no_counter=True),
        StandInGpu(no_power=True, stuck_counter=True, power_limit_w=None),
        StandInGpu(lost_at_s=5.0),
        StandInGpu(lost_at_s=1e9),
        StandInGpu(reset_at_s=90.0, counter_step_ms=100_000),
        StandInGpu(reset_at_s=90.0),
    )
    write_config(config, gpus, origin_monotonic_s=time.monotonic() - 100)
    no_counter, no_power, lost, not_yet_lost, before_tick, reset = child(READ_ALL)
    unsupported = "NVMLError_NotSupported"
    assert no_counter == [unsupported, 3, 100_000, 0, 700_000]
    assert no_power == [1e9, 0, unsupported, 3, unsupported]
    assert lost == "NVMLError_GpuIsLost"
    assert not_yet_lost[0] == pytest.approx(1e9 + 100 * 100_000, abs=60 * 100_000)
    # With a tick only every 100 s, the counter moves at 100 s: 10 s after the reset.
    assert before_tick[0] == 10 * 100_000
    assert 10 * 100_000 <= reset[0] <= 70 * 100_000


def test_a_lost_board_takes_its_handle_along(child: Child, config: Path) -> None:
    script = f"""
from pathlib import Path
Path({str(config)!r}).write_text(
    f"origin_monotonic_s {{time.monotonic()}}\\ngpu\\nlost_at_s 0.5\\npower constant 90")
n.nvmlInit()
h = n.nvmlDeviceGetHandleByIndex(0)
first = ask(n.nvmlDeviceGetPowerUsage, h)
time.sleep(0.5)
print(json.dumps([first, ask(n.nvmlDeviceGetPowerUsage, h), ask(field, h, 186)]))
"""
    assert child(script) == [90_000, "NVMLError_GpuIsLost", "NVMLError_GpuIsLost"]


def test_faults_that_begin_and_end(child: Child, config: Path) -> None:
    gpus = distinct(
        StandInGpu(lost_at_s=5.0, back_at_s=50.0),
        StandInGpu(lost_at_s=5.0, back_at_s=500.0),
        StandInGpu(stuck_from_s=50.0),
        StandInGpu(no_counter_from_s=50.0),
    )
    write_config(config, gpus, origin_monotonic_s=time.monotonic() - 100)
    back, lost, stuck, failed = child(READ_ALL)
    assert back[2] == 100_000
    assert lost == "NVMLError_GpuIsLost"
    assert stuck[0] == 1e9 + 50 * 100_000
    assert failed[:3] == ["NVMLError_Unknown", 999, 100_000]


def test_a_call_takes_its_time(child: Child, config: Path) -> None:
    origin_s = write_config(config, [StandInGpu(latency_ms=30.0)])
    before_s, counter_mj, after_s = child("""
n.nvmlInit()
h = n.nvmlDeviceGetHandleByIndex(0)
before = time.monotonic()
print(json.dumps([before, n.nvmlDeviceGetTotalEnergyConsumption(h), time.monotonic()]))
""")
    assert after_s - before_s >= 0.03
    answered_s = origin_s + (counter_mj - 1e9) / 100_000
    assert before_s + 0.03 - 1e-4 <= answered_s <= after_s


def test_a_power_average_that_fails(child: Child, config: Path) -> None:
    write_config(config, [StandInGpu(no_field_185=True)])
    assert child("""
n.nvmlInit()
print(json.dumps(field(n.nvmlDeviceGetHandleByIndex(0), 186, 185)))
""") == [[0, 100_000], [3, 0]]


def test_slices_of_mig_devices(child: Child, config: Path) -> None:
    sliced = StandInGpu(mig=True, mig_devices=("MIG-aa", "MIG-bb"), mig_slices=(3, 4))
    write_config(
        config, distinct(sliced, replace(sliced, board_slices=4), replace(sliced, board_slices=0))
    )
    assert child("""
n.nvmlInit()
def slices(ask_for, *arguments):
    found = ask(ask_for, *arguments)
    return found if isinstance(found, str) else getattr(
        found, "sliceCount", None) or found.computeInstanceSliceCount
out = []
for i in range(3):
    h = n.nvmlDeviceGetHandleByIndex(i)
    out.append([slices(n.nvmlDeviceGetGpuInstanceProfileInfo, h, p, 1) for p in (4, 3, 0)])
h = n.nvmlDeviceGetHandleByIndex(0)
parts = [n.nvmlDeviceGetMigDeviceHandleByIndex(h, m) for m in range(2)]
out.append([slices(n.nvmlDeviceGetAttributes, part) for part in (*parts, h)])
print(json.dumps(out))
""") == [
        [7, 4, 1],
        ["NVMLError_NotSupported", 4, 1],
        ["NVMLError_NoPermission"] * 3,
        [3, 4, "NVMLError_NotSupported"],
    ]
    with pytest.raises(ValueError, match="one number for each"):
        replace(sliced, mig_slices=(3,))


def test_mig(child: Child, config: Path) -> None:
    sliced = StandInGpu(mig=True, mig_devices=("MIG-aa", "MIG-bb"))
    write_config(config, distinct(sliced, StandInGpu(no_mig=True), StandInGpu()))
    assert child("""
n.nvmlInit()
handles = [n.nvmlDeviceGetHandleByIndex(i) for i in range(3)]
part = n.nvmlDeviceGetHandleByUUID("MIG-bb")
print(json.dumps([
    [ask(n.nvmlDeviceGetMigMode, h) for h in handles],
    n.nvmlDeviceGetUUID(n.nvmlDeviceGetMigDeviceHandleByIndex(handles[0], 1)),
    n.nvmlDeviceGetIndex(n.nvmlDeviceGetDeviceHandleFromMigDeviceHandle(part)),
    ask(n.nvmlDeviceGetMigDeviceHandleByIndex, handles[0], 2),
    ask(n.nvmlDeviceGetTotalEnergyConsumption, part),
    ask(n.nvmlDeviceGetUtilizationRates, handles[0]),
]))
""") == [
        [[1, 1], "NVMLError_NotSupported", [0, 0]],
        "MIG-bb",
        0,
        "NVMLError_NotFound",
        "NVMLError_NotSupported",
        "NVMLError_NotSupported",
    ]


# ---- NVML: loading ----

INIT = "print(json.dumps(ask(n.nvmlInit)))"


@pytest.mark.parametrize(
    ("flags", "outcome"),
    [
        ({}, None),
        ({"driver_not_loaded": True}, "NVMLError_DriverNotLoaded"),
        ({"no_permission": True}, "NVMLError_NoPermission"),
    ],
)
def test_init(child: Child, config: Path, flags: dict[str, bool], outcome: str | None) -> None:
    write_config(config, [StandInGpu()], **flags)  # type: ignore[arg-type]
    assert child(INIT) == outcome


def test_without_the_variable_no_library_seems_installed(library: Path, config: Path) -> None:
    variables = environment(library, config)
    del variables[CONFIG_VARIABLE]
    script = [sys.executable, "-c", PRELUDE + INIT]
    output = subprocess.run(script, env=variables, capture_output=True, text=True, check=True)
    assert json.loads(output.stdout) == "NVMLError_LibraryNotFound"


@pytest.mark.parametrize(
    "line", ["colour red", "power steps 1:5", "power square 1 2", "no_counter yes", "processes two"]
)
def test_a_bad_config_is_named(library: Path, config: Path, line: str) -> None:
    config.write_text(f"# a comment\n\ngpu\n{line}\n")
    script = [sys.executable, "-c", PRELUDE + INIT]
    output = subprocess.run(
        script, env=environment(library, config), capture_output=True, text=True, check=True
    )
    assert json.loads(output.stdout) == "NVMLError_Unknown"
    assert f"{config}:4: {line.split()[0]}: " in output.stderr


def test_load_in_process_and_a_changed_config(library: Path, tmp_path: Path) -> None:
    """In a fresh interpreter, so that this one keeps whatever NVML it has."""
    one, two = tmp_path / "one.txt", tmp_path / "two.txt"
    write_config(one, [StandInGpu()])
    write_config(two, distinct(StandInGpu(power=Constant(50.0)), StandInGpu()))
    script = f"""
import os
from pathlib import Path
sys.path.insert(0, {str(Path(__file__).parent)!r})
import nvml
nvml.load_in_process(Path({str(library)!r}))
out = [ask(n.nvmlInit)]
for path in {[str(one), str(two)]!r}:
    os.environ[nvml.CONFIG_VARIABLE] = path
    n.nvmlInit()
    handle = n.nvmlDeviceGetHandleByIndex(0)
    out.append([n.nvmlDeviceGetCount(), n.nvmlDeviceGetPowerUsage(handle)])
print(json.dumps(out))
"""
    output = subprocess.run(
        [sys.executable, "-c", PRELUDE + script], capture_output=True, text=True, check=True
    )
    assert json.loads(output.stdout) == ["NVMLError_LibraryNotFound", [1, 100_000], [2, 50_000]]


def test_compile_library_builds_once(library: Path) -> None:
    built_at = library.stat().st_mtime_ns
    assert compile_library(library.parent.parent) == library
    assert library.stat().st_mtime_ns == built_at


def test_a_missing_compiler_is_named(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PATH", str(tmp_path))
    with pytest.raises(CompilerMissingError, match="cc, gcc, clang"):
        compile_library(tmp_path)


# ---- powercap ----


def read_uj(tree: PowercapTree, zone_id: str) -> int:
    return int((tree.sysfs / "class/powercap" / zone_id / "energy_uj").read_text())


@pytest.mark.parametrize(
    ("arguments", "names"),
    [
        ({}, {"0": "package-0", "0:0": "core", "0:1": "dram"}),
        (
            {"packages": 2, "core": False, "dram": "top_level", "psys": True},
            {"0": "package-0", "1": "package-1", "2": "dram", "3": "dram", "4": "psys"},
        ),
        (
            {"dies": 2, "core": True, "uncore": True, "dram": None},
            {"0": "package-0-die-0", "1": "package-0-die-1", "0:0": "core", "0:1": "uncore"},
        ),
    ],
)
def test_tree_has_the_layout_of_sysfs(
    tmp_path: Path, arguments: dict[str, Any], names: dict[str, str]
) -> None:
    with PowercapTree(tmp_path, server(**arguments)) as tree:
        links = (tree.sysfs / "class/powercap").glob("intel-rapl:*")
        found = {
            link.name.removeprefix("intel-rapl:"): (link / "name").read_text().strip()
            for link in links
        }
        assert found == names
        for child in (zone for zone in names if ":" in zone):
            nested = f"class/powercap/intel-rapl:0/intel-rapl:{child}/max_energy_range_uj"
            assert int((tree.sysfs / nested).read_text()) == 262_143_328_850


def test_counter_wraps(tmp_path: Path) -> None:
    zone = Zone("intel-rapl:0", "package-0", energy_uj=900_000, max_energy_range_uj=1_000_000)
    with PowercapTree(tmp_path, [zone]) as tree, tree.energy_file(zone.id).open() as held_open:
        assert held_open.read().strip() == "900000"
        for joules, counter_uj in [(0.05, 950_000), (0.06, 10_000), (3.0, 10_000), (0.5, 510_000)]:
            tree.advance(zone.id, joules)
            assert read_uj(tree, zone.id) == counter_uj
            held_open.seek(0)
            assert int(held_open.read()) == counter_uj
        assert tree.true_energy_j(zone.id) == pytest.approx(3.61)


def test_mirrored_dies_show_the_energy_of_their_package(tmp_path: Path) -> None:
    with PowercapTree(tmp_path, server(packages=2, dies=2, core=False, dram=None)) as tree:
        tree.advance("intel-rapl:0", 1.5)
        tree.advance("intel-rapl:2", 4.0)
        counters = [read_uj(tree, f"intel-rapl:{n}") for n in range(4)]
        assert counters == [1_500_000, 1_500_000, 4_000_000, 4_000_000]
        with pytest.raises(KeyError, match="no zone 'intel-rapl:9'"):
            tree.advance("intel-rapl:9", 1.0)


def test_run_advances_with_the_clock(tmp_path: Path) -> None:
    with PowercapTree(tmp_path, server()) as tree:
        before_s = time.monotonic()
        with tree.run({"intel-rapl:0": 80.0, "intel-rapl:0:1": 8.0}):
            inside_s = time.monotonic()
            time.sleep(0.1)
            halfway_uj = read_uj(tree, "intel-rapl:0")
            time.sleep(0.1)
            least_s = time.monotonic() - inside_s
        most_s = time.monotonic() - before_s
        assert 80.0 * least_s <= tree.true_energy_j("intel-rapl:0") <= 80.0 * most_s
        assert 8.0 * least_s <= tree.true_energy_j("intel-rapl:0:1") <= 8.0 * most_s
        assert 0 < halfway_uj < read_uj(tree, "intel-rapl:0") <= 80e6 * most_s
        assert read_uj(tree, "intel-rapl:0:0") == 0


def test_a_denied_counter_raises_permission_error() -> None:
    with public_folder() as folder, PowercapTree(folder / "sys", server()) as tree:
        tree.deny("intel-rapl:0")
        with unprivileged():
            assert read_uj(tree, "intel-rapl:0:1") == 0
            with pytest.raises(PermissionError):
                read_uj(tree, "intel-rapl:0")
            tree.advance("intel-rapl:0", 1.0)  # the hardware does not mind
            path = tree.energy_file("intel-rapl:0")
            command = subprocess.run(["cat", path], capture_output=True, text=True, check=False)
            assert "Permission denied" in command.stderr
        tree.allow("intel-rapl:0")
        with unprivileged():
            assert read_uj(tree, "intel-rapl:0") == 1_000_000
