"""Ways of writing a plan, a run or a ledger down, one file per format."""

from __future__ import annotations

from pathlib import Path

from ecoaudit.errors import UsageError
from ecoaudit.reporters.base import Content, Reporter, load_content
from ecoaudit.reporters.csv import CsvReporter
from ecoaudit.reporters.html import HtmlReporter
from ecoaudit.reporters.json import JsonReporter
from ecoaudit.reporters.markdown import MarkdownReporter

__all__ = ["REPORTERS", "Content", "Reporter", "load_content", "reporter_for"]

REPORTERS: dict[str, type[Reporter]] = {
    ".html": HtmlReporter,
    ".md": MarkdownReporter,
    ".csv": CsvReporter,
    ".json": JsonReporter,
}


def reporter_for(path: str | Path) -> Reporter:
    """The reporter for the suffix of ``path``.

    Raises:
        UsageError: no reporter writes this suffix; the message lists those that are known.
    """
    suffix = Path(path).suffix.lower()
    if suffix not in REPORTERS:
        known = ", ".join(REPORTERS)
        what = f"no report format {suffix!r}" if suffix else "no suffix, so no report format"
        raise UsageError(f"{path}: {what}; name a file that ends in one of {known}")
    return REPORTERS[suffix]()
