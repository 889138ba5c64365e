"""One operating point: a model in a weight format on devices, with so many requests in flight.

The analytical model for whoever asks about one point, or a table of points. What a clinic's day
makes of it is :mod:`ecoaudit.planning`'s.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

from ecoaudit.errors import UsageError
from ecoaudit.estimate import Basis, Estimate
from ecoaudit.factors.hardware import MACHINE, MODULE, Device
from ecoaudit.factors.models import Model
from ecoaudit.sizing.memory import kv_bytes, kv_bytes_per_sequence
from ecoaudit.sizing.power import energy_per_token_j, serving_w
from ecoaudit.sizing.sharing import why_not
from ecoaudit.sizing.speed import Rates, rates
from ecoaudit.sizing.vllm_budget import batch_defaults, budget, usable_bytes

# In the order of a table of points.
FIGURES: Final = (
    "memory_bytes",
    "ttft_s",
    "tpot_s",
    "output_tokens_per_s",
    "power_w",
    "energy_per_output_token_j",
)
_NO_RATE: Final = "the device's dense 16-bit rate is not sourced"


@dataclass(frozen=True, slots=True)
class Point:
    """What is asked.

    Attributes:
        model: the shape.
        device: what it runs on.
        weights: weight format.
        devices: how many share the model (tensor parallel).
        concurrency: requests in flight, one sent as soon as another ends.
        input_tokens: length of each prompt [tokens].
        output_tokens: length of each answer [tokens].
    """

    model: Model
    device: Device
    weights: str
    devices: int = 1
    concurrency: float = 1.0
    input_tokens: float = 1000.0
    output_tokens: float = 200.0


@dataclass(frozen=True, slots=True)
class PointFigures:
    """What it comes to.

    Attributes:
        fits: whether weights, vLLM's own and the KV cache of all requests in flight stay within
            the devices' memory, on the pessimistic end.
        room: requests that it holds at once on the pessimistic end.
        usable: memory that vLLM may fill, all devices [bytes].
        figures: by name, in the order of ``FIGURES``; memory, power and energy are those of all
            devices, without their computer. Of a point that does not fit they say what it would
            do if the memory were there.
        trust: ``calibrated`` or ``datasheet``.
        energy_basis: the basis of speed, power and energy in words.
    """

    fits: bool
    room: int
    usable: Estimate
    figures: dict[str, Estimate]
    trust: str
    energy_basis: str


def figures_of(point: Point) -> PointFigures:
    """The figures of a point.

    Raises:
        UsageError: a count or length that is not more than 0, or devices that cannot share it.
    """
    _check(point)
    model, device, count = point.model, point.device, point.devices
    rate = rates(model, point.weights, device, count)
    usable, memory, room = _memory(point)
    context = point.input_tokens + point.output_tokens / 2
    kv = kv_bytes(model, context, tensor_parallel=count)
    asked = (point.concurrency, kv, context, point.input_tokens, point.output_tokens)
    step_s = sum(rate.times(*asked))
    found = {
        "memory_bytes": memory,
        "ttft_s": rate.estimate(_first_s(point, rate, step_s), "s", "first", _NO_RATE),
        "tpot_s": rate.estimate(step_s, "s", "step", _NO_RATE),
        "output_tokens_per_s": _throughput(point, rate, step_s),
        "power_w": (serving_w(device, rate, *asked) * count),
        "energy_per_output_token_j": energy_per_token_j(device, rate, *asked, devices=count),
    }
    if rate.flop_s is None:  # what reading the prompts takes is in all of them
        found |= {
            name: Estimate.absent(figure.unit, _NO_RATE)
            for name, figure in found.items()
            if name != "memory_bytes"
        }
    fits = room >= point.concurrency
    constants = rate.constants
    return PointFigures(fits, room, usable, found, constants.trust, constants.said)


def _memory(point: Point) -> tuple[Estimate, Estimate, int]:
    """What may be filled and what is needed on all devices [bytes]; requests that fit."""
    count = point.devices
    tokens = point.input_tokens + point.output_tokens
    length = Estimate.exact(tokens, "tokens", Basis.DECLARED, "prompt and answer")
    batch = batch_defaults(point.device)
    kv = kv_bytes_per_sequence(point.model, length, batch[0], tensor_parallel=count)
    usable = usable_bytes(point.device)
    linked = point.device.kind == MODULE
    left = budget(point.model, point.weights, usable, batch, tensor_parallel=count, linked=linked)
    need = (left.weights + left.overhead + kv * point.concurrency) * count
    source = f"weights, KV cache of {point.concurrency:g} requests, vLLM's own, all devices"
    return usable * count, need.sourced(source), left.sequences(kv, batch[1])


def _first_s(point: Point, rate: Rates, step_s: float) -> float | None:
    """Mean time to the first token [s]: until its prompt can be read, the rest of the step amid
    which it came, the prompts of others that begin in it, its own prompt and its first step."""
    prefill = rate.prefill_s(point.input_tokens)
    if prefill is None:
        return None
    round_s = point.output_tokens * step_s
    others = (point.concurrency - 1) * prefill / (round_s + prefill)
    ahead = step_s / 2 * (1 - 1 / point.concurrency) + others * prefill
    return rate.admission_s(point.input_tokens) + ahead + prefill


def _throughput(point: Point, rate: Rates, step_s: float) -> Estimate:
    """Tokens a second of all requests: one for each in flight in each step."""
    value = point.concurrency / step_s
    slow = rate.estimate(step_s, "s", "step", _NO_RATE)
    low, high = point.concurrency / (slow.high or step_s), point.concurrency / (slow.low or step_s)
    return Estimate(value, low, high, "tokens/s", Basis.MODELLED, rate.constants.said)


def _check(point: Point) -> None:
    counts = {
        "concurrency": point.concurrency,
        "input_tokens": point.input_tokens,
        "output_tokens": point.output_tokens,
        "n_gpus": point.devices,
    }
    for name, count in counts.items():
        if not 0 < count < 1e9:
            raise UsageError(f"{name}: expected a number above 0; got {count:g}")
    if point.devices > 1 and point.device.kind == MACHINE:
        raise UsageError(
            f"n_gpus: {point.device.name} is a whole computer; how several would share a model "
            "is not known"
        )
    why = why_not(point.model, point.devices)
    if why:
        raise UsageError(f"n_gpus: {why}: {point.model.name}")
