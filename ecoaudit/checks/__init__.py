"""Every doubt of a run, a plan or a ledger: when it is said, what to do, what it weakens.

The list is closed: :func:`doubt` refuses a code that is not in it, and docs/doubts.md is made of
it (``python -m ecoaudit.checks``). A doubt is said where it is found; here is what there is to say.
"""

from __future__ import annotations

from collections.abc import Iterable
from fnmatch import fnmatchcase

from ecoaudit.checks import accounting, importing, measuring, planning, serving, training
from ecoaudit.checks.base import Check
from ecoaudit.run import Doubt

FAMILIES: dict[str, dict[str, Check]] = {
    "Measuring": measuring.CHECKS,
    "Training": training.CHECKS,
    "Serving": serving.CHECKS,
    "Importing": importing.CHECKS,
    "Planning": planning.CHECKS,
    "Accounting": accounting.CHECKS,
}
CHECKS: dict[str, Check] = {code: c for family in FAMILIES.values() for code, c in family.items()}


def doubt(code: str, message: str, remedy: str | None = None, load: str | None = None) -> Doubt:
    """Say a doubt of the list; the list's own remedy stands where none is given.

    Args:
        code: in the list.
        message: what was found.
        remedy: what to do about it.
        load: of which load of a curve it is: see :class:`~ecoaudit.run.Doubt`.

    Raises:
        KeyError: the code is not in the list.
    """
    return Doubt(code, message, CHECKS[code].remedy if remedy is None else remedy, load)


def doubt_from(code: str, sentence: str) -> Doubt:
    """Say a doubt in one sentence, whose remedy follows its first semicolon if it has one.

    Raises:
        KeyError: the code is not in the list.
    """
    message, _, remedy = sentence.partition("; ")
    return doubt(code, message, remedy or None)


def together(doubts: Iterable[Doubt]) -> list[list[Doubt]]:
    """Doubts in their order, each once, with what is said of several loads under its first."""
    found: dict[tuple[object, ...], list[Doubt]] = {}
    for said in dict.fromkeys(doubts):
        key = (said,) if said.load is None else (said.code,)
        found.setdefault(key, []).append(said)
    return list(found.values())


def weakening(name: str, doubts: Iterable[Doubt], load: str | None = None) -> list[Doubt]:
    """Those of ``doubts`` that weaken the figure ``name``.

    A code that is not in the list, from a file of another version, weakens none.

    Args:
        name: of the figure.
        doubts: of the run.
        load: whose figure it is: those of other loads do not weaken it. None: the whole run's,
            of which every load is a part.
    """
    return [
        said
        for said in doubts
        if said.code in CHECKS
        and (load is None or said.load in (None, load))
        and any(fnmatchcase(name, pattern) for pattern in CHECKS[said.code].weakens)
    ]
