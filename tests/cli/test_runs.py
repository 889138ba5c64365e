"""``ecoaudit runs``: list, show and merge; ``recover`` is tested in test_run.py."""

from __future__ import annotations

import json
import os
from pathlib import Path

import pytest

from ecoaudit.journal import SUFFIX
from ecoaudit.run import load_run
from tests.cli.conftest import Ecoaudit
from tests.reporters.examples import a_bench
from tests.test_federation import site_run
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


@pytest.fixture
def sites(tmp_path: Path) -> list[Path]:
    return [site_run(n).save(tmp_path / f"site{n}.json") for n in range(3)]


def test_merge_of_sites_writes_one_run_in_any_order_and_prints_it(
    ecoaudit: Ecoaudit, sites: list[Path], tmp_path: Path
) -> None:
    done = ecoaudit("runs", "merge", "--sites", *sites, "-o", "a.json")
    assert done.returncode == 0, done.stderr
    assert done.stdout == ""
    assert "federation of 3 sites, complete" in done.stderr
    assert "waiting_energy_j" in done.stderr
    assert "run: a.json" in done.stderr
    assert ecoaudit("runs", "merge", *reversed(sites), "--sites", "-o", "b.json").returncode == 0
    assert (tmp_path / "a.json").read_bytes() == (tmp_path / "b.json").read_bytes()
    assert load_run(tmp_path / "a.json").summary["waiting_energy_j"].value == 3 * 80.0


def test_merge_tells_ranks_from_sites(
    ecoaudit: Ecoaudit, ranks: list[Path], sites: list[Path], tmp_path: Path
) -> None:
    assert ecoaudit("runs", "merge", "--sites", *sites, "-o", "all.json").returncode == 0
    for arguments, message in (
        ([*sites], "with --sites the runs of several sites"),
        (["--sites", *ranks], "merge the ranks first (`ecoaudit runs merge` without --sites)"),
        (["--sites", sites[0], sites[0]], "was given twice; each run counts once"),
        (["--sites", sites[0], "all.json"], "is itself a merge of sites"),
        (["--sites", sites[0]], "two or more sites"),
    ):
        done = ecoaudit("runs", "merge", *arguments, "-o", "out.json")
        assert (done.returncode, len(done.stderr.splitlines())) == (2, 1)
        assert message in done.stderr
    assert not (tmp_path / "out.json").exists()


def test_list_shows_the_runs_of_a_folder(
    ecoaudit: Ecoaudit, ranks: list[Path], tmp_path: Path
) -> None:
    (tmp_path / "notes.json").write_text("{}")
    done = ecoaudit("runs", "list", tmp_path)
    assert done.returncode == 0
    assert "run.rank0.json" in done.stdout
    assert "notes.json" not in done.stdout


def test_show_says_of_which_load_a_benchs_figures_are(ecoaudit: Ecoaudit, tmp_path: Path) -> None:
    a_bench().save(tmp_path / "bench.json")
    shown = ecoaudit("runs", "show", "bench.json").stdout
    assert "the run's figures are those of level 4, steady window of 20 s: 0.9 requests/s" in shown
    assert "first request after a rest: first token 310 ms, answer 1.10 s, 4.00 kJ" in shown
    assert "model load: 39.7 s, 4.00 kJ" in shown


def test_show_prints_the_file_itself(ecoaudit: Ecoaudit, ranks: list[Path]) -> None:
    shown = ecoaudit("runs", "show", "--json", ranks[0])
    assert json.loads(shown.stdout) == json.loads(ranks[0].read_text())


def test_list_names_runs_that_are_broken(
    ecoaudit: Ecoaudit, ranks: list[Path], tmp_path: Path
) -> None:
    (tmp_path / "cut.json").write_text(ranks[0].read_text()[:500])
    (tmp_path / "bytes.json").write_bytes(b"\xff\xfe")
    (tmp_path / "less.json").write_text('{"schema": "ecoaudit.run/1"}')
    (tmp_path / "notes.json").write_text("[]")
    done = ecoaudit("runs", "list", ".", env={"COLUMNS": "200"})
    assert done.returncode == 0
    assert "run.rank0.json" in done.stdout
    for name, reason in (
        ("cut.json:", "not JSON"),
        ("bytes.json:", "cannot be read"),
        ("less.json:", "id"),
    ):
        (line,) = [line for line in done.stdout.splitlines() if line.startswith(name)]
        assert reason in line
    assert "notes.json" not in done.stdout


@pytest.mark.parametrize(
    ("folder", "reason"), [("nope", "no such folder"), ("run.rank0.json", "is no folder")]
)
def test_list_refuses_what_is_no_folder(
    ecoaudit: Ecoaudit, ranks: list[Path], folder: str, reason: str
) -> None:
    done = ecoaudit("runs", "list", folder)
    assert (done.returncode, done.stdout) == (2, "")
    assert done.stderr == f"ecoaudit: {folder}: {reason}\n"


def test_list_and_recover_agree_on_journals_that_hold_no_run(
    ecoaudit: Ecoaudit, tmp_path: Path
) -> None:
    """Old ones are named, and empty ones go; a new one may be of a program that has just begun."""
    runs = tmp_path / "runs"
    runs.mkdir()
    env = {"COLUMNS": "300"}
    for name, content in (("empty", b""), ("garbage", b"garbage\n{}\n"), ("held", b"")):
        (runs / f"{name}{SUFFIX}").write_bytes(content)
        os.utime(runs / f"{name}{SUFFIX}", (0, 0))
    new = runs / f"new{SUFFIX}"
    new.touch()
    with (runs / f"held{SUFFIX}").open("ab"):
        listed = ecoaudit("runs", "list", env=env).stdout
        assert "2 going on, or just begun" in listed
        assert f"empty{SUFFIX}: nothing was recorded" in listed
        assert f"garbage{SUFFIX}:1: not a journal line; remove the file" in listed
        assert "killed" not in listed
        refused = ecoaudit("runs", "recover", new)
        assert refused.returncode == 2
        assert "holds nothing yet" in refused.stderr
        done = ecoaudit("runs", "recover")
    assert done.returncode == 2
    said = done.stderr.splitlines()
    assert len(said) == 2
    assert f"empty{SUFFIX}: the program was killed before the first reading" in said[0]
    assert f"garbage{SUFFIX}:1: not a journal line" in said[1]
    left = sorted(path.name.removesuffix(SUFFIX) for path in runs.iterdir())
    assert left == ["garbage", "held", "new"]
