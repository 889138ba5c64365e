"""What the steps of a training loop process, and the figures that follow from it."""

from __future__ import annotations

import math
import operator
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, fields
from numbers import Real
from typing import Any

from ecoaudit.checks import doubt
from ecoaudit.errors import UsageError
from ecoaudit.estimate import Basis, Estimate
from ecoaudit.flops import UNIT as FLOPS_UNIT
from ecoaudit.flops import peak_flops_per_s, training_flops_per_token, utilisation
from ecoaudit.measurement import Device
from ecoaudit.run import Doubt
from ecoaudit.steps import CLOCK, NOUNS, StepLog, Stretch


def whole_number(name: str, value: Any, least: int) -> int:
    """``value`` as an int.

    Raises:
        UsageError: no whole number, or less than ``least``.
    """
    try:
        number = None if isinstance(value, bool) else operator.index(value)
    except TypeError:
        number = None
    if number is None or number < least:
        raise UsageError(f"{name} must be a whole number of {least} or more, got {value!r}")
    return number


def positive_number(name: str, value: Any) -> float:
    """``value`` as a float.

    Raises:
        UsageError: no number, not finite, or not more than 0.
    """
    try:
        number = float(value) if isinstance(value, Real) and value is not True else math.nan
    except OverflowError:
        number = math.inf
    if not 0 < number < math.inf:
        raise UsageError(f"{name} must be a finite number, more than 0; got {value!r}")
    return number


@dataclass(frozen=True, slots=True)
class Work:
    """What the user declares of a step; what is None is counted, or not known.

    Attributes:
        tokens_per_step: [tokens].
        samples_per_step: [samples].
        flops_per_step: operations of the model in one step [FLOP].
        flops_per_token: operations of the model for one token [FLOP].
        parameters: parameters of a dense transformer.
        peak_flops: peak rate of the hardware [FLOP/s].
    """

    tokens_per_step: float | None = None
    samples_per_step: float | None = None
    flops_per_step: float | None = None
    flops_per_token: float | None = None
    parameters: float | None = None
    peak_flops: float | None = None

    def __post_init__(self) -> None:
        for field in fields(self):
            value = getattr(self, field.name)
            if value is not None:
                object.__setattr__(self, field.name, positive_number(field.name, value))
        ways = (self.flops_per_step, self.flops_per_token, self.parameters)
        if sum(way is not None for way in ways) > 1:
            raise UsageError("give one of flops_per_step, flops_per_token and parameters")

    @classmethod
    def names(cls) -> tuple[str, ...]:
        """What can be declared."""
        return tuple(field.name for field in fields(cls))

    def per_step(self, noun: str) -> float | None:
        """What was declared of a step; None: it is to be counted."""
        return self.tokens_per_step if noun == "tokens" else self.samples_per_step

    def of_stretch(self, stretch: Stretch, log: StepLog) -> dict[str, Estimate]:
        """Steps, tokens and samples of one stretch of the log, for its window."""
        found = {"steps": Estimate.exact(stretch.steps, "steps", Basis.MEASURED, "counted")}
        for noun in NOUNS:
            each = self.per_step(noun)
            if each is not None:
                found[noun] = self._total(noun, each * stretch.steps)
            elif log.amount(noun) is not None:
                found[noun] = self._total(noun, float(stretch.sums.get(noun, 0.0)))
        return found

    def figures(
        self, log: StepLog, energy: Estimate, devices: Sequence[Device]
    ) -> dict[str, Estimate]:
        """Energy per step and token, throughput, and MFU, as far as they can be had.

        Args:
            log: at least one whole step.
            energy: over all its stretches [J].
            devices: what is read.
        """
        count, seconds = len(log.durations_s), sum(log.durations_s)
        figures = {"energy_per_step_j": energy.converted(1 / count, "J/step")}
        tokens = None
        for noun in NOUNS:
            each = self.per_step(noun)
            number = log.amount(noun) if each is None else each * count
            if number is None:
                continue
            figures[noun] = self._total(noun, number)
            source = f"{figures[noun].source}, over the {CLOCK}"
            figures[f"{noun}_per_s"] = _rate(number, seconds, f"{noun}/s", Basis.MEASURED, source)
            if noun == "tokens" and number:
                tokens = number
                figures["energy_per_token_j"] = energy.converted(1 / tokens, "J/token")
        return figures | self._flops(tokens, count, seconds, devices)

    def doubts(self, log: StepLog) -> Iterator[Doubt]:
        """Steps in which the user's loop counted nothing."""
        for noun in NOUNS:
            missing = log.uncounted(noun)
            if self.per_step(noun) is None and 0 < missing < len(log.durations_s):
                yield doubt(
                    "uncounted",
                    f"{missing} of {len(log.durations_s)} steps counted no {noun}; they weigh as 0",
                    f"call rec.count({noun}=...) in every step",
                )

    def _total(self, noun: str, number: float) -> Estimate:
        if self.per_step(noun) is None:
            return Estimate.exact(number, noun, Basis.MEASURED, "counted in each step")
        source = f"{noun}_per_step as declared x steps counted"
        return Estimate.exact(number, noun, Basis.DECLARED, source)

    def _flops(
        self, tokens: float | None, count: int, seconds: float, devices: Sequence[Device]
    ) -> dict[str, Estimate]:
        """``flops_per_s`` of the model and ``mfu``, where its operations are known."""
        each = self.flops_per_token
        if self.parameters is not None:
            each = training_flops_per_token(self.parameters)
        if self.flops_per_step is not None:
            work, source = self.flops_per_step * count, "flops_per_step as declared x steps counted"
        elif each is None:
            return {}
        elif tokens is None:
            why = "no tokens were counted; give tokens_per_step, or call rec.count(tokens=...)"
            return {"mfu": Estimate.absent("1", why)}
        else:
            work, source = each * tokens, f"{each:g} FLOP per token x tokens"
        rate = _rate(work, seconds, FLOPS_UNIT, Basis.MODELLED, source)
        peak = peak_flops_per_s(devices)
        if self.peak_flops is not None:
            declared = "peak_flops as declared"
            peak = Estimate.exact(self.peak_flops, FLOPS_UNIT, Basis.DECLARED, declared)
        return {"flops_per_s": rate, "mfu": utilisation(rate, peak)}


def _rate(number: float, seconds: float, unit: str, basis: Basis, source: str) -> Estimate:
    if not seconds:
        return Estimate.absent(unit, "the steps took no time that the clock can tell")
    return Estimate.exact(number / seconds, unit, basis, source)
