"""YAML that any reader of version 1.1 or 1.2 takes as it is meant."""

from __future__ import annotations

from typing import Any

import yaml

from ecoaudit.citing.facts import fit
from ecoaudit.estimate import Estimate


class _Dumper(yaml.SafeDumper):
    """Safe, without anchors."""

    def ignore_aliases(self, data: Any) -> bool:
        return True


def yaml_text(data: Any) -> str:
    """``data`` as YAML: keys in their order, each text on one line, quoted where it must be."""
    text: str = yaml.dump(data, Dumper=_Dumper, sort_keys=False, allow_unicode=True, width=10**9)
    return text


def entry(figure: Estimate) -> dict[str, Any]:
    """A figure in full, or why it is absent."""
    shown = fit(figure)
    if shown.value is None:
        return {"value": None, "unit": shown.unit, "basis": "absent", "why": shown.source}
    return {
        "value": shown.value,
        "low": shown.low,
        "high": shown.high,
        "unit": shown.unit,
        "basis": str(shown.basis),
        "source": shown.source,
    }
