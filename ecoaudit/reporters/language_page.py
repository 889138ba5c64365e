"""What a plan's page says of the languages of its patients: tokens, waits, price; never energy."""

from __future__ import annotations

from dataclasses import replace
from typing import Any, Final

from ecoaudit.estimate import Estimate
from ecoaudit.plan import Plan
from ecoaudit.quantities import estimate_of
from ecoaudit.reporters.figures import Figure, basis_word, figure, named, plain
from ecoaudit.reporters.told import mappings
from ecoaudit.reporters.view import Block, Cell, Fact, Facts, Row, Section, Table

_NO_ENERGY = (
    "A token premium is not an energy premium: measured energy has differed between languages by "
    "far more than tokens do, and is measured with `ecoaudit bench`."
)


def languages(plan: Plan) -> Section | None:
    """The section about languages; None in a plan without it."""
    told = plan.languages
    rows = mappings(told.get("languages"), "languages.languages")
    if not rows:
        return None
    names = {str(row.get("code")): str(row.get("name") or row.get("code")) for row in rows}
    worst, best = (names.get(str(told.get(key)), "not named") for key in ("worst", "best"))
    ratio, mean = estimate_of(told.get("worst_over_best")), estimate_of(told.get("mean_premium"))
    blocks: list[Block] = []
    if len(rows) > 1:
        facts = [
            Fact("Served worst", text=worst, note="most tokens for the same text"),
            Fact("Served best", text=best, note="fewest tokens for the same text"),
        ]
        if ratio is not None:
            shown = figure(replace(ratio, unit="times"))
            facts.append(Fact("Worst over best", shown, note="tokens for the same text"))
        if mean is not None:
            shown = figure(replace(mean, unit="times"))
            facts.append(Fact("Over all requests", shown, note="tokens over English"))
        blocks.append(Facts(facts))
    blocks.append(_table(told, rows))
    return Section("languages", "Languages of the patients", blocks, _lead(rows, worst, best))


def _lead(rows: list[dict[str, Any]], worst: str, best: str) -> str:
    if len(rows) == 1:
        return f"The workload names {worst} alone. {_NO_ENERGY}"
    parts = []
    for key, what in (("seconds", "waits"), ("tokens_per_patient", "tokens of a patient")):
        found = [estimate_of(row.get(key)) for row in rows]
        known = [each.value for each in found if each is not None and each.value]
        if len(known) == len(rows) and min(known) > 0:
            parts.append(f"{what} differ by up to {plain(max(known) / min(known), '')} times")
    said = f" Between them, {' and '.join(parts)}, by central figures." if parts else ""
    return f"{worst} is served worst and {best} best, by tokens.{said} {_NO_ENERGY}"


def _table(told: dict[str, Any], rows: list[dict[str, Any]]) -> Table:
    priced = any(_known(row, "usd_per_patient") for row in rows)
    timed = any(_known(row, "seconds") for row in rows)
    shown = [
        ("Tokens over English", "token_premium"),
        ("Tokens of a patient", "tokens_per_patient"),
        ("A request alone takes", "seconds") if timed else ("Time over English", "relative_time"),
        ("Price of a patient", "usd_per_patient")
        if priced
        else ("Price by the token, over English", "relative_tokens"),
        ("Too long for the context", "share_over_context"),
    ]
    made = []
    for row in rows:
        code = row.get("code")
        marks = [_share(row), *(word for word in ("worst", "best") if _is(told, word, code, rows))]
        heading = Cell(str(row.get("name") or code), note=", ".join(filter(None, marks)))
        cells = [_cell(key, row) for _, key in shown]
        made.append(
            Row([heading, *cells, Cell("not measured")], strong=_is(told, "worst", code, rows))
        )
    tokenizer = told.get("tokenizer") or {}
    name = tokenizer.get("name") if isinstance(tokenizer, dict) else tokenizer
    return Table(
        "What each language takes" + (f", with the tokenizer {name}" if name else ""),
        ["Language", *(label for label, _ in shown), "Quality of the answers"],
        made,
        frozenset(range(1, len(shown) + 1)),
        note="A patient is a request, or a whole conversation. How good the answers are in each "
        "language has to be judged by who speaks it.",
    )


def _is(told: dict[str, Any], word: str, code: object, rows: list[dict[str, Any]]) -> bool:
    return len(rows) > 1 and told.get(word) == code


def _share(row: dict[str, Any]) -> str:
    share = estimate_of(row.get("share"))
    return "" if share is None or not share.known else f"{plain(100 * share.number, '')} % of them"


def _known(row: dict[str, Any], key: str) -> bool:
    found: Estimate | None = estimate_of(row.get(key))
    return found is not None and found.known


def _cell(key: str, row: dict[str, Any]) -> Cell:
    found = estimate_of(row.get(key))
    if found is None:
        return Cell("not in the plan")
    if found.unit == "" and key not in _SHARES:
        return Cell(figure=figure(replace(found, unit="times")))
    if key in _SHARES and found.high is not None and found.high < _LEAST:
        return Cell(figure=Figure("under 0.01 %", "", basis_word(found), found.source))
    return Cell(figure=named(key, found))


_SHARES: Final = ("share_over_context",)
_LEAST: Final = 1e-4  # of the requests; below, the share is not worth its digits
