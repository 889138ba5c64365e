"""JSON Schemas of the files that ecoaudit writes.

They are generated from the dataclasses and kept in this folder, so that other programs can use
them; ``python -m ecoaudit.schemas`` writes them anew after a field has changed.
"""

from __future__ import annotations

import json
from pathlib import Path

KINDS = ("run", "plan", "ledger")


def schema_path(kind: str) -> Path:
    """Where the schema of a kind of file lies."""
    return Path(__file__).parent / f"{kind}.schema.json"


def generate(kind: str) -> str:
    """The JSON Schema (draft 2020-12) of a kind of file, from its dataclass."""
    from pydantic import TypeAdapter

    from ecoaudit.ledger import LEDGER_SCHEMA, Ledger
    from ecoaudit.plan import PLAN_SCHEMA, Plan
    from ecoaudit.run import RUN_SCHEMA, Run

    record, name = {
        "run": (Run, RUN_SCHEMA),
        "plan": (Plan, PLAN_SCHEMA),
        "ledger": (Ledger, LEDGER_SCHEMA),
    }[kind]
    schema = TypeAdapter(record).json_schema()
    schema["$schema"] = "https://json-schema.org/draft/2020-12/schema"
    schema["title"] = name
    schema["properties"]["schema"] = {"const": name}
    schema["required"] = sorted({*schema["required"], "schema"})
    return json.dumps(schema, indent=1, sort_keys=True) + "\n"
