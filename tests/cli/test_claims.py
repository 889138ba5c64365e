"""``ecoaudit claims``."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from click.testing import CliRunner, Result

from ecoaudit.cli import cli
from ecoaudit.cli.claims import TEMPLATES
from ecoaudit.errors import NotFoundError, ProfileError, UsageError
from ecoaudit.lifecycle.claims import RULE, families, templates
from tests.cli.conftest import Ecoaudit

CARD = """title: Card of a model
claims:
  - id: total
    quantity: training
    value: 539 t
    formula: a_t + b_t
    inputs: {a_t: 385, b_t: 154}
  - id: factor
    value: 8930 t
    formula: gpu_hours * W * pue * kg_per_kWh / 1e6
    inputs: {gpu_hours: 30.84e6, W: 700, pue: , kg_per_kWh: }
"""


@pytest.fixture(autouse=True)
def elsewhere(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)


def call(*arguments: str) -> Result:
    return CliRunner().invoke(cli, ["claims", *arguments])


def test_check_tells_each_verdict_and_the_rule() -> None:
    Path("card.yaml").write_text(CARD)
    result = call("check", "card.yaml")
    assert result.exit_code == 0
    lines = result.output.splitlines()
    assert lines[0].strip() == "Card of a model"
    assert lines[2].split() == ["total", "539", "t", "539.0", "t", "0", "%", "consistent"]
    closes = "pue and kg_per_kWh are missing; pue x kg_per_kWh would have to be 0.4137"
    assert f"factor not enough inputs: {closes}" in lines
    assert lines[-2] == "1 consistent, 0 contradict, 1 not enough inputs"
    assert lines[-1] == f"rule: {RULE}"


def test_a_contradiction_is_exit_code_1() -> None:
    Path("card.yaml").write_text(CARD.replace("b_t: 154", "b_t: 254, c_t: 1"))
    result = call("check", "card.yaml")
    assert result.exit_code == 1
    assert "total 539 t 639.0 t +19 % contradicts" in " ".join(result.output.split())
    said = "total contradicts: published 539 t, but its inputs give 639.0 t, 1.19 times that; "
    assert f"{said}it would follow with a_t = 285.0 instead of 385" in result.output
    assert "1 contradict" in result.output


def test_json_and_a_file_have_the_same() -> None:
    Path("card.yaml").write_text(CARD)
    printed = json.loads(call("check", "card.yaml", "--json").output)
    assert printed["schema"] == "ecoaudit.claims/1"
    assert printed["counts"] == {"consistent": 1, "contradicts": 0, "not enough inputs": 1}
    total, factor = printed["claims"]
    assert total["recomputed"] == 539
    assert total["allowed"] == pytest.approx(0.5 + 0.02 * 539)
    assert factor["missing"] == ["pue", "kg_per_kWh"]
    assert factor["closes"] == "pue x kg_per_kWh would have to be 0.4137"
    result = call("check", "card.yaml", "-o", "out.json")
    assert "verdicts: out.json" in result.output
    assert json.loads(Path("out.json").read_text()) == printed
    error = call("check", "card.yaml", "-o", "out.html").exception
    assert isinstance(error, UsageError)


def test_a_family_of_published_results_is_checked_by_its_name() -> None:
    result = call("check", "llama")
    assert result.exit_code == 1
    assert "153.9 t of it are in no row" in result.output
    assert "it follows without logit_h" in result.output
    assert call("check", "patterson").exit_code == 0


def test_list_shows_the_families_and_the_rows_of_one() -> None:
    result = call("list")
    assert result.output.startswith("172 published results")
    assert all(f"\n{name} " in result.output for name in families())
    assert json.loads(call("list", "--json").output)["bloom"]["consistent"] == 11
    rows = json.loads(call("list", "bloom", "--json").output)
    assert {"id": "bloom-total", "value": "50.5 t"}.items() <= rows[7].items()
    one = call("list", "bloom").output
    assert "JMLR 24(253), Table 3" in one
    error = call("list", "blom").exception
    assert isinstance(error, NotFoundError)
    assert "did you mean 'bloom'" in str(error)


@pytest.mark.parametrize("name", TEMPLATES)
def test_new_writes_a_template_that_can_be_checked(name: str) -> None:
    assert call("new", "--template", name, "-o", "mine.yaml").exit_code == 0
    result = call("check", "mine.yaml")
    assert result.exit_code == 0
    assert " 0 contradict" in result.output
    error = call("new", "--template", name, "-o", "mine.yaml").exception
    assert isinstance(error, UsageError)
    assert "--force" in str(error)
    assert call("new", "--template", name, "-o", "mine.yaml", "--force").exit_code == 0
    assert call("new", "--template", name, "-o", "-").output == Path("mine.yaml").read_text()


def test_all_templates_can_be_had() -> None:
    assert set(TEMPLATES) == templates().keys()


def test_a_file_that_cannot_be_used_names_line_and_key() -> None:
    Path("card.yaml").write_text(CARD.replace("539 t", "[539 t]"))
    error = call("check", "card.yaml").exception
    assert isinstance(error, ProfileError)
    assert str(error).startswith("card.yaml:5: claims.0.value: expected a number with its unit")


def test_a_value_in_words_is_told_and_the_rest_is_judged() -> None:
    Path("card.yaml").write_text(CARD.replace("8930 t", "many tonnes"))
    result = call("check", "card.yaml")
    assert result.exit_code == 0
    assert "factor not enough inputs: line 9: value: expected a number" in result.output
    assert "1 consistent, 0 contradict, 1 not enough inputs" in result.output


def test_the_command_line_exits_with_2_and_prints_nothing_hidden(
    ecoaudit: Ecoaudit, tmp_path: Path
) -> None:
    wrong = ecoaudit("claims", "check", "no.yaml")
    assert (wrong.returncode, wrong.stdout) == (2, "")
    assert wrong.stderr == "ecoaudit: no.yaml: is no file\n"
    path = tmp_path / "card.yaml"
    path.write_text('claims:\n  - id: "a\\e[31m[bold]"\n    value: 5 t\n    note: "x\\e[2J"\n')
    shown = ecoaudit("claims", "check", path)
    assert shown.returncode == 0
    assert "\x1b" not in shown.stdout
    assert "\\x1b[31m[bold]" in shown.stdout
