"""Comparisons with common random numbers, against brute force and closed forms."""

from __future__ import annotations

import math
from dataclasses import replace
from statistics import NormalDist

import numpy
import pytest

from ecoaudit.errors import UsageError
from ecoaudit.estimate import Basis, Estimate
from ecoaudit.ledger import Ledger
from ecoaudit.lifecycle.accounting import Options
from ecoaudit.lifecycle.draws import Draws
from ecoaudit.lifecycle.pairs import compared
from ecoaudit.lifecycle.shares import variance_shares
from ecoaudit.scenario.account import Account, ElectricityUse, Equipment, Supply
from tests.lifecycle.accounts import YEAR_S, clinic, ledger, sure, unsure

MANY = Options(draws=20_000)
Z80 = NormalDist().inv_cdf(0.9)


def simple(name: str, kwh: tuple[float, float], grid: tuple[float, float], made: float) -> Account:
    """Electricity x grid + making; of each the figure and the factor of its doubt."""
    return clinic(
        id=name,
        name=name,
        equipment=[Equipment("box", embodied=unsure(made, "kgCO2e", 1.5), life=sure(YEAR_S, "s"))],
        electricity=[ElectricityUse("serving-active", energy=unsure(kwh[0] * 3.6e6, "J", kwh[1]))],
        supply=Supply(intensity=unsure(grid[0], "gCO2e/kWh", grid[1])),
        pue=None,
        network=None,
        water=None,
    )


def test_a_shared_grid_cancels() -> None:
    # Two that differ by 5 % in sure electricity: the grid's own doubt of 3 times says nothing.
    a = ledger(simple("a", (100.0, 1.0), (400.0, 3.0), 1e-9), MANY)
    b = ledger(simple("b", (105.0, 1.0), (400.0, 3.0), 1e-9), MANY)
    assert a.total.number < b.total.number < (a.total.high or 0)
    found = compared(a, b)
    assert found.below == 1.0
    assert found.ratio[0] == pytest.approx(100 / 105, rel=1e-6)


def test_closed_form_of_two_lognormals() -> None:
    # ln a and ln b are normal and the grid cancels: P(a < b) = Phi(ln(b/a) / sqrt(s_a^2 + s_b^2)).
    a = ledger(simple("a", (100.0, 1.3), (400.0, 3.0), 1e-9), MANY)
    b = ledger(simple("b", (120.0, 1.6), (400.0, 3.0), 1e-9), MANY)
    spread = math.hypot(math.log(1.3), math.log(1.6)) / Z80
    expected = NormalDist().cdf(math.log(120 / 100) / spread)
    assert compared(a, b, count=20_000).below == pytest.approx(expected, abs=0.01)


def test_brute_force_with_shared_factors() -> None:
    a = ledger(simple("a", (300.0, 1.4), (400.0, 1.5), 60.0), MANY)
    b = ledger(simple("b", (250.0, 1.4), (400.0, 1.5), 75.0), MANY)
    random = numpy.random.default_rng(7)

    def lognormal(median: float, factor: float) -> numpy.typing.NDArray[numpy.float64]:
        deviation = math.log(factor) / Z80
        return median * numpy.exp(deviation * random.standard_normal(400_000))

    grid = lognormal(0.4, 1.5)
    first = lognormal(300.0, 1.4) * grid + lognormal(60.0, 1.5)
    second = lognormal(250.0, 1.4) * grid + lognormal(75.0, 1.5)
    expected = float(numpy.mean(first < second))
    found = compared(a, b, count=20_000)
    assert found.below == pytest.approx(expected, abs=0.015)
    assert found.shared == 1
    ends = numpy.percentile(first / second, [10, 90])
    assert found.ratio[1:] == pytest.approx(ends.tolist(), rel=0.03)
    # Drawn apart, the same would be told less well.
    apart = float(numpy.mean(first < random.permutation(second)))
    assert abs(apart - 0.5) < abs(expected - 0.5)


def test_the_total_of_one_has_the_interval_of_brute_force() -> None:
    found = ledger(simple("a", (300.0, 1.4), (400.0, 1.5), 60.0), MANY).total
    random = numpy.random.default_rng(3)
    parts = [random.standard_normal(400_000) / Z80 for _ in range(3)]
    whole = 120 * numpy.exp(parts[0] * math.log(1.4) + parts[1] * math.log(1.5))
    whole = whole + 60 * numpy.exp(parts[2] * math.log(1.5))
    ends = numpy.percentile(whole, [10, 90])
    assert found.numbers[1:] == pytest.approx(ends.tolist(), rel=0.02)


def test_against_itself_it_is_a_tie() -> None:
    one = ledger(clinic())
    assert compared(one, one).below == 0.5


def test_order_of_factors_does_not_change_their_draws() -> None:
    found = ledger(clinic())
    backwards = dict(reversed(found.inputs.items()))
    few = {name: found.inputs[name] for name in list(found.inputs)[:5]}
    for name in few:
        whole = Draws(found.inputs, 500).of(name)
        assert (whole == Draws(backwards, 500).of(name)).all()
        assert (whole == Draws(few, 500).of(name)).all()
    assert (Draws(few, 500, 2).of(next(iter(few))) == Draws(few, 500, 2).of(next(iter(few)))).all()


def test_a_figure_without_a_source_is_the_same_whatever_its_file_is_called() -> None:
    def declared(path: str, kwh: float) -> Ledger:
        source = f"declared in {path}"
        made = Estimate(60.0, 30.0, 120.0, "kgCO2e", Basis.DECLARED, source)
        account = simple(path, (kwh, 1.0), (400.0, 1.0), 60.0)
        box = replace(account.equipment[0], embodied=made)
        return ledger(replace(account, equipment=[box]), MANY)

    found = compared(declared("a.yaml", 100.0), declared("b.yaml", 101.0))
    assert found.shared == 1
    assert found.below == 1.0


def test_two_things_without_a_source_that_agree_are_drawn_apart() -> None:
    made = Estimate(60.0, 30.0, 120.0, "kgCO2e", Basis.DECLARED, "declared in a.yaml")
    life = sure(5 * YEAR_S, "s")
    boxes = [Equipment(name, embodied=made, life=life) for name in ("server", "ups")]
    inputs = ledger(clinic(equipment=boxes)).inputs
    assert inputs["server_kgco2e"].draw != inputs["ups_kgco2e"].draw


def test_by_functional_unit_and_what_it_has_not() -> None:
    one, other = ledger(clinic()), ledger(clinic(name="no units", units=clinic().units))
    assert compared(one, other, "accepted note").per == "accepted note"
    with pytest.raises(UsageError, match=r"has no kgCO2e per screening; it has: total, request"):
        compared(one, other, "screening")


def test_shares_of_variance_of_a_sum_are_those_of_its_parts() -> None:
    account = clinic(
        equipment=[
            Equipment("a", embodied=unsure(100.0, "kgCO2e", 1.02), life=sure(YEAR_S, "s")),
            Equipment("b", embodied=unsure(200.0, "kgCO2e", 1.02), life=sure(YEAR_S, "s")),
        ],
        electricity=[ElectricityUse("serving-active", energy=sure(1e-3, "J"))],
        pue=None,
        network=None,
        supply=Supply(intensity=sure(1.0, "gCO2e/kWh")),
    )
    found = ledger(account, MANY)
    shares = {one["inputs"][0]: one["share"] for one in found.uncertainty["shares"]}
    assert shares["b_kgco2e"] == pytest.approx(0.8, abs=0.02)
    assert shares["a_kgco2e"] == pytest.approx(0.2, abs=0.02)


def test_a_factor_that_does_nothing_has_no_share() -> None:
    found = ledger(clinic(), MANY)
    draws = Draws(found.inputs, MANY.draws)
    whole = draws.of("grid_g_per_kwh")
    shares = {names[0]: share for names, share in variance_shares(whole, draws, draws.uncertain())}
    assert shares.pop("grid_g_per_kwh") == pytest.approx(1.0, abs=0.01)
    assert max(shares.values()) < 0.01
