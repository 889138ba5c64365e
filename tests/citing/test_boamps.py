"""BoAmps reports against the rules of the format, and against another program's reading of it.

The schema in ``tests/data`` is our own wording of the format's rules, version 1.1.0 (report,
algorithm, dataset, hardware and measure schemas of Boavizta/BoAmps, read in November 2026); those
files are not ours to ship.
"""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from jsonschema import Draft202012Validator

from ecoaudit.citing import cite, citer_for
from tests.citing.examples import FILES

SCHEMA = json.loads(
    (Path(__file__).parents[1] / "data" / "boamps-report.schema.json").read_text("utf-8")
)


def problems(report: dict[str, Any]) -> list[str]:
    """What the format's rules say against a report."""
    Draft202012Validator.check_schema(SCHEMA)
    return [error.message for error in Draft202012Validator(SCHEMA).iter_errors(report)]


def report_of(file: str) -> dict[str, Any]:
    report: dict[str, Any] = json.loads(cite(FILES[file](), citer_for("boamps")))
    return report


@pytest.mark.parametrize("file", FILES)
def test_a_report_keeps_the_rules(file: str) -> None:
    assert problems(report_of(file)) == []


def test_the_rules_refuse_what_the_format_refuses() -> None:
    report = report_of("real-run")
    report["infrastructure"]["infraType"] = "cloud"
    report["task"].pop("dataset")
    report["measures"][0]["powerConsumption"] = "much"
    assert len(problems(report)) == 3


@pytest.mark.parametrize("file", FILES)
def test_codecarbon_reads_it_and_writes_the_same(file: str) -> None:
    from codecarbon.output_methods.boamps.models import BoAmpsReport

    report = report_of(file)
    assert BoAmpsReport.from_dict(report).to_dict() == report


def test_energy_requests_and_tokens_are_of_one_load() -> None:
    report = report_of("real-run")
    (measure,) = report["measures"]
    assert measure["powerConsumption"] == pytest.approx(929.9506279999999 / 3.6e6, rel=1e-12)
    assert measure["measurementDuration"] == 33.6040520509996
    assert measure["cpuTrackingMode"] == "modelled-cpu"
    assert "gpuTrackingMode" not in measure
    assert report["task"]["nbRequest"] == 7
    given, written = report["task"]["dataset"]
    assert given["dataQuantity"] * 7 == 14338
    assert written["dataQuantity"] * 7 == 4438
    assert "Energy, time, requests and tokens are of level 1" in report["task"]["taskDescription"]
    assert report["header"]["reportDatetime"] == "2026-11-23 05:01:24"
    assert "quality" not in report  # its interval is wider than the widest that the format knows


def test_the_quality_follows_the_interval() -> None:
    assert report_of("training")["quality"] == "high"  # -2.8 %, +4.2 %


def test_a_ledger_gives_its_electricity_in_kwh() -> None:
    report = report_of("ledger")
    assert report["measures"][0]["powerConsumption"] == pytest.approx(4271.05, rel=1e-12)
    assert report["task"]["taskStage"] == "inference"
    assert report_of("adaptation")["task"]["taskStage"] == "training"
