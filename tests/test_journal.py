"""The journal: what a kill leaves behind can be read."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import pytest

from ecoaudit.errors import FileFormatError
from ecoaudit.journal import Journal, read_journal, runs_folder, this_process, writer_runs


def test_lines_come_back_in_order(tmp_path: Path) -> None:
    journal = Journal(tmp_path / "deep" / "x.journal.jsonl")
    journal.add("header", id="a")
    journal.add("readings", t=1.5, r={"gpu-0": [1.0, None]})
    journal.flush()
    journal.add("end")  # never flushed: a kill comes first
    assert list(read_journal(journal.path)) == [
        {"is": "header", "id": "a"},
        {"is": "readings", "t": 1.5, "r": {"gpu-0": [1.0, None]}},
    ]
    journal.remove()
    assert not journal.path.exists()


def test_a_last_line_cut_short_is_left_out(tmp_path: Path) -> None:
    path = tmp_path / "x.jsonl"
    path.write_text('{"is":"header","id":"a"}\n{"is":"readings","t":1.')
    assert [line["is"] for line in read_journal(path)] == ["header"]


@pytest.mark.parametrize("text", ['{"is":"header"}\nbroken\n{"is":"end"}\n', "[1]\n", "{}\n"])
def test_a_broken_line_is_named(tmp_path: Path, text: str) -> None:
    path = tmp_path / "x.jsonl"
    path.write_text(text)
    with pytest.raises(FileFormatError, match=r"x\.jsonl:[12]: not a journal line"):
        list(read_journal(path))


def test_a_folder_that_cannot_be_made_is_a_fault_not_an_end(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    journal = Journal(tmp_path / "file" / "x.jsonl")
    journal.add("header", id="a")
    journal.flush()
    assert "file" in journal.fault


def test_after_a_fork_the_child_writes_nothing(tmp_path: Path) -> None:
    journal = Journal(tmp_path / "x.jsonl")
    journal.add("header", id="a")
    journal.forget()
    journal.flush()
    assert journal.path.read_text() == ""


def test_the_runs_folder_can_be_named(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    assert runs_folder() == tmp_path / "runs"
    monkeypatch.delenv("ECOAUDIT_RUNS")
    monkeypatch.setenv("XDG_STATE_HOME", str(tmp_path / "state"))
    assert runs_folder() == tmp_path / "state" / "ecoaudit" / "runs"


def test_who_wrote_a_journal_is_told_from_a_later_process_of_the_same_number() -> None:
    header = this_process()
    assert writer_runs(header)
    assert not writer_runs({**header, "process_started_at": header["process_started_at"] - 5})
    assert not writer_runs({"is": "header"})


def test_a_writer_that_has_ended_does_not_run() -> None:
    code = "import json; from ecoaudit.journal import *; print(json.dumps(this_process()))"
    done = subprocess.run([sys.executable, "-c", code], check=True, capture_output=True)
    assert not writer_runs(json.loads(done.stdout))
