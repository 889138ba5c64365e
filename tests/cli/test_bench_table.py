"""What ``bench`` prints at its end."""

from __future__ import annotations

from dataclasses import replace

import pytest

from ecoaudit.cli.bench_table import print_bench
from ecoaudit.estimate import Estimate
from tests.reporters.examples import a_bench


def printed(capsys: pytest.CaptureFixture[str]) -> list[str]:
    return [line.rstrip() for line in capsys.readouterr().out.splitlines()]


def test_how_fast_each_load_is_and_what_it_costs(capsys: pytest.CaptureFixture[str]) -> None:
    print_bench(a_bench(), "run.json")
    lines = printed(capsys)
    assert lines[1] == (
        "load                     window  first token p50/p95  per token p50  answer p50/p95"
        "  tokens/s  in time  in time/s"
    )
    four = [line.split() for line in lines if line.startswith("4  ")]
    assert four == [
        ["4", "steady", "300/412", "ms", "26.2", "ms", "1.60/1.90", "s", "121", "0.900", "2.25"],
        ["4", "20.0", "s", "50.0", "45.0", "W", "0.826", "18.0", "6.00", "53,600"],
    ]
    (costs,) = [line for line in lines if "one more adds" in line]
    assert costs.endswith("power   J/token  J/request  one more adds  with its part of a day")
    assert lines[-1] == "run: run.json"
    assert any(line.startswith("first request after a rest: first token 310 ms") for line in lines)


def test_units_that_differ_stand_with_each_figure_and_nothing_is_a_dash(
    capsys: pytest.CaptureFixture[str],
) -> None:
    (one, *_) = a_bench().curve
    figures = {
        **one.steady,
        "ttft_s_p95": Estimate.exact(1.5, "s", one.steady["ttft_s_p95"].basis, "client"),
        "goodput_per_s": Estimate.absent("requests/s", "no limits"),
    }
    del figures["service_level_share"]
    print_bench(replace(a_bench(), curve=[replace(one, steady=figures)]), None)
    (row, _) = [line.split() for line in printed(capsys) if line.startswith("1 ")][:2]
    assert row[2:5] == ["300", "ms/1.50", "s"]
    assert row[-2:] == ["-", "absent"]


def test_two_loads_fit_a_terminal_of_eighty_columns(capsys: pytest.CaptureFixture[str]) -> None:
    from ecoaudit.cli import tables

    console = tables._Literal(width=80, markup=False, emoji=False, highlight=False)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(tables, "console", lambda stderr=False: console)
        print_bench(replace(a_bench(), curve=a_bench().curve[:2], doubts=[]), None)
    lines = printed(capsys)
    for load in "14":
        assert next(line for line in lines if line.startswith(f"{load} ")).endswith("2.25")
