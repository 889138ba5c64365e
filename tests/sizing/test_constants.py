"""The committed constants: they load, they are sane, and they give back published points.

The points are cited facts of ML.ENERGY leaderboard v3 (vLLM 0.11.1, chat) and of Argonne's
LLM-Inference-Bench; the rows themselves are not in the repository.
"""

from __future__ import annotations

import math
from dataclasses import replace
from pathlib import Path

import pytest

from ecoaudit.errors import FileFormatError, NotFoundError
from ecoaudit.factors.hardware import devices, find_device
from ecoaudit.factors.models import find_model
from ecoaudit.sizing.constants import (
    ANY,
    ENDS,
    TABLE,
    TERMS,
    columns,
    constants_of,
    read_constants,
    table,
    written,
)
from ecoaudit.sizing.memory import kv_bytes
from ecoaudit.sizing.power import energy_per_token_j, serving_w
from ecoaudit.sizing.speed import rates

H100 = "NVIDIA H100 SXM5 80GB"


def test_the_table_is_that_of_the_reader_and_comes_back_as_it_is(tmp_path: Path) -> None:
    copy = tmp_path / "constants.csv"
    cells = [written(row) for row in table()]
    lines = [",".join(columns())]
    lines += [",".join(f'"{row[name]}"' for name in columns()) for row in cells]
    copy.write_text("\n".join(lines) + "\n", "utf-8")
    assert read_constants(copy) == list(table())


def test_every_row_names_a_device_and_its_source() -> None:
    assert [row.device for row in table()].count(ANY) == 1
    for row in table():
        assert row.device == ANY or row.device in devices()
        assert row.source
        assert row.engine.startswith("vLLM ")
        assert row.models >= 4
        assert row.rows > row.models


def test_nothing_is_faster_than_the_datasheet_and_no_draw_is_absurd() -> None:
    for row in table():
        assert len(row.cost) == len(row.level) == len(TERMS)
        assert all(cost >= 1 for cost in row.cost[:3])
        assert all(0 < cost < 2e-3 for cost in row.cost[3:])
        assert all(0.1 < level < 1.6 for level in row.level)


def test_trust_says_whose_rows_a_figure_rests_on() -> None:
    assert constants_of(H100).trust == "calibrated"
    assert "0.11.1" in constants_of(H100).said
    other = constants_of("NVIDIA L4")
    assert other.trust == "datasheet"
    assert other.device == ANY
    assert "other devices" in other.said


def test_an_engine_can_be_asked_for() -> None:
    newer = constants_of("NVIDIA B200 SXM", "0.19.0")
    assert "0.19.0" in newer.engine
    older = constants_of("NVIDIA B200 SXM", "0.11.1")
    assert newer.step_error < older.step_error
    assert constants_of("NVIDIA B200 SXM") == newer
    with pytest.raises(NotFoundError, match=r"no constants of engine '0.5'; known: vLLM 0.11.1"):
        constants_of(H100, "0.5")


def test_the_interval_of_a_device_without_rows_is_wider_than_that_of_the_h100() -> None:
    own, other = constants_of(H100), constants_of("NVIDIA L4")
    for quantity in ("step dense", "energy dense"):
        assert other.ends[quantity][0] < own.ends[quantity][0]
        assert other.ends[quantity][1] > own.ends[quantity][1]


def test_an_estimate_has_the_interval_of_its_quantity_and_sort() -> None:
    row = replace(constants_of(H100), ends=dict.fromkeys(ENDS, (0.5, 3.0)))
    figure = row.estimate(10.0, "s", "step", "dense")
    assert figure.numbers == (10.0, 5.0, 30.0)
    assert "ML.ENERGY" in figure.source


@pytest.mark.parametrize(
    ("column", "cell", "message"),
    [
        ("cost_layer", "fast", r"constants.csv:2: cost_layer: expected a number, got 'fast'"),
        ("step_dense_low", "1.2", r"constants.csv:2: step_dense_low: the interval holds no 1"),
    ],
)
def test_a_broken_cell_is_named(tmp_path: Path, column: str, cell: str, message: str) -> None:
    cells = written(table()[0]) | {column: cell}
    path = tmp_path / "constants.csv"
    body = ",".join(f'"{cells[name]}"' for name in columns())
    path.write_text(",".join(columns()) + "\n" + body + "\n", "utf-8")
    with pytest.raises(FileFormatError, match=message):
        read_constants(path)


def test_another_header_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "constants.csv"
    path.write_text("device,engine\n", "utf-8")
    with pytest.raises(FileFormatError, match="not that of a table of constants"):
        read_constants(path)
    assert TABLE.is_file()


# -- published points ----------------------------------------------------------------------------

CHAT = 200.0  # tokens of a prompt, assumed as in the fit; ML.ENERGY: about 150 to 250


@pytest.mark.parametrize(
    ("batch", "joule"),
    # Llama-3.1-8B, one H100, J/token at max_num_seqs; 389 to 405 tokens an answer
    [(8, 0.455), (32, 0.165), (128, 0.095), (256, 0.077), (512, 0.070)],
)
def test_energy_per_token_of_llama_on_an_h100(batch: int, joule: float) -> None:
    figure = energy("Llama-3.1-8B", batch, 395.0)
    assert figure == pytest.approx(joule, rel=0.12)


@pytest.mark.parametrize(("batch", "joule"), [(8, 1.73), (32, 0.62)])
def test_energy_per_token_of_qwen_on_an_h100(batch: int, joule: float) -> None:
    # Qwen3-32B, one H100, chat; about 635 tokens an answer
    assert energy("Qwen3-32B", batch, 635.0) == pytest.approx(joule, rel=0.12)


def energy(name: str, batch: float, output: float) -> float:
    """J/token of the chat of ML.ENERGY on one H100."""
    model, device = find_model(name), find_device(H100)
    context = CHAT + output / 2
    figure = energy_per_token_j(
        device,
        rates(model, "bf16", device),
        batch,
        kv_bytes(model, context),
        context,
        CHAT,
        output,
    )
    return figure.number


@pytest.mark.parametrize(
    ("device", "watts"),
    # Llama-3-8B, batch 1, 1024 tokens in and out, vLLM of 2024: Argonne LLM-Inference-Bench
    [("A100 40GB SXM4", 229.0), ("H100 SXM5 80GB", 363.0)],
)
def test_power_of_one_request_is_anchored(device: str, watts: float) -> None:
    model, board = find_model("Llama-3.1-8B"), find_device(device)
    figure = serving_w(
        board, rates(model, "bf16", board), 1, kv_bytes(model, 1536), 1536, 1024.0, 1024.0
    )
    value, low, high = figure.numbers
    assert low <= watts <= high
    assert value == pytest.approx(watts, rel=0.3)
    assert high <= board.power_limit.value


def test_power_is_never_above_the_limit_and_rises_with_the_batch() -> None:
    model, device = find_model("Llama-3.1-8B"), find_device(H100)
    rate = rates(model, "bf16", device)
    watts = [
        serving_w(device, rate, batch, kv_bytes(model, 400), 400, 200.0, 400.0).number
        for batch in (1, 8, 64, 256)
    ]
    assert watts == sorted(watts)
    assert watts[-1] <= device.power_limit.value
    assert not math.isclose(watts[0], watts[-1], rel_tol=0.1)
