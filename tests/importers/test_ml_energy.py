"""The ML.ENERGY leaderboard: steady windows, boards alone; see ``results.configuration``."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from ecoaudit.errors import FileFormatError, UsageError
from ecoaudit.estimate import Basis
from ecoaudit.importers import import_results
from tests.importers.results import SAID, configuration, leaderboard, write


def test_its_figures_are_of_the_steady_window_and_the_boards(tmp_path: Path) -> None:
    path = write(tmp_path / "x.json", leaderboard(configuration(16), configuration(8)))
    run = import_results([path], said=SAID)
    assert [point.level for point in run.curve] == [8, 16]
    point = run.curve[0]
    assert point.whole_run == {}
    known = {name: figure.value for name, figure in point.steady.items() if figure.known}
    assert known == pytest.approx(
        {
            "output_tokens_per_s": 500.0,
            "requests_per_s": 2.0,
            "requests_in_flight": 7.92,
            "gpu_power_w": 400.0,
            "gpu_energy_per_output_token_j": 0.8,
            "gpu_energy_per_request_j": 200.0,
            "chunk_gap_s_p50": 0.012,  # their median ITL is no time per output token of a request
            "chunk_gap_s_p95": 0.014,
        }
    )
    assert point.steady["tpot_s_p50"].value is None
    per_token = point.steady["gpu_energy_per_output_token_j"]
    assert (per_token.low, per_token.high) == pytest.approx((0.76, 0.84))
    assert per_token.basis is Basis.MEASURED
    assert point.steady["gpu_energy_per_request_j"].basis is Basis.MODELLED
    gap = point.steady["chunk_gap_s_p95"]  # of how many gaps is not said
    assert (gap.low, gap.high) == (0.014, 0.014)
    assert "no interval, for the number of values is not said" in gap.source
    assert run.settings["weights"] == "bf16"
    assert run.settings["parallel"] == "tp1-ep1-dp1"
    assert run.settings["summary"]["window"] == "steady"
    assert run.summary["duration_s"].value is None
    assert [device.name for device in run.devices] == ["H100"]
    codes = [doubt.code for doubt in run.doubts]
    assert codes.count("board-energy") == 1
    assert "not-saturated" not in codes
    assert "self-contradiction" not in codes
    assert "summaries-only" in codes


@pytest.mark.parametrize(
    ("more", "message"),
    [
        (
            {"energy_per_token_joules": 99.0, "energy_per_request_joules": 24_750.0},
            "energy_per_token_joules is 99 J/token, and its other figures come to 0.8",
        ),
        (
            {"energy_per_request_joules": 999.0},
            "energy_per_request_joules is 999 J/request, and its other figures come to 200",
        ),
    ],
)
def test_energy_that_does_not_follow_is_a_doubt(
    more: dict[str, Any], message: str, tmp_path: Path
) -> None:
    path = write(tmp_path / "x.json", leaderboard(configuration(8, **more)))
    run = import_results([path], said=SAID)
    said = [doubt.message for doubt in run.doubts if doubt.code == "self-contradiction"]
    assert said == [message]


def test_a_batch_that_was_not_full_is_a_doubt(tmp_path: Path) -> None:
    rows = (configuration(8), configuration(64, avg_batch_size=50.0))
    run = import_results([write(tmp_path / "x.json", leaderboard(*rows))], said=SAID)
    (said,) = [doubt for doubt in run.doubts if doubt.code == "not-saturated"]
    assert said.message == "level 64: 50.0 requests were running on average, of 64"


def test_one_of_its_setups_is_picked(tmp_path: Path) -> None:
    rows = (configuration(8), configuration(8, "B200"), configuration(16, "B200", num_gpus=2))
    path = write(tmp_path / "x.json", leaderboard(*rows))
    with pytest.raises(UsageError, match=r"configurations\.1: its gpu is B200.*of B200, H100"):
        import_results([path], said=SAID)
    run = import_results([path], said=SAID, picks={"gpu": "B200", "gpus": "2"})
    assert [point.level for point in run.curve] == [16]
    assert len(run.devices) == 2


def test_the_file_of_a_task_names_the_model_in_each_row(tmp_path: Path) -> None:
    flat: dict[str, Any] = {
        "tensor_parallel": 2,
        "expert_parallel": 1,
        "data_parallel": 1,
        "parallelization": None,
    }
    row = configuration(model_id="acme/x", weight_precision="fp8", **flat)
    path = write(tmp_path / "x.json", {"configurations": [row]})
    run = import_results([path], said=SAID)
    assert (run.settings["model"], run.settings["weights"]) == ("acme/x", "fp8")
    assert run.settings["parallel"] == "tp2-ep1-dp1"


def test_pictures_are_not_imported(tmp_path: Path) -> None:
    row = {"gpu_model": "H100", "energy_per_image_joules": 100.0}
    path = write(tmp_path / "x.json", leaderboard(row))
    with pytest.raises(FileFormatError, match="only language models are imported"):
        import_results([path], said=SAID)
