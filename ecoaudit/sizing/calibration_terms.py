"""Times of a load by what is scaled in a calibration, at the constants of other devices."""

from __future__ import annotations

import math
from collections.abc import Iterator
from dataclasses import dataclass, replace
from typing import Final

import numpy

from ecoaudit.bands import Array
from ecoaudit.factors.hardware import Device
from ecoaudit.factors.models import Model, models
from ecoaudit.sizing.constants import FEW, TERMS, Constants
from ecoaudit.sizing.memory import kv_bytes, weight_bytes
from ecoaudit.sizing.speed import Rates

SCALED: Final = ("weights", "cache", "compute", "layer", "sequence", "request")
"""What a calibration scales: kinds of work, and what a request costs before its prompt is read."""
# What it does not see, of models with experts or a state, goes with the time of a layer.
_WITH_LAYER: Final = ("layer", "fp8_experts", "int4_experts", "prompt_step")
_COMPUTE: Final = TERMS.index("compute")


@dataclass(frozen=True, slots=True)
class Asked:
    """A model under a closed loop.

    Attributes:
        model: the shape.
        rate: its rates, with the constants that are to be scaled.
        in_flight: requests at once.
        prompt: length of the prompts [tokens].
        output: length of the answers [tokens].
    """

    model: Model
    rate: Rates
    in_flight: float
    prompt: float
    output: float

    def token(self) -> list[float]:
        """Time per output token [s], by ``SCALED`` and a last part that is not scaled.

        Of the ``output`` steps of one answer, in_flight - 1 read somebody else's prompt.
        """
        rate, context = self.rate, self.prompt + self.output / 2
        found = list(rate.times(self.in_flight, kv_bytes(self.model, context), context))
        begun = (self.in_flight - 1) / self.output
        flop = self.prompt * (rate.flop_per_token + rate.attention_flop * self.prompt / 2)
        found[_COMPUTE] += begun * flop * (rate.flop_s or 0.0) * rate.constants.cost[_COMPUTE]
        delayed = (1 - math.exp(-begun)) * rate.counts[4] * rate.constants.cost[-1]
        return [*_scaled(found, delayed), 0.0, 0.0]

    def first(self) -> list[float]:
        """Wait of one request alone for its first token [s], likewise."""
        rate, cost = self.rate, self.rate.constants.cost
        touched = 1 - (1 - rate.expert_share) ** self.prompt if rate.experts_s else 0.0
        flop = self.prompt * (rate.flop_per_token + rate.attention_flop * self.prompt / 2)
        layers, _, eight, four, delayed = rate.counts
        parts = (
            rate.dense_s + rate.experts_s * touched,
            0.0,
            flop * (rate.flop_s or 0.0),
            layers,
            0.0,
            0.0,
            eight,
            four,
            delayed,
        )
        times = [part * each for part, each in zip(parts, cost, strict=True)]
        constants = rate.constants
        return [*_scaled(times), constants.request_s, constants.token_s * self.prompt]

    def times(self) -> tuple[float, ...]:
        """A mean step of the loop, the prompts that come in included, by ``TERMS`` [s]."""
        context = self.prompt + self.output / 2
        kv = kv_bytes(self.model, context)
        return self.rate.times(self.in_flight, kv, context, self.prompt, self.output)

    @property
    def fewness(self) -> float:
        """Power to which ``Constants.alone`` enters the draw: 1 with one request, 0 from eight."""
        return max(0.0, 1 - math.log2(max(self.in_flight, 1.0)) / math.log2(FEW))


def _scaled(times: list[float], more: float = 0.0) -> list[float]:
    """Times by ``TERMS`` as times by ``SCALED`` but the last, one device alone [s]."""
    by = dict(zip(TERMS, times, strict=True))
    layer = sum(by[name] for name in _WITH_LAYER) + more
    return [by["weights"], by["cache"], by["compute"], layer, by["sequence"]]


def scaled(constants: Constants, factors: Array) -> Constants:
    """The same constants with a factor on each of ``SCALED``."""
    by = dict(zip(SCALED, factors.tolist(), strict=True))
    cost = (
        each * by.get("layer" if name in _WITH_LAYER else name, 1.0)
        for name, each in zip(TERMS, constants.cost, strict=True)
    )
    request_s = constants.request_s * by["request"]
    return replace(constants, cost=tuple(cost), request_s=request_s)


def log_times(rows: Array, logs: Array) -> Array:
    """Logarithms of times from their parts, by the logarithms of the factors on them."""
    found: Array = numpy.log(rows @ numpy.append(numpy.exp(logs), 1.0))
    return found


def log_draws(asked: list[Asked], logs: Array) -> Array:
    """Logarithms of draws over the power limit, by those of three factors: on the draw of
    everything but computing, of computing, and on that with one request."""
    found = []
    for each in asked:
        times, level = each.times(), each.rate.constants.level
        drawn = [time * one for time, one in zip(times, level, strict=True)]
        computing = drawn[_COMPUTE]
        mean = (sum(drawn) - computing) * math.exp(logs[0]) + computing * math.exp(logs[1])
        alone = math.log(each.rate.constants.alone) + logs[2]
        found.append(math.log(mean / sum(times)) + each.fewness * alone)
    return numpy.array(found)


def others(device: Device, sort: str) -> Iterator[tuple[Model, str]]:
    """Models of the table, dense or with experts, in a format in which a device holds them; all of
    them where it holds none."""
    held, all_of_it = [], []
    for model in models().values():
        if (sort == "experts") != (model.experts > 0):
            continue
        all_of_it.append((model, "bf16"))
        for weights in ("bf16", "int4"):
            if weight_bytes(model, weights).number < device.memory.value:
                held.append((model, weights))
                break
    yield from held or all_of_it
