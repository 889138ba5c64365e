from __future__ import annotations

import random
from dataclasses import replace

import pytest

from ecoaudit.device_doubts import device_doubts, window_codes
from ecoaudit.estimate import Basis
from ecoaudit.measurement import BOARD, PACKAGE, WALL, Device, Reading
from ecoaudit.trace import Trace

Window = tuple[str, float, float]


def trace(boundary: str = BOARD, step_s: float = 0.1) -> Trace:
    name = {BOARD: "Test GPU", WALL: "Test plug", PACKAGE: "Test CPU"}[boundary]
    return Trace(
        Device(
            "it",
            "gpu",
            boundary,
            name,
            "test",
            Basis.MEASURED,
            "a test",
            step_s=step_s,
            details={"power_method": "power"} if boundary == BOARD else {},
        )
    )


def counted(boundary: str = BOARD, step_s: float = 0.1, seconds: float = 60.0) -> Trace:
    made = trace(boundary, step_s)
    for tick in range(round(seconds * 10) + 1):
        made.add(Reading("it", tick / 10, energy_j=20.0 * tick, power_w=200.0))
    return made


def said(
    about: Trace, end_s: float = 60.0, windows: list[Window] | None = None
) -> list[tuple[str, str]]:
    return [(d.code, d.message) for d in device_doubts(about, 0.0, end_s, windows or [])]


def test_a_board_well_counted_is_not_doubted() -> None:
    assert said(counted(), windows=[("all", 0.0, 60.0), ("part", 1.0, 2.1)]) == []


def test_short_windows_are_listed() -> None:
    windows = [(f"step{n % 4}", float(n), n + 0.05) for n in range(8)]
    ((code, message),) = said(counted(), windows=windows)
    assert code == "short-window"
    assert message == (
        "Test GPU: 8 windows are shorter than 10 steps of its reading (1 s): step0, step1, step2,"
        " ..."
    )
    assert window_codes([counted()], 5.0, 5.05) == ["short-window"]
    assert window_codes([counted()], 5.0, 6.1) == []
    assert window_codes([counted(PACKAGE)], 5.0, 5.05) == []


def test_a_lost_board_is_told_with_how_long() -> None:
    lost = counted(seconds=58.0)
    for tick in range(581, 601):
        lost.add(Reading("it", tick / 10))
    ((code, message),) = said(lost)
    assert code == "gpu-lost"
    assert message.startswith("Test GPU: no answer for 2.0 s, up to the end of the run: its energy")
    assert window_codes([lost], 0.0, 60.0) == ["gpu-lost"]
    assert window_codes([lost], 0.0, 50.0) == []


def test_a_gap_goes_by_the_same_words_in_the_doubt_as_in_the_source() -> None:
    """A counter that was set back, on a board that gives no power to stand in: the meter then tells
    nothing once, and goes on from where the counter stood."""
    about = Trace(replace(trace().device, details={"power_limit_w": 700.0}))
    for tick in range(601):
        energy_j = 20.0 * (tick if tick < 300 else tick - 2)
        about.add(Reading("it", tick / 10, energy_j=None if tick == 300 else energy_j))
    assert about.energy(0.0, 60.0).energy_j.source == "a test; no answer for 0.2 s in between"
    message = dict(said(about))["gpu-lost"]
    assert message.startswith("Test GPU: no answer for 0.2 s: its energy is what was counted")


def test_a_counter_that_stood_still_is_no_silence() -> None:
    """Each of two gaps has its own doubt and its own length."""
    about = trace()
    for tick in range(601):
        counted_j = 20.0 * (tick if tick < 200 else 200 if tick < 300 else tick - 100)
        about.add(Reading("it", tick / 10, energy_j=counted_j if tick < 400 else None))
    told = dict(said(about))
    assert set(told) == {"counter-stuck", "gpu-lost"}
    assert "stood still for 10.0 s" in told["counter-stuck"]
    assert "no answer for 20.1 s, up to the end of the run" in told["gpu-lost"]


def test_power_that_was_left_unread_is_told_with_how_long() -> None:
    about = trace()
    for tick in (*range(300), *range(335, 601)):
        about.add(Reading("it", tick / 10, power_w=100.0))
    told = dict(said(about))
    assert set(told) == {"reading-gap", "sampled-power"}
    assert told["reading-gap"].startswith(
        "Test GPU: its power is sampled, and 3.6 s of it were not read: its energy is what was read"
    )


def test_few_and_unsteady_readings_of_power() -> None:
    few, unsteady, rng = trace(), trace(), random.Random(3)
    for tick in range(5):
        few.add(Reading("it", tick / 10, power_w=100.0))
    for tick in range(60):
        unsteady.add(Reading("it", tick / 10, power_w=rng.choice((10.0, 400.0))))
    assert said(few, 0.4)[1:] == [("few-readings", "Test GPU: its power was read 5 times")]
    assert [code for code, _ in said(few, 0.4)] == ["sampled-power", "few-readings"]
    message = dict(said(unsteady, 5.9))["unsteady-power"]
    assert "% of its energy may have been missed" in message
    assert window_codes([unsteady], 0.0, 5.9) == ["unsteady-power"]


@pytest.mark.parametrize(("seconds", "codes"), [(20.0, ["wall-short"]), (40.0, [])])
def test_a_meter_at_the_plug_wants_a_longer_run(seconds: float, codes: list[str]) -> None:
    plug = trace(WALL, 1.0)
    for second in range(round(seconds) + 1):
        plug.add(Reading("it", float(second), power_w=100.0 + 50.0 * (second % 2)))
    assert [code for code, _ in said(plug, seconds)] == codes


def test_a_counter_that_tells_another_story_than_its_power() -> None:
    about = trace()
    for tick in range(600):
        about.add(Reading("it", tick / 10, energy_j=18.0 * tick, power_w=200.0))
    ((code, message),) = said(about, 59.9)
    assert code == "counter-against-power"
    assert "-10% against its power" in message
