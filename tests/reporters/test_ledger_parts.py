"""Each part of what is written of a ledger."""

from __future__ import annotations

import re
from dataclasses import replace

import pytest

from ecoaudit.distributions import Distribution
from ecoaudit.estimate import Basis, Estimate
from ecoaudit.reporters.ledger_inputs import next_to_measure
from ecoaudit.reporters.ledger_words import drawn
from ecoaudit.reporters.view import Table
from tests.reporters.ledgers import BLOOM, a_ledger, render, section, tables


def test_every_section_is_there() -> None:
    text = render(a_ledger(), ".md")
    assert re.findall(r"^## (.+)$", text, re.MULTILINE) == [
        "The total",
        "Where it arises",
        "By stage, scope and owner",
        "Every line",
        "What is not in the total",
        "Other conventions",
        "Which number to measure next",
        "Other impacts",
        "SCI and SCI for AI",
        "Where the figures come from",
        "Doubts",
        "How it was reckoned",
        "Words",
    ]
    assert "critical review by a panel" in text
    assert "| Draws | 1,000, seed 1; stratified draws" in text
    assert "- File format: ecoaudit.ledger/1" in text


def test_every_line_has_its_formula_and_source() -> None:
    ledger = a_ledger()
    listed, formulas = tables(ledger, "lines")
    assert len(listed.rows) == len(ledger.lines)
    shown = {row.cells[0].note: row.cells for row in formulas.rows}
    for line in ledger.every_line:
        assert (line.id in shown) == line.quantity.known
        if line.quantity.known:
            assert [cell.text for cell in shown[line.id]] == [
                line.name,
                line.quantity.source,
                line.formula,
            ]
    amounts = [row.cells[4].figure is not None for row in listed.rows]
    assert amounts == sorted(amounts, reverse=True)  # what is not known stands last


def test_conventions_name_the_one_that_was_taken() -> None:
    (table,) = tables(a_ledger(), "conventions")
    assert [(row.cells[0].text, row.cells[0].note) for row in table.rows] == [
        ("calendar", "taken here"),
        ("busy", ""),
        ("occupied", ""),
        ("calendar, full", ""),
        ("calendar, marginal", ""),
    ]


def test_the_number_to_measure_next_is_the_first_of_the_shares() -> None:
    ledger = a_ledger()
    first = ledger.uncertainty["shares"][0]
    assert first["inputs"] == ["fuel_l_per_kwh"]
    lead = next_to_measure(ledger).lead
    assert "a better figure of fuel use (fuel_l_per_kwh)" in lead
    assert f"carries {first['share']:.0%}".replace("%", " %") in lead
    assert "No input of the carbon has an interval" in next_to_measure(a_ledger(BLOOM)).lead


def test_points_of_sci_have_symbol_and_word() -> None:
    text = render(a_ledger(), ".md")
    tally = r"\*\*SCI 1\.1 \(ISO/IEC 21031\): \d+ met, \d+ not met, \d+ not applicable\*\*"
    assert re.search(tally, text)
    assert re.search(r"\| energy \(E\) \| .+ \| ✓ met \| idle electricity is a line", text)
    assert re.search(r"\| software boundary, training \| .+ \| ✕ not met \|", text)
    off_grid = re.compile(r"off the grid \| .+ \| – not applicable \|")
    assert off_grid.search(render(a_ledger(BLOOM), ".md"))
    assert re.search(r"- SCI: 36 gCO2e \(2\d to 5\d, modelled\), per accepted note", text)


def test_own_figures_say_what_they_replace() -> None:
    (own, every) = tables(a_ledger(), "inputs")
    replaced = {name: each.replaces for name, each in a_ledger().inputs.items() if each.replaces}
    assert {row.cells[0].text: row.cells[2].text for row in own.rows} == replaced
    grid = next(row for row in own.rows if row.cells[0].text == "grid_g_per_kwh")
    assert grid.cells[1].figure is not None
    assert grid.cells[1].figure.text == "85 gCO2e/kWh"
    assert grid.cells[2].text.startswith("70.5 gCO2e/kWh")
    assert len(every.rows) == len(a_ledger().inputs)


@pytest.mark.parametrize(
    ("distribution", "said"),
    [
        (Distribution("fixed", (2.0,)), "taken as sure"),
        (
            Distribution("lognormal", (150.0, 1.6)),
            "log-normal, median 150 kgCO2e, geometric standard deviation 1.6",
        ),
        (
            Distribution("triangular", (4.0, 6.0, 9.0)),
            "triangular: lowest 4 kgCO2e, likeliest 6 kgCO2e, highest 9 kgCO2e",
        ),
        (Distribution("uniform", (1.0, 2.0)), "anywhere from 1 kgCO2e to 2 kgCO2e, each as likely"),
        (
            Distribution("interval", (2.0, 1.0, 4.0)),
            "80 % within its interval, log-normal on either side",
        ),
        (
            Distribution("interval", (2.0, 0.0, 4.0)),
            "80 % within its interval, normal on either side",
        ),
        (
            Distribution("empirical", (3.0, 1.0, 2.0)),
            "3 repeats of a measurement, 1 kgCO2e to 3 kgCO2e",
        ),
    ],
)
def test_a_distribution_in_words(distribution: Distribution, said: str) -> None:
    assert drawn(distribution, "kgCO2e") == said


def test_sites_stand_side_by_side_with_worst_over_best() -> None:
    rows = [
        {
            "kind": "site",
            "name": name,
            "per": "the account",
            "quantity": Estimate.within(kg, 0.1, "kgCO2e", Basis.MODELLED, "test"),
            "over_best": Estimate.exact(ratio, "", Basis.MODELLED, "test"),
        }
        for name, kg, ratio in (("Lagos", 30.0, 6.0), ("Oslo", 5.0, 1.0))
    ]
    found = section(replace(a_ledger(), rows=rows), "rows")
    assert found.lead == "Lagos has 6 times the least."
    (table,) = found.blocks
    assert isinstance(table, Table)
    assert [row.cells[0].text for row in table.rows] == ["Lagos", "Oslo"]
    assert "Side by side" not in render(a_ledger(), ".md")
    central = {
        "kind": "instead",
        "name": "One central run",
        "per": "the account",
        "quantity": Estimate.exact(20.0, "kgCO2e", Basis.MODELLED, "test"),
        "over_best": Estimate(0.57, 0.4, 0.8, "", Basis.MODELLED, "test"),
        "below": 0.94,
    }
    text = render(replace(a_ledger(), rows=[*rows, central]), ".md")
    ratio = "0.57 (0.40 to 0.80) times the carbon of this"
    assert f"One central run would have {ratio}, and less in 94 % of the draws." in text
    assert "| Instead | Per | Carbon | Times this account |" in text
