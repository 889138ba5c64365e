"""Manifests whose pipelines, evaluated by the plugins' formulas, give the file's own figures."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest
import yaml

from ecoaudit.citing import cite, citer_for
from ecoaudit.citing.if_steps import InexpressibleError, Steps, embodied, parameter, plugin
from ecoaudit.citing.ledger_facts import facts_of_ledger
from ecoaudit.citing.run_facts import facts_of_run
from ecoaudit.formulas import Formula
from ecoaudit.ledger import Ledger
from tests.citing.examples import FILES, a_training
from tests.citing.if_reader import outputs_of
from tests.standins.ledgers import INPUTS, UNIT, a_ledger, an_adaptation, an_input


def manifest_of(ledger: Ledger) -> dict[str, Any]:
    found: dict[str, Any] = yaml.safe_load(
        cite(facts_of_ledger(ledger), citer_for("impact-framework"))
    )
    return found


@pytest.mark.parametrize("ledger", [a_ledger(), an_adaptation()], ids=lambda each: each.id)
def test_the_pipelines_give_the_ledgers_own_figures(ledger: Ledger) -> None:
    manifest = manifest_of(ledger)
    outputs = outputs_of(manifest)
    known = [line for line in ledger.lines if line.quantity.known]
    assert len(outputs) == len(known)
    for line, values in zip(known, outputs.values(), strict=True):
        assert values["carbon"] == pytest.approx(1000 * line.quantity.number, rel=1e-9)
    total = sum(values["carbon"] for values in outputs.values())
    assert total == pytest.approx(1000 * ledger.total.number, rel=1e-9)
    score = sum(values["sci"] for values in outputs.values())
    assert score == pytest.approx(ledger.sci["score"]["value"], rel=1e-9)
    assert score == pytest.approx(1000 * ledger.per_unit[UNIT].quantity.number, rel=1e-9)


@pytest.mark.parametrize("ledger", [a_ledger(), an_adaptation()], ids=lambda each: each.id)
def test_the_outputs_written_are_those_of_the_pipelines(ledger: Ledger) -> None:
    manifest = manifest_of(ledger)
    for name, values in outputs_of(manifest).items():
        (written,) = manifest["tree"]["children"][name]["outputs"]
        assert written.pop("timestamp") == values["timestamp"]
        assert written == {key: pytest.approx(values[key], rel=1e-9) for key in written}
    aggregated = manifest["tree"]["aggregated"]
    assert aggregated["carbon"] == pytest.approx(1000 * ledger.total.number, rel=1e-12)
    assert manifest["aggregation"] == {"metrics": ["carbon", "sci"], "type": "component"}


def test_making_goes_through_the_embodied_plugin_in_grams_and_seconds() -> None:
    manifest = manifest_of(a_ledger())
    plugins = manifest["initialize"]["plugins"]
    (made,) = [each for each in plugins.values() if each["method"] == "SciEmbodied"]
    assert made["config"] == {
        "baseline-emissions": 273000.0,
        "lifespan": 43830 * 3600.0,
        "output-parameter": "carbon",
    }
    values = outputs_of(manifest)["1 making of the card"]
    assert values["time"] == 0.5 * 8766 * 3600
    # Nothing that the plugin would add by itself: memory [kg/GB], vCPUs, disks, cards [g].
    assert not {"memory", "vCPUs", "ssd", "hdd", "gpu", "usage-ratio"} & set(values)


def golden(method: str, config: dict[str, Any], values: dict[str, Any]) -> dict[str, Any]:
    step = plugin(method, config)
    child = {"pipeline": {"compute": ["step"]}, "inputs": [values]}
    manifest = {"initialize": {"plugins": {"step": step}}, "tree": {"children": {"child": child}}}
    return outputs_of(manifest)["child"]


def test_the_reader_gives_what_the_framework_recorded() -> None:
    # manifests/outputs of the framework: sci-embodied scenario 1, and sci success.
    values = golden("SciEmbodied", {"output-parameter": "carbon"}, {"duration": 3600, "hdd": 2})
    assert values["carbon"] == pytest.approx(34.24657534246575, rel=1e-12)
    values = golden(
        "Sci", {"functional-unit": "requests"}, {"duration": 3600, "carbon": 5.02, "requests": 100}
    )
    assert values["sci"] == pytest.approx(0.0502, rel=1e-12)


def test_the_memory_constant_of_the_plugin_is_in_kilograms() -> None:
    values = golden("SciEmbodied", {"output-parameter": "c"}, {"duration": 126144000, "memory": 17})
    assert values["c"] - 1_000_000 == pytest.approx(1000 * 533 / 384)


def test_a_formula_beyond_plain_arithmetic_is_given_and_said() -> None:
    manifest = manifest_of(an_adaptation())
    assert "given, for the builtin plugins have no max(active_kwh" in manifest["description"]
    (values,) = outputs_of(manifest).values()
    assert values["carbon-in-kg"] == an_adaptation().lines[0].quantity.value


def test_what_is_absent_is_said_and_no_child() -> None:
    manifest = manifest_of(a_ledger())
    assert "end of life of the card is absent: no source tells" in manifest["description"]
    assert not any("end of life" in name for name in manifest["tree"]["children"])


def test_an_account_without_a_functional_unit_has_no_score() -> None:
    manifest = manifest_of(replace(a_ledger(), per_unit={}, sci={}))
    assert "sci" not in manifest["initialize"]["plugins"]
    assert manifest["aggregation"]["metrics"] == ["carbon"]
    assert "No SCI score" in manifest["description"]


def test_a_run_is_energy_times_pue_times_intensity() -> None:
    manifest = yaml.safe_load(cite(FILES["training"](), citer_for("impact-framework")))
    (values,) = outputs_of(manifest).values()
    assert values["energy"] == 200.0
    assert values["pue"] == 1.4
    assert values["grid/carbon-intensity"] == 70.5
    assert values["carbon"] == pytest.approx(19740.0, rel=1e-9)
    assert manifest["tree"]["aggregated"]["carbon"] == pytest.approx(19740.0, rel=1e-9)
    assert values["timestamp"] == "2026-11-20T10:00:00.000Z"


def test_the_real_run_gives_its_carbon() -> None:
    facts = FILES["real-run"]()
    manifest = yaml.safe_load(cite(facts, citer_for("impact-framework")))
    (values,) = outputs_of(manifest).values()
    assert values["carbon"] == pytest.approx(0.13307837427009066, rel=1e-9)
    assert values["pue"] == 1.4  # of the site in its scenario


def test_carbon_that_does_not_follow_from_the_factors_is_given() -> None:
    run = a_training()
    run.settings.pop("grid")
    facts = facts_of_run(run)
    manifest = yaml.safe_load(cite(facts, citer_for("impact-framework")))
    (values,) = outputs_of(manifest).values()
    assert values["carbon"] == values["carbon-of-the-file"] == pytest.approx(19740.0)
    assert "grid/carbon-intensity is absent: the run names no grid." in manifest["description"]


@pytest.mark.parametrize(
    "text",
    [
        "a + b * c",
        "-(a - b) / c",
        "a ** 2 / (b + 1)",
        "sum(a, b, c) * 1000",
        "a * b * c / (a * 2)",
        "+a - -b",
        "3 + 3 * 3 - a",
        "time * gpu",
    ],
)
def test_steps_give_what_the_formula_gives(text: str) -> None:
    given = {"a": 7.5, "b": 2.0, "c": 0.25, "time": 11.0, "gpu": 3.0}
    steps = Steps("line")
    output = steps.formula(text)
    values = {parameter(name): value for name, value in given.items()}
    child = {"pipeline": {"compute": list(steps.plugins)}, "inputs": [values | steps.numbers]}
    manifest = {"initialize": {"plugins": steps.plugins}, "tree": {"children": {"c": child}}}
    expected = Formula.parse(text)(given)
    assert outputs_of(manifest)["c"][output] == pytest.approx(expected, rel=1e-12)


@pytest.mark.parametrize("text", ["max(a, b)", "exp(a)", "a ** b"])
def test_what_no_plugin_does_is_refused(text: str) -> None:
    with pytest.raises(InexpressibleError):
        Steps("line").formula(text)


@pytest.mark.parametrize(
    ("text", "is_of_the_form"),
    [
        ("gpu_kgco2e * gpu_share * period_h / gpu_life_h", True),
        ("gpu_kgco2e * period_h / (gpu_life_h * used_fraction)", True),
        ("gpu_kgco2e * gpu_share", False),
        ("gpu_kgco2e + period_h / gpu_life_h", False),
        ("2 * (gpu_kgco2e * period_h / gpu_life_h)", True),
        ("active_kwh * grid_kgco2e_per_kwh", False),
    ],
)
def test_the_embodied_form_is_known_by_its_units(text: str, is_of_the_form: bool) -> None:
    assert (embodied(text, INPUTS) is not None) == is_of_the_form


def test_a_thing_shared_in_another_way_keeps_its_figure() -> None:
    inputs = INPUTS | {"utilisation": an_input(0.85, "", "log", 0.05)}
    ledger = a_ledger()
    line = replace(
        ledger.lines[0],
        formula="gpu_kgco2e * gpu_share * period_h / (gpu_life_h * utilisation)",
        quantity=ledger.lines[0].quantity / 0.85,
    )
    manifest = manifest_of(a_ledger(inputs, [line, *ledger.lines[1:]]))
    values = outputs_of(manifest)["1 making of the card"]
    assert values["carbon"] == pytest.approx(1000 * 27.3 / 0.85, rel=1e-9)
