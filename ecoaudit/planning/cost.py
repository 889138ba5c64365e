"""What owning a computer costs over its life, by year, and when it has paid for itself.

Each row is an Estimate with its source. A row for which nothing was given is absent and named; it
is never taken as nothing: the total is then absent too, and ``known_total`` is what is known.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from enum import StrEnum
from itertools import accumulate
from typing import Final

from ecoaudit.errors import UsageError
from ecoaudit.estimate import Basis, Estimate, total
from ecoaudit.scenario import Finance, Staff
from ecoaudit.units import S_PER_DAY

S_PER_YEAR: Final = 365.25 * S_PER_DAY
MONTHS_PER_YEAR: Final = 12
_Factor = Callable[[float, float], float]  # of rate and years


class When(StrEnum):
    """When a row is paid."""

    ONCE = "at the purchase"
    YEARLY = "each year"
    END = "at the end"


ROWS: Final[dict[str, When]] = {
    "purchase": When.ONCE,
    "import_duty": When.ONCE,
    "freight": When.ONCE,
    "installation": When.ONCE,
    "spares": When.ONCE,
    "energy": When.YEARLY,
    "staff": When.YEARLY,
    "maintenance": When.YEARLY,
    "disposal": When.END,
}


@dataclass(frozen=True, slots=True)
class Year:
    """What is paid in one year of a computer's life.

    Attributes:
        year: 0 is the purchase; the payments of the others fall at their end.
        length: of a year, 1, or less for the last one of a life such as 3.5 years.
        rows: by name, those that are known [USD].
    """

    year: int
    length: float
    rows: dict[str, Estimate]

    @property
    def total(self) -> Estimate:
        """All that is known of this year [USD]."""
        nothing = Estimate.exact(0.0, "USD", Basis.DECLARED, "nothing is paid in this year")
        return total(self.rows.values(), "USD") if self.rows else nothing


@dataclass(frozen=True, slots=True)
class Ownership:
    """The cost of owning.

    Attributes:
        rows: by name, in the order of ``ROWS`` [USD, or USD a year]; absent where not given.
        life: [years]; absent where not given.
        discount_rate: of a year; absent where not given.
    """

    rows: dict[str, Estimate]
    life: Estimate
    discount_rate: Estimate

    @property
    def missing(self) -> list[str]:
        """Names of the rows for which nothing was given."""
        return [name for name, row in self.rows.items() if not row.known]

    @property
    def capital(self) -> Estimate:
        """What is paid at the purchase [USD]: absent with any of its rows."""
        return self._sum(When.ONCE)

    @property
    def known_capital(self) -> Estimate:
        """What is paid at the purchase, as far as it is known [USD]."""
        return self._sum(When.ONCE, known=True)

    @property
    def per_year(self) -> Estimate:
        """What is paid each year [USD]: absent with any of its rows. No capital is in it."""
        return self._sum(When.YEARLY)

    @property
    def known_per_year(self) -> Estimate:
        """What is paid each year, as far as it is known [USD]. No capital is in it."""
        return self._sum(When.YEARLY, known=True)

    @property
    def total(self) -> Estimate:
        """All of its life [USD]: absent with the life or with any row."""
        return self._over_life(self.rows)

    @property
    def known_total(self) -> Estimate:
        """All of its life, of the rows that are known [USD]; absent with the life alone."""
        return self._over_life(_known(self.rows))

    @property
    def present_value(self) -> Estimate:
        """The total with later payments discounted [USD].

        Net present value of the costs: the sum of C_t / (1 + r)^t over the years t, payments at
        the end of each. Brealey, Myers, Allen, Principles of Corporate Finance, chapter 2.
        """
        return self._present(self.rows)

    @property
    def known_present_value(self) -> Estimate:
        """:attr:`present_value` of the rows that are known [USD]."""
        return self._present(_known(self.rows))

    def years(self) -> list[Year]:
        """What is known, by year; the sum of their totals is ``known_total``.

        Raises:
            MissingValueError: the life was not given.
        """
        known = _known(self.rows)
        lengths = _lengths(self.life.number)
        found = [Year(0, 0.0, {n: known[n] for n in known if ROWS[n] is When.ONCE})]
        for place, length in enumerate(lengths, start=1):
            rows = {n: known[n] * length for n in known if ROWS[n] is When.YEARLY}
            if place == len(lengths):
                rows |= {n: known[n] for n in known if ROWS[n] is When.END}
            found.append(Year(place, length, rows))
        return found

    def _sum(self, when: When, *, known: bool = False) -> Estimate:
        rows = _known(self.rows) if known else self.rows
        return total((row for name, row in rows.items() if ROWS[name] is when), "USD")

    def _over_life(self, rows: Mapping[str, Estimate]) -> Estimate:
        return total(
            (
                row.times(self.life, "USD") if ROWS[name] is When.YEARLY else row
                for name, row in rows.items()
            ),
            "USD",
        )

    def _present(self, rows: Mapping[str, Estimate]) -> Estimate:
        yearly = self._factor(annuity)
        end = self._factor(lambda rate, years: (1 + rate) ** -years)
        parts = []
        for name, row in rows.items():
            factor = {When.YEARLY: yearly, When.END: end}.get(ROWS[name])
            parts.append(row if factor is None else row.times(factor, "USD"))
        return total(parts, "USD")

    def _factor(self, of: _Factor) -> Estimate:
        """A discount factor, with the doubt of rate and life."""
        if not self.discount_rate.known:
            return self.discount_rate
        if not self.life.known:
            return self.life
        rates, lives = self.discount_rate.numbers, self.life.numbers
        ends = [of(rate, years) for rate in rates for years in lives]
        source = f"{self.discount_rate.source}; {self.life.source}"
        return Estimate(ends[0], min(ends), max(ends), "", Basis.MODELLED, source)


def ownership(
    price: Estimate,
    energy_per_year: Estimate,
    finance: Finance,
    staff: Staff | None = None,
    upkeep_per_year: Estimate | None = None,
) -> Ownership:
    """The cost of owning a computer.

    Args:
        price: of the computer with its devices [USD].
        energy_per_year: price of its electricity, cooling and fuel included [USD a year].
        finance: what else it costs; what it does not state is absent.
        staff: whose hours ``finance.upkeep`` takes.
        upkeep_per_year: what its upkeep costs, instead of the staff's hours [USD a year].
    """
    rows = {
        "purchase": price,
        "import_duty": _share(finance.import_duty, price, "import_duty"),
        "freight": _given(finance.freight, "freight"),
        "installation": _given(finance.installation, "installation"),
        "spares": _share(finance.spares, price, "spares"),
        "energy": energy_per_year,
        "staff": upkeep_per_year or staff_usd(finance, staff),
        "maintenance": _share(finance.maintenance, price, "maintenance"),
        "disposal": _given(finance.disposal, "disposal"),
    }
    life = finance.life
    return Ownership(
        rows,
        Estimate.absent("years", _not_given("life"))
        if life is None
        else life.converted(1 / S_PER_YEAR, "years"),
        finance.discount_rate or Estimate.absent("", _not_given("discount_rate")),
    )


def annuity(rate: float, years: float) -> float:
    """What 1 a year is worth today, paid at the end of each of ``years`` at ``rate``.

    The payment of a part of a year is that part, at its end.
    """
    lengths = _lengths(years)
    return math.fsum(
        length * (1 + rate) ** -end
        for length, end in zip(lengths, accumulate(lengths), strict=True)
    )


def _lengths(years: float) -> list[float]:
    """``[1, 1, 1, 0.5]`` for 3.5 years."""
    years = round(years, 9)  # 4 years that came as seconds are 4
    whole = math.floor(years)
    rest = years - whole
    return [1.0] * whole + ([rest] if rest > 0 else [])


@dataclass(frozen=True, slots=True)
class BreakEven:
    """After how many months buying has cost less than renting.

    Attributes:
        months: as an Estimate; absent where the pessimistic end never gets there, with the reason.
        central: of the central figures; None: never.
        soonest: of the optimistic ends; None: never.
        latest: of the pessimistic ends; None: never.
    """

    months: Estimate
    central: float | None
    soonest: float | None
    latest: float | None


def break_even(capital: Estimate, own_per_year: Estimate, rent_per_year: Estimate) -> BreakEven:
    """When buying has paid for itself: capital / (rent - running costs), each of a month.

    Running costs hold no part of the capital, which is counted once, in the numerator. A calculator
    that divides by rent less the amortised cost counts it twice: for 8 GPUs, 392,000 USD of
    capital, 3,376.32 a month to run and 14,400 a month to rent, 137 months instead of 35.6.

    Args:
        capital: paid at the purchase [USD].
        own_per_year: paid each year by who has bought, without capital [USD].
        rent_per_year: paid each year by who rents [USD].
    """
    parts = (capital, own_per_year, rent_per_year)
    reasons = [part.source for part in parts if not part.known]
    if reasons:
        return BreakEven(Estimate.absent("months", "; ".join(reasons)), None, None, None)
    saved = (rent_per_year - own_per_year) / MONTHS_PER_YEAR
    central, soonest, latest = (
        _months(bought, less)
        for bought, less in (
            (capital.numbers[0], saved.numbers[0]),
            (capital.numbers[1], saved.numbers[2]),
            (capital.numbers[2], saved.numbers[1]),
        )
    )
    if central is None:
        why = "renting costs no more in a month than running one's own: never"
        return BreakEven(Estimate.absent("months", why), None, soonest, None)
    if latest is None or soonest is None:
        why = f"{central:.3g} months, from {soonest or 0:.3g} to never"
        return BreakEven(Estimate.absent("months", why), central, soonest, None)
    formula = "capital / (rent - running costs), capital counted once"
    months = Estimate(central, soonest, latest, "months", Basis.MODELLED, formula)
    return BreakEven(months, central, soonest, latest)


def _months(capital: float, saved_per_month: float) -> float | None:
    return capital / saved_per_month if saved_per_month > 0 else None


def per_result(
    cost: Estimate, requests: Estimate, used_fraction: Estimate | None = None
) -> Estimate:
    """What one result costs, or one that somebody uses [USD/request, USD/used result].

    Args:
        cost: over the whole life, or of a year [USD].
        requests: in the same time [requests].
        used_fraction: share of the results that somebody uses; None: of all of them.

    Raises:
        UsageError: there are no requests.
    """
    if requests.known and min(requests.numbers) <= 0:
        raise UsageError("no requests, so no cost of one; give more than 0")
    each = cost.per(requests, "USD/request")
    return each if used_fraction is None else each.per(used_fraction, "USD/used result")


def _known(rows: Mapping[str, Estimate]) -> dict[str, Estimate]:
    return {name: row for name, row in rows.items() if row.known}


def _given(figure: Estimate | None, key: str) -> Estimate:
    return Estimate.absent("USD", _not_given(key)) if figure is None else figure


def _share(share: Estimate | None, price: Estimate, key: str) -> Estimate:
    if share is None:
        return Estimate.absent("USD", _not_given(key))
    return price.times(share, "USD").sourced(f"{share.source} x {price.source}")


def staff_usd(finance: Finance, staff: Staff | None) -> Estimate:
    """The staff's time that upkeep takes in a year [USD]; absent where it was not given."""
    missing = [] if finance.upkeep is not None else ["money.upkeep"]
    cost = None if staff is None else staff.hourly_cost
    if cost is None:
        missing.append("staff.hourly_cost of the site")
    if finance.upkeep is None or cost is None:
        return Estimate.absent("USD", f"not given: {' and '.join(missing)}")
    year = finance.upkeep * MONTHS_PER_YEAR
    return year.times(cost, "USD")


def _not_given(key: str) -> str:
    return f"not given: money.{key}"
