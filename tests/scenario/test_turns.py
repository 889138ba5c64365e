"""How many turns came before, and how long conversations are."""

from __future__ import annotations

import math

import pytest

from ecoaudit.estimate import Basis, Estimate
from ecoaudit.scenario.turns import SINGLE_TURN, earlier_turns, mean_earlier, turn_variance, whole


def turns(value: float, low: float | None = None, high: float | None = None) -> Estimate:
    ends = (value if low is None else low, value if high is None else high)
    return Estimate(value, *ends, "turns", Basis.DECLARED, "test")


@pytest.mark.parametrize(
    ("mean", "sd", "earlier"),
    [
        (1, 0, 0.0),
        (1, 5, 0.0),  # a single turn has no spread
        (4, 0, 1.5),  # 0, 1, 2 and 3
        (2.5, 0, 0.8),  # 0, 1 and 0, 1, 2: 4 over 5
        (3, math.sqrt(2 / 3), 10 / 9),  # 2, 3 and 4 turns: 1 + 3 + 6 = 10 over 9
        (2, 1, 0.75),  # 1 and 3 turns: 0 + 3 over 4
    ],
)
def test_earlier_turns_are_averaged_over_turns(mean: float, sd: float, earlier: float) -> None:
    assert mean_earlier(mean, sd) == pytest.approx(earlier)


def test_a_mean_between_whole_numbers_has_some_spread() -> None:
    assert turn_variance(2.5, 0) == 0.25
    assert turn_variance(2.5, 3) == 9
    assert turn_variance(3, 0) == 0


def test_the_interval_holds_all_ends() -> None:
    earlier = earlier_turns(turns(10, 8, 12), turns(5, 0, 6))
    assert earlier.value == pytest.approx((10 + 2.5 - 1) / 2)
    assert earlier.low == pytest.approx(3.5)  # 8 turns, no spread
    assert earlier.high == pytest.approx((12 + 36 / 12 - 1) / 2)
    assert earlier.basis is Basis.MODELLED
    assert earlier_turns(SINGLE_TURN, None).numbers == (0.0, 0.0, 0.0)


def test_moments_of_a_whole_conversation() -> None:
    # 4 turns of 10 + 5 tokens; variances 4 x (3^2 + 4^2) + 2^2 x 15^2 = 100 + 900
    assert whole((10, 3), (5, 4), (4, 2)) == pytest.approx((60, math.sqrt(1000)))
    assert whole((10, 3), (5, 4), (1, 0)) == pytest.approx((15, 5))
