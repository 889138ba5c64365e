"""``ecoaudit schema`` and the shipped schemas."""

from __future__ import annotations

import json

import jsonschema
import pytest
from click.testing import CliRunner

from ecoaudit.cli import cli
from ecoaudit.estimate import Basis, Estimate
from ecoaudit.planning import make_plan
from ecoaudit.run import CurvePoint, Doubt, Run, RunKind, RunStatus
from ecoaudit.scenario import load_scenario
from ecoaudit.schemas import KINDS, generate, schema_path


@pytest.mark.parametrize("kind", KINDS)
def test_the_shipped_schema_is_that_of_the_dataclasses(kind: str) -> None:
    # after a change of fields: python -m ecoaudit.schemas
    assert schema_path(kind).read_text("utf-8") == generate(kind)


@pytest.mark.parametrize("kind", KINDS)
def test_the_verb_prints_a_valid_schema(kind: str) -> None:
    result = CliRunner().invoke(cli, ["schema", kind])
    assert result.exit_code == 0
    jsonschema.Draft202012Validator.check_schema(json.loads(result.output))


def run() -> Run:
    figure = Estimate.within(2.0, 0.1, "J", Basis.MEASURED, "meter")
    return Run(
        id="r1",
        kind=RunKind.INFERENCE,
        name="bench",
        status=RunStatus.COMPLETE,
        started_at="2026-01-01T00:00:00+00:00",
        duration_s=1.0,
        curve=[CurvePoint(1, {"energy_j": figure})],
        doubts=[Doubt("short", "too short", "longer")],
        summary={"energy_j": figure, "wall_energy_j": Estimate.absent("J", "no plug")},
    )


def test_a_run_file_validates() -> None:
    jsonschema.validate(json.loads(run().to_json()), json.loads(generate("run")))


def test_a_plan_file_validates() -> None:
    plan = make_plan(load_scenario("urban-clinic-summaries"), [run()], model_names=["Qwen3-8B"])
    jsonschema.validate(json.loads(plan.to_json()), json.loads(generate("plan")))


def test_a_file_of_another_kind_does_not_validate() -> None:
    with pytest.raises(jsonschema.ValidationError):
        jsonschema.validate(json.loads(run().to_json()), json.loads(generate("plan")))
