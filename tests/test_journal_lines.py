"""A recording as lines of its journal, and back."""

from __future__ import annotations

from pathlib import Path

import pytest

from ecoaudit.estimate import Basis
from ecoaudit.factors.grid import grid_factor
from ecoaudit.journal import Journal
from ecoaudit.journal_lines import NothingRecordedError, header_of, line_of, recover, row_of
from ecoaudit.measurement import BOARD, DRAM, PACKAGE, Device, Reading
from ecoaudit.recording import Recording, Window
from ecoaudit.run import Run, RunKind, RunStatus

GPU = Device("g", "gpu", BOARD, "Test GPU", "counter", Basis.MEASURED, "a test", step_s=0.1)
CPU, RAM = (
    Device(key, key, boundary, key, "rapl-powercap", Basis.MEASURED, "a test", step_s=0.001)
    for key, boundary in (("cpu", PACKAGE), ("ram", DRAM))
)


def readings(tick: int) -> list[Reading]:
    """A board at 200 W, a processor at 50 W, and a memory whose counter stands still."""
    t_s = tick / 10
    return [
        Reading("g", t_s, 20.0 * tick, 200.0, 1e9 + tick),
        Reading("cpu", t_s, 5.0 * tick, 50.0),
        Reading("ram", t_s, 0.0, 0.0),
    ]


def killed(folder: Path) -> tuple[Recording, Run]:
    """A recording, and the run that its journal gives."""
    recording = Recording(
        "it", "it", RunKind.COMMAND, "2026-01-01T00:00:00Z", 0.0, grid_factor("KEN")
    )
    recording.watch([GPU, CPU, RAM])
    journal = Journal(folder / "it.journal.jsonl")
    journal.add("header", **header_of(recording))
    window = Window("work", "work", 2.0)
    for tick in range(101):
        seen = readings(tick)
        for reading in seen:
            recording.traces[reading.device_id].add(reading)
        journal.add("readings", t=tick / 10, r=[row_of(reading, tick / 10) for reading in seen])
        if tick % 5 == 0:
            recording.host_memory.append((tick / 10, 1e6 * tick))
            journal.add("host", t=tick / 10, bytes=1e6 * tick)
        if tick == 20:
            recording.windows.append(window)
            journal.add("open", **line_of("open", window))
    journal.close()
    return recording, recover(journal.path)[0]


def test_a_recovered_run_has_the_numbers_of_the_one_that_was_killed(tmp_path: Path) -> None:
    recording, run = killed(tmp_path)
    expected = recording.to_run(RunStatus.RECOVERED, 10.0)
    assert run.summary == expected.summary
    assert run.windows == expected.windows
    assert run.summary["peak_host_memory_bytes"].number == 100e6
    assert run.summary["peak_gpu_memory_bytes"].number == 1e9 + 100
    assert run.windows[0].duration_s == 8.0


def test_a_recovered_run_says_what_it_may_lack(tmp_path: Path) -> None:
    (said,) = [doubt for doubt in killed(tmp_path)[1].doubts if doubt.code == "recovered"]
    assert said.message == (
        "the run was killed; it ends at the last reading in its journal: at most a second before"
        " the kill, or earlier, where the disk was full and what followed could not be written"
    )


def test_power_of_a_counter_that_stood_still_confirms_no_zero_after_a_kill(tmp_path: Path) -> None:
    run = killed(tmp_path)[1]
    assert run.summary["dram_energy_j"].basis is Basis.ABSENT
    assert "counter-stuck" in [doubt.code for doubt in run.doubts]


def test_a_journal_without_a_header_line_holds_nothing(tmp_path: Path) -> None:
    journal = Journal(tmp_path / "it.journal.jsonl")
    journal.close()
    with pytest.raises(NothingRecordedError, match="nothing was recorded"):
        recover(journal.path)
