"""One operating point: memory that fits or not, and figures that belong together."""

from __future__ import annotations

from dataclasses import replace

import pytest

from ecoaudit.errors import UsageError
from ecoaudit.factors.hardware import find_device
from ecoaudit.factors.models import find_model
from ecoaudit.sizing.memory import kv_bytes, weight_bytes
from ecoaudit.sizing.point import FIGURES, Point, figures_of

LLAMA, H100, L4 = find_model("Llama-3.1-8B"), find_device("H100 SXM"), find_device("L4")
POINT = Point(LLAMA, H100, "bf16", concurrency=8, input_tokens=512, output_tokens=256)


def test_the_figures_belong_together() -> None:
    found = figures_of(POINT).figures
    assert tuple(found) == FIGURES
    numbers = {name: figure.number for name, figure in found.items()}
    assert numbers["output_tokens_per_s"] == pytest.approx(8 / numbers["tpot_s"])
    assert numbers["energy_per_output_token_j"] == pytest.approx(
        numbers["power_w"] / numbers["output_tokens_per_s"], rel=1e-6
    )
    assert numbers["ttft_s"] > numbers["tpot_s"]
    for figure in found.values():
        value, low, high = figure.numbers
        assert low < value < high
        assert figure.source


def test_a_published_point_lies_within_its_interval() -> None:
    # ML.ENERGY leaderboard v3, vLLM 0.11.1, one H100, chat at 8 in flight: 0.455 J/token
    chat = replace(POINT, input_tokens=200.0, output_tokens=500.0)
    energy = figures_of(chat).figures["energy_per_output_token_j"]
    assert (energy.low or 0) <= 0.455 <= (energy.high or 0)


def test_memory_is_weights_and_cache_and_the_engines_own() -> None:
    eight, nine = (figures_of(replace(POINT, concurrency=float(n))) for n in (8, 9))
    held = eight.figures["memory_bytes"].number
    assert nine.figures["memory_bytes"].number - held == pytest.approx(kv_bytes(LLAMA, 768))
    rest = held - 8 * kv_bytes(LLAMA, 768) - weight_bytes(LLAMA, "bf16").number
    assert 0.5e9 < rest < 4e9


def test_it_fits_up_to_its_room_and_no_further() -> None:
    small = replace(POINT, device=L4)
    room = figures_of(small).room
    assert 10 < room < 80
    assert figures_of(replace(small, concurrency=float(room))).fits
    assert not figures_of(replace(small, concurrency=float(room + 1))).fits
    too_large = figures_of(replace(small, model=find_model("Llama-3.1-70B")))
    assert (too_large.fits, too_large.room) == (False, 0)


def test_two_devices_share_the_weights_and_draw_twice() -> None:
    one = figures_of(replace(POINT, model=find_model("Llama-3.1-70B"), weights="fp8"))
    two = figures_of(replace(POINT, model=find_model("Llama-3.1-70B"), weights="fp8", devices=2))
    assert two.room > 2 * one.room
    assert 0.4 < two.figures["tpot_s"].number / one.figures["tpot_s"].number < 0.8
    assert 1.3 < two.figures["power_w"].number / one.figures["power_w"].number <= 2.05


def test_a_device_with_rows_of_its_own_is_surer() -> None:
    assert figures_of(POINT).trust == "calibrated"
    other = figures_of(replace(POINT, device=find_device("RTX 4090"), concurrency=1.0))
    assert other.trust == "datasheet"
    sure, unsure = (each.figures["tpot_s"] for each in (figures_of(POINT), other))
    widths = [(f.high or 0) / (f.low or 1) for f in (sure, unsure)]
    assert widths[0] < widths[1]


def test_without_a_computing_rate_there_is_memory_alone() -> None:
    found = figures_of(replace(POINT, device=find_device("M4 Pro"), concurrency=1.0))
    assert found.figures["memory_bytes"].known
    assert [name for name, each in found.figures.items() if each.known] == ["memory_bytes"]
    assert "not sourced" in found.figures["ttft_s"].source


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"concurrency": 0.0}, "concurrency: expected a number above 0; got 0"),
        ({"input_tokens": -1.0}, "input_tokens: expected"),
        ({"output_tokens": float("nan")}, "output_tokens: expected"),
        ({"devices": 64}, "n_gpus: 64 devices cannot share 32 attention heads evenly: meta-llama"),
        (
            {"devices": 2, "device": find_device("M4 Pro")},
            "n_gpus: Apple M4 Pro is a whole computer",
        ),
        ({"devices": 3}, "n_gpus: 3 devices cannot share 32 attention heads evenly"),
    ],
)
def test_a_point_that_cannot_be(change: dict[str, object], message: str) -> None:
    with pytest.raises(UsageError, match=message):
        figures_of(replace(POINT, **change))  # type: ignore[arg-type]
