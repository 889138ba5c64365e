"""Power of devices, against published readings."""

from __future__ import annotations

import pytest

from ecoaudit.estimate import Estimate
from ecoaudit.factors.hardware import devices, find_device
from ecoaudit.scenario import load_site
from ecoaudit.sizing.power import device_busy_w, device_idle_w, plug_power


def holds(estimate: Estimate, watts: float) -> bool:
    return (
        estimate.low is not None
        and estimate.high is not None
        and (estimate.low <= watts <= estimate.high)
    )


@pytest.mark.parametrize(
    ("name", "bare_w", "context_w"),
    [("A100 80GB SXM4", 65, 38), ("RTX 5090", 45.2, 38), ("RTX 4090", 17, 38)],
)
def test_loaded_idle_holds_what_was_read(name: str, bare_w: float, context_w: float) -> None:
    assert holds(device_idle_w(find_device(name)), bare_w + context_w)


def test_a_known_bare_idle_is_used_with_the_context_on_top() -> None:
    idle = device_idle_w(find_device("H200 SXM"))
    assert idle.value == pytest.approx(73.65 + 38)
    assert "conservemode" in idle.source


@pytest.mark.parametrize(
    ("name", "watts"), [("A100 40GB SXM4", 229), ("H100 SXM", 363), ("H100 SXM", 0.69 * 700)]
)
def test_busy_power_holds_what_was_read(name: str, watts: float) -> None:
    assert holds(device_busy_w(find_device(name)), watts)


def test_the_circuit_is_sized_on_the_limit_and_the_host() -> None:
    host = load_site("urban-clinic").host
    device = find_device("RTX 4090")
    power = plug_power(device, host, device_idle_w(device), device_busy_w(device))
    assert power.peak_w.value == pytest.approx(450 / 0.88 + 180)


def test_a_machine_needs_no_host() -> None:
    host = load_site("urban-clinic").host
    device = find_device("Strix Halo")
    power = plug_power(device, host, device_idle_w(device), device_busy_w(device))
    assert holds(power.peak_w, 133)
    assert holds(power.peak_w, 140)
    assert power.idle_w == device_idle_w(device)


@pytest.mark.parametrize("name", list(devices()))
def test_idle_is_below_busy_is_below_the_peak(name: str) -> None:
    device = devices()[name]
    host = load_site("urban-clinic").host
    power = plug_power(device, host, device_idle_w(device), device_busy_w(device))
    assert power.idle_w.number < power.busy_w.number < power.peak_w.number
