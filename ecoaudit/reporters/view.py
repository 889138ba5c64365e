"""The view model: what a page says, worked out once and written by HTML and Markdown alike.

A page is a decision, then sections; a section is a list of blocks. A block knows nothing of how it
is written down. ``kind`` names the block for the templates.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import ClassVar, Final

from ecoaudit.reporters.figures import Figure
from ecoaudit.reporters.stacks import Stacks

FITS: Final = "fits"
FAILS: Final = "fails"
UNKNOWN: Final = "unknown"  # a figure is absent, so nobody can say
NONE: Final = "none"  # there is no such option

SYMBOLS: Final = {FITS: "✓", FAILS: "✕", UNKNOWN: "?", NONE: "–"}


@dataclass(frozen=True, slots=True)
class Cell:
    """One cell of a table: a figure, or text with an optional state and a second line."""

    text: str = ""
    figure: Figure | None = None
    state: str = ""
    note: str = ""
    code: bool = False

    @property
    def symbol(self) -> str:
        return SYMBOLS.get(self.state, "")

    @property
    def empty(self) -> bool:
        """Whether it says nothing, so that a card on a narrow screen leaves it out."""
        return self.figure is None and self.text in ("", "–") and not self.note


@dataclass(frozen=True, slots=True)
class Row:
    """A row; its first cell is its heading. ``details`` opens below it without scripts."""

    cells: list[Cell]
    details: Table | None = None
    summary: str = ""
    strong: bool = False


@dataclass(frozen=True, slots=True)
class Table:
    """A table. ``numeric`` holds the numbers of the columns that are set right."""

    kind: ClassVar = "table"
    caption: str
    columns: list[str]
    rows: list[Row]
    numeric: frozenset[int] = frozenset()
    fold: bool = True  # becomes cards on a narrow screen; otherwise it scrolls in its own box
    closed: str = ""  # the line under which the table is closed at first; empty: it is open
    note: str = ""


@dataclass(frozen=True, slots=True)
class Matrix:
    """Models against devices."""

    kind: ClassVar = "matrix"
    caption: str
    columns: list[Cell]
    rows: list[Row]
    note: str = ""


@dataclass(frozen=True, slots=True)
class Fact:
    """A labelled figure or text, with a line under it."""

    label: str
    figure: Figure | None = None
    text: str = ""
    note: str = ""


@dataclass(frozen=True, slots=True)
class Facts:
    """Key figures side by side, with what they are of above and a line below."""

    kind: ClassVar = "facts"
    items: list[Fact]
    title: str = ""
    note: str = ""


@dataclass(frozen=True, slots=True)
class Points:
    """A list of sentences under a heading."""

    kind: ClassVar = "points"
    title: str
    items: list[str]


@dataclass(frozen=True, slots=True)
class Prose:
    """Paragraphs."""

    kind: ClassVar = "prose"
    paragraphs: list[str]


@dataclass(frozen=True, slots=True)
class Part:
    """A stretch of a bar. ``tone`` is 1 to 4, or 0 for what is left."""

    label: str
    value: float
    figure: Figure
    tone: int


@dataclass(frozen=True, slots=True)
class Bar:
    """Parts of a whole in one bar, with an optional mark for what there is."""

    kind: ClassVar = "bar"
    title: str
    alternative: str
    parts: list[Part]
    mark: float | None = None
    mark_label: str = ""
    mark_low: float | None = None
    mark_high: float | None = None


@dataclass(frozen=True, slots=True)
class Gauge:
    """One limit: how much of it is used, with the interval, and whether it holds.

    ``used``, ``low`` and ``high`` are shares of the limit; None when a figure is absent.
    """

    label: str
    state: str
    needed: Figure
    limit: str
    margin: str
    source: str
    used: float | None = None
    low: float | None = None
    high: float | None = None

    @property
    def symbol(self) -> str:
        return SYMBOLS[self.state]


@dataclass(frozen=True, slots=True)
class Gauges:
    """The limits of one option."""

    kind: ClassVar = "gauges"
    caption: str
    items: list[Gauge]


@dataclass(frozen=True, slots=True)
class Point:
    """One load on a curve, with the interval of its figure.

    Attributes:
        x: requests in flight.
        label: the load in words.
        value, low, high: in the unit of the curve.
        figure: the same for a reader.
        joined: whether a line leads to the next such point: one of a closed loop.
        steady: whether it is of a steady window, rather than of the whole run.
    """

    x: float
    label: str
    value: float
    low: float
    high: float
    figure: Figure
    joined: bool = True
    steady: bool = True


@dataclass(frozen=True, slots=True)
class Line:
    """One quantity over the loads of a run; ``label`` tells it from the others of its curve."""

    label: str
    points: list[Point]


@dataclass(frozen=True, slots=True)
class Curve:
    """Quantities of one unit over the loads of a run."""

    title: str
    alternative: str
    unit: str
    lines: list[Line]


@dataclass(frozen=True, slots=True)
class Curves:
    """Curves side by side, and how to read them."""

    kind: ClassVar = "curves"
    items: list[Curve]
    note: str = ""


@dataclass(frozen=True, slots=True)
class Layer:
    """One kind of part in the columns of a chart.

    Attributes:
        label: what it is.
        values: one for each column, in the unit of the chart; never negative.
        tone: 1 to 6, or ``lack`` for what is missing.
    """

    label: str
    values: list[float]
    tone: str


@dataclass(frozen=True, slots=True)
class Columns:
    """Columns side by side, each a pile of parts: the hours of a day, the years of a life.

    Attributes:
        title, alternative: the same in words.
        unit: of all values.
        labels: what stands below each column; empty where nothing does.
        sayings: what each column says in words.
        layers: from the bottom up.
        note: how to read it.
    """

    kind: ClassVar = "columns"
    title: str
    alternative: str
    unit: str
    labels: list[str]
    sayings: list[str]
    layers: list[Layer]
    note: str = ""


@dataclass(frozen=True, slots=True)
class Span:
    """How far one change moves a figure.

    Attributes:
        label: what changes.
        start, end: its least and its most, as shares of the scale, from 0 to 1.
        base: where it stands without the change; None: not known.
        said: both ends in words.
    """

    label: str
    start: float
    end: float
    base: float | None
    said: str


@dataclass(frozen=True, slots=True)
class Spans:
    """Changes of one figure, the widest first."""

    kind: ClassVar = "spans"
    caption: str
    items: list[Span]
    note: str = ""


@dataclass(frozen=True, slots=True)
class Note:
    """A doubt with its remedy."""

    text: str
    remedy: str
    code: str


@dataclass(frozen=True, slots=True)
class Notes:
    """Doubts."""

    kind: ClassVar = "notes"
    items: list[Note]


@dataclass(frozen=True, slots=True)
class Terms:
    """A glossary."""

    kind: ClassVar = "terms"
    items: list[tuple[str, str]]


Block = (
    Table
    | Matrix
    | Facts
    | Points
    | Prose
    | Bar
    | Gauges
    | Curves
    | Columns
    | Spans
    | Stacks
    | Notes
    | Terms
)


@dataclass(frozen=True, slots=True)
class Section:
    """A part of the page under its own heading. ``id`` is unique on the page."""

    id: str
    title: str
    blocks: list[Block]
    lead: str = ""


@dataclass(frozen=True, slots=True)
class Decision:
    """What the planner came for, at the top of the page."""

    state: str
    label: str
    headline: str
    sentence: str
    facts: list[Fact]
    changes_title: str = ""
    changes: list[str] = field(default_factory=list)
    next: list[str] = field(default_factory=list)  # what to do now, the weightiest first

    @property
    def symbol(self) -> str:
        return SYMBOLS[self.state]


@dataclass(frozen=True, slots=True)
class Page:
    """A whole page.

    Attributes:
        kicker: what kind of page this is.
        title: whose.
        subtitle: one line below it.
        warnings: plain sentences that must be read first.
        decision: None on a page about runs alone.
        sections: the rest, in order.
        footer: tool, command and schema, one line each.
    """

    kicker: str
    title: str
    subtitle: str
    warnings: list[str]
    decision: Decision | None
    sections: list[Section]
    footer: list[tuple[str, str]]
