"""Claims: do published figures follow from their own inputs?

A claim is a published figure with the inputs that it was made from. It is recomputed, and called
``consistent``, ``contradicts`` (with the value of each input that alone would remove the
contradiction) or ``not enough inputs`` (with what would close it).

Example:
    >>> from ecoaudit.lifecycle.claims import judge, read_claims
    >>> [str(verdict.outcome) for verdict in judge(read_claims("lamda"))]
    ['consistent', 'consistent']
"""

from ecoaudit.lifecycle.claims.checking import as_json, counts, judge, read_claims
from ecoaudit.lifecycle.claims.claim import RULE, Claim, ClaimFile, Outcome, Verdict
from ecoaudit.lifecycle.claims.library import families, templates

__all__ = [
    "RULE",
    "Claim",
    "ClaimFile",
    "Outcome",
    "Verdict",
    "as_json",
    "counts",
    "families",
    "judge",
    "read_claims",
    "templates",
]
