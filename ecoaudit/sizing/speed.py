"""Time: a roofline with efficiencies and a fixed cost per layer.

The constants are medians that others published, not fits; every result has an 80 % interval of
+-45 % and the trust level ``datasheet``. They hold for the few requests in flight that a clinic
has, not for full batches.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Final

from ecoaudit.estimate import Basis, Estimate
from ecoaudit.factors.hardware import Device
from ecoaudit.factors.models import Model
from ecoaudit.sizing.demand import Load, poisson_p95
from ecoaudit.sizing.memory import BITS, active_parameters, kv_bytes, tensors

INTERVAL: Final = 0.45

# Share of the memory bandwidth that decode kernels reach, by weight format: medians over shapes
# of NVIDIA aiconfigurator's measured kernels (bf16 L40S, A100, H100, H200, B200 0.72 to 0.87;
# fp8 0.67 to 0.81; 4 bit 0.50 to 0.53). int8 is taken as fp8.
MEMORY_EFFICIENCY: Final = {"bf16": 0.83, "fp8": 0.77, "int8": 0.77, "int4": 0.5, "mxfp4": 0.5}
# The same for reading the KV cache: 0.74 (L40S) to 0.89 (B200).
KV_EFFICIENCY: Final = 0.8
# Share of the dense rate in prefill, end to end; kernels alone reach 0.7 to 0.9.
COMPUTE_EFFICIENCY: Final = 0.6
# Launch and CPU time per layer of a decode step. Llama-3.1-8B and Qwen3-32B on one H100 at eight
# requests (ML.ENERGY, vLLM 0.11.1: 0.455 and 1.73 J/token at 0.69 and 0.77 of 700 W) take 7.5 and
# 25.7 ms a step, the bandwidth term 5.5 and 21.7 ms: what is left is 62 us per layer in both.
LAYER_S: Final = 62e-6
# Dispatch per layer added to the first token: NVIDIA aiconfigurator's figure for vLLM.
PREFILL_LAYER_S: Final = 0.8e-3


@dataclass(frozen=True, slots=True)
class Rates:
    """A model in one weight format on one device, as the formulas need it.

    Attributes:
        dense_s: time to read all weights but the experts, once [s].
        experts_s: time to read all experts, once [s].
        expert_share: experts per token over experts.
        kv_s: time to read one byte of KV cache [s].
        flop_s: time per floating-point operation [s]; None: the device's rate is not sourced.
        flop_per_token: without attention [FLOP].
        attention_flop: per token and token of context [FLOP].
        layers: number of layers.
    """

    dense_s: float
    experts_s: float
    expert_share: float
    kv_s: float
    flop_s: float | None
    flop_per_token: float
    attention_flop: float
    layers: int

    def decode_s(self, batch: float, kv_bytes_each: float, context: float) -> float:
        """One decode step [s]: the longer of reading and computing, plus the layers' own time.

        Experts touched by ``batch`` tokens: E (1 - (1 - e/E)^B), uniform routing.
        """
        touched = 1 - (1 - self.expert_share) ** batch if self.experts_s else 0.0
        reading = self.dense_s + self.experts_s * touched + batch * kv_bytes_each * self.kv_s
        computing = 0.0
        if self.flop_s is not None:
            each = self.flop_per_token + self.attention_flop * context
            computing = batch * each * self.flop_s
        return max(reading, computing) + LAYER_S * self.layers

    def prefill_s(self, prompt: float) -> float | None:
        """Reading a prompt [s]: (2 N P + 2 a d P^2 L) / rate, plus dispatch; None: no rate."""
        if self.flop_s is None:
            return None
        flop = self.flop_per_token * prompt + self.attention_flop * prompt**2 / 2
        return flop * self.flop_s + PREFILL_LAYER_S * self.layers


def rates(model: Model, weights: str, device: Device) -> Rates:
    """The roofline of one model on one device.

    Weight-only formats compute in 16 bit; fp8 in FP8 where the table has that rate, else 16 bit.
    """
    parts = tensors(model)
    bits = BITS[weights][0]
    per_byte = 1 / (MEMORY_EFFICIENCY[weights] * device.bandwidth.value)
    dense_bits = 16.0 if weights == "mxfp4" else bits
    sixteen_bit = 2.0 * (parts.router + parts.embedding + parts.small)  # output layer: one V h
    rate = device.fp8 if weights == "fp8" and device.fp8 is not None else device.bf16
    return Rates(
        dense_s=(parts.dense * dense_bits / 8 + sixteen_bit) * per_byte,
        experts_s=parts.experts * bits / 8 * per_byte,
        expert_share=model.experts_per_token / model.experts if model.experts else 0.0,
        kv_s=1 / (KV_EFFICIENCY * device.bandwidth.value),
        flop_s=None if rate is None else 1 / (COMPUTE_EFFICIENCY * rate.value),
        flop_per_token=2.0 * active_parameters(model),
        attention_flop=4.0 * model.heads * model.head_dim * model.layers,
        layers=model.layers,
    )


@dataclass(frozen=True, slots=True)
class Timing:
    """What the formulas give for a load, as plain numbers.

    Attributes:
        in_flight: requests to make room for: 95th percentile at the peak, pessimistic arrivals.
        tpot_s: time per output token at that many [s].
        first_s: wait for the first token, 95th percentile [s]; None: prefill not known.
        complete_s: wait for the whole answer, 95th percentile [s]; None: not known or unstable.
        busy_s_per_day: time at work on a working day [s].
        complete: whether the time at work has the reading of prompts in it.
        stable: whether the work that arrives at the peak can be done at all.
    """

    in_flight: int
    tpot_s: float
    first_s: float | None
    complete_s: float | None
    busy_s_per_day: float
    complete: bool
    stable: bool


def timing(model: Model, rate: Rates, load: Load, room: int) -> Timing:
    """Mean number in flight by Little's law, then the times at its 95th percentile.

    B = arrivals x O x step(B) / (1 - arrivals x prefill), iterated (Little 1961). A new prompt
    waits for those before it: M/G/1, E[W] = arrivals E[S^2] / (2 (1 - rho)), and its 95th
    percentile E[W]/rho x ln(rho/0.05) (Kleinrock, Queueing Systems, vol. 1, section 5).

    Args:
        model: the shape.
        rate: its roofline on the device.
        load: the scenario's requests.
        room: sequences that the KV cache holds.
    """
    context = _mean_context(load)
    kv = kv_bytes(model, context)
    prefill = rate.prefill_s(load.prompt_mean.number)
    output = load.output_mean.number
    peak = load.peak_per_s.high or 0.0
    in_flight, stable = _in_flight(rate, kv, context, prefill or 0.0, output, peak, room)
    count = min(poisson_p95(in_flight), max(room, 1))
    rho = peak * (prefill or 0.0)
    slowed = 1 / (1 - rho) if rho < 1 else 1.0
    tpot = rate.decode_s(count, kv, context) * slowed
    first = rate.prefill_s(load.prompt_p95.number)
    complete = None
    if prefill is None or first is None or not stable:
        first = None
    else:
        wait = 0.0
        if rho > 0.05:
            wait = prefill / (2 * (1 - rho)) * math.log(rho / 0.05)
        first += wait + tpot
        complete = first + load.output_p95.number * tpot
    mean = load.mean_per_s.number
    usual, steady = _in_flight(rate, kv, context, prefill or 0.0, output, mean, room)
    usual += mean * (prefill or 0.0)  # a request is also at work while its prompt is read
    busy = load.opening_s * (1 - math.exp(-usual)) if steady else load.opening_s
    return Timing(count, tpot, first, complete, busy, prefill is not None, stable)


def capacity_per_s(model: Model, rate: Rates, load: Load, room: int) -> float | None:
    """Requests that can be finished per second with ``room`` in flight; None: not known."""
    context = _mean_context(load)
    prefill = rate.prefill_s(load.prompt_mean.number)
    if prefill is None or room < 1:
        return None
    step = rate.decode_s(room, kv_bytes(model, context), context)
    return 1 / (prefill + load.output_mean.number * step / room)


def datasheet(value: float | None, unit: str, source: str) -> Estimate:
    """A figure of this module with its interval, or absent with ``source`` as the reason."""
    if value is None:
        return Estimate.absent(unit, source)
    high = value * (1 + INTERVAL)
    return Estimate(value, value / (1 + INTERVAL), high, unit, Basis.MODELLED, source)


def _mean_context(load: Load) -> float:
    """Mean context of a sequence that is being answered: P + E[O^2] / (2 E[O])."""
    return load.prompt_mean.number + load.output_mean.number * load.output_spread / 2


def _in_flight(
    rate: Rates,
    kv: float,
    context: float,
    prefill: float,
    output: float,
    per_s: float,
    room: int,
) -> tuple[float, bool]:
    rho = per_s * prefill
    if rho >= 1:
        return float(room), False
    batch = 0.0
    for _ in range(60):
        new = per_s * output * rate.decode_s(max(batch, 1.0), kv, context) / (1 - rho)
        if new > room:
            return float(room), False
        if abs(new - batch) <= 0.01 * new:
            return new, True
        batch = new
    return batch, True
