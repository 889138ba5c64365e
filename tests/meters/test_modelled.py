from __future__ import annotations

import os
import time
from dataclasses import replace

import pytest
from codecarbon.external.ram import RAM

from ecoaudit.errors import UsageError
from ecoaudit.estimate import Basis
from ecoaudit.machine import Machine
from ecoaudit.meters.modelled import ModelledCpu, ModelledRam, ram_power_w, rated_power
from ecoaudit.process_tree import ProcessTree

GIB = 2**30
SERVER = Machine(
    cpu="Intel(R) Xeon(R) Gold 6248 CPU @ 2.50GHz",
    sockets=2,
    logical_cpus=80,
    memory_bytes=384.0 * GIB,
    arm=False,
    virtual=False,
)


class Ledger(ProcessTree):
    """A process tree whose CPU time the test sets."""

    def __init__(self) -> None:
        super().__init__(os.getpid())
        self.used_s = 100.0

    def cpu_s(self) -> float:
        return self.used_s


def test_rated_power_comes_from_the_table_once_per_socket() -> None:
    watts, source, low, high = rated_power(SERVER)
    assert watts == 300.0
    assert source.startswith("2 x rated power of Intel Xeon Gold 6248 (codecarbon 3.")
    assert (low, high) == (0.5, 1.0)


@pytest.mark.parametrize(
    ("machine", "why"),
    [
        (replace(SERVER, virtual=True), "a virtual machine has part of a CPU"),
        (replace(SERVER, cpu="Nonesuch 9000"), "no table holds the CPU 'Nonesuch 9000'"),
    ],
)
def test_an_unknown_cpu_gets_4_w_per_logical_cpu_and_more_doubt(machine: Machine, why: str) -> None:
    watts, source, low, high = rated_power(machine)
    assert watts == 4.0 * 80
    assert why in source
    assert (low, high) == (0.7, 2.0)


def test_the_users_figure_wins(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("ECOAUDIT_CPU_TDP_W", "65")
    watts, source, _, _ = rated_power(SERVER)
    assert watts == 65.0
    assert "declared in ECOAUDIT_CPU_TDP_W" in source


@pytest.mark.parametrize("text", ["", "65 W", "-3", "0", "nan", "inf"])
def test_a_bad_figure_is_an_error(monkeypatch: pytest.MonkeyPatch, text: str) -> None:
    monkeypatch.setenv("ECOAUDIT_CPU_TDP_W", text)
    with pytest.raises(UsageError, match="ECOAUDIT_CPU_TDP_W: expected the rated power"):
        ModelledCpu(Ledger(), SERVER)


def test_cpu_energy_is_rest_plus_the_trees_share() -> None:
    tree = Ledger()
    meter = ModelledCpu(tree, SERVER)
    meter.read(10.0)
    tree.used_s += 8 * 5.0  # eight of 80 cores for 5 s
    (reading,) = meter.read(15.0)
    assert reading.energy_j == pytest.approx(300 * (0.1 + 0.9 * 8 / 80) * 5.0)
    assert reading.power_w == pytest.approx(300 * (0.1 + 0.9 * 8 / 80))
    (reading,) = meter.read(25.0)  # then at rest
    assert reading.power_w == pytest.approx(30.0)
    assert reading.energy_j == pytest.approx(300 * (0.1 + 0.9 * 8 / 80) * 5.0 + 30.0 * 10)


def test_a_reading_right_after_another_holds_what_was_counted_in_between() -> None:
    """A child that was waited for just before the end of a run brings all its CPU time at once."""
    tree = Ledger()
    meter = ModelledCpu(tree, SERVER)
    meter.read(0.0)
    tree.used_s += 8.0
    (before,) = meter.read(1.0)
    tree.used_s += 16.0
    (after,) = meter.read(1.001)
    assert before.energy_j == pytest.approx(30.0 + 0.9 * 300 * 8 / 80)
    assert after.energy_j == pytest.approx(30.03 + 0.9 * 300 * 24 / 80)
    assert after.power_w == before.power_w == pytest.approx(57.0)  # too soon to tell another


def test_the_model_never_exceeds_the_rated_power_as_power() -> None:
    tree = Ledger()
    meter = ModelledCpu(tree, SERVER)
    meter.read(0.0)
    tree.used_s += 82.0  # ticks of 10 ms on 80 cores
    (reading,) = meter.read(1.0)
    assert reading.power_w == 300.0


def test_a_busy_process_is_seen_through_the_real_tree() -> None:
    machine = replace(Machine.this(), cpu="AMD EPYC 7763", sockets=1, virtual=False, logical_cpus=1)
    meter = ModelledCpu(ProcessTree(os.getpid()), machine)
    start_s, start_cpu_s = time.monotonic(), time.process_time()
    meter.read(start_s)
    while time.process_time() - start_cpu_s < 0.5:
        pass
    end_s, busy_s = time.monotonic(), time.process_time() - start_cpu_s
    (reading,) = meter.read(end_s)
    expected_j = 280 * (0.1 * (end_s - start_s) + 0.9 * busy_s)
    # The kernel counts CPU time in steps of 10 ms; other threads of the tests may add a little.
    assert reading.energy_j == pytest.approx(expected_j, abs=0.03 * 280)


@pytest.mark.parametrize("arm", [False, True])
@pytest.mark.parametrize(
    "gib", [0.5, 2, 3, 4, 8, 16, 17, 32, 33, 64, 65, 96, 128, 129, 192, 256, 384, 768, 1024, 2048]
)
def test_the_memory_rule_is_codecarbons(gib: float, arm: bool) -> None:
    theirs = RAM()
    theirs.is_arm_cpu = arm
    assert ram_power_w(gib * GIB, arm) == pytest.approx(theirs._calculate_ram_power(gib))


def test_memory_energy_is_constant_power() -> None:
    meter = ModelledRam(replace(SERVER, memory_bytes=16.0 * GIB))
    (device,) = meter.devices()
    assert (device.id, device.boundary, device.basis) == ("ram", "dram", Basis.MODELLED)
    assert "10 W for the modules that 16 GiB suggest" in device.source
    assert (device.relative_low, device.relative_high) == (0.6, 1.0)
    assert meter.read(3.0)[0].energy_j == 0.0
    assert meter.read(63.0)[0].energy_j == 600.0


def test_the_interval_stays_above_zero() -> None:
    for meter in (ModelledCpu(Ledger(), SERVER), ModelledRam(SERVER)):
        assert all(0 < device.relative_low < 1 for device in meter.devices())
