"""The names in a plan's rules, and the figures of its file that they stand for."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping

from ecoaudit.explaining import plan_rules as rules
from ecoaudit.explaining.base import Derivation, Figure, parsed, word_for
from ecoaudit.plan import Plan


class Names:
    """Finds what a name in a formula stands for.

    Args:
        plan: whose scenario and rows are meant.
        besides: figures that are of no option, by key.
        own: the key of a quantity of the option that is meant; None: it is not known.
    """

    def __init__(self, plan: Plan, besides: Mapping[str, Figure], own: Callable[[str], str | None]):
        self._besides = besides
        self._own = own
        grids = (str(row.get("name")) for row in plan.factors)
        self._grid = next((f"factors.{name}" for name in grids if name.startswith("grid: ")), "")

    def knows(self, key: str) -> bool:
        """Whether there is such a figure, and it is known."""
        figure = self._besides.get(key)
        return figure is not None and figure.estimate.known

    def key_of(self, name: str) -> str | None:
        """The key of what a name stands for; None: it is not known."""
        if name == "grid_g_per_kwh":
            return self._grid if self.knows(self._grid) else None
        if name == "requests_each":
            keys = [f"scenario.{place}" for place in rules.REQUESTS_EACH]
            return next(filter(self.knows, keys), None)
        if name in rules.SCENARIO:
            key = f"scenario.{rules.SCENARIO[name]}"
            return key if self.knows(key) else None
        return self._own(name)

    def derivation(self, formula: str) -> Derivation | None:
        """A formula with what its names stand for; None where one is not known."""
        if not formula:
            return None
        inputs: dict[str, str] = {}
        for name in parsed(formula).names:
            key = self.key_of(name)
            if key is None:
                return None
            inputs[name] = key
        return Derivation(formula, inputs)

    def known_parts(self, parts: Iterable[str]) -> list[str]:
        """Those whose names are all known."""
        return [part for part in parts if self.derivation(part) is not None]

    def known_sum(self, parts: Iterable[str]) -> str:
        """The sum of those; empty: none is."""
        return " + ".join(self.known_parts(parts))

    def over_life(self, yearly: str, end: str = "") -> str:
        """All that is known to be paid: once, each year, and at the end.

        Args:
            yearly: how many times a year's part counts.
            end: how much of what is paid at the end counts; empty: all.
        """
        once, each = self.known_sum(rules.ONCE), self.known_sum(rules.YEARLY)
        last = self.known_sum(rules.END)
        parts = [once] if once else []
        parts += [f"({each}) * {yearly}"] if each else []
        if last:
            parts.append(f"{last} * {end}" if end else last)
        return " + ".join(parts)


def product(names: Iterable[tuple[str, str]]) -> Derivation:
    """The product of figures by word and key."""
    inputs: dict[str, str] = {}
    for word, key in names:
        inputs[word_for(word, inputs)] = key
    return Derivation(" * ".join(inputs), inputs)
