"""Bars of several kinds of parts, below one another: a block of the view model."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

from ecoaudit.reporters.figures import Figure


@dataclass(frozen=True, slots=True)
class Stack:
    """One bar of several kinds of parts, with the interval of their sum.

    Attributes:
        label: what it is of.
        parts: tone and width of each, as shares of the scale, from left to right.
        low, high: ends of the interval of the whole bar, as shares of the scale.
        share: of all bars together, in words.
        figure: the whole bar; absent: nothing is drawn.
        said: its parts in words.
    """

    label: str
    parts: list[tuple[str, float]]
    low: float
    high: float
    share: str
    figure: Figure
    said: str


@dataclass(frozen=True, slots=True)
class Kind:
    """One kind of part in bars: its tone, its name, and all of it together."""

    label: str
    tone: str
    figure: Figure


@dataclass(frozen=True, slots=True)
class Stacks:
    """Bars below one another on one scale, each of several kinds of parts."""

    kind: ClassVar = "stacks"
    caption: str
    items: list[Stack]
    kinds: list[Kind]
    note: str = ""
