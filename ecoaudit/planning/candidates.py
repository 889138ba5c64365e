"""One option, computed: a model in a weight format on a device, against the limits of a scenario.

What depends on the model alone or the device alone is computed once; the whole catalogue is
thousands of options.
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field

from ecoaudit.estimate import Basis, Estimate
from ecoaudit.factors.hardware import MACHINE, MODULE, Device
from ecoaudit.factors.models import Model
from ecoaudit.plan import Limit
from ecoaudit.planning.evidence import Evidence, Key
from ecoaudit.scenario import Scenario
from ecoaudit.sizing.demand import Load, load_of
from ecoaudit.sizing.memory import (
    batch_defaults,
    kv_bytes_per_sequence,
    overhead_bytes,
    parameters,
    usable_bytes,
    weight_bytes,
)
from ecoaudit.sizing.power import Power, device_busy_w, device_idle_w, plug_power
from ecoaudit.sizing.speed import Timing, capacity_per_s, datasheet, rates, timing
from ecoaudit.units import S_PER_DAY

PRICE_DOUBT = 0.2  # launch price against street price: 3,999 and 4,699 USD, 2,800 and 3,200 USD
_MOST_SEQUENCES = 256  # vLLM's default for cards below 70 GiB
_NO_RATE = "the device's dense 16-bit rate is not sourced, so the time to read a prompt is unknown"
_OVERLOADED = "requests arrive faster than they can be answered at the peak"
_DATASHEET = "roofline on datasheet figures, +-45 %"


@dataclass(frozen=True, slots=True)
class Hardware:
    """A device at this site.

    Attributes:
        device: the row.
        usable: memory that the engine may fill [bytes].
        price: device and computer [USD].
        power: at the plug, modelled.
        idle_j: a day at rest [J].
        more_w: what work adds to the power at rest [W].
        limits: those that hold for any model: ``circuit_power``, ``capital``.
    """

    device: Device
    usable: Estimate
    price: Estimate
    power: Power
    idle_j: Estimate
    more_w: Estimate
    limits: tuple[Limit, ...]


@dataclass(slots=True)
class Candidate:
    """One option with its limits; ``power`` and times are kept for its quantities.

    Attributes:
        model: the row.
        weights: weight format.
        hardware: the device at this site.
        limits: by name, in the order in which they are shown.
        in_flight: requests that memory must hold at once.
        kv: KV cache of one sequence [bytes].
        weight: memory of the weights [bytes].
        power: at the plug.
        busy_s: time at work on a working day [s].
        tpot_s: time per output token [s].
        idle_j: a day at rest [J].
        active_j: what work adds on a working day [J].
        evidence: the run that measured it, if any.
        parameters: of the model, for ranking.
        fits: whether it stays within every limit.
    """

    model: Model
    weights: str
    hardware: Hardware
    weight: Estimate
    kv: Estimate
    parameters: Estimate
    power: Power
    limits: dict[str, Limit] = field(default_factory=dict)
    in_flight: int = 1
    busy_s: Estimate | None = None
    tpot_s: Estimate | None = None
    idle_j: Estimate | None = None
    active_j: Estimate | None = None
    evidence: Evidence | None = None
    fits: bool = False

    @property
    def key(self) -> Key:
        return self.model.name, self.weights, self.hardware.device.name

    def passes(self, name: str) -> bool:
        limit = self.limits.get(name)
        return limit is not None and bool(limit.ok)

    @property
    def first_limit(self) -> Limit | None:
        """The limit that is missed by the largest factor, else the first that is not known."""
        missed = [limit for limit in self.limits.values() if limit.ok is False]
        if missed:
            return max(missed, key=miss)
        return next((limit for limit in self.limits.values() if limit.ok is None), None)

    @property
    def worst(self) -> float:
        """By what factor the first limit is missed; 1 for one that is not known."""
        first = self.first_limit
        return 0.0 if first is None else miss(first)


def miss(limit: Limit) -> float:
    """Pessimistic need over what there is."""
    if limit.ok is None or limit.value.high is None or limit.limit is None:
        return 1.0
    return math.inf if limit.limit <= 0 else limit.value.high / limit.limit


def limit_of(name: str, value: Estimate, there: float, source: str) -> Limit:
    """A limit whose verdict is taken on the pessimistic end of ``value``."""
    if value.high is None:
        return Limit(name, value, there, None, None, source)
    margin = (there - value.high) / there if there > 0 else None
    return Limit(name, value, there, value.high <= there, margin, source)


@dataclass(frozen=True, slots=True)
class Times:
    """First token and whole answer [s], load at the peak, time at work on a working day [s]."""

    first: Estimate
    complete: Estimate
    load: Estimate
    busy_s: Estimate


class Catalogue:
    """All options of a scenario.

    Args:
        scenario: what is asked.
        models: models to consider.
        devices: devices to consider.
        prices: prices of devices typed by the user, by the device's name [USD]; of a module the
            whole server's.
        evidence: measured runs by option.
    """

    def __init__(
        self,
        scenario: Scenario,
        models: list[Model],
        devices: list[Device],
        prices: Mapping[str, Estimate],
        evidence: Mapping[Key, Evidence],
    ):
        self.scenario = scenario
        self.load: Load = load_of(scenario)
        self.models = models
        self.hardware = [self._hardware(device, prices.get(device.name)) for device in devices]
        self.evidence = evidence
        per_day = self.load.requests_per_day
        doubt = datasheet(1.0, "s", "").times(per_day.converted(1 / per_day.number, ""), "s")
        self._busy_ends = (doubt.low or 0.0, doubt.high or 0.0)  # of time at work, over its value
        self._no_energy = limit_of(
            "energy_per_day",
            Estimate.absent("J", "it cannot hold the model, so it has no speed and no energy"),
            scenario.site.energy_per_day.low or 0.0,
            scenario.site.energy_per_day.source,
        )
        self._base: dict[tuple[str, str, int], Estimate] = {}
        self._kv: dict[tuple[str, int], Estimate] = {}

    def candidates(self) -> Iterator[Candidate]:
        for model in self.models:
            context = self._context(model)
            size = parameters(model)
            for weights in model.formats(self.scenario.weights):
                weight = weight_bytes(model, weights)
                for hardware in self.hardware:
                    batched, _ = batch_defaults(hardware.device)
                    candidate = Candidate(
                        model,
                        weights,
                        hardware,
                        weight,
                        self._kv_of(model, batched),
                        size,
                        hardware.power,
                    )
                    self._fill(candidate, context)
                    yield candidate

    # -- what depends on one side only -----------------------------------------------------------

    def _hardware(self, device: Device, typed: Estimate | None) -> Hardware:
        site = self.scenario.site
        power = plug_power(device, site.host, device_idle_w(device), device_busy_w(device))
        circuit = limit_of(
            "circuit_power", power.peak_w, site.circuit_power.low or 0.0, site.circuit_power.source
        )
        price = self._price(device, typed)
        budget = self.scenario.budget
        capital = limit_of("capital", price, budget.low or 0.0, budget.source)
        if device.kind == MODULE and typed is None and capital.ok:
            price = Estimate.absent("USD", "the server that this module needs is not in the table")
            capital = limit_of("capital", price, budget.low or 0.0, budget.source)
        idle_j, more_w = _rest_and_work(power)
        return Hardware(
            device, usable_bytes(device), price, power, idle_j, more_w, (circuit, capital)
        )

    def _price(self, device: Device, typed: Estimate | None) -> Estimate:
        host = self.scenario.site.host.price
        alone = device.kind == MACHINE or (device.kind == MODULE and typed is not None)
        if typed is not None:
            return typed if alone else typed + host
        if device.price is None:
            return Estimate.absent("USD", "no price in the table")
        what = f"price of {device.price.year}, +-20 % ({device.price.source})"
        price = device.price.estimate(PRICE_DOUBT).sourced(what)
        if device.kind == MODULE:
            return (price + host).sourced(f"at least: {what}, and a server of its own")
        return price if alone else price + host

    def _context(self, model: Model) -> Limit:
        need = self.load.context_p95
        if model.context_tokens is None:
            return Limit("context", need, None, None, None, "the model's context is not sourced")
        return limit_of("context", need, float(model.context_tokens), model.source)

    def _kv_of(self, model: Model, batched: int) -> Estimate:
        key = (model.name, batched if model.window_layers else 0)
        if key not in self._kv:
            self._kv[key] = kv_bytes_per_sequence(model, self.load.context_p95, batched)
        return self._kv[key]

    # -- one option ------------------------------------------------------------------------------

    def _fill(self, option: Candidate, context: Limit) -> None:
        hardware = option.hardware
        batched, sequences = batch_defaults(hardware.device)
        base_key = (option.model.name, option.weights, batched)
        if base_key not in self._base:
            overhead = overhead_bytes(option.model, batched, sequences)
            self._base[base_key] = (option.weight + overhead).sourced(
                "weights, KV cache at the longest context, vLLM's own"
            )
        base = self._base[base_key]
        usable = hardware.usable.low or 0.0
        room = int((usable - (base.high or 0.0)) / (option.kv.high or 1.0))
        need = _need(base, option.kv, 1)
        room = min(max(room, int((need.high or 0.0) <= usable)), _MOST_SEQUENCES)
        times = self._times(option, room) if room > 0 else None
        if option.in_flight > 1:
            need = _need(base, option.kv, option.in_flight)
        limits = option.limits
        limits["memory"] = limit_of("memory", need, usable, hardware.usable.source)
        limits["context"] = context
        limits["circuit_power"], limits["capital"] = hardware.limits
        if times is None:
            limits["energy_per_day"] = self._no_energy
            return
        self._rest(option, times)
        option.fits = all(limit.ok for limit in limits.values())

    def _rest(self, option: Candidate, times: Times) -> None:
        """The limits of an option that holds its model: energy, waits and load."""
        site, service, limits = self.scenario.site, self.scenario.workload.service, option.limits
        day = self._energy(option, times.busy_s)
        limits["energy_per_day"] = limit_of(
            "energy_per_day", day, site.energy_per_day.low or 0.0, site.energy_per_day.source
        )
        for name, value, most in (
            ("first_token", times.first, service.first_token),
            ("complete", times.complete, service.complete),
        ):
            if most is not None:
                limits[name] = limit_of(name, value, most.low or 0.0, most.source)
        limits["load"] = limit_of(
            "load", times.load, 1.0, "arrivals at the peak over what it can do"
        )

    def _times(self, option: Candidate, room: int) -> Times:
        """The times of an option, measured or modelled; sets what it rests on."""
        option.evidence = self.evidence.get(option.key)
        rate = rates(option.model, option.weights, option.hardware.device)
        result = timing(option.model, rate, self.load, room)
        option.in_flight = result.in_flight
        if option.evidence is not None:
            return self._measured(option, option.evidence)
        option.tpot_s = datasheet(result.tpot_s, "s", _DATASHEET)
        why = _DATASHEET if result.stable else _OVERLOADED
        if rate.flop_s is None:
            why = _NO_RATE
        capacity = capacity_per_s(option.model, rate, self.load, room)
        peak = self.load.peak_per_s.high or 0.0
        loaded = None if capacity is None else peak / capacity
        option.busy_s = self._busy(result)
        return Times(
            datasheet(result.first_s, "s", why),
            datasheet(result.complete_s, "s", why),
            datasheet(loaded, "", _NO_RATE if loaded is None else _DATASHEET),
            option.busy_s,
        )

    def _busy(self, result: Timing) -> Estimate:
        """Time at work on a working day [s], with the doubt of speed and of the requests.

        Where the time to read a prompt is unknown, it lies between answering alone and all the
        opening hours.
        """
        value = result.busy_s_per_day
        low, high, source = value * self._busy_ends[0], value * self._busy_ends[1], _DATASHEET
        if not result.complete:
            high = max(self.load.opening_s, high)
            source = f"answering alone to all opening hours: {_NO_RATE}"
        return Estimate(value, low, high, "s", Basis.MODELLED, source)

    def _measured(self, option: Candidate, run: Evidence) -> Times:
        option.tpot_s = run.tpot_s
        busy = self.load.requests_per_day.per(run.requests_per_s, "s")
        option.busy_s = busy.sourced(f"run {run.run_id}: requests per day over measured rate")
        device, host = option.hardware.device, self.scenario.site.host
        option.power = plug_power(
            device,
            host,
            run.idle_w or device_idle_w(device),
            run.busy_w or device_busy_w(device),
        )
        loaded = self.load.peak_per_s.per(run.requests_per_s, "")
        return Times(run.first_s, run.complete_s, loaded, option.busy_s)

    def _energy(self, option: Candidate, busy_s: Estimate) -> Estimate:
        """Energy of a working day at the site [J], always on."""
        if option.power is option.hardware.power:
            option.idle_j, more_w = option.hardware.idle_j, option.hardware.more_w
        else:
            option.idle_j, more_w = _rest_and_work(option.power)
        option.active_j = more_w.times(busy_s, "J")
        return (option.idle_j + option.active_j).times(self.scenario.site.pue, "J")


def _rest_and_work(power: Power) -> tuple[Estimate, Estimate]:
    """Energy of a day at rest [J], and what work adds to the power at rest [W]."""
    idle_j = power.idle_w.converted(S_PER_DAY, "J").sourced("24 h with the model loaded")
    return idle_j, (power.busy_w - power.idle_w).sourced("what requests add to idle")


def _need(base: Estimate, kv: Estimate, sequences: int) -> Estimate:
    """Memory of an option [bytes]: as ``base + kv * sequences``, written out for speed."""
    value, each = base.number, kv.number
    down = math.hypot(value - (base.low or 0.0), (each - (kv.low or 0.0)) * sequences)
    up = math.hypot((base.high or 0.0) - value, ((kv.high or 0.0) - each) * sequences)
    value += each * sequences
    return Estimate(value, value - down, value + up, "bytes", Basis.MODELLED, base.source)
