"""From a file of claims to verdicts, and to what is written of them for machines."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from pathlib import Path
from typing import Any, Final

from ecoaudit.errors import NotFoundError, ProfileError, UsageError, did_you_mean
from ecoaudit.lifecycle.claims.claim import RULE, ClaimFile, Outcome, Verdict
from ecoaudit.lifecycle.claims.csv_claims import read_csv_claims
from ecoaudit.lifecycle.claims.kinds import KINDS
from ecoaudit.lifecycle.claims.kinds.base import not_enough
from ecoaudit.lifecycle.claims.library import families
from ecoaudit.lifecycle.claims.yaml_claims import read_yaml_claims

SCHEMA: Final = "ecoaudit.claims/1"


def read_claims(name: str) -> ClaimFile:
    """The claims of a file, by its path, or of a family of published results, by its name.

    Raises:
        ProfileError: the file cannot be used; with line and key.
        NotFoundError: there is neither.
    """
    path = Path(name)
    if not path.is_file():
        shipped = families()
        if name not in shipped and (path.suffix or "/" in name):
            raise ProfileError("is no file", path=name)
        if name not in shipped:
            near = did_you_mean(name, shipped)
            raise NotFoundError(f"{name!r} is neither a file nor a family of results; {near}")
        path = shipped[name]
    return read_csv_claims(path) if path.suffix.lower() == ".csv" else read_yaml_claims(path)


def judge(file: ClaimFile) -> list[Verdict]:
    """The verdict on each claim of a file, in its order.

    Raises:
        ProfileError: a claim lacks what its check needs, or has a unit that cannot be converted.
    """
    verdicts = []
    for claim in file.claims:
        if claim.fault:
            verdicts.append(not_enough(claim, claim.fault))
            continue
        try:
            verdicts.append(KINDS[claim.check](claim))
        except UsageError as error:
            key = f"{claim.id}.{error}" if ": " in str(error) else f"{claim.id}: {error}"
            raise ProfileError(key, path=file.path, line=claim.line) from None
    return verdicts


def counts(verdicts: Sequence[Verdict]) -> dict[str, int]:
    """How many claims have each outcome."""
    found = Counter(verdict.outcome for verdict in verdicts)
    return {str(outcome): found[outcome] for outcome in Outcome}


def as_json(file: ClaimFile, verdicts: Sequence[Verdict]) -> dict[str, Any]:
    """What was found, for a file."""
    return {
        "schema": SCHEMA,
        "file": str(file.path),
        "title": file.title,
        "source": file.source,
        "rule": RULE,
        "counts": counts(verdicts),
        "claims": [_claim_json(verdict) for verdict in verdicts],
    }


def _claim_json(verdict: Verdict) -> dict[str, Any]:
    claim, published = verdict.claim, verdict.claim.published
    return {
        "id": claim.id,
        "line": claim.line,
        "quantity": claim.quantity,
        "source": claim.source,
        "status": claim.status,
        "kind": claim.kind,
        "check": claim.check,
        "verdict": str(verdict.outcome),
        "sentence": verdict.sentence,
        "published": None
        if published is None
        else {"value": published.value, "unit": published.unit, "text": published.text},
        "recipe": verdict.recipe,
        "inputs": {
            each.name: {"value": each.value, "unit": each.unit, "source": each.source or None}
            | ({"words": each.words} if each.words else {})
            for each in claim.inputs
        },
        "recomputed": verdict.recomputed,
        "factor": verdict.factor,
        "tolerance": claim.tolerance,
        "reason": claim.reason,
        "allowed": None if published is None else claim.allowed,
        "would_follow_with": [
            {"input": need.name, "given": need.given, "needed": need.needed, "unit": need.unit}
            for need in verdict.needs
        ],
        "hints": list(verdict.hints),
        "missing": list(verdict.missing),
        "closes": verdict.closes,
        "no_unit": list(verdict.unitless),
        "note": claim.note,
    }
