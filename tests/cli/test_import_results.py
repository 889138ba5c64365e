"""``ecoaudit runs import``: from a file to a run that the other verbs take."""

from __future__ import annotations

from pathlib import Path

import click

from ecoaudit.cli.import_results import command
from ecoaudit.importers import IMPORTERS
from ecoaudit.run import load_run
from tests.cli.conftest import Ecoaudit
from tests.importers.results import configuration, leaderboard, vllm, write

SAID = ("--engine", "vllm", "--engine-version", "0.32.0")


def test_a_result_becomes_a_run_that_can_be_shown_and_reported(
    ecoaudit: Ecoaudit, tmp_path: Path
) -> None:
    write(tmp_path / "a.json", vllm(1))
    write(tmp_path / "b.json", vllm(4))
    done = ecoaudit(
        "runs", "import", "a.json", "b.json", *SAID, "--weights", "bf16", "-o", "run.json"
    )
    assert done.returncode == 0, done.stderr
    assert "run: run.json" in done.stderr
    assert "level 1:" not in done.stderr  # what every level has is said once
    run = load_run(tmp_path / "run.json")
    assert [point.level for point in run.curve] == [1, 4]
    assert run.settings["said_by_user"]["weights"] == "bf16"
    shown = ecoaudit("runs", "show", "run.json")
    assert "9.20 tokens/s" in shown.stdout
    listed = ecoaudit("runs", "list", ".")
    assert "acme/tiny, imported from vllm bench serve" in listed.stdout
    page = ecoaudit("report", "run.json", "-o", "run.html")
    assert page.returncode == 0, page.stderr
    assert "acme/tiny" in (tmp_path / "run.html").read_text()


def test_every_importer_can_be_named() -> None:
    (option,) = [each for each in command.params if each.name == "tool"]
    assert isinstance(option.type, click.Choice)
    assert list(option.type.choices) == list(IMPORTERS)


def test_a_setup_is_picked_and_the_run_named(ecoaudit: Ecoaudit, tmp_path: Path) -> None:
    write(tmp_path / "a.json", leaderboard(configuration(8), configuration(8, "B200")))
    done = ecoaudit(
        "runs", "import", "a.json", *SAID, "--pick", "gpu=B200", "--name", "x", "-o", "run.json"
    )
    assert done.returncode == 0, done.stderr
    assert load_run(tmp_path / "run.json").name == "x"


def test_refusals_are_one_sentence(ecoaudit: Ecoaudit, tmp_path: Path) -> None:
    write(tmp_path / "a.json", vllm(1))
    for arguments, message in (
        (["a.json", "-o", "run.json"], "say it with --engine-version"),
        (["a.json", *SAID, "-o", "a.json"], "is one of the files to import"),
        (["a.json", *SAID], "Missing option '-o'"),
        (["a.json", *SAID, "--pick", "gpu", "-o", "run.json"], "expected KEY=VALUE"),
        (["a.json", *SAID, "--from", "aiperf", "-o", "run.json"], "benchmark_duration: expected"),
        (["none.json", *SAID, "-o", "run.json"], "none.json: no such file"),
    ):
        done = ecoaudit("runs", "import", *arguments)
        assert done.returncode == 2, (arguments, done.stderr)
        assert message in done.stderr
        assert "Traceback" not in done.stderr
    assert not (tmp_path / "run.json").exists()
