"""Rows for CodeCarbon's ``emissions.csv``, held against CodeCarbon's own record."""

from __future__ import annotations

import csv
import io
from dataclasses import fields, replace
from pathlib import Path

import pytest

from ecoaudit.citing import cite, citer_for
from ecoaudit.citing.codecarbon import COLUMNS
from ecoaudit.citing.facts import Facts
from ecoaudit.citing.run_facts import facts_of_run
from tests.citing.examples import FILES, a_training


def row_of(facts: Facts) -> dict[str, str]:
    (row,) = csv.DictReader(io.StringIO(cite(facts, citer_for("codecarbon"))))
    return row


def test_the_columns_are_those_of_codecarbon_in_its_order() -> None:
    from codecarbon.output_methods.emissions_data import EmissionsData

    assert [field.name for field in fields(EmissionsData)] == list(COLUMNS)


def test_codecarbon_would_append_to_it(tmp_path: Path) -> None:
    from codecarbon.output_methods.emissions_data import EmissionsData
    from codecarbon.output_methods.file import FileOutput

    place = tmp_path / "emissions.csv"
    place.write_text(cite(FILES["real-run"](), citer_for("codecarbon")), "utf-8")
    row = dict.fromkeys(COLUMNS, 0)
    own = EmissionsData(**row)
    assert FileOutput("emissions.csv", str(tmp_path)).has_valid_headers(own)


def test_energy_and_power_have_the_pue_in_them_as_codecarbons_have() -> None:
    row = row_of(FILES["training"]())
    assert float(row["energy_consumed"]) == pytest.approx(200 * 1.4, rel=1e-12)
    assert float(row["gpu_energy"]) == pytest.approx(200 * 1.4, rel=1e-12)
    assert float(row["gpu_power"]) == pytest.approx(20000 * 1.4, rel=1e-12)
    assert float(row["emissions"]) == pytest.approx(19.74, rel=1e-12)
    assert float(row["emissions_rate"]) == pytest.approx(19.74 / 36000, rel=1e-12)
    assert float(row["duration"]) == 36000.0
    assert row["pue"] == "1.4"
    assert row["country_iso_code"] == "KEN"
    assert row["timestamp"] == "2026-11-20T20:00:00"  # its end
    assert (row["gpu_count"], row["gpu_model"]) == ("1", "1 x NVIDIA L4")


def test_the_real_run() -> None:
    row = row_of(FILES["real-run"]())
    assert float(row["cpu_energy"]) == pytest.approx(1093.529479 * 1.4 / 3.6e6, rel=1e-12)
    assert float(row["ram_energy"]) == pytest.approx(3760.943849 * 1.4 / 3.6e6, rel=1e-12)
    assert float(row["emissions"]) == 0.00013307837427009066
    assert float(row["ram_total_size"]) == pytest.approx(24, rel=0.03)
    assert row["cpu_model"] == "AMD EPYC"
    assert row["run_id"] == "20261123T045816-8f4c1d"


def test_what_is_not_known_is_empty() -> None:
    row = row_of(FILES["real-run"]())
    unknown = {
        *("experiment_id", "gpu_energy", "gpu_power", "gpu_count", "gpu_model", "water_consumed"),
        *("cloud_provider", "cloud_region", "longitude", "latitude", "tracking_mode", "on_cloud"),
        *("codecarbon_version", "wue", "country_name", "region", "cpu_utilization_percent"),
        *("gpu_utilization_percent", "ram_utilization_percent", "ram_used_gb"),
    }
    assert {name for name, cell in row.items() if cell == ""} == unknown


def test_without_a_place_there_is_no_country() -> None:
    run = a_training()
    grid = {**run.settings["grid"], "fallback": True, "zone": "world"}
    row = row_of(facts_of_run(replace(run, settings={**run.settings, "grid": grid})))
    assert row["country_iso_code"] == ""
