"""``ecoaudit explain``: what is printed gives the figure again, and an edited file is told."""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import Any

import pytest

from ecoaudit.formulas import Formula
from tests.cli.conftest import Ecoaudit
from tests.explaining.samples import DATA, LEDGERS

RUN = DATA / "district-hospital-notes.run.json"
INPUT = re.compile(r"^  (\w+) = (\S+)", re.MULTILINE)


@pytest.fixture
def ledger(tmp_path: Path) -> Path:
    return LEDGERS["clinic"]().save(tmp_path / "ledger.json")


@pytest.fixture
def plan(ecoaudit: Ecoaudit, tmp_path: Path) -> Path:
    models = ("--models", "Qwen3-0.6B,Qwen3-1.7B", "--hardware", "L4,Strix Halo")
    assert ecoaudit("plan", "urban-clinic-summaries", *models, "-o", "p.json").returncode == 0
    return tmp_path / "p.json"


def printed(text: str) -> tuple[float, float]:
    """The figure on the second line, and what the printed formula gives with the printed inputs."""
    said = float(text.splitlines()[1].split()[0])
    formula = re.search(r"^Formula: (.*)$", text, re.MULTILINE)
    assert formula is not None
    inputs = {name: float(value) for name, value in INPUT.findall(text)}
    return said, Formula.parse(formula[1])(inputs)


def check(ecoaudit: Ecoaudit, file: Path, keys: tuple[str, ...]) -> None:
    for key in keys:
        done = ecoaudit("explain", file, key)
        assert done.returncode == 0, done.stderr
        said, again = printed(done.stdout)
        assert again == pytest.approx(said, rel=1e-9), key
        assert done.stdout.rstrip().endswith("they agree")
        assert "Interval: " in done.stdout


def test_what_is_printed_of_a_ledger_gives_the_figure(ecoaudit: Ecoaudit, ledger: Path) -> None:
    check(ecoaudit, ledger, ("total", "made/card", "sci.score", "energy"))


def test_what_is_printed_of_a_run_gives_the_figure(ecoaudit: Ecoaudit) -> None:
    check(ecoaudit, RUN, ("operational_kgco2e", "curve.4.energy_per_output_token_j"))


def test_what_is_printed_of_a_plan_gives_the_figure(ecoaudit: Ecoaudit, plan: Path) -> None:
    keys = ("energy_j_per_year", "limits.circuit_power.margin", "operational_kgco2e_per_year")
    check(ecoaudit, plan, keys)


def test_inputs_have_their_sources_and_a_key_to_go_on_with(ecoaudit: Ecoaudit, plan: Path) -> None:
    text = ecoaudit("explain", plan, "operational_kgco2e_per_year").stdout
    row = re.search(r"grid_g_per_kwh = 98.348 gCO2e/kWh  \[(.*)\]", text)
    assert row is not None
    assert "grid of Brazil 2023, life cycle" in text
    assert "year 2023" in text
    row_text = ecoaudit("explain", plan, row[1]).stdout
    assert row_text.startswith("factors.grid: BRA\n  98.348 gCO2e/kWh\n")
    assert "No formula: a row of a table (docs/factors.md)" in row_text


def test_without_a_key_all_are_listed_by_group(ecoaudit: Ecoaudit, ledger: Path) -> None:
    done = ecoaudit("explain", ledger)
    assert done.returncode == 0
    assert done.stdout.startswith("ledger: A clinic\n")
    for word in ("by_scope.2", "by_owner.clinic", "per_unit.patient-year", "conventions.busy"):
        assert re.search(rf"^{word} ", done.stdout, re.MULTILINE), word
    assert re.search(r"\d+ of \d+ figures follow from others of this file", done.stdout)


def test_for_machines(ecoaudit: Ecoaudit, ledger: Path) -> None:
    found: dict[str, Any] = json.loads(ecoaudit("explain", ledger, "made/card", "--json").stdout)
    values = {name: each["value"] for name, each in found["inputs"].items()}
    assert Formula.parse(found["formula"])(values) == found["figure"]["value"]
    assert found["agrees"] is True
    every = json.loads(ecoaudit("explain", ledger, "--json").stdout)
    assert {"total", "made/card", "grid_g_per_kwh"} <= {each["figure"]["key"] for each in every}


def edit(file: Path, *path: Any, by: float = 1.01) -> None:
    """Multiply a number in a file."""
    data = json.loads(file.read_text())
    inner = data
    for key in path[:-1]:
        inner = inner[key]
    inner[path[-1]] *= by
    file.write_text(json.dumps(data))


def test_an_edited_ledger_is_told(ecoaudit: Ecoaudit, ledger: Path) -> None:
    edit(ledger, "inputs", "card_kgco2e", "figure", "value")
    done = ecoaudit("explain", ledger, "made/card")
    assert done.returncode == 1
    assert "they do not agree" in done.stdout
    assert re.search(r"made/card: \S+ does not follow from its formula, which gives", done.stderr)
    assert "take the file as ecoaudit wrote it" in done.stderr
    assert ecoaudit("explain", ledger, "made/computer").returncode == 0
    listed = ecoaudit("explain", ledger)
    assert listed.returncode == 1
    assert "NOT as the file says: card_kgco2e" in listed.stdout


@pytest.mark.parametrize(
    ("path", "value", "said"),
    [
        (("conventions", 0, "total", "value"), 1e9, "conventions.0.total: an Estimate needs low"),
        (("conventions", 0, "total", "value"), "x", "conventions.0.total.value: expected a number"),
        (("conventions", 0, "total"), 5, "conventions.0.total: expected a figure with basis,"),
        (("sci", "score", "value"), -1.0, "sci.score: an Estimate needs low <= value <= high"),
        (("sci", "score"), "none", "sci.score: expected a figure with"),
        (("uncertainty", "draws"), 10**9, "uncertainty.draws: expected 200 to 1,000,000; got"),
        (("uncertainty", "draws"), "many", "uncertainty.draws: expected 200 to 1,000,000; got"),
        (("uncertainty", "seed"), -1, "uncertainty.seed: expected a whole number"),
        (("uncertainty", "shares"), [{"share": 1}], "uncertainty.shares: expected a list"),
    ],
)
def test_plain_data_of_a_ledger_that_cannot_be_is_one_sentence(
    ecoaudit: Ecoaudit, ledger: Path, path: tuple[Any, ...], value: Any, said: str
) -> None:
    data = json.loads(ledger.read_text())
    inner = data
    for key in path[:-1]:
        inner = inner[key]
    inner[path[-1]] = value
    ledger.write_text(json.dumps(data))
    for verb in ("explain", "lifecycle"):
        done = ecoaudit(verb, ledger)
        assert (done.returncode, done.stdout) == (2, ""), verb
        assert f"{ledger.name}: {said}" in done.stderr
        assert len(done.stderr.splitlines()) == 1


def test_an_edited_plan_and_run_are_told(ecoaudit: Ecoaudit, plan: Path, tmp_path: Path) -> None:
    data = json.loads(plan.read_text())
    place = [option["id"] for option in data["options"]].index(data["recommended"])
    quantity = ("options", place, "quantities", "cooling_energy_j_per_day")
    for end in ("value", "low", "high"):
        edit(plan, *quantity, end)
    done = ecoaudit("explain", plan, "cooling_energy_j_per_day")
    assert (done.returncode, "does not follow" in done.stderr) == (1, True)
    run = tmp_path / "r.json"
    run.write_text(RUN.read_text())
    for end in ("value", "low", "high"):
        edit(run, "curve", 0, "steady", "energy_per_request_j", end)
    done = ecoaudit("explain", run, "curve.1.energy_per_request_j")
    assert (done.returncode, "does not follow" in done.stderr) == (1, True)


def test_a_misspelt_key_and_another_file_are_wrong_usage(
    ecoaudit: Ecoaudit, ledger: Path, tmp_path: Path
) -> None:
    done = ecoaudit("explain", ledger, "by_owner.clinc")
    assert done.returncode == 2
    assert "did you mean 'by_owner.clinic'" in done.stderr
    (tmp_path / "x.json").write_text("[]")
    done = ecoaudit("explain", tmp_path / "x.json")
    assert done.returncode == 2
    assert "expected a run, plan or ledger file of ecoaudit" in done.stderr


def test_what_is_absent_says_why(ecoaudit: Ecoaudit) -> None:
    done = ecoaudit("explain", RUN, "gpu_energy_j")
    assert done.returncode == 0
    assert "absent: no GPU was found" in done.stdout
    assert "never taken as 0" in done.stdout
