"""Carbon intensity of electricity, by country and region, and what it makes of energy.

Nothing here looks up where the computer stands: the place is given or the figure says that it is
the world's average. A country's value is that of codecarbon's table; where Ember's figure for it
(``ember.csv``) lies outside the interval, the interval is widened to hold it.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace
from difflib import get_close_matches
from functools import cache
from typing import Any, Final

from ecoaudit.errors import NotFoundError, UsageError, did_you_mean
from ecoaudit.estimate import Basis, Estimate
from ecoaudit.factors.codecarbon_data import load_json, version
from ecoaudit.factors.table import FOLDER, Column, Fact, read_table
from ecoaudit.statistics import percentile
from ecoaudit.units import J_PER_KWH

UNIT = "gCO2e/kWh"
_COUNTRIES = "private_infra/global_energy_mix.json"
_WORLD = "private_infra/carbon_intensity_per_source.json"
_USA = "private_infra/2023/usa_emissions.json"
_CHINA = "private_infra/2023/china_provincial_emissions.json"
_NORDIC = "private_infra/nordic_emissions.json"
_NORDIC_ZONES = {"SWE": "SE", "NOR": "NO"}  # Finland's zone is the country, with an older value
_G_PER_LB = 453.59237

# Tables of different makers differ by 10 to 30 % for one country and year.
_DOUBT = 0.2
_DOUBT_TEXT = "+-20 % because sources differ by 10 to 30 % for one place"
_LICENCE = "MIT (codecarbon's copy); CC BY 4.0 (Our World in Data, Ember)"
_DECLARE = "declare the intensity with its source (grid_intensity in a site profile)"
_EMBER: Final[dict[str, Column]] = {
    "name": Column(required=True),
    "place": Column(required=True),
    "intensity": Column(dimension="grid carbon intensity", required=True),
    "intensity_year": Column(required=True),
    "source": Column(required=True),
}


@dataclass(frozen=True, slots=True)
class GridFactor:
    """The carbon intensity of one grid zone.

    Attributes:
        zone: ISO 3166-1 alpha-3 code, with the region after a slash; ``world``; ``declared``.
        intensity: [gCO2e/kWh].
        year: the year the figure stands for; None when it was declared.
        scope: what is counted, such as ``life cycle``.
        source: the table and its maker.
        fallback: whether this stands in for a place that was not given.
        licence: of the tables; empty: the user's own figure.
    """

    zone: str
    intensity: Estimate
    year: int | None
    scope: str
    source: str
    fallback: bool
    licence: str = ""


@dataclass(frozen=True, slots=True)
class EmberRow:
    """One country of Ember's table.

    Attributes:
        place: its name.
        intensity: [gCO2e/kWh], with year, source and licence.
    """

    place: str
    intensity: Fact


def grid_factor(
    country: str | None,
    region: str | None = None,
    declared: Estimate | None = None,
    *,
    fallback: bool = True,
) -> GridFactor:
    """The carbon intensity at a place.

    Args:
        country: ISO 3166-1 alpha-3 code; None gives the world's average, marked ``fallback``.
        region: a region that the tables hold, such as ``california`` or ``SE1``.
        declared: the user's own figure [gCO2e/kWh], which wins over the tables.
        fallback: whether the world's average may stand in where no place is given.

    Raises:
        NotFoundError: a place that no table holds; there is no silent step up to a larger one.
        UsageError: a region without a country, a declared figure in another unit, or no country
            where ``fallback`` is False.
    """
    if declared is not None:
        return _declared(declared, country, region)
    if country is None:
        if region is not None:
            raise UsageError(f"region {region!r} needs its country, such as USA")
        if not fallback:
            raise UsageError(
                "no country is given, and the world's average does not stand in for it here: give"
                f" the site's country, or {_DECLARE}"
            )
        return _world()
    code = _country_code(country)
    return _country(code) if region is None else _region(code, region)


def operational_kgco2e(
    energy: Estimate, factor: GridFactor, pue: Estimate | None = None
) -> Estimate:
    """Operational emissions: O = E x PUE x I.

    The operational term of the Software Carbon Intensity, O = E x I, where E includes the
    facility's overhead: Green Software Foundation, SCI Specification 1.1 = ISO/IEC 21031:2024.

    Args:
        energy: electricity at the IT equipment [J].
        factor: the grid's carbon intensity.
        pue: facility energy over IT energy (ISO/IEC 30134-2) [1]; None counts no overhead.

    Returns:
        Emissions [kgCO2e]; absent when the energy is.
    """
    energy_kwh = energy.converted(1 / J_PER_KWH, "kWh")
    if pue is not None:
        energy_kwh = energy_kwh.times(pue, "kWh")
    return energy_kwh.times(factor.intensity, "gCO2e").converted(1e-3, "kgCO2e")


def describe_table() -> str:
    """What the grid table holds, for people.

    Raises:
        NotFoundError: codecarbon is not installed.
    """
    rows = load_json(_COUNTRIES).values()
    years = sorted(row["year"] for row in rows)
    return (
        f"{len(years)} countries, most of them for {years[len(years) // 2]}"
        f" (codecarbon {version()}, from Our World in Data and Ember)"
    )


@cache
def ember() -> dict[str, EmberRow]:
    """Ember's figures by country code, for the latest year that it has."""
    return {
        row.words["name"]: EmberRow(row.words["place"], row.facts["intensity"])
        for row in read_table(FOLDER / "ember.csv", _EMBER)
    }


def _declared(declared: Estimate, country: str | None, region: str | None) -> GridFactor:
    if declared.unit != UNIT:
        raise UsageError(f"a grid intensity is given in {UNIT}, got {declared.unit}")
    zone = "/".join(part for part in (country and country.upper(), region) if part)
    return GridFactor(zone or "declared", declared, None, "as declared", declared.source, False)


def _world() -> GridFactor:
    table = load_json(_WORLD)
    countries = [row["carbon_intensity"] for row in load_json(_COUNTRIES).values()]
    source = (
        f"world average for want of a country (codecarbon {version()}, IEA 2019 for 2018,"
        f" {table['world_average_source']}), interval: 10th to 90th percentile of countries"
    )
    intensity = Estimate(
        float(table["world_average"]),
        percentile(countries, 10),
        percentile(countries, 90),
        UNIT,
        Basis.CONSTANT,
        source,
    )
    return GridFactor("world", intensity, 2018, "CO2 of generation", source, True)


def _country_code(country: str) -> str:
    """The alpha-3 code as the tables write it, or an error that names near ones."""
    names = {row["country_name"]: code for code, row in load_json(_COUNTRIES).items()}
    names |= {row.place: code for code, row in ember().items() if code not in names.values()}
    code = country.strip().upper()
    if code in names.values():
        return code
    folded = {name.casefold(): name for name in names}
    near = get_close_matches(country.strip().casefold(), folded, n=3, cutoff=0.75)
    if near and near[0] == country.strip().casefold():
        hint = f"give its code {names[folded[near[0]]]!r}."
    elif near:
        meant = (f"{names[folded[name]]!r} ({folded[name]})" for name in near)
        hint = "did you mean " + " or ".join(meant) + "?"
    else:
        hint = did_you_mean(code, names.values())
    raise NotFoundError(
        f"country {country!r}: expected a three-letter country code (ISO 3166-1 alpha-3) that the"
        f" grid table holds; {hint} Otherwise {_DECLARE}"
    )


def _country(code: str) -> GridFactor:
    row = load_json(_COUNTRIES).get(code)
    if row is None:
        only = ember()[code]
        fact = only.intensity
        found = _constant(code, fact.value, fact.year, "life cycle", _cited(fact), only.place)
        return replace(found, licence=fact.licence)
    value, year = float(row["carbon_intensity"]), int(row["year"])
    if value <= 0:
        raise NotFoundError(
            f"country {code!r}: the grid table holds {value:g} {UNIT}, which no supply has over"
            f" its life cycle; {_DECLARE}"
        )
    origin = f"codecarbon {version()}, global_energy_mix.json from Our World in Data and Ember"
    factor = _constant(code, value, year, "life cycle", origin, row["country_name"])
    second = ember().get(code)
    return factor if second is None else _widened(factor, second.intensity)


def _cited(fact: Fact) -> str:
    return f"{fact.source}, {fact.licence}"


def _widened(factor: GridFactor, other: Fact) -> GridFactor:
    """The same factor with an interval that holds a second source's figure too."""
    value, low, high = factor.intensity.numbers
    source = f"{factor.source[:-1]}; {other.value:g} {UNIT} in {other.year} by {_cited(other)})"
    intensity = Estimate(
        value, min(low, other.value), max(high, other.value), UNIT, Basis.CONSTANT, source
    )
    return replace(factor, intensity=intensity, source=source)


def _region(code: str, region: str) -> GridFactor:
    word = region.strip().casefold()
    known: dict[str, str] = {}
    for names, factor in _regions(code):
        if word in names:
            return _constant(**factor)
        known[names[0]] = ""
    if known:
        raise NotFoundError(f"region {region!r} of {code}: {did_you_mean(word, known)}")
    raise NotFoundError(
        f"region {region!r} of {code}: the tables hold no intensity for regions of this country;"
        f" leave the region out to use the country's figure, or {_DECLARE}"
    )


def _regions(code: str) -> Iterator[tuple[list[str], dict[str, Any]]]:
    """The regions of a country: names by which each is known, and its row."""
    if code == "USA":
        origin = f"codecarbon {version()}, EPA eGRID2023 state output emission rate (STC2ERTA)"
        for name, row in load_json(_USA).items():
            if name.startswith("_") or name == "usa":
                continue
            yield (
                [name, row["regionCode"].casefold()],
                {
                    "zone": f"USA/{name}",
                    "value": row["emissions"] * _G_PER_LB / 1000,  # lbs/MWh
                    "year": 2023,
                    "scope": "direct emissions of generation",
                    "origin": origin,
                    "place": name.title(),
                },
            )
    elif code == "CHN":
        origin = f"codecarbon {version()}, MEE and NBS Announcement 2025 No. 47"
        for key, row in load_json(_CHINA)["data"].items():
            yield (
                [*row["names"], key.casefold()],
                {
                    "zone": f"CHN/{row['names'][0]}",
                    "value": row["emission_factor"],
                    "year": row["year"],
                    "scope": "direct CO2 of generation, no other gases",
                    "origin": origin,
                    "place": row["description"],
                },
            )
    elif code in _NORDIC_ZONES:
        origin = f"codecarbon {version()}, nordic_emissions.json from ENTSO-E"
        for key, row in load_json(_NORDIC)["data"].items():
            if key.startswith(_NORDIC_ZONES[code]):
                yield (
                    [key.casefold()],
                    {
                        "zone": f"{code}/{key}",
                        "value": row["emission_factor"],
                        "year": row["year"],
                        "scope": "life cycle, generation in the zone",
                        "origin": origin,
                        "place": row["description"],
                    },
                )


def _constant(
    zone: str, value: float, year: int, scope: str, origin: str, place: str
) -> GridFactor:
    source = f"grid of {place} {year}, {scope} ({origin}, {_DOUBT_TEXT})"
    intensity = Estimate.within(value, _DOUBT, UNIT, Basis.CONSTANT, source)
    return GridFactor(zone, intensity, year, scope, source, False, _LICENCE)
