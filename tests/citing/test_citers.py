"""What every format of ``cite`` keeps, whatever it is given."""

from __future__ import annotations

import re
from dataclasses import replace
from pathlib import Path

import pytest

from ecoaudit.citing import CITERS, cite, citer_for, load_facts
from ecoaudit.citing.facts import model_name, said
from ecoaudit.citing.ledger_facts import facts_of_ledger, uses_of
from ecoaudit.citing.run_facts import CITED, facts_of_run
from ecoaudit.errors import FileFormatError, UsageError
from ecoaudit.estimate import Estimate
from ecoaudit.ledger import Stage
from ecoaudit.reporters.words import QUANTITIES
from ecoaudit.run import Doubt
from tests.citing.examples import FILES, PAIRS, REAL_RUN, a_training
from tests.reporters.examples import a_plan, a_run
from tests.standins.ledgers import a_ledger

CANARY = "Kanarienvogel"


@pytest.mark.parametrize("name", CITERS)
def test_a_format_is_registered_under_its_own_name(name: str) -> None:
    citer = citer_for(name)
    assert citer.name == name
    assert citer.what
    assert citer.holds <= {"run", "ledger"}
    assert bool(citer.instead) == (citer.holds != {"run", "ledger"})


def test_an_unknown_format_names_the_nearest() -> None:
    with pytest.raises(UsageError, match=r"--as latx: no such format; did you mean 'latex'\?"):
        citer_for("latx")


@pytest.mark.parametrize(("name", "file"), PAIRS)
def test_a_text_is_the_same_each_time_and_ends_in_one_new_line(name: str, file: str) -> None:
    text = cite(FILES[file](), citer_for(name))
    assert text == cite(FILES[file](), citer_for(name))
    assert text.endswith("\n")
    assert not text.endswith("\n\n")


@pytest.mark.parametrize(("name", "file"), PAIRS)
def test_a_file_says_the_same_after_it_was_saved(name: str, file: str, tmp_path: Path) -> None:
    facts = FILES[file]()
    place = facts.source.save(tmp_path / "file.json")
    assert cite(load_facts(place), citer_for(name)) == cite(facts, citer_for(name))


def test_a_plan_is_refused_with_the_next_step(tmp_path: Path) -> None:
    a_plan().save(tmp_path / "plan.json")
    with pytest.raises(UsageError, match=r"`ecoaudit lifecycle plan\.json -o ledger\.json`"):
        load_facts(tmp_path / "plan.json")


def test_what_is_neither_run_nor_ledger_is_refused(tmp_path: Path) -> None:
    (tmp_path / "other.json").write_text('{"schema": "other/1"}')
    with pytest.raises(FileFormatError, match="expected a run or ledger file"):
        load_facts(tmp_path / "other.json")


def test_a_ledger_is_no_row_of_codecarbon() -> None:
    with pytest.raises(
        UsageError, match=r"no place for a ledger: .* or take --as impact-framework"
    ):
        cite(facts_of_ledger(a_ledger()), citer_for("codecarbon"))


@pytest.mark.parametrize("name", sorted(set(CITERS) - {"boamps"}))
def test_an_absent_figure_is_said_with_its_reason_or_left_empty(name: str) -> None:
    text = cite(facts_of_run(a_training(energy=False)), citer_for(name))
    if name == "codecarbon":
        row = text.splitlines()[1].split(",")
        header = text.splitlines()[0].split(",")
        assert row[header.index("energy_consumed")] == ""
        assert row[header.index("emissions")] == ""
    else:
        assert "the meter failed" in text
    assert not re.search(r"\bemissions: 0|: 0\.0$", text, re.MULTILINE)


def test_a_report_that_asks_for_an_energy_is_refused_without_one() -> None:
    with pytest.raises(UsageError, match="which is absent: the meter failed; --as markdown"):
        cite(facts_of_run(a_training(energy=False)), citer_for("boamps"))


@pytest.mark.parametrize("name", CITERS)
def test_no_prompt_no_host_and_no_path_of_the_user_goes_along(name: str) -> None:
    home = f"/home/{CANARY}/notes/x.yaml"
    real = load_facts(REAL_RUN).source
    kept = {"os", "python", "cpu", "ecoaudit", "memory_bytes", "logical_cpus"}
    run = replace(
        a_training(),
        environment={"hostname": CANARY, "user": CANARY, "kernel": CANARY, "packages": {CANARY: 1}}
        | {key: each for key, each in real.environment.items() if key in kept},  # type: ignore[union-attr]
        windows=[replace(window, name=CANARY, path=CANARY) for window in a_run().windows],
        devices=[replace(each, id=CANARY) for each in a_run().devices],
        doubts=[Doubt("cpu-modelled", f"see {home}", CANARY)],
        scenario={"site": {"name": CANARY}, "note": CANARY},
    )
    run.settings.update(
        {
            "command": f"/opt/{CANARY}/run",
            "arguments": [CANARY],
            "prompt": CANARY,
            "url": f"http://{CANARY}:8000",
            "model": f"/home/{CANARY}/models/Qwen3-8B",
        }
    )
    for key, figure in run.summary.items():
        where = f"a log, {home}, http://{CANARY}:8000/metrics and C:\\Users\\{CANARY}\\b.csv"
        run.summary[key] = figure.sourced(where) if figure.known else Estimate.absent("J", where)
    ledger = replace(
        a_ledger(),
        subject={"model": f"~/{CANARY}/Qwen3-8B", "note": CANARY, "account": CANARY},
        energy=a_ledger().energy.sourced(home),
        doubts=[Doubt("not-modelled", CANARY, CANARY)],
    )
    for facts in (facts_of_run(run), facts_of_ledger(ledger)):
        if facts.kind in CITERS[name].holds:
            text = cite(facts, citer_for(name))
            assert CANARY not in text
            assert name == "impact-framework" or "Qwen3-8B" in text or name == "codecarbon"


@pytest.mark.parametrize(
    ("text", "kept"),
    [
        ("/home/jane/site.yaml", "site.yaml"),
        ("see (/home/jane/site.yaml)", "see (site.yaml)"),
        ("of /sys/class/powercap", "of a path"),
        ("~/runs/a.json, C:\\Users\\jane\\b.json", "a.json, b.json"),
        ("file:///home/jane/a.json", "a.json"),
        ("http://127.0.0.1:8000/metrics", "an address"),
        ("the plug at 192.168.1.7:80", "the plug at an address"),
        ("see https://ember-energy.org/data", "see https://ember-energy.org/data"),
        ("1 + UPS loss + 1/COP, J/token, 3 /day", "1 + UPS loss + 1/COP, J/token, 3 /day"),
        ("global_energy_mix.json, PMC4028865", "global_energy_mix.json, PMC4028865"),
        ("two\n lines", "two lines"),
        ("a" * 400, "a" * 297 + "..."),
    ],
)
def test_text_is_handed_on_without_paths_and_addresses(text: str, kept: str) -> None:
    assert said(text) == kept


@pytest.mark.parametrize(
    ("name", "kept"),
    [
        ("Qwen/Qwen3-8B", "Qwen/Qwen3-8B"),
        ("/home/jane/models/mine", "mine"),
        ("./mine/", "mine"),
        ("C:\\models\\mine", "mine"),
        ("a/b/c", "c"),
        ("toy", "toy"),
    ],
)
def test_a_model_is_named_without_its_folders(name: str, kept: str) -> None:
    assert model_name(name) == kept


@pytest.mark.parametrize(
    ("stages", "uses"),
    [
        (["adaptation"], ("training",)),
        (["adaptation", "serving-idle"], ("training",)),  # waiting between rounds, or for a queue
        (["serving-idle"], ("inference",)),
        (["adaptation", "serving-active", "serving-idle"], ("training", "inference")),
        (["manufacture-and-transport"], ()),
    ],
)
def test_what_an_account_was_for_is_told_by_its_stages(
    stages: list[str], uses: tuple[str, ...]
) -> None:
    lines = [replace(a_ledger().lines[0], stage=Stage(stage)) for stage in stages]
    assert uses_of(replace(a_ledger(), lines=lines)) == uses


def test_every_figure_that_is_cited_has_a_word_for_people() -> None:
    assert set(CITED) <= set(QUANTITIES)
