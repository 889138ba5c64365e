"""The tier table: the bands of planning practice, and figures that lie inside them."""

from __future__ import annotations

import pytest

from ecoaudit.errors import NotFoundError
from ecoaudit.scenario import available_profiles
from ecoaudit.scenario.tiers import TIERS, Band, find_tier
from ecoaudit.units import parse_quantity

# Supply for IT, electricity of a day, capital; None: the table has no such end.
BANDS = {
    "T0": (("100 W", None), ("0.5 kWh", "1 kWh"), ("0 USD", "1000 USD")),
    "T1": (("300 W", "500 W"), ("1 kWh", "3 kWh"), ("1000 USD", "5000 USD")),
    "T2": (("900 W", "1400 W"), ("5 kWh", "10 kWh"), ("3000 USD", "15000 USD")),
    "T3": (("3 kW", None), ("20 kWh", "50 kWh"), ("15000 USD", "80000 USD")),
    "T4": (("10 kW", None), ("100 kWh", None), ("80000 USD", "500000 USD")),
    "T5": (("20 kW", None), (None, None), ("200000 USD", None)),
}


@pytest.mark.parametrize("name", sorted(BANDS))
def test_each_tier_has_the_bands_of_the_table(name: str) -> None:
    tier = TIERS[name]
    for dimension, band, ends in zip(
        ("power", "energy", "money"),
        (tier.power, tier.energy, tier.budget),
        BANDS[name],
        strict=True,
    ):
        value = parse_quantity(band.value, dimension)
        low, high = (None if end is None else parse_quantity(end, dimension) for end in ends)
        assert low is None or value >= low
        assert high is None or value <= high
        if band.low:
            assert parse_quantity(band.low, dimension) == low
        if band.high:
            assert parse_quantity(band.high, dimension) == high
    assert tier.work in available_profiles("workloads")


def test_tiers_grow() -> None:
    powers = [parse_quantity(tier.power.value, "power") for tier in TIERS.values()]
    energies = [parse_quantity(tier.energy.value, "energy") for tier in TIERS.values()]
    assert powers == sorted(powers)
    assert energies == sorted(energies)
    # the night of a 2-kWp post: a computer at rest all day must leave something to work with
    assert parse_quantity(TIERS["T1"].host.idle_power.value, "power") * 86400 < energies[1]


def test_only_a_rack_server_states_how_many_cards_it_takes() -> None:
    found = {name: tier.host.slots for name, tier in TIERS.items() if tier.host.slots}
    assert found == {"T4": Band("4", "2", "8"), "T5": Band("4", "2", "8")}


def test_a_tier_is_found_by_its_id() -> None:
    assert find_tier(" t3 ").name == "District hospital"
    with pytest.raises(NotFoundError, match="no tier 'T9'; known: T0, T1"):
        find_tier("T9")


def test_a_band_is_said_as_it_is() -> None:
    assert Band("2 W", "1 W", "3 W").said == "1 W to 3 W"
    assert Band("2 W", "1 W").said == "1 W and more"
    assert Band("2 W").said == "2 W"
