"""Doubts about a life-cycle account. They weaken its total."""

from __future__ import annotations

from ecoaudit.checks.base import Check

_TOTAL = ("total", "total_market", "by_*", "per_unit*")

CHECKS: dict[str, Check] = {
    "not-modelled": Check(
        "something belongs to the life that is accounted for, and no figure is known of it",
        "state what is known of it; each line that is absent says which key",
        _TOTAL,
    ),
    "life-assumed": Check(
        "how long equipment is kept is not stated, and that of a table stands in",
        "state its life",
        _TOTAL,
    ),
    "no-idle": Check(
        "the account has electricity for answering and none for waiting in between",
        "measure the idle power, which is most of a small clinic's electricity, and state it",
        _TOTAL,
    ),
    "run-boundary": Check(
        "the energy of a measured run is that of chips and memory, not of the whole computer",
        "measure at the plug with `ecoaudit run --wall`, or state the rest as a use of its own",
        _TOTAL,
    ),
    "run-elsewhere": Check(
        "a measured run was recorded at another grid than that of the account",
        "give each site an account of its own, or a federation with its sites",
        _TOTAL,
    ),
    "computer-unknown": Check(
        "what kind of computer surrounds the card is not stated, so that its making is not counted",
        "state it in the scenario: `lifecycle: {computer: desktop}`",
        _TOTAL,
    ),
}
