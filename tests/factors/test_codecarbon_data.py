from __future__ import annotations

import subprocess
import sys
from importlib import metadata

import pytest

from ecoaudit.errors import NotFoundError
from ecoaudit.factors.codecarbon_data import data_file, load_json, version


def test_a_table_is_found() -> None:
    assert data_file("hardware/cpu_power.csv").is_file()
    assert load_json("private_infra/global_energy_mix.json")["KEN"]["country_name"] == "Kenya"


def test_the_version_is_the_installed_one() -> None:
    assert version() == metadata.version("codecarbon")


def test_a_table_that_this_version_lacks() -> None:
    with pytest.raises(
        NotFoundError, match=r"codecarbon 3\.\S+ has no table no/such.json; install"
    ):
        data_file("no/such.json")


def test_without_codecarbon_the_error_names_the_remedy() -> None:
    script = (
        "import sys; sys.path = [p for p in sys.path if 'site-packages' not in p]\n"
        "from ecoaudit.factors.grid import grid_factor\n"
        "grid_factor('KEN')"
    )
    result = subprocess.run(
        [sys.executable, "-c", script], capture_output=True, text=True, check=False
    )
    assert "the grid and CPU tables of codecarbon are not here; install it with" in result.stderr
