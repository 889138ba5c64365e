"""How a run ends: its status, and what is said where it cannot be saved."""

from __future__ import annotations

import asyncio
from pathlib import Path

import pytest

from ecoaudit.endings import save_run, status_of
from ecoaudit.errors import EcoauditError
from ecoaudit.journal import Journal
from ecoaudit.run import RunStatus, load_run

ENDED = load_run(Path(__file__).parent / "data" / "district-hospital-notes.run.json")


@pytest.mark.parametrize(
    ("error", "status"),
    [
        (None, RunStatus.COMPLETE),
        (SystemExit(), RunStatus.COMPLETE),
        (SystemExit(0), RunStatus.COMPLETE),
        (SystemExit(2), RunStatus.FAILED),
        (KeyboardInterrupt(), RunStatus.INTERRUPTED),
        (GeneratorExit(), RunStatus.INTERRUPTED),
        (asyncio.CancelledError(), RunStatus.INTERRUPTED),
        (LookupError("mine"), RunStatus.FAILED),
    ],
)
def test_the_status_follows_from_what_ended_the_program(
    error: BaseException | None, status: RunStatus
) -> None:
    assert status_of(error) is status


@pytest.fixture
def journal(tmp_path: Path) -> Journal:
    made = Journal(tmp_path / "x.journal.jsonl")
    made.add("header", id="x")
    return made


@pytest.fixture
def no_place(tmp_path: Path) -> Path:
    """Where no file can be written, whoever asks."""
    (tmp_path / "file").write_text("in the way")
    return tmp_path / "file" / "run.json"


def test_a_saved_run_needs_no_journal(journal: Journal, tmp_path: Path) -> None:
    save_run(ENDED, tmp_path / "run.json", journal)
    assert load_run(tmp_path / "run.json").id == ENDED.id
    assert not journal.path.exists()


def test_a_run_that_cannot_be_saved_leaves_its_journal(journal: Journal, no_place: Path) -> None:
    with pytest.raises(EcoauditError) as raised:
        save_run(ENDED, no_place, journal)
    assert str(raised.value) == (
        f"{no_place}: cannot be written (File exists);"
        f" `ecoaudit runs recover {journal.path} -o FILE` gives the run"
    )
    assert journal.path.read_text() == '{"is":"header","id":"x"}\n'


def test_a_journal_that_could_not_be_written_to_its_end_gives_the_beginning(
    journal: Journal, no_place: Path
) -> None:
    journal.flush()
    journal.fault = "no space left"
    with pytest.raises(EcoauditError, match=r"-o FILE` gives the run's beginning$"):
        save_run(ENDED, no_place, journal)


def test_where_nothing_is_kept_nothing_is_promised(no_place: Path, tmp_path: Path) -> None:
    never_written = Journal(tmp_path / "file" / "x.journal.jsonl")
    for journal in (None, never_written):
        with pytest.raises(EcoauditError, match=r"cannot be written \(File exists\)$"):
            save_run(ENDED, no_place, journal)
