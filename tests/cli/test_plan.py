"""``ecoaudit plan``."""

from __future__ import annotations

import io
import json
import subprocess
import sys
from dataclasses import asdict, replace
from pathlib import Path

import pytest
from click.testing import CliRunner
from rich import box
from rich.console import Console

from ecoaudit.cli import cli
from ecoaudit.cli.plan import _figure, _nothing
from ecoaudit.cli.plan_money import print_money
from ecoaudit.errors import FileFormatError, NotFoundError, UsageError
from ecoaudit.estimate import Basis, Estimate
from ecoaudit.plan import load_plan
from ecoaudit.run import Doubt
from tests.cli.conftest import Ecoaudit
from tests.reporters.examples import a_plan, declared, with_nothing_that_fits
from tests.reporters.whole_plan import a_whole_plan

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
        (
            ["urban-clinic-summaries", "--models", ","],
            UsageError,
            "--models: names no model; leave it out for all",
        ),
        (
            ["urban-clinic-summaries", "--hardware", ""],
            UsageError,
            "--hardware: names no device; leave it out for all",
        ),
        (["profiles"], UsageError, "profiles: is a folder; give a profile file"),
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


def own(tmp_path: Path, extra: str, name: str = "urban-clinic-summaries") -> str:
    path = tmp_path / "own.yaml"
    path.write_text(Path(f"profiles/scenarios/{name}.yaml").read_text("utf-8") + extra, "utf-8")
    return str(path)


ONE = ["--models", "Qwen3-8B", "--hardware", "L4"]


def words(output: str) -> str:
    """The text without the box."""
    return " ".join(output.replace("|", " ").split())


def test_the_price_holds_duty_and_freight_and_says_the_computers_part(tmp_path: Path) -> None:
    path = own(tmp_path, "money: {import_duty: 0.25, freight: 300 USD}\n")
    output, _, _ = call("plan", path, *ONE)
    assert "5,300 USD to buy (of it 4,000 USD for the computer)" in words(output)
    output, _, _ = call("plan", "urban-clinic-summaries", *ONE)
    assert "4,000 USD to buy, " in output


def test_a_score_is_said_as_a_floor_and_is_not_the_tightest_limit(tmp_path: Path) -> None:
    gate = "quality: {metric: agreement, minimum: 0.5, scores: {Qwen3-8B: 0.55}}\n"
    output, _, _ = call("plan", own(tmp_path, gate), *ONE)
    assert "scores 0.550, at least 0.500 is asked" in output
    assert "quality score: needs" not in output


def test_a_score_of_a_model_that_is_nowhere_is_told_with_its_line(tmp_path: Path) -> None:
    path = own(tmp_path, "quality: {metric: x, minimum: 0.5, scores: {Qwen/Qwen3-9B: 0.7}}\n")
    line = len(Path(path).read_text("utf-8").splitlines())
    for more in ([], ONE):
        _, error, _ = call("plan", path, *more)
        assert str(error).startswith(f"{path}:{line}: quality.scores.Qwen/Qwen3-9B: no model")
        assert "did you mean 'Qwen/Qwen3-" in str(error)


def test_tokens_of_a_limit_stand_in_full() -> None:
    assert _figure("context", 40960.0, "tokens") == "40,960 tokens"
    assert _figure("memory", 22.06e9, "bytes") == "22.1 GB"


def test_where_nothing_fits_it_says_what_to_rent_and_how_many_were_weighed() -> None:
    rent = {"mode": "cloud-gpu", "name": "A cloud", "allowed": True, "note": ""}
    rent |= {"usd_per_year": asdict(declared(800, "USD"))}
    weighed = "9,612 options were weighed; the file lists the best weight format of each pair"
    plan = with_nothing_that_fits(a_plan())
    money = {"yearly_budget": asdict(declared(900, "USD"))}
    plan = replace(
        plan,
        alternatives=[rent],
        doubts=[Doubt("options-left-out", weighed, "name models")],
        scenario=plan.scenario | {"money": money},
    )
    said = "Instead of buying: rent a GPU in a cloud (A cloud), 800 USD a year, within the yearly"
    assert _nothing(plan)[-2:] == [f"{said} budget of 900 USD.", f"{weighed}."]


@pytest.mark.parametrize(
    ("months", "said"),
    [
        (66.0, "buying has paid for itself: not within its life of 48 months (66)."),
        (40.0, "buying has paid for itself: after 40 months."),
        (None, "buying never pays for itself: renting costs 15 USD a year, running one's own "),
    ],
)
def test_renting_says_when_buying_pays_within_its_life(months: float | None, said: str) -> None:
    plan = a_whole_plan(life_years=4)
    why = "renting costs no more in a month than running one's own: never"
    even = Estimate.absent("months", why)
    if months is not None:
        even = Estimate.exact(months, "months", Basis.MODELLED, "capital / saved")
    rent = {"name": "", "allowed": True, "note": ""}
    rows = [
        rent
        | {
            "mode": "cloud-gpu",
            "usd_per_year": asdict(declared(15, "USD")),
            "break_even_months": asdict(even),
        },
        rent | {"mode": "do-nothing", "usd_per_year": asdict(declared(0, "USD"))},
    ]
    out = io.StringIO()
    console = Console(file=out, width=80, highlight=False)
    print_money(console, replace(plan, alternatives=rows), box.ASCII)
    assert said in " ".join(out.getvalue().split()) + " "
