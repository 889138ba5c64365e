"""The published figures are those that were measured, and the scripts reckon them rightly."""

from __future__ import annotations

import sys
from collections import defaultdict
from itertools import pairwise
from pathlib import Path

import pytest

from benchmarks import accuracy, publish, slowdown
from benchmarks.bench import child, one_gpu, start_together
from benchmarks.ways import WAYS, Slot
from ecoaudit.statistics import percentile
from tests.standins.nvml import Constant, StandInGpu

RESULTS = publish.load()


def test_the_tables_of_the_document_are_made_from_the_results() -> None:
    text = publish.DOCUMENT.read_text("utf-8")
    assert publish.render(text, RESULTS) == text, "run `python -m benchmarks.publish`"


def test_the_plot_was_made_from_the_results() -> None:
    assert f"accuracy.json {publish.digest(RESULTS)}" in publish.PLOT.read_text("utf-8")


def test_a_changed_figure_shows_in_the_document() -> None:
    changed = publish.load()
    changed["imports"]["rows"][1]["cpu_ms"] += 1000.0
    text = publish.DOCUMENT.read_text("utf-8")
    assert publish.render(text, changed) != text


def test_a_document_without_the_place_of_a_table_is_refused() -> None:
    with pytest.raises(ValueError, match="<!-- conditions -->"):
        publish.render("# Benchmarks\n", RESULTS)


def test_every_way_has_every_window_and_no_result_tells_a_date_or_a_name() -> None:
    seen = defaultdict(set)
    for row in RESULTS["accuracy"]["rows"]:
        seen[row["load"], row["counter_ms"], row["sensor"], row["window_s"]].add(row["way"])
    assert len(seen) == len(accuracy.CASES) * len(accuracy.LENGTHS_S)
    assert all(ways == set(WAYS) for ways in seen.values())
    for result in RESULTS.values():
        assert set(result["conditions"]) == {
            "cpu",
            "logical_cpus",
            "virtual_machine",
            "python",
            "load_over_5_min",
            "packages",
        }


@pytest.mark.parametrize("case", accuracy.CASES, ids=str)
def test_windows_of_a_lane_never_overlap_and_edges_lie_apart(case: accuracy.Case) -> None:
    slots = accuracy.schedule(case.recorded_s, seed=3)
    edges = sorted((t, n) for n, s in enumerate(slots) for t in (s.start_s, s.start_s + s.span_s))
    for (first_s, first), (second_s, second) in pairwise(edges):
        assert first == second or second_s - first_s >= accuracy.APART_S
    assert edges[0][0] >= 0.5
    assert edges[-1][0] <= case.recorded_s
    for lane in {slot.lane for slot in slots}:
        own = sorted((s.start_s, s.start_s + s.span_s) for s in slots if s.lane == lane)
        assert all(end < start for (_, end), (start, _) in pairwise(own))
    assert {slot.about_s for slot in slots} == set(accuracy.LENGTHS_S)


def test_errors_and_intervals_are_reckoned_from_the_windows() -> None:
    slots = [Slot(float(n), 1.0, 1.0, 0) for n in range(4)]

    def window(energy_j: float, half_j: float | None) -> dict[str, object]:
        low, high = (None, None) if half_j is None else (energy_j - half_j, energy_j + half_j)
        return {
            "true_j": 100.0,
            "energy_j": energy_j,
            "low_j": low,
            "high_j": high,
            "readings": energy_j > 0,
        }

    seen = {
        # 102 J with 5.1 J of the board alone, then with an edge of 3 J beside it, and two misses.
        "ecoaudit": [window(102, 5.1), window(102, 5.92), window(110, 6), window(90, 5)],
        "edges": [window(120, None), window(80, None), window(0, None), window(100, None)],
    }
    ours, edges = accuracy.rows_of(accuracy.CASES[0], slots, seen)
    assert (ours["way"], ours["windows"], ours["unread"]) == ("ecoaudit", 4, 0)
    assert ours["median_percent"] == pytest.approx(6.0)
    assert ours["bias_percent"] == pytest.approx(2.0)
    assert ours["median_per_edges"] == pytest.approx(0.3)
    assert ours["in_interval_percent"] == 50.0
    assert ours["in_interval_without_board_percent"] == 25.0
    assert edges["median_percent"] == pytest.approx(20.0)
    assert edges["p95_percent"] == pytest.approx(percentile([20, 20, 100, 0], 95))
    assert edges["unread"] == 1
    assert edges["in_interval_percent"] is None


def test_ways_see_the_same_windows_of_a_simulated_gpu(tmp_path: Path) -> None:
    gpu = StandInGpu(power=Constant(300.0), counter_step_ms=100.0)
    slots = [Slot(0.3, 0.5, 0.5, 0), Slot(0.6, 0.05, 0.05, 1)]
    env, _ = one_gpu(tmp_path, gpu)
    plan = tmp_path / "schedule.json"
    plan.write_text(
        '[{"start_s": 0.3, "span_s": 0.5, "about_s": 0.5, "lane": 0},'
        ' {"start_s": 0.6, "span_s": 0.05, "about_s": 0.05, "lane": 1}]'
    )
    commands = {}
    for way in ("ecoaudit", "edges"):
        result = tmp_path / f"{way}.json"
        words = [sys.executable, "-m", "benchmarks.ways", way, str(plan), str(result)]
        commands[way] = (words, result)
    seen = start_together(commands, env)
    for windows in seen.values():
        for slot, window in zip(slots, windows, strict=True):
            assert window["end_s"] - window["start_s"] >= 0.9 * slot.span_s
    # The counter holds whole steps of 30 J; the recorder knows better, and says how well.
    assert all(window["energy_j"] % 30.0 == pytest.approx(0.0) for window in seen["edges"])
    for window in seen["ecoaudit"]:
        true_j = 300.0 * (window["end_s"] - window["start_s"])
        assert window["low_j"] <= true_j <= window["high_j"]


def test_a_way_that_fails_says_why(tmp_path: Path) -> None:
    command = ([sys.executable, "-c", "raise SystemExit('no such board')"], tmp_path / "r.json")
    with pytest.raises(RuntimeError, match="zeus:\nno such board"):
        start_together({"zeus": command}, {})
    with pytest.raises(RuntimeError, match="no such import"):
        child("raise ImportError('no such import')")


def test_slow_down_is_what_measuring_takes_from_the_core() -> None:
    # Each works half of the time: bare, 1 ms of CPU a unit; measured, 1.02 ms, so 1 % of a core.
    marks = {
        slowdown.BARE: [(0.002 * n, 0.001 * n) for n in range(4000)],
        "measured": [(0.00204 * n, 0.00102 * n) for n in range(4000)],
    }
    found = slowdown.slower(marks, lasts_s=7.0)
    assert len(found) == 2
    for stretch in found:
        assert stretch["measured"] == pytest.approx(100 * 0.00002 / 0.00204)


def test_the_interval_of_the_median_holds_the_spread_between_launches() -> None:
    low, high = slowdown.interval([[0.1, 0.1, 0.1], [0.3, 0.3, 0.3], [0.5, 0.5, 0.5]])
    assert (low, high) == (0.1, 0.5)
    assert slowdown.interval([[0.2] * 5] * 4) == (0.2, 0.2)
