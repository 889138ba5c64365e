"""``ecoaudit profiles new``: a scenario from a tier and a few answers, planned as it is."""

from __future__ import annotations

import json
import sys
import time
from pathlib import Path

import pytest
from click.testing import CliRunner, Result

from ecoaudit.cli import cli
from ecoaudit.errors import EcoauditError, NotFoundError, UsageError
from ecoaudit.estimate import Basis
from ecoaudit.scenario import load_scenario
from ecoaudit.scenario.tiers import TIERS
from tests.cli.conftest import Ecoaudit
from tests.standins.terminal import Terminal


@pytest.fixture(autouse=True)
def elsewhere(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)


def new(*arguments: str) -> Result:
    return CliRunner().invoke(cli, ["profiles", "new", *arguments])


@pytest.mark.parametrize("tier", TIERS)
def test_the_file_of_each_tier_is_planned_as_it_is(tier: str, ecoaudit: Ecoaudit) -> None:
    made = ecoaudit("profiles", "new", "--tier", tier)
    assert made.returncode == 0, made.stderr
    path = made.stdout.strip()
    assert made.stderr == f"Next: ecoaudit plan {path}\n"
    text = Path(path).read_text("utf-8")
    assert "tokens" not in text  # only words of a clinic
    plan = ecoaudit("plan", path, "--json", "--models", "Qwen3-0.6B,Qwen3-8B")
    assert plan.returncode == 0, plan.stderr
    (assumed,) = (d for d in json.loads(plan.stdout)["doubts"] if d["code"] == "assumed-figures")
    assert "demand.clinicians" in assumed["message"]
    assert "site.energy_per_day" in assumed["message"]


def test_answers_of_a_clinic_are_in_the_scenario(ecoaudit: Ecoaudit) -> None:
    answers = {
        "country": "KEN",
        "work": "skills-chat",
        "clinicians": "4",
        "patients": "12",
        "languages": "English 60, Amharic 40",
        "hours": "10",
        "days": "200",
        "supply": "grid",
        "power": "1.2 kW",
        "energy": "6",
        "tariff": "0.2",
        "budget": "9000",
        "data_may_leave": "yes",
    }
    given = [word for key, value in answers.items() for word in ("--answer", f"{key}={value}")]
    made = ecoaudit(
        "profiles", "new", "--tier", "T1", "--name", 'Hill: "#1" é', "-o", "h.yaml", *given
    )
    assert made.returncode == 0, made.stderr
    scenario = load_scenario("h.yaml")
    assert scenario.name == scenario.site.name == 'Hill: "#1" é'
    assert scenario.site.country == "KEN"
    assert scenario.site.grid_intensity is None
    assert scenario.workload.turns.number == 36.5
    assert {code: share.number for code, share in scenario.workload.languages.items()} == {
        "en": 0.6,
        "am": 0.4,
    }
    assert scenario.requests_per_day.number == 4 * 12 * 11  # eleven messages of each patient
    assert scenario.demand.opening.number == 36_000
    assert scenario.demand.days_per_year.number == 200
    assert scenario.site.circuit_power.number == 1200
    assert scenario.site.energy_per_day.number == 6 * 3.6e6
    assert scenario.site.tariff.number == pytest.approx(0.2 / 3.6e6)
    assert scenario.budget.number == 9000
    assert not scenario.site.data_must_stay
    for figure in (scenario.budget, scenario.site.circuit_power, scenario.demand.clinicians):
        assert figure.basis is Basis.DECLARED
        assert figure.source == "as answered when this file was made"
    plan = ecoaudit("plan", "h.yaml", "--models", "Qwen3-4B")
    assert plan.returncode == 0, plan.stderr


def test_what_was_not_answered_says_that_it_is_assumed() -> None:
    assert new("--tier", "T1").exit_code == 0
    scenario = load_scenario("rural-clinic")
    site = scenario.site
    assert site.energy_per_day.numbers == (2 * 3.6e6, 3.6e6, 3 * 3.6e6)
    for figure in (site.energy_per_day, site.circuit_power, scenario.budget, site.host.price):
        assert figure.source.startswith("assumed: ")
    assert "planning tier T1, 1 kWh to 3 kWh a day for IT" in site.energy_per_day.source
    assert site.country == "WLD"
    assert scenario.demand.requests_per_clinician is None


def test_without_a_country_the_grid_is_the_worlds_and_said_to_be_assumed() -> None:
    assert new("--tier", "T3").exit_code == 0
    intensity = load_scenario("district-hospital").site.grid_intensity
    assert intensity is not None
    assert intensity.source.startswith("assumed: the world's mean")
    value, low, high = intensity.numbers
    assert low < value < high
    assert new("--tier", "T3", "--answer", "country=Kenya").exit_code == 1
    assert new("--tier", "T3", "--answer", "country=ken", "-o", "k.yaml").exit_code == 0
    assert load_scenario("k.yaml").site.country == "KEN"


def test_the_night_has_no_peak() -> None:
    assert new("--tier", "T3", "--answer", "work=batch-night", "-o", "n.yaml").exit_code == 0
    demand = load_scenario("n.yaml").demand
    assert (demand.opening.number, demand.peak_factor.number) == (36_000, 1)


def test_it_can_be_printed() -> None:
    result = new("--tier", "T2", "-o", "-")
    assert result.output.startswith("# Begun by `ecoaudit profiles new --tier T2` (Urban clinic")
    assert list(Path().iterdir()) == []


def test_nothing_is_overwritten_unasked() -> None:
    Path("mine.yaml").write_text("precious")
    error = new("--tier", "T2", "-o", "mine.yaml").exception
    assert isinstance(error, UsageError)
    assert str(error) == "mine.yaml: exists; --force overwrites it"
    assert Path("mine.yaml").read_text() == "precious"
    assert new("--tier", "T2", "-o", "mine.yaml", "--force").exit_code == 0
    assert load_scenario("mine.yaml").name == "Urban clinic"
    assert [path.name for path in Path().iterdir()] == ["mine.yaml"]


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (("--tier", "T7"), "no tier 'T7'"),
        (
            ("--tier", "T1", "--answer", "clinicians"),
            "--answer: expected KEY=VALUE; got 'clinicians'",
        ),
        (("--tier", "T1", "--answer", "clinican=3"), "no question 'clinican'; did you mean"),
        (("--tier", "T1", "--answer", "clinicians=x"), "clinicians: expected a number over 0"),
        (("--tier", "T1", "--answer", "name=a", "--name", "b"), "--answer name: given twice"),
        (("--tier", "T1", "--answer", "country=KEM"), "country 'KEM': expected a three-letter"),
        (("--tier", "T1", "--answer", "languages=Klingon"), "no language 'Klingon'"),
        (("--tier", "T1", "-o", "x.toml"), "x.toml: expected a name that ends in .yaml"),
        (("--tier", "T1", "-o", "."), ".: is a folder; give a file"),
    ],
)
def test_what_cannot_be_used_writes_nothing(arguments: tuple[str, ...], said: str) -> None:
    error = new(*arguments).exception
    assert isinstance(error, EcoauditError)
    assert str(error).startswith(said)
    assert list(Path().iterdir()) == []


def test_a_workload_with_languages_of_its_own_keeps_them() -> None:
    assert CliRunner().invoke(cli, ["profiles", "copy", "screening"]).exit_code == 0
    own = Path("profiles/workloads/screening.yaml")
    own.write_text(own.read_text("utf-8") + "languages: {en: 0.5, es: 0.5}\n")
    error = new("--tier", "T1", "--answer", "languages=am").exception
    assert isinstance(error, UsageError)
    assert "the workload 'screening' states its own" in str(error)
    assert new("--tier", "T1").exit_code == 0
    assert len(load_scenario("rural-clinic").workload.languages) == 2


def test_a_country_that_the_table_does_not_hold_is_not_found() -> None:
    assert isinstance(new("--tier", "T2", "--answer", "country=ZZZ").exception, NotFoundError)


def test_on_a_terminal_it_asks_and_asks_again(tmp_path: Path) -> None:
    program = [sys.executable, "-m", "ecoaudit", "profiles", "new", "--tier", "T2"]
    with Terminal(program, tmp_path, rows=50, columns=120) as terminal:

        def answer(question: str, typed: str) -> None:
            terminal.until(lambda: any(question in row for row in terminal.rows()))
            terminal.type(f"{typed}\r")

        answer("What is the clinic called [Urban clinic]:", "Hill")
        answer("Its country", "KEN")
        answer("What should the model do", "")
        answer("How many clinicians", "many")
        terminal.until(
            lambda: any("Error: clinicians: expected a number" in r for r in terminal.rows())
        )
        terminal.type("3\r")
        answer("patients or cases has each of them on such a day [5]", "")
        answer("Which languages", "Swahili")
        answer("How many hours", "")
        answer("grid or solar [grid]", "")
        answer("How many watts", "")
        answer("How many kWh", "6")
        answer("How much may be spent", "7000")
        answer("leave the site, yes or no [no]", "")
        assert terminal.wait() == 0
    scenario = load_scenario("profiles/scenarios/hill.yaml")
    assert (scenario.name, scenario.site.country) == ("Hill", "KEN")
    assert scenario.demand.clinicians.number == 3
    assert scenario.demand.requests_per_clinician is None  # Enter keeps the preset's figure
    assert list(scenario.workload.languages) == ["sw"]
    assert scenario.site.energy_per_day.number == 6 * 3.6e6
    assert scenario.site.circuit_power.source.startswith("assumed: planning tier T2")
    assert scenario.budget.source == "as answered when this file was made"


def test_an_interrupted_talk_writes_nothing(tmp_path: Path) -> None:
    program = [sys.executable, "-m", "ecoaudit", "profiles", "new", "--tier", "T2"]
    with Terminal(program, tmp_path) as terminal:
        terminal.until(lambda: any("called" in row for row in terminal.rows()))
        ended = False
        while not ended:  # Ctrl-C in the moment before it listens is seen with the next key
            terminal.type("\x03")
            end_s = time.monotonic() + 2
            while not ended and time.monotonic() < end_s:
                ended = not terminal.read()
        assert terminal.wait() == 130
    assert list(tmp_path.iterdir()) == []
