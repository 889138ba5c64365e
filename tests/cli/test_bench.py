"""``ecoaudit bench`` as a command of its own, attached to a fake server in this process."""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from ecoaudit.engines.fake import FakeEngine

SCENARIO = """\
name: Short
site: solar-rural-clinic
workload:
  name: Short
  prompt: {mean: 40, sd: 5}
  output: {mean: 12, sd: 2}
  system_prompt: 10
  requests_per_clinician: 20
demand: {clinicians: 2, opening: 8 h, days_per_year: 300, peak_factor: 2}
budget: 3000 USD
bench: {levels: [1, 2], window: 500 ms, idle: 200 ms}
"""


@pytest.fixture
def scenario(tmp_path: Path) -> Path:
    path = tmp_path / "short.yaml"
    path.write_text(SCENARIO)
    return path


@pytest.fixture
def url() -> Iterator[str]:
    engine = FakeEngine(ttft_s=0.01, chunk_s=0.002)
    engine.start(lambda _: None, concurrency=2, context=100)
    yield engine.url
    engine.stop()


def bench(*arguments: str | Path) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-m", "ecoaudit", "bench", *map(str, arguments)],
        capture_output=True,
        text=True,
        check=False,
    )


def test_a_bench_of_an_attached_server(
    scenario: Path, url: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("OPENAI_API_KEY", "canary-key")
    output = tmp_path / "run.json"
    done = bench(scenario, "--engine", "openai", "--url", url, "--model", "org/model", "-o", output)
    assert done.returncode == 0, done.stderr
    run = json.loads(output.read_text())
    assert [point["level"] for point in run["curve"]] == [1, 2]
    assert run["settings"]["model"] == "org/model"
    assert run["settings"]["started_by_ecoaudit"] is False
    assert run["scenario"]["name"] == "Short"
    assert "load" in done.stdout
    assert f"run: {output}" in done.stdout
    assert "short-steady" in {doubt["code"] for doubt in run["doubts"]}
    assert "ecoaudit: level 2: about" in done.stderr
    assert "canary-key" not in output.read_text() + done.stdout + done.stderr


def test_levels_window_and_idle_can_be_given(scenario: Path, url: str, tmp_path: Path) -> None:
    output = tmp_path / "run.json"
    done = bench(
        *(scenario, "--engine", "openai", "--url", url, "-o", output),
        *("--levels", "3", "--window", "300ms", "--idle", "100 ms", "--weights", "random"),
    )
    assert done.returncode == 0, done.stderr
    run = json.loads(output.read_text())
    assert [point["level"] for point in run["curve"]] == [3]
    assert run["settings"]["window_s"] == 0.3
    assert run["windows"][0]["duration_s"] == pytest.approx(0.1, abs=0.05)
    assert "random-weights" in {doubt["code"] for doubt in run["doubts"]}


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (["--levels", "1,x"], "expected whole numbers from 1 to 1024, such as 1,2,4; got '1,x'"),
        (["--levels", "0"], "expected whole numbers from 1 to 1024"),
        (["--window", "20"], "expected a time with its unit"),
        (["--engine", "openai"], "--engine openai needs --url"),
        (["--engine", "vllm", "--url", "http://127.0.0.1:9"], "--url needs --engine openai"),
        (["--engine", "openai", "--url", "http://a:b@c"], "OPENAI_API_KEY"),
    ],
)
def test_wrong_usage(scenario: Path, arguments: list[str], said: str) -> None:
    done = bench(scenario, *arguments)
    assert done.returncode == 2
    assert said in " ".join(done.stderr.split())
    assert "Traceback" not in done.stderr


def test_a_server_that_is_not_there(scenario: Path, tmp_path: Path) -> None:
    output = tmp_path / "run.json"
    done = bench(scenario, "--engine", "openai", "--url", "http://127.0.0.1:9", "-o", output)
    assert done.returncode == 1
    assert "http://127.0.0.1:9: no answer" in done.stderr
    assert "Traceback" not in done.stderr
    assert not output.exists()


def test_help_has_an_example() -> None:
    done = bench("--help")
    assert done.returncode == 0
    assert "ecoaudit bench district-hospital-notes -o run.json" in done.stdout
