"""Factors that meet measurements, held by a prior."""

from __future__ import annotations

import numpy
import pytest

from ecoaudit.bands import Array
from ecoaudit.sizing.log_fit import fit


def test_what_is_measured_moves_and_what_is_not_stays() -> None:
    rows = numpy.array([[2.0, 0.0], [4.0, 0.0]])

    def predict(logs: Array) -> Array:
        found: Array = numpy.log(rows @ numpy.exp(logs))
        return found

    found = fit(predict, numpy.array([3.0, 6.0]), numpy.full(2, 0.01), numpy.full(2, 0.5))
    assert found.factors[0] == pytest.approx(1.5, rel=1e-3)
    assert found.factors[1] == 1.0
    assert found.off < 1e-3
    spreads = numpy.sqrt(numpy.diag(found.covariance))
    assert spreads[0] == pytest.approx(0.01 / numpy.sqrt(2), rel=0.01)
    assert spreads[1] == pytest.approx(0.5)


def test_two_that_are_seen_only_together_move_together() -> None:
    def predict(logs: Array) -> Array:
        found: Array = numpy.log(numpy.exp(logs).sum(keepdims=True))
        return found

    found = fit(predict, numpy.array([3.0]), numpy.array([0.01]), numpy.full(2, 0.5))
    assert found.factors == pytest.approx([1.5, 1.5], rel=0.01)
    # their sum is known, each alone is not
    assert found.spread(predict) == pytest.approx(0.01, rel=0.05)
    assert found.spread(lambda logs: logs[:1]) > 0.2


def test_the_less_sure_of_two_moves_more() -> None:
    def predict(logs: Array) -> Array:
        found: Array = numpy.log(numpy.exp(logs).sum(keepdims=True))
        return found

    found = fit(predict, numpy.array([4.0]), numpy.array([0.01]), numpy.array([0.1, 1.0]))
    assert found.factors[0] < 1.1
    assert found.factors[1] > 2.8


def test_a_start_far_off_is_left() -> None:
    found = fit(lambda logs: logs, numpy.array([1e4]), numpy.array([0.01]), numpy.array([5.0]))
    assert found.factors[0] == pytest.approx(1e4, rel=1e-3)
