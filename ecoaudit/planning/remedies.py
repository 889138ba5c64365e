"""The next thing to try for an option that fails: one sentence, computed from the other options."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Iterable

from ecoaudit.plan import Limit
from ecoaudit.planning.candidates import Candidate
from ecoaudit.scenario import Scenario
from ecoaudit.sizing.memory import BITS
from ecoaudit.units import J_PER_KWH, human, significant

LIMIT_NAMES = {
    "memory": "memory",
    "context": "context length",
    "circuit_power": "circuit power",
    "capital": "purchase price",
    "energy_per_day": "energy per day",
    "first_token": "wait for the first word",
    "complete": "wait for the whole answer",
    "load": "peak load",
}


class Remedies:
    """Looks for the nearest option that passes what another one misses."""

    def __init__(self, scenario: Scenario, candidates: Iterable[Candidate]):
        self._scenario = scenario
        self._of_model: dict[tuple[str, str], list[Candidate]] = defaultdict(list)
        self._of_device: dict[str, list[Candidate]] = defaultdict(list)
        for option in candidates:
            self._of_model[option.model.name, option.weights].append(option)
            self._of_device[option.hardware.device.name].append(option)
        self._largest: dict[tuple[str, str], list[Candidate]] = {}
        self._finders: dict[str, Callable[[Candidate, Limit], str]] = {
            "memory": self._memory,
            "context": self._context,
            "circuit_power": self._circuit,
            "capital": self._capital,
            "energy_per_day": self._energy,
        }

    def of(self, option: Candidate) -> str | None:
        """The remedy for the option's first limit; None when it fits."""
        first = option.first_limit
        if first is None:
            return None
        return self._finders.get(first.name, self._time)(option, first) + _besides(option, first)

    # -- one per limit ---------------------------------------------------------------------------

    def _memory(self, option: Candidate, limit: Limit) -> str:
        need, there = human(limit.value.high, "bytes"), human(limit.limit, "bytes")
        start = f"needs up to {need} of {there}"
        smaller = self._format(option, "memory")
        if smaller is not None:
            fits = human(smaller.limits["memory"].value.high, "bytes")
            return f"{start}; with {smaller.weights} weights {fits}"
        other = self._device(option, "memory", lambda each: each.hardware.device.memory.value)
        model = self._model(option, "memory")
        tries = []
        if other is not None:
            tries.append(f"{other.hardware.device.name} holds it")
        if model is not None:
            tries.append(f"{model.model.name} ({model.weights}) fits here")
        return f"{start}; {', or '.join(tries) or 'no device considered holds it'}"

    def _context(self, option: Candidate, limit: Limit) -> str:
        if limit.limit is None:
            return "the table has no context length for this model: check its own configuration"
        need = human(limit.value.high, "tokens", 4)
        model = self._model(option, "context")
        other = "" if model is None else f", or take {model.model.name}"
        return f"shorten the longest request from {need} to {limit.limit:g}{other}"

    def _circuit(self, option: Candidate, limit: Limit) -> str:
        start = f"give it a circuit of {human(limit.value.high, 'W')}"
        other = self._device(option, "circuit_power", _peak)
        if other is None:
            return start
        peak = human(_peak(other), "W")
        return f"{start}, or take {other.hardware.device.name}, which peaks at {peak}"

    def _capital(self, option: Candidate, limit: Limit) -> str:
        name = option.hardware.device.name
        if limit.value.high is None:
            what = "the whole server's price" if "server" in limit.value.source else "its price"
            return f'type {what}: --price "{name}=12000 USD" with your figure'
        start = f"raise the budget to {human(limit.value.high, 'USD')}"
        other = self._device(option, "capital", _price)
        if other is None:
            return start
        price = human(_price(other), "USD")
        return f"{start}, or take {other.hardware.device.name} for {price}{_still(other)}"

    def _energy(self, option: Candidate, limit: Limit) -> str:
        if option.idle_j is None or option.active_j is None:
            return _measure(limit)
        there = limit.limit or 0.0
        supply = _kwh(there)
        share = self._scenario.demand.opening.number / 86400
        open_only = (option.idle_j * share + option.active_j).times(self._scenario.site.pue, "J")
        switched = _kwh(open_only.high or 0.0)
        if (open_only.high or 0.0) <= there:
            return f"switch it off outside opening hours: {switched} of {supply}, fits"
        start = f"even switched off outside opening hours it takes {switched} of {supply}"
        other = self._device(option, "energy_per_day", _idle)
        if other is None:
            return f"{start}; give it more supply, or a device that idles lower"
        return f"{start}; {other.hardware.device.name} stays within it"

    def _time(self, option: Candidate, limit: Limit) -> str:
        if not limit.value.known:
            return _measure(limit)
        smaller = self._format(option, limit.name)
        if smaller is not None:
            return f"take {smaller.weights} weights, which are faster{_still(smaller)}"
        other = self._device(option, limit.name, _price)
        if other is not None:
            return f"take a faster device, such as {other.hardware.device.name}{_still(other)}"
        model = self._model(option, limit.name)
        if model is not None:
            return f"take a smaller model, such as {model.model.name} ({model.weights})"
        return "allow a longer wait, or spread the requests over the day"

    # -- looking ---------------------------------------------------------------------------------

    def _format(self, option: Candidate, limit: str) -> Candidate | None:
        """The same model on the same device in the widest narrower format that passes."""
        others = [
            each
            for each in self._of_device[option.hardware.device.name]
            if each.model.name == option.model.name
            and BITS[each.weights][0] < BITS[option.weights][0]
            and each.passes(limit)
            and each.passes("memory")
        ]
        return max(others, key=lambda each: BITS[each.weights][0], default=None)

    def _device(
        self, option: Candidate, limit: str, cost: Callable[[Candidate], float]
    ) -> Candidate | None:
        """The same model and format on the device of least ``cost`` that passes."""
        others = [
            each
            for each in self._of_model[option.model.name, option.weights]
            if each.passes(limit) and each.passes("memory")
        ]
        return min(others, key=lambda each: (not each.fits, cost(each)), default=None)

    def _model(self, option: Candidate, limit: str) -> Candidate | None:
        """The largest other model on the same device that passes, one that fits if there is."""
        name = option.hardware.device.name
        if (name, limit) not in self._largest:
            passing = [o for o in self._of_device[name] if o.passes(limit) and o.passes("memory")]
            passing.sort(key=lambda each: (each.fits, each.parameters.number), reverse=True)
            self._largest[name, limit] = passing
        most = option.parameters.number
        for other in self._largest[name, limit]:
            if limit == "context" or other.parameters.number < most:
                return other
        return None


def _still(option: Candidate) -> str:
    """In brackets, what a proposed option would miss in its turn; nothing when it fits."""
    first = option.first_limit
    if first is None:
        return ""
    what = "misses" if first.ok is False else "is not known to meet"
    return f" (which {what} {LIMIT_NAMES[first.name]})"


def _besides(option: Candidate, first: Limit) -> str:
    """What stands in the way besides the first limit, so that no remedy promises too much."""
    others = [limit for limit in option.limits.values() if limit is not first]
    missed = [LIMIT_NAMES[limit.name] for limit in others if limit.ok is False]
    unknown = [LIMIT_NAMES[limit.name] for limit in others if limit.ok is None]
    told = ""
    if missed:
        told += f"; it also misses {', '.join(missed)}"
    if unknown and option.idle_j is not None:
        told += f"; {', '.join(unknown)} cannot be judged"
    return told


def _measure(limit: Limit) -> str:
    return f"{limit.value.source}; measure it with `ecoaudit bench` on that machine"


def _kwh(energy_j: float) -> str:
    return f"{significant(energy_j / J_PER_KWH)} kWh"


def _price(option: Candidate) -> float:
    value = option.hardware.price.value
    return float("inf") if value is None else value


def _peak(option: Candidate) -> float:
    return option.hardware.power.peak_w.number


def _idle(option: Candidate) -> float:
    return option.hardware.power.idle_w.number
