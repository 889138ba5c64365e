"""``ecoaudit runs``: list, show and merge; ``recover`` is tested in test_run.py."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from ecoaudit.run import load_run
from tests.cli.conftest import Ecoaudit
from tests.test_merging import rank_run


@pytest.fixture
def ranks(tmp_path: Path) -> list[Path]:
    return [rank_run(n).save(tmp_path / f"run.rank{n}.json") for n in range(2)]


def test_merge_writes_one_run_and_prints_it(
    ecoaudit: Ecoaudit, ranks: list[Path], tmp_path: Path
) -> None:
    done = ecoaudit("runs", "merge", *ranks, "-o", "run.json")
    assert done.returncode == 0, done.stderr
    assert done.stdout == ""
    assert "energy_per_token_j" in done.stderr
    assert "run: run.json" in done.stderr
    run = load_run(tmp_path / "run.json")
    assert run.summary["tokens"].value == 2000
    shown = ecoaudit("runs", "show", "run.json")
    assert "200 tokens/s" in shown.stdout


def test_the_order_of_the_files_does_not_matter(
    ecoaudit: Ecoaudit, ranks: list[Path], tmp_path: Path
) -> None:
    assert ecoaudit("runs", "merge", *ranks, "-o", "a.json").returncode == 0
    assert ecoaudit("runs", "merge", *reversed(ranks), "-o", "b.json").returncode == 0
    assert (tmp_path / "a.json").read_bytes() == (tmp_path / "b.json").read_bytes()


def test_merge_refuses_what_it_cannot_use(ecoaudit: Ecoaudit, ranks: list[Path]) -> None:
    for arguments, message in (
        ([ranks[0], ranks[0], "-o", "run.json"], "was given twice"),
        ([ranks[0], "-o", "run.json"], "two or more ranks"),
        ([ranks[0], "none.json", "-o", "run.json"], "none.json: no such file"),
        ([*ranks, "-o", ranks[0]], "is one of the runs to merge"),
        ([*ranks], "Missing option '-o'"),
    ):
        done = ecoaudit("runs", "merge", *arguments)
        assert done.returncode == 2
        assert message in done.stderr
    assert load_run(ranks[0]) == rank_run(0)


def test_list_shows_the_runs_of_a_folder(
    ecoaudit: Ecoaudit, ranks: list[Path], tmp_path: Path
) -> None:
    (tmp_path / "notes.json").write_text("{}")
    done = ecoaudit("runs", "list", tmp_path)
    assert done.returncode == 0
    assert "run.rank0.json" in done.stdout
    assert "notes.json" not in done.stdout


def test_show_prints_the_file_itself(ecoaudit: Ecoaudit, ranks: list[Path]) -> None:
    shown = ecoaudit("runs", "show", "--json", ranks[0])
    assert json.loads(shown.stdout) == json.loads(ranks[0].read_text())
