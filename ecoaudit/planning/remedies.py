"""The next thing to try for an option that fails: one sentence, computed from the other options."""

from __future__ import annotations

from typing import Final

import numpy

from ecoaudit.bands import Array, Flags
from ecoaudit.plan import Limit
from ecoaudit.planning.cells import Cell
from ecoaudit.planning.limits import LIMIT_NAMES
from ecoaudit.planning.verdicts import Verdicts
from ecoaudit.sizing.memory import BITS
from ecoaudit.units import J_PER_KWH, S_PER_DAY, human, significant

_CARRIES: Final = {
    "circuit_power": "give it a circuit of",
    "ups_power": "take a UPS that carries",
    "generator_power": "take a generator that carries",
}


class Remedies:
    """Looks for the nearest option that passes what another one misses."""

    def __init__(self, verdicts: Verdicts):
        catalogue = verdicts.catalogue
        self._verdicts = verdicts
        self._catalogue = catalogue
        self._scenario = catalogue.scenario
        self._found: dict[tuple[str, int], Cell | None] = {}
        self._bits = numpy.array([BITS[pair.weights][0] for pair in catalogue.pairs])
        self._names = numpy.array([pair.model.name for pair in catalogue.pairs])
        self._finders = {
            "memory": self._memory,
            "devices": self._devices,
            "context": self._context,
            **dict.fromkeys(_CARRIES, self._peak),
            "capital": self._capital,
            "energy_per_day": self._energy,
            "supply": self._supply,
            "staff": self._staff,
            "running_cost": self._running,
            "quality": self._quality,
        }

    def of(self, option: Cell) -> str | None:
        """The remedy for the option's first limit; None when it fits."""
        first = option.first_limit
        if first is None:
            return None
        return self._finders.get(first.name, self._time)(option, first) + _besides(option, first)

    # -- one per limit ---------------------------------------------------------------------------

    def _memory(self, option: Cell, limit: Limit) -> str:
        need, there = human(limit.value.high, "bytes"), human(limit.limit, "bytes")
        start = f"needs up to {need} of {there}"
        smaller = self._format(option, "memory")
        if smaller is not None:
            fits = human(smaller.limit("memory").value.high, "bytes")
            return f"{start}; with {smaller.weights} weights {fits}"
        other = self._device(option, "memory", self._sizes)
        model = self._model(option, "memory")
        tries = []
        if other is not None:
            tries.append(f"{other.hardware} holds it")
        if model is not None:
            tries.append(f"{model.model.name} ({model.weights}) fits here")
        return f"{start}; {', or '.join(tries) or 'no device considered holds it'}"

    def _devices(self, option: Cell, limit: Limit) -> str:
        other = self._device(option, "devices", self._prices)
        take = "" if other is None else f"; take {other.hardware}{_still(other)}"
        return f"{limit.source}{take}"

    def _context(self, option: Cell, limit: Limit) -> str:
        if limit.limit is None:
            return "the table has no context length for this model: check its own configuration"
        need = human(limit.value.high, "tokens", 4)
        model = self._model(option, "context")
        other = "" if model is None else f", or take {model.model.name}"
        return f"shorten the longest request from {need} to {limit.limit:g}{other}"

    def _peak(self, option: Cell, limit: Limit) -> str:
        start = f"{_CARRIES[limit.name]} {human(limit.value.high, 'W')}"
        other = self._device(option, limit.name, self._catalogue.peak_w.value)
        if other is None:
            return start
        peak = human(other.figure("peak_w").number, "W")
        return f"{start}, or take {other.hardware}, which peaks at {peak}"

    def _supply(self, option: Cell, limit: Limit) -> str:
        start = f"up to {human(limit.value.high, 's')} of a working day have no electricity"
        other = self._device(option, "supply", self._catalogue.idle_w.value)
        if other is None:
            return f"{start}; add battery or panels, or switch it off at night"
        return f"{start}; {other.hardware} is fed at every hour{_still(other)}"

    def _staff(self, option: Cell, limit: Limit) -> str:
        need, there = human(limit.value.high, "s"), human(limit.limit, "s")
        return f"its upkeep takes up to {need} a month, and the staff can spare {there}"

    def _capital(self, option: Cell, limit: Limit) -> str:
        name = option.device.name
        if limit.value.high is None:
            what = "the whole server's price" if "server" in limit.value.source else "its price"
            more = "raise the budget above 0 USD, and " if limit.limit == 0 else ""
            return f'{more}type {what}: --price "{name}=12000 USD" with your figure'
        start = f"raise the budget to {human(limit.value.high, 'USD')}"
        other = self._device(option, "capital", self._prices)
        if other is None:
            return start
        price = human(other.figure("price").number, "USD")
        return f"{start}, or take {other.hardware} for {price}{_still(other)}"

    def _energy(self, option: Cell, limit: Limit) -> str:
        if not option.held:
            return _measure(limit)
        there = limit.limit or 0.0
        supply = _kwh(there)
        if self._scenario.site.host.sleep_power is None:
            return f"give it more than {supply}, or state host.sleep_power: off at night may fit"
        most = self._open_only_j(option)
        switched = _kwh(most)
        if most <= there:
            return f"switch it off outside opening hours: {switched} of {supply}, fits"
        start = f"even switched off outside opening hours it takes {switched} of {supply}"
        other = self._device(option, "energy_per_day", self._catalogue.idle_w.value)
        if other is None:
            return f"{start}; give it more supply, or a device that idles lower"
        return f"{start}; {other.hardware} stays within it"

    def _open_only_j(self, option: Cell) -> float:
        """Energy of a day on which it is on while the clinic is open, at most [J]: all ends at
        once, so no smaller than what :mod:`ecoaudit.planning.modes` finds."""
        site, share = self._scenario.site, self._scenario.demand.opening.number / S_PER_DAY
        idle, active = option.figure("idle_j").high or 0.0, option.figure("active_j").high or 0.0
        asleep, wake = site.host.sleep_power, site.host.wake_energy
        slept = 0.0 if asleep is None else (asleep.high or 0.0) * S_PER_DAY * (1 - share)
        woken = 0.0 if wake is None else wake.high or 0.0
        return (idle * share + active + slept + woken) * (site.pue.high or 1.0)

    def _running(self, option: Cell, limit: Limit) -> str:
        if not limit.value.known:
            return _measure(limit)
        start = f"raise the yearly budget to {human(limit.value.high, 'USD')}"
        other = self._device(option, "running_cost", self._catalogue.year_j.value)
        if other is None:
            return start
        return f"{start}, or take {other.hardware}, which takes less energy{_still(other)}"

    def _quality(self, option: Cell, limit: Limit) -> str:
        if limit.limit is None:
            return f"judge {option.model.name} on your own cases, and add its score to the profile"
        other = self._model(option, "quality")
        what = f"it scores {limit.limit:g}, and {limit.value.number:g} is the least"
        return what if other is None else f"{what}; {other.model.name} has enough"

    def _time(self, option: Cell, limit: Limit) -> str:
        if not limit.value.known:
            return _measure(limit)
        curve = None if option.evidence is None else option.evidence.curve
        if limit.name == "load" and curve is not None and curve.ended:
            return curve.ended
        smaller = self._format(option, limit.name)
        if smaller is not None:
            return f"take {smaller.weights} weights, which are faster{_still(smaller)}"
        other = self._device(option, limit.name, self._prices)
        if other is not None:
            return f"take a faster device, such as {other.hardware}{_still(other)}"
        model = self._model(option, limit.name)
        if model is not None:
            return f"take a smaller model, such as {model.model.name} ({model.weights})"
        return "allow a longer wait, or spread the requests over the day"

    # -- looking ---------------------------------------------------------------------------------

    def _format(self, option: Cell, limit: str) -> Cell | None:
        """The same model on the same device in the widest narrower format that passes."""
        narrower = (self._names == option.model.name) & (self._bits < BITS[option.weights][0])
        passing = narrower & self._passing(limit)[:, option.column]
        if not passing.any():
            return None
        row = int(numpy.where(passing, self._bits, -1.0).argmax())
        return Cell(self._verdicts, row, option.column)

    def _device(self, option: Cell, limit: str, cost: Array) -> Cell | None:
        """The same model and format on the device of least ``cost`` that passes; one on which it
        fits if there is. Whatever device the option has, it is the same one."""
        key = (limit, option.row)
        if key not in self._found:
            self._found[key] = self._cheapest(option, limit, cost)
        return self._found[key]

    def _cheapest(self, option: Cell, limit: str, cost: Array) -> Cell | None:
        passing = self._passing(limit)[option.row]
        if not passing.any():
            return None
        costs = numpy.broadcast_to(cost, self._catalogue.shape)[option.row]
        misses = ~self._verdicts.fits[option.row]
        order = numpy.lexsort((numpy.nan_to_num(costs, nan=numpy.inf), misses, ~passing))
        return Cell(self._verdicts, option.row, int(order[0]))

    def _model(self, option: Cell, limit: str) -> Cell | None:
        """The largest other model on the same device that passes, one that fits if there is."""
        sizes = self._catalogue.parameters.value[:, 0]
        passing = self._passing(limit)[:, option.column]
        if limit not in ("context", "quality"):
            passing = passing & (sizes < sizes[option.row])
        if not passing.any():
            return None
        fits = self._verdicts.fits[:, option.column]
        order = numpy.lexsort((-sizes, ~fits, ~passing))
        return Cell(self._verdicts, int(order[0]), option.column)

    def _passing(self, limit: str) -> Flags:
        """Where the limit and that of the memory hold."""
        checks = self._verdicts.checks
        found = checks[limit].ok & checks["memory"].ok
        return numpy.broadcast_to(found, self._catalogue.shape)

    @property
    def _prices(self) -> Array:
        return self._catalogue.price.value

    @property
    def _sizes(self) -> Array:
        needs = self._catalogue
        sizes = [device.memory.value for device in needs.devices]
        return numpy.array([[n * size for n, size in zip(needs.counts, sizes, strict=True)]])


def _still(option: Cell) -> str:
    """In brackets, what a proposed option would miss in its turn; nothing when it fits."""
    first = option.first_limit
    if first is None:
        return ""
    what = "misses" if first.ok is False else "is not known to meet"
    return f" (which {what} {LIMIT_NAMES[first.name]})"


def _besides(option: Cell, first: Limit) -> str:
    """What stands in the way besides the first limit, so that no remedy promises too much."""
    others = [name for name in option.limit_names() if name != first.name]
    missed = [LIMIT_NAMES[n] for n in others if option.judged(n) and not option.passes(n)]
    unknown = [LIMIT_NAMES[n] for n in others if not option.judged(n)]
    told = ""
    if missed:
        told += f"; it also misses {', '.join(missed)}"
    if unknown and option.held:
        told += f"; {', '.join(unknown)} cannot be judged"
    return told


def _measure(limit: Limit) -> str:
    return f"{limit.value.source}; measure it with `ecoaudit bench` on that machine"


def _kwh(energy_j: float) -> str:
    return f"{significant(energy_j / J_PER_KWH)} kWh"
