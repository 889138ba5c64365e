"""What a table prints: what the file says, and nothing that steers the terminal."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path

import pytest

from ecoaudit.checks import doubt
from ecoaudit.cli.tables import console, print_run, table
from ecoaudit.estimate import Basis, Estimate
from ecoaudit.run import Doubt, Run, RunKind, RunStatus
from tests.cli.conftest import Ecoaudit
from tests.reporters.examples import a_run

HOSTILE = "[red]x[/] :warning: \x1b]0;title\x07\rclear\nline \u202eegap [/nothing] \ud800"
SHOWN = r"[red]x[/] :warning: \x1b]0;title\x07\rclear\nline \u202eegap [/nothing] \ud800"


def test_names_and_doubts_are_printed_as_they_are_written(
    capsys: pytest.CaptureFixture[str],
) -> None:
    run = replace(
        a_run(name=HOSTILE),
        doubts=[Doubt("short-run", f"message {HOSTILE}", f"remedy {HOSTILE}")],
        summary={HOSTILE: Estimate.absent("J", HOSTILE)},
    )
    print_run(run, Path("runs") / HOSTILE.replace("/", ""), stderr=False)
    said = capsys.readouterr().out
    assert said.splitlines()[0].strip() == f"ecoaudit: {SHOWN}, complete"
    assert said.splitlines()[2].startswith(SHOWN[:40])
    assert f"! message {SHOWN}; remedy {SHOWN}" in " ".join(said.split())  # it may wrap
    assert said.isprintable() or set(said) - set("\n") == {c for c in said if c.isprintable()}


def test_a_row_is_a_line(capsys: pytest.CaptureFixture[str]) -> None:
    console().print(table("runs", ("name", "status"), [("two\nlines", "complete")]))
    assert [line.split() for line in capsys.readouterr().out.splitlines()] == [
        ["runs"],
        ["name", "status"],
        [r"two\nlines", "complete"],
    ]


def test_what_else_is_printed_is_literal_too(capsys: pytest.CaptureFixture[str]) -> None:
    console().print("[bold]kept[/bold]\nnext \x1b[2J", style="bold")
    assert capsys.readouterr().out == "[bold]kept[/bold]\nnext \\x1b[2J\n"


def test_a_run_file_of_a_strangers_can_be_shown(ecoaudit: Ecoaudit, tmp_path: Path) -> None:
    data = json.loads(a_run().to_json())
    data["name"] = HOSTILE
    (tmp_path / "run.json").write_text(json.dumps(data))
    for arguments in (("runs", "show", "run.json"), ("runs", "list", ".")):
        done = ecoaudit(*arguments)
        assert done.returncode == 0
        assert not {"\x1b", "\r", "\u202e"} & set(done.stdout)
        assert r"\u202eegap" in done.stdout


def test_a_figure_names_the_doubts_that_weaken_it(capsys: pytest.CaptureFixture[str]) -> None:

    run = Run(
        id="x",
        kind=RunKind.COMMAND,
        name="x",
        status=RunStatus.COMPLETE,
        started_at="2026-11-03T10:15:00+00:00",
        duration_s=2.0,
        doubts=[doubt("ram-modelled", "memory is modelled"), doubt("short-run", "it was short")],
        summary={
            "duration_s": Estimate.exact(2.0, "s", Basis.MEASURED, "clock"),
            "dram_energy_j": Estimate.exact(40.0, "J", Basis.MODELLED, "a model"),
            "cpu_energy_j": Estimate.exact(5.0, "J", Basis.MEASURED, "a counter"),
            "gpu_energy_j": Estimate.absent("J", "no GPU was found"),
        },
    )
    print_run(run, None, stderr=False)
    lines = [line.rstrip() for line in capsys.readouterr().out.splitlines()]
    ends = {line.split()[0]: line.split()[-2:] for line in lines[2:6]}
    assert ends["duration_s"][-1] == "measured"
    assert ends["dram_energy_j"] == ["1,", "2"]
    assert ends["cpu_energy_j"] == ["measured", "2"]
    assert ends["gpu_energy_j"][-1] == "found"
    assert lines[6].startswith("1 ! memory is modelled; ")
    assert lines[7].startswith("2 ! it was short; ")
