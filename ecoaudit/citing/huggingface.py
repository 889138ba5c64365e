"""A model card's ``co2_eq_emissions``, and beside it what those fields have no place for.

Fields: https://huggingface.co/docs/hub/model-cards-co2. Emissions are in grams.
"""

from __future__ import annotations

from typing import Any, Final

from ecoaudit.citing.base import BOTH
from ecoaudit.citing.facts import Facts, Row, said
from ecoaudit.citing.ledger_facts import uses_of
from ecoaudit.citing.markdown import section
from ecoaudit.citing.yaml_text import entry, yaml_text
from ecoaudit.run import Run, RunKind

G_PER_KG: Final = 1000.0


class HuggingFaceCiter:
    """Writes the top of a model card's README.md."""

    name = "huggingface"
    what = "a model card's metadata, with a section for its text"
    holds = BOTH
    instead = ""

    def render(self, facts: Facts) -> str:
        front = ""
        if facts.carbon.known:
            front = f"---\n{yaml_text({'co2_eq_emissions': emissions(facts)})}---\n\n"
        body = "\n".join(section(facts))
        return (
            f"{front}{body}\n\n"
            "What the metadata of a model card have no fields for:\n\n"
            f"```yaml\n{yaml_text({'ecoaudit_emissions': sidecar(facts)})}```\n"
        )


def emissions(facts: Facts) -> dict[str, Any]:
    """The documented fields; one that the file does not tell is left out."""
    found = {
        "emissions": facts.carbon.number * G_PER_KG,
        "source": f"{facts.tool}, {facts.what}; {said(facts.carbon.source)}",
        "training_type": training_type(facts),
        "geographical_location": facts.place,
        "hardware_used": ", ".join(facts.hardware),
    }
    return {key: value for key, value in found.items() if value != ""}


def training_type(facts: Facts) -> str:
    """That it is no training where it is none; empty where it is, for no file tells whether it was
    pre-training or fine-tuning."""
    source = facts.source
    if isinstance(source, Run):
        inference = source.kind is RunKind.INFERENCE
        return "none: these are emissions of inference" if inference else ""
    uses = uses_of(source)
    if "inference" not in uses:
        return ""
    beside = " and training" if "training" in uses else ""
    return f"none: these are emissions of inference{beside}, over the whole life"


def sidecar(facts: Facts) -> dict[str, Any]:
    """Boundary, scopes, PUE and energy."""
    return {
        "file": {"kind": facts.kind, "id": facts.id, "tool": facts.tool, "measured": facts.date},
        "boundary": list(facts.boundary),
        "not_counted": list(facts.not_counted),
        "interval": "80 %",
        "carbon": entry(facts.carbon),
        "scopes": [_row(row) for row in facts.scopes],
        "pue": entry(facts.pue),
        "energy": entry(facts.energy) | {"with_the_sites_overhead": facts.energy_with_facility},
        "carbon_intensity": entry(facts.intensity),
        "duration": entry(facts.duration),
        "absent": [{"name": row.label, "why": said(row.figure.source)} for row in facts.lacking],
        "doubts": list(dict.fromkeys(said(each.code) for each in facts.doubts)),
    }


def _row(row: Row) -> dict[str, Any]:
    return {"scope": row.label, **entry(row.figure)}
