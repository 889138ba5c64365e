"""Power of a device that serves a model: loaded and idle, at work, and for sizing the circuit.

Each kind of work in a step has a draw of its own, as a share of the power limit: reading weights,
computing, waiting between kernels. What a step draws is their mean over its time, at most the
limit. The draws are fitted on public rows of eight requests and more, and below that lead to what
was read with one (:mod:`ecoaudit.sizing.constants`); never is it the power limit times time.

Idle watts of nearly all devices are unpublished, and a clinic's device is idle most of the day,
so the intervals are wide on purpose; a measured run replaces them.
"""

from __future__ import annotations

import math
from dataclasses import dataclass, replace
from typing import Final

from ecoaudit.estimate import Basis, Estimate
from ecoaudit.factors.hardware import MACHINE, Device
from ecoaudit.scenario import Host
from ecoaudit.sizing.speed import Rates

# Fractions of the power limit: value, low, high. Derived in the docstrings below.
IDLE_FRACTION: Final = (0.17, 0.08, 0.30)
MACHINE_IDLE_FRACTION: Final = (0.17, 0.05, 0.40)
BUSY_FRACTION: Final = (0.58, 0.30, 0.90)
# Supply of a computer: 80 PLUS Bronze to Platinum between 20 and 100 % load are 0.82 to 0.92.
SUPPLY_EFFICIENCY: Final = (0.88, 0.82, 0.92)
# What an open CUDA context adds to bare idle [W]: 26 to 50 (A100, H100), 66 (L40S),
# arXiv 2605.23918.
CONTEXT_W: Final = (38.0, 26.0, 66.0)
# Plug over the chip's limit of a whole computer: 133 to 140 W at 120 W (Strix Halo), 123 to 138 W
# at 140 W (DGX Spark), peaks at the wall, geerlingguy/ai-benchmarks.
MACHINE_PEAK: Final = (1.1, 1.0, 1.2)


@dataclass(frozen=True, slots=True)
class Power:
    """Power at the plug, the computer around a card included.

    Attributes:
        idle_w: the model loaded, no request [W].
        busy_w: few requests in flight [W].
        peak_w: what the circuit must carry [W].
    """

    idle_w: Estimate
    busy_w: Estimate
    peak_w: Estimate


def device_idle_w(device: Device) -> Estimate:
    """Draw of the device with a model loaded and no request [W], without its computer.

    As measured, where the device was calibrated. Else bare idle where the table has it, plus what
    an open CUDA context adds. Otherwise a fraction of the power limit, from bare idle plus 26 to 66
    W of context over the limit: A800 65 W of 400 W, 0.23 to 0.33; H200 74 W of 700 W, 0.14 to 0.20;
    RTX 5090 22 or 45 W of 575 W, 0.08 to 0.19; RTX 4090 17 W (its D variant) of 450 W, 0.10 to
    0.18; L40S context alone 0.19. So 0.17 (0.08 to 0.30). For a whole computer there is no figure:
    the same value, 0.05 to 0.40, assumed.
    """
    if device.loaded_idle is not None:
        return device.loaded_idle
    if device.idle_power is not None:
        context = _triple(CONTEXT_W, "W", "open CUDA context (arXiv 2605.23918)")
        return device.idle_power.estimate(0.15) + context
    fraction = MACHINE_IDLE_FRACTION if device.kind == MACHINE else IDLE_FRACTION
    low, high = fraction[1], fraction[2]
    source = f"{fraction[0]:.0%} of the power limit, {low:.0%} to {high:.0%} on published devices"
    if device.kind == MACHINE:
        source = f"{fraction[0]:.0%} of the power limit ({low:.0%} to {high:.0%}), assumed"
    return _of_limit(device, fraction, source)


def device_busy_w(device: Device) -> Estimate:
    """Draw of the device with few requests in flight [W], without its computer.

    Fractions of the power limit seen: Argonne, Llama-3-8B at batch 1, A100 0.57, H100 0.52;
    ML.ENERGY, H100 at eight requests, 0.57 to 0.77, B200 from 0.29; fp8 decode kernels 0.35;
    H200 decode 0.20 to 0.43; compute-bound kernels, which prefill has, 0.97. So 0.58 (0.30 to
    0.90).
    """
    source = "58 % of the power limit at few requests, 30 to 90 % on published devices"
    return _of_limit(device, BUSY_FRACTION, source)


def serving_w(
    device: Device,
    rate: Rates,
    batch: float,
    kv_bytes_each: float,
    context: float,
    prompt: float = 0.0,
    output: float = math.inf,
) -> Estimate:
    """Mean draw of one device while it serves [W], without its computer.

    With fewer than eight requests it leads to what was read with one, under an engine of 2024.
    Newer ones leave less time between kernels, so the upper end is that of the draw without this.

    Args:
        device: the device.
        rate: the model on it.
        batch: answers under way.
        kv_bytes_each: cache of one of them on one device [bytes].
        context: tokens before each.
        prompt: length of the prompts that come in [tokens].
        output: length of the answers [tokens].
    """
    times = rate.times(batch, kv_bytes_each, context, prompt, output)
    limit, few = device.power_limit.value, rate.constants.few(batch)
    drawn = sum(time * level for time, level in zip(times, rate.constants.level, strict=True))
    figure = rate.estimate(limit * min(drawn / sum(times), 1.0) * few, "W", "power", "")
    value, low, high = figure.numbers
    high = max(min(high / few, limit), value)
    source = f"draw of each kind of work in a step: {figure.source}"
    return Estimate(value, low, high, "W", Basis.MODELLED, source)


def energy_per_token_j(
    device: Device,
    rate: Rates,
    batch: float,
    kv_bytes_each: float,
    context: float,
    prompt: float = 0.0,
    output: float = math.inf,
    devices: int = 1,
) -> Estimate:
    """Energy of the devices per output token, reading the prompts included [J/token].

    P x t / B: draw, time of a mean step, answers under way. Arguments as of :func:`serving_w`;
    ``devices`` as ``rate`` was made for.
    """
    power = serving_w(device, rate, batch, kv_bytes_each, context, prompt, output).number
    step = sum(rate.times(batch, kv_bytes_each, context, prompt, output))
    figure = rate.estimate(power * devices * step / batch, "J/token", "energy", "")
    return replace(figure, high=figure.numbers[2] / rate.constants.few(batch))


def plug_power(
    device: Device, host: Host, idle_w: Estimate, busy_w: Estimate, devices: int = 1
) -> Power:
    """Power at the plug from that of the devices, one computer around them.

    A card's draw goes through the computer's supply; the host's own figures are at the plug. A
    machine's figures are taken as the whole computer's. The circuit is sized on the power limit
    and the host's largest draw, never on a mean: prefill runs at the limit.

    Args:
        device: the device.
        host: the computer around cards.
        idle_w: of all devices [W].
        busy_w: of all devices [W].
        devices: how many.
    """
    limit = device.power_limit.estimate() * devices
    if device.kind == MACHINE:
        factor = _triple(MACHINE_PEAK, "", "plug over chip, geerlingguy/ai-benchmarks")
        peak = limit.times(factor, "W").sourced("power limit and what surrounds the chip")
        return Power(idle_w, busy_w, peak)
    supply = supply_efficiency()
    return Power(
        idle_w.per(supply, "W") + host.idle_power,
        busy_w.per(supply, "W") + host.busy_power,
        (limit.per(supply, "W") + host.peak_power).sourced(
            "power limit through the supply, and the host's largest draw"
        ),
    )


def supply_efficiency() -> Estimate:
    """Of a computer's power supply."""
    return _triple(SUPPLY_EFFICIENCY, "", "power supply, 80 PLUS Bronze to Platinum")


def _of_limit(device: Device, fraction: tuple[float, float, float], source: str) -> Estimate:
    value, low, high = (part * device.power_limit.value for part in fraction)
    return Estimate(value, low, high, "W", Basis.MODELLED, source)


def _triple(ends: tuple[float, float, float], unit: str, source: str) -> Estimate:
    return Estimate(*ends, unit, Basis.CONSTANT, source)
