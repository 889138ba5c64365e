"""Which options stay within every limit, and in which order they are shown."""

from __future__ import annotations

from collections.abc import Collection
from functools import cached_property
from typing import Final

import numpy
from numpy.typing import NDArray

from ecoaudit.bands import Array, Band, Flags
from ecoaudit.estimate import Basis, Estimate
from ecoaudit.factors.models import Model
from ecoaudit.factors.typed import TYPED
from ecoaudit.plan import Limit
from ecoaudit.planning.catalogue import Catalogue
from ecoaudit.planning.cost import staff_usd
from ecoaudit.planning.feeding import Fed, Feeding, Place, supplied
from ecoaudit.planning.limits import LIMIT_NAMES, Check, judged, the_same
from ecoaudit.planning.supply import has_grid
from ecoaudit.scenario import Quality

AT_ALL_HOURS: Final = "it is to be fed at every hour"


class Verdicts:
    """What the options of a catalogue need against what the site has.

    Args:
        catalogue: the tables.
    """

    def __init__(self, catalogue: Catalogue):
        self.catalogue = catalogue
        self._seen: dict[tuple[str, int, int], Limit] = {}

    @cached_property
    def checks(self) -> dict[str, Check]:
        """Every limit by name, in the order in which they are shown."""
        found = {check.name: check for check in self._by_tables}
        if self._feeding.by_hour:
            hours = supplied(self.catalogue, self._followed)
            found["supply"] = the_same("supply", hours, 0.0, AT_ALL_HOURS)
        money = self.catalogue.scenario.money
        if money.yearly_budget is not None:
            found["running_cost"] = _within(
                "running_cost", self._running_usd(), money.yearly_budget
            )
        return {name: found[name] for name in LIMIT_NAMES if name in found}

    @cached_property
    def _by_tables(self) -> list[Check]:
        """The limits for which no hours are followed."""
        needs, scenario = self.catalogue, self.catalogue.scenario
        site, service = scenario.site, scenario.workload.service
        found = [
            Check(
                "memory", needs.memory, needs.usable.low, lambda r, c: needs.usable.at(r, c).source
            ),
            self._context(),
            _within("circuit_power", needs.peak_w, site.circuit_power),
            _within("capital", self._capital_usd(), scenario.budget),
            _within("energy_per_day", needs.day_j, site.energy_per_day),
        ]
        for name, need, most in (
            ("first_token", needs.first_s, service.first_token),
            ("complete", needs.complete_s, service.complete),
        ):
            if most is not None:
                found.append(_within(name, need, most))
        what = "arrivals at the peak over what it can do"
        found.append(the_same("load", needs.peak_load, 1.0, what))
        if max(needs.counts) > 1:
            found.append(self._devices())
        if site.generator is not None and (not has_grid(site) or site.outages is not None):
            found.append(_within("generator_power", needs.peak_w, site.generator.power))
        if site.ups is not None:
            found.append(_within("ups_power", needs.peak_w, site.ups.power))
        upkeep, staff = scenario.money.upkeep, site.staff
        if upkeep is not None and staff is not None and staff.hours_per_month is not None:
            found.append(_within("staff", Band.of(upkeep), staff.hours_per_month))
        if scenario.quality is not None:
            found.append(self._quality(scenario.quality))
        return found

    # -- the site's supply ---------------------------------------------------------------------

    @cached_property
    def _feeding(self) -> Feeding:
        return Feeding(self.catalogue.scenario)

    @cached_property
    def _followed(self) -> dict[Place, Fed]:
        """The options whose hours are followed: those that meet what no way of running changes."""
        if not self._feeding.by_hour:
            return {}
        may = self.catalogue.held.copy()
        for check in self._by_tables:
            if check.name not in ("energy_per_day", "capital"):
                may &= check.ok
        places = [(int(row), int(column)) for row, column in numpy.argwhere(may)]
        return self._feeding.of_always_on(self.catalogue, places)

    def supply(self, row: int, column: int) -> Limit | None:
        """Time without electricity of an option that is always on, whatever else it misses; None:
        the hours do not decide, or it does not hold its model."""
        place = (row, column)
        if not self._feeding.by_hour or not self.catalogue.held[place]:
            return None
        fed = self._followed.get(place)
        if fed is None:
            fed = self._feeding.of_always_on(self.catalogue, [place])[place]
        return judged("supply", fed.unserved_s, 0.0, AT_ALL_HOURS)

    def fed(self, row: int, column: int) -> Fed:
        """What feeds an option that is always on, over a year."""
        followed = self._followed.get((row, column))
        if followed is not None:
            return followed
        year = self.catalogue.year_j.at(row, column).times(self.catalogue.scenario.site.pue, "J")
        return self._feeding.from_the_grid(self.energy_usd.at(row, column), year)

    @cached_property
    def energy_usd(self) -> Band:
        """Electricity and fuel of a year, cooling included [USD]."""
        found = self._feeding.energy_usd(self.catalogue)
        bought = {place: fed.energy_usd for place, fed in self._followed.items()}
        return found.put(bought, self.catalogue.shape)

    def _context(self) -> Check:
        needs = [
            self.catalogue.load_at(row).context_p95 for row in range(len(self.catalogue.pairs))
        ]

        def most(model: Model, need: Estimate) -> float:
            if model.context_tokens is not None:
                return float(model.context_tokens)
            return (need.high or numpy.nan) if _is_typed(model) else numpy.nan

        def source(row: int, _column: int) -> str:
            model = self.catalogue.pairs[row].model
            if model.context_tokens is not None:
                return model.source
            if _is_typed(model):
                return "context_tokens was not typed: taken to be as long as this load needs"
            return "the model's context is not sourced"

        pairs = zip(self.catalogue.pairs, needs, strict=True)
        there = numpy.array([[most(pair.model, need)] for pair, need in pairs])
        return Check("context", Band.rows(needs), there, source)

    def _devices(self) -> Check:
        """How many devices share the model, against how many can."""
        needs = self.catalogue
        counts = [
            Estimate.exact(float(count), "devices", Basis.CONSTANT, "that share the model")
            for count in needs.counts
        ]
        what = "heads and feed-forward parts are split evenly"
        return Check(
            "devices",
            Band.columns(counts),
            needs.most_sharing,
            lambda row, column: needs.not_shared(row, column) or what,
        )

    def _capital_usd(self) -> Band:
        """What is known to be paid at the purchase [USD]."""
        price, money = self.catalogue.price, self.catalogue.scenario.money
        found = price
        for share in (money.import_duty, money.spares):
            if share is not None:
                found = found + price.times(Band.of(share), "USD")
        for once in (money.freight, money.installation):
            if once is not None:
                found = found + Band.of(once)
        return found

    def _running_usd(self) -> Band:
        """What is known of a year's costs: electricity, maintenance and the staff's time [USD]."""
        needs, scenario = self.catalogue, self.catalogue.scenario
        site, money = scenario.site, scenario.money
        found = self.energy_usd
        if money.maintenance is not None:
            found = found + needs.price.times(Band.of(money.maintenance), "USD")
        staff = staff_usd(money, site.staff)
        return found + Band.of(staff) if staff.known else found

    def _quality(self, gate: Quality) -> Check:
        """The least score against each model's; one without a score cannot be judged."""
        scores = [gate.scores.get(pair.model.name) for pair in self.catalogue.pairs]

        def source(row: int, _column: int) -> str:
            score = scores[row]
            return f"no score of {gate.metric}" if score is None else score.source

        there = [[numpy.nan if score is None else score.low] for score in scores]
        return Check("quality", Band.of(gate.minimum), numpy.array(there, dtype=float), source)

    @cached_property
    def fits(self) -> Flags:
        """Where an option stays within every limit."""
        found = numpy.ones(self.catalogue.shape, dtype=bool)
        for check in self.checks.values():
            found &= check.ok
        return found

    def meets_all_but(self, names: Collection[str]) -> Flags:
        """Where an option holds its model and stays within every limit but these."""
        found = self.catalogue.held.copy()
        for name, check in self.checks.items():
            if name not in names:
                found &= check.ok
        return found

    @cached_property
    def worst(self) -> Array:
        """By what factor the limit that is missed by most is missed; 0 where none is."""
        found = numpy.zeros(self.catalogue.shape)
        for check in self.checks.values():
            found = numpy.maximum(found, numpy.where(check.missed, check.over, 0.0))
        return found

    @cached_property
    def _first(self) -> NDArray[numpy.int64]:
        """Number of the first limit; that of none where an option fits."""
        checks = list(self.checks.values())
        found = numpy.full(self.catalogue.shape, len(checks))
        for number in range(len(checks) - 1, -1, -1):
            found = numpy.where(checks[number].known, found, number)
        most = numpy.zeros(self.catalogue.shape)
        for number, check in enumerate(checks):
            more = check.missed & (check.over > most)
            found = numpy.where(more, number, found)
            most = numpy.where(more, check.over, most)
        return found

    def limit(self, name: str, row: int, column: int) -> Limit:
        """A limit of an option by its name."""
        key = (name, row, column)
        if key not in self._seen:
            self._seen[key] = self.checks[name].at(row, column)
        return self._seen[key]

    def first_limit(self, row: int, column: int) -> str | None:
        """The limit that is missed by the largest factor, else the first that is not known."""
        names: list[str | None] = [*self.checks, None]
        return names[int(self._first[row, column])]

    def ranked(self) -> list[tuple[int, int]]:
        """Rows and columns, the best option first.

        Those that fit: the largest model, then the least energy in a year, then the lowest price;
        where each has a score of quality that is enough, its size no longer matters.
        The others: those that miss a limit, fewest limits missed or unknown first, then the nearest
        miss in steps of 10 %, then as above; last those that miss none that is known.
        """
        missed = sum(
            numpy.broadcast_to(~c.ok, self.catalogue.shape).astype(int)
            for c in self.checks.values()
        )
        fits, worst, needs = self.fits, self.worst, self.catalogue
        with numpy.errstate(divide="ignore"):
            steps = numpy.floor(numpy.log(worst) / numpy.log(1.1))
        steps = numpy.where((worst > 0) & numpy.isfinite(worst), steps, numpy.inf)
        last_first = (
            _inf_for_nan(needs.price.value),
            _inf_for_nan(needs.year_j.value),
            numpy.zeros((1, 1)) if needs.scenario.quality else -needs.parameters.value,
            numpy.where(fits, 0.0, steps),
            numpy.where(fits, 0, missed),
            ~fits & (worst == 0),
            ~fits,
        )
        order = numpy.lexsort([numpy.broadcast_to(k, needs.shape).ravel() for k in last_first])
        rows, columns = numpy.unravel_index(order, needs.shape)
        return list(zip(rows.tolist(), columns.tolist(), strict=True))


def _is_typed(model: Model) -> bool:
    return model.source.startswith(TYPED)


def _inf_for_nan(array: Array) -> Array:
    return numpy.where(numpy.isnan(array), numpy.inf, array)


def _within(name: str, need: Band, most: Estimate) -> Check:
    return the_same(name, need, most.low or 0.0, most.source)
