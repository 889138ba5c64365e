"""``ecoaudit plan``."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import pytest
from click.testing import CliRunner

from ecoaudit.cli import cli
from ecoaudit.errors import FileFormatError, NotFoundError, UsageError
from ecoaudit.plan import load_plan
from tests.cli.conftest import Ecoaudit

FEW = ["--models", "Qwen3-8B,Llama-3.2-1B", "--hardware", "L4,RTX 4090"]


def call(*arguments: str) -> tuple[str, BaseException | None, int]:
    result = CliRunner().invoke(cli, list(arguments))
    return result.output, result.exception, result.exit_code


def test_the_page_names_option_limit_and_idle() -> None:
    output, _, code = call("plan", "urban-clinic-summaries", *FEW)
    assert code == 0
    assert "Recommended: Qwen/Qwen3-8B" in output
    assert "What would change the answer" in output
    rows = [line.split() for line in output.splitlines()]
    assert any(row[:2] == ["|", "idle"] for row in rows)
    assert "nothing here says how good a model's answers are" in output
    assert max(map(len, output.splitlines())) <= 80


def test_nothing_fits_is_an_answer_with_code_0() -> None:
    output, _, code = call("plan", "solar-rural-screening", *FEW)
    assert code == 0
    assert "Nothing fits." in output
    assert "first limit:" in output


def test_the_file_and_the_json_are_the_same_plan(tmp_path: Path) -> None:
    path = tmp_path / "plan.json"
    output, _, code = call("plan", "urban-clinic-summaries", *FEW, "-o", str(path), "--json")
    assert code == 0
    assert json.loads(output) == json.loads(path.read_text("utf-8"))
    assert load_plan(path).recommended is not None


def test_a_typed_price_decides() -> None:
    few = ["--models", "Qwen3-8B", "--hardware", "A100 80GB PCIe"]
    output, _, _ = call("plan", "urban-clinic-summaries", *few)
    assert "Nothing fits." in output
    output, _, _ = call(
        "plan", "urban-clinic-summaries", *few, "--price", "A100 80GB PCIe=4000 USD"
    )
    assert "Recommended: Qwen/Qwen3-8B" in output


@pytest.mark.parametrize(
    ("arguments", "kind", "message"),
    [
        (["urban-clinic-summary"], NotFoundError, "did you mean 'urban-clinic-summaries'"),
        (["urban-clinic-summaries", "--hardware", "L5"], NotFoundError, "no device 'L5'"),
        (["urban-clinic-summaries", "--price", "L4=2000"], UsageError, "--price L4: expected"),
        (["urban-clinic-summaries", "--price", "L4"], UsageError, "expected 'DEVICE=2000 USD'"),
        (["urban-clinic-summaries", "no-such-run.json"], FileFormatError, "no such file"),
    ],
)
def test_wrong_use_is_one_sentence(
    arguments: list[str], kind: type[Exception], message: str
) -> None:
    _, error, _ = call("plan", *arguments)
    assert isinstance(error, kind)
    assert message in str(error)


def test_planning_loads_nothing_of_the_measuring_half() -> None:
    code = (
        "import sys; from ecoaudit.cli import cli;"
        "cli(['plan', 'urban-clinic-summaries', '--models', 'Qwen3-8B', '--hardware', 'L4'],"
        " standalone_mode=False);"
        "print(sorted({'psutil', 'pynvml', 'torch', 'vllm', 'aiohttp', 'codecarbon'}"
        " & set(sys.modules)))"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.splitlines()[-1] == "[]"


def test_help_has_an_example() -> None:
    output, _, _ = call("plan", "--help")
    assert "ecoaudit plan urban-clinic-summaries" in output


def test_a_misspelt_name_is_told_with_its_line_unless_another_stands_in(
    ecoaudit: Ecoaudit, tmp_path: Path
) -> None:
    ecoaudit("profiles", "copy", "district-hospital-notes", "--to", ".")
    place = tmp_path / "scenarios" / "district-hospital-notes.yaml"
    text = place.read_text("utf-8")
    line = text[: text.index("NVIDIA GeForce RTX 4090")].count("\n") + 1
    place.write_text(text.replace("NVIDIA GeForce RTX 4090", "RTX 4091"), "utf-8")
    done = ecoaudit("plan", place)
    assert done.returncode == 2
    assert done.stderr.startswith(f"ecoaudit: {place}:{line}: hardware.11: no device 'RTX 4091'")
    assert "did you mean 'NVIDIA GeForce RTX 4090'" in done.stderr
    assert ecoaudit("plan", place, "--hardware", "L4").returncode == 0


MONEY = """
money: {life: 4 years, discount_rate: 0.08, import_duty: 0.25, maintenance: 0.05, disposal: 50 USD}
alternatives: {subscription: {price: 99 USD/month}}
"""


def test_the_cost_by_year_and_what_renting_would_cost(tmp_path: Path) -> None:
    text = Path("profiles/scenarios/urban-clinic-summaries.yaml").read_text("utf-8")
    path = tmp_path / "money.yaml"
    path.write_text(text + MONEY, "utf-8")
    output, _, code = call("plan", str(path), "--models", "Qwen3-8B", "--hardware", "L4")
    assert code == 0
    assert "Cost by year, USD" in output
    assert "import duty" in output
    assert "worth " in output
    assert "Not given, so not in it: freight, installation, spares, staff." in output
    assert "subscribe for each clinician: " in output
    assert "not allowed: patient text may not leave the site" in " ".join(output.split())
    assert max(map(len, output.splitlines())) <= 80
    without, _, _ = call("plan", "urban-clinic-summaries", *FEW)
    assert "No cost by year: the scenario has no `money.life`." in without


def test_how_to_run_it_is_in_the_decision() -> None:
    output, _, _ = call("plan", "solar-rural-screening")
    assert "|   switch it off outside opening hours" in output
