"""The published results that ship with ecoaudit: one file for each family, cited facts."""

from __future__ import annotations

from pathlib import Path
from typing import Final

FOLDER: Final = Path(__file__).parent / "published"
TEMPLATES: Final = Path(__file__).parent / "templates"


def families() -> dict[str, Path]:
    """The families of published results, by name."""
    return {path.stem: path for path in sorted(FOLDER.glob("*.yaml"))}


def templates() -> dict[str, Path]:
    """Files to fill in, by name."""
    return {path.stem: path for path in sorted(TEMPLATES.glob("*.yaml"))}
