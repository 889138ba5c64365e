"""The recorder on a replayed trace and an injected clock: no hardware, no waiting."""

from __future__ import annotations

import asyncio
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest

from ecoaudit.checks import doubt
from ecoaudit.errors import EcoauditError, NotFoundError, UsageError
from ecoaudit.estimate import Basis
from ecoaudit.journal import SUFFIX
from ecoaudit.journal_lines import recover
from ecoaudit.measurement import Device, Reading
from ecoaudit.meters.base import Meter
from ecoaudit.meters.replay import ReplayMeter
from ecoaudit.recorder import Recorder
from ecoaudit.run import Doubt, RunStatus, load_run
from ecoaudit.scenario import load_site

CONSTANT = Path(__file__).parent / "data" / "trace-constant-100w.csv"


class FakeClock:
    """Seconds that pass only when they are told to."""

    def __init__(self) -> None:
        self.t_s = 1000.0

    def __call__(self) -> float:
        return self.t_s


@dataclass
class Driven:
    """A recorder whose time is the test's."""

    meters: list[Meter] = field(default_factory=list)
    clock: FakeClock = field(default_factory=FakeClock)

    def recorder(self, **options: object) -> Recorder:
        options.setdefault("country", "KEN")
        return Recorder("test", meters=self.meters, clock=self.clock, sampling=False, **options)  # type: ignore[arg-type]

    def run_for(self, recorder: Recorder, seconds: float) -> None:
        for _ in range(round(seconds * 10)):
            self.clock.t_s += 0.1
            recorder.sample()


@pytest.fixture
def driven() -> Driven:
    return Driven([ReplayMeter.load(CONSTANT)])


def test_a_replayed_constant_100_w_for_60_s_is_6000_j_exactly(driven: Driven) -> None:
    with driven.recorder() as recorder:
        driven.run_for(recorder, 60)
    run = recorder.run
    assert run.duration_s == pytest.approx(60.0)
    assert run.summary["energy_j"].value == 6000.0
    assert run.summary["energy_j"].basis is Basis.MEASURED
    assert "trace-constant-100w.csv" in run.summary["energy_j"].source


def test_windows_nest_and_add_up(driven: Driven) -> None:
    with driven.recorder() as recorder, recorder.window("outer") as outer:
        driven.run_for(recorder, 2)
        with recorder.window("inner") as inner:
            driven.run_for(recorder, 3)
        driven.run_for(recorder, 1)
    windows = {window.path: window for window in recorder.run.windows}
    assert set(windows) == {"outer", "outer/inner"}
    assert recorder.energy(inner).value == pytest.approx(300.0)
    assert recorder.energy(outer).value == pytest.approx(600.0)
    assert windows["outer/inner"].start_s == pytest.approx(2.0)
    assert windows["outer/inner"].devices[0].energy_j.value == pytest.approx(300.0)


def test_a_window_can_be_added_afterwards(driven: Driven) -> None:
    with driven.recorder() as recorder:
        driven.run_for(recorder, 5)
        start = driven.clock.t_s - 4
        window = recorder.add_window("steady", start, start + 2.5)
        assert recorder.energy(window).value == pytest.approx(250.0)
    assert [window.name for window in recorder.run.windows] == ["steady"]


@pytest.mark.parametrize("name", ["", 5, None])
def test_a_window_needs_a_name(driven: Driven, name: Any) -> None:
    wanted = "name must be text, such as 'eval'; got"
    with driven.recorder() as recorder:
        with pytest.raises(UsageError, match=wanted):
            recorder.open_window(name)
        with pytest.raises(UsageError, match=wanted), recorder.window(name):
            pass
        with pytest.raises(UsageError, match=wanted):
            recorder.add_window(name, 1000.0, 1000.1)
    assert recorder.run.windows == []


def test_a_window_after_the_end_is_an_error(driven: Driven) -> None:
    with driven.recorder() as recorder:
        driven.run_for(recorder, 1)
    with pytest.raises(UsageError, match="window 'late': the run has ended"):
        recorder.open_window("late")
    with pytest.raises(UsageError, match="window 'late': the run has ended"):
        recorder.add_window("late", 1000.0, 1000.1)


def test_windows_of_async_tasks_do_not_nest_in_each_other(driven: Driven) -> None:
    async def task(recorder: Recorder, name: str) -> None:
        with recorder.window(name):
            await asyncio.sleep(0)
            with recorder.window("step"):
                await asyncio.sleep(0)

    async def both(recorder: Recorder) -> None:
        await asyncio.gather(task(recorder, "a"), task(recorder, "b"))

    with driven.recorder() as recorder:
        asyncio.run(both(recorder))
    paths = sorted(window.path for window in recorder.run.windows)
    assert paths == ["a", "a/step", "b", "b/step"]


def test_windows_of_threads_do_not_nest_in_each_other(driven: Driven) -> None:
    barrier = threading.Barrier(2)

    def work(recorder: Recorder, name: str) -> None:
        with recorder.window(name):
            barrier.wait()
            with recorder.window("step"):
                barrier.wait()

    with driven.recorder() as recorder:
        threads = [threading.Thread(target=work, args=(recorder, name)) for name in "ab"]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
    paths = sorted(window.path for window in recorder.run.windows)
    assert paths == ["a", "a/step", "b", "b/step"]


def test_a_task_goes_on_where_it_was_started_and_a_thread_does_not(driven: Driven) -> None:
    def work(recorder: Recorder, name: str) -> None:
        with recorder.window(name), recorder.window("step"):
            pass

    async def task(recorder: Recorder) -> None:
        work(recorder, "task")

    with driven.recorder() as recorder, recorder.window("outer"):
        thread = threading.Thread(target=work, args=(recorder, "thread"))
        thread.start()
        thread.join()
        asyncio.run(task(recorder))
    paths = [window.path for window in recorder.run.windows]
    assert paths == ["outer", "thread", "thread/step", "outer/task", "outer/task/step"]


def test_a_recorder_inside_anothers_window_begins_paths_of_its_own(driven: Driven) -> None:
    outer, inner = driven.recorder(), Driven(clock=driven.clock).recorder()
    with outer, outer.window("x"), inner, inner.window("y"), outer.window("z"):
        pass
    assert [window.path for window in inner.run.windows] == ["y"]
    assert [window.path for window in outer.run.windows] == ["x", "x/z"]


def test_finishing_twice_gives_the_same_run(driven: Driven) -> None:
    recorder = driven.recorder().start()
    driven.run_for(recorder, 1)
    assert recorder.finish() is recorder.finish(RunStatus.FAILED)
    assert recorder.run.status is RunStatus.COMPLETE


def test_an_exception_ends_the_run_as_failed_and_is_not_swallowed(driven: Driven) -> None:
    recorder = driven.recorder()

    def work() -> None:
        with recorder:
            driven.run_for(recorder, 1)
            raise ValueError("the work failed")

    with pytest.raises(ValueError, match="the work"):
        work()
    assert recorder.run.status is RunStatus.FAILED
    assert load_run(recorder.saved_to).status is RunStatus.FAILED


def test_the_saved_run_is_the_run(driven: Driven, tmp_path: Path) -> None:
    with driven.recorder(output=tmp_path / "new" / "x.json") as recorder:
        driven.run_for(recorder, 1)
    assert load_run(tmp_path / "new" / "x.json") == recorder.run
    assert list((tmp_path / "runs").glob("*")) == []  # the journal is gone


def test_carbon_follows_the_site(driven: Driven) -> None:
    site = load_site("solar-rural-clinic")
    with driven.recorder(site=site, country=None) as recorder:
        driven.run_for(recorder, 60)
    carbon = recorder.run.summary["operational_kgco2e"]
    # 6,000 J x PUE 1.05 x 117 g/kWh
    assert carbon.value == pytest.approx(6000 / 3.6e6 * 1.05 * 0.117)
    assert carbon.basis is Basis.MODELLED
    assert "IPCC" in carbon.source


def test_a_site_can_be_named(driven: Driven) -> None:
    with driven.recorder(site="solar-rural-clinic", country=None) as recorder:
        driven.run_for(recorder, 60)
    assert "IPCC" in recorder.run.settings["grid"]["source"]
    with pytest.raises(NotFoundError, match="nowhere"):
        driven.recorder(site="nowhere")


def test_a_name_that_is_no_text_is_kept_escaped(driven: Driven) -> None:
    with driven.recorder() as recorder, recorder.window("half \ud800 a pair"):
        driven.run_for(recorder, 1)
    assert load_run(recorder.saved_to).windows[0].name.startswith("half ")


def test_without_a_place_the_world_average_is_used_and_flagged(driven: Driven) -> None:
    with driven.recorder(country=None) as recorder:
        driven.run_for(recorder, 1)
    assert "grid-fallback" in {doubt.code for doubt in recorder.run.doubts}
    _, low, high = recorder.run.summary["operational_kgco2e"].numbers
    assert high > 5 * low


def test_an_unknown_place_is_an_error_before_anything_is_measured(driven: Driven) -> None:
    with pytest.raises(NotFoundError, match="ZZZ"):
        driven.recorder(country="ZZZ")


def test_an_output_that_cannot_be_written_is_an_error_before(
    driven: Driven, tmp_path: Path
) -> None:
    with pytest.raises(EcoauditError, match="is a folder"):
        driven.recorder(output=tmp_path)


@dataclass
class Failing:
    """A meter that breaks after its first reading."""

    name: str = "failing"
    reads: int = 0

    def devices(self) -> Sequence[Device]:
        return (
            Device("x", "gpu", "board", "Failing GPU", "power", Basis.MEASURED, "a failing meter"),
        )

    def read(self, now_s: float) -> Sequence[Reading]:
        self.reads += 1
        if self.reads > 2:
            raise RuntimeError("bus error")
        return (Reading("x", now_s, power_w=50.0),)

    def doubts(self) -> Sequence[Doubt]:
        return (doubt("rapl-failed", "the bus failed"),)

    def close(self) -> None: ...


@dataclass
class TwoStories:
    """A board whose counter gains ``share`` of what its power integrates to."""

    share: float
    name: str = "two-stories"
    started_s: float | None = None

    def devices(self) -> Sequence[Device]:
        details: dict[str, str | float | None] = {"power_method": "power"}
        return (
            Device(
                "x", "gpu", "board", "Odd GPU", "counter", Basis.MEASURED, "a test", details=details
            ),
        )

    def read(self, now_s: float) -> Sequence[Reading]:
        if self.started_s is None:
            self.started_s = now_s
        return (Reading("x", now_s, 200.0 * self.share * (now_s - self.started_s), 200.0),)

    def doubts(self) -> Sequence[Doubt]:
        return ()

    def close(self) -> None: ...


@pytest.mark.parametrize(("share", "doubted"), [(1.0, False), (0.97, False), (0.9, True)])
def test_a_counter_that_contradicts_the_power_is_doubted(share: float, doubted: bool) -> None:
    driven = Driven([TwoStories(share)])
    with driven.recorder() as recorder:
        driven.run_for(recorder, 10)
    doubts = {doubt.code: doubt.message for doubt in recorder.run.doubts}
    assert ("counter-against-power" in doubts) == doubted
    if doubted:
        assert "Odd GPU: its energy counter says -10%" in doubts["counter-against-power"]
    summary = recorder.run.summary
    assert summary["gpu_energy_j"].value == pytest.approx(2000 * share)
    # The other path is kept beside it, and is in no sum.
    by_power = summary["gpu_energy_by_power_j"]
    assert by_power.numbers == pytest.approx((2000, 1800, 2200))
    assert by_power.source == "Odd GPU: power, integrated, taken as +-10%"
    assert summary["energy_j"].value == summary["gpu_energy_j"].value


def test_a_failing_meter_does_not_end_the_work() -> None:
    with Recorder("test", meters=[Failing()], country="KEN") as recorder:
        time.sleep(0.4)
    codes = {doubt.code for doubt in recorder.run.doubts}
    assert {"sampling", "rapl-failed"} <= codes
    assert recorder.run.status is RunStatus.COMPLETE


def test_a_journal_that_cannot_be_written_does_not_end_the_work(
    driven: Driven, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "file").write_text("")
    monkeypatch.setenv("ECOAUDIT_RUNS", str(tmp_path / "file" / "runs"))
    with driven.recorder(output=tmp_path / "x.json") as recorder:
        driven.run_for(recorder, 1)
    assert "journal" in {doubt.code for doubt in recorder.run.doubts}
    assert load_run(tmp_path / "x.json").summary["energy_j"].value == pytest.approx(100.0)


def test_a_journal_gives_the_run_back(driven: Driven, tmp_path: Path) -> None:
    recorder = driven.recorder(output=tmp_path / "x.json", site=load_site("urban-clinic"))
    recorder.start()
    with recorder.window("outer"), recorder.window("inner"):
        driven.run_for(recorder, 3)
    recorder.doubt("clock-set", "something is odd", "look again")
    recorder.open_window("left open")
    driven.run_for(recorder, 1)
    recorder.write_journal()
    (journal,) = (tmp_path / "runs").glob(f"*{SUFFIX}")
    run, output = recover(journal)
    recorder.finish()
    assert output == str(tmp_path / "x.json")
    assert run.status is RunStatus.RECOVERED
    assert run.summary["energy_j"].value == recorder.run.summary["energy_j"].value == 400.0
    assert run.summary["operational_kgco2e"] == recorder.run.summary["operational_kgco2e"]
    assert [w.path for w in run.windows] == ["outer", "outer/inner", "left open"]
    assert run.windows == recorder.run.windows
    assert {"clock-set", "recovered"} <= {doubt.code for doubt in run.doubts}


PROGRAM = """
import os, signal, sys, time
from ecoaudit.recorder import Recorder
rec = Recorder("p", country="KEN", output=sys.argv[1]).start()
{body}
"""


def _python(body: str, output: Path) -> subprocess.CompletedProcess[bytes]:
    program = PROGRAM.format(body=body)
    return subprocess.run([sys.executable, "-c", program, str(output)], check=False, timeout=60)


def test_a_program_that_just_ends_leaves_its_run(tmp_path: Path) -> None:
    assert _python("time.sleep(0.3)", tmp_path / "x.json").returncode == 0
    assert load_run(tmp_path / "x.json").status is RunStatus.INTERRUPTED


def test_sigterm_finishes_the_run_and_still_ends_the_program(tmp_path: Path) -> None:
    ended = _python("os.kill(os.getpid(), signal.SIGTERM); time.sleep(60)", tmp_path / "x.json")
    assert ended.returncode == -signal.SIGTERM
    assert load_run(tmp_path / "x.json").status is RunStatus.INTERRUPTED


def test_a_program_with_its_own_sigterm_handler_keeps_it(tmp_path: Path) -> None:
    body = (
        "rec.finish()\n"
        "signal.signal(signal.SIGTERM, lambda *a: sys.exit(5))\n"
        "rec = Recorder('q', country='KEN', output=sys.argv[1]).start()\n"
        "os.kill(os.getpid(), signal.SIGTERM)\n"
        "time.sleep(60)\n"
    )
    assert _python(body, tmp_path / "x.json").returncode == 5


def test_a_run_that_cannot_be_saved_does_not_hide_the_programs_own_error(
    driven: Driven, tmp_path: Path
) -> None:
    folder = tmp_path / "gone"
    folder.mkdir()
    recorder = driven.recorder(output=folder / "x.json")

    def work() -> None:
        with recorder:
            driven.run_for(recorder, 1)
            folder.rmdir()
            folder.write_text("in the way")
            raise ValueError("the work failed")

    with (
        pytest.warns(RuntimeWarning, match="was not saved"),
        pytest.raises(ValueError, match="wor"),
    ):
        work()
    assert recorder.run.summary["energy_j"].value == pytest.approx(100.0)


def test_a_forked_child_does_not_record(tmp_path: Path) -> None:
    body = (
        "pid = os.fork()\n"
        "if pid == 0:\n"
        "    time.sleep(0.2); sys.exit(0)\n"
        "os.waitpid(pid, 0)\n"
        "assert not os.path.exists(sys.argv[1])\n"
        "rec.finish()\n"
    )
    assert _python(body, tmp_path / "x.json").returncode == 0
    assert load_run(tmp_path / "x.json").status is RunStatus.COMPLETE


def test_a_forked_child_can_record_its_own_run(tmp_path: Path) -> None:
    """At once, while the parent's thread may be amid a reading or an import."""
    body = (
        "pid = os.fork()\n"
        "if pid == 0:\n"
        "    with Recorder('child', country='KEN', output=sys.argv[1] + '.child'):\n"
        "        time.sleep(0.1)\n"
        "    os._exit(0)\n"
        "assert os.waitpid(pid, 0)[1] == 0\n"
        "rec.finish()\n"
    )
    for _ in range(5):
        assert _python(body, tmp_path / "x.json").returncode == 0
        assert load_run(tmp_path / "x.json").status is RunStatus.COMPLETE
        assert load_run(tmp_path / "x.json.child").name == "child"


def test_no_recorder_is_left_running() -> None:
    names = [thread.name for thread in threading.enumerate()]
    assert "ecoaudit" not in names
    assert signal.getsignal(signal.SIGTERM) == signal.SIG_DFL
