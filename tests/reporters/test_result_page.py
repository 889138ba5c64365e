"""What a page says first of a run, and of which load."""

from __future__ import annotations

from dataclasses import replace

from ecoaudit.checks import doubt
from ecoaudit.cli.tables import whole_bench
from ecoaudit.estimate import Estimate
from ecoaudit.reporters import REPORTERS, Content
from ecoaudit.reporters.result_page import host_energy, load_in_words, result
from ecoaudit.reporters.view import Fact, Facts, Table
from ecoaudit.run import CurvePoint, Run
from tests.reporters.examples import a_bench, a_run


def facts_of(run: Run) -> dict[str, dict[str, Fact]]:
    """Cards by what they are of, and by their label."""
    blocks = [block for block in result(run, "", "").blocks if isinstance(block, Facts)]
    return {block.title: {fact.label: fact for fact in block.items} for block in blocks}


def tables_of(run: Run) -> dict[str, Table]:
    blocks = [block for block in result(run, "", "").blocks if isinstance(block, Table)]
    return {block.caption: block for block in blocks}


def shown(fact: Fact) -> tuple[str, str]:
    return (fact.figure.text if fact.figure else fact.text, fact.note)


def test_it_says_of_which_load_the_figures_are_and_why() -> None:
    lead = result(a_bench(), "", "").lead
    assert lead == (
        "Complete, started 2026-11-20T10:00:00+00:00. The figures are those of level 4:"
        " 0.9 requests/s in the busiest hour x 1.6 s each = 1.44 in flight (Little's law);"
        " level 4 is nearest. The whole bench, from its first rest to its last load, took 62.5 s"
        " and 4.0 kJ."
    )


def test_the_cards_of_the_load_hold_waits_energies_and_the_share_in_time() -> None:
    cards = facts_of(a_bench())["At level 4, steady window of 20 s"]
    assert {label: shown(fact) for label, fact in cards.items()} == {
        "First token, median": ("300 ms", "95 % within 410 ms"),
        "Whole answer, median": ("1.60 s", "95 % within 1.90 s"),
        "Answers in time": ("90 %", "first in 2 s, whole in 15 s"),
        "Output tokens per second": ("121 tokens/s", "2.50 requests/s"),
        "Energy per request": ("18.0 J/request", "all that was used, shared out"),
        "One more request adds": ("6.0 J/request", "above the engine at rest"),
        "With its part of a day at rest": ("54 kJ/request", "40 requests a day"),
        "Energy per output token": ("0.83 J/token", ""),
    }


def test_the_whole_bench_stands_apart_with_what_a_start_and_a_wake_cost() -> None:
    cards = facts_of(a_bench())["The whole bench, with 4 loads"]
    assert {label: shown(fact) for label, fact in cards.items()} == {
        "Energy": ("4.0 kJ", "rests, loading and all loads"),
        "Duration": ("62.5 s", ""),
        "Operational carbon": ("0.078 gCO2e", "of that energy"),
        "Idle power": ("31.0 W", "model loaded, no request"),
        "Loading the model": ("39.7 s", "4.0 kJ, modelled"),
        "First token after a rest": ("310 ms", "whole answer 1.10 s; 4.0 kJ, modelled"),
    }


def test_a_server_that_ran_before_was_not_loaded_and_its_energy_is_not_made_up() -> None:
    apart = doubt("attached-server", "the modelled CPU figures leave it out")
    run = a_bench()
    run = replace(
        run, settings={**run.settings, "started_by_ecoaudit": False}, doubts=[*run.doubts, apart]
    )
    cards = facts_of(run)["The whole bench, with 4 loads"]
    assert "Loading the model" not in cards
    assert shown(cards["First token after a rest"]) == ("310 ms", "whole answer 1.10 s")
    assert shown(cards["Energy"]) == ("4.0 kJ", "not all of the server is in it")
    assert result(run, "", "").lead.endswith(
        "took 62.5 s and 4.0 kJ, in which not all of the server is."
    )
    told = list(whole_bench(run))
    assert told[2] == "first request after a rest: first token 310 ms, answer 1.10 s"
    assert told[-1].endswith("modelled), in which not all of the server is")


def test_no_figure_is_in_both_tables_and_none_is_lost() -> None:
    run = a_bench()
    load, whole = tables_of(run).values()
    names = [row.cells[0].note for table in (load, whole) for row in table.rows]
    assert sorted(names) == sorted(run.summary)
    assert "ttft_s_p95" in [row.cells[0].note for row in load.rows]
    assert [row.cells[0].note for row in whole.rows] == [
        *("duration_s", "energy_j", "gpu_energy_j", "cpu_energy_j", "dram_energy_j"),
        *("idle_power_w", "operational_kgco2e"),
    ]


def test_a_doubt_of_another_load_weakens_no_figure_of_this_one() -> None:
    run = replace(a_bench(), doubts=a_bench().doubts[2:])  # without that of the whole run
    (load,) = [table for caption, table in tables_of(run).items() if "level 4" in caption]
    weak = {row.cells[0].note: row.cells[2].note for row in load.rows if row.cells[2].note}
    assert weak == {"ttft_s_p95": "doubted: few-requests", "e2e_s_p95": "doubted: few-requests"}
    (cards, _) = [block for block in result(run, "", "").blocks if isinstance(block, Facts)]
    assert cards.note == "Doubted, see below: few-requests."


def test_what_is_absent_says_why_on_its_card() -> None:
    why = "the loaded engine was not measured at rest (--idle)"
    names = ("marginal_energy_per_request_j", "allocated_energy_per_request_j", "idle_power_w")
    absent = {name: Estimate.absent("J/request", why) for name in names}
    run = a_bench()
    load, whole = facts_of(replace(run, summary={**run.summary, **absent})).values()
    assert shown(load["One more request adds"]) == ("absent", why)
    assert shown(load["With its part of a day at rest"]) == ("absent", "for the same reason")
    assert "Idle power" not in whole


def test_what_is_absent_is_not_doubted_too() -> None:
    run = a_bench()
    energies = {key: Estimate.absent(e.unit, "x") for key, e in run.summary.items() if "_j" in key}
    run = replace(run, summary={**run.summary, **energies}, doubts=[doubt("cpu-modelled", "x")])
    (cards, _) = [block for block in result(run, "", "").blocks if isinstance(block, Facts)]
    assert cards.note == ""


def test_boards_alone_are_said_to_be_so() -> None:
    run = a_bench()
    joules = run.summary["energy_per_request_j"]
    boards = {
        "energy_per_request_j": Estimate.absent("J/request", "boards alone"),
        "gpu_energy_per_request_j": joules * 0.5,
    }
    summary = {**run.summary, **boards}
    curve = [replace(p, steady={**p.steady, **boards}) if p.steady else p for p in run.curve]
    cards = facts_of(replace(run, summary=summary, curve=curve, windows=[]))
    load = cards["At level 4, steady window of 20 s"]
    assert shown(load["Energy per request, GPU boards alone"])[0] == "9.0 J/request"
    assert "Energy per request" not in load
    assert list(cards)[1] == "The whole result, with 4 loads"


def test_many_absent_figures_of_one_reason_are_one_row() -> None:
    run = a_bench()
    why = "the server has no counters"
    names = ("engine_queue_s", "engine_prefill_s", "engine_decode_s")
    absent = {name: Estimate.absent("s", why) for name in names}
    curve = [replace(p, steady={**p.steady, **absent}) if p.steady else p for p in run.curve]
    summary = {**{k: e for k, e in run.summary.items() if k not in names}, **absent}
    (load, _) = tables_of(replace(run, curve=curve, summary=summary)).values()
    (row,) = [row for row in load.rows if row.cells[2].text == why]
    assert (row.cells[0].text, row.cells[0].note) == ("3 figures", ", ".join(names))


def test_a_run_that_names_no_load_keeps_its_one_table() -> None:
    assert list(tables_of(a_run())) == ["Every figure of the run"]
    assert result(a_run(), "", "").lead.startswith("An inference run, complete")


def test_a_load_in_words() -> None:
    (_, four, _, day) = a_bench().curve
    assert load_in_words(four) == "level 4, steady window of 20 s"
    assert load_in_words(day) == "clinic day, whole run of 20 s"
    assert load_in_words(CurvePoint(1, {})) == "level 1, whole run"


def test_the_energy_of_a_window_leaves_the_plug_out() -> None:
    (loading, *_) = a_bench().windows
    plug = replace(loading.devices[0], id="plug", kind="wall", boundary="wall")
    both = replace(loading, devices=[*loading.devices, plug])
    assert host_energy(both).value == 4000
    assert not host_energy(replace(loading, devices=[])).known


def test_how_it_was_made_holds_what_was_asked_for() -> None:
    text = REPORTERS[".md"]().render(Content(None, (a_bench(),)))
    made = text.split("## How it was made")[1].split("\n## ")[0]
    assert "**What was asked for: Notes at the Two-room clinic: Ambient note**" in made
    assert "| Length of what is sent, mean | 1,250 tokens (declared) | twenty notes |" in made
    assert "| Longest wait for the first word (95 % within) | 2 s (declared) |" in made
    assert "| Clinicians | 2 clinicians (declared) |" in made
    assert "Power that one circuit may carry" not in made  # it has no part in a bench
    assert "What was asked for" not in REPORTERS[".md"]().render(Content(None, (a_run(),)))


def test_what_was_seen_in_a_window_stands_beside_it() -> None:
    text = REPORTERS[".md"]().render(Content(None, (a_bench(),)))
    (row,) = [line for line in text.splitlines() if line.startswith("| first\\_request |")]
    assert row.endswith(
        "| Wait for the first word: 310 ms (measured); Wait for the whole answer: 1.10 s"
        " (measured) |"
    )
    assert "What was seen in it" not in REPORTERS[".md"]().render(Content(None, (a_run(),)))


def test_a_doubt_of_several_loads_has_its_remedy_once() -> None:
    text = REPORTERS[".md"]().render(Content(None, (a_bench(),)))
    doubts = text.split("## Doubts")[1].split("\n## ")[0]
    assert (
        "Level 1: only 9 answers; level 4: only 30 answers. (`few-requests`)"
        " **Remedy:** Measure longer." in doubts
    )
    assert doubts.count("`few-requests`") == 1
    assert doubts.count("`busy-client`") == 2  # of the whole run, and of one load
