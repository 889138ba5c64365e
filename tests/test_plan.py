"""The plan file: what was edited into a plan that cannot be is refused with its place."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from ecoaudit.errors import FileFormatError
from ecoaudit.plan import load_plan
from tests.reporters.examples import a_plan

FITS = "Qwen/Qwen3-4B, int4, 1 x NVIDIA L4"
FAILS = "Qwen/Qwen3-8B, bf16, 1 x NVIDIA RTX 4090"


def test_what_is_saved_comes_back(tmp_path: Path) -> None:
    assert load_plan(a_plan().save(tmp_path / "plan.json")) == a_plan()


@pytest.mark.parametrize(
    ("keys", "to", "said"),
    [
        (
            ["recommended"],
            FITS[:-2] + "L5",
            f"recommended: '{FITS[:-2]}L5' is none of the options; did you mean '{FITS}'",
        ),
        (["recommended"], FAILS, f"recommended: '{FAILS}' does not fit, as its verdict says"),
        (["options", 1, "id"], FITS, f"options.1.id: '{FITS}' stands here twice"),
        (
            ["options", 1, "first_limit"],
            "energy",
            "options.1.first_limit: 'energy' is none of its limits; did you mean 'energy_per_day'",
        ),
        (
            ["options", 0, "limits", 0, "value", "unit"],
            "GB",
            "options.0.limits.memory.unit: expected 'bytes'; got 'GB'",
        ),
        (
            ["options", 0, "quantities", "energy_j_per_day", "unit"],
            "kWh",
            "options.0.quantities.energy_j_per_day.unit: expected 'J'; got 'kWh'",
        ),
        (
            ["options", 0, "quantities", "energy_j_per_day", "low"],
            1e9,
            "options.0.quantities.energy_j_per_day: an Estimate needs low <= value <= high",
        ),
        (
            ["options", 0, "limits", 0, "limit"],
            float("nan"),
            "options.0.limits.0.limit: Input should be a finite number",
        ),
        (
            ["scenario", "site", "circuit_power", "high"],
            1.0,
            "scenario.site.circuit_power: an Estimate needs low <= value <= high",
        ),
        (
            ["runs", 0, "summary", "ttft_s_p95", "value"],
            float("inf"),
            "runs.0.summary.ttft_s_p95: an Estimate must be finite",
        ),
        (["factors", 0, "value"], float("inf"), "factors.0.value: expected a finite number"),
    ],
)
def test_a_plan_that_was_edited_into_one_that_cannot_be_is_refused(
    tmp_path: Path, keys: list[str | int], to: Any, said: str
) -> None:
    data = json.loads(a_plan().to_json())
    part = data
    for key in keys[:-1]:
        part = part[key]
    part[keys[-1]] = to
    place = tmp_path / "plan.json"
    place.write_text(json.dumps(data))
    with pytest.raises(FileFormatError) as caught:
        load_plan(place)
    assert str(caught.value).startswith(f"{place}: {said}")
    assert str(caught.value).endswith("; correct it, or take the file as ecoaudit wrote it")
