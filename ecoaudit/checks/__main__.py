"""Writes the list of doubts to docs/doubts.md: ``python -m ecoaudit.checks``."""

from __future__ import annotations

from pathlib import Path

from ecoaudit.checks import FAMILIES

_HEAD = """# Doubts

What weakens a result is said beside it, with what to do about it. This is the whole list. The
`doubts` of a run or plan file are those that apply: each with its code, a message that holds the
actual figures, and a remedy. It is made of `ecoaudit/checks/` by `python -m ecoaudit.checks`.
"""


def listed() -> str:
    """The list as Markdown."""
    lines = [_HEAD]
    for title, checks in FAMILIES.items():
        lines += [f"## {title}", "", "| Code | Said when | What to do | Weakens |"]
        lines.append("|---|---|---|---|")
        for code, check in sorted(checks.items()):
            weakens = ", ".join(f"`{name}`" for name in check.weakens) or "no figure of the summary"
            lines.append(f"| `{code}` | {check.when} | {check.remedy} | {weakens} |")
        lines.append("")
    return "\n".join(lines)


if __name__ == "__main__":
    Path("docs/doubts.md").write_text(listed())
