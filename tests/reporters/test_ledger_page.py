"""What is written of a ledger: that it adds up, that nothing absent reads as zero, that it is
safe to open."""

from __future__ import annotations

import re
from dataclasses import replace
from pathlib import Path

import pytest

from ecoaudit.errors import FileFormatError, UsageError
from ecoaudit.estimate import Basis, Estimate
from ecoaudit.ledger import Ledger, Scope, Stage, load_ledger
from ecoaudit.reporters import REPORTERS, load_content, svg
from ecoaudit.reporters.ledger_figures import (
    Sums,
    belongs_to,
    carbon,
    given_figure,
    impact_figure,
    scale_of,
)
from ecoaudit.reporters.ledger_tables import by_contract
from ecoaudit.reporters.ledger_words import SCOPES, STAGES
from ecoaudit.reporters.stacks import Stack, Stacks
from tests.reporters.examples import a_plan
from tests.reporters.ledgers import (
    BLOOM,
    a_ledger,
    in_other_words,
    render,
    rows_of,
    section,
    tables,
)
from tests.reporters.test_reporters import Outline

HOSTILE = "<script>alert(1)</script>|"


# -- that it adds up -------------------------------------------------------------------------------


@pytest.mark.parametrize("ledger", [a_ledger(), a_ledger(BLOOM)], ids=["clinic", "bloom"])
@pytest.mark.parametrize("row", ["line", "by_stage", "by_scope", "by_owner"])
def test_rows_of_the_csv_sum_to_the_total_of_the_file(ledger: Ledger, row: str) -> None:
    amounts = [
        float(each["quantity"])
        for each in rows_of(ledger)
        if each["row"] == row and each["quantity"]
    ]
    assert sum(amounts) == pytest.approx(ledger.total.number, rel=1e-9)


def test_every_row_of_the_csv_has_the_figure_of_the_file() -> None:
    ledger = a_ledger()
    found = {(row["row"], row["id"]): row for row in rows_of(ledger)}
    assert len(found) == len(rows_of(ledger))  # each row is told by its kind and id
    for line in ledger.lines:
        row = found["line", line.id]
        assert (row["scope"], row["formula"]) == (str(line.scope), line.formula)
        ends = [row["quantity"], row["quantity_low"], row["quantity_high"]]
        figures = (line.quantity.value, line.quantity.low, line.quantity.high)
        assert ends == ["" if end is None else repr(end) for end in figures]
    total = found["total", "total"]
    assert float(total["quantity"]) == ledger.total.value
    assert (total["quantity_unit"], total["quantity_basis"]) == ("kgCO2e", "declared")
    unit = ledger.per_unit["accepted note"]
    assert float(found["per_unit", "accepted note"]["quantity"]) == unit.quantity.value
    given = found["input", "fuel_l_per_kwh"]
    assert float(given["quantity"]) == pytest.approx(0.5)
    kind, *numbers = given["distribution"].split()
    assert kind == "interval"
    assert [float(number) for number in numbers] == pytest.approx([0.5, 0.4, 0.8])


def test_sums_from_the_draws_are_those_of_the_file() -> None:
    ledger = a_ledger()
    for stage, found in Sums(ledger).by(ledger.lines, lambda line: line.stage).items():
        assert found.numbers == pytest.approx(ledger.by_stage[stage].numbers, rel=1e-9)


def test_the_first_figure_sums_to_the_total_by_what_it_is_of_and_by_kind() -> None:
    ledger = a_ledger()
    groups = Sums(ledger).by(ledger.lines, belongs_to)
    amounts = [each.number for each in groups.values() if each.known]
    assert sum(amounts) == pytest.approx(ledger.total.number, rel=1e-9)
    (stacks,) = (b for b in section(ledger, "where").blocks if isinstance(b, Stacks))
    assert [item.label for item in stacks.items] == [
        "Equipment, made and disposed of",
        "Waiting, ready to answer",
        "Answering",
        "Training and adaptation",
        "Users' devices and networks",
    ]
    widths = [sum(width for _, width in item.parts) for item in stacks.items]
    idle = sum(line.quantity.number for line in ledger.lines if line.of is Stage.IDLE)
    assert widths[1] / sum(widths) == pytest.approx(idle / ledger.total.number, rel=1e-9)
    assert stacks.items[1].share == "76 %"
    assert all(0 <= item.low <= item.high <= 1 for item in stacks.items)
    text = render(ledger, ".html")
    assert "Waiting, ready to answer: 76\u00a0% of the total; equipment, made and" in text
    assert "<desc" in text
    parts = "the use itself 130 kgCO2e, cooling and losses of the site 39 kgCO2e, supply chain"
    assert parts in text


def test_the_page_shows_the_sums_of_the_file_with_the_digits_that_intervals_allow() -> None:
    ledger = a_ledger()
    common = scale_of(ledger)
    stages, scopes, owners = tables(ledger, "sums")
    shown = [row.cells[1].figure for row in stages.rows]
    assert shown == [carbon(each, common) for each in [*ledger.by_stage.values(), ledger.total]]
    assert [row.cells[0].text for row in scopes.rows] == [
        *(f"{scope} {SCOPES[scope]}" for scope in ledger.by_scope),
        "Together",
    ]
    assert len(owners.rows) == len(ledger.by_owner) + 1
    text = render(ledger, ".md")
    said = (
        r"290 kgCO2e \(2\d0 to 4\d0\) over 365 days, which is 36 gCO2e \(2\d to 5\d\) per accepted"
    )
    assert re.search(said, text)
    assert "| 1 fuel burnt here | 140 kgCO2e (" in text


def test_a_bar_of_parts_has_its_interval_below_and_says_what_it_shows() -> None:
    shown = carbon(Estimate.exact(3.0, "kgCO2e", Basis.MODELLED, "test"), (1.0, "kgCO2e"))
    bar = Stack("A <b>", [("1", 0.5), ("2", 0.001), ("3", 0.0)], 0.4, 0.9, "60 %", shown, "a, b")
    text = svg.draw(bar, "c1")
    assert '<title id="c1-t">A &lt;b&gt;</title><desc id="c1-d">a, b</desc>' in text
    assert 'class="tone1" x="0.00%" y="2" width="50.00%"' in text
    assert 'class="tone2" x="50.00%" y="2" width="0.40%"' in text  # never too thin to be seen
    assert "tone3" not in text
    assert 'class="whisker" x1="40.00%" x2="90.00%"' in text


def test_a_file_with_impossible_draws_is_refused() -> None:
    for draws in (0, 10**12):
        edited = replace(a_ledger(), uncertainty={"draws": draws, "seed": 1})
        with pytest.raises(FileFormatError, match="draws: expected 1 to 1,000,000"):
            Sums(edited)


def test_figures_of_one_table_stand_in_one_unit() -> None:
    def kg(value: float) -> Estimate:
        return Estimate(value, value * 0.8, value * 1.3, "kgCO2e", Basis.MODELLED, "test")

    assert carbon(kg(420.0), (1e-3, "tCO2e")).text == "0.42 tCO2e"
    assert carbon(kg(0.42), (1e-3, "tCO2e")).text == "420 gCO2e"  # too small for that unit
    assert carbon(kg(0.0), (1.0, "kgCO2e")).text == "0 kgCO2e"
    metal = Estimate(3.2e-5, 1.7e-5, 7.4e-5, "kgSbe", Basis.MODELLED, "test")
    assert impact_figure(metal).text == "32 mgSbe"
    assert impact_figure(metal).interval == "17 to 74"
    many = Estimate(1e14, 1e13, 1e15, "tokens", Basis.DECLARED, "test")
    assert given_figure(many).text == "1e14 tokens"
    assert given_figure(many).interval == "1e13 to 1e15"


def test_scope_two_is_reported_by_location_and_by_contract() -> None:
    ledger = a_ledger()
    contract = by_contract(ledger)
    assert contract.number == 0.0
    assert contract.number + ledger.total.number - ledger.by_scope[Scope.ELECTRICITY].number == (
        pytest.approx(ledger.total_market.number, rel=1e-9)
    )
    row = tables(ledger, "sums")[1].rows[1]
    assert row.cells[0].text == "2 purchased electricity"
    assert row.cells[2].figure is not None
    assert row.cells[2].figure.text == "0 kgCO2e"
    bloom = a_ledger(BLOOM)  # without a contract
    assert by_contract(bloom) == bloom.by_scope[Scope.ELECTRICITY]
    assert "no contract is stated" in render(bloom, ".md")


# -- that nothing absent reads as zero -------------------------------------------------------------


def without(ledger: Ledger, stage: Stage) -> Ledger:
    """The same ledger with nothing known of a stage."""
    why = Estimate.absent("kgCO2e", "nobody told")
    lines = [
        replace(line, quantity=why, formula="") if line.stage is stage else line
        for line in ledger.lines
    ]
    return replace(ledger, lines=lines, by_stage={**ledger.by_stage, stage: why})


def test_what_is_not_modelled_is_said_and_never_nothing() -> None:
    ledger = without(a_ledger(), Stage.IDLE)
    names = [line.name for line in ledger.lacking]
    assert "waiting, ready to answer: from the grid" in names
    row = next(r for r in tables(ledger, "sums")[0].rows if r.cells[0].text == STAGES[Stage.IDLE])
    assert [cell.text for cell in row.cells[1:]] == ["not modelled", ""]
    listed = tables(ledger, "not-in-it")[0]
    assert listed.caption == "What is not modelled, and is not nothing"
    reasons = {r.cells[0].text: r.cells[2].text for r in listed.rows}
    assert list(reasons)[: len(names)] == names
    assert reasons["waiting, ready to answer: from the grid"] == "nobody told"
    absent = [row for row in rows_of(ledger) if row["id"] == "serving_idle/grid"]
    assert [(row["quantity"], row["quantity_basis"], row["source"]) for row in absent] == [
        ("", "absent", "nobody told")
    ]
    for suffix in (".html", ".md"):
        text = render(ledger, suffix)
        assert "not modelled" in text
        assert not re.search(r"waiting, ready to answer: from the grid[^|\n]*\| 0 ", text)


def test_a_ledger_of_which_nothing_is_known_has_a_page() -> None:
    ledger = a_ledger()
    nothing = Estimate.absent("kgCO2e", "nobody told")
    bare = replace(
        ledger,
        lines=[replace(line, quantity=nothing, formula="", market=None) for line in ledger.lines],
        total=nothing,
        total_market=nothing,
        by_stage=dict.fromkeys(ledger.by_stage, nothing),
        by_scope=dict.fromkeys(ledger.by_scope, nothing),
        by_owner=dict.fromkeys(ledger.by_owner, nothing),
        per_unit={},
        conventions=[],
        sci={},
    )
    text = render(bare, ".md")
    assert "No line of it is known, so that there is no total." in text
    assert "Where it arises" not in text
    assert "- In total: absent, nobody told" in text
    assert "nobody told" in render(bare, ".html")


def test_an_impact_without_a_source_is_not_modelled() -> None:
    ledger = a_ledger()
    absent = [name for name, impact in ledger.impacts.items() if not impact.total.known]
    assert absent
    text = render(ledger, ".md")
    for name in absent:
        for line in ledger.impacts[name].lines:
            assert f"| {line.name} | not modelled | {line.quantity.source} |" in text
    assert re.search(r"\| Together \| 1,700 L \(\d00 to 3,\d00, declared\)", text)


# -- safe to open ----------------------------------------------------------------------------------


@pytest.mark.parametrize("suffix", REPORTERS)
def test_the_same_ledger_gives_the_same_bytes(suffix: str, tmp_path: Path) -> None:
    place = a_ledger().save(tmp_path / "ledger.json")
    again = load_content([place], "ecoaudit report x.json")
    assert again.ledger is not None
    assert render(again.ledger, suffix) == render(a_ledger(), suffix)


def test_json_is_the_ledger_itself(tmp_path: Path) -> None:
    place = tmp_path / "again.json"
    place.write_text(render(a_ledger(), ".json"), "utf-8")
    assert load_ledger(place).to_json() == a_ledger().to_json()


def test_a_ledger_is_reported_alone(tmp_path: Path) -> None:
    ledger, plan = a_ledger().save(tmp_path / "a.json"), a_plan().save(tmp_path / "b.json")
    for others in ([ledger, plan], [ledger, ledger]):
        with pytest.raises(UsageError, match="holds one ledger and nothing else"):
            load_content(others)


def test_the_page_loads_nothing_and_can_be_read_aloud() -> None:
    text = render(a_ledger(), ".html")
    outline = Outline(text)
    assert outline.open == []
    assert outline.all("script") == outline.all("img") == []
    assert len(text.encode()) < 500_000
    ids = [attrs["id"] for _, attrs in outline.tags if attrs.get("id")]
    assert len(ids) == len(set(ids))
    assert len(outline.all("table")) == len(outline.all("caption"))
    for chart in outline.all("svg"):
        assert chart["role"] == "img"
        assert set((chart["aria-labelledby"] or "").split()) <= set(ids)
    assert {str(a["href"])[1:] for a in outline.all("a")} <= set(ids)


def test_hostile_names_show_as_text() -> None:
    ledger = in_other_words(a_ledger(), lambda text: f"{HOSTILE} {text[:8]}")
    page = render(ledger, ".html")
    assert "<script" not in page
    assert "&lt;script&gt;alert(1)&lt;/" in page
    assert Outline(page).open == []
    said = render(ledger, ".md")
    assert "<script" not in said
    assert "&lt;script&gt;" in said
    quoted = render(in_other_words(a_ledger(), lambda text: f"`<script>` {text[:8]}`"), ".md")
    assert "<script" not in re.sub(r"(?<!\\)`[^`]*`", "", quoted)  # code spans show as they are
    formula = in_other_words(a_ledger(), lambda text: f"=1+1 {text}")
    assert all(not row["name"].startswith("=") for row in rows_of(formula))
