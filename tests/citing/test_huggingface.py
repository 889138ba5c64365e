"""Model cards, read by Hugging Face's own library and held against the documented fields."""

from __future__ import annotations

import json
import re
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
import yaml
from huggingface_hub import ModelCard, ModelCardData, metadata_load
from jsonschema import Draft202012Validator

from ecoaudit.citing import cite, citer_for
from ecoaudit.citing.run_facts import facts_of_run
from ecoaudit.estimate import Basis, Estimate
from tests.citing.examples import FILES, a_training

SCHEMA = json.loads(
    (Path(__file__).parents[1] / "data" / "huggingface-co2.schema.json").read_text("utf-8")
)


def card_of(file: str, folder: Path) -> dict[str, Any]:
    place = folder / "README.md"
    place.write_text(cite(FILES[file](), citer_for("huggingface")), "utf-8")
    read = metadata_load(place)
    assert read is not None
    assert ModelCard.load(place).data.to_dict() == read
    assert yaml.safe_load(ModelCardData(**read).to_yaml()) == read
    given: dict[str, Any] = read["co2_eq_emissions"]
    return given


@pytest.mark.parametrize("file", FILES)
def test_the_metadata_keep_the_documented_fields(file: str, tmp_path: Path) -> None:
    Draft202012Validator.check_schema(SCHEMA)
    if not FILES[file]().carbon.known:
        text = cite(FILES[file](), citer_for("huggingface"))
        assert not text.startswith("---")
        assert "Carbon is absent" in text
        return
    card = card_of(file, tmp_path)
    assert list(Draft202012Validator(SCHEMA).iter_errors(card)) == []


def test_emissions_are_in_grams(tmp_path: Path) -> None:
    card = card_of("training", tmp_path)
    assert card["emissions"] == pytest.approx(200 * 1.4 * 70.5, rel=1e-12)
    assert card["geographical_location"] == "KEN"
    assert card["hardware_used"] == "NVIDIA L4, Xeon"
    assert "training_type" not in card  # the file does not tell which training it was


def test_what_is_no_training_is_not_taken_for_one(tmp_path: Path) -> None:
    assert card_of("real-run", tmp_path)["training_type"].startswith("none: these are emissions of")
    assert card_of("ledger", tmp_path)["training_type"].startswith("none: ")
    assert "training_type" not in card_of("adaptation", tmp_path)


def test_the_sidecar_has_what_the_metadata_have_no_field_for() -> None:
    text = cite(FILES["training"](), citer_for("huggingface"))
    (block,) = re.findall(r"^```yaml\n(.*?)^```$", text, re.DOTALL | re.MULTILINE)
    sidecar = yaml.safe_load(block)["ecoaudit_emissions"]
    assert sidecar["pue"] == {
        "value": 1.4,
        "low": 1.3,
        "high": 1.5,
        "unit": "",
        "basis": "declared",
        "source": "room with a split air conditioner",
    }
    assert sidecar["energy"]["value"] == 200.0
    assert sidecar["energy"]["unit"] == "kWh"
    assert sidecar["energy"]["with_the_sites_overhead"] is False
    assert sidecar["scopes"][0]["scope"] == "Scope 2, purchased electricity, by location"
    assert "Carbon has the site's overhead" in " ".join(sidecar["boundary"])
    assert {"name": "Energy of the memory (DRAM)", "why": "no sensor for the memory"} in sidecar[
        "absent"
    ]


def test_without_carbon_there_are_no_metadata_and_the_text_says_why() -> None:
    text = cite(facts_of_run(a_training(energy=False)), citer_for("huggingface"))
    assert not text.startswith("---")
    assert "Carbon is absent: the meter failed." in text


@pytest.mark.parametrize(
    ("basis", "share", "said"),
    [
        (Basis.MEASURED, 0.0, "is a measured training run of"),
        (Basis.MODELLED, 0.2, "is a partly measured training run of"),
        (Basis.MODELLED, 1.0, "is a recorded training run of"),
        (Basis.MODELLED, None, "is a recorded training run of"),
    ],
)
def test_a_run_is_called_measured_where_its_energy_was(
    basis: Basis, share: float | None, said: str
) -> None:
    run = a_training()
    energy = replace(run.summary["energy_j"], basis=basis)
    summary = {**run.summary, "energy_j": energy}
    if share is not None:
        summary["modelled_energy_share"] = Estimate.exact(share, "", Basis.MODELLED, "devices")
    for name in ("huggingface", "markdown", "latex"):
        text = cite(facts_of_run(replace(run, summary=summary)), citer_for(name))
        assert said in text


def test_a_run_that_tells_no_version_is_cited_without_one() -> None:
    run = replace(a_training(), environment={})
    assert "Figures were made with ecoaudit." in cite(facts_of_run(run), citer_for("markdown"))
    text = cite(facts_of_run(run), citer_for("latex"))
    assert "version" not in text
    assert "Figures were made with ecoaudit." in text
