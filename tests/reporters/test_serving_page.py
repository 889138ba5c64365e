"""What a page says of a server under load."""

from __future__ import annotations

import re
from dataclasses import replace

import pytest

from ecoaudit.estimate import Basis, Estimate
from ecoaudit.reporters import svg
from ecoaudit.reporters.figures import figure
from ecoaudit.reporters.serving_page import sections
from ecoaudit.reporters.view import Bar, Curve, Curves, Line, Point, Table
from ecoaudit.run import CurvePoint, Run
from tests.reporters.examples import a_bench, a_run, a_served_run


def curves_of(run: Run) -> dict[str, Curve]:
    (block,) = [b for b in sections(run, "", "")[0].blocks if isinstance(b, Curves)]
    return {curve.title: curve for curve in block.items}


def tables_of(run: Run) -> dict[str, Table]:
    blocks = [block for section in sections(run, "", "") for block in section.blocks]
    return {block.caption: block for block in blocks if isinstance(block, Table)}


def memory_of(run: Run) -> Bar | None:
    blocks = [block for section in sections(run, "", "") for block in section.blocks]
    return next((block for block in blocks if isinstance(block, Bar)), None)


def test_every_load_has_its_place_by_its_requests_in_flight() -> None:
    curves = curves_of(a_served_run())
    assert list(curves) == [
        *("Output tokens per second", "Wait for the first token"),
        *("Time per output token", "Energy per output token"),
    ]
    (line,) = curves["Output tokens per second"].lines
    assert [(p.x, p.joined, p.steady) for p in line.points] == [
        (1, True, True),
        (4, True, True),
        (2.2, False, True),
        (0.2, False, False),
    ]
    assert [line.label for line in curves["Wait for the first token"].lines] == [
        *("median", "95 % within"),
    ]
    assert curves["Output tokens per second"].alternative == (
        "at 1 in flight 38.0 tokens/s; at 4 in flight 121 tokens/s; "
        "poisson, 0.5 requests/s, 2.2 in flight 60.0 tokens/s; clinic day, "
        "0.2 in flight 8.00 tokens/s"
    )


def test_a_load_without_the_figure_or_without_a_place_is_left_out_of_the_picture() -> None:
    run = a_run()
    for quantity in ("output_tokens_per_s", "tpot_s_p50"):
        assert quantity in run.curve[0].whole_run
    nowhere = CurvePoint(None, run.curve[0].whole_run, arrivals="batch")  # no requests_in_flight
    withheld = {"output_tokens_per_s": Estimate.absent("tokens/s", "withheld")}
    run = replace(run, curve=[*run.curve, nowhere, CurvePoint(8, withheld)])
    points = curves_of(run)["Output tokens per second"].lines[0].points
    assert [point.x for point in points] == [1, 4]
    rows = tables_of(run)["How fast it answers under each load"].rows
    assert len(rows) == 4
    assert rows[3].cells[1].figure is not None
    assert rows[3].cells[1].figure.basis == "absent"
    assert rows[3].cells[2].text == "not measured"


def test_one_load_makes_no_picture() -> None:
    run = replace(a_run(), curve=a_run().curve[:1])
    assert not [b for b in sections(run, "", "")[0].blocks if isinstance(b, Curves)]
    assert sections(replace(run, curve=[]), "", "") == []


def test_how_to_read_says_only_what_is_there() -> None:
    def note(run: Run) -> str:
        (block,) = [b for b in sections(run, "", "")[0].blocks if isinstance(b, Curves)]
        return block.note

    assert "Square: requests that come when they are due" in note(a_served_run())
    assert "Hollow" in note(a_served_run())
    assert "Square" not in note(a_run())
    assert "Hollow" in note(a_run())  # its first level has no steady window


def test_doubts_stand_below_the_table_that_they_weaken() -> None:
    tables = tables_of(a_served_run())
    assert tables["How fast it answers under each load"].note == (
        "Doubted, see below: Output rate, TTFT, median, TTFT, 95 %, TPOT, median (busy-client)."
    )
    assert tables_of(a_run())["How fast it answers under each load"].note == ""


def test_the_load_that_stands_for_the_run_is_marked() -> None:
    for table in tables_of(a_bench()).values():
        assert [row.strong for row in table.rows] == [False, True, False, False]
    assert not any(row.strong for table in tables_of(a_served_run()).values() for row in table.rows)


def test_a_doubt_of_one_load_is_said_of_that_load() -> None:
    run = replace(a_bench(), doubts=a_bench().doubts[2:])
    tables = tables_of(run)
    assert tables["How fast it answers under each load"].note == (
        "Doubted, see below: Output rate, TTFT, median, TPOT, median (busy-client at 1 in flight);"
        " TTFT, 95 % (few-requests at 1 in flight and 4 in flight, busy-client at 1 in flight)."
    )


def test_the_engines_counters_and_what_they_lack() -> None:
    table = tables_of(a_served_run())["The engine's own counters under each load"]
    assert table.columns == [
        *("Load", "In the batch", "KV cache, most", "Prefix cache", "Put back", "Prefill"),
    ]
    said = [cell.figure.full if cell.figure else cell.text for cell in table.rows[1].cells]
    assert said == [
        "4 in flight",
        "0.90 requests (0.70 to 1.10, measured)",
        "25 % (measured)",
        "absent",
        "0 requests (measured)",
        "250 ms (measured)",
    ]
    assert "stand still while a long prompt is read" in table.note


def test_a_server_without_counters_is_said_in_a_sentence() -> None:
    why = "the server has no counters of vLLM's under /metrics"
    run = a_run()
    figures = {**run.curve[0].whole_run, "preemptions": Estimate.absent("requests", why)}
    section = sections(replace(run, curve=[CurvePoint(1, figures)]), "r1-", "first: ")[1]
    assert section.lead == f"No counters of the engine: {why}."
    assert (section.id, section.title, section.blocks) == (
        "r1-engine",
        "first: Inside the engine",
        [],
    )
    assert len(sections(run, "", "")) == 1  # an older run says nothing of them


def test_memory_is_told_apart_at_the_load_with_the_most_in_the_cache() -> None:
    bar = memory_of(a_served_run())
    assert bar is not None
    gib = 2.0**30
    assert [(part.label, part.value) for part in bar.parts] == [
        ("Weights", 15 * gib),
        ("KV cache, used at most", gib),
        ("KV cache, reserved and not used", 3 * gib),
        ("Everything else", 0.0),
    ]
    assert bar.alternative.endswith("Everything else absent (no peak was measured)")
    drawn = svg.draw(bar, "c1")
    assert "tone4" not in drawn  # what is absent takes no room
    assert 'class="tone2" x="0.00%" y="0" width="78.95%"' in drawn  # 15 of 19 GiB
    assert memory_of(a_run()) is None


def test_a_mark_stands_where_its_numbers_are() -> None:
    def at(x: float, value: float, *, joined: bool = True, steady: bool = True) -> Point:
        shown = figure(Estimate.exact(value, "tokens/s", Basis.MEASURED, "test"))
        return Point(x, f"at {x:g} <in> flight", value, value - 5, value + 5, shown, joined, steady)

    points = [at(1, 50), at(4, 100), at(2, 75, joined=False), at(4, 25, steady=False)]
    chart = Curve("Rate", "words", "tokens/s", [Line("median", points)])
    drawn = svg.draw(chart, "c1")
    # from 160 px at 0 to 20 px at the top, which is 150: 50 stands at 113.3 px
    assert '<circle class="dot dot1" cx="12.00%" cy="113.3" r="4.5"/>' in drawn
    assert '<rect class="dot dot1" x="54.00%" y="90.0"' in drawn  # halfway: each doubling is alike
    assert '<circle class="dot dot1 hollow" cx="96.00%" cy="136.7" r="4.5"/>' in drawn
    assert drawn.count("trend1") == 2  # three joined points
    assert "<title>at 1 &lt;in&gt; flight, median: 50 tokens/s (measured)</title>" in drawn
    labels = re.findall(r'class="label"[^>]*>([^<]+)<', drawn)
    assert labels == ["0", "50", "100", "150 tokens/s", "1", "2", "4"]


@pytest.mark.parametrize(
    ("xs", "labels"),
    [
        ([1, 2, 4, 8], ["1", "2", "4", "8"]),
        ([0.04, 64], ["0.062", "0.25", "1", "4", "16", "64"]),  # six at most
        ([3, 3.5], ["3", "3.5"]),
        ([3, 3], ["3"]),
    ],
)
def test_what_is_written_below_a_curve(xs: list[float], labels: list[str]) -> None:
    shown = figure(Estimate.exact(0.0, "J/token", Basis.MEASURED, "test"))
    points = [Point(x, "", 0.0, 0.0, 0.0, shown) for x in xs]
    drawn = svg.draw(Curve("E", "words", "J/token", [Line("", points)]), "c1")
    found = re.findall(r'y="177.0" text-anchor="middle">([^<]+)<', drawn)
    assert found == labels
