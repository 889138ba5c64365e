"""Files of claims, written for one test."""

from __future__ import annotations

from pathlib import Path

from ecoaudit.lifecycle.claims import Verdict, judge, read_claims


def verdicts(folder: Path, text: str, name: str = "claims.yaml") -> dict[str, Verdict]:
    """The verdicts on a file with this text, by the id of the claim."""
    path = folder / name
    path.write_text(text, "utf-8")
    return {verdict.claim.id: verdict for verdict in judge(read_claims(str(path)))}


def verdict_on(folder: Path, claim: str) -> Verdict:
    """The verdict on one claim, given as the lines of its YAML, without ``- id``."""
    lines = "".join(f"    {line}\n" for line in claim.strip().splitlines())
    (verdict,) = verdicts(folder, f"claims:\n  - id: a\n{lines}").values()
    return verdict
