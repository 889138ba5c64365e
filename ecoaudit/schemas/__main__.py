"""Writes the schemas anew: ``python -m ecoaudit.schemas``."""

from __future__ import annotations

from ecoaudit.schemas import KINDS, generate, schema_path

for kind in KINDS:
    schema_path(kind).write_text(generate(kind), "utf-8")
