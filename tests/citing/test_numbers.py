"""Each number in each text is one of the file's, rounded to the digits that are shown."""

from __future__ import annotations

import csv
import io
import json
import re
from typing import Any

import pytest
import yaml

from ecoaudit.citing import Facts, cite, citer_for
from ecoaudit.citing.facts import said
from ecoaudit.citing.latex import escape
from ecoaudit.reporters.markdown import text as escape_markdown
from tests.citing.examples import FILES, PAIRS
from tests.citing.numbers import (
    FACTORS,
    NUMBER,
    numbers_in,
    place_of,
    rounds_to,
    same,
    value_of,
    worth,
)

TEXTS = [(name, file) for name, file in PAIRS if name in {"latex", "markdown", "huggingface"}]
DATA = [(name, file) for name, file in PAIRS if name not in {"latex", "markdown"}]
# Numbers that are part of a format's own words: the width of intervals, the number of a standard.
OF_THE_WORDS = {"80", "21031"}


def file_of(facts: Facts) -> dict[str, Any]:
    data: dict[str, Any] = json.loads(facts.source.to_json())
    return data


def entry_of(data: dict[str, Any], name: str) -> dict[str, Any]:
    """The figure of a row, in the file."""
    if data["schema"].startswith("ecoaudit.run"):
        found: dict[str, Any] = data["summary"][name]
        return found
    head, _, rest = name.partition(".")
    found = data[head]
    if rest:
        found = found[rest]
    figure: dict[str, Any] = found.get("quantity", found.get("total", found))
    return figure


def rows_of(shown: str, name: str) -> list[list[str]]:
    """The cells of the table, as a reader sees them."""
    if name == "latex":
        lines = [line for line in shown.splitlines() if line.startswith(r"\raggedright")]
        return [[plain_tex(cell) for cell in line[:-2].split(" & ")] for line in lines]
    lines = [line for line in shown.splitlines() if line.startswith("|")][2:]
    return [[cell.strip() for cell in line.strip("|").split("|")] for line in lines]


def plain_tex(text: str) -> str:
    text = text.replace(r"\raggedright", "").replace(r"\textsubscript{2}", "2")
    text = re.sub(r"\$\\times10\^\{(-?)\+?(\d+)\}\$", r"e\1\2", text)
    return text.replace(r"\%", "%").replace("{}", "").strip()


@pytest.mark.parametrize(("name", "file"), TEXTS)
def test_a_row_of_the_table_is_its_figure_of_the_file(name: str, file: str) -> None:
    facts = FILES[file]()
    data = file_of(facts)
    rows = rows_of(cite(facts, citer_for(name)), name)
    assert len(rows) == len(facts.rows) >= 3
    for (_, shown, interval, basis), row in zip(rows, facts.rows, strict=True):
        entry = entry_of(data, row.name)
        number, _, unit = shown.partition(" ")
        factor = worth(unit, entry["unit"])
        assert rounds_to(entry["value"] / factor, number), (row.name, shown, entry)
        assert basis == entry["basis"]
        half = (entry["high"] - entry["low"]) / 2 / factor
        if interval == "exact":
            assert half <= 0.5 * place_of(number)
            continue
        low, high = interval.split(" to ")
        assert rounds_to(entry["low"] / factor, low), (row.name, interval, entry)
        assert rounds_to(entry["high"] / factor, high), (row.name, interval, entry)
        exponent = max(place_of(each) for each in (low, high))
        assert half < 100 * max(exponent, place_of(number))  # two digits of doubt at most


def words_of(facts: Facts) -> list[str]:
    """What a text repeats word for word, the longest first."""
    found = [facts.title, facts.id, facts.date, facts.tool, facts.model, facts.place, facts.what]
    found += [*facts.hardware, *facts.boundary, *facts.not_counted, *facts.method]
    found += [row.label for row in (*facts.rows, *facts.lacking, *facts.scopes)]
    figures = [row.figure for row in (*facts.rows, *facts.lacking, *facts.scopes)]
    for figure in (*figures, facts.energy, facts.carbon, facts.pue, facts.intensity):
        found += [said(figure.source), said(figure.source, 600), figure.unit]
    found += [said(doubt.code) for doubt in facts.doubts]
    return sorted({each for each in found if each}, key=len, reverse=True)


@pytest.mark.parametrize(("name", "file"), TEXTS)
def test_every_other_number_of_a_text_is_one_of_the_file(name: str, file: str) -> None:
    facts = FILES[file]()
    shown = cite(facts, citer_for(name))
    if name == "huggingface":
        shown = shown.partition("## ")[2].partition("```yaml")[0]
    for word in words_of(facts):
        shown = shown.replace(escape(word) if name == "latex" else escape_markdown(word), " ")
    shown = "\n".join(line for line in shown.splitlines() if not line.startswith((r"\begin", "%")))
    shown = re.sub(r"CO2e|CO\\textsubscript\{2\}e", "CO", shown)
    shown = re.sub(r"\$\\times10\^\{(-?)\+?(\d+)\}\$", r"e\1\2", shown)
    known = set(numbers_in(file_of(facts)))
    found = NUMBER.findall(shown)
    assert len(found) > 5
    for text in found:
        if text in OF_THE_WORDS:
            continue
        assert any(rounds_to(value * factor, text) for value in known for factor in FACTORS), text


def data_in(name: str, shown: str) -> Any:
    """What another program reads."""
    if name == "boamps":
        return json.loads(shown)
    if name == "codecarbon":
        header, row = list(csv.reader(io.StringIO(shown)))
        cells = dict(zip(header, row, strict=True))
        return {key: float(cell) for key, cell in cells.items() if _number(cell)}
    if name == "huggingface":
        front, body = shown.split("\n---\n", 1)
        (block,) = re.findall(r"^```yaml\n(.*?)^```$", body, re.DOTALL | re.MULTILINE)
        return [yaml.safe_load(front.removeprefix("---\n")), yaml.safe_load(block)]
    return yaml.safe_load(shown)


def _number(cell: str) -> bool:
    return bool(re.fullmatch(r"-?\d+(\.\d+)?(e-?\d+)?", cell))


def reckoned(name: str, facts: Facts) -> list[float]:
    """What a format states that is worked out from the file's figures; by the format's rules."""
    data = file_of(facts)
    if name == "impact-framework":
        hours = (
            [3600.0, 1000.0, 1.0, *(1000 * value for value in numbers_in(data["inputs"]))]
            if (facts.kind == "ledger")
            else []
        )
        units = [each["units"]["value"] for each in data.get("per_unit", {}).values()]
        grams = [
            1000 * line["quantity"]["value"]
            for line in data.get("lines", [])
            if line["quantity"]["value"] is not None
        ]
        return [*hours, *(each / unit for each in grams for unit in units)]
    if name == "codecarbon":
        pue = facts.pue.value or 1.0
        energies = [
            figure.value
            for key, figure in facts.source.summary.items()  # type: ignore[union-attr]
            if key.endswith("_j") and figure.value is not None
        ]
        seconds = facts.duration.number
        memory = data["environment"].get("memory_bytes", 0.0)
        return [
            *(energy * pue / 3.6e6 for energy in energies),
            *(energy * pue / seconds for energy in energies),
            facts.carbon.number / seconds,
            memory / 2**30,
            float(len(facts.hardware)),
        ]
    if name == "boamps" and facts.kind == "run":
        counts = [
            (point["whole_run"].get("requests") or {}).get("value") for point in data["curve"]
        ]
        tokens = list(numbers_in([point["whole_run"] for point in data["curve"]]))
        return [1.0, *(value / count for value in tokens for count in counts if count)]
    return [1.0]


@pytest.mark.parametrize(("name", "file"), DATA)
def test_data_hold_the_figures_of_the_file_in_full(name: str, file: str) -> None:
    facts = FILES[file]()
    shown = data_in(name, cite(facts, citer_for(name)))
    rounded = {"training_time_hours", "training_energy_mwh"}
    if name == "eu-gpai":
        shown = {key: value for key, value in shown.items() if key not in rounded}
    known = [*set(numbers_in(file_of(facts))), *reckoned(name, facts)]
    found = list(numbers_in(shown))
    assert found
    for number in found:
        assert any(
            same(number, value * factor)
            for value in known
            for factor in (*FACTORS, 1000.0, 3600.0, 1e-3)
        ), number


def test_the_helper_knows_what_a_digit_is_worth() -> None:
    assert [place_of(each) for each in ("1.23", "130", "1,200", "7", "0", "1.3e-06")] == [
        *(0.01, 10.0, 100.0, 1.0, 1.0),
        pytest.approx(1e-7),
    ]
    assert rounds_to(125.2, "130")
    assert not rounds_to(124.9, "130")
    assert value_of("1,234.5") == 1234.5
