"""From an account to its ledger: the one place where all parts meet."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from typing import Any, Final

import numpy

from ecoaudit import __version__
from ecoaudit.checks import doubt
from ecoaudit.estimate import Estimate
from ecoaudit.ledger import Input, Ledger, Stage
from ecoaudit.lifecycle.besides import network, other_impacts, upstream, water
from ecoaudit.lifecycle.book import Book, slug
from ecoaudit.lifecycle.conformance import points
from ecoaudit.lifecycle.conventions import WORDS, Convention, Sharing
from ecoaudit.lifecycle.draws import DRAWS, SEED, Draws
from ecoaudit.lifecycle.electricity import electricity, site_kwh, uses_of
from ecoaudit.lifecycle.equipment import equipment
from ecoaudit.lifecycle.of_run import RunFiles
from ecoaudit.lifecycle.reckoning import Reckoned, figure, per_unit, reckon
from ecoaudit.lifecycle.rows import language_rows, site_rows
from ecoaudit.lifecycle.sci import sci
from ecoaudit.lifecycle.shares import variance_shares
from ecoaudit.lifecycle.supplies import supplies_of
from ecoaudit.lifecycle.units import units_of
from ecoaudit.run import Doubt
from ecoaudit.scenario.account import Account, Equipment
from ecoaudit.units import human

_SHARES_SHOWN: Final = 12
_CALENDAR: Final = Convention("calendar")


@dataclass(frozen=True, slots=True)
class Options:
    """How an account is reckoned.

    Attributes:
        with_upstream: whether the training of the model by others is in the total.
        draws: how many.
        seed: of their order.
    """

    with_upstream: bool = False
    draws: int = DRAWS
    seed: int = SEED


@dataclass(frozen=True, slots=True)
class _Written:
    """A book under one convention, and what was reckoned from it."""

    book: Book
    draws: Draws
    reckoned: Reckoned
    energy: str
    units: dict[str, str]
    lacking: dict[str, str]
    languages: dict[str, str]


@dataclass(frozen=True, slots=True)
class Case:
    """What is accounted, and how.

    Attributes:
        account: of all of it; the equipment and electricity of several sites stand in ``sites``.
        runs: where measured runs lie.
        options: how it is reckoned.
        sites: accounts of several sites by name; empty: ``account`` is all.
        doubts: that come with it.
    """

    account: Account
    runs: RunFiles
    options: Options = Options()
    sites: Mapping[str, Account] = field(default_factory=dict)
    doubts: tuple[Doubt, ...] = ()

    @property
    def parts(self) -> Mapping[str, Account]:
        """Accounts whose equipment and electricity are counted, by site."""
        return self.sites or {"": self.account}

    @property
    def equipment(self) -> list[Equipment]:
        """All of it."""
        return [each for part in self.parts.values() for each in part.equipment]

    @property
    def shared(self) -> bool:
        """Whether anything in it serves others too."""
        shares = [each.share for each in self.equipment]
        shares += [use.share for part in self.parts.values() for use in part.electricity]
        return any(share is not None for share in shares)


def ledger_of(case: Case) -> Ledger:
    """The whole-life account, per stage, scope and owner.

    Raises:
        UsageError: a figure that is needed is neither stated nor in a table.
        NotFoundError: a name that no table holds.
    """
    account = case.account
    convention = Convention(account.amortisation)
    own = _written(case, convention)
    book, reckoned = own.book, own.reckoned
    calendar = own if convention == _CALENDAR else _written(case, _CALENDAR, book.inputs)
    score = sci(
        calendar.reckoned,
        calendar.units,
        f"accepted {account.units.unit}",
        _energy(calendar),
        calendar.book.inputs,
        calendar.draws,
    )
    score["points"] = points(account, calendar.reckoned, score)
    stages = reckoned.by(lambda line: line.stage)
    return Ledger(
        id=_id(case),
        name=account.name,
        subject={**account.subject, "account": account.id, "note": account.note},
        goal=_goal(case, convention),
        inputs=calendar.book.inputs,
        lines=reckoned.lines,
        total=reckoned.total,
        total_market=_market(reckoned, case),
        by_stage={stage: stages[stage] for stage in Stage if stage in stages},
        by_scope=dict(sorted(reckoned.by(lambda line: line.scope).items())),
        by_owner=dict(sorted(reckoned.by(lambda line: line.owner).items())),
        beside=reckoned.beside,
        impacts=reckoned.impacts,
        energy=_energy(own),
        energy_formula=own.energy,
        per_unit=per_unit(own.units, own.lacking, reckoned, book.inputs, own.draws),
        conventions=_conventions(case, convention, own),
        rows=[*site_rows(case.sites, reckoned), *_language_rows(account, own)],
        sci=score,
        uncertainty=_uncertainty(own),
        doubts=[*case.doubts, *book.doubts, *_doubts(case, reckoned)],
        tool=f"ecoaudit {__version__}",
    )


def _written(
    case: Case, convention: Convention, known: Mapping[str, Input] | None = None
) -> _Written:
    """The book of a case under a convention; ``known`` inputs of another keep their names."""
    book, site_energy = Book(inputs=dict(known or {})), []
    for site, part in case.parts.items():
        book.site = site
        uses = uses_of(part, book, case.runs, convention)
        supplies = supplies_of(part.supply, book)
        equipment(part, book, convention)
        electricity(uses, supplies, book)
        network(part, supplies, book)
        water(part, uses, supplies, book)
        other_impacts(book)
        site_energy.append(site_kwh(uses))
    book.site = ""
    upstream(case.account, book, added=case.options.with_upstream)
    units, lacking = units_of(case.account.units, book)
    taken: set[str] = set()
    languages = {
        name: book.put(f"tokens_{slug(name, taken)}", "language tokens", ratio)
        for name, ratio in case.account.languages.items()
    }
    draws = Draws(book.inputs, case.options.draws, case.options.seed)
    energy = " + ".join(site_energy)
    return _Written(book, draws, reckon(book, draws), energy, units, lacking, languages)


def _language_rows(account: Account, own: _Written) -> list[dict[str, Any]]:
    accepted = f"accepted {account.units.unit}"
    unit = accepted if accepted in own.units else next(iter(own.units), None)
    if unit is None:
        return []
    parts = (own.reckoned, own.book.inputs, own.draws)
    return language_rows(own.languages, unit, own.units[unit], *parts)


def _energy(written: _Written) -> Estimate:
    return figure(written.energy, "kWh", written.book.inputs, written.draws)


def _id(case: Case) -> str:
    told = repr((case.account, case.options, sorted(case.sites.items()))).encode()
    return f"{case.account.id}-{hashlib.sha256(told).hexdigest()[:8]}"


def _goal(case: Case, convention: Convention) -> dict[str, str]:
    """What ISO 14040 asks to be written down before anything is counted."""
    upstream = "in the total" if case.options.with_upstream else "shown beside, not added"
    return {
        "period": human(case.account.period.number, "s"),
        "boundary": (
            "manufacture to end of life of the equipment listed, electricity of the period with"
            f" the site's overhead; training of the model by others: {upstream}"
        ),
        "cut_off": "nothing is cut off by size; what is not modelled is listed as a line",
        "allocation": WORDS[convention.amortisation],
        "impact": "climate change, GWP100",
        "use": "a screening; no comparison to be disclosed to the public (ISO 14044, clause 6)",
    }


def _market(reckoned: Reckoned, case: Case) -> Estimate:
    """The total with purchased electricity by contract (GHG Protocol Scope 2 Guidance)."""
    if not reckoned.total.known:
        return reckoned.total
    if all(part.supply.market is None for part in case.parts.values()):
        return reckoned.total.sourced(
            "no contract is stated and no residual mix is known, so that the grid's own figure"
            " stands in (Scope 2 Guidance, last in the hierarchy)"
        )
    return reckoned.total_market


def _conventions(case: Case, convention: Convention, own: _Written) -> list[dict[str, Any]]:
    """The total under each way of sharing hardware, the one that was taken first."""
    others = [Convention(name) for name in ("calendar", "busy", "occupied")]
    if case.shared:
        sharings: tuple[Sharing, ...] = ("full", "marginal")
        others += [replace(convention, sharing=name) for name in sharings]
    found = []
    for each in [convention, *(other for other in others if other != convention)]:
        written = own if each == convention else _written(case, each)
        made = [line for line in written.reckoned.lines if line.of is Stage.MANUFACTURE]
        lacking = [line.quantity.source for line in made if not line.quantity.known]
        total = written.reckoned.total
        if lacking and each.amortisation != "calendar":
            total = Estimate.absent("kgCO2e", "; ".join(dict.fromkeys(lacking)))
        found.append(
            {
                "name": _convention_name(each),
                "what": _what(case, each),
                "manufacture": written.reckoned.sum_of(made),
                "total": total,
            }
        )
    return found


def _what(case: Case, convention: Convention) -> str:
    told = WORDS[convention.amortisation]
    return f"{told}; {WORDS[convention.sharing]}" if case.shared else told


def _convention_name(convention: Convention) -> str:
    if convention.sharing == "reserved":
        return convention.amortisation
    return f"{convention.amortisation}, {convention.sharing}"


def _uncertainty(own: _Written) -> dict[str, Any]:
    whole = own.reckoned.whole
    formulas = [line.formula for line in own.reckoned.lines if line.quantity.known]
    shares = variance_shares(whole, own.draws, own.draws.uncertain(formulas))
    return {
        "median_kgco2e": float(numpy.median(whole)),
        "mean_kgco2e": float(numpy.mean(whole)),
        "draws": own.draws.count,
        "seed": own.draws.seed,
        "method": "stratified draws, common to accounts that share a factor; first-order shares",
        "shares": [
            {"inputs": names, "share": share} for names, share in shares[:_SHARES_SHOWN] if share
        ],
    }


def _doubts(case: Case, reckoned: Reckoned) -> list[Doubt]:
    found = []
    lacking = [line for line in reckoned.lines if not line.quantity.known]
    if lacking:
        names = ", ".join(line.name for line in lacking)
        found.append(doubt("not-modelled", f"not in the total, and not nothing: {names}"))
    assumed = [each.name for each in case.equipment if each.life is None]
    if assumed:
        names = ", ".join(dict.fromkeys(assumed))
        found.append(doubt("life-assumed", f"how long it is kept is not stated of: {names}"))
    if not any(line.stage is Stage.IDLE for line in reckoned.lines) and any(
        line.stage is Stage.ACTIVE for line in reckoned.lines
    ):
        found.append(
            doubt(
                "no-idle",
                "the account states electricity for answering and none for waiting in between",
            )
        )
    return found
