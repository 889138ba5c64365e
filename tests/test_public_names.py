"""The public names, and that importing them or asking for help loads nothing heavy."""

from __future__ import annotations

import json
import os
import subprocess
import sys

import pytest

import ecoaudit

# DESIGN: "import ecoaudit gives at most a dozen names".
NAMES = {
    "EcoauditError",
    "Estimate",
    "Measurement",
    "Plan",
    "Recorder",
    "Run",
    "Scenario",
    "__version__",
    "assess",
    "load_run",
    "make_plan",
    "profile",
}
HEAVY = {"numpy", "pandas", "psutil", "pydantic", "pynvml", "requests", "aiohttp", "rich", "torch"}


def loaded(code: str, *names: str) -> set[str]:
    """Which of ``names`` a fresh process has imported after ``code``."""
    asked = f"import sys, json; print(json.dumps(sorted({set(names)!r} & set(sys.modules))))"
    result = subprocess.run(
        [sys.executable, "-c", f"{code}\n{asked}"],
        capture_output=True,
        text=True,
        check=False,
        env=os.environ | {"NO_COLOR": "1"},
    )
    assert result.returncode == 0, result.stderr
    return set(json.loads(result.stdout.splitlines()[-1]))


def test_the_public_names_are_these_and_no_others() -> None:
    assert set(dir(ecoaudit)) == NAMES
    assert set(ecoaudit.__all__) == NAMES


@pytest.mark.parametrize("name", sorted(NAMES))
def test_a_public_name_resolves_and_says_what_it_is(name: str) -> None:
    found = getattr(ecoaudit, name)
    assert isinstance(found, str) if name == "__version__" else found.__doc__


def test_another_name_is_an_attribute_error() -> None:
    with pytest.raises(AttributeError, match="no attribute 'Report'"):
        _ = ecoaudit.Report


def test_the_import_loads_nothing_heavy() -> None:
    assert loaded("import ecoaudit", *HEAVY, "click", "codecarbon", "yaml") == set()


def test_profile_loads_psutil_and_no_other_library() -> None:
    assert loaded("from ecoaudit import profile", *HEAVY, "codecarbon", "yaml") == {"psutil"}


def test_the_overview_of_the_command_line_loads_nothing_heavy() -> None:
    help_ = """
from ecoaudit.cli import cli
assert cli.main(["--help"], standalone_mode=False) in (0, None)
"""
    assert loaded(help_, *HEAVY, "codecarbon", "yaml", "ecoaudit.cli.run") == set()
