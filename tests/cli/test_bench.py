"""``ecoaudit bench`` as a command of its own, attached to a fake server in this process."""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from ecoaudit.engines.fake import FakeEngine
from tests.short_scenario import short_scenario

SCENARIO = short_scenario("{levels: [1, 2], window: 500 ms, idle: 200 ms}")


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
        (
            ["--levels", "1,x"],
            "expected auto, or whole numbers from 1 to 1024, such as 1,2,4; got '1,x'",
        ),
        (["--levels", "0"], "expected auto, or whole numbers from 1 to 1024"),
        (["--window", "20"], "expected a time with its unit"),
        (["--engine", "openai"], "--engine openai needs --url"),
        (["--engine", "vllm", "--url", "http://127.0.0.1:9"], "--url needs --engine openai"),
        (["--engine", "openai", "--url", "http://a:b@c"], "OPENAI_API_KEY"),
        (["--timeout", "0s"], "Invalid value for '--timeout': expected a time above 0 s; got '0s'"),
        (["--ready-timeout", "0 min"], "expected a time above 0 s; got '0 min'"),
        (["--idle", "1e300s"], "Invalid value for '--idle': expected a time of 30 days at most"),
        (["--window", "nan s"], "expected a time with its unit"),
        (["--budget", "inf h"], "expected a time with its unit"),
        (["--day", "nan"], "Invalid value for '--day': 'nan' is no number."),
        (["--day", "inf"], "Invalid value for '--day': inf is not in the range"),
        (["--rate", "1", "--burstiness", "nan"], "'--burstiness': 'nan' is no number."),
        (["--rate", "nan"], "expected arrivals a second, up to 1000, such as 0.1,0.5; got 'nan'"),
        (["--rate", "0.001", "--window", "2s"], "no request is due within the window of 2 s"),
        (["--resume"], "--resume goes on with what is at -o: give it"),
        (["--burstiness", "2"], "--burstiness is of --rate: give one"),
        (["--engine", "vllm-offline", "--levels", "2"], "give --batch N, and no other load"),
        (
            ["--model", "a", "--model", "b", "-o", "run.json"],
            "-o run.json: several runs go into a folder, such as -o runs/",
        ),
        (["--model", "x/a", "--model", "y/a", "-o", "d"], "two models would have one file, a.json"),
        (["--model", "a", "--model", "b", "--served-name", "c"], "--served-name is of one model"),
    ],
)
def test_wrong_usage(scenario: Path, arguments: list[str], said: str) -> None:
    done = bench(scenario, *arguments)
    assert done.returncode == 2
    assert said in " ".join(done.stderr.split())
    assert "Traceback" not in done.stderr


def test_one_model_that_fails_does_not_keep_the_others_from_being_measured(
    scenario: Path, url: str, tmp_path: Path
) -> None:
    folder = tmp_path / "models"
    both = (scenario, "--engine", "openai", "--url", url, "--levels", "1", "-o", folder)
    done = bench(*both, "--model", "other", "--model", "fake")
    assert done.returncode == 1
    assert "1 of 2: other" in done.stderr
    assert "it serves no 'other', but fake" in done.stderr
    assert "1 of 2 were not measured: other; the same command with --resume" in done.stderr
    assert [path.name for path in folder.iterdir()] == ["fake.json"]
    again = bench(*both, "--model", "other", "--model", "fake", "--resume")
    assert again.returncode == 1
    assert f"{folder / 'other.json'}: nothing is there yet; beginning anew" in again.stderr
    assert "the earlier run has all of it" in again.stderr


def test_a_further_level_is_added_to_a_run_that_is_there(
    scenario: Path, url: str, tmp_path: Path
) -> None:
    output = tmp_path / "run.json"
    common = (scenario, "--engine", "openai", "--url", url, "-o", output)
    assert bench(*common, "--levels", "1").returncode == 0
    first = json.loads(output.read_text())
    done = bench(*common, "--levels", "1,2", "--resume")
    assert done.returncode == 0, done.stderr
    run = json.loads(output.read_text())
    assert [point["level"] for point in run["curve"]] == [1, 2]
    assert run["curve"][0] == first["curve"][0]
    assert "level 1: finished by the earlier run" in done.stderr
    (kept,) = (part for part in done.stderr.split() if part.endswith(f"{first['id']}.json"))
    assert json.loads(Path(kept).read_text()) == first


def test_going_on_is_refused_where_something_else_is_asked(
    scenario: Path, url: str, tmp_path: Path
) -> None:
    output, trace = tmp_path / "run.json", tmp_path / "day.csv"
    trace.write_text("arrival_s,input_tokens,output_tokens\n0,40,5\n0.1,50,7\n")
    common = (scenario, "--url", url, "-o", output, "--levels", "1", "--arrivals", trace)
    assert bench(*common).returncode == 0
    first = output.read_text()
    for more, said in (
        (("--window", "9s"), "window_s was 0.5 and is 9.0 now"),
        (("--model", "some/other"), "model was None and is 'some/other' now"),
        (("--timeout", "5s"), "silence_s was 600.0 and is 5.0 now"),
        (("--url", "http://127.0.0.1:9"), f"url was '{url}' and is 'http://127.0.0.1:9' now"),
        (
            ("--url", "http://127.0.0.1:9", "--levels", "1,2"),
            f"url was '{url}' and is 'http://127.0.0.1:9' now",
        ),
    ):
        done = bench(*common, *more, "--resume")
        assert done.returncode == 2, more
        assert said in done.stderr
        assert done.stdout == ""
        assert output.read_text() == first
    moved = scenario.rename(tmp_path / "renamed.yaml")
    again = bench(moved, *common[1:], "--url", f"{url}/v1/", "--resume")
    assert again.returncode == 0, again.stderr
    assert "the earlier run has all of it" in again.stderr
    trace.write_text("\ufeffarrival_s,input_tokens,output_tokens\n0,40,5\n0.1,90,7\n")
    edited = bench(moved, *common[1:], "--resume")
    assert edited.returncode == 0, edited.stderr
    curve = json.loads(output.read_text())["curve"]
    assert [point["whole_run"]["prompt_tokens"]["value"] for point in curve[1:]] == [90, 130]


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
