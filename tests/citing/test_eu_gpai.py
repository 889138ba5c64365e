"""The compute and energy fields of the EU's form."""

from __future__ import annotations

import re
from typing import Any

import pytest
import yaml

from ecoaudit.citing import cite, citer_for
from ecoaudit.citing.eu_gpai import digits
from ecoaudit.citing.run_facts import facts_of_run
from ecoaudit.estimate import Basis, Estimate
from tests.citing.examples import FILES, a_training

FORM = {
    *("model", "training_time_hours", "training_compute_flop", "training_energy_mwh"),
    *("training_energy_method", "inference_compute_flop", "inference_benchmark"),
}


def form_of(file: str) -> dict[str, Any]:
    found: dict[str, Any] = yaml.safe_load(cite(FILES[file](), citer_for("eu-gpai")))
    return found


@pytest.mark.parametrize("file", FILES)
def test_every_field_is_a_value_or_not_available_with_the_reason(file: str) -> None:
    form = form_of(file)
    assert set(form) == FORM | {"what_the_form_does_not_ask"}
    for field in FORM:
        value = form[field]
        if isinstance(value, str) and value.startswith("N/A"):
            assert len(value) > 15, field
        else:
            assert value, field  # never 0


def test_training_is_in_megawatt_hours() -> None:
    form = form_of("training")
    assert form["training_energy_mwh"] == 0.2
    assert form["training_time_hours"] == 10.0
    assert form["model"] == "Qwen/Qwen3-8B"
    beyond = form["what_the_form_does_not_ask"]
    assert beyond["training_energy"]["value"] == 200.0
    assert beyond["training_energy"]["low"] == pytest.approx(194.444, rel=1e-4)
    assert "making, transport and disposal of the equipment" in beyond["not_counted"]
    assert beyond["pue"]["value"] == 1.4


def test_the_method_has_about_a_hundred_words() -> None:
    words = form_of("training")["training_energy_method"].split()
    assert 60 <= len(words) <= 120
    assert words[-1].endswith(".")


@pytest.mark.parametrize(
    ("file", "why"),
    [
        ("real-run", "the file is of a recorded inference run, and no training was measured"),
        ("ledger", "the account holds no training or adaptation"),
    ],
)
def test_what_is_no_training_is_not_available(file: str, why: str) -> None:
    form = form_of(file)
    for field in ("training_energy_mwh", "training_time_hours", "training_energy_method"):
        assert form[field] == f"N/A: {why}"


def test_an_adaptation_has_an_energy_and_no_time() -> None:
    form = form_of("adaptation")
    assert form["training_energy_mwh"] == 4.27  # of 4.27105, known to 5 %
    assert form["training_time_hours"].startswith("N/A: the account's period is not")


def test_an_absent_energy_is_not_available_with_its_reason() -> None:
    text = cite(facts_of_run(a_training(energy=False)), citer_for("eu-gpai"))
    assert yaml.safe_load(text)["training_energy_mwh"] == "N/A: the meter failed"


@pytest.mark.parametrize(
    ("low", "value", "high", "count"),
    [(60, 123.456, 250, 2), (122, 123.456, 125, 4), (120, 123.456, 128, 3), (0, 0, 0, 2)],
)
def test_two_significant_figures_or_as_many_as_are_known(
    low: float, value: float, high: float, count: int
) -> None:
    figure = Estimate(value, low, high, "MWh", Basis.MODELLED, "formula")
    assert digits(figure) == count


def test_inference_is_told_in_energy_beside_the_form() -> None:
    form = form_of("real-run")
    assert re.match("N/A: no floating-point operations", form["inference_compute_flop"])
    assert "; energy (modelled) of inference stands below" in form["inference_compute_flop"]
    assert "stands below" not in form_of("training")["inference_compute_flop"]
    beyond = form["what_the_form_does_not_ask"]
    assert beyond["energy_per_request_j"]["value"] == 125.19846472938954
