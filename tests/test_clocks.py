"""A computer that slept, a clock that was set, and neither."""

from __future__ import annotations

from dataclasses import dataclass

from ecoaudit.clocks import ClockWatch


@dataclass
class Hands:
    monotonic_s: float = 100.0
    boot_s: float = 130.0
    wall_s: float = 1.8e9

    def watch(self) -> ClockWatch:
        return ClockWatch(lambda: self.monotonic_s, lambda: self.boot_s, lambda: self.wall_s)

    def on(self, seconds: float) -> None:
        self.monotonic_s += seconds
        self.boot_s += seconds
        self.wall_s += seconds


def test_time_that_just_passes_is_no_doubt() -> None:
    hands = Hands()
    watch = hands.watch()
    hands.on(3600)
    hands.wall_s += 0.4  # slewed
    assert watch.changes() == []


def test_a_sleep_is_told_once_with_its_length() -> None:
    hands = Hands()
    watch = hands.watch()
    hands.on(10)
    hands.boot_s += 90
    hands.wall_s += 90
    (doubt,) = watch.changes()
    assert doubt.code == "suspended"
    assert "slept for 90 s" in doubt.message
    assert watch.changes() == []


def test_a_clock_that_was_set_is_told_with_its_sign() -> None:
    hands = Hands()
    watch = hands.watch()
    hands.on(10)
    hands.wall_s -= 3600
    (doubt,) = watch.changes()
    assert doubt.code == "clock-set"
    assert "-3600 s" in doubt.message


def test_the_real_clocks_agree() -> None:
    assert ClockWatch().changes() == []
