"""How long a computer takes to wake, typed or measured."""

from __future__ import annotations

from dataclasses import replace

import pytest

from ecoaudit.estimate import Basis, Estimate
from ecoaudit.measurement import DeviceEnergy, Measurement
from ecoaudit.planning.waking import wake_of
from ecoaudit.run import Run, load_run
from tests.planning.sites import exact, site

HOST = site().host


@pytest.fixture
def run() -> Run:
    return load_run("tests/data/district-hospital-notes.run.json")


def energy(boundary: str, joules: float) -> DeviceEnergy:
    figure = Estimate.within(joules, 0.05, "J", Basis.MEASURED, boundary)
    return DeviceEnergy(boundary, "gpu", boundary, figure, "test")


def window(*devices: DeviceEnergy) -> Measurement:
    return Measurement("model_load", "model_load", 0.0, 42.0, list(devices))


def test_typed_figures_come_first(run: Run) -> None:
    host = replace(HOST, wake_time=exact(40, "s"), wake_energy=exact(6000, "J"))
    wake = wake_of(host, replace(run, windows=[window(energy("board", 1))]))
    assert (wake.time_s.value, wake.energy_j.value, wake.notes) == (40, 6000, ())


def test_a_run_that_loaded_its_model(run: Run) -> None:
    parts = [energy("board", 5000), energy("package", 1500), energy("dram", 500)]
    wake = wake_of(HOST, replace(run, windows=[window(*parts)]))
    assert wake.time_s.value == 42
    assert wake.time_s.basis is Basis.MEASURED
    assert wake.energy_j.number == pytest.approx(7000)
    assert wake.energy_j.source == f"run {run.id}, window model_load"
    assert "the start of the computer itself is not in the time to wake" in wake.notes
    assert len(wake.notes) == 2


def test_a_meter_at_the_plug_is_taken_alone(run: Run) -> None:
    parts = [energy("board", 5000), energy("wall", 9000)]
    wake = wake_of(HOST, replace(run, windows=[window(*parts)]))
    assert wake.energy_j.number == 9000
    assert len(wake.notes) == 1


def test_nobody_knows(run: Run) -> None:
    for wake in (wake_of(HOST), wake_of(HOST, replace(run, windows=[]))):
        assert not wake.time_s.known
        assert "host.wake_time" in wake.energy_j.source
    unread = wake_of(HOST, replace(run, windows=[window()]))
    assert unread.time_s.known
    assert not unread.energy_j.known
