"""A calibration drives an engine and leaves a run of which a plan can make constants."""

from __future__ import annotations

from pathlib import Path

import pytest

from ecoaudit.engines.fake import FakeEngine
from ecoaudit.errors import EngineError
from ecoaudit.run import Run, RunStatus, load_run
from ecoaudit.sizing.calibration_run import is_calibration
from ecoaudit.workloads.answer import Answer
from ecoaudit.workloads.calibration import LONG_PROMPTS, LongPrompts, calibrate

TTFT_S, CHUNK_S = 0.03, 0.004


@pytest.fixture(scope="module")
def run(tmp_path_factory: pytest.TempPathFactory) -> Run:
    place = tmp_path_factory.mktemp("calibration") / "run.json"
    said: list[str] = []
    calibrate(
        FakeEngine(ttft_s=TTFT_S, chunk_s=CHUNK_S, random_weights=True),
        window_s=1.0,
        idle_s=0.3,
        long_prompt=1500,
        output=place,
        progress=said.append,
    )
    assert any(line.startswith("level 4: first token") for line in said)
    return load_run(place)


def test_it_is_an_ordinary_run(run: Run) -> None:
    assert run.status is RunStatus.COMPLETE
    assert is_calibration(run)
    names = [window.path for window in run.windows]
    assert names[:5] == ["idle", "model_load", "warmup", "idle_loaded", "first_request"]
    assert {"level-1", "level-4", "level-16", "long-prompts", "level-1/steady"} <= set(names)
    assert [point.level for point in run.curve] == [1, 4, 16, None]
    assert run.curve[3].arrivals == LONG_PROMPTS
    assert run.settings["calibration"]["long_prompt_tokens"] == 1500
    assert run.summary_point is run.curve[0]


def test_its_figures_are_those_of_the_engine(run: Run) -> None:
    for point in run.curve[:3]:
        assert point.steady["tpot_s_p50"].number == pytest.approx(CHUNK_S, rel=0.3)
        prompts, outputs, requests = (
            point.whole_run[name].number for name in ("prompt_tokens", "output_tokens", "requests")
        )
        assert prompts == 32 * requests
        assert outputs / requests == pytest.approx(64, rel=0.4)
    long = run.curve[3]
    assert long.steady == {}
    requests = long.whole_run["requests"].number
    assert requests >= 3
    assert long.whole_run["prompt_tokens"].number == 1500 * requests
    assert long.whole_run["requests_in_flight"].number <= 1
    assert long.whole_run["ttft_s_p50"].number == pytest.approx(TTFT_S, rel=0.5)


def test_nothing_of_a_clinic_is_made_up(run: Run) -> None:
    assert run.scenario is None
    share = run.curve[0].figures["allocated_energy_per_request_j"]
    assert not share.known
    assert share.source == "a calibration is of a device, not of a clinic"
    assert "few-requests" not in {said.code for said in run.doubts}


def test_an_engine_that_answers_nothing_leaves_no_run(tmp_path: Path) -> None:
    engine = FakeEngine(fail_every=1)
    with pytest.raises(EngineError, match="no request of the warm-up was answered"):
        calibrate(engine, window_s=1.0, idle_s=0.0, output=tmp_path / "r", progress=print)
    assert not (tmp_path / "r").exists()


def test_long_prompts_are_sent_until_three_and_some_time() -> None:
    time = [0.0]
    watch = LongPrompts(2048).watch(1.0, 5.0, lambda: time[0])
    time[0] = 6.0
    assert not watch.enough([])
    answers = [Answer(number) for number in range(3)]
    assert watch.enough(answers)
    time[0] = 4.0
    assert not watch.enough(answers)
