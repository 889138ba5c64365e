from __future__ import annotations

import subprocess
import sys

import pytest

from ecoaudit.errors import NotFoundError, UsageError
from ecoaudit.estimate import Basis, Estimate
from ecoaudit.factors.grid import ember, grid_factor, operational_kgco2e


def test_a_country_has_its_year_scope_and_doubt() -> None:
    kenya = grid_factor("ken")
    assert (kenya.zone, kenya.year, kenya.scope, kenya.fallback) == (
        "KEN",
        2023,
        "life cycle",
        False,
    )
    assert kenya.intensity.value == pytest.approx(70.492)
    assert kenya.intensity.low == pytest.approx(70.492 * 0.8)
    assert kenya.intensity.high == pytest.approx(84.83)  # Ember's, a little beyond +20 %
    assert kenya.intensity.basis is Basis.CONSTANT
    assert "Our World in Data" in kenya.source
    assert "+-20 %" in kenya.intensity.source
    assert "84.83 gCO2e/kWh in 2024 by Ember" in kenya.intensity.source
    assert "CC BY 4.0" in kenya.intensity.source


@pytest.mark.parametrize("code", sorted(ember()))
def test_an_interval_holds_both_tables_and_is_never_narrower(code: str) -> None:
    factor, other = grid_factor(code), ember()[code].intensity
    value, low, high = factor.intensity.numbers
    assert low <= min(value * 0.8, other.value) * (1 + 1e-9)
    assert high >= max(value * 1.2, other.value) * (1 - 1e-9)
    assert "Ember" in factor.source
    assert other.year in (2022, 2023, 2024)
    assert f"{other.year}" in factor.source
    assert "CC BY 4.0" in factor.licence


def test_where_two_tables_disagree_by_more_than_a_fifth() -> None:
    uganda = grid_factor("UGA").intensity
    assert uganda.numbers == pytest.approx((44.527, 44.527 * 0.8, 57.39))
    el_salvador = grid_factor("SLV").intensity
    assert el_salvador.low == pytest.approx(99.29)


def test_a_place_that_only_the_second_table_holds() -> None:
    kosovo = grid_factor("XKX")
    assert kosovo.year == 2024
    assert kosovo.intensity.value == pytest.approx(958.72, abs=0.5)
    assert "CC BY 4.0" in kosovo.source
    assert kosovo.licence == "CC BY 4.0"  # codecarbon has no such place


def test_an_account_refuses_the_worlds_average() -> None:
    with pytest.raises(UsageError, match="give the site's country, or declare the intensity"):
        grid_factor(None, fallback=False)
    assert grid_factor("KEN", fallback=False) == grid_factor("KEN")


def test_no_country_is_the_world_and_says_so() -> None:
    world = grid_factor(None)
    assert world.fallback
    assert world.zone == "world"
    assert world.intensity.value == 475
    assert world.intensity.low is not None
    assert world.intensity.high is not None
    assert world.intensity.low < 150
    assert world.intensity.high > 650
    assert "want of a country" in world.intensity.source


def test_a_declared_figure_wins_even_over_a_place_that_no_table_holds() -> None:
    mine = Estimate.exact(33.0, "gCO2e/kWh", Basis.DECLARED, "the utility's letter, 2026")
    factor = grid_factor("KEN", "olkaria", declared=mine)
    assert factor.intensity is mine
    assert factor.zone == "KEN/olkaria"
    assert factor.year is None
    assert not factor.fallback


def test_a_declared_figure_in_another_unit_is_refused() -> None:
    with pytest.raises(UsageError, match=r"given in gCO2e/kWh, got kg"):
        grid_factor(None, declared=Estimate.exact(0.03, "kg", Basis.DECLARED, "x"))


@pytest.mark.parametrize(
    ("country", "region", "value", "zone", "scope"),
    [
        # EPA eGRID2023 California: 394.840 lb/MWh is what the table must hold for 179.1 g/kWh.
        ("USA", "california", 179.1, "USA/california", "direct emissions of generation"),
        ("usa", "CA", 179.1, "USA/california", "direct emissions of generation"),
        ("CHN", "Beijing", 555.4, "CHN/beijing", "direct CO2 of generation, no other gases"),
        ("SWE", "se3", 27.0, "SWE/SE3", "life cycle, generation in the zone"),
        ("NOR", "NO4", 51.7, "NOR/NO4", "life cycle, generation in the zone"),
    ],
)
def test_regions(country: str, region: str, value: float, zone: str, scope: str) -> None:
    factor = grid_factor(country, region)
    assert factor.intensity.value == pytest.approx(value, abs=0.05)
    assert (factor.zone, factor.scope, factor.fallback) == (zone, scope, False)


@pytest.mark.parametrize(
    ("country", "region", "message"),
    [
        ("KE", None, "three-letter country code .* did you mean 'KEN'"),
        ("Kenya", None, "give its code 'KEN'"),
        ("Kenia", None, "did you mean 'KEN' .Kenya.\\?"),
        ("Kosovo", None, "give its code 'XKX'"),
        ("ZZZ", None, "country 'ZZZ': .* declare the intensity"),
        ("CAF", None, "holds 0 gCO2e/kWh, which no supply has"),
        ("USA", "califronia", "did you mean 'california'"),
        ("USA", "usa", "region 'usa' of USA"),
        ("KEN", "nairobi", "hold no intensity for regions of this country; leave the region out"),
        ("CAN", "quebec", "hold no intensity for regions of this country"),
        ("SWE", "se9", "region 'se9' of SWE: did you mean"),
    ],
)
def test_an_unknown_place_is_an_error_with_the_next_step(
    country: str, region: str | None, message: str
) -> None:
    with pytest.raises(NotFoundError, match=message):
        grid_factor(country, region)


def test_a_region_needs_its_country() -> None:
    with pytest.raises(UsageError, match="needs its country"):
        grid_factor(None, "california")


def test_published_bloom_emissions() -> None:
    """Luccioni, Viguier, Ligozat, "Estimating the Carbon Footprint of BLOOM", JMLR 24(253) 2023,
    section 4.2: 433,196 kWh at 57 gCO2e/kWh are 24.69 t; with PUE 1.2 about 30 t (Table 4)."""
    energy = Estimate.exact(433_196 * 3.6e6, "J", Basis.CONSTANT, "BLOOM, Table 1")
    intensity = Estimate.exact(57.0, "gCO2e/kWh", Basis.DECLARED, "BLOOM, section 4.2")
    factor = grid_factor("FRA", declared=intensity)
    carbon = operational_kgco2e(energy, factor)
    assert carbon.unit == "kgCO2e"
    assert carbon.value == pytest.approx(24_690, rel=2e-4)
    assert carbon.basis is Basis.MODELLED
    pue = Estimate.exact(1.2, "", Basis.DECLARED, "BLOOM, Table 4")
    assert operational_kgco2e(energy, factor, pue).value == pytest.approx(30_000, rel=0.015)


def test_absent_energy_has_absent_emissions_with_the_reason() -> None:
    carbon = operational_kgco2e(Estimate.absent("J", "no meter"), grid_factor("KEN"))
    assert carbon.value is None
    assert carbon.source == "no meter"


def test_the_tables_are_read_without_importing_codecarbon_or_pandas() -> None:
    script = (
        "import sys; from ecoaudit.factors.grid import grid_factor; grid_factor('KEN');"
        "print(sorted({'codecarbon', 'pandas', 'requests', 'numpy'} & set(sys.modules)))"
    )
    result = subprocess.run(
        [sys.executable, "-c", script], capture_output=True, text=True, check=True
    )
    assert result.stdout.strip() == "[]"
