"""Figures of a plan that are of no option, or of the first: costs, offers and languages."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Final

from ecoaudit.explaining import plan_rules as rules
from ecoaudit.explaining.base import Derivation, Figure, sum_of
from ecoaudit.explaining.data import inside
from ecoaudit.explaining.plan_names import Names, product
from ecoaudit.plan import Plan

_ROWS: Final = {
    "purchase": "capital_usd",
    "import_duty": "capital_usd * duty",
    "freight": "freight_usd",
    "installation": "installation_usd",
    "spares": "capital_usd * spares",
    "energy": "energy_usd_per_year",
    "staff": "upkeep_s * 12 * staff_usd_per_s",
    "maintenance": "capital_usd * maintenance",
    "disposal": "disposal_usd",
}
_ALL_USED: Final = "all answers used"
# By what a changed figure multiplies the requests, or the used ones of them: driver, first word.
_CHANGED: Final = {
    ("load", "half"): "0.5",
    ("load", "twice"): "2",
    ("used_fraction", "half"): "0.5",
    ("used_fraction", "all"): "1",
}
_YEARLY: Final = ("energy", "staff", "maintenance")


class OfBesides:
    """How they follow from others.

    Args:
        plan: of the file.
        figures: of no option, by key.
        first: the key of a quantity of the option whose costs are told; None: it is not known.
    """

    def __init__(
        self, plan: Plan, figures: Mapping[str, Figure], first: Callable[[str], str | None]
    ):
        self._plan = plan
        self._figures = figures
        self._names = Names(plan, figures, first)

    def derivation(self, figure: Figure) -> Derivation | None:
        """How a figure follows from others of the file."""
        place = figure.key.split(".")
        if place[0] == "costs":
            return self._cost(place[1:])
        if place[0] == "alternatives":
            return self._offer(place[1], place[-1])
        if place[0] == "languages":
            return self._language(place)
        if place[0] == "sensitivity" and place[2:] == ["usd_per_used_result"]:
            return self._used_result(place[1])
        return None

    # -- costs ---------------------------------------------------------------------------------

    def _cost(self, place: list[str]) -> Derivation | None:
        if place[0] == "rows":
            return self._names.derivation(_ROWS.get(place[1], ""))
        if place == ["life"]:
            return self._names.derivation(rules.LIFE)
        if place == ["discount_rate"]:
            return self._names.derivation("discount_rate")
        if place == ["total"]:
            return self._names.derivation(self._names.over_life(rules.LIFE))
        if place == ["present_value"]:
            rate = inside(self._plan.scenario, "money.discount_rate.value")
            if not rate:
                return None
            formula = self._names.over_life(rules.ANNUITY, rules.AT_THE_END)
            return self._names.derivation(formula)
        if place[0] == "years" and place[2:] == ["total"]:
            at = f"costs.years.{place[1]}.rows."
            rows = [key for key in self._figures if key.startswith(at)]
            return sum_of(rows) if rows else None
        if place[0] == "years" and len(place) == 4:
            return self._of_year(place[1], place[3])
        return None

    def _of_year(self, year: str, name: str) -> Derivation | None:
        """A row of a year: of one that is paid each year the part that the year is long."""
        row, length = f"costs.rows.{name}", f"costs.years.{year}.length"
        if not self._names.knows(row):
            return None
        if name not in _YEARLY:
            return Derivation(name, {name: row})
        if not self._names.knows(length):
            return None
        return product([(name, row), ("length", length)])

    def _used_result(self, place: str) -> Derivation | None:
        """What a used result costs under a changed figure, from what a year does then."""
        told = self._plan.sensitivity[int(place)]
        requests = f"{rules.REQUESTS} * days_per_year"
        if self._told_mode == rules.SHARED:
            requests += " * clinics"
        factor = _CHANGED.get((str(told.get("driver")), str(told.get("setting")).partition(" ")[0]))
        if factor is not None:
            requests = f"{factor} * {requests}"
        elif told.get("driver") in ("load", "used_fraction"):
            return None
        if told.get("setting") != _ALL_USED and self._names.key_of("used_fraction") is not None:
            requests += " * used_fraction"
        year = f"sensitivity.{place}.usd_per_year"
        found = self._names.derivation(requests)
        if found is None or not self._names.knows(year):
            return None
        inputs = {"usd_per_year": year, **found.inputs}
        return Derivation(f"usd_per_year / ({requests})", inputs)

    @property
    def _told_mode(self) -> str:
        """How the option is run whose costs are told."""
        told = self._plan.costs.get("option")
        return next((x.mode for x in self._plan.options if x.id == told), "")

    # -- offers --------------------------------------------------------------------------------

    def _offer(self, mode: str, name: str) -> Derivation | None:
        if name == "usd_per_year":
            if mode == "hosted-api" and inside(self._plan.scenario, "workload.turns.value") != 1:
                return None  # its history is in the prompts
            for formula in rules.RENTED.get(mode, ()):
                found = self._names.derivation(formula)
                if found is not None:
                    return found
            return None
        rent = f"alternatives.{mode}.usd_per_year"
        if name != "break_even_months" or not self._names.knows(rent):
            return None
        once, each = (self._names.known_sum(part) for part in (rules.ONCE, rules.YEARLY))
        part = " / clinics" if self._told_mode == rules.SHARED else ""
        formula = f"({once}){part} / ((rent_usd_per_year - ({each}){part}) / 12)"
        names = (
            self._names.derivation(f"({once}){part} + ({each}){part}") if once and each else None
        )
        if names is None:
            return None
        return Derivation(formula, {**names.inputs, "rent_usd_per_year": rent})

    # -- languages -----------------------------------------------------------------------------

    def _language(self, place: list[str]) -> Derivation | None:
        """Tokens in a language: all texts but the system prompt grow by its premium."""
        if place[1:] == ["mean_premium"]:
            return self._mean_premium()
        if inside(self._plan.scenario, "workload.turns.value") != 1 or len(place) < 3:
            return None
        at, name = f"languages.{place[1]}", place[2]
        premium = f"{at}.token_premium"
        if not self._names.knows(premium):
            return None
        formula = rules.LANGUAGE.get(name)
        if name == "share" and self._names.knows(f"scenario.workload.languages.{place[1]}"):
            return Derivation("share", {"share": f"scenario.workload.languages.{place[1]}"})
        found = self._names.derivation((formula or "").replace("token_premium", "1"))
        if formula is None or found is None:
            return None
        return Derivation(formula, {**found.inputs, "token_premium": premium})

    def _mean_premium(self) -> Derivation | None:
        """The premiums by their shares, which may sum to anything."""
        shares, premiums = {}, {}
        for number, each in enumerate(self._plan.languages.get("languages", []), start=1):
            at = f"languages.{each.get('code')}"
            shares[f"share_{number}"] = f"{at}.share"
            premiums[f"premium_{number}"] = f"{at}.token_premium"
        if not shares or not all(map(self._names.knows, (*shares.values(), *premiums.values()))):
            return None
        whole = " + ".join(f"{a} * {b}" for a, b in zip(shares, premiums, strict=True))
        return Derivation(f"({whole}) / ({' + '.join(shares)})", shares | premiums)
