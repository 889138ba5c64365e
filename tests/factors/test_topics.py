"""The tables of life-cycle factors: every row, and published sums that follow from them."""

from __future__ import annotations

import math

import numpy
import pytest

from ecoaudit.distributions import Levels, strata
from ecoaudit.errors import NotFoundError
from ecoaudit.estimate import Basis, Estimate
from ecoaudit.factors.sourced import Factor
from ecoaudit.factors.table import FOLDER, read_sources
from ecoaudit.factors.topics import TOPICS, factor, names, rows

ALL = [(topic, row) for topic in TOPICS for row in rows(topic)]


@pytest.mark.parametrize(
    ("topic", "row"), ALL, ids=[f"{topic}-{row.name}-{row.by}" for topic, row in ALL]
)
def test_every_row_can_be_defended(topic: str, row: Factor) -> None:
    estimate = row.estimate
    assert estimate.value is not None
    assert estimate.low is not None
    assert 0 <= estimate.low <= estimate.value
    assert row.boundary
    assert row.note
    assert 2006 <= row.year <= 2026
    assert row.key in read_sources()
    assert row.source.startswith(read_sources()[row.key].citation)
    assert row.licence == read_sources()[row.key].licence
    assert row.unit in (*TOPICS[topic].units, "")


@pytest.mark.parametrize("topic", TOPICS)
def test_what_is_pooled_is_pooled_from_rows_of_one_unit(topic: str) -> None:
    for name in names(topic):
        assert factor(topic, name).estimate.known


def test_figures_that_nobody_published_are_not_called_constants() -> None:
    for _, row in ALL:
        own = row.key in {"assumed", "derived"}
        assert (row.basis is Basis.MODELLED) == own


def test_every_table_is_listed() -> None:
    files = {path.stem for path in FOLDER.glob("*.csv")}
    others = {"sources", "hardware", "models", "languages", "ember", "dies"}
    assert files - others == set(TOPICS)


def central(topic: str, name: str) -> float:
    return factor(topic, name).distribution.central


def test_published_battery_per_kwh_delivered() -> None:
    """80 / (3000 x 0.8 x 0.9) = 37 g per kWh delivered (reference, section 6.5)."""
    cycles = central("storage", "cycles of a lithium battery")
    delivered = cycles * central("storage", "depth of discharge")
    delivered *= central("storage", "efficiency of a lithium battery")
    grams = central("embodied", "lithium battery") * 1000 / delivered
    assert grams == pytest.approx(37.04, abs=0.005)
    used = central("storage", "used share of off-grid panels")
    assert central("generation", "solar, utility") / used + grams == pytest.approx(117, abs=0.1)


def test_published_diesel_per_kwh() -> None:
    """2.7 kg/L over 3.375 kWh/L = 0.8 kg/kWh."""
    per_kwh = central("fuel", "diesel generator, usual default")
    assert central("fuel", "diesel, burnt") * per_kwh == pytest.approx(0.8, abs=1e-5)


def test_a_small_generator_at_a_low_load_burns_up_to_three_times_the_default() -> None:
    """Clinic range 0.8 to 2.4 kgCO2e/kWh (reference, section 6.5)."""
    worst = factor("fuel", "diesel generator of 8 kW at 25 % load")
    assert central("fuel", "diesel, burnt") * worst.distribution.central == pytest.approx(
        2.4, abs=0.01
    )


def test_the_pool_of_the_h100_covers_its_sources() -> None:
    estimate = factor("embodied", "NVIDIA H100 SXM5 80GB").estimate
    assert isinstance(estimate, Estimate)
    value, low, high = estimate.numbers
    assert low <= 164 < value < 575.1 <= high
    for source in ("NVIDIA", "EcoLogits", "BoaviztAPI"):
        assert source in estimate.source


def test_the_life_of_a_clinics_computer_is_a_triangle() -> None:
    distribution = factor("lifetimes", "clinic computer").distribution
    assert (distribution.kind, distribution.numbers) == ("triangular", (4, 6, 9))


def test_a_pooled_life_of_servers_spans_what_tools_assume() -> None:
    estimate = factor("lifetimes", "server").estimate
    assert estimate.low is not None
    assert estimate.high is not None
    assert 3 <= estimate.low < 4
    assert 5 < estimate.high < 6


def test_a_name_that_no_table_holds() -> None:
    with pytest.raises(NotFoundError, match=r"under 'Network'; did you mean 'fixed network'"):
        factor("network", "fixd network")


EDGES = Levels(numpy.array([1e-4, 1 - 1e-4]))


@pytest.mark.parametrize("name", names("facilities"))
def test_no_draw_of_a_pue_is_below_one(name: str) -> None:
    least, _ = factor("facilities", name).distribution.quantile(EDGES)
    assert least >= 1


@pytest.mark.parametrize(
    ("topic", "name"),
    [
        *(("storage", name) for name in names("storage") if not name.startswith("cycles")),
        *(("losses", name) for name in names("losses")),
    ],
)
def test_no_draw_of_a_share_is_above_one(topic: str, name: str) -> None:
    least, greatest = factor(topic, name).distribution.quantile(EDGES)
    assert 0 < least < greatest <= 1


@pytest.mark.parametrize("name", names("losses"))
def test_no_loss_takes_most_of_what_is_generated(name: str) -> None:
    """Shares of a country's own output mean little where most is imported, so these have no row."""
    assert factor("losses", name).distribution.quantile(strata(10_000))[-1] < 0.6


@pytest.mark.parametrize("country", ["BEN", "TGO", "NER"])
def test_an_importer_has_no_loss(country: str) -> None:
    with pytest.raises(NotFoundError, match="no factor"):
        factor("losses", country)


def test_a_machine_or_study_counts_once_in_the_pool_of_servers() -> None:
    pool = [row for row in rows("embodied") if row.name == "server"]
    assert [row.by for row in pool] == ["makers", "BoaviztAPI", "Dell, R6515", "Dell, R6525"]
    assert factor("embodied", "server").distribution.central == pytest.approx(1353, abs=1)
    repeats = [row for row in rows("embodied") if row.name == "server, Dell R740"]
    assert {row.distribution.central for row in repeats} == {2400, 1313}


def test_a_small_generator_at_half_load_is_pooled_from_the_rows_of_small_sets() -> None:
    name = "diesel generator, small, half load"
    sizes = [f"diesel generator of {size} kW at 50 % load" for size in (8, 15, 20)]
    sized = [row for row in rows("fuel") if row.name in sizes]
    for row in (row for row in rows("fuel") if row.name == name):
        logs = [math.log(other.distribution.central) for other in sized if other.by == row.by]
        assert row.distribution.central == pytest.approx(
            math.exp(math.fsum(logs) / len(logs)), rel=2e-3
        )
    carbon = central("fuel", "diesel, burnt") * central("fuel", name)
    assert carbon == pytest.approx(1.154, abs=0.002)  # between 0.8 and 2.4 kg/kWh
