"""Electricity: what was used, what the facility added, and what each supply emits for it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

from ecoaudit.checks import doubt
from ecoaudit.errors import UsageError
from ecoaudit.estimate import Estimate
from ecoaudit.ledger import Owner, Scope, Stage
from ecoaudit.lifecycle.book import Book, slug
from ecoaudit.lifecycle.conventions import Convention
from ecoaudit.lifecycle.of_run import RunFiles
from ecoaudit.lifecycle.supplies import Supplies
from ecoaudit.lifecycle.trained import training_kwh
from ecoaudit.scenario.account import Account, ElectricityUse
from ecoaudit.units import J_PER_KWH, S_PER_HOUR

NAMES: Final = {
    Stage.ADAPTATION: "training and adaptation",
    Stage.ACTIVE: "answering",
    Stage.IDLE: "waiting, ready to answer",
    Stage.CLIENT: "the users' own devices",
    Stage.FACILITY: "cooling and losses of the site",
}


@dataclass(frozen=True, slots=True)
class Used:
    """Electricity of one kind, as a formula [kWh].

    Attributes:
        id: for the ids of lines.
        name: for people.
        stage: what it is for.
        of: the same; of the facility's, what is cooled.
        formula: over inputs.
        cooled: whether the facility's overhead comes on top.
    """

    id: str
    name: str
    stage: Stage
    of: Stage
    formula: str
    cooled: bool


def uses_of(account: Account, book: Book, runs: RunFiles, convention: Convention) -> list[Used]:
    """What was used, with its inputs written down; the facility's share last.

    Raises:
        MissingValueError: a run holds no energy.
    """
    taken: set[str] = set()
    place = "/".join(part for part in (account.supply.country, account.supply.region) if part)
    found = [
        _used(use, book, slug(use.name or use.stage, taken), runs, convention, place)
        for use in account.electricity
    ]
    facility = _facility(account, book, found)
    return [*found, *facility]


def equipment_kwh(uses: list[Used], *, cooled: bool = False) -> str:
    """What the equipment itself used, as a formula; with ``cooled`` only what is cooled."""
    parts = [
        use.formula
        for use in uses
        if use.stage is not Stage.FACILITY
        and use.stage is not Stage.CLIENT
        and (use.cooled or not cooled)
    ]
    return " + ".join(parts) or "0"


def site_kwh(uses: list[Used]) -> str:
    """All of it, with the facility's share, as a formula; without the users' own devices."""
    return " + ".join(use.formula for use in uses if use.stage is not Stage.CLIENT) or "0"


def _used(
    use: ElectricityUse,
    book: Book,
    word: str,
    runs: RunFiles,
    convention: Convention,
    place: str,
) -> Used:
    stage = Stage(use.stage)
    name = use.name or NAMES[stage]
    if use.power is not None and use.time is not None:
        watts = book.put(f"{word}_w", f"{word} power", use.power)
        hours = book.put(f"{word}_h", f"{word} time", use.time.converted(1 / S_PER_HOUR, "h"))
        formula = f"{watts} * {hours} / 1000"
        if use.repeats is not None:
            formula += f" * {book.put(use.repeats.unit, use.repeats.unit, use.repeats)}"
    elif use.training is not None:
        formula = training_kwh(use.training, word, book)
    else:
        energy = use.energy
        if energy is None:
            energy = _measured(str(use.run), runs, book, place)
        kwh = energy.converted(1 / J_PER_KWH, "kWh")
        formula = book.put(f"{word}_kwh", f"{word} energy", kwh)
        if use.repeats is not None:
            formula = f"{book.put(use.repeats.unit, use.repeats.unit, use.repeats)} * {formula}"
    formula = convention.of_shared(formula, use.share, f"{word}_share", book)
    return Used(word, name, stage, stage, formula, use.cooled and stage is not Stage.CLIENT)


def _measured(run: str, runs: RunFiles, book: Book, place: str) -> Estimate:
    found = runs.energy(run)
    twice = sorted(found.ids & book.runs)
    if twice:
        raise UsageError(f"{run}: run {twice[0]} is counted already; name it once")
    book.runs |= found.ids
    if not found.whole:
        message = f"{run}: its energy is that of chips and memory, without the rest of the computer"
        book.doubts.append(doubt("run-boundary", message))
    elsewhere = found.zones - {place}
    if elsewhere:
        told = ", ".join(sorted(elsewhere))
        message = f"{run}: it was recorded at {told}, and counts at the account's own supply"
        book.doubts.append(doubt("run-elsewhere", message))
    return found.energy_j


def _facility(account: Account, book: Book, uses: list[Used]) -> list[Used]:
    """What cooling and losses of the site add to each use: its electricity x (PUE - 1)."""
    name = NAMES[Stage.FACILITY]
    cooled = [use for use in uses if use.cooled]
    if account.pue is None or not cooled:
        why = (
            "the site's energy over the equipment's is not stated: pue"
            if account.pue is None
            else "nothing of it is in a building that is cooled for it"
        )
        book.lacking("facility", name, Stage.FACILITY, Scope.ELECTRICITY, Owner.CLINIC, why)
        return []
    pue = book.put("pue", "pue", account.pue)
    return [
        Used(
            f"facility/{use.id}",
            f"{name}, for {use.name}",
            Stage.FACILITY,
            use.stage,
            f"{use.formula} * (max({pue}, 1) - 1)",
            cooled=False,
        )
        for use in cooled
    ]


def electricity(uses: list[Used], supplies: Supplies, book: Book) -> None:
    """Lines of what each supply emits for each use: by burning, and on its way here."""
    for use in uses:
        for feed in supplies.feeds:
            kwh = f"({use.formula}) * {feed.share}" if feed.share else f"({use.formula})"
            ways = (
                ("", use.stage, feed.scope, feed.owner, feed.direct, feed.name),
                (
                    "/chain",
                    Stage.SUPPLY,
                    feed.chain_scope,
                    feed.chain_owner,
                    feed.chain,
                    feed.chain_name,
                ),
            )
            for suffix, stage, scope, owner, per_kwh, told in ways:
                if per_kwh:
                    book.line(
                        f"{use.id}/{feed.id}{suffix}",
                        f"{use.name}: {told}",
                        stage,
                        scope,
                        owner,
                        f"{kwh} * {per_kwh}",
                        of=use.of,
                        market=f"{kwh} * {feed.market}" if feed.market and not suffix else "",
                    )
