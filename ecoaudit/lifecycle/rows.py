"""Sites and languages side by side, and how much worse the worst is served than the best."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

import numpy

from ecoaudit.distributions import Array
from ecoaudit.estimate import Basis, Estimate
from ecoaudit.ledger import Input, Stage, known_sum
from ecoaudit.ledger import reckoned as central_of
from ecoaudit.lifecycle.draws import Draws, interval
from ecoaudit.lifecycle.reckoning import Reckoned


def site_rows(sites: Iterable[str], reckoned: Reckoned) -> list[dict[str, Any]]:
    """Carbon of each of several sites, and that over the least of them.

    Args:
        sites: their names, before the ids of their lines.
        reckoned: all lines.
    """
    groups = {
        site: [line for line in reckoned.lines if line.id.startswith(f"{site}/")] for site in sites
    }
    figures = {site: reckoned.sum_of(lines) for site, lines in groups.items()}
    draws = {
        site: _drawn(reckoned, (line.id for line in lines if line.quantity.known))
        for site, lines in groups.items()
    }
    return rows_of("site", "the account", figures, draws)


def language_rows(
    languages: Mapping[str, str],
    unit: str,
    many: str,
    reckoned: Reckoned,
    inputs: Mapping[str, Input],
    draws: Draws,
) -> list[dict[str, Any]]:
    """Carbon of a functional unit in each language.

    The electricity of answering, with its supply and cooling, goes by tokens; hardware and idle
    electricity are the same in all. No energy is measured by language here.

    Args:
        languages: of each the name of the input that holds its tokens over the mean, by name.
        unit: functional unit.
        many: how many there are, as a formula.
        reckoned: all lines.
        inputs: of the account.
        draws: of them.
    """
    lines = [line for line in reckoned.lines if line.quantity.known]
    answering = [line for line in lines if line.of is Stage.ACTIVE]
    rest = known_sum(line.quantity for line in lines if line.of is not Stage.ACTIVE)
    by_tokens = known_sum(line.quantity for line in answering)
    drawn = _drawn(reckoned, (line.id for line in answering))
    figures, made = {}, {}
    for name, ratio in languages.items():
        times = inputs[ratio].figure.number
        each = (reckoned.whole - drawn + drawn * draws.run(ratio)) / draws.run(many)
        central = (rest + by_tokens * times) / central_of(many, inputs)
        told = "answering by tokens, hardware and idle alike; not measured by language"
        figures[name] = Estimate(
            central, *interval(each, central), f"kgCO2e/{unit}", Basis.MODELLED, told
        )
        made[name] = each
    return rows_of("language", unit, figures, made)


def rows_of(
    kind: str, per: str, figures: Mapping[str, Estimate], draws: Mapping[str, Array]
) -> list[dict[str, Any]]:
    """Rows with the ratio of each to the least, the largest first."""
    known = {name: each for name, each in figures.items() if each.value}
    best = min(known, key=lambda name: known[name].number, default=None)
    found = []
    for name, each in figures.items():
        over = Estimate.absent("", each.source if not each.known else "nothing to compare with")
        if best is not None and name in known:
            central = each.number / known[best].number
            low, high = interval(draws[name] / draws[best], central)
            over = Estimate(central, low, high, "", Basis.MODELLED, f"over {best}")
        found.append({"kind": kind, "name": name, "per": per, "quantity": each, "over_best": over})
    return sorted(found, key=lambda row: -(row["quantity"].value or 0.0))


def _drawn(reckoned: Reckoned, ids: Iterable[str]) -> Array:
    whole: Array = numpy.zeros_like(reckoned.whole)
    for each in ids:
        whole = whole + reckoned.draws[each]
    return whole
