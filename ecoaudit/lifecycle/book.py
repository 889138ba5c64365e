"""The book in which an account's inputs and lines are written down, before anything is reckoned."""

from __future__ import annotations

import hashlib
import re
from dataclasses import dataclass, field, replace
from typing import Final

from ecoaudit.distributions import Distribution
from ecoaudit.estimate import Basis, Estimate
from ecoaudit.ledger import CARBON, Input, Owner, Scope, Stage
from ecoaudit.run import Doubt
from ecoaudit.scenario.fields import SOURCELESS

_NO_NAME: Final = re.compile(r"[^a-z0-9]+")


@dataclass(frozen=True, slots=True)
class Origin:
    """What is known of a figure besides its Estimate.

    Attributes:
        distribution: None: from the figure's interval.
        year: that it stands for.
        licence: of its source.
        boundary: what it counts.
        replaces: what of a table it stands in for.
    """

    distribution: Distribution | None = None
    year: int | None = None
    licence: str = ""
    boundary: str = ""
    replaces: str | None = None


DECLARED: Final = Origin()


@dataclass(frozen=True, slots=True)
class Draft:
    """A line before it is reckoned; attributes as of :class:`ecoaudit.ledger.Line`."""

    id: str
    name: str
    stage: Stage
    scope: Scope
    owner: Owner
    unit: str
    formula: str
    why: str
    of: Stage
    market: str


@dataclass(slots=True)
class Book:
    """What an account is reckoned from.

    Attributes:
        site: of several sites, the one that is written down now: it stands before the names of
            inputs and lines; empty: there is one.
        inputs: by name.
        lines: of carbon.
        beside: of carbon, not added.
        impacts: others, by name.
        doubts: found while it was written.
        runs: ids of measured runs that are counted.
    """

    inputs: dict[str, Input] = field(default_factory=dict)
    lines: list[Draft] = field(default_factory=list)
    beside: list[Draft] = field(default_factory=list)
    impacts: dict[str, list[Draft]] = field(default_factory=dict)
    doubts: list[Doubt] = field(default_factory=list)
    runs: set[str] = field(default_factory=set)
    site: str = ""

    def put(self, name: str, what: str, figure: Estimate, origin: Origin = DECLARED) -> str:
        """Write an input down.

        A name that another figure has already gets a number, so that none replaces another. The
        same figure of the same source is the same unknown: it is drawn alike wherever it
        stands, in this account and in others. A single piece of text, ``what``, keeps apart
        figures of different things that happen to agree.

        Args:
            name: by which formulas know it.
            what: the kind of thing, such as ``embodied`` or ``pue``.
            figure: known.
            origin: what else is known.

        Returns:
            The name that formulas use.
        """
        name = f"{self.site}_{name}" if self.site else name
        distribution = origin.distribution or Distribution.of(figure)
        found = Input(
            figure,
            distribution,
            self._draw(name, what, figure, distribution),
            origin.year,
            origin.licence,
            origin.boundary,
            origin.replaces,
        )
        free, count = name, 2
        while self.inputs.get(free, found) != found:
            free, count = f"{name}_{count}", count + 1
        self.inputs[free] = found
        return free

    def _draw(self, name: str, what: str, figure: Estimate, distribution: Distribution) -> str:
        """The name of a figure's draws.

        A figure without a source is known by its place in the account, whatever the file is called;
        what a site states is that site's own.
        """
        source = name if figure.source.startswith(SOURCELESS) else figure.source
        site = self.site if figure.basis is Basis.DECLARED else ""
        numbers = " ".join(map(repr, distribution.numbers))
        told = f"{site} {distribution.kind} {numbers} {figure.unit} {source}"
        return f"{what}:{hashlib.sha256(told.encode()).hexdigest()[:12]}"

    def line(
        self,
        id: str,  # noqa: A002 - the name of the field in the file
        name: str,
        stage: Stage,
        scope: Scope,
        owner: Owner,
        formula: str,
        *,
        of: Stage | None = None,
        market: str = "",
        impact: str = "",
        unit: str = CARBON,
    ) -> None:
        """Write a line down; with ``impact`` one of another impact than carbon."""
        found = (formula, "", of or stage, market)
        self._write(Draft(id, name, stage, scope, owner, unit, *found), impact)

    def lacking(
        self,
        id: str,  # noqa: A002
        name: str,
        stage: Stage,
        scope: Scope,
        owner: Owner,
        why: str,
        *,
        impact: str = "",
        unit: str = CARBON,
    ) -> None:
        """Write down what is not modelled, and why."""
        draft = Draft(id, name, stage, scope, owner, unit, "", why, stage, "")
        self._write(draft, impact)

    def aside(self, draft: Draft) -> None:
        """Write down what stands beside the total."""
        self.beside.append(self._named(draft))

    def _write(self, draft: Draft, impact: str) -> None:
        lines = self.impacts.setdefault(impact, []) if impact else self.lines
        lines.append(self._named(draft))

    def _named(self, draft: Draft) -> Draft:
        """With the site before its id and name, and an id that no other line has."""
        if self.site:
            draft = replace(draft, id=f"{self.site}/{draft.id}", name=f"{self.site}: {draft.name}")
        others = (*self.lines, *self.beside, *(each for of in self.impacts.values() for each in of))
        taken = {other.id for other in others}
        free, count = draft.id, 2
        while free in taken:
            free, count = f"{draft.id}-{count}", count + 1
        return replace(draft, id=free)


def slug(name: str, taken: set[str]) -> str:
    """A word for formulas out of a name, that is not ``taken`` yet; it is then."""
    word = _NO_NAME.sub("_", name.casefold()).strip("_") or "item"
    word = word[:40].rstrip("_")
    if word[0].isdigit():
        word = f"item_{word}"
    found, count = word, 2
    while found in taken:
        found, count = f"{word}_{count}", count + 1
    taken.add(found)
    return found
