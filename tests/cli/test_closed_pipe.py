"""Output whose reader has gone ends quietly; errors do not steer the terminal."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

from tests.cli.conftest import Ecoaudit

ECOAUDIT = [sys.executable, "-m", "ecoaudit"]


@pytest.mark.parametrize(
    "arguments",
    [
        ["plan", "urban-clinic-summaries"],
        ["plan", "urban-clinic-summaries", "--json"],
        ["schema", "run"],
        ["profiles", "list"],
    ],
)
def test_a_reader_that_goes_early_ends_it_quietly(arguments: list[str], tmp_path: Path) -> None:
    reading, writing = os.pipe()
    os.close(reading)
    try:
        done = subprocess.run(
            [*ECOAUDIT, *arguments],
            stdout=writing,
            stderr=subprocess.PIPE,
            cwd=tmp_path,
            check=False,
            timeout=120,
        )
    finally:
        os.close(writing)
    assert (done.returncode, done.stderr) == (141, b"")


def test_what_a_file_says_in_an_error_does_not_steer_the_terminal(
    ecoaudit: Ecoaudit, tmp_path: Path
) -> None:
    (tmp_path / "x.yaml").write_text('name: x\n"\\e[2J": 1\n')
    done = ecoaudit("profiles", "check", "x.yaml")
    assert done.returncode == 2
    assert "\x1b" not in done.stderr
    assert done.stderr.startswith(r"ecoaudit: x.yaml:2: ")
