"""The figures of one option of a plan, and how they follow from each other and the scenario."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping
from typing import Final

from ecoaudit.estimate import Basis
from ecoaudit.explaining import plan_rules as rules
from ecoaudit.explaining.base import Derivation, Figure, plain
from ecoaudit.explaining.data import inside
from ecoaudit.explaining.plan_names import Names
from ecoaudit.plan import Limit, Option, Plan

_COPIED: Final = {"first_token": "ttft_s", "complete": "e2e_s"}
_ASLEEP_SHARE: Final = (
    0.05  # of the requests; fewer that wake it add nothing to the 95th percentile
)


class OfOption:
    """An option.

    Args:
        option: of the plan.
        plan: whose scenario and rows are used.
        besides: figures of the plan that are of no option, by key.
        at: what stands before the keys of its figures; empty: nothing.
    """

    def __init__(self, option: Option, plan: Plan, besides: Mapping[str, Figure], at: str):
        self._option = option
        self._plan = plan
        self._at = at
        self._limits = {limit.name: limit for limit in option.limits}
        self.figures = {figure.key: figure for figure in self._all()}
        self._names = Names(plan, besides, self._key_of)

    def _all(self) -> Iterator[Figure]:
        group, devices = self._option.id, float(self._option.n_devices)
        count = plain(devices, "devices", Basis.CONSTANT, "of the option")
        yield Figure(f"{self._at}n_devices", count, group, "n_devices")
        for name, estimate in self._option.quantities.items():
            yield Figure(f"{self._at}{name}", estimate, group, name)
        for limit in self._option.limits:
            at = f"{self._at}limits.{limit.name}"
            yield Figure(at, limit.value, group, limit.name)
            if limit.limit is not None:
                basis = Basis.DECLARED if limit.name in rules.THERE else Basis.CONSTANT
                there = plain(limit.limit, limit.value.unit, basis, limit.source)
                yield Figure(f"{at}.limit", there, group, "limit")
            if limit.margin is not None:
                source = "what is left of the limit at the pessimistic end, as a share of it"
                margin = plain(limit.margin, "", Basis.MODELLED, source)
                yield Figure(f"{at}.margin", margin, group, "margin")

    def _key_of(self, name: str) -> str | None:
        """The key of a quantity of this option that is known."""
        if name in rules.FACTORS:
            row = rules.FACTORS[name].replace("DEVICE", self._option.hardware)
            key = f"factors.{row.replace('MODEL', self._option.model)}"
            return key if self._names.knows(key) else None
        figure = self.figures.get(f"{self._at}{name}")
        return figure.key if figure is not None and figure.estimate.known else None

    def by_hour(self, figure: Figure) -> bool:
        """Whether its interval is of the way of running, hour by hour."""
        return self._option.mode != rules.ALWAYS_ON and figure.name in rules.BY_HOUR

    # -- formulas ------------------------------------------------------------------------------

    def derivation(self, figure: Figure) -> Derivation | None:
        """How a figure of the option follows from others."""
        place = figure.key.removeprefix(self._at)
        if place.startswith("limits."):
            name, _, part = place.removeprefix("limits.").partition(".")
            limit = self._limits[name]
            if part == "margin":
                return self._margin(name)
            return self._there(name) if part == "limit" else self._need(limit)
        for formula in self._formulas(figure.name):
            found = self._names.derivation(formula)
            if found is not None:
                return found
        return None

    def _margin(self, name: str) -> Derivation | None:
        at = f"{self._at}limits.{name}"
        return Derivation(
            "(there - need_high) / there", {"there": f"{at}.limit", "need_high": f"{at}.high"}
        )

    def _there(self, name: str) -> Derivation | None:
        key = f"scenario.{rules.THERE[name]}" if name in rules.THERE else ""
        if not self._names.knows(key):
            return None
        return Derivation("there", {"there": f"{key}.low"})

    def _need(self, limit: Limit) -> Derivation | None:
        """What the option needs of something, where that is one of its quantities."""
        option, name, formula = self._option, limit.name, ""
        shared = option.mode == rules.SHARED
        if name in rules.PEAKS:
            formula = "peak_power_w"
        elif name == "energy_per_day":
            formula = "energy_j_per_day"
        elif name in _COPIED:
            formula = _COPIED[name]
            if not shared and option.mode != rules.ALWAYS_ON:
                formula += " + added_wait_s"
        elif name == "capital":
            formula = self._names.known_sum(rules.ONCE)
        elif name == "running_cost":
            formula = "running_usd_per_year"
        elif name in ("staff", "devices"):
            formula = "upkeep_s" if name == "staff" else "n_devices"
        elif name == "quality" and self._names.knows("scenario.quality.minimum"):
            return Derivation("minimum", {"minimum": "scenario.quality.minimum"})
        if not formula or (name in ("capital", "running_cost") and not option.quantities):
            return None
        if shared and name in ("capital", "running_cost"):
            formula = f"({formula}) / clinics"
        return self._names.derivation(formula)

    def _formulas(self, name: str) -> Iterable[str]:
        """Formulas that may give a quantity, the best first."""
        way = _WAYS.get(name)
        if way is not None:
            return way(self)
        return [rules.ANY_WAY[name]] if name in rules.ANY_WAY else []

    def _idle(self) -> list[str]:
        mode = self._option.mode
        if mode == rules.OPENING_HOURS and not self._within_hours:
            return []
        if mode in rules.ASLEEP and self._measured:
            return []  # how it wakes may be the run's
        return [rules.REST[mode]] if mode in rules.REST else []

    @property
    def _measured(self) -> bool:
        return self._option.trust == "measured"

    @property
    def _within_hours(self) -> bool:
        """Whether no hour's work goes over into the next, in the busiest hour neither."""
        share = self._option.quantities["busy_share"].value
        demand = self._plan.scenario.get("demand", {})
        opening, peak = (inside(demand, f"{name}.value") for name in ("opening", "peak_factor"))
        if share is None or not opening or peak is None:
            return False
        return bool(share * rules.DAY_S * peak <= opening)

    @property
    def _rests(self) -> bool:
        """Whether the three parts of a day are all of it: what rests was not cut off at nothing."""
        idle = self._option.quantities["idle_energy_j_per_day"]
        return self._option.mode == rules.ALWAYS_ON or (idle.value or 0.0) > 0

    def _day(self) -> list[str]:
        parts = "idle_energy_j_per_day + active_energy_j_per_day + cooling_energy_j_per_day"
        return [parts] if self._rests else []

    def _cooling(self) -> list[str]:
        whole = "(idle_energy_j_per_day + active_energy_j_per_day) * (pue - 1)"
        return [whole] if self._rests else []

    def _year(self) -> list[str]:
        return [rules.YEAR_ALWAYS_ON if self._option.mode == rules.ALWAYS_ON else rules.YEAR]

    def _rest_day(self) -> list[str]:
        rest = rules.REST_DAY.get(self._option.mode)
        return [] if rest is None else [rest]

    def _added_wait(self) -> list[str]:
        option = self._option
        if option.mode == rules.SLEEP and not self._measured:
            woken = option.quantities["woken_share"].value
            return ["wake_s"] if woken is not None and woken > _ASLEEP_SHARE else []
        found = rules.ADDED_WAIT.get(option.mode)
        by_run = option.mode == rules.NIGHT and self._measured
        return [] if found is None or by_run else [found]

    def _woken(self) -> list[str]:
        found = rules.WOKEN.get(self._option.mode)
        return [] if found is None else [found]

    def _per_request(self) -> list[str]:
        return [f"energy_j_per_day / ({self._requests})"]

    def _marginal(self) -> list[str]:
        return [f"active_energy_j_per_day * pue / ({self._requests})"]

    @property
    def _requests(self) -> str:
        """Of a working day, of all clinics that share the computer."""
        shared = self._option.mode == rules.SHARED
        return f"{rules.REQUESTS} * clinics" if shared else rules.REQUESTS

    # -- the device ----------------------------------------------------------------------------

    def _parameters(self) -> list[str]:
        return ["shape"]

    def _source(self, name: str) -> str:
        figure = self._option.quantities.get(name)
        return "" if figure is None else figure.source

    def _peak_power(self) -> list[str]:
        source = self._source("peak_power_w")
        return [formula for words, formula in rules.PEAK.items() if source.startswith(words)]

    def _idle_power(self) -> list[str]:
        """Not of a device that was measured or calibrated."""
        source, peak = self._source("idle_power_w"), self._source("peak_power_w")
        whole = peak.startswith(rules.MACHINE_PEAK)
        if self._measured:
            return []
        around = rules.OF_MACHINE if whole else rules.IN_COMPUTER
        return [around.format(each) for words, each in rules.IDLE.items() if words in source]

    def _capital(self) -> list[str]:
        """By the table's price; of a module that of one, and at least."""
        source = self._source("capital_usd")
        if source.startswith("at least: price of "):
            return ["device_usd + host_usd"]
        if not source.startswith("price of "):
            return []
        whole = self._source("peak_power_w").startswith(rules.MACHINE_PEAK)
        return ["device_usd" if whole else "device_usd * n_devices + host_usd"]

    # -- supply --------------------------------------------------------------------------------

    @property
    def _site(self) -> dict[str, object]:
        site = self._plan.scenario.get("site")
        return site if isinstance(site, dict) else {}

    @property
    def _off_grid(self) -> bool:
        return self._site.get("grid") is False

    @property
    def _supply_by_hour(self) -> bool:
        """Whether panels or the want of a grid make the hours count."""
        return self._site.get("solar") is not None or self._off_grid

    @property
    def _outages(self) -> bool:
        """Whether a generator stands in for the grid."""
        return None not in (self._site.get("generator"), self._site.get("outages"))

    def _usd(self) -> list[str]:
        if self._supply_by_hour or self._site.get("tariff_by_hour"):
            return []
        return [rules.USD_WITH_OUTAGES if self._outages else rules.USD]

    def _carbon(self) -> list[str]:
        if not self._supply_by_hour:
            return [rules.CARBON_WITH_OUTAGES if self._outages else rules.CARBON]
        if not self._off_grid:
            return []
        quantities, parts = self._option.quantities, []
        if "generator_energy_j_per_year" in quantities:
            parts.append(rules.CARBON_OF_FUEL)
        if "panels_energy_j_per_year" in quantities and self._site.get("grid_intensity"):
            parts.append(rules.CARBON_OF_PANELS)
        return [" + ".join(parts)] if parts else []

    def _generator(self) -> list[str]:
        return [] if self._supply_by_hour else [rules.GENERATOR]

    # -- money ---------------------------------------------------------------------------------

    def _running(self) -> list[str]:
        return [self._names.known_sum(rules.YEARLY)]

    def _life_cost(self) -> list[str]:
        return [self._names.over_life(rules.LIFE)]

    def _present(self) -> list[str]:
        rate = inside(self._plan.scenario, "money.discount_rate.value")
        if not rate:
            return [self._names.over_life(rules.LIFE)] if rate == 0 else []
        return [self._names.over_life(rules.ANNUITY, rules.AT_THE_END)]

    def _cost_each(self) -> list[str]:
        return [f"life_cost_usd / (days_per_year * {rules.LIFE} * {self._requests})"]


_WAYS: Final[dict[str, Callable[[OfOption], Iterable[str]]]] = {
    "parameters": OfOption._parameters,
    "peak_power_w": OfOption._peak_power,
    "idle_power_w": OfOption._idle_power,
    "capital_usd": OfOption._capital,
    "woken_share": OfOption._woken,
    "idle_energy_j_per_day": OfOption._idle,
    "cooling_energy_j_per_day": OfOption._cooling,
    "energy_j_per_day": OfOption._day,
    "energy_j_per_rest_day": OfOption._rest_day,
    "energy_j_per_year": OfOption._year,
    "energy_per_request_j": OfOption._per_request,
    "marginal_energy_per_request_j": OfOption._marginal,
    "added_wait_s": OfOption._added_wait,
    "energy_usd_per_year": OfOption._usd,
    "operational_kgco2e_per_year": OfOption._carbon,
    "generator_energy_j_per_year": OfOption._generator,
    "running_usd_per_year": OfOption._running,
    "life_cost_usd": OfOption._life_cost,
    "present_value_usd": OfOption._present,
    "cost_per_request_usd": OfOption._cost_each,
}
