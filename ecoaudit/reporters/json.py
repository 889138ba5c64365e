"""The plan, run or ledger itself, for machines."""

from __future__ import annotations

from ecoaudit.errors import UsageError
from ecoaudit.ledger import Ledger
from ecoaudit.plan import Plan
from ecoaudit.reporters.base import Content
from ecoaudit.run import Run


class JsonReporter:
    """Writes the one plan, run or ledger as its own file format."""

    suffix = ".json"

    def render(self, content: Content) -> str:
        items: list[Plan | Run | Ledger] = [*content.runs]
        if content.plan is not None:
            items.insert(0, content.plan)
        if content.ledger is not None:
            items.append(content.ledger)
        if len(items) != 1:
            raise UsageError(
                f"a .json report is one plan or run, got {len(items)}; give one, or write .html"
            )
        return items[0].to_json()
