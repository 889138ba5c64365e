"""What a file's figures are asked for: one by its key, what it follows from, and what it is."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from functools import lru_cache
from typing import Final, Protocol

from ecoaudit.errors import NotFoundError, did_you_mean
from ecoaudit.estimate import Basis, Estimate
from ecoaudit.formulas import FUNCTIONS, Formula

ENDS: Final = ("low", "high")
_NO_NAME: Final = re.compile(r"[^a-z0-9]+")
_LONGEST: Final = 3600  # characters of names in a sum; a formula may have 4,000


parsed: Final = lru_cache(2048)(Formula.parse)  # the options of a plan share their formulas


@dataclass(frozen=True, slots=True)
class Figure:
    """One figure of a file.

    Attributes:
        key: by which it is asked for, unique in the file.
        estimate: with its unit, interval, basis and source.
        group: under which it is listed.
        name: of the quantity, without its place.
        year: that it stands for, where a table tells.
        licence: of its source, where a table tells.
        boundary: what is counted, where a table tells.
        replaces: of a user's own figure: that of the table.
        drawn: from which distribution, in words; empty: from the interval's ends.
    """

    key: str
    estimate: Estimate
    group: str
    name: str = ""
    year: int | None = None
    licence: str = ""
    boundary: str = ""
    replaces: str | None = None
    drawn: str = ""


@dataclass(frozen=True, slots=True)
class Derivation:
    """How a figure follows from others of the same file.

    Attributes:
        formula: see :mod:`ecoaudit.formulas`.
        inputs: key of each name in it.
    """

    formula: str
    inputs: Mapping[str, str]

    @property
    def copies(self) -> str | None:
        """The key of the figure that this one repeats; None: it is reckoned."""
        return self.inputs.get(self.formula)


@dataclass(frozen=True, slots=True)
class Method:
    """What a figure is that no formula over the file's own figures gives.

    Attributes:
        what: in a sentence.
        page: of the documentation; empty: the figure's source says all.
    """

    what: str
    page: str = ""


class Sheet(Protocol):
    """A file's figures."""

    kind: str  # run, plan or ledger
    title: str  # for people
    notes: tuple[str, ...]  # on keys that are not listed

    def listed(self) -> Iterable[Figure]:
        """The figures that are shown without a key, group by group."""

    def find(self, key: str) -> Figure:
        """The figure with this key.

        Raises:
            NotFoundError: there is none; the message names the nearest.
        """

    def derivation(self, figure: Figure) -> Derivation | None:
        """How it follows from others of the file; None: it does not."""

    def method(self, figure: Figure) -> Method:
        """What it is where it does not."""

    def interval(self, figure: Figure, derivation: Derivation | None) -> str:
        """How its interval came about, in a sentence."""

    def ends(self, figure: Figure) -> tuple[float, float] | None:
        """Its interval, drawn again; None where the file does not hold what that takes."""


def end_of(key: str, figures: Mapping[str, Figure]) -> Figure | None:
    """One end of a figure's interval, by ``KEY.low`` or ``KEY.high``; None: no such key."""
    whole, _, end = key.rpartition(".")
    figure = figures.get(whole)
    if end not in ENDS or figure is None or not figure.estimate.known:
        return None
    value = figure.estimate.numbers[1 if end == "low" else 2]
    estimate = Estimate.exact(value, figure.estimate.unit, figure.estimate.basis, "")
    source = f"{'lower' if end == 'low' else 'upper'} end of {whole}; {figure.estimate.source}"
    return replace(figure, key=key, estimate=estimate.sourced(source), drawn="")


def found_in(key: str, figures: Mapping[str, Figure], others: Iterable[str] = ()) -> Figure:
    """A figure, or an end of one.

    Raises:
        NotFoundError: there is none; ``others`` are keys besides that may have been meant.
    """
    figure = figures.get(key) or end_of(key, figures)
    if figure is None:
        hint = did_you_mean(key, {*figures, *others})
        raise NotFoundError(f"no figure {key!r}; {hint} Without a key all of them are listed")
    return figure


def plain(value: float, unit: str, basis: Basis, source: str) -> Estimate:
    """A number that a file holds without an interval."""
    return Estimate.exact(float(value), unit, basis, source)


def word_for(key: str, taken: Iterable[str]) -> str:
    """A name for formulas out of a key, none of those that are taken."""
    word = _NO_NAME.sub("_", key.casefold()).strip("_") or "figure"
    if word[0].isdigit() or word in FUNCTIONS:
        word = f"of_{word}"
    found, count = word, 2
    while found in taken:
        found, count = f"{word}_{count}", count + 1
    return found


def sum_of(keys: Iterable[str]) -> Derivation:
    """The sum of some figures, at least one."""
    inputs: dict[str, str] = {}
    wanted = list(keys)
    for key in wanted:
        inputs[word_for(key, inputs)] = key
    formula = " + ".join(inputs)
    if len(formula) > _LONGEST:
        inputs = {f"x{number}": key for number, key in enumerate(wanted, start=1)}
        formula = " + ".join(inputs)
    return Derivation(formula, inputs)
