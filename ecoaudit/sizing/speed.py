"""Time: bytes and operations at the device's own rates, times what real steps cost over them.

A step reads the weights and the cache and computes; engines add a fixed time per layer and per
sequence. All of these add up. What each costs is fitted on public rows where there are any
(:mod:`ecoaudit.sizing.constants`); docs/accuracy.md says how well.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from functools import cached_property, lru_cache
from typing import Final

from ecoaudit.estimate import Estimate
from ecoaudit.factors.hardware import Device
from ecoaudit.factors.models import Model
from ecoaudit.sizing.constants import Constants, own_constants
from ecoaudit.sizing.memory import (
    BITS,
    BLOCK_TOKENS,
    EXPERTS_ONLY,
    WITH_TABLES,
    active_parameters,
    attention_flop,
    kv_bytes,
    tensors,
)
from ecoaudit.sizing.sharing import exchanging, token_share

# Bytes of 4-bit formats are read at 0.53 of the bandwidth where those of 16 bit are at 0.83:
# kernels on RTX PRO 6000, NVIDIA aiconfigurator. 8 bit and the experts of gpt-oss (mxfp4) show no
# such loss in whole steps.
_FOUR_BIT: Final = 0.53 / 0.83
FORMAT_EFFICIENCY: Final = {
    name: _FOUR_BIT if bits[0] < 6 and name not in EXPERTS_ONLY else 1.0
    for name, bits in BITS.items()
}
_EIGHT_BIT: Final = frozenset({"fp8", "int8"})


@dataclass(frozen=True)
class Rates:
    """A model in one weight format on one or more devices, as the formulas need it.

    Attributes:
        dense_s: time to read all weights but the experts, once, at the full bandwidth [s].
        experts_s: time to read all experts, once, likewise [s].
        expert_share: experts per token over experts.
        kv_s: time to read one byte of KV cache, likewise [s].
        flop_s: time per floating-point operation at the full rate [s]; None: the device's rate is
            not sourced.
        flop_per_token: without attention [FLOP].
        attention_flop: per token and token of context [FLOP].
        counts: by kind of work that a step has whatever is in it: layers, layers with links,
            layers of 8-bit and of 4-bit experts, layers that a step with a prompt delays.
        constants: what each kind of work costs.
        token_share: what a token adds to the links of a step, over what the step has of them.
    """

    dense_s: float
    experts_s: float
    expert_share: float
    kv_s: float
    flop_s: float | None
    flop_per_token: float
    attention_flop: float
    counts: tuple[int, int, int, int, int]
    constants: Constants
    token_share: float = 0.0

    def parts(
        self,
        batch: float,
        kv_bytes_each: float,
        context: float,
        prompt: float = 0.0,
        output: float = math.inf,
    ) -> tuple[float, ...]:
        """What a mean step does, by kind of work (``TERMS``): times at the device's rates, counts.

        Of ``batch`` answers of ``output`` tokens, batch / output begin in a step, so that a share
        1 - exp(-batch / output) of the steps reads a prompt, and that many prompts in the mean.
        Experts touched by n tokens: E (1 - (1 - e/E)^n), uniform routing.

        Args:
            batch: answers under way.
            kv_bytes_each: cache of one of them on one device [bytes].
            context: tokens before each.
            prompt: length of the prompts that come in [tokens].
            output: length of the answers [tokens].
        """
        begun = batch / output
        reading = 1 - math.exp(-begun) if prompt else 0.0
        touched = 0.0
        if self.experts_s:
            alone = 1 - (1 - self.expert_share) ** batch
            together = 1 - (1 - self.expert_share) ** (batch + prompt)
            touched = alone + reading * (together - alone)
        flop = batch * (self.flop_per_token + self.attention_flop * context)
        flop += begun * prompt * (self.flop_per_token + self.attention_flop * prompt / 2)
        layers, links, eight, four, delayed = self.counts
        return (
            self.dense_s + self.experts_s * touched,
            batch * kv_bytes_each * self.kv_s,
            flop * (self.flop_s or 0.0),
            float(layers),
            batch,
            links * (1 + self.token_share * (batch + begun * prompt)),
            float(eight),
            float(four),
            reading * delayed,
        )

    def times(
        self,
        batch: float,
        kv_bytes_each: float,
        context: float,
        prompt: float = 0.0,
        output: float = math.inf,
    ) -> tuple[float, ...]:
        """Time of a mean step by kind of work [s]; arguments as of :meth:`parts`."""
        parts = self.parts(batch, kv_bytes_each, context, prompt, output)
        return tuple(part * cost for part, cost in zip(parts, self.constants.cost, strict=True))

    @cached_property
    def fixed_s(self) -> float:
        """What a step costs whatever is in it [s]: the weights but experts, and the layers."""
        weights, _, _, layer, _, link, eight, four, _ = self.constants.cost
        layers, links, eights, fours, _ = self.counts
        return (
            self.dense_s * weights + layers * layer + links * link + eights * eight + fours * four
        )

    @property
    def link_token_s(self) -> float:
        """What a token in a step costs on the links of all layers [s]."""
        return self.counts[1] * self.constants.cost[5] * self.token_share

    def decode_s(self, batch: float, kv_bytes_each: float, context: float) -> float:
        """One step that gives ``batch`` answers a token [s]; no prompt in it."""
        cost = self.constants.cost
        each = kv_bytes_each * self.kv_s * cost[1] + cost[4]
        if self.counts[1]:
            each += self.link_token_s
        if self.flop_s is not None:
            flop = self.flop_per_token + self.attention_flop * context
            each += flop * self.flop_s * cost[2]
        touched = 0.0
        if self.experts_s:
            touched = self.experts_s * cost[0] * (1 - (1 - self.expert_share) ** batch)
        return self.fixed_s + touched + batch * each

    def prefill_s(self, prompt: float, context: float | None = None) -> float | None:
        """One step that reads so many tokens of prompts [s]; None: the device's rate is unknown.

        Args:
            prompt: tokens.
            context: tokens before each of them on average; None: half the prompt, a whole one.
        """
        if self.flop_s is None:
            return None
        cost = self.constants.cost
        before = prompt / 2 if context is None else context
        flop = prompt * (self.flop_per_token + self.attention_flop * before)
        touched = 1 - (1 - self.expert_share) ** prompt if self.experts_s else 0.0
        return (
            self.fixed_s
            + self.experts_s * cost[0] * touched
            + flop * self.flop_s * cost[2]
            + prompt * self.link_token_s
            + self.counts[4] * cost[8]
        )

    def admission_s(self, prompt: float) -> float:
        """From a request's arrival until its prompt can be read, the queue aside [s]."""
        return self.constants.request_s + self.constants.token_s * prompt

    @property
    def sort(self) -> str:
        """Of the model: ``dense`` or ``experts``."""
        return "experts" if self.experts_s else "dense"

    def estimate(self, value: float | None, unit: str, quantity: str, reason: str) -> Estimate:
        """A figure with the interval of these constants, or absent with ``reason``."""
        if value is None:
            return Estimate.absent(unit, reason)
        return self.constants.estimate(value, unit, quantity, self.sort)


def rates(
    model: Model,
    weights: str,
    device: Device,
    devices: int = 1,
    constants: Constants | None = None,
) -> Rates:
    """The rates of one model on one or more devices that share it (tensor parallel).

    Weight-only formats compute in 16 bit; fp8 in FP8 where the table has that rate, else 16 bit.

    Args:
        model: the shape.
        weights: a key of ``BITS``.
        device: what it runs on.
        devices: how many share each layer.
        constants: instead of the device's own, of one device.
    """
    shape = _shape(model, weights)
    own = own_constants(device) if constants is None else constants
    per_byte = 1 / (device.bandwidth.value * devices)
    rate = device.fp8 if weights == "fp8" and device.fp8 is not None else device.bf16
    layers, _, eight, four, delayed = shape.counts
    return Rates(
        dense_s=shape.dense_bytes * per_byte,
        experts_s=shape.expert_bytes * per_byte,
        expert_share=shape.expert_share,
        kv_s=1 / device.bandwidth.value,
        flop_s=None if rate is None else 1 / (rate.value * devices),
        flop_per_token=shape.flop_per_token,
        attention_flop=shape.attention_flop,
        counts=(layers, layers if devices > 1 else 0, eight, four, delayed),
        constants=exchanging(own, device, devices),
        token_share=token_share(model, device, devices),
    )


@dataclass(frozen=True, slots=True)
class _Shape:
    """What a step of a model reads and computes, whatever the device.

    Attributes:
        dense_bytes: all weights but the experts, those of slow formats counted as more [bytes].
        expert_bytes: all experts, likewise [bytes].
        expert_share: experts per token over experts.
        flop_per_token: without attention [FLOP].
        attention_flop: per token and token of context [FLOP].
        counts: as of ``Rates``, on one device.
    """

    dense_bytes: float
    expert_bytes: float
    expert_share: float
    flop_per_token: float
    attention_flop: float
    counts: tuple[int, int, int, int, int]


@lru_cache(maxsize=1024)
def _shape(model: Model, weights: str) -> _Shape:
    parts, bits = tensors(model), BITS[weights][0]
    quantised = bits / 8 / FORMAT_EFFICIENCY[weights]
    dense = parts.dense * (2.0 if weights in EXPERTS_ONLY else quantised)
    head = parts.embedding * (quantised if weights in WITH_TABLES else 2.0)  # output layer: V h
    irregular = model.experts > 0 or model.state is not None
    four = bits < 6 and weights not in EXPERTS_ONLY
    return _Shape(
        dense_bytes=dense + head + 2.0 * (parts.router + parts.small),
        expert_bytes=parts.experts * quantised,
        expert_share=model.experts_per_token / model.experts if model.experts else 0.0,
        flop_per_token=2.0 * active_parameters(model),
        attention_flop=attention_flop(model),
        counts=(
            model.layers,
            0,
            model.expert_layers if weights in _EIGHT_BIT else 0,
            model.expert_layers if four else 0,
            model.layers if irregular else 0,
        ),
    )


@dataclass(frozen=True)
class ModelSteps:
    """The steps of a model on a device, for :mod:`ecoaudit.sizing.simulation`.

    Attributes:
        model: the shape.
        rate: its rates; the device's computing rate must be known.
        devices: how many share each layer.
    """

    model: Model
    rate: Rates
    devices: int = 1

    @property
    def shared_s(self) -> float:
        """What a step costs whatever is in it [s]."""
        return self.rate.fixed_s

    @cached_property
    def _kv(self) -> dict[int, float]:
        """Cache of a sequence by its blocks [bytes], as far as it was asked for."""
        return {}

    def decode_s(self, batch: float, context: float) -> float:
        """A step that gives so many answers a token, with so many tokens before each [s]."""
        blocks = math.ceil(context / BLOCK_TOKENS)
        kv = self._kv.get(blocks)
        if kv is None:
            kv = kv_bytes(self.model, context, tensor_parallel=self.devices)
            self._kv[blocks] = kv
        return self.rate.decode_s(batch, kv, context)

    def prefill_s(self, tokens: float, context: float) -> float:
        """A step that reads so many tokens of prompts, with so many before each on average [s].

        Raises:
            ValueError: the device's computing rate is not known.
        """
        time = self.rate.prefill_s(tokens, context)
        if time is None:
            raise ValueError("the device's computing rate is not known")
        return time
