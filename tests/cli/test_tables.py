"""What a table prints: what the file says, and nothing that steers the terminal."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path

import pytest

from ecoaudit.checks import doubt
from ecoaudit.cli.tables import console, print_doubts, print_run, table
from ecoaudit.estimate import Basis, Estimate
from ecoaudit.run import Doubt, Run, RunKind, RunStatus
from tests.cli.conftest import Ecoaudit
from tests.reporters.examples import a_bench, a_run

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


def test_a_doubt_of_several_loads_is_one_line_and_a_remedy_is_told_once(
    capsys: pytest.CaptureFixture[str],
) -> None:
    said = [
        doubt("few-requests", "level 1: only 9 answers", "measure longer", "1"),
        doubt("short-run", "it was short", "measure longer"),
        doubt("few-requests", "level 4: only 30 answers", "measure longer", "4"),
        doubt("few-requests", "poisson: only 30 answers", "measure longer", "poisson"),
        doubt("clock-set", "the clock was set", "let it be"),
    ]
    print_doubts(said, console())
    assert capsys.readouterr().out.splitlines() == [
        "1 ! level 1: only 9 answers (level 4 and poisson too); measure longer",
        "2 ! it was short; as for 1",
        "3 ! the clock was set; let it be",
    ]


def test_the_load_of_a_bench_stands_apart_from_the_whole_of_it(
    capsys: pytest.CaptureFixture[str],
) -> None:
    print_run(a_bench(), None, stderr=False)
    out = capsys.readouterr().out
    load, whole = out.split("\nthe whole bench ")
    assert load.splitlines()[0].strip() == (
        "ecoaudit: bench, complete: level 4, steady window of 20 s"
    )
    rows = {line.split()[0]: line.split() for line in out.splitlines()}
    assert rows["ttft_s_p95"][-2:] == ["2,", "3"]  # busy-client of the run, few-requests of level 4
    assert rows["ttft_s_p50"][-1] == "2"  # not busy-client of level 1, which is 4
    assert "ttft_s_p95" in load
    assert "energy_j" not in {line.split()[0] for line in load.splitlines()}
    assert rows["energy_j"][1:3] == ["4.00", "kJ"]
    told = whole.splitlines()[9:12]
    assert told[0] == (
        "the run's figures are those of level 4, steady window of 20 s: 0.9 requests/s in the"
        " busiest hour x 1.6 s each = 1.44 in flight (Little's law); level 4 is nearest"
    )
    assert told[1:] == [
        "idle, model loaded: 31.0 W (29.0 W to 33.0 W, measured)",
        "model load: 39.7 s, 4.00 kJ (3.59 kJ to 4.51 kJ, modelled)",
    ]
    assert "first request after a rest: first token 310 ms, answer 1.10 s, 4.00 kJ" in whole
    assert "the whole bench: 62.5 s, 4.00 kJ (3.50 kJ to 4.60 kJ, modelled)\n" in out


def test_a_reason_is_not_said_again_below_itself(capsys: pytest.CaptureFixture[str]) -> None:
    absent = Estimate.absent("s", "no counters")
    summary = {"a_s": absent, "b_s": absent, "c_s": Estimate.absent("s", "lost")}
    print_run(replace(a_run(), summary=summary, doubts=[]), None, stderr=False)
    lines = [line.split() for line in capsys.readouterr().out.splitlines()[2:]]
    assert [" ".join(line[1:]) for line in lines] == [
        *("- absent: no counters", "- absent: the same", "- absent: lost"),
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
