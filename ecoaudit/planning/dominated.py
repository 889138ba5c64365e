"""Which of the options that fit nobody need choose: another is as good in every way."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import replace

from ecoaudit.plan import Option, Verdict

_Worth = tuple[float, float, float]  # each the more the worse


def marked(options: Sequence[Option], scores: Mapping[str, float] | None) -> list[Option]:
    """The options with ``dominated_by`` of those that fit, in the same order.

    An option is dominated by another of the same way of running that is no worse in size (or score
    of quality), energy of a year and price, and better in one of them. Central figures are
    compared: a better one within the doubt of both still counts.

    Args:
        options: with their quantities.
        scores: of quality by model; None: there are none, and the larger model counts as better.
    """
    worths = {
        option.id: _worth(option, scores)
        for option in options
        if option.verdict is Verdict.FITS and option.quantities
    }
    found = []
    for option in options:
        own = worths.get(option.id)
        better = None if own is None else _better(option, own, options, worths)
        found.append(option if better is None else replace(option, dominated_by=better))
    return found


def _better(
    option: Option, own: _Worth, options: Sequence[Option], worths: Mapping[str, _Worth]
) -> str | None:
    """The best option that dominates this one."""
    for other in options:
        worth = worths.get(other.id)
        if worth is None or worth == own or other.mode != option.mode:
            continue
        if all(theirs <= ours for theirs, ours in zip(worth, own, strict=True)):
            return other.id
    return None


def _worth(option: Option, scores: Mapping[str, float] | None) -> _Worth:
    found = option.quantities
    good = found["parameters"].value if scores is None else scores.get(option.model)
    energy, price = found["energy_j_per_year"].value, found["capital_usd"].value
    return (
        math.inf if good is None else -good,
        math.inf if energy is None else energy,
        math.inf if price is None else price,
    )
