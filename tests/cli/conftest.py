"""Runs the command line as a person does: in a process of its own."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

Ecoaudit = Callable[..., subprocess.CompletedProcess[str]]


@pytest.fixture
def ecoaudit(tmp_path: Path) -> Ecoaudit:
    """``ecoaudit(*arguments, env={...})`` in an empty working folder."""

    def run(
        *arguments: str | Path, env: dict[str, str] | None = None, stdin: str | None = None
    ) -> subprocess.CompletedProcess[str]:
        return subprocess.run(
            [sys.executable, "-m", "ecoaudit", *map(str, arguments)],
            capture_output=True,
            text=True,
            check=False,
            cwd=tmp_path,
            env=os.environ | (env or {}),
            input=stdin,
            timeout=120,
        )

    return run
