"""Calibrations of devices whose constants are known: what a run would say of them."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import Any

from ecoaudit.estimate import Basis, Estimate
from ecoaudit.factors.hardware import Device
from ecoaudit.factors.models import Model
from ecoaudit.measurement import BOARD, DRAM, PACKAGE, DeviceEnergy, Measurement
from ecoaudit.measurement import Device as Meter
from ecoaudit.run import CurvePoint, Run, RunKind, RunStatus
from ecoaudit.sizing.calibration_terms import Asked
from ecoaudit.sizing.constants import ANY, TERMS, Constants, constants_of
from ecoaudit.sizing.memory import kv_bytes
from ecoaudit.sizing.power import serving_w
from ecoaudit.sizing.speed import rates

IDLE_W = 31.0
LONG = "long prompts, one at a time"


def known_constants(
    factors: Mapping[str, float], rest: float = 1.0, computing: float = 1.0, alone: float = 0.9
) -> Constants:
    """Those of other devices with factors on their costs and on their draws."""
    prior = constants_of(ANY)
    cost = [each * factors.get(name, 1.0) for name, each in zip(TERMS, prior.cost, strict=True)]
    level = [
        each * (computing if name == "compute" else rest)
        for name, each in zip(TERMS, prior.level, strict=True)
    ]
    return replace(
        prior,
        cost=tuple(cost),
        level=tuple(level),
        alone=alone,
        request_s=prior.request_s * factors.get("request", 1.0),
    )


def config_of(model: Model) -> dict[str, Any]:
    """What a run keeps of the shape of a dense model."""
    return {
        "model_type": "llama",
        "hidden_size": model.hidden,
        "num_hidden_layers": model.layers,
        "vocab_size": model.vocab,
        "num_attention_heads": model.heads,
        "num_key_value_heads": model.kv_heads,
        "head_dim": model.head_dim,
        "intermediate_size": model.intermediate,
        "tie_word_embeddings": bool(model.tied),
    }


def calibration(model: Model, device: Device, constants: Constants, **changed: Any) -> Run:
    """The run of a calibration of a device with these constants.

    Args:
        model: that is served, in 16 bit.
        device: a card; or a whole computer, whose CPU and memory are then read.
        constants: its own.
        changed: fields of the run in place of these.
    """
    card = device.kind != "machine"
    loads = [(level, 32.0, 64.0) for level in (1, 4, 16)]
    points = [_point(model, device, constants, *each) for each in [*loads, (None, 2048.0, 32.0)]]
    kinds = [("gpu0", "gpu", BOARD)] if card else [("cpu", "cpu", PACKAGE), ("ram", "ram", DRAM)]
    meters = [
        Meter(id_, kind, where, device.name, "a meter", Basis.MEASURED, "a meter")
        for id_, kind, where in kinds
    ]
    parts = [
        DeviceEnergy(each.id, each.kind, each.boundary, _seen(10 * IDLE_W / len(kinds), "J"), "")
        for each in meters
    ]
    return replace(
        Run(
            f"calibration-{model.name}",
            RunKind.INFERENCE,
            "my card",
            RunStatus.COMPLETE,
            "2026-11-23T10:00:00+00:00",
            200.0,
            environment={
                "cpu": "A(R) CPU, fast @ 2.0GHz",
                "logical_cpus": 8,
                "memory_bytes": device.memory.value,
            },
            devices=meters,
            settings={
                "calibration": {},
                "engine": "vllm",
                "engine_version": "0.32.0",
                "model": model.name,
                "weights": "bf16",
                "random_weights": True,
                "model_config": config_of(model),
            },
            windows=[Measurement("idle_loaded", "idle_loaded", 20.0, 10.0, parts)],
            curve=points,
            summary={"idle_power_w": _seen(IDLE_W, "W")},
        ),
        **changed,
    )


def _point(
    model: Model,
    device: Device,
    constants: Constants,
    level: int | None,
    prompt: float,
    output: float,
) -> CurvePoint:
    rate = rates(model, "bf16", device, constants=constants)
    batch, context = float(level or 1), prompt + output / 2
    asked = Asked(model, rate, batch, prompt, output)
    kv = kv_bytes(model, context)
    power = serving_w(device, rate, batch, kv, context, prompt, output).number
    figures = {
        "tpot_s_p50": _seen(sum(asked.token()), "s"),
        "ttft_s_p50": _seen(sum(asked.first()), "s"),
        "gpu_power_w": _seen(power, "W"),
        "power_w": _seen(power, "W"),
        "prompt_tokens": _seen(prompt * 50, "tokens"),
        "output_tokens": _seen(output * 50, "tokens"),
        "requests": _seen(50, "requests"),
    }
    return CurvePoint(level, figures, arrivals="closed loop" if level else LONG)


def _seen(value: float, unit: str) -> Estimate:
    return Estimate.within(value, 0.01, unit, Basis.MEASURED, "a meter")
