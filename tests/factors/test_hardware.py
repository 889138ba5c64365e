"""The table of devices: every row, and figures that other tables have wrong."""

from __future__ import annotations

import re

import pytest

from ecoaudit.errors import NotFoundError
from ecoaudit.factors.hardware import CARD, MACHINE, MODULE, Device, devices, find_device

ALL = list(devices().values())


@pytest.mark.parametrize("device", ALL, ids=lambda device: device.name)
def test_every_number_is_sane_and_has_a_source(device: Device) -> None:
    ranges = {
        "memory": (4e9, 600e9),
        "bandwidth": (50e9, 10e12),
        "bf16": (10e12, 3e15),
        "fp8": (100e12, 6e15),
        "int8": (10e12, 6e15),
        "power_limit": (10, 1200),
        "idle_power": (1, 150),
        "price": (200, 60000),
    }
    for name, fact in device.facts.items():
        low, high = ranges[name]
        assert low <= fact.value <= high, name
        assert fact.source, name
        assert 2018 <= fact.year <= 2026, name
        assert fact.licence, name
    if device.bf16 is not None and device.fp8 is not None:
        assert device.bf16.value <= device.fp8.value


def test_the_table_is_whole() -> None:
    assert len(ALL) == 54
    kinds = {kind: sum(device.kind == kind for device in ALL) for kind in (CARD, MODULE, MACHINE)}
    assert kinds == {CARD: 35, MODULE: 6, MACHINE: 13}


@pytest.mark.parametrize(
    ("name", "column", "value"),
    [
        ("L4", "bandwidth", 300.1e9),  # torch 2.13 has 3350 GB/s
        ("H100 SXM", "bf16", 989e12),  # sparse 1978.8 in lightning_fabric
        ("H100 NVL", "bf16", 835.5e12),
        ("H200 SXM", "bf16", 989e12),
        ("H100 SXM", "bandwidth", 3350e9),  # LLM-Viewer has 3072
        ("H100 PCIe", "bandwidth", 2040e9),
        ("A100 80GB PCIe", "bf16", 312e12),  # gpu_poor has the shader rate, 19.5
        ("A10", "memory", 24e9),  # llm-analysis has 28
        ("MI300X", "bandwidth", 5300e9),  # TechPowerUp has 10.3 TB/s
        ("L40S", "power_limit", 350),  # TechPowerUp has 300
        ("B200", "memory", 180e9),  # TechPowerUp has one of two dies
        ("B200", "bandwidth", 7700e9),
        ("RTX 5090", "memory", 32e9),  # 28 on a comparison site
        ("RTX 4090", "bf16", 165.2e12),  # FP32 accumulation: half rate
        ("RTX 6000 Ada", "bf16", 364.2e12),
        ("Jetson Orin Nano", "int8", 33.5e12),  # 67 is with sparsity
        ("B200", "bf16", 2250e12),  # GenZ has B100 and GB200 at 3500 and 4500
        ("B200", "fp8", 4500e12),
        ("RTX PRO 6000 Blackwell Server", "bf16", 467.8e12),  # hmc-tech.com has half
        ("RTX PRO 6000 Blackwell Workstation", "bf16", 503.8e12),
        ("A100 40GB SXM4", "bf16", 312e12),
        ("RTX 5090", "bf16", 209.5e12),
    ],
)
def test_figures_that_other_tables_have_wrong(name: str, column: str, value: float) -> None:
    assert find_device(name).facts[column].value == pytest.approx(value)


@pytest.mark.parametrize("name", ["Jetson AGX Orin", "GB10"])
def test_rates_with_sparsity_are_not_taken_for_dense_ones(name: str) -> None:
    # 275 TOPS and 1 PFLOP FP4 are with sparsity; the dense figures are not sourced
    assert find_device(name).int8 is None
    assert find_device(name).fp8 is None


def test_modules_are_called_what_they_are() -> None:
    # TechPowerUp calls the A100 SXM4 an OAM module
    assert find_device("A100 80GB SXM4").form == "SXM4 module"
    assert find_device("MI300X").form == "OAM module"


@pytest.mark.parametrize(
    ("name", "units", "clock_mhz", "per_clock"),
    [
        ("RTX 4090", 128, 2520, 256),
        ("RTX 5090", 170, 2407, 256),
        ("RTX 3090", 82, 1695, 256),
        ("RTX 6000 Ada", 142, 2505, 512),
    ],
)
def test_geforce_is_at_half_the_rate_of_the_workstation_cards(
    name: str, units: int, clock_mhz: int, per_clock: int
) -> None:
    fact = find_device(name).bf16
    assert fact is not None
    assert fact.value == pytest.approx(units * clock_mhz * 1e6 * per_clock * 2, rel=2e-3)


@pytest.mark.parametrize("device", ALL, ids=lambda device: device.name)
def test_narrower_formats_are_not_slower(device: Device) -> None:
    rates = [fact.value for fact in (device.bf16, device.fp8) if fact is not None]
    assert rates == sorted(rates)
    if device.fp8 is not None and device.bf16 is not None:
        assert device.fp8.value <= 2.03 * device.bf16.value  # four times would be sparse


@pytest.mark.parametrize("device", ALL, ids=lambda device: device.name)
def test_pages_that_are_wrong_on_purpose_are_no_source(device: Device) -> None:
    for fact in device.facts.values():
        assert "fate-oracle" not in fact.source
        assert "brick-house" not in fact.source


@pytest.mark.parametrize("name", ["H200 NVL", "GB10", "Jetson AGX Orin", "Apple M2", "M3 Ultra"])
def test_a_rate_that_nobody_has_sourced_stays_blank(name: str) -> None:
    assert find_device(name).bf16 is None


@pytest.mark.parametrize("device", ALL, ids=lambda device: device.name)
def test_computed_rates_equal_their_own_formula(device: Device) -> None:
    fact = device.bf16
    formula = None if fact is None else re.search(r"(\d+) SM x (\d+) MHz x (\d+) FMA", fact.source)
    if fact is None or formula is None:
        assert fact is None or not fact.computed
        return
    units, clock_mhz, per_clock = map(int, formula.groups())
    assert per_clock == (256 if "GeForce" in device.name else 512)
    assert fact.value == pytest.approx(units * clock_mhz * 1e6 * per_clock * 2, rel=2e-3)


@pytest.mark.parametrize(
    ("typed", "name"),
    [
        ("H100 SXM", "NVIDIA H100 SXM5 80GB"),
        ("NVIDIA H100 80GB HBM3", "NVIDIA H100 SXM5 80GB"),
        ("RTX 4060 Ti 16GB", "NVIDIA GeForce RTX 4060 Ti 16GB"),
        ("rtx4090", "NVIDIA GeForce RTX 4090"),
        ("NVIDIA A100-SXM4-80GB", "NVIDIA A100 80GB SXM4"),
        ("Tesla T4", "NVIDIA T4"),
        ("l4", "NVIDIA L4"),
        ("NVIDIA RTX 6000 Ada Generation", "NVIDIA RTX 6000 Ada"),
        ("m4 max", "Apple M4 Max (top bin)"),
        ("M4", "Apple M4"),
        ("Strix Halo", "AMD Ryzen AI Max+ 395 (Strix Halo, Radeon 8060S)"),
    ],
)
def test_names_are_forgiving(typed: str, name: str) -> None:
    assert find_device(typed).name == name


def test_another_product_is_never_taken_for_the_one_asked_for() -> None:
    with pytest.raises(NotFoundError, match="did you mean 'NVIDIA GeForce RTX 4070 Ti Super'"):
        find_device("RTX 4070")


def test_a_name_of_several_devices_asks_which() -> None:
    with pytest.raises(NotFoundError, match=r"'NVIDIA A100 40GB PCIe', .*; name one"):
        find_device("A100")
