"""Profiles: the bundled ones read, broken ones say file, line, key and what was expected."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
import yaml

from ecoaudit.errors import NotFoundError, ProfileError
from ecoaudit.estimate import Basis, Estimate
from ecoaudit.scenario import (
    KINDS,
    Lookups,
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


def said_of(path: Path, old: str, new: str, load: Callable[[Path], object]) -> str:
    """What ``load`` says of a file whose first ``old`` is ``new``."""
    text = path.read_text()
    assert old in text
    path.write_text(text.replace(old, new, 1))
    with pytest.raises(ProfileError) as caught:
        load(path)
    return str(caught.value)


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
        ("country: KEN", "country: ' '", 2, "country: expected some text; got ' '"),
        ("name: Test site", 'name: ""', 1, "name: expected some text; got ''"),
    ],
)
def test_a_broken_site_says_where_and_what(
    folder: Path, old: str, new: str, line: int, said: str
) -> None:
    path = folder / "site.yaml"
    message = said_of(path, old, new, load_site)
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
        ("budget:", "bench: {levels: []}\nbudget:", 9, "bench.levels: expected one or more"),
        ("budget:", "weights: []\nbudget:", 9, "weights: expected one or more; leave the key out"),
        ("budget:", 'models: [""]\nbudget:', 9, "models.0: expected some text; got ''"),
        ("name: Test", 'name: ""', 1, "name: expected some text; got ''"),
    ],
)
def test_a_broken_scenario_says_where_and_what(
    folder: Path, old: str, new: str, line: int, said: str
) -> None:
    path = folder / "scenario.yaml"
    message = said_of(path, old, new, load_scenario)
    assert message.startswith(f"{path}:{line}: ")
    assert said in message
    assert "\n" not in message


def _one_of(*known: str) -> Callable[[str], str]:
    def find(name: str) -> str:
        if name not in known:
            raise NotFoundError(f"no {name!r}")
        return name

    return find


def _grid(country: str, region: str | None = None) -> None:
    if (country, region) not in (("KEN", None), ("USA", None), ("USA", "texas")):
        raise NotFoundError(f"no {region or country!r}")


LOOKUPS = Lookups(
    model=_one_of("a/small"), scored=_one_of("a/small"), device=_one_of("L4"), grid=_grid
)


QUALITY = "models: [a/small, {name: Mine}]\nquality: {metric: x, minimum: 0.5, scores: {%s}}\n"


def test_a_score_stands_under_its_models_own_name(folder: Path) -> None:
    path = folder / "scenario.yaml"
    text = path.read_text()
    lookups = Lookups(scored=lambda name: "a/small" if name == "small" else name)
    path.write_text(text + QUALITY % "small: 0.7, Mine: 0.6")
    quality = load_scenario(path, lookups).quality
    assert quality is not None
    assert {name: score.number for name, score in quality.scores.items()} == {
        "a/small": 0.7,
        "Mine": 0.6,
    }
    path.write_text(text + QUALITY % "a/small: 0.7, small: 0.6")
    with pytest.raises(ProfileError, match=r"quality\.scores\.small: 'a/small' has another score"):
        load_scenario(path, lookups)


@pytest.mark.parametrize(
    ("file", "old", "new", "place"),
    [
        ("scenario", "budget:", "models:\n  - a/small\n  - a/smal\nbudget:", "11: models.1: no 'a"),
        (
            "scenario",
            "budget:",
            "quality:\n  metric: x\n  minimum: 0.5\n  scores:\n    a/smal: 0.7\nbudget:",
            "13: quality.scores.a/smal: no 'a/smal'",
        ),
        ("scenario", "budget:", "hardware: [L4, L5]\nbudget:", "9: hardware.1: no 'L5'"),
        ("site", "country: KEN", "country: KEM", "2: country: no 'KEM'"),
        ("site", "country: KEN", "country: USA\nregion: texass", "3: region: no 'texass'"),
    ],
)
def test_a_name_that_no_table_holds_is_told_with_its_line(
    folder: Path, file: str, old: str, new: str, place: str
) -> None:
    path = folder / f"{file}.yaml"
    path.write_text(path.read_text().replace(old, new, 1))
    load_scenario(folder / "scenario.yaml")  # any name will do until it is looked up
    with pytest.raises(ProfileError) as caught:
        load_scenario(folder / "scenario.yaml", LOOKUPS)
    assert str(caught.value).startswith(f"{path}:{place}")


def test_names_that_do_not_matter_are_not_looked_up(folder: Path) -> None:
    text = SCENARIO + "models: [mine]\nhardware: [mine]\n"
    (folder / "scenario.yaml").write_text(text)
    assert load_scenario(folder / "scenario.yaml", Lookups(grid=_grid)).models == ["mine"]
    own = SITE.replace("country: KEN", "country: XKX\ngrid_intensity: 70 gCO2e/kWh")
    (folder / "site.yaml").write_text(own)
    assert load_site(folder / "site.yaml", LOOKUPS).country == "XKX"


def test_a_place_inside_the_scenario_is_told_with_its_line(folder: Path) -> None:
    site = SITE.replace("KEN", "KEM").replace("\n", "\n  ").rstrip()
    (folder / "inline.yaml").write_text(SCENARIO.replace("site: site.yaml", f"site:\n  {site}"))
    with pytest.raises(ProfileError, match=r"inline\.yaml:4: site\.country: no 'KEM'"):
        load_scenario(folder / "inline.yaml", LOOKUPS)


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
