"""Profiles: the bundled ones read, broken ones say file, line, key and what was expected."""

from __future__ import annotations

import dataclasses
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import yaml

from ecoaudit.errors import NotFoundError, ProfileError
from ecoaudit.estimate import Basis, Estimate
from ecoaudit.scenario import (
    KINDS,
    available_profiles,
    find_profile,
    load_scenario,
    load_site,
    load_workload,
)

SITE = """\
name: Test site
country: KEN
circuit_power: 500 W
energy_per_day: {value: 5 kWh, low: 4 kWh, high: 6 kWh, source: "meter, 2026"}
tariff: 0.36 USD/kWh
pue: 1.2
host:
  price: 1000 USD
  idle_power: 40 W
  busy_power: 80 W
  peak_power: 200 W
"""
SCENARIO = """\
name: Test
site: site.yaml
workload: ambient-note
demand:
  clinicians: 4
  opening: 8 h
  days_per_year: 250
  peak_factor: 2
budget: 9000 USD
"""


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    (tmp_path / "site.yaml").write_text(SITE)
    (tmp_path / "scenario.yaml").write_text(SCENARIO)
    return tmp_path


def test_the_bundled_profiles_are_three_of_each_kind() -> None:
    for kind in KINDS:
        assert len(available_profiles(kind)) >= 3


def _figures(thing: Any) -> Iterator[Estimate]:
    if isinstance(thing, Estimate):
        yield thing
    elif dataclasses.is_dataclass(thing):
        for field in dataclasses.fields(thing):
            yield from _figures(getattr(thing, field.name))


@pytest.mark.parametrize("name", sorted(available_profiles("scenarios")))
def test_each_figure_of_a_bundled_scenario_carries_its_source(name: str) -> None:
    scenario = load_scenario(name)
    parts = (scenario.site, scenario.workload, scenario.demand, scenario.budget)
    figures = [figure for part in parts for figure in _figures(part)]
    assert len(figures) >= 20
    for figure in figures:
        assert figure.basis is Basis.DECLARED
        assert "declared in" not in figure.source, figure
        assert len(figure.source) > 5


def test_values_come_in_house_units_with_interval_and_source(folder: Path) -> None:
    site = load_site(folder / "site.yaml")
    assert site.id == "site"
    assert site.circuit_power == Estimate.exact(500.0, "W", Basis.DECLARED, "declared in site.yaml")
    assert (site.energy_per_day.value, site.energy_per_day.low) == (1.8e7, 1.44e7)
    assert site.energy_per_day.source == "meter, 2026"
    assert site.tariff.value == pytest.approx(1e-7)
    assert site.host.price.unit == "USD"


def test_a_scenario_finds_its_site_beside_it_and_its_workload_by_name(folder: Path) -> None:
    scenario = load_scenario(folder / "scenario.yaml")
    assert scenario.site.name == "Test site"
    assert scenario.workload.id == "ambient-note"
    assert scenario.requests_per_day.value == 4 * 19
    # 76 requests in 8 h, twice as many in the busiest hour
    assert scenario.requests_per_peak_second.value == pytest.approx(76 / 28800 * 2)


def test_a_site_can_stand_inside_the_scenario(folder: Path) -> None:
    inline = yaml.safe_load(SCENARIO) | {"site": yaml.safe_load(SITE)}
    (folder / "inline.yaml").write_text(yaml.safe_dump(inline))
    assert load_scenario(folder / "inline.yaml").site.id == "inline-site"


@pytest.mark.parametrize(
    ("old", "new", "line", "said"),
    [
        ("circuit_power:", "circut_power:", 3, "unknown key; did you mean 'circuit_power'?"),
        ("500 W", "500 kWh", 3, "circuit_power: expected a power"),
        ("500 W", "500", 3, "bare number 500"),
        ("1000 USD", "-1000 USD", 8, "host.price: expected at least 0 USD; got '-1000 USD'"),
        ("idle_power", "idel_power", 9, "host.idel_power: unknown key; did you mean 'idle_power'"),
        ("pue: 1.2", "pue: 0.9", 6, "pue: expected at least 1"),
        ("pue: 1.2", "pue: yes", 6, "pue: expected a number; got True"),
        ("low: 4 kWh", "low: 7 kWh", 4, "expected low <= value <= high"),
        ("low: 4", "lo: 4", 4, "expected the keys value, low, high and source"),
        ("name: Test site", "name: [Test", 2, "not YAML"),
        ("country: KEN\n", "country: KEN\ncountry: UGA\n", 3, "country: this key stands twice"),
        ("country: KEN\n", "", 1, "country: this key is missing"),
        ("country: KEN", "country: 7", 2, "country: "),
    ],
)
def test_a_broken_site_says_where_and_what(
    folder: Path, old: str, new: str, line: int, said: str
) -> None:
    path = folder / "site.yaml"
    assert old in SITE
    path.write_text(SITE.replace(old, new, 1))
    with pytest.raises(ProfileError) as caught:
        load_site(path)
    message = str(caught.value)
    assert message.startswith(f"{path}:{line}: ")
    assert said in message
    assert "\n" not in message


@pytest.mark.parametrize(
    ("old", "new", "line", "said"),
    [
        ("site.yaml", "nowhere.yaml", 2, "site: nowhere.yaml: no such file"),
        ("ambient-note", "ambient-notes", 3, "did you mean 'ambient-note'"),
        ("budget: 9000 USD", "budget: -1 USD", 9, "budget: expected at least 0 USD"),
        ("budget: 9000 USD", "budget: 9000 W", 9, "'W' is a unit of power"),
        ("clinicians: 4", "clinicians: 0", 5, "demand.clinicians: expected more than 0"),
        ("demand:", "demand: [1, 2]\nother:", 4, "demand: expected keys and values"),
        ("opening: 8 h", "opening: 25 h", 6, "expected at most 86400 s"),
        ("budget:", "weights: [bf17]\nbudget:", 9, "weights"),
        ("budget:", "bench: {levels: [0]}\nbudget:", 9, "bench.levels"),
    ],
)
def test_a_broken_scenario_says_where_and_what(
    folder: Path, old: str, new: str, line: int, said: str
) -> None:
    path = folder / "scenario.yaml"
    assert old in SCENARIO
    path.write_text(SCENARIO.replace(old, new, 1))
    with pytest.raises(ProfileError) as caught:
        load_scenario(path)
    assert str(caught.value).startswith(f"{path}:{line}: ")
    assert said in str(caught.value)


def test_an_error_in_the_site_names_the_sites_file(folder: Path) -> None:
    (folder / "site.yaml").write_text(SITE.replace("500 W", "500 V"))
    with pytest.raises(ProfileError, match=r"site\.yaml:3: circuit_power"):
        load_scenario(folder / "scenario.yaml")


@pytest.mark.parametrize("text", ["", "- a\n- b\n", "just text"])
def test_a_file_without_keys_is_refused(tmp_path: Path, text: str) -> None:
    path = tmp_path / "x.yaml"
    path.write_text(text)
    with pytest.raises(ProfileError, match="expected keys and values"):
        load_site(path)


@pytest.mark.parametrize("text", ["name: &a [*a]\n", "a: " + "[" * 5000, "[" * 3000 + "]" * 3000])
def test_nesting_without_end_is_refused(tmp_path: Path, text: str) -> None:
    path = tmp_path / "x.yaml"
    path.write_text(text)
    with pytest.raises(ProfileError, match=r"x\.yaml"):
        load_site(path)


def test_no_such_profile() -> None:
    with pytest.raises(NotFoundError, match="did you mean 'ambient-note'"):
        load_workload("ambient-nota")
    with pytest.raises(NotFoundError, match="no such file"):
        load_scenario("nowhere/x.yaml")


def test_the_working_folder_wins_over_the_bundled_profiles(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    own = tmp_path / "profiles" / "sites" / "urban-clinic.yaml"
    own.parent.mkdir(parents=True)
    own.write_text(SITE)
    monkeypatch.chdir(tmp_path)
    assert load_site("urban-clinic").name == "Test site"
    assert find_profile("sites", "urban-clinic") == Path("profiles/sites/urban-clinic.yaml")
