"""``profile`` on every kind of function, and the figures of ``steps``."""

from __future__ import annotations

import asyncio
import subprocess
import sys
import time
from collections.abc import AsyncIterator, Iterator
from pathlib import Path

import pytest

import ecoaudit
from ecoaudit.errors import UsageError
from ecoaudit.run import Run, RunKind, RunStatus, load_run
from tests.standins.nvml import (
    Square,
    StandInGpu,
    compile_library,
    environment,
    true_energy_j,
    write_config,
)

CONSTANT = Path(__file__).parent / "data" / "trace-constant-100w.csv"


@pytest.fixture(autouse=True)
def _constant_100_w(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("ECOAUDIT_REPLAY", str(CONSTANT))


def runs(folder: Path) -> list[Run]:
    return [load_run(path) for path in sorted((folder / "runs").glob("*.json"))]


def test_steps_leave_the_warm_up_out() -> None:
    with ecoaudit.profile("loop", tokens_per_step=1000, samples_per_step=4, country="KEN") as rec:
        for step in rec.steps(range(8), warmup=3):
            time.sleep(0.2 if step < 3 else 0.05)
    run = rec.run
    assert run.kind is RunKind.TRAINING
    assert run.summary["steps"].value == 5
    step_s = run.summary["step_s_p50"]
    assert 0.05 <= step_s.number < 0.15
    span = next(window for window in run.windows if window.name == "steps").duration_s
    assert run.summary["tokens_per_s"].number == pytest.approx(5000 / span, rel=1e-6)
    assert run.summary["samples_per_s"].number == pytest.approx(20 / span, rel=1e-6)
    energy = 100 * span
    assert run.summary["energy_per_step_j"].number == pytest.approx(energy / 5, rel=1e-3)
    assert run.summary["energy_per_token_j"].number == pytest.approx(energy / 5000, rel=1e-3)
    assert run.summary["energy_per_token_j"].unit == "J/token"


def test_steps_ended_by_a_break_keep_what_was_done() -> None:
    with ecoaudit.profile("loop", country="KEN") as rec:
        for step in rec.steps(range(100)):
            time.sleep(0.01)
            if step == 4:
                break
    assert rec.run.summary["steps"].value == 5


def test_a_loop_that_is_all_warm_up_says_so() -> None:
    with ecoaudit.profile("loop", country="KEN") as rec:
        for _ in rec.steps(range(3), warmup=3):
            pass
    assert "steps" not in rec.run.summary
    assert "no-steps" in {doubt.code for doubt in rec.run.doubts}


def test_a_function(tmp_path: Path) -> None:
    @ecoaudit.profile(name="add", country="KEN")
    def add(a: int, b: int = 2) -> int:
        """Adds."""
        time.sleep(0.1)
        return a + b

    assert add(1) == 3
    assert add.__doc__ == "Adds."
    (run,) = runs(tmp_path)
    assert run.name == "add"
    assert run.duration_s >= 0.1
    assert run.summary["energy_j"].number == pytest.approx(100 * run.duration_s, rel=1e-3)


def test_without_brackets_the_name_is_the_functions(tmp_path: Path) -> None:
    @ecoaudit.profile
    def work() -> int:
        return 7

    assert work() == 7
    assert runs(tmp_path)[0].name.endswith("work")


def test_a_coroutine_is_measured_to_its_end(tmp_path: Path) -> None:
    @ecoaudit.profile(country="KEN")
    async def work() -> str:
        await asyncio.sleep(0.3)
        return "done"

    assert asyncio.run(work()) == "done"
    assert runs(tmp_path)[0].duration_s >= 0.3


def test_a_generator_is_measured_to_its_end(tmp_path: Path) -> None:
    @ecoaudit.profile(country="KEN")
    def work() -> Iterator[int]:
        for n in range(3):
            time.sleep(0.1)
            yield n

    assert list(work()) == [0, 1, 2]
    assert runs(tmp_path)[0].duration_s >= 0.3
    assert runs(tmp_path)[0].status is RunStatus.COMPLETE


def test_an_async_generator_is_measured_to_its_end(tmp_path: Path) -> None:
    @ecoaudit.profile(country="KEN")
    async def work() -> AsyncIterator[int]:
        for n in range(3):
            await asyncio.sleep(0.1)
            yield n

    async def collect() -> list[int]:
        return [n async for n in work()]

    assert asyncio.run(collect()) == [0, 1, 2]
    assert runs(tmp_path)[0].duration_s >= 0.3


def test_an_exception_passes_and_the_run_is_failed(tmp_path: Path) -> None:
    @ecoaudit.profile(country="KEN")
    def work() -> None:
        raise LookupError("mine")

    with pytest.raises(LookupError, match="mine"):
        work()
    assert runs(tmp_path)[0].status is RunStatus.FAILED


@pytest.mark.parametrize("options", [{"tokens_per_step": 0}, {"samples_per_step": -1}])
def test_bad_options_are_refused_before_the_work(options: dict[str, float]) -> None:
    with pytest.raises(UsageError, match="more than 0"), ecoaudit.profile("x", **options):
        pytest.fail("the work was started")


NVML_SCRIPT = """
import time
import ecoaudit

@ecoaudit.profile(name="decorated", country="KEN", output="decorated.json")
def work():
    time.sleep(5)

work()
with ecoaudit.profile("with", country="KEN", output="with.json") as rec:
    with rec.window("five seconds"):
        print(time.monotonic())
        time.sleep(5)
        print(time.monotonic())
"""


def test_under_a_simulated_nvml_the_energy_is_that_of_the_trace(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("ECOAUDIT_REPLAY")
    gpu = StandInGpu(power=Square(60.0, 300.0, 0.7), counter_step_ms=100, counter_phase_ms=71)
    config = tmp_path / "gpus.conf"
    origin = write_config(config, [gpu])
    done = subprocess.run(
        [sys.executable, "-c", NVML_SCRIPT],
        env=environment(compile_library(tmp_path), config),
        cwd=tmp_path,
        capture_output=True,
        text=True,
        check=True,
    )
    start, end = (float(text) for text in done.stdout.split())
    truth = true_energy_j(gpu, start, end, origin_monotonic_s=origin)
    (window,) = load_run(tmp_path / "with.json").windows
    figures = [device.energy_j for device in window.devices if device.boundary == "board"]
    assert [figure.number for figure in figures] == [pytest.approx(truth, rel=0.02)]
    # The decorated call has no marks of its own; the square's mean is 180 W, give or take its
    # uneven ends: at most half a period at 120 W off.
    decorated = load_run(tmp_path / "decorated.json")
    expected = 180 * decorated.duration_s
    assert decorated.summary["gpu_energy_j"].number == pytest.approx(
        expected, abs=0.02 * expected + 0.35 * 120
    )


def test_a_script_without_a_main_guard_runs_once(tmp_path: Path) -> None:
    script = tmp_path / "script.py"
    script.write_text(
        "import ecoaudit\nprint('started', flush=True)\n"
        "with ecoaudit.profile('x', country='KEN'):\n    pass\n"
    )
    ended = subprocess.run(
        [sys.executable, str(script)], capture_output=True, text=True, check=True
    )
    assert ended.stdout == "started\n"
    assert ended.stderr == ""
