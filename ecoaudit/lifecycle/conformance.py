"""Which points of SCI and SCI for AI an account meets, clause by clause.

The points are those of the Software Carbon Intensity Specification 1.1 (ISO/IEC 21031:2024) and of
the public-review draft of SCI for AI (Green Software Foundation), in words of our own.
"""

from __future__ import annotations

from typing import Any

from ecoaudit.ledger import Line, Scope, Stage
from ecoaudit.lifecycle.reckoning import Reckoned
from ecoaudit.scenario.account import Account

MET, NOT_MET, NOT_APPLICABLE = "met", "not met", "not applicable"

Point = dict[str, str]


def points(account: Account, reckoned: Reckoned, score: dict[str, Any]) -> list[Point]:
    """Each point with ``standard``, ``clause``, ``asks``, ``met`` and ``why``.

    Args:
        account: its period and units.
        reckoned: its lines, under calendar-time amortisation.
        score: as of :func:`ecoaudit.lifecycle.sci.sci`.
    """
    lines = reckoned.lines
    sci = _sci(account, lines, score)
    return [*sci, *_sci_for_ai(account, lines, score)]


def _point(standard: str, clause: str, asks: str, met: bool | None, why: str) -> Point:
    word = NOT_APPLICABLE if met is None else MET if met else NOT_MET
    return {"standard": standard, "clause": clause, "asks": asks, "met": word, "why": why}


def _known(lines: list[Line], *stages: Stage) -> bool:
    return any(line.quantity.known for line in lines if line.of in stages)


def _sci(account: Account, lines: list[Line], score: dict[str, Any]) -> list[Point]:
    idle = _known(lines, Stage.IDLE)
    made = _known(lines, Stage.MANUFACTURE)
    unmade = [
        line.name for line in lines if line.of is Stage.MANUFACTURE and not line.quantity.known
    ]
    unit = score["functional_unit"]
    trained = _known(lines, Stage.ADAPTATION)
    own = any(line.scope is Scope.FUEL or line.id.endswith("panels/chain") for line in lines)
    cooled = any("facility/" in line.id and line.quantity.known for line in lines)
    upstream = any(line.stage is Stage.UPSTREAM and line.quantity.known for line in lines)
    networks = any(line.id.endswith("network") and line.quantity.known for line in lines)
    devices = any(line.stage is Stage.CLIENT and not line.id.endswith("network") for line in lines)

    def of(clause: str, asks: str, met: bool | None, why: str) -> Point:
        return _point("SCI 1.1 (ISO/IEC 21031)", clause, asks, met, why)

    return [
        of(
            "energy (E)",
            "energy in kWh of hardware that is reserved, not only of hardware in use",
            idle,
            "idle electricity is a line of its own" if idle else "no idle electricity is stated",
        ),
        of(
            "carbon intensity (I)",
            "location-based; contracts, certificates and offsets left out",
            True,
            "the score takes the grid by location; what a contract says stands in another column",
        ),
        of(
            "carbon intensity (I), off the grid",
            "a factor that suits the supply",
            True if own else None,
            "generator and panels have factors of their own" if own else "all is from the grid",
        ),
        of(
            "embodied emissions (M)",
            "the hardware's making, by its share of time and of resources",
            made and not unmade,
            "by calendar time that it is kept for this"
            if made and not unmade
            else f"without: {', '.join(unmade) or 'any hardware'}",
        ),
        of(
            "functional unit (R)",
            "one unit, the same for all parts, with its conversions disclosed",
            unit is not None,
            f"per {unit}: {score['units']}" if unit is not None else "no unit is stated",
        ),
        of(
            "software boundary",
            "significant infrastructure: idle machines, backup, end-user devices",
            idle and networks and devices,
            "idle machines, networks and users' devices are counted"
            if idle and networks and devices
            else "without: "
            + ", ".join(
                name
                for name, there in (
                    ("idle machines", idle),
                    ("networks", networks),
                    ("users' devices", devices),
                )
                if not there
            ),
        ),
        of(
            "software boundary, training",
            "the training of the models is within the boundary",
            trained and not _known(lines, Stage.ACTIVE),
            "what was trained here is counted, and nothing is served"
            if trained and not _known(lines, Stage.ACTIVE)
            else "the training by others is in the total and not in this score"
            if upstream
            else "what was trained here is counted, the training by others is not"
            if trained
            else "the training of the model is not in the score",
        ),
        of(
            "facility overhead (PUE)",
            "applied where the boundary covers the site's operation",
            cooled,
            "applied to all that is cooled" if cooled else "pue is not stated",
        ),
        of(
            "reporting",
            "score, boundary and method together",
            True,
            "this file has them: sci, goal, and each line's formula",
        ),
        of(
            "reporting, time",
            "no coarser than a year",
            account.period.number <= 366 * 86400.0,
            f"the period is {account.period.number / 86400:g} days",
        ),
    ]


def _sci_for_ai(account: Account, lines: list[Line], score: dict[str, Any]) -> list[Point]:
    trained = _known(lines, Stage.ADAPTATION)
    unit = str(score["functional_unit"] or "")
    served = _known(lines, Stage.ACTIVE)
    endings = [line for line in lines if line.stage is Stage.END]
    within = any("end of life" in line.name for line in lines if line.of is Stage.MANUFACTURE)
    ended = (bool(endings) or within) and all(line.quantity.known for line in endings)

    def of(clause: str, asks: str, met: bool | None, why: str) -> Point:
        return _point("SCI for AI (draft)", clause, asks, met, why)

    return [
        of(
            "consumer score",
            "operation: inference, storage, clients, with the hardware's making",
            score["consumer"].known if served and unit else (None if not served else False),
            "from answering, idling and hardware"
            if served
            else "nothing is served in this account",
        ),
        of(
            "consumer's unit",
            "follows how the service is used: for a language model the token",
            "token" in unit if served else None,
            f"the score is per {unit}; per 1000 output tokens it stands in per_unit"
            if unit
            else "no unit is stated",
        ),
        of(
            "provider score",
            "training over its whole time, with runs that failed and were stopped",
            None if not trained else False,
            "what was trained here is counted; that runs which failed are among them cannot be told"
            if trained
            else "nothing was trained or adapted here",
        ),
        of(
            "provider's unit",
            "FLOP, training token or parameter",
            None if not trained else account.units.training_tokens is not None,
            "per 1e9 training tokens"
            if account.units.training_tokens is not None
            else "units.training_tokens is not stated",
        ),
        of(
            "two scores",
            "consumer and provider are told apart",
            True,
            "a clinic is the consumer of the model and the provider of its own adaptation",
        ),
        of(
            "retirement",
            "end of life, where it is material",
            ended,
            "end of life is counted" if ended else "end of life of some equipment is not modelled",
        ),
    ]
