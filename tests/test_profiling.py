"""``profile`` on every kind of function, and the figures of ``steps``."""

from __future__ import annotations

import asyncio
import functools
import inspect
import signal
import subprocess
import sys
import threading
import time
from collections.abc import AsyncGenerator, AsyncIterator, Callable, Generator, Iterator
from pathlib import Path
from typing import Any

import numpy as np
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


@pytest.mark.parametrize(
    ("ending", "status"),
    [
        (SystemExit(3), RunStatus.FAILED),
        (SystemExit("no data"), RunStatus.FAILED),
        (SystemExit(0), RunStatus.COMPLETE),
        (SystemExit(), RunStatus.COMPLETE),
        (KeyboardInterrupt(), RunStatus.INTERRUPTED),
        (asyncio.CancelledError(), RunStatus.INTERRUPTED),
    ],
)
def test_how_the_work_ends_is_how_the_run_ends(
    tmp_path: Path, ending: BaseException, status: RunStatus
) -> None:
    @ecoaudit.profile(country="KEN")
    def work() -> None:
        raise ending

    with pytest.raises(type(ending)):
        work()
    assert runs(tmp_path)[0].status is status


def test_a_generator_may_end_in_another_thread(tmp_path: Path) -> None:
    @ecoaudit.profile(country="KEN")
    def numbers() -> Iterator[int]:
        yield from range(3)

    given = numbers()
    rest = [next(given)]
    reader = threading.Thread(target=lambda: rest.extend(given))
    reader.start()
    reader.join()
    assert rest == [0, 1, 2]
    assert runs(tmp_path)[0].status is RunStatus.COMPLETE
    with ecoaudit.profile("next", country="KEN"):  # takes SIGTERM from the one that has ended
        assert signal.getsignal(signal.SIGTERM) != signal.SIG_DFL
    assert signal.getsignal(signal.SIGTERM) == signal.SIG_DFL


# -- generators behave as they do without it -----------------------------------------------------


def _spoken(log: list[str]) -> Generator[str, str, str]:
    """Says what it is given, survives a LookupError, and cleans up."""
    given = "nothing"
    try:
        while given != "stop":
            try:
                given = yield f"heard {given}"
            except LookupError as error:
                given = f"error {error}"
        return "the end"
    finally:
        log.append("cleaned up")


def test_a_generator_takes_what_is_sent_and_thrown_and_gives_its_value(tmp_path: Path) -> None:
    log: list[str] = []
    talk = ecoaudit.profile(_spoken)(log)
    assert next(talk) == "heard nothing"
    assert talk.send("one") == "heard one"
    assert talk.throw(LookupError("two")) == "heard error two"
    with pytest.raises(StopIteration) as ended:
        talk.send("stop")
    assert ended.value.value == "the end"
    assert log == ["cleaned up"]
    assert runs(tmp_path)[0].status is RunStatus.COMPLETE


async def _async_spoken(log: list[str]) -> AsyncGenerator[str, str]:
    given = "nothing"
    try:
        while given != "stop":
            try:
                given = yield f"heard {given}"
            except LookupError as error:
                given = f"error {error}"
            except GeneratorExit:
                log.append("told to close")
                raise
    finally:
        await asyncio.sleep(0.01)
        log.append("cleaned up")


async def _drive(talk: AsyncGenerator[str, str], log: list[str], ending: str) -> None:
    log.append(await anext(talk))
    log.append(await talk.asend("one"))
    log.append(await talk.athrow(LookupError("two")))
    try:
        if ending == "stop":
            await talk.asend("stop")
        elif ending == "close":
            await talk.aclose()
        elif ending == "throw":
            await talk.athrow(ValueError("three"))
        elif ending == "exit":
            await talk.athrow(GeneratorExit())
        else:
            await talk.athrow(StopAsyncIteration("four"))
    except BaseException as error:
        log.append(f"{type(error).__name__}: {error}")
    log.append(str(await anext(talk, "no more")))


@pytest.mark.parametrize(
    ("ending", "status"),
    [
        ("stop", RunStatus.COMPLETE),
        ("close", RunStatus.INTERRUPTED),
        ("exit", RunStatus.INTERRUPTED),
        ("throw", RunStatus.FAILED),
        ("stop iteration", RunStatus.FAILED),
    ],
)
def test_an_async_generator_is_driven_as_without_the_decorator(
    tmp_path: Path, ending: str, status: RunStatus
) -> None:
    plain: list[str] = []
    asyncio.run(_drive(_async_spoken(plain), plain, ending))
    measured: list[str] = []
    asyncio.run(_drive(ecoaudit.profile(_async_spoken)(measured), measured, ending))
    assert measured == plain
    assert "cleaned up" in plain
    assert runs(tmp_path)[0].status is status


# Python itself grumbles when such a generator is thrown away, with the decorator or without.
@pytest.mark.filterwarnings("ignore::pytest.PytestUnraisableExceptionWarning")
def test_an_async_generator_that_will_not_close_says_so_as_without_the_decorator() -> None:
    async def stubborn() -> AsyncIterator[int]:
        for number in range(2):
            try:
                yield number
            except GeneratorExit:
                continue

    async def close() -> None:
        numbers: Any = ecoaudit.profile(stubborn)()
        await anext(numbers)
        with pytest.raises(RuntimeError, match="ignored GeneratorExit"):
            await numbers.aclose()

    asyncio.run(close())


def test_an_async_generator_left_in_the_middle_is_closed_with_its_loop(tmp_path: Path) -> None:
    log: list[str] = []
    faults: list[dict[str, Any]] = []
    kept = []

    async def leave() -> None:
        asyncio.get_running_loop().set_exception_handler(lambda loop, about: faults.append(about))
        for _ in range(5):
            talk = ecoaudit.profile(_async_spoken)(log)
            kept.append(talk)
            await anext(talk)

    asyncio.run(leave())
    assert faults == []
    assert sorted(log) == ["cleaned up"] * 5 + ["told to close"] * 5
    assert {run.status for run in runs(tmp_path)} == {RunStatus.INTERRUPTED}


# -- what else can be called ---------------------------------------------------------------------


class Worker:
    """Work in every kind of method."""

    async def __call__(self, seconds: float) -> str:
        await asyncio.sleep(seconds)
        return "called"

    def plain(self, seconds: float) -> str:
        time.sleep(seconds)
        return "plain"

    @ecoaudit.profile(country="KEN")
    async def method(self, seconds: float) -> str:
        await asyncio.sleep(seconds)
        return type(self).__name__

    @classmethod
    @ecoaudit.profile(country="KEN")
    def inside_class(cls, seconds: float) -> str:
        time.sleep(seconds)
        return cls.__name__

    @ecoaudit.profile(country="KEN")
    @classmethod
    def outside_class(cls, seconds: float) -> str:
        time.sleep(seconds)
        return cls.__name__

    @staticmethod
    @ecoaudit.profile(country="KEN")
    def inside_static(seconds: float) -> str:
        time.sleep(seconds)
        return "static"

    @ecoaudit.profile
    @staticmethod
    async def outside_static(seconds: float) -> str:
        await asyncio.sleep(seconds)
        return "static"


class Batches:
    """An object whose call is a generator."""

    def __call__(self, seconds: float) -> Iterator[str]:
        time.sleep(seconds)
        yield "batch"


async def _nap(seconds: float, then: str) -> str:
    await asyncio.sleep(seconds)
    return then


@pytest.mark.parametrize(
    ("work", "gives", "name"),
    [
        (lambda: ecoaudit.profile(Worker()), "called", "Worker"),
        (lambda: ecoaudit.profile(Batches()), ["batch"], "Batches"),
        (lambda: ecoaudit.profile(functools.partial(_nap, then="up")), "up", "_nap"),
        (lambda: ecoaudit.profile(functools.partial(Worker())), "called", "Worker"),
        (lambda: ecoaudit.profile(Worker().plain), "plain", "Worker.plain"),
        (lambda: Worker().method, "Worker", "Worker.method"),
        (lambda: Worker.inside_class, "Worker", "Worker.inside_class"),
        (lambda: Worker().outside_class, "Worker", "Worker.outside_class"),
        (lambda: Worker.inside_static, "static", "Worker.inside_static"),
        (lambda: Worker().outside_static, "static", "Worker.outside_static"),
    ],
)
def test_whatever_is_called_is_measured_to_its_end(
    tmp_path: Path, work: Callable[[], Any], gives: object, name: str
) -> None:
    function = work()
    result = function(0.2)
    if inspect.iscoroutine(result):
        result = asyncio.run(result)
    elif inspect.isgenerator(result):
        result = list(result)
    assert result == gives
    (run,) = runs(tmp_path)
    assert run.duration_s >= 0.2
    assert run.name == name
    assert function.last.run == run


def test_a_class_is_refused() -> None:
    with pytest.raises(UsageError, match="Worker is a class; put it over the method"):
        ecoaudit.profile(Worker)
    with pytest.raises(UsageError, match="stands over a function; got 5"):
        ecoaudit.profile()(5)  # type: ignore[type-var]


def test_the_last_recorder_is_that_of_the_call_that_ended_last() -> None:
    @ecoaudit.profile(country="KEN")
    def work(seconds: float, fail: bool = False) -> None:
        time.sleep(seconds)
        if fail:
            raise LookupError("mine")

    measured: Any = work
    before: object = measured.last
    assert before is None
    calls = [threading.Thread(target=work, args=(seconds,)) for seconds in (0.5, 0.1)]
    for call in calls:
        call.start()
    for call in calls:
        call.join()
    assert measured.last.run.duration_s >= 0.5
    with pytest.raises(LookupError):
        work(0.0, fail=True)
    assert measured.last.run.status is RunStatus.FAILED

    @ecoaudit.profile
    def numbers() -> Iterator[int]:
        yield from range(3)

    given: Any = numbers
    assert list(given()) == [0, 1, 2]
    assert given.last.run.name.endswith("numbers")


# -- options that cannot be used -----------------------------------------------------------------


@pytest.mark.parametrize("value", [0, -1, float("nan"), float("inf"), 10**400, "x", True, [8]])
@pytest.mark.parametrize("name", ["tokens_per_step", "samples_per_step", "peak_flops"])
def test_amounts_that_are_none_are_refused_before_the_work(name: str, value: object) -> None:
    with pytest.raises(UsageError, match=rf"^{name} must be a finite number, more than 0; got "):
        ecoaudit.profile("x", **{name: value})


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"tokens_per_stp": 1}, "no option 'tokens_per_stp'; did you mean 'tokens_per_step'"),
        ({"contry": "KEN"}, "no option 'contry'; did you mean 'country'"),
        ({"synchronize": 1}, "synchronize must be True, False or 'auto', got 1"),
        ({"country": 5}, "country must be a country code such as 'KEN', got 5"),
        ({"site": 5}, "site must be a site profile or its name, got 5"),
        ({"output": True}, "output must be a path, got True"),
        ({"rank": 0}, "rank must be a Rank, got 0"),
        ({"settings": ["a"]}, r"settings must be names and values, got \['a'\]"),
    ],
)
def test_other_options_are_refused_where_the_decorator_stands(
    options: dict[str, Any], message: str
) -> None:
    with pytest.raises(UsageError, match=message):
        ecoaudit.profile("x", **options)
    with pytest.raises(UsageError, match=message):

        @ecoaudit.profile("x", **options)
        def work() -> None:
            pytest.fail("the work was started")


def test_a_name_is_text() -> None:
    with pytest.raises(UsageError, match="name must be text, got 5"):
        ecoaudit.profile(5)  # type: ignore[call-overload]


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"warmup": 1.5}, "warmup must be a whole number of 0 or more, got 1.5"),
        ({"warmup": True}, "warmup must be a whole number of 0 or more, got True"),
        ({"warmup": float("nan")}, "warmup must be a whole number of 0 or more, got nan"),
        ({"accumulate": "2"}, "accumulate must be a whole number of 1 or more, got '2'"),
        ({"accumulate": None}, "accumulate must be a whole number of 1 or more, got None"),
    ],
)
def test_numbers_of_steps_are_whole(options: dict[str, Any], message: str) -> None:
    with ecoaudit.profile("x", country="KEN") as rec, pytest.raises(UsageError, match=message):
        rec.steps(range(3), **options)


def test_steps_need_something_to_step_over() -> None:
    with (
        ecoaudit.profile("x", country="KEN") as rec,
        pytest.raises(UsageError, match="what can be iterated over, got 7"),
    ):
        rec.steps(7)  # type: ignore[arg-type]


@pytest.mark.parametrize("amount", ["8", True, float("nan"), [8]])
def test_what_is_counted_is_a_number(amount: object) -> None:
    with ecoaudit.profile("x", country="KEN") as rec:
        for _ in rec.steps(range(1)):
            with pytest.raises(UsageError, match="tokens: expected a number of 0 or more, got"):
                rec.count(tokens=amount)


def test_numbers_of_numpy_are_numbers(tmp_path: Path) -> None:
    with ecoaudit.profile("x", country="KEN", tokens_per_step=np.int64(8)) as rec:
        for _ in rec.steps(range(4), warmup=np.int8(1), accumulate=np.uint8(1)):  # type: ignore[arg-type]
            rec.count(samples=np.float32(2))
    (run,) = runs(tmp_path)
    assert (run.summary["tokens"].value, run.summary["samples"].value) == (24, 6)


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
