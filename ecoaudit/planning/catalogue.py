"""Every option of a scenario at once, as tables: what it needs against what there is.

A row is a model in a weight format, a column a device and how many of it. What depends on the model
alone is a table of one column, what depends on the device alone a table of one row. A measured run
takes the place of the modelled figures in its own cell.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from copy import copy
from dataclasses import dataclass, replace
from functools import cached_property
from typing import Final

import numpy

from ecoaudit.bands import Array, Band, Flags, cell_of
from ecoaudit.estimate import Basis, Estimate
from ecoaudit.factors.hardware import Device
from ecoaudit.factors.models import Model
from ecoaudit.planning.columns import cache_of, columns_of, most_sharing
from ecoaudit.planning.draws import Draws
from ecoaudit.planning.evidence import Evidence, Key
from ecoaudit.planning.loads import loads_of
from ecoaudit.planning.prices import prices_of
from ecoaudit.scenario import Scenario
from ecoaudit.sizing.demand import Load, load_of
from ecoaudit.sizing.memory import kv_bytes_per_sequence, parameters, weight_bytes
from ecoaudit.sizing.power import Power
from ecoaudit.sizing.sharing import why_not
from ecoaudit.sizing.stacked import Stacked, stacked
from ecoaudit.sizing.timing import Asked, Timings, timings
from ecoaudit.sizing.vllm_budget import batch_defaults, overhead_bytes, usable_bytes
from ecoaudit.units import S_PER_DAY

Reason = Callable[[int, int], str]
DAYS_PER_YEAR: Final = 365.25
_MOST_SEQUENCES: Final = 256  # vLLM's default for cards below 70 GiB
_NO_RATE: Final = (
    "the device's dense 16-bit rate is not sourced, so the time to read a prompt is unknown"
)
_OVERLOADED: Final = "requests arrive faster than they can be answered at the peak"
_NOT_HELD: Final = "it cannot hold the model, so it has no speed and no energy"
_NOT_SHARED: Final = "so they have no speed and no energy"


@dataclass(frozen=True, slots=True)
class Pair:
    """A model in one weight format."""

    model: Model
    weights: str


class Catalogue:
    """All options of a scenario.

    Args:
        scenario: what is asked.
        models: models to consider.
        devices: devices to consider.
        prices: prices of devices typed by the user, by the device's name [USD]; of a module the
            whole server's.
        evidence: measured runs by option.
        counts: how many of each device, which may then stand there several times; None: one, and
            as many cards as the site's computer takes.
    """

    def __init__(
        self,
        scenario: Scenario,
        models: Sequence[Model],
        devices: Sequence[Device],
        prices: Mapping[str, Estimate],
        evidence: Mapping[Key, Evidence],
        counts: Sequence[int] | None = None,
    ):
        self.scenario = scenario
        self._given = models, prices, evidence
        self._loads = loads_of(scenario, models)
        self.load = load_of(scenario)
        formats = [(model, model.formats(scenario.weights)) for model in models]
        self.pairs = [Pair(model, weights) for model, found in formats for weights in found]
        self._columns = columns_of(devices, scenario.site.host, counts)
        self.devices = [device for device, _ in self._columns]
        self.counts = [count for _, count in self._columns]
        self._asked = Asked.of([self._loads[pair.model.name] for pair in self.pairs])
        self._models = {pair.model.name: pair.model for pair in self.pairs}
        self._prices = prices
        self.evidence = self._placed(evidence)
        self.waits: Mapping[tuple[int, int], tuple[Estimate, Estimate]] = {}

    @property
    def shape(self) -> tuple[int, int]:
        """Models in their formats, computers."""
        return len(self.pairs), len(self.devices)

    def key(self, row: int, column: int) -> Key:
        """Names of an option's parts."""
        pair = self.pairs[row]
        return pair.model.name, pair.weights, self.devices[column].name, self.counts[column]

    def load_at(self, row: int) -> Load:
        """The requests in the tokens of a model."""
        return self._loads[self.pairs[row].model.name]

    def under(self, scenario: Scenario) -> Catalogue:
        """The same options under another scenario, whose site has as many slots."""
        models, prices, evidence = self._given
        return Catalogue(scenario, models, self.devices, prices, evidence, self.counts)

    def with_waits(self, waits: Mapping[tuple[int, int], tuple[Estimate, Estimate]]) -> Catalogue:
        """The same with other waits for the first token and the whole answer in some cells [s]."""
        other = copy(self)
        other.waits = waits
        for name in ("first_s", "complete_s"):
            other.__dict__.pop(name, None)
        return other

    def _placed(self, evidence: Mapping[Key, Evidence]) -> dict[tuple[int, int], Evidence]:
        rows = {(pair.model.name, pair.weights): place for place, pair in enumerate(self.pairs)}
        columns = {(one.name, n): place for place, (one, n) in enumerate(self._columns)}
        return {
            (rows[key[:2]], columns[key[2:]]): each.at(self.load_at(rows[key[:2]]))
            for key, each in evidence.items()
            if key[:2] in rows and key[2:] in columns
        }

    # -- memory ------------------------------------------------------------------------------

    def not_shared(self, row: int, column: int) -> str:
        """Why the devices of a computer cannot share a model; empty where they can."""
        count = self.counts[column]
        return why_not(self.pairs[row].model, count) if count > 1 else ""

    @cached_property
    def most_sharing(self) -> Array:
        """How many devices of a computer can share the model at most."""
        return most_sharing([pair.model for pair in self.pairs], self.counts)

    @cached_property
    def parameters(self) -> Band:
        """Of the model."""
        sizes = {name: parameters(model) for name, model in self._models.items()}
        return Band.rows([sizes[pair.model.name] for pair in self.pairs])

    @cached_property
    def weight(self) -> Band:
        """Memory of the weights [bytes]."""
        return Band.rows([weight_bytes(pair.model, pair.weights) for pair in self.pairs])

    @cached_property
    def kv(self) -> Band:
        """KV cache of one sequence at the longest context, on all devices [bytes]."""

        def of(model: Model, batched: int, _sequences: int, count: int) -> Estimate:
            context = self._loads[model.name].context_p95
            return kv_bytes_per_sequence(model, context, batched, tensor_parallel=count)

        return self._by_class(of)

    @cached_property
    def base(self) -> Band:
        """Weights and what vLLM takes besides, on all devices [bytes]."""

        def of(model: Model, batched: int, sequences: int, count: int) -> Estimate:
            return overhead_bytes(model, batched, sequences, tensor_parallel=count)

        return self.weight + self._by_class(of)

    def _by_class(self, of: Callable[[Model, int, int, int], Estimate]) -> Band:
        """A figure of each device, summed over them: of the model, vLLM's batch defaults and the
        number of devices, of which there are few classes."""
        classes = [(*batch_defaults(device), count) for device, count in self._columns]
        found = {
            each: {name: of(model, *each) * each[2] for name, model in self._models.items()}
            for each in dict.fromkeys(classes)
        }
        return Band.table(
            [[found[each][pair.model.name] for each in classes] for pair in self.pairs]
        )

    @cached_property
    def usable(self) -> Band:
        """Memory that the engine may fill, on all devices [bytes]."""
        return Band.columns([usable_bytes(device) * count for device, count in self._columns])

    @cached_property
    def room(self) -> Array:
        """Sequences that the KV cache holds on the pessimistic end; 0: not even the model."""
        room = (self.usable.low - self.base.high) // self.kv.high
        one = (self.base + self.kv).high <= self.usable.low
        shared = self.most_sharing >= numpy.array([self.counts])
        return numpy.clip(numpy.maximum(room, one), 0, _MOST_SEQUENCES) * shared

    @cached_property
    def held(self) -> Flags:
        """Where the devices hold the model and one request."""
        found: Flags = self.room > 0
        return found

    @cached_property
    def memory(self) -> Band:
        """What has to be held: the model, and the requests in flight at the peak [bytes]."""
        at_once = numpy.where(self.held, self.timings.in_flight, 1.0)
        source = "weights, KV cache at the longest context, vLLM's own"
        return (self.base + self.kv * at_once).sourced(source)

    # -- time --------------------------------------------------------------------------------

    @cached_property
    def timings(self) -> Timings:
        """Waits and time at work as modelled; of those that do not hold the model they mean
        nothing."""
        room = numpy.maximum(self.room, 1.0)
        return timings(self.steps, self._kv_of, self.load, self._asked, room)

    def _kv_of(self, context: Array) -> Array:
        """Cache of one sequence on one device [bytes]."""
        return cache_of([pair.model for pair in self.pairs], self.counts, context)

    @cached_property
    def steps(self) -> Stacked:
        """The modelled steps of every option."""
        pairs = [(pair.model, pair.weights) for pair in self.pairs]
        return stacked(pairs, self.devices, self.counts)

    def _modelled(self, values: Array, unit: str, quantity: str, reason: Reason) -> Band:
        """Figures of the model of speed, with the interval that its constants give a quantity."""
        values = numpy.where(self.held, values, numpy.nan)
        constants = self.steps.constants
        low, high = self.steps.ends(quantity)

        def origin(row: int, column: int) -> tuple[Basis, str]:
            if not self.held[row, column]:
                return Basis.MODELLED, self._not_held(row, column)
            return Basis.MODELLED, reason(row, column) or constants[column].said

        return Band(values, values * low, values * high, unit, origin)

    def _not_held(self, row: int, column: int) -> str:
        why = self.not_shared(row, column)
        return f"{why}, {_NOT_SHARED}" if why else _NOT_HELD

    def trust(self, row: int, column: int) -> str:
        """What the speed of an option rests on: ``measured``, ``calibrated`` or ``datasheet``."""
        measured = (row, column) in self.evidence
        return "measured" if measured else self.steps.constants[column].trust

    def _measured(self, modelled: Band, figure: Callable[[Evidence], Estimate]) -> Band:
        """The same with the figures of measured runs in their cells."""
        held = {place: run for place, run in self.evidence.items() if self.held[place]}
        return modelled.put({place: figure(run) for place, run in held.items()}, self.shape)

    @cached_property
    def tpot_s(self) -> Band:
        """Time per output token at the peak [s]."""
        modelled = self._modelled(self.timings.tpot_s, "s", "step", lambda _row, _column: "")
        return self._measured(modelled, lambda run: run.tpot_s)

    @cached_property
    def first_s(self) -> Band:
        """Wait for the first token, 95th percentile at the peak [s]."""
        modelled = self._modelled(self.timings.first_s, "s", "first", self._why)
        simulated = modelled.put({place: each[0] for place, each in self.waits.items()}, self.shape)
        return self._measured(simulated, lambda run: run.first_s)

    @cached_property
    def complete_s(self) -> Band:
        """Wait for the whole answer, 95th percentile at the peak [s]."""
        modelled = self._modelled(self.timings.complete_s, "s", "step", self._why)
        simulated = modelled.put({place: each[1] for place, each in self.waits.items()}, self.shape)
        return self._measured(simulated, lambda run: run.complete_s)

    @cached_property
    def peak_load(self) -> Band:
        """Arrivals at the peak over what can be done."""

        def why(row: int, column: int) -> str:
            return "" if self.timings.read[row, column] else _NO_RATE

        peak = self.load.peak_per_s
        return self._measured(
            self._modelled(self.timings.load, "", "step", why),
            lambda run: peak.per(run.requests_per_s, ""),
        )

    def _why(self, row: int, column: int) -> str:
        if not self.timings.read[row, column]:
            return _NO_RATE
        return "" if self.timings.stable[row, column] else _OVERLOADED

    @cached_property
    def busy_s(self) -> Band:
        """Time at work on a working day [s], with the doubt of speed and of the requests.

        Where the time to read a prompt is unknown, it lies between answering alone and all the
        opening hours.
        """
        per_day, read = self.load.requests_per_day, self.timings.read

        def reason(row: int, column: int) -> str:
            return "" if read[row, column] else f"answering alone to all opening hours: {_NO_RATE}"

        speed = self._modelled(self.timings.busy_s, "s", "step", reason)
        found = speed.times(Band.of(per_day.converted(1 / per_day.number, "")), "s")
        high = numpy.where(read, found.high, numpy.maximum(found.high, self.load.opening_s))

        def measured(run: Evidence) -> Estimate:
            if run.busy_s is not None:
                return run.busy_s
            said = f"run {run.run_id}: requests per day over measured rate"
            return per_day.per(run.requests_per_s, "s").sourced(said)

        return self._measured(replace(found, high=high, origin=speed.origin), measured)

    # -- power and energy --------------------------------------------------------------------

    @cached_property
    def _draws(self) -> Draws:
        return Draws(self.devices, self.counts, self.scenario.site.host)

    @cached_property
    def peak_w(self) -> Band:
        """What the circuit must carry [W]."""
        return self._draws.peak_w

    @cached_property
    def idle_w(self) -> Band:
        """At the plug with the model loaded and no request [W]."""
        measured = {place: each.idle_w for place, each in self._seen.items()}
        return self._draws.idle_w.put(measured, self.shape)

    @cached_property
    def busy_w(self) -> Band:
        """At the plug with few requests in flight [W]."""
        measured = {place: each.busy_w for place, each in self._seen.items()}
        return self._draws.at_plug(self.board_w).put(measured, self.shape)

    @cached_property
    def board_w(self) -> Band:
        """Draw of the devices at work, as modelled; without a computing rate that of any [W]."""
        asked, running = self._asked, self.timings.running
        at_once = numpy.clip(numpy.where(numpy.isfinite(running), running, self.room), 1.0, None)
        context = asked.mean_context
        lengths = (context, asked.prompt_mean, asked.output_mean)
        share, few = self.steps.draw(at_once, self._kv_of(context), *lengths)
        return self._draws.board_w(self.steps, share, few, self.timings.read)

    @cached_property
    def _seen(self) -> dict[tuple[int, int], Power]:
        """Power at the plug from what runs measured of the devices."""
        return {
            place: self._draws.power(place[1], run.idle_w, run.busy_w)
            for place, run in self.evidence.items()
        }

    @cached_property
    def idle_j(self) -> Band:
        """A day at rest [J]."""
        held = numpy.where(self.held, 1.0, numpy.nan)
        day = (self.idle_w * held).converted(S_PER_DAY, "J")
        return self._or_not_held(day, "24 h with the model loaded")

    def _or_not_held(self, band: Band, source: str) -> Band:
        """With a source; the cells without a figure are those that cannot hold the model."""
        value = band.value

        def origin(row: int, column: int) -> tuple[Basis, str]:
            basis, _ = band.origin(row, column)
            lacking = numpy.isnan(value[cell_of(value, row, column)])
            return basis, self._not_held(row, column) if lacking else source

        return replace(band, origin=origin)

    @cached_property
    def active_j(self) -> Band:
        """What requests add to it on a working day [J]."""
        more = (self.busy_w - self.idle_w).sourced("what requests add to idle")
        return more.times(self.busy_s, "J")

    @cached_property
    def day_j(self) -> Band:
        """A working day at the site, cooling included [J]."""
        return (self.idle_j + self.active_j).times(Band.of(self.scenario.site.pue), "J")

    @cached_property
    def year_j(self) -> Band:
        """A year before cooling [J]: idle every day, work on working days."""
        days = Band.of(self.scenario.demand.days_per_year)
        return self.idle_j * DAYS_PER_YEAR + self.active_j.times(days, "J")

    # -- money -------------------------------------------------------------------------------

    @cached_property
    def price(self) -> Band:
        """Devices and computer [USD]."""
        host, budget = self.scenario.site.host.price, self.scenario.budget
        return prices_of(self._columns, self._prices, host, budget)
