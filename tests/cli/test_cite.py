"""``ecoaudit cite``, as it is typed."""

from __future__ import annotations

import csv
import io
import json
import sys
from pathlib import Path

import pytest

from ecoaudit.citing import CITERS
from tests.cli.conftest import Ecoaudit
from tests.reporters.examples import a_plan
from tests.standins.ledgers import a_ledger

CONSTANT = Path(__file__).parents[1] / "data" / "trace-constant-100w.csv"


def test_a_measured_command_becomes_a_row_and_no_argument_of_it_goes_along(
    ecoaudit: Ecoaudit, tmp_path: Path
) -> None:
    command = (sys.executable, "-c", "import time; time.sleep(0.3)  # Kanarienvogel")
    measured = ecoaudit(
        *("run", "--country", "KEN", "-o", "run.json", "--", *command),
        env={"ECOAUDIT_REPLAY": str(CONSTANT), "PATIENT": "Kanarienvogel"},
    )
    assert measured.returncode == 0, measured.stderr
    done = ecoaudit("cite", "run.json", "--as", "codecarbon")
    assert (done.returncode, done.stderr) == (0, "")
    (row,) = csv.DictReader(io.StringIO(done.stdout))
    run = json.loads((tmp_path / "run.json").read_text())
    energy, carbon = (run["summary"][key]["value"] for key in ("energy_j", "operational_kgco2e"))
    assert float(row["energy_consumed"]) == pytest.approx(energy / 3.6e6, rel=1e-12)
    assert float(row["emissions"]) == carbon
    for name in CITERS:
        text = ecoaudit("cite", "run.json", "--as", name).stdout
        assert len(text) > 100
        assert "Kanarienvogel" not in text
        assert str(tmp_path) not in text
        assert sys.executable not in text


def test_a_ledger_is_written_to_a_file(ecoaudit: Ecoaudit, tmp_path: Path) -> None:
    a_ledger().save(tmp_path / "ledger.json")
    done = ecoaudit("cite", "ledger.json", "--as", "latex", "-o", "out/energy.tex")
    assert (done.returncode, done.stdout, done.stderr) == (0, "wrote out/energy.tex\n", "")
    assert r"\begin{tabular}" in (tmp_path / "out" / "energy.tex").read_text("utf-8")


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (("plan.json", "--as", "latex"), "`ecoaudit lifecycle plan.json -o ledger.json`"),
        (("ledger.json", "--as", "word"), "--as word: no such format"),
        (("ledger.json", "--as", "codecarbon"), "--as codecarbon has no place for a ledger"),
        (("none.json", "--as", "latex"), "none.json: no such file"),
        (("ledger.json",), "Missing option '--as'"),
    ],
)
def test_what_cannot_be_used_is_one_sentence_and_exit_2(
    ecoaudit: Ecoaudit, tmp_path: Path, arguments: tuple[str, ...], said: str
) -> None:
    a_plan().save(tmp_path / "plan.json")
    a_ledger().save(tmp_path / "ledger.json")
    done = ecoaudit("cite", *arguments, "-o", "x.txt")
    assert done.returncode == 2
    assert said in done.stderr
    assert "Traceback" not in done.stderr
    assert not (tmp_path / "x.txt").exists()


def test_the_help_names_every_format(ecoaudit: Ecoaudit) -> None:
    shown = " ".join(ecoaudit("cite", "--help").stdout.split())
    assert all(name in shown for name in CITERS)
