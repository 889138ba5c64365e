"""How what serves several is shared out: hardware over time, and things used with others."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final, Literal

from ecoaudit.estimate import Estimate
from ecoaudit.lifecycle.book import Book
from ecoaudit.scenario.account import Amortisation

Sharing = Literal["reserved", "full", "marginal"]

WORDS: Final = {
    "calendar": "calendar time kept for this over its life (ISO/IEC 21031)",
    "busy": "busy time over its life at work, so that idle time falls on the work",
    "occupied": "busy time over its whole life, so that idle time falls on nobody",
    "reserved": "of what is shared, its share",
    "full": "of what is shared, all",
    "marginal": "of what is shared, nothing, for it is there anyway",
}


@dataclass(frozen=True, slots=True)
class Convention:
    """A way of sharing out.

    Attributes:
        amortisation: ``calendar``, ``busy`` or ``occupied``; see :data:`WORDS`.
        sharing: of a thing that serves others too: ``reserved`` (its share), ``full`` (all of it)
            or ``marginal`` (nothing: it is there anyway).
    """

    amortisation: Amortisation
    sharing: Sharing = "reserved"

    def of_shared(self, formula: str, share: Estimate | None, name: str, book: Book) -> str:
        """What of a shared thing falls here, as a formula.

        Args:
            formula: of all of it.
            share: that is for this; None: all.
            name: of the input that holds the share.
            book: in which that is written down.
        """
        if share is None or self.sharing == "full":
            return formula
        if self.sharing == "marginal":
            return f"0 * {formula}"
        return f"{book.put(name, 'share', share)} * {formula}"

    def of_own(self, formula: str, share: Estimate | None) -> str:
        """The same of what is this work's own already, such as its time on a shared thing."""
        return f"0 * {formula}" if share is not None and self.sharing == "marginal" else formula
