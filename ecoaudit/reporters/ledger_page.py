"""What the page of a ledger says first: the total, for each unit, and where it arises."""

from __future__ import annotations

from dataclasses import replace
from typing import Final

from ecoaudit.estimate import Estimate
from ecoaudit.ledger import Ledger, Line, PerUnit, Stage
from ecoaudit.reporters import ledger_inputs, ledger_sides, ledger_tables
from ecoaudit.reporters.figures import figure
from ecoaudit.reporters.ledger_figures import (
    Scale,
    Sums,
    belongs_to,
    carbon,
    each,
    in_words,
    scale_of,
    share_of,
)
from ecoaudit.reporters.ledger_words import STAGES
from ecoaudit.reporters.stacks import Kind, Stack, Stacks
from ecoaudit.reporters.view import Block, Fact, Facts, Prose, Section
from ecoaudit.reporters.words import inside

_EQUIPMENT: Final = "Equipment, made and disposed of"
_LAST: Final = "request"  # of the functional units
# What a line is of, in the order of the page.
_GROUPS: Final = {
    Stage.MANUFACTURE: _EQUIPMENT,
    Stage.END: _EQUIPMENT,
    Stage.IDLE: STAGES[Stage.IDLE],
    Stage.ACTIVE: STAGES[Stage.ACTIVE],
    Stage.ADAPTATION: STAGES[Stage.ADAPTATION],
    Stage.CLIENT: STAGES[Stage.CLIENT],
    Stage.FACILITY: STAGES[Stage.FACILITY],
    Stage.SUPPLY: STAGES[Stage.SUPPLY],
    Stage.UPSTREAM: STAGES[Stage.UPSTREAM],
}
_MADE, _USED, _COOLED, _SUPPLIED = (
    "Making and end of life",
    "The use itself",
    STAGES[Stage.FACILITY],
    STAGES[Stage.SUPPLY],
)
_TONES: Final = {_MADE: "1", _USED: "2", _COOLED: "3", _SUPPLIED: "4"}


def sections(ledger: Ledger) -> list[Section]:
    """Everything above the doubts."""
    common = scale_of(ledger)
    found: list[Section | None] = [
        _result(ledger),
        _where(ledger, common),
        ledger_tables.sums(ledger, common),
        ledger_tables.lines(ledger, common),
        ledger_tables.lacking(ledger),
        ledger_tables.conventions(ledger, common),
        ledger_inputs.next_to_measure(ledger),
        ledger_sides.rows(ledger),
        ledger_tables.impacts(ledger),
        ledger_tables.conformance(ledger),
        ledger_inputs.inputs(ledger),
    ]
    return [section for section in found if section is not None]


def subtitle(ledger: Ledger) -> str:
    """What is accounted, in one line."""
    told = [str(ledger.subject.get(key) or "") for key in ("model", "hardware", "site")]
    of = ", ".join(part for part in told if part)
    period = ledger.goal.get("period")
    over = f", over {period}" if period else ""
    return f"Greenhouse gases of its whole life{over}{f': {of}' if of else ''}."


# -- the total -----------------------------------------------------------------------------------


def _result(ledger: Ledger) -> Section:
    whole = [Fact("In total", figure(ledger.total), note=_without(ledger))]
    if _by_contract_differs(ledger):
        note = "scope 2 by the market-based method"
        whole.append(Fact("With electricity by contract", figure(ledger.total_market), note=note))
    whole.append(Fact("Electricity", figure(ledger.energy), note="with the site's overhead"))
    units = [
        Fact(f"Per {name}", each(unit.quantity), note=f"{_how_many(unit)} of them")
        for name, unit in units_in_order(ledger)
        if unit.quantity.known
    ]
    blocks: list[Block] = [Facts(whole)]
    if units:
        blocks.append(Facts(units, "For each functional unit"))
    lacking = units_lacking(ledger)
    if lacking:
        blocks.append(Prose([f"{said}." for said in lacking]))
    return Section("total", "The total", blocks, _in_a_sentence(ledger))


def units_lacking(ledger: Ledger) -> list[str]:
    """Functional units of which nothing can be told, with the reason, those alike in one line."""
    found: dict[str, list[str]] = {}
    for name, unit in ledger.per_unit.items():
        if not unit.quantity.known:
            found.setdefault(unit.quantity.source, []).append(name)
    return [f"Not known per {', per '.join(names)}: {why}" for why, names in found.items()]


def _how_many(unit: PerUnit) -> str:
    return figure(replace(unit.units, unit="")).text


def _without(ledger: Ledger) -> str:
    lacking = len(ledger.lacking)
    if not ledger.total.known:
        return ledger.total.source
    return f"{lacking} of {len(ledger.lines)} lines not modelled" if lacking else "all lines known"


def _by_contract_differs(ledger: Ledger) -> bool:
    return ledger.total_market.known and ledger.total_market.numbers != ledger.total.numbers


def units_in_order(ledger: Ledger) -> list[tuple[str, PerUnit]]:
    """Functional units, known ones first and requests last."""
    told = ledger.per_unit.items()
    return sorted(told, key=lambda pair: (not pair[1].quantity.known, pair[0] == _LAST))


def _in_a_sentence(ledger: Ledger) -> str:
    if not ledger.total.known:
        return "No line of it is known, so that there is no total."
    said = f"{in_words(figure(ledger.total))} over {ledger.goal.get('period', 'the period')}"
    known = [(name, unit) for name, unit in units_in_order(ledger) if unit.quantity.known]
    if known:
        name, unit = known[0]
        said += f", which is {in_words(each(unit.quantity))} per {name}"
    return f"{said}. The interval holds the true figure 80 % of the time, as far as the inputs do."


# -- where it arises -----------------------------------------------------------------------------


def _where(ledger: Ledger, common: Scale) -> Section | None:
    """The first figure: how much is equipment, waiting and answering, and what of each is cooling
    and supply chain."""
    known = [line for line in ledger.lines if line.quantity.known]
    if not known or ledger.total.number <= 0:
        return None
    sums = Sums(ledger)
    groups: dict[str, list[Line]] = {}
    for line in ledger.lines:
        groups.setdefault(_GROUPS[belongs_to(line)], []).append(line)
    wholes = {name: sums.of(lines) for name, lines in groups.items()}
    most = max((whole.high or 0.0 for whole in wholes.values()), default=0.0)
    items = [
        _stack(name, groups[name], wholes[name], ledger, sums, most)
        for name in dict.fromkeys(_GROUPS.values())
        if name in groups and any(line.quantity.known for line in groups[name])
    ]
    kinds = [
        Kind(name, _TONES[name], carbon(whole, common))
        for name, whole in sums.by(known, _kind).items()
    ]
    kinds.sort(key=lambda kind: kind.tone)
    told = sorted(items, key=lambda item: -wholes[item.label].number)
    first, *others = [f"{inside(item.label)}: {item.share}" for item in told]
    lead = "; ".join([f"{first[:1].upper()}{first[1:]} of the total", *others]) + "."
    blocks: list[Block] = [
        Stacks(
            "Carbon by what it is of",
            items,
            kinds,
            "The line below each bar is its 80 % interval. Cooling and the supply chain of"
            " electricity stand with what the electricity was for.",
        )
    ]
    return Section("where", "Where it arises", blocks, lead)


def _stack(
    name: str, lines: list[Line], whole: Estimate, ledger: Ledger, sums: Sums, most: float
) -> Stack:
    common = scale_of(ledger)
    by_kind = sums.by(lines, _kind)
    parts = {kind: by_kind[kind] for kind in _TONES if kind in by_kind and by_kind[kind].known}
    said = (f"{inside(kind)} {carbon(part, common).text}" for kind, part in parts.items())
    return Stack(
        name,
        [(_TONES[kind], part.number / most) for kind, part in parts.items()],
        whole.numbers[1] / most,
        whole.numbers[2] / most,
        share_of(whole, ledger.total),
        carbon(whole, common),
        ", ".join(said),
    )


def _kind(line: Line) -> str:
    if line.stage in (Stage.MANUFACTURE, Stage.END):
        return _MADE
    return {Stage.FACILITY: _COOLED, Stage.SUPPLY: _SUPPLIED}.get(line.stage, _USED)
