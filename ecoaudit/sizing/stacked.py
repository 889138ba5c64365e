"""The rates of many models on many devices at once, as arrays.

As :class:`ecoaudit.sizing.speed.Rates` of each, models by devices, of which each may stand for
several that share a model; a test holds the two together.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy

from ecoaudit.bands import Array
from ecoaudit.factors.hardware import Device
from ecoaudit.factors.models import Model
from ecoaudit.sizing.constants import FEW, Constants, own_constants
from ecoaudit.sizing.sharing import exchanging, token_share
from ecoaudit.sizing.speed import rates


@dataclass(frozen=True, slots=True)
class Stacked:
    """The steps of models in a weight format on devices, in real time.

    Attributes:
        constants: of each device.
        sorts: of each model, see :data:`ecoaudit.sizing.constants.SORTS`.
        weights_s: reading all weights but the experts, once [s].
        layers_s: what the layers cost in a step besides [s].
        eight_s: likewise, layers of experts in 8 bit [s].
        four_s: likewise, in 4 bit [s].
        links_s: what several devices exchange in a step whatever is in it [s].
        link_token_s: what a token adds to that [s].
        experts_s: reading all experts, once [s].
        expert_share: experts per token over experts.
        cache_s: reading one byte of KV cache [s].
        sequence_s: per answer under way [s].
        flop_s: per operation [s]; NaN: the device's rate is not sourced.
        flop_per_token: without attention [FLOP].
        attention_flop: per token and token of context [FLOP].
        prompt_s: what a step that reads a prompt costs more [s].
        request_s: of a request before its prompt is read [s].
        token_s: of a token of a prompt before it is read [s].
    """

    constants: tuple[Constants, ...]
    sorts: tuple[str, ...]
    weights_s: Array
    layers_s: Array
    eight_s: Array
    four_s: Array
    links_s: Array
    link_token_s: Array
    experts_s: Array
    expert_share: Array
    cache_s: Array
    sequence_s: Array
    flop_s: Array
    flop_per_token: Array
    attention_flop: Array
    prompt_s: Array
    request_s: Array
    token_s: Array

    @property
    def fixed_s(self) -> Array:
        """What a step costs whatever is in it [s]."""
        return self.weights_s + self.layers_s + self.eight_s + self.four_s + self.links_s

    def draw(
        self,
        batch: Array,
        kv_bytes_each: Array,
        context: Array | float,
        prompt: Array | float,
        output: Array | float,
    ) -> tuple[Array, Array]:
        """Mean draw of a device in steps that also read the prompts that come in, over its limit.

        As :func:`ecoaudit.sizing.power.serving_w`: with the factor for fewer than eight requests,
        and that factor.

        Args:
            batch: answers under way.
            kv_bytes_each: cache of one of them on one device [bytes].
            context: tokens before each.
            prompt: length of the prompts [tokens].
            output: length of the answers [tokens].
        """
        begun = batch / output
        reading = 1 - numpy.exp(-begun)
        miss = 1 - self.expert_share
        touched = 1 - miss**batch + reading * (miss**batch - miss ** (batch + prompt))
        flop = batch * (self.flop_per_token + self.attention_flop * context)
        flop = flop + begun * prompt * (self.flop_per_token + self.attention_flop * prompt / 2)
        times = (
            self.weights_s + self.experts_s * touched,
            batch * kv_bytes_each * self.cache_s,
            numpy.nan_to_num(flop * self.flop_s),
            self.layers_s,
            batch * self.sequence_s,
            self.links_s + self.link_token_s * (batch + begun * prompt),
            self.eight_s,
            self.four_s,
            reading * self.prompt_s,
        )
        levels = numpy.array([each.level for each in self.constants]).T
        drawn = sum(time * level for time, level in zip(times, levels, strict=True))
        alone = numpy.array([[each.alone for each in self.constants]])
        few = alone ** numpy.maximum(
            0.0, 1 - numpy.log2(numpy.maximum(batch, 1.0)) / math.log2(FEW)
        )
        return numpy.minimum(drawn / sum(times), 1.0) * few, few

    def decode_s(self, batch: Array, kv_bytes_each: Array, context: Array | float) -> Array:
        """One step that gives ``batch`` answers a token [s]; no prompt in it."""
        flop = self.flop_per_token + self.attention_flop * context
        computing = numpy.nan_to_num(flop * self.flop_s)
        each = kv_bytes_each * self.cache_s + self.sequence_s + computing + self.link_token_s
        found: Array = self.fixed_s + self._touched(batch) + batch * each
        return found

    def prefill_s(self, prompt: Array | float) -> Array:
        """One step that reads a whole prompt [s]."""
        flop = prompt * (self.flop_per_token + self.attention_flop * prompt / 2)
        read: Array = flop * self.flop_s + prompt * self.link_token_s + self.prompt_s
        found: Array = self.fixed_s + self._touched(prompt) + read
        return found

    def admission_s(self, prompt: Array | float) -> Array:
        """From a request's arrival until its prompt can be read, the queue aside [s]."""
        found: Array = self.request_s + self.token_s * prompt
        return found

    def ends(self, quantity: str) -> tuple[Array, Array]:
        """80 % interval of a quantity's figures, low and high over the value."""
        low, high = (
            numpy.stack(
                [
                    [each.ends[f"{quantity} {sort}"][end] for each in self.constants]
                    for sort in self.sorts
                ]
            )
            for end in (0, 1)
        )
        return low, high

    def _touched(self, tokens: Array | float) -> Array:
        found: Array = self.experts_s * (1 - (1 - self.expert_share) ** tokens)
        return found


def stacked(
    pairs: Sequence[tuple[Model, str]], devices: Sequence[Device], counts: Sequence[int] = ()
) -> Stacked:
    """The rates of each model in its weight format on each device.

    Args:
        pairs: models and weight formats.
        devices: at least one.
        counts: how many of each share a model; empty: one.
    """
    counts = counts or [1] * len(devices)
    constants = tuple(
        exchanging(own_constants(device), device, count)
        for device, count in zip(devices, counts, strict=True)
    )
    cost = numpy.array([each.cost for each in constants]).T[:, None, :]  # terms, 1, devices
    one = replace(devices[0].bandwidth, value=1.0)
    unit = replace(devices[0], bandwidth=one, bf16=one, fp8=one)
    each = [rates(model, weights, unit, constants=constants[0]) for model, weights in pairs]

    def rows(name: str) -> Array:
        return numpy.array([[getattr(rate, name)] for rate in each], dtype=float)

    def count(place: int) -> Array:
        return numpy.array([[rate.counts[place]] for rate in each], dtype=float)

    several = numpy.array([counts], dtype=float)
    own = numpy.array([[device.bandwidth.value for device in devices]])
    bandwidth = own * several
    layers, _, eight, four, delayed = (count(place) for place in range(5))
    links = layers * cost[5] * (several > 1)
    return Stacked(
        constants=constants,
        sorts=tuple(rate.sort for rate in each),
        weights_s=rows("dense_s") / bandwidth * cost[0],
        layers_s=layers * cost[3],
        eight_s=eight * cost[6],
        four_s=four * cost[7],
        links_s=links,
        link_token_s=links * _token_shares([model for model, _ in pairs], devices, counts),
        experts_s=rows("experts_s") / bandwidth * cost[0],
        expert_share=rows("expert_share"),
        cache_s=cost[1] / own,
        sequence_s=cost[4],
        flop_s=cost[2] / (_flop_per_s([weights for _, weights in pairs], devices) * several),
        flop_per_token=rows("flop_per_token"),
        attention_flop=rows("attention_flop"),
        prompt_s=delayed * cost[8],
        request_s=numpy.array([[each.request_s for each in constants]]),
        token_s=numpy.array([[each.token_s for each in constants]]),
    )


def _token_shares(
    models: Sequence[Model], devices: Sequence[Device], counts: Sequence[int]
) -> Array:
    """What a token adds to the links of a step, over what the step has of them."""
    if max(counts) == 1:
        return numpy.zeros((1, 1))
    pairs = list(zip(devices, counts, strict=True))
    return numpy.array([[token_share(model, *pair) for pair in pairs] for model in models])


def _flop_per_s(formats: Sequence[str], devices: Sequence[Device]) -> Array:
    """Computing rates [FLOP/s]: fp8 in FP8 where the table has that rate, else 16 bit."""

    def rate(weights: str, device: Device) -> float:
        fact = device.fp8 if weights == "fp8" and device.fp8 is not None else device.bf16
        return numpy.nan if fact is None else fact.value

    found = {weights: [rate(weights, device) for device in devices] for weights in set(formats)}
    return numpy.array([found[weights] for weights in formats])
