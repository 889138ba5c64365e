"""Against a powercap tree of files; see tests/standins/powercap.py."""

from __future__ import annotations

import time
from collections.abc import Mapping
from pathlib import Path
from typing import Literal

import pytest

from ecoaudit.errors import MeterUnavailableError
from ecoaudit.estimate import Basis
from ecoaudit.meters.rapl import RaplMeter
from ecoaudit.recorder import Recorder
from ecoaudit.run import Run
from tests.standins.powercap import (
    AMD_RANGE_UJ,
    PowercapTree,
    Zone,
    public_folder,
    server,
    unprivileged,
)


def opened(tree: PowercapTree) -> RaplMeter:
    return RaplMeter(tree.sysfs / "class" / "powercap")


def energies(meter: RaplMeter, now_s: float) -> dict[str, float | None]:
    return {reading.device_id: reading.energy_j for reading in meter.read(now_s)}


@pytest.mark.parametrize("dram", ["child", "top_level"])
def test_packages_and_memory_and_nothing_twice(
    tmp_path: Path, dram: Literal["child", "top_level"]
) -> None:
    zones = server(packages=2, dram=dram, core=True, uncore=True, psys=True)
    with PowercapTree(tmp_path, zones) as tree:
        meter = opened(tree)
        assert {(d.id, d.kind, d.boundary) for d in meter.devices()} == {
            ("cpu-package-0", "cpu", "package"),
            ("cpu-package-1", "cpu", "package"),
            ("dram-0", "ram", "dram"),
            ("dram-1", "ram", "dram"),
        }
        meter.read(0.0)
        for zone in zones:
            joules = {"dram": 20.0, "psys": 900.0}.get(zone.name, 50.0)
            tree.advance(zone.id, 100.0 if zone.name.startswith("package") else joules)
        assert energies(meter, 1.0) == {
            "cpu-package-0": pytest.approx(100.0),
            "cpu-package-1": pytest.approx(100.0),
            "dram-0": pytest.approx(20.0),
            "dram-1": pytest.approx(20.0),
        }
        power = {reading.device_id: reading.power_w for reading in meter.read(1.0)}
        assert power["cpu-package-1"] == pytest.approx(100.0)
        assert meter.doubts() == []
        meter.close()
        meter.close()


def test_what_the_files_say_is_measured(tmp_path: Path) -> None:
    with PowercapTree(tmp_path, server()) as tree:
        package, dram = opened(tree).devices()
    assert package.basis is dram.basis is Basis.MEASURED
    assert package.source == "RAPL energy counter of the CPU package-0 (powercap), taken as +-5 %"
    assert (package.relative_high, dram.relative_high) == (0.05, 0.2)


def test_the_memory_of_an_absent_zone_is_absent(tmp_path: Path) -> None:
    with PowercapTree(tmp_path, server(dram=None)) as tree:
        assert [device.id for device in opened(tree).devices()] == ["cpu-package-0"]


def test_dies_that_mirror_their_package_count_once(tmp_path: Path) -> None:
    with PowercapTree(tmp_path, server(packages=2, dies=2, dram=None)) as tree:
        tree.advance("intel-rapl:0", 500.0)
        tree.advance("intel-rapl:2", 9000.0)
        meter = opened(tree)
        ids = [device.id for device in meter.devices()]
        assert ids == ["cpu-package-0-die-0", "cpu-package-1-die-0"]


def test_dies_with_counters_of_their_own_both_count(tmp_path: Path) -> None:
    zones = [
        Zone("intel-rapl:0", "package-0-die-0", 700_000_000),
        Zone("intel-rapl:1", "package-0-die-1", 300_000_000),
    ]
    with PowercapTree(tmp_path, zones) as tree:
        meter = opened(tree)
        meter.read(0.0)
        tree.advance("intel-rapl:0", 30.0)
        tree.advance("intel-rapl:1", 40.0)
        assert energies(meter, 1.0) == {
            "cpu-package-0-die-0": pytest.approx(30.0),
            "cpu-package-0-die-1": pytest.approx(40.0),
        }


@pytest.mark.parametrize(
    ("apart_j", "memory_j"),
    [(300.0, {"dram-0-die-0": 6.0, "dram-0-die-1": 7.0}), (0.0, {"dram-0-die-0": 6.0})],
)
def test_each_die_may_have_memory_of_its_own(
    tmp_path: Path, apart_j: float, memory_j: dict[str, float]
) -> None:
    """Two dies with a package counter and memory each, as the kernel names them; of dies that
    mirror one counter the second one's memory goes with it."""
    zones = [
        Zone("intel-rapl:0", "package-0-die-0", 900_000_000),
        Zone("intel-rapl:0:0", "dram", 50_000_000),
        Zone("intel-rapl:1", "package-0-die-1", 900_000_000 + int(apart_j * 1e6)),
        Zone("intel-rapl:1:0", "dram", 50_000_000),
    ]
    with PowercapTree(tmp_path, zones) as tree:
        meter = opened(tree)
        meter.read(0.0)
        tree.advance("intel-rapl:0:0", 6.0)
        tree.advance("intel-rapl:1:0", 7.0)
        seen = {key: value for key, value in energies(meter, 1.0).items() if "dram" in key}
        assert seen == pytest.approx(memory_j)


def test_the_mmio_twin_of_a_package_is_not_added(tmp_path: Path) -> None:
    zones = [
        Zone("intel-rapl:0", "package-0", 5_000_000),
        Zone("intel-rapl-mmio:0", "package-0", 800_000_000),
    ]
    with PowercapTree(tmp_path, zones) as tree:
        meter = opened(tree)
        meter.read(0.0)
        tree.advance("intel-rapl:0", 10.0)
        tree.advance("intel-rapl-mmio:0", 77.0)
        assert energies(meter, 1.0) == {"cpu-package-0": pytest.approx(10.0)}


def test_wraps_are_counted(tmp_path: Path) -> None:
    """An AMD counter at 200 W wraps every 5.5 minutes: three wraps in 1,000 s."""
    zone = Zone("intel-rapl:0", "package-0", AMD_RANGE_UJ - 1_000_000, AMD_RANGE_UJ)
    with PowercapTree(tmp_path, [zone]) as tree:
        meter = opened(tree)
        meter.read(0.0)
        for second in range(1, 1001):
            tree.advance(zone.id, 200.0)
            last = energies(meter, float(second))
        assert last["cpu-package-0"] == pytest.approx(200_000.0, abs=0.01)
        assert meter.doubts() == []


def test_a_long_gap_leaves_out_what_was_counted_in_it_and_is_said(tmp_path: Path) -> None:
    zone = Zone("intel-rapl:0", "package-0", 0, AMD_RANGE_UJ)
    with PowercapTree(tmp_path, [zone]) as tree:
        meter = opened(tree)
        meter.read(0.0)
        tree.advance(zone.id, 200_000.0)
        silent, reading = meter.read(1000.0)
        assert (silent.t_s, silent.energy_j, silent.power_w) == (500.0, None, None)
        assert (reading.t_s, reading.energy_j) == (1000.0, 0.0)
        tree.advance(zone.id, 200.0)
        assert energies(meter, 1001.0)["cpu-package-0"] == pytest.approx(200.0)
        meter.read(2001.0)
        (said,) = meter.doubts()
        assert said.message == (
            "CPU package-0: not read for 1000 s; its counter starts over every 66 kJ, and may have"
            " done so more than once: what it counted then is left out"
        )


def test_a_counter_that_is_set_back_adds_nothing_and_is_said(tmp_path: Path) -> None:
    zone = Zone("intel-rapl:0", "package-0", 50_000_000_000)
    with PowercapTree(tmp_path, [zone]) as tree:
        meter = opened(tree)
        meter.read(0.0)
        tree.advance(zone.id, 5.0)
        assert energies(meter, 0.1)["cpu-package-0"] == pytest.approx(5.0)
        tree.energy_file(zone.id).write_text("0\n")
        assert energies(meter, 0.2)["cpu-package-0"] == pytest.approx(5.0)
        tree.energy_file(zone.id).write_text("3000000\n")
        assert energies(meter, 0.3)["cpu-package-0"] == pytest.approx(8.0)
        assert "set back" in meter.doubts()[0].message


def test_closed_counters_name_the_remedy() -> None:
    with public_folder() as folder, PowercapTree(folder, server()) as tree:
        for zone in ("intel-rapl:0", "intel-rapl:0:0", "intel-rapl:0:1"):
            tree.deny(zone)
        with unprivileged(), pytest.raises(MeterUnavailableError) as refused:
            opened(tree)
        where = tree.sysfs / "class" / "powercap"
        assert str(refused.value).startswith(
            "the energy counters of CPU package-0, memory of CPU 0 are closed to this user;"
            f" run `sudo chmod a+r {where}/intel-rapl*:*/energy_uj`"
        )
        assert "udev rule" in str(refused.value)


def test_one_closed_package_leaves_the_cpu_unread_and_not_the_memory() -> None:
    with public_folder() as folder, PowercapTree(folder, server(packages=2)) as tree:
        tree.deny("intel-rapl:0")
        with unprivileged():
            meter = opened(tree)
        assert [d.id for d in meter.devices()] == ["dram-0", "dram-1"]
        assert meter.unread("package").startswith(
            "the energy counters of CPU package-0 are closed to this user; run `sudo chmod"
        )
        assert meter.unread("dram") == ""
        assert meter.doubts() == []


def test_no_counter_at_all_says_where_it_looked(tmp_path: Path) -> None:
    with pytest.raises(MeterUnavailableError, match=f"no energy counter of a CPU under {tmp_path}"):
        RaplMeter(tmp_path)


def test_the_folder_of_a_container(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    with PowercapTree(tmp_path, server(dram=None)) as tree:
        monkeypatch.setenv("ECOAUDIT_POWERCAP", str(tree.sysfs / "class" / "powercap"))
        assert [device.id for device in RaplMeter().devices()] == ["cpu-package-0"]


def test_a_tree_without_flat_links(tmp_path: Path) -> None:
    """A copy of devices/virtual/powercap/intel-rapl has child zones only inside their parents."""
    with PowercapTree(tmp_path, server()) as tree:
        meter = RaplMeter(tree.sysfs / "devices" / "virtual" / "powercap" / "intel-rapl")
        assert [device.id for device in meter.devices()] == ["cpu-package-0", "dram-0"]


def recorded(
    tree: PowercapTree, watts: Mapping[str, float], seconds: int, *, period_s: int = 1
) -> Run:
    """A run whose zones draw so much for so long, on a clock that this function drives."""
    now_s = 0.0
    recorder = Recorder(meters=[opened(tree)], clock=lambda: now_s, sampling=False, country="KEN")
    with recorder:
        for second in range(period_s, seconds + 1, period_s):
            for zone, power_w in watts.items():
                tree.advance(zone, power_w * period_s)
            now_s = float(second)
            recorder.sample()
    assert recorder.run.duration_s == seconds
    return recorder.run


def codes(run: Run) -> set[str]:
    return {doubt.code for doubt in run.doubts if doubt.code.startswith(("rapl", "counter"))}


def test_a_32_bit_counter_at_400_w_for_an_hour(tmp_path: Path) -> None:
    """1.44 MJ, in which a counter of 65.5 kJ starts over 22 times."""
    zone = Zone("intel-rapl:0", "package-0", 12_345_678, AMD_RANGE_UJ)
    with PowercapTree(tmp_path, [zone]) as tree:
        run = recorded(tree, {zone.id: 400.0}, 3600)
        assert tree.true_energy_j(zone.id) == pytest.approx(1.44e6)
    assert run.summary["cpu_energy_j"].number == pytest.approx(1.44e6, rel=1e-3)
    assert codes(run) == set()


def test_two_wraps_in_a_run(tmp_path: Path) -> None:
    """From just before the first: 65.5 kJ at 400 W last 164 s."""
    zone = Zone("intel-rapl:0", "package-0", AMD_RANGE_UJ - 1_000_000_000, AMD_RANGE_UJ)
    with PowercapTree(tmp_path, [zone]) as tree:
        run = recorded(tree, {zone.id: 400.0}, 200, period_s=5)
    assert run.summary["cpu_energy_j"].number == pytest.approx(80_000.0, rel=1e-6)
    assert codes(run) == set()


def test_two_wraps_under_the_sampling_thread(tmp_path: Path) -> None:
    """In real time: a counter of 1 kJ at 900 W starts over about every second."""
    zone = Zone("intel-rapl:0", "package-0", 500_000_000, 1_000_000_000)
    with PowercapTree(tmp_path, [zone]) as tree:
        meter = opened(tree)
        with tree.run({zone.id: 900.0}), Recorder(meters=[meter], country="KEN") as recorder:
            with recorder.window("work") as window:
                before_j = tree.true_energy_j(zone.id)
                time.sleep(1.9)
                after_j = tree.true_energy_j(zone.id)
            energy = recorder.energy(window)
    assert (500 + before_j) // 1000 == 0
    assert (500 + after_j) // 1000 >= 2
    assert energy.number == pytest.approx(after_j - before_j, rel=0.03)
    assert codes(recorder.run) == set()


def test_a_run_that_was_not_read_for_long_leaves_that_out(tmp_path: Path) -> None:
    """100 s at 200 W, 400 s unread in which the counter starts over, 100 s at 200 W: what was
    counted is 40 kJ, and 40 kJ to 160 kJ hold what was drawn."""
    zone = Zone("intel-rapl:0", "package-0", 0, AMD_RANGE_UJ)
    now_s = 0.0
    with PowercapTree(tmp_path, [zone]) as tree:
        recorder = Recorder(meters=[opened(tree)], clock=lambda: now_s, sampling=False)
        with recorder:
            for second in (*range(1, 101), *range(500, 601)):
                tree.advance(zone.id, 200.0 * (second - now_s))
                now_s = float(second)
                recorder.sample()
    energy = recorder.run.summary["cpu_energy_j"]
    value, low, high = energy.numbers
    assert value == pytest.approx(40_000.0)
    assert low < value
    assert tree.true_energy_j(zone.id) == pytest.approx(120_000.0)
    assert 120_000 < high < 170_000
    assert "no answer for 400.0 s" in energy.source
    assert codes(recorder.run) == {"rapl-gap"}


def test_a_counter_that_is_too_short_gives_no_energy(tmp_path: Path) -> None:
    zone = Zone("intel-rapl:0", "package-0", 0, 5_000_000)
    with PowercapTree(tmp_path, [zone]) as tree:
        run = recorded(tree, {zone.id: 120.0}, 20)
    assert run.summary["cpu_energy_j"].basis is Basis.ABSENT
    (said,) = [doubt for doubt in run.doubts if doubt.code == "rapl-gap"]
    assert "its counter starts over every 5 J" in said.message
    assert "meter at the plug" in said.remedy


def test_a_counter_that_never_moves_is_no_zero_though_its_power_is(tmp_path: Path) -> None:
    """As some virtual machines show it. The power of 0 W is made of the counter, and says nothing
    beside it; a counter that moves gives its power to the live line."""
    zone, stuck = Zone("intel-rapl:0", "package-0", 0), Zone("intel-rapl:0:0", "dram", 0)
    with PowercapTree(tmp_path, [zone, stuck]) as tree:
        assert {device.power_method for device in opened(tree).devices()} == {None}
        now_s = 0.0
        recorder = Recorder(meters=[opened(tree)], clock=lambda: now_s, sampling=False)
        with recorder:
            for tick in range(1, 101):
                tree.advance(zone.id, 10.0)
                now_s = tick / 10
                recorder.sample()
            assert recorder.power_w() == {"package": pytest.approx(100.0), "dram": 0.0}
    summary = recorder.run.summary
    assert summary["cpu_energy_j"].number == pytest.approx(1000.0)
    assert summary["dram_energy_j"].basis is Basis.ABSENT
    assert "its energy counter did not move" in summary["dram_energy_j"].source
    assert summary["energy_j"].value is None
    assert codes(recorder.run) == {"counter-stuck"}


def test_a_run_adds_packages_and_memory_of_a_full_tree_once(tmp_path: Path) -> None:
    """Two sockets with mirrored dies, core and uncore inside them, memory beside, psys over all."""
    zones = server(packages=2, dies=2, core=True, uncore=True, dram="child", psys=True)
    drawn = {"package": 100.0, "core": 60.0, "uncore": 10.0, "dram": 20.0, "psys": 300.0}
    watts = {zone.id: drawn[zone.name.partition("-")[0]] for zone in zones if zone.mirrors is None}
    assert len(zones) == 4 + 2 * 3 + 1
    with PowercapTree(tmp_path, zones) as tree:
        tree.advance("intel-rapl:2", 5000.0)  # the sockets' counters differ
        run = recorded(tree, watts, 100)
    assert run.summary["cpu_energy_j"].number == pytest.approx(2 * 100 * 100)
    assert run.summary["dram_energy_j"].number == pytest.approx(2 * 20 * 100)
    assert run.summary["energy_j"].number == pytest.approx(24_000)
    assert len(run.devices) == 4


def test_an_amd_server_has_no_memory_counter(tmp_path: Path) -> None:
    """Package and core only, on Zen: the memory's energy is absent, not 0."""
    zones = server(packages=2, core=True, dram=None, range_uj=AMD_RANGE_UJ)
    with PowercapTree(tmp_path, zones) as tree:
        watts = {"intel-rapl:0": 150.0, "intel-rapl:0:0": 90.0, "intel-rapl:1": 50.0}
        run = recorded(tree, watts, 60)
    assert [device.id for device in run.devices] == ["cpu-package-0", "cpu-package-1"]
    assert run.summary["cpu_energy_j"].number == pytest.approx(12_000)
    assert run.summary["dram_energy_j"].basis is Basis.ABSENT
    assert run.summary["dram_energy_j"].value is None
