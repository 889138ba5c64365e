"""What was made for it: manufacture, transport and end of life, shared out over its time."""

from __future__ import annotations

from ecoaudit.estimate import Estimate
from ecoaudit.ledger import Owner, Scope, Stage
from ecoaudit.lifecycle.book import Book, slug
from ecoaudit.lifecycle.conventions import Convention
from ecoaudit.lifecycle.tabled import MADE_IMPACTS, Making, end_of_life_of, life_of, making_of
from ecoaudit.scenario.account import Account, Equipment
from ecoaudit.units import S_PER_HOUR


def equipment(account: Account, book: Book, convention: Convention) -> None:
    """Lines of each piece of equipment, with their inputs.

    Of an impact of M of one piece there falls here M x share x T / L, where T is time kept for
    this (of all pieces together) and L the life: Software Carbon Intensity 1.1 = ISO/IEC
    21031:2024, section on embodied emissions, TiR/EL. By busy time it is M x B / (L x u), with B
    the time at work for this and u the share of its life at work: Luccioni, Viguier and Ligozat
    2022, section 4.1. Where u is not stated it is B / T, and that is M x share x T / L again.
    """
    taken: set[str] = set()
    for each in account.equipment:
        word = slug(each.name, taken)
        share = _share(account, each, word, book, convention)
        making = making_of(each)
        _made(each, making, word, share, book)
        if not making.with_end:
            _ended(each, word, share, book)
    for name, why in account.missing.items():
        where = (Stage.MANUFACTURE, Scope.CAPITAL, Owner.VENDOR)
        book.lacking(f"made/{slug(name, taken)}", f"making of {name}", *where, why)


def _share(
    account: Account, each: Equipment, word: str, book: Book, convention: Convention
) -> str | None:
    """The share of one piece's making that falls here, as a formula in pieces; None: unknown."""
    life = life_of(each, word, book)
    way = convention.amortisation
    if way == "calendar" or (way == "busy" and each.utilisation is None):
        kept = _kept(account, each, word, book)
        return convention.of_shared(f"{kept} / {life}", each.share, f"{word}_share", book)
    if each.busy is None:
        return None
    time = book.put(f"{word}_busy_h", f"{word} busy", _in_hours(each.busy))
    if way == "occupied" or each.utilisation is None:
        return convention.of_own(f"{time} / {life}", each.share)
    used = book.put(f"{word}_utilisation", f"{word} utilisation", each.utilisation)
    return convention.of_own(f"{time} / ({life} * {used})", each.share)


def _kept(account: Account, each: Equipment, word: str, book: Book) -> str:
    """Time for which it is kept for this, of all pieces together [h]."""
    if each.reserved is not None:
        return book.put(f"{word}_reserved_h", f"{word} reserved", _in_hours(each.reserved))
    pieces = book.put(f"{word}_count", f"{word} count", each.count)
    period = book.put("period_h", "period", _in_hours(account.period))
    return f"{pieces} * {period}"


def _in_hours(time: Estimate) -> Estimate:
    return time.converted(1 / S_PER_HOUR, "h")


def _made(each: Equipment, making: Making, word: str, share: str | None, book: Book) -> None:
    name = f"making{' and end of life' if making.with_end else ''} of {each.name}"
    if share is None:
        why = f"the time at work of {each.name} is not stated: busy"
        book.lacking(f"made/{word}", name, Stage.MANUFACTURE, Scope.CAPITAL, Owner.VENDOR, why)
        return
    kg = book.put(f"{word}_kgco2e", "embodied", making.carbon, making.origin)
    book.line(
        f"made/{word}", name, Stage.MANUFACTURE, Scope.CAPITAL, Owner.VENDOR, f"{kg} * {share}"
    )
    for impact, unit, _, suffix in MADE_IMPACTS:
        found = making.others.get(impact)
        where = (f"{impact}/{word}", name, Stage.MANUFACTURE, Scope.CAPITAL, Owner.VENDOR)
        if found is None:
            why = f"no source tells the {impact} of making {each.name}"
            book.lacking(*where, why, impact=impact, unit=unit)
            continue
        figure, origin = found
        amount = book.put(f"{word}_{suffix}", impact, figure, origin)
        book.line(*where, f"{amount} * {share}", impact=impact, unit=unit)


def _ended(each: Equipment, word: str, share: str | None, book: Book) -> None:
    where = (
        f"ended/{word}",
        f"end of life of {each.name}",
        Stage.END,
        Scope.WASTE,
        Owner.CLINIC,
    )
    ending = end_of_life_of(each)
    if ending is None or share is None:
        why = (
            f"no source tells the end of life of {each.name}; state end_of_life"
            if share is not None
            else f"the time at work of {each.name} is not stated: busy"
        )
        book.lacking(*where, why)
        return
    figure, origin = ending
    kg = book.put(f"{word}_end_kgco2e", "end of life", figure, origin)
    book.line(*where, f"{kg} * {share}")
