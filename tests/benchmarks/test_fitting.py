"""The fit of speed and power: on rows made up here, since the public ones are not in the tree."""

from __future__ import annotations

import csv
import math
from collections.abc import Iterable
from pathlib import Path

import numpy as np
import pytest

from benchmarks.fitting.__main__ import kept_of, save_constants
from benchmarks.fitting.held_out import errors_of, held_out, interval
from benchmarks.fitting.least import Array, fitted
from benchmarks.fitting.model import Table, fit_cost, step_s, table_of
from benchmarks.fitting.report import page, summary
from benchmarks.fitting.rows import Point, contradicted, read_data
from benchmarks.fitting.shapes import EXTRA, shape_of
from benchmarks.fitting.study import Study, ecologits_energy_j
from ecoaudit.factors.hardware import find_device
from ecoaudit.sizing.constants import TERMS, read_constants, table
from ecoaudit.sizing.memory import tensors

H100 = find_device("H100 SXM")
TRUE = np.array([1.1, 1.2, 1.5, 7e-5, 4e-5, 2e-5, 1e-4, 8e-5, 6e-4])
LEVEL = np.array([0.8, 0.9, 1.1, 0.3, 0.6, 0.2, 0.7, 0.7, 0.8])


def point(name: str, batch: float, *, devices: int = 1, task: str = "lm-arena-chat") -> Point:
    """A point of ML.ENERGY's kind whose step and draw follow TRUE and LEVEL."""
    model = shape_of(name)
    assert model is not None
    weights = "fp8" if name.endswith("FP8") else "bf16"
    source, engine = "ML.ENERGY leaderboard v3", "vLLM 0.11.1"
    known = (source, engine, "0.11.1", model, name, task, H100, devices, weights, batch, batch)
    bare = Point(*known, prompt=200.0, output=400.0, step_s=1.0)
    times = np.array(bare.parts()) * TRUE
    step = float(times.sum())
    power = 700 * min(float(times @ LEVEL) / step, 1.0)
    return Point(*known, 200.0, 400.0, step, power, power * devices * step / batch)


NAMES = (
    "meta-llama/Llama-3.1-8B-Instruct",
    "Qwen/Qwen3-8B",
    "Qwen/Qwen3-32B",
    "Qwen/Qwen3-30B-A3B-Instruct-2507",
    "Qwen/Qwen3-235B-A22B-Instruct-2507-FP8",
)
POINTS = [point(name, batch) for name in NAMES for batch in (8, 32, 128, 512)]


def test_constants_that_made_the_rows_are_found_again() -> None:
    cost = fit_cost(table_of(POINTS, frozenset()))
    for term in ("weights", "layer", "sequence"):
        place = TERMS.index(term)
        assert cost[place] == pytest.approx(TRUE[place], rel=0.15), term
    rows = table_of(POINTS, frozenset())
    assert np.abs(step_s(rows, cost) / rows.column("step_s") - 1).max() < 0.05


def test_a_model_held_out_is_predicted_from_the_others() -> None:
    rows = table_of(POINTS, frozenset())
    seen = {"step": rows.column("step_s")}
    asked: list[tuple[set[str], set[str]]] = []

    def predict(fit: Table, wanted: Table) -> dict[str, Array]:
        asked.append((set(fit.keys), set(wanted.keys)))
        return {"step": step_s(wanted, fit_cost(fit))}

    held = held_out(rows, seen, predict, strict=True)
    assert all(not fit & wanted for fit, wanted in asked)
    dense = rows.sorts("dense")
    errors = errors_of(seen["step"][dense], held.predicted["step"][dense], None, None)
    assert errors.count == 12
    assert errors.mean < 0.05
    # five models: each alone, and each beside each other one
    assert len(asked) == 5 + 5 * 4
    assert {len(fit) for fit, _ in asked} == {4, 3}


def test_the_interval_of_a_model_is_made_without_it() -> None:
    rows = table_of(POINTS, frozenset())
    seen = rows.column("step_s").copy()
    base = seen.copy()
    odd = rows.are(rows.keys[0])
    seen[odd] *= 5  # only its own errors would be that large
    others = interval(rows, ~odd, "dense", seen, base)
    assert others == (1.0, 1.0)
    low, high = interval(rows, odd, "dense", seen, base)
    assert low == 1.0
    assert high == pytest.approx(5 ** math.sqrt(2))


def test_rows_that_count_for_nothing_leave_what_was_known() -> None:
    known = np.array([1.2, 3e-5])
    found = fitted(np.zeros((0, 2)), np.zeros(0), [], known, np.array([0.1, 0.5]), 0.1, np.zeros(2))
    assert found == pytest.approx(known)


def test_one_wild_row_does_not_bend_the_fit() -> None:
    parts = np.array([[1.0], [2.0], [3.0], [4.0], [5.0]])
    seen = np.array([2.0, 4.0, 6.0, 8.0, 100.0])
    wide = np.array([3.0])
    found = fitted(parts, seen, list("abcde"), np.array([1.0]), wide, 0.1, np.zeros(1))
    assert found[0] == pytest.approx(2.0, rel=0.06)


def test_a_bound_holds() -> None:
    parts, seen = np.array([[1.0], [2.0]]), np.array([0.5, 1.0])
    wide = np.array([3.0])
    found = fitted(parts, seen, ["a", "b"], np.array([1.2]), wide, 0.1, np.array([1.0]))
    assert found[0] == pytest.approx(1.0)


def test_tasks_that_contradict_each_other_are_marked() -> None:
    one, other = point(NAMES[1], 8), point(NAMES[1], 8, task="gpqa")
    assert contradicted([one, other]) == set()
    slow = Point(**{name: getattr(other, name) for name in Point.__slots__} | {"step_s": 0.032})
    assert contradicted([one, slow]) == {one, slow}
    assert contradicted([one, point(NAMES[0], 8)]) == set()


@pytest.mark.parametrize(
    ("name", "billions"),
    # as their makers state them
    [("405B", 405.0), ("235B", 235.0), ("480B", 480.0), ("Maverick", 400.0), ("M2.5", 229.0)],
)
def test_shapes_have_the_parameters_that_are_stated(name: str, billions: float) -> None:
    model = next(model for model in EXTRA if name in model.name)
    assert tensors(model).total / 1e9 == pytest.approx(billions, rel=0.005)


def test_ecologits_fit_by_hand() -> None:
    rows = table_of([point("meta-llama/Llama-3.1-8B-Instruct", 64)], frozenset())
    # 1.16653e-6 x exp(-0.0112059 x 64) x 7.505 + 4.05293e-5 = 4.480e-5 Wh on one board
    assert ecologits_energy_j(rows)[0] == pytest.approx(4.480e-5 * 3600, rel=1e-3)


def test_from_files_to_tables_and_back(tmp_path: Path) -> None:
    data = read_data(folder(tmp_path))
    assert len(data.points) == len(POINTS) + 3
    assert sum(data.left_out.values()) == 4
    assert any("replicas (dp8)" in reason for reason in data.left_out)
    assert any("NVFP4" in reason for reason in data.left_out)
    assert any("stands twice" in reason for reason in data.left_out)
    groups = Study(data).run()
    kept = kept_of(groups)
    assert [group.name for group in kept] == [H100.name, "any"]
    assert "time per step" in summary(groups)
    save_constants(kept, tmp_path / "constants.csv")
    rows = read_constants(tmp_path / "constants.csv")
    assert rows[0].cost[3] == pytest.approx(TRUE[3], rel=0.15)
    text = page(data, groups, kept, 2)
    assert "| time per step | H100 SXM5 80GB, vLLM 0.11.1 |" in text
    assert "stands twice" in text


def test_a_folder_without_the_rows_is_named(tmp_path: Path) -> None:
    with pytest.raises(SystemExit, match=r"ml_energy_v3.csv is missing"):
        read_data(tmp_path)


def test_the_page_is_that_of_the_committed_constants() -> None:
    shown = (Path(__file__).parents[2] / "docs" / "accuracy.md").read_text("utf-8")
    layers = " | ".join(f"{row.cost[TERMS.index('layer')] * 1e6:.0f}" for row in table())
    assert f"| time, layer [µs] | {layers} |" in shown
    counts = " | ".join(f"{row.rows}, {row.models}" for row in table())
    assert f"| rows, shapes of models | {counts} |" in shown


def folder(path: Path) -> Path:
    """The three files, with rows that are made up and four that are left out."""
    energy = [_energy(each) for each in POINTS]
    energy.append(energy[0] | {"parallelism": "tp1ep8dp8"})
    _write(path / "ml_energy_v3.csv", energy)
    silicon = [_silicon(clients) for clients in ("4", "16", "64")]
    silicon += [
        silicon[0],
        silicon[0] | {"dtype": "fp4"},
        silicon[0] | {"parallelism": "disagg", "batch_or_concurrency": ""},
    ]
    _write(path / "aiconfigurator_silicon.csv", silicon)
    single = {
        "model": "meta-llama/Meta-Llama-3-8B",
        "gpu": "Nvidia H100 GPU",
        "engine": "vLLM",
        "n_gpus": "1",
        "dtype": "fp16/bf16",
        "avg_power_w": "363",
        "batch_or_concurrency": "1",
        "input_tokens_mean": "1024",
        "output_tokens_mean": "1024",
        "output_tok_s": "126.5",
    }
    _write(path / "argonne.csv", [single, single | {"engine": "llama.cpp"}])
    return path


def _energy(each: Point) -> dict[str, str]:
    formats = {"bf16": "bfloat16", "fp8": "fp8"}
    return {
        "model": each.checkpoint,
        "parallelism": "tp1ep1dp1",
        "n_gpus": str(each.devices),
        "avg_batch_size": str(each.batch),
        "engine_version": each.version,
        "task": each.task,
        "gpu": "H100",
        "dtype": formats[each.weights],
        "batch_or_concurrency": str(each.clients),
        "output_tokens_mean": str(each.output),
        "output_tok_s": str(each.batch / each.step_s),
        "avg_power_w": str((each.power_w or 0.0) * each.devices),
        "energy_per_output_token_j": str(each.energy_j),
    }


def _silicon(clients: str) -> dict[str, str]:
    return {
        "model": "meta-llama/Llama-3.1-70B",
        "gpu": "h200_sxm",
        "n_gpus": "2.0",
        "parallelism": "tp2pp1dp1ep1",
        "dtype": "fp8",
        "engine_version": "0.18.0",
        "batch_or_concurrency": clients,
        "input_tokens_mean": "1024",
        "output_tokens_mean": "1024",
        "ttft_ms": "120",
        "tpot_ms": "14",
    }


def _write(path: Path, rows: Iterable[dict[str, str]]) -> None:
    found = list(rows)
    with path.open("w", encoding="utf-8", newline="") as file:
        writer = csv.DictWriter(file, list(found[0]))
        writer.writeheader()
        writer.writerows(found)
