"""``ecoaudit lifecycle``, as it is typed."""

from __future__ import annotations

import json
import re
import shutil
from dataclasses import replace
from pathlib import Path

import pytest

from ecoaudit.cli.lifecycle_table import print_ledger
from ecoaudit.ledger import load_ledger
from ecoaudit.lifecycle.pairs import compared
from ecoaudit.run import Doubt
from tests.cli.conftest import Ecoaudit
from tests.reporters.ledgers import ACCOUNT, a_ledger

FEW = ("--draws", "500")


@pytest.fixture
def account(tmp_path: Path) -> Path:
    return Path(shutil.copy(ACCOUNT, tmp_path / "clinic.yaml"))


def asleep(account: Path) -> Path:
    """The same clinic with a third of the idle power."""
    text = account.read_text("utf-8").replace("60 W, low: 50 W, high: 75 W", "20 W")
    place = account.with_name("asleep.yaml")
    place.write_text(text.replace("one year", "one year, asleep"), "utf-8")
    return place


def test_one_account_is_one_screen(ecoaudit: Ecoaudit, account: Path) -> None:
    done = ecoaudit("lifecycle", account.name, *FEW, "-o", "ledger.json")
    assert (done.returncode, done.stderr) == (0, "")
    lines = done.stdout.splitlines()
    assert max(map(len, lines)) <= 80
    assert len(lines) <= 50
    text = " ".join(done.stdout.split())
    ledger = load_ledger(account.with_name("ledger.json"))
    assert lines[0] == ledger.name
    for said in (
        "in total 290 kgCO2e",
        "(80 % interval)",
        "per accepted note 36 gCO2e",
        "Not known per patient-year: how often a patient comes",
        "Waiting, ready to answer 130 ",
        "together 290 ",
        "By scope: 1 fuel burnt here 140; 2 purchased electricity 33;",
        "By owner: clinic 160; supplier 68; vendor 61 [kgCO2e].",
        "With electricity by contract: in total, 260 kgCO2e",
        "Sharing of the equipment: calendar, taken here: 290 kgCO2e",
        "busy: 290 kgCO2e",
        "Measure next: fuel use (fuel_l_per_kwh)",
        "Next: `ecoaudit report ledger.json -o page.html`, `ecoaudit explain ledger.json total`.",
        "wrote ledger.json",
    ):
        assert said in text, said
    for line in ledger.lacking:
        assert line.name in text


@pytest.mark.parametrize("lines", [False, True])
def test_many_doubts_take_a_line_each_unless_all_is_asked_for(
    capsys: pytest.CaptureFixture[str], lines: bool
) -> None:
    doubts = [Doubt(f"code-{n}", f"doubt {n} " + "and so on " * 20, f"mend {n}") for n in range(5)]
    print_ledger(replace(a_ledger(), doubts=doubts), None, lines=lines)
    shown = capsys.readouterr().out
    for n in range(5):
        assert f"{n + 1} ! doubt {n} and so on" in shown
        assert (f"mend {n}" in " ".join(shown.split())) == lines
    assert ("Doubts in full, with their remedies: --lines" in shown) != lines
    assert max(map(len, shown.splitlines())) <= 80


def test_a_file_of_before_is_shown_again_and_every_line_where_asked(
    ecoaudit: Ecoaudit, account: Path
) -> None:
    ecoaudit("lifecycle", account.name, *FEW, "-o", "ledger.json")
    done = ecoaudit("lifecycle", "ledger.json", "--lines")
    assert max(map(len, done.stdout.splitlines())) <= 80
    assert "scope, owner: line" in done.stdout
    assert "1 clinic: answering: burning diesel" in done.stdout
    assert "ecoaudit explain ledger.json total" in " ".join(done.stdout.split())
    assert "scope, owner: line" not in ecoaudit("lifecycle", "ledger.json").stdout


def test_without_an_interval_nothing_is_told_to_measure_next(ecoaudit: Ecoaudit) -> None:
    done = ecoaudit("lifecycle", "bloom-training", *FEW)
    assert "in total  50.5 tCO2e" in done.stdout
    assert "Cooling and losses of the site  not modelled" in done.stdout
    assert "No input of the carbon has an interval" in done.stdout
    assert "(write FILE with -o)" in " ".join(done.stdout.split())


def test_accounts_are_compared_in_pairs_and_against_the_least(
    ecoaudit: Ecoaudit, account: Path
) -> None:
    other = asleep(account)
    for place in (account, other):
        ecoaudit("lifecycle", place.name, *FEW, "-o", f"{place.stem}.json")
    asked = ("lifecycle", "clinic.json", "asleep.json", *FEW, "--per", "accepted note")
    told = json.loads(ecoaudit(*asked, "--json").stdout)
    a, b = (load_ledger(account.with_name(f"{name}.json")) for name in ("clinic", "asleep"))
    pair = compared(a, b, "accepted note", count=500)
    assert told.keys() == {"rows", "pairs"}
    assert [row["name"] for row in told["rows"]] == [a.name, b.name]
    assert told["rows"][0]["over_best"]["value"] == pytest.approx(pair.ratio[0])
    assert told["rows"][0]["over_best"]["low"] == pytest.approx(pair.ratio[1])
    assert told["rows"][1]["over_best"]["value"] == 1.0
    assert [(one["below"], one["shared"], one["draws"]) for one in told["pairs"]] == [
        (pair.below, pair.shared, 500)
    ]
    shown = ecoaudit(*asked).stdout
    assert max(map(len, shown.splitlines())) <= 80
    text = " ".join(shown.split())
    assert "Carbon per accepted note" in text
    assert f"of 500 draws, with {pair.shared} uncertain factors that both have drawn alike" in text
    assert "critical review by a panel" in text


def test_what_cannot_be_done_is_one_sentence_and_exit_2(ecoaudit: Ecoaudit, account: Path) -> None:
    other = asleep(account).name
    for asked, said in (
        ((account.name, "-o", account.name), "-o clinic.yaml: is the account's own source"),
        ((account.name, other, "-o", other), "-o asleep.yaml: is the account's own source"),
        ((account.name, "-o", other), "-o asleep.yaml: is a YAML file, which JSON would replace"),
        ((account.name, other, "--per", "patient"), "no functional unit 'patient'; it has: total,"),
        (
            (account.name, other, "--per", "patient-year"),
            "per patient-year is not known: how often",
        ),
        ((account.name, "--per", "request"), "--per compares accounts"),
        ((account.name, "--option", "x"), "--option names an option of a plan"),
    ):
        done = ecoaudit("lifecycle", *asked, *FEW)
        assert done.returncode == 2, asked
        assert said in done.stderr
        assert len(done.stderr.splitlines()) == 1
    assert account.read_text("utf-8") == ACCOUNT.read_text("utf-8")


def test_a_finished_ledger_takes_no_option_that_would_change_nothing(
    ecoaudit: Ecoaudit, account: Path
) -> None:
    ecoaudit("lifecycle", account.name, *FEW, "-o", "a.json")
    refused: dict[tuple[str, ...], str] = {
        ("a.json", "--draws", "10000"): "without --draws; give the account or plan",
        ("a.json", "--seed", "1", *FEW): "without --draws and --seed; give",
        ("a.json", "a.json", "--with-upstream"): "without --with-upstream; give",
    }
    for asked, said in refused.items():
        done = ecoaudit("lifecycle", *asked)
        assert (done.returncode, done.stdout) == (2, "")
        assert f"a.json: a finished ledger is shown as it is, {said}" in done.stderr
    done = ecoaudit("lifecycle", "a.json", "a.json", *FEW, "--seed", "2", "-o", "cmp.json")
    assert (done.returncode, done.stderr) == (0, "")
    assert "It has the same carbon as 2." in " ".join(done.stdout.split())
    assert "wrote cmp.json" in done.stdout
    written = account.with_name("cmp.json").read_text("utf-8")
    assert json.loads(written).keys() == {"rows", "pairs"}
    again = ecoaudit("lifecycle", "a.json", "a.json", *FEW, "--seed", "2", "--json")
    assert again.stdout == written


def test_own_figures_in_place_of_a_tables_are_told(capsys: pytest.CaptureFixture[str]) -> None:
    ledger = a_ledger()
    inputs = dict(ledger.inputs)
    for place, name in enumerate(inputs):
        inputs[name] = replace(inputs[name], replaces=None)
        if name == "grid_g_per_kwh" or place < 5:
            table = "70.5 gCO2e/kWh (56.4 gCO2e/kWh to 84.6 gCO2e/kWh, constant)"
            inputs[name] = replace(inputs[name], replaces=table)
    print_ledger(replace(ledger, inputs=inputs), None)
    shown = " ".join(capsys.readouterr().out.split())
    assert "Your own figures stand in for: " in shown
    assert re.search(r" instead of 70\.5 gCO2e/kWh\)(, | and \d more\.)", shown)
    print_ledger(ledger, None)
    assert ("Your own figures" in capsys.readouterr().out) == any(
        given.replaces for given in ledger.inputs.values()
    )


def test_hidden_characters_of_a_name_are_shown(ecoaudit: Ecoaudit, account: Path) -> None:
    text = account.read_text("utf-8")
    account.write_text(
        text.replace("name: Notes", 'name: "[red]\\e[2J Notes', 1).replace(
            "one year\n", 'one year"\n', 1
        ),
        "utf-8",
    )
    done = ecoaudit("lifecycle", account.name, *FEW)
    assert done.returncode == 0
    assert done.stdout.startswith(r"[red]\x1b[2J Notes")


@pytest.mark.parametrize("suffix", ["html", "md", "csv", "json"])
def test_a_ledger_becomes_a_file_of_each_format(
    ecoaudit: Ecoaudit, account: Path, suffix: str
) -> None:
    ecoaudit("lifecycle", account.name, *FEW, "-o", "ledger.json")
    done = ecoaudit("report", "ledger.json", "-o", f"page.{suffix}")
    assert (done.returncode, done.stderr) == (0, "")
    text = account.with_name(f"page.{suffix}").read_text("utf-8")
    assert "waiting, ready to answer: from the grid" in text
