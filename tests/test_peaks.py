from __future__ import annotations

from ecoaudit.peaks import Peaks


def memory() -> Peaks:
    peaks = Peaks()
    for reading in ((0.0, 5.0), (1.0, 9.0), (2.0, 7.0), (3.0, 1.0)):
        peaks.append(reading)
    return peaks


def test_the_largest_between_two_times() -> None:
    assert memory().between(0.0, 3.0) == 9.0
    assert memory().between(1.5, 3.5) == 7.0
    assert memory().between(2.0, 2.0) == 7.0
    assert memory().between(3.0, 9.0) == 1.0


def test_nothing_between_is_none_and_not_zero() -> None:
    assert memory().between(2.2, 2.4) is None
    assert memory().between(4.0, 9.0) is None
    assert Peaks().between(0.0, 9.0) is None


def test_what_lies_beside_a_time() -> None:
    assert memory().beside(2.2) == [(2.0, 7.0), (3.0, 1.0)]
    assert memory().beside(-1.0) == [(0.0, 5.0)]
    assert memory().beside(4.0) == [(3.0, 1.0)]
    assert Peaks().beside(0.0) == []


def test_one_that_comes_too_late_is_left_out_and_two_at_a_time_both_count() -> None:
    peaks = memory()
    peaks.append((2.5, 99.0))
    peaks.append((3.0, 4.0))
    assert peaks.between(0.0, 3.0) == 9.0
    assert peaks.between(2.5, 3.0) == 4.0
