"""The figures of a plan: those of its scenario, of each option, and of what it says besides."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from functools import cached_property
from typing import Any, Final

from ecoaudit.errors import NotFoundError, did_you_mean
from ecoaudit.estimate import Basis, Estimate
from ecoaudit.explaining.base import Derivation, Figure, Method, found_in, plain
from ecoaudit.explaining.data import figures_in
from ecoaudit.explaining.methods import OF_PLANS, method_of
from ecoaudit.explaining.plan_besides import OfBesides
from ecoaudit.explaining.plan_options import OfOption
from ecoaudit.plan import Option, Plan
from ecoaudit.quantities import estimate_of

_OPTIONS: Final = "options."
_HURTS: Final = "each figure's doubt alone, the deviations in quadrature"
_RULE: Final = (
    "from those of its inputs, taken as independent: sums in quadrature, products and quotients in"
    " quadrature on the log scale (ecoaudit.estimate)"
)


class PlanSheet:
    """A plan's figures. A name alone is that of the recommended option, else of the first.

    Args:
        plan: read from its file.
    """

    kind = "plan"

    def __init__(self, plan: Plan):
        self._plan = plan
        self.title = str(plan.scenario.get("name") or plan.scenario.get("id") or "plan")
        self._options = {option.id: option for option in plan.options}
        first = plan.recommended or next(iter(self._options), None)
        self._first = None if first is None else self._options[first]
        self.notes = tuple(self._notes())
        self._besides = {figure.key: figure for figure in self._all_besides()}
        self._of_option: dict[str, OfOption] = {}

    def _notes(self) -> Iterator[str]:
        if self._first is not None:
            word = "recommended" if self._plan.recommended else "first"
            yield f"a name alone is of the {word} option: {self._first.id}"
            yield f"of the {len(self._options):,} options: options.ID.NAME, options.ID.limits.NAME"

    def listed(self) -> Iterable[Figure]:
        """Those of one option, and all that is of none."""
        if self._first is not None:
            yield from self._option(self._first).figures.values()
        yield from self._besides.values()

    def every(self) -> Iterator[Figure]:
        """The same of all options."""
        for option in self._plan.options:
            yield from self._option(option).figures.values()
        yield from self._besides.values()

    def find(self, key: str) -> Figure:
        """The figure with this key.

        Raises:
            NotFoundError: there is none.
        """
        if not key.startswith(_OPTIONS):
            first = {} if self._first is None else self._option(self._first).figures
            return found_in(key, {**self._besides, **first})
        rest = key.removeprefix(_OPTIONS)
        named = [name for name in self._options if rest.startswith(f"{name}.")]
        if not named:
            hint = did_you_mean(rest.rpartition(".")[0], self._options)
            raise NotFoundError(f"no option in {key!r}; {hint} It is followed by .NAME")
        option = self._options[max(named, key=len)]
        if option is self._first:
            key = rest.removeprefix(f"{option.id}.")
        return found_in(key, self._option(option).figures)

    def derivation(self, figure: Figure) -> Derivation | None:
        """How it follows from others."""
        option = self._of(figure)
        return self._others.derivation(figure) if option is None else option.derivation(figure)

    def method(self, figure: Figure) -> Method:
        """What it is where no formula gives it."""
        place = figure.key if self._of(figure) is None else ""
        return method_of(figure.name, figure.estimate, OF_PLANS, place=place)

    def interval(self, figure: Figure, derivation: Derivation | None) -> str:
        """Of a formula from the inputs; hour by hour with all that hurts at once."""
        if figure.estimate.low == figure.estimate.high:
            return "none is stated"
        if derivation is None:
            return "as its source says"
        if derivation.copies is not None:
            return "that of the same figure"
        option = self._of(figure)
        if option is not None and option.by_hour(figure):
            return f"hour by hour: {_HURTS}"
        return _RULE

    def ends(self, figure: Figure) -> tuple[float, float] | None:
        """Not drawn."""
        return None

    # -- parts ---------------------------------------------------------------------------------

    def _option(self, option: Option) -> OfOption:
        if option.id not in self._of_option:
            at = "" if option is self._first else f"{_OPTIONS}{option.id}."
            self._of_option[option.id] = OfOption(option, self._plan, self._besides, at)
        return self._of_option[option.id]

    def _of(self, figure: Figure) -> OfOption | None:
        """The option whose figure it is; None: it is of none."""
        option = self._options.get(figure.group)
        return None if option is None else self._option(option)

    @cached_property
    def _others(self) -> OfBesides:
        return OfBesides(self._plan, self._besides, self._first_quantities)

    def _first_quantities(self, name: str) -> str | None:
        """The key of a quantity of the option whose costs are told."""
        told = self._options.get(str(self._plan.costs.get("option")), self._first)
        if told is None or name not in told.quantities or not told.quantities[name].known:
            return None
        return name if told is self._first else f"{_OPTIONS}{told.id}.{name}"

    def _all_besides(self) -> Iterator[Figure]:
        plan = self._plan
        yield from figures_in(plan.costs, "costs", "costs")
        for year in plan.costs.get("years", []):
            source = "length of the year, less than 1 where the life ends in it"
            length = plain(year["length"], "years", Basis.MODELLED, source)
            yield Figure(f"costs.years.{year['year']}.length", length, "costs", "length")
        for offer in plan.alternatives:
            yield from figures_in(offer, f"alternatives.{offer.get('mode')}", "alternatives")
        for name, factor in plan.breaks.get("limits", {}).items():
            if factor is not None:
                estimate = plain(factor, "", Basis.MODELLED, "times the load of the scenario")
                yield Figure(f"breaks.{name}", estimate, "breaks", name)
        yield from self._languages()
        for place, told in enumerate(plan.sensitivity):
            yield from figures_in(told, f"sensitivity.{place}", "sensitivity")
        yield from figures_in(plan.supply, "supply", "supply")
        for run in plan.runs:
            yield from figures_in(run.get("summary"), f"runs.{run.get('id')}", "runs")
        yield from figures_in(plan.scenario, "scenario", "scenario")
        yield from self._factors()

    def _languages(self) -> Iterator[Figure]:
        told = self._plan.languages
        for each in told.get("languages", []):
            yield from figures_in(each, f"languages.{each.get('code')}", "languages")
        for name in ("worst_over_best", "mean_premium"):
            estimate = estimate_of(told.get(name))
            if estimate is not None:
                yield Figure(f"languages.{name}", estimate, "languages", name)

    def _factors(self) -> Iterator[Figure]:
        for row in self._plan.factors:
            estimate = _row(row)
            if estimate is not None:
                yield Figure(
                    f"factors.{row['name']}",
                    estimate,
                    "factors",
                    year=row.get("year"),
                    licence=str(row.get("licence") or ""),
                    boundary=str(row.get("note") or ""),
                )


def _row(row: dict[str, Any]) -> Estimate | None:
    value = row.get("value")
    if not isinstance(value, int | float):
        return None
    return plain(value, str(row.get("unit", "")), Basis.CONSTANT, str(row.get("source", "")))
