"""The figures of a training loop, on a replayed trace and a clock that the test owns."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from collections.abc import Callable, Iterable, Iterator
from contextlib import suppress
from pathlib import Path
from types import SimpleNamespace

import pytest

from ecoaudit.errors import UsageError
from ecoaudit.estimate import Basis
from ecoaudit.meters.replay import ReplayMeter
from ecoaudit.ranks import Rank
from ecoaudit.run import Run, RunStatus, load_run
from ecoaudit.training import Profile
from tests.test_cuda import StandInCuda

CONSTANT = Path(__file__).parent / "data" / "trace-constant-100w.csv"


class Clock:
    """Seconds that pass only when they are told to."""

    def __init__(self) -> None:
        self.t_s = 1000.0
        self.profile: Profile | None = None

    def __call__(self) -> float:
        return self.t_s

    def work(self, seconds: float) -> None:
        self.t_s += seconds
        assert self.profile is not None
        self.profile.sample()


@pytest.fixture
def clock() -> Clock:
    return Clock()


def profile(clock: Clock, **options: object) -> Profile:
    meters = options.pop("meters", [ReplayMeter.load(CONSTANT)])
    options.setdefault("country", "KEN")
    made = Profile("loop", meters=meters, clock=clock, sampling=False, **options)  # type: ignore[arg-type]
    clock.profile = made
    return made


def values(run: Run) -> dict[str, float | None]:
    return {name: figure.value for name, figure in run.summary.items()}


def codes(run: Run) -> set[str]:
    return {doubt.code for doubt in run.doubts}


# -- steps ---------------------------------------------------------------------------------------


def test_any_iterable_is_stepped_over_and_keeps_its_length(clock: Clock) -> None:
    with profile(clock) as rec:
        assert len(rec.steps([1, 2, 3])) == 3
        with pytest.raises(TypeError):
            len(rec.steps(iter([1, 2, 3])))
        seen = []
        for item in rec.steps(number * 2 for number in range(4)):
            clock.work(0.5)
            seen.append(item)
    assert seen == [0, 2, 4, 6]
    found = values(rec.run)
    assert found["steps"] == 4
    assert found["step_s_p50"] == pytest.approx(0.5)
    assert found["energy_per_step_j"] == pytest.approx(50.0)


def test_micro_batches_make_one_step(clock: Clock) -> None:
    with profile(clock, tokens_per_step=1000) as rec:
        for _ in rec.steps(range(14), warmup=1, accumulate=4):
            clock.work(0.25)
    found = values(rec.run)
    assert found["steps"] == 2  # one was warm-up; two micro-batches made no whole step
    assert found["step_s_p50"] == pytest.approx(1.0)
    assert found["tokens"] == 2000
    assert found["tokens_per_s"] == pytest.approx(1000.0)
    assert found["energy_per_token_j"] == pytest.approx(0.1)
    assert [w.name for w in rec.run.windows] == ["warmup", "steps"]
    assert [w.duration_s for w in rec.run.windows] == pytest.approx([1.0, 2.0])


def test_a_break_in_the_middle_of_an_accumulation_leaves_the_part_out(clock: Clock) -> None:
    with profile(clock) as rec:
        for number in rec.steps(range(100), accumulate=2):
            clock.work(1.0)
            if number == 4:
                break
    assert values(rec.run)["steps"] == 2
    assert rec.run.windows[0].duration_s == pytest.approx(4.0)


def wrapped(batches: Iterable[int]) -> Iterator[int]:
    """What a progress bar does."""
    for batch in batches:  # noqa: UP028
        yield batch


def fail(*_: object) -> None:
    raise ValueError("in the third step")


def failing(rec: Profile, clock: Clock) -> None:
    for number in rec.steps(range(5)):
        clock.work(1.0)
        if number == 2:
            fail()


def failing_in_blocks(rec: Profile, clock: Clock) -> None:
    for number in wrapped(rec.steps(range(5))):
        try:
            with rec.window("step"):
                clock.work(1.0)
                if number == 2:
                    fail()
        except ValueError:
            clock.work(0.5)
            raise
        finally:
            clock.work(0.25)


def failing_and_handled(rec: Profile, clock: Clock) -> None:
    with suppress(ValueError):
        for _, number in enumerate(rec.steps(range(5))):
            clock.work(1.0)
            if number == 2:
                raise ValueError
    clock.work(3.0)


def failing_batches(rec: Profile, clock: Clock) -> None:
    """The batches fail, not the step: two were made, and the third was asked for."""

    def batches() -> Iterator[int]:
        yield from (0, 1)
        fail()

    for _ in rec.steps(batches()):
        clock.work(1.0)


@pytest.mark.parametrize("loop", [failing, failing_in_blocks, failing_and_handled, failing_batches])
def test_a_step_that_an_exception_ends_is_no_step(
    clock: Clock, loop: Callable[[Profile, Clock], None]
) -> None:
    rec = profile(clock, tokens_per_step=8)
    with suppress(ValueError), rec:
        loop(rec, clock)
    assert values(rec.run)["steps"] == 2
    assert values(rec.run)["tokens"] == 16
    steps = next(w for w in rec.run.windows if w.name == "steps")
    assert steps.duration_s == pytest.approx(2.5 if loop is failing_in_blocks else 2.0)


def test_an_exception_after_a_break_costs_no_step(clock: Clock) -> None:
    rec = profile(clock)
    with suppress(ValueError), rec:
        for number in rec.steps(range(5)):
            clock.work(1.0)
            if number == 2:
                break
        fail()
    assert values(rec.run)["steps"] == 3


def test_the_step_of_a_break_or_return_is_kept(clock: Clock) -> None:
    def returning(rec: Profile) -> int:
        for number in rec.steps(range(5)):
            with rec.window("step"):
                clock.work(1.0)
                if number == 2:
                    return number
        return -1

    def breaking(rec: Profile, batches: Callable[[Iterable[int]], Iterable[object]]) -> None:
        done = 0
        for _ in batches(rec.steps(range(5))):
            try:
                clock.work(1.0)
                done += 1
                if done == 3:
                    break
            finally:
                clock.work(0.0)

    with profile(clock) as rec:
        assert returning(rec) == 2
    assert values(rec.run)["steps"] == 3
    for batches in (iter, enumerate, wrapped, lambda steps: zip(steps, "abcde", strict=True)):
        with profile(clock) as rec:
            breaking(rec, batches)
        assert values(rec.run)["steps"] == 3


def test_what_varies_is_counted_by_the_loop(clock: Clock) -> None:
    with profile(clock) as rec:
        for number in rec.steps(range(6), warmup=1, accumulate=2):
            rec.count(tokens=100 + number, samples=2)
            clock.work(0.5)
    found = rec.run.summary
    assert found["tokens"].value == 102 + 103 + 104 + 105
    assert found["tokens"].basis is Basis.MEASURED
    assert found["samples"].value == 8
    assert found["samples_per_s"].value == pytest.approx(4.0)
    steps = next(window for window in rec.run.windows if window.name == "steps")
    assert {name: figure.value for name, figure in steps.quantities.items()} == {
        "steps": 2,
        "tokens": 414,
        "samples": 8,
    }


def test_steps_that_were_not_counted_are_told(clock: Clock) -> None:
    with profile(clock) as rec:
        for number in rec.steps(range(5)):
            clock.work(1.0)
            if number < 3:
                rec.count(tokens=10)
    assert values(rec.run)["tokens"] == 30
    (doubt,) = [d for d in rec.run.doubts if d.code == "uncounted"]
    assert doubt.message.startswith("2 of 5 steps counted no tokens")


def test_counting_has_its_place(clock: Clock) -> None:
    with profile(clock, tokens_per_step=10) as rec:
        with pytest.raises(UsageError, match="inside the loop"):
            rec.count(tokens=1)
        for _ in rec.steps(range(1)):
            with pytest.raises(UsageError, match="tokens_per_step was declared"):
                rec.count(tokens=1)
            with pytest.raises(UsageError, match="0 or more, got -1"):
                rec.count(samples=-1)


def test_a_count_that_cannot_be_read_in_the_end_does_not_cost_the_run(clock: Clock) -> None:
    class OnAFailedGpu:
        def __add__(self, other: object) -> OnAFailedGpu:
            return self

        __radd__ = __add__

        def __float__(self) -> float:
            raise RuntimeError("CUDA error: device-side assert triggered")

    with profile(clock) as rec:
        for _ in rec.steps(range(2)):
            clock.work(1.0)
            rec.count(tokens=OnAFailedGpu())
    assert "no-figures" in codes(rec.run)
    assert values(rec.run)["energy_j"] == pytest.approx(200.0)


def test_epochs_add_up_and_warm_up_once(clock: Clock) -> None:
    with profile(clock, samples_per_step=2) as rec:
        for epoch in range(3):
            with rec.window(f"epoch-{epoch}"):
                for _ in rec.steps(range(4), warmup=5):
                    clock.work(0.5)
                with rec.window("eval"):
                    clock.work(10.0)
    found = values(rec.run)
    assert found["steps"] == 7
    assert found["samples_per_s"] == pytest.approx(4.0)
    assert found["energy_per_step_j"] == pytest.approx(50.0)
    steps = [w for w in rec.run.windows if w.name == "steps"]
    assert [w.path for w in steps] == ["epoch-1/steps", "epoch-2/steps"]
    assert [w.quantities["steps"].value for w in steps] == [3, 4]


def test_the_doubt_of_a_meter_does_not_shrink_with_the_number_of_epochs(clock: Clock) -> None:
    from dataclasses import replace

    class Rough(ReplayMeter):
        def devices(self):  # type: ignore[no-untyped-def]
            return [replace(d, relative_low=0.05, relative_high=0.05) for d in super().devices()]

    with profile(clock, meters=[Rough.load(CONSTANT)]) as rec:
        for _ in range(25):
            for _ in rec.steps(range(2)):
                clock.work(0.5)
    each = rec.run.summary["energy_per_step_j"]
    assert each.numbers == pytest.approx((50.0, 47.5, 52.5))


def test_an_evaluation_aside_is_part_of_no_step(clock: Clock) -> None:
    with profile(clock) as rec:
        for number in rec.steps(range(4)):
            clock.work(0.5)
            if number % 2:
                with rec.aside("eval"):
                    clock.work(20.0)
                clock.work(0.5)
    found = values(rec.run)
    assert found["steps"] == 4
    assert found["step_s_p50"] == pytest.approx(0.75)
    assert found["step_s_p95"] == pytest.approx(1.0)
    assert found["energy_per_step_j"] == pytest.approx(75.0)
    assert [w.path for w in rec.run.windows] == ["steps", "eval", "steps", "eval", "steps"]
    assert [w.duration_s for w in rec.run.windows] == pytest.approx([1.0, 20.0, 1.5, 20.0, 0.5])


def test_a_loop_in_a_loop_is_refused(clock: Clock) -> None:
    with profile(clock) as rec:
        for _ in rec.steps(range(1)):
            clock.work(1.0)
            with pytest.raises(UsageError, match="running already"):
                list(rec.steps(range(2)))
    assert values(rec.run)["steps"] == 1


def test_an_empty_loop_says_so(clock: Clock) -> None:
    with profile(clock) as rec:
        assert list(rec.steps([])) == []
        clock.work(1.0)
    (said,) = [d for d in rec.run.doubts if d.code == "no-steps"]
    assert said.message == "the loop made no whole step"


@pytest.mark.parametrize(
    ("steps", "words"), [(1, "1 whole step, which was warm-up"), (2, "2 whole steps, all of them")]
)
def test_a_loop_of_warm_up_says_so(clock: Clock, steps: int, words: str) -> None:
    with profile(clock) as rec:
        for _ in rec.steps(range(steps), warmup=3):
            clock.work(1.0)
    (said,) = [d for d in rec.run.doubts if d.code == "no-steps"]
    assert said.message.startswith(f"the loop made {words}")


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"warmup": -1}, "warmup must be a whole number of 0 or more"),
        ({"accumulate": 0}, "accumulate must be a whole number of 1 or more"),
    ],
)
def test_bad_numbers_are_refused_at_the_call(
    clock: Clock, options: dict[str, int], message: str
) -> None:
    with profile(clock) as rec, pytest.raises(UsageError, match=message):
        rec.steps(range(3), **options)


SIGTERM_SCRIPT = """
import os, signal, time
import ecoaudit
with ecoaudit.profile("killed", tokens_per_step=10, country="KEN", output="run.json") as rec:
    for number in rec.steps(range(1000), warmup=2):
        time.sleep(0.02)
        if number == 12:
            os.kill(os.getpid(), signal.SIGTERM)
"""


def test_a_terminated_loop_keeps_its_whole_steps(tmp_path: Path) -> None:
    ended = subprocess.run(
        [sys.executable, "-c", SIGTERM_SCRIPT],
        cwd=tmp_path,
        env=os.environ | {"ECOAUDIT_REPLAY": str(CONSTANT)},
        check=False,
    )
    assert ended.returncode == -signal.SIGTERM
    run = load_run(tmp_path / "run.json")
    assert run.status is RunStatus.INTERRUPTED
    assert values(run)["steps"] == 10
    assert values(run)["tokens"] == 100


# -- MFU -----------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("options", "rate"),
    [
        ({"flops_per_step": 3e12}, 6e12),
        ({"parameters": 1e9, "tokens_per_step": 500}, 6e12),
        ({"flops_per_token": 6e9, "tokens_per_step": 500}, 6e12),
    ],
)
def test_utilisation_follows_from_the_work_of_a_step(
    clock: Clock, options: dict[str, float], rate: float
) -> None:
    with profile(clock, peak_flops=20e12, **options) as rec:
        for _ in rec.steps(range(4)):
            clock.work(0.5)
    assert values(rec.run)["flops_per_s"] == pytest.approx(rate)
    assert values(rec.run)["mfu"] == pytest.approx(0.3)
    assert "2204.02311" in rec.run.summary["mfu"].source


def test_utilisation_without_tokens_or_peak_is_absent_with_the_reason(clock: Clock) -> None:
    with profile(clock, parameters=1e9) as rec:
        for _ in rec.steps(range(4)):
            clock.work(0.5)
    assert "no tokens were counted" in rec.run.summary["mfu"].source
    with profile(clock, parameters=1e9) as rec:
        for _ in rec.steps(range(4)):
            rec.count(tokens=500)
            clock.work(0.5)
    # The replayed board is called gpu-0, which no table holds.
    assert not rec.run.summary["mfu"].known
    assert "gpu-0" in rec.run.summary["mfu"].source


def test_two_ways_to_give_the_work_are_refused(clock: Clock) -> None:
    with pytest.raises(UsageError, match="one of flops_per_step, flops_per_token and parameters"):
        profile(clock, parameters=1e9, flops_per_step=1.0)


# -- waiting for the GPU -------------------------------------------------------------------------


@pytest.mark.parametrize(("synchronize", "waits"), [(False, 0), ("auto", 5), (True, 8)])
def test_what_is_waited_for(
    clock: Clock, monkeypatch: pytest.MonkeyPatch, synchronize: bool | str, waits: int
) -> None:
    made = StandInCuda()
    made.reserved = {0: 0, 1: 0}  # the current device only
    monkeypatch.setitem(sys.modules, "torch", SimpleNamespace(cuda=made))
    with profile(clock, synchronize=synchronize) as rec:
        for _ in rec.steps(range(4)):
            clock.work(0.5)
        before = len(made.waited)
        with rec.window("eval"):
            clock.work(0.5)
        assert len(made.waited) - before == (0 if synchronize is False else 2)
    # Loop begins and ends, window opens and closes, the profile ends; between steps only if asked.
    assert len(made.waited) == waits
    said = "after the GPU was done" in rec.run.summary["step_s_p50"].source
    assert said == (synchronize is True)


def test_another_word_for_waiting_is_refused(clock: Clock) -> None:
    with pytest.raises(UsageError, match="synchronize must be True, False or 'auto'"):
        profile(clock, synchronize="always")


# -- one of several ranks ------------------------------------------------------------------------


def test_a_rank_says_what_it_records_and_writes_its_own_file(clock: Clock, tmp_path: Path) -> None:
    second = Rank(1, 2, 1, 2, 0)
    with profile(clock, rank=second, output=tmp_path / "run.json", tokens_per_step=10) as rec:
        for _ in rec.steps(range(4)):
            clock.work(0.5)
    run = load_run(tmp_path / "run.rank1.json")
    assert run.settings["rank"]["rank"] == 1
    assert values(run)["tokens"] == 40
    assert values(run)["gpu_energy_j"] == pytest.approx(200.0)
    for name in ("energy_j", "cpu_energy_j", "operational_kgco2e", "energy_per_token_j"):
        assert values(run)[name] is None
        assert "ecoaudit runs merge" in run.summary[name].source
    assert "one-rank" in codes(run)
    assert run.windows[0].path == "rank"
    assert run.windows[0].duration_s == pytest.approx(run.duration_s)


def test_the_launchers_environment_is_read(clock: Clock, monkeypatch: pytest.MonkeyPatch) -> None:
    for name, value in {"RANK": "2", "WORLD_SIZE": "4", "LOCAL_RANK": "0"}.items():
        monkeypatch.setenv(name, value)
    monkeypatch.setenv("LOCAL_WORLD_SIZE", "2")
    with profile(clock) as rec:
        clock.work(1.0)
    assert rec.run.settings["rank"] == {
        "rank": 2,
        "world_size": 4,
        "local_rank": 0,
        "local_world_size": 2,
        "node": 1,
        "whole_tree": False,
    }
