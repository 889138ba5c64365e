"""Memory: weights by tensor group, KV cache, and what vLLM takes besides.

Only linear layers are quantised: embeddings, output layer, norms, biases and the experts' router
stay in 16 bit (``ignored_layers: ["lm_head"]`` in published checkpoints).
"""

from __future__ import annotations

import math
from dataclasses import dataclass

from ecoaudit.estimate import Basis, Estimate
from ecoaudit.factors.hardware import MACHINE, Device
from ecoaudit.factors.models import Model
from ecoaudit.units import BYTES_PER_GIB

BLOCK_TOKENS = 16  # of vLLM's KV cache
KV_ELEMENT_BYTES = 2  # 16-bit cache
GPU_MEMORY_UTILISATION = 0.92  # vLLM's default from 0.22

# Bits per quantised weight with its scales: value, low, high.
# fp8: 128 x 128 blocks with one FP32 scale, or per tensor. int8: one scale per output channel.
# int4: AWQ and GPTQ in groups of 128: 4 + 16/128 + 4/128; symmetric 4.125; groups of 64 4.31.
# mxfp4: blocks of 32 with an 8-bit scale: 4 + 8/32.
BITS: dict[str, tuple[float, float, float]] = {
    "bf16": (16.0, 16.0, 16.0),
    "fp8": (8.002, 8.0, 8.02),
    "int8": (8.01, 8.0, 8.02),
    "int4": (4.156, 4.125, 4.3125),
    "mxfp4": (4.25, 4.25, 4.25),
}
_GIB = BYTES_PER_GIB


@dataclass(frozen=True, slots=True)
class Tensors:
    """Elements of a model by group.

    Attributes:
        dense: linear layers outside the experts.
        experts: linear layers of all experts.
        router: what chooses the experts.
        embedding: input embedding.
        head: output layer; 0 when it is the embedding.
        small: norms and biases.
    """

    dense: int
    experts: int
    router: int
    embedding: int
    head: int
    small: int

    @property
    def total(self) -> int:
        return sum((self.dense, self.experts, self.router, self.embedding, self.head, self.small))


def tensors(model: Model, tied: bool | None = None) -> Tensors:
    """Elements of each group of tensors.

    Per layer: attention h a d + 2 h k d + a d h; feed-forward 3 h I, or E (3 h I_m + h) with
    experts; norms; embedding V h; the output layer V h again unless tied.

    Args:
        model: the shape.
        tied: whether the output layer shares the embedding; None: as the model says, untied
            where that is not known.
    """
    h, a, k, d = model.hidden, model.heads, model.kv_heads, model.head_dim
    layers, moe = model.layers, model.experts > 0
    attention = h * a * d + 2 * h * k * d + a * d * h
    shared = (model.tied is True) if tied is None else tied
    return Tensors(
        dense=layers * (attention + (0 if moe else 3 * h * model.intermediate)),
        experts=layers * model.experts * 3 * h * model.expert_intermediate,
        router=layers * model.experts * h,
        embedding=model.vocab * h,
        head=0 if shared else model.vocab * h,
        small=layers * (model.norms_per_layer * h + ((a + 2 * k) * d if model.qkv_bias else 0)),
    )


def parameters(model: Model) -> Estimate:
    """Parameters; an interval from tied to untied where the table does not know."""
    most = float(tensors(model).total)
    unknown = model.tied is None
    least = float(tensors(model, tied=True).total) if unknown else most
    return Estimate(most, least, most, "parameters", Basis.MODELLED, f"shape: {model.source}")


def active_parameters(model: Model) -> int:
    """Parameters that one token is multiplied with, the output layer included."""
    parts = tensors(model)
    share = model.experts_per_token / model.experts if model.experts else 0.0
    return round(parts.dense + parts.experts * share + parts.router + parts.embedding)


def weight_bytes(model: Model, weights: str) -> Estimate:
    """Memory of the weights [bytes].

    Args:
        model: the shape.
        weights: a key of ``BITS``; ``mxfp4`` quantises the experts only, as published.
    """
    bits = BITS[weights]
    most = tensors(model)
    least = most if model.tied is not None else tensors(model, tied=True)

    def size(parts: Tensors, wide: float) -> float:
        quantised = parts.experts + (0 if weights == "mxfp4" else parts.dense)
        return (quantised * wide + (parts.total - quantised) * 16) / 8

    return Estimate(
        size(most, bits[0]),
        size(least, bits[1]),
        size(most, bits[2]),
        "bytes",
        Basis.MODELLED,
        f"{bits[0]:g} bits per weight of the linear layers, 16 bits elsewhere",
    )


def kv_bytes_per_token(model: Model) -> tuple[float, float]:
    """KV cache of one token [bytes]: in the layers that see all, and in those with a window.

    2 k d per layer and token, times the bytes of an element.
    """
    layer = 2.0 * model.kv_heads * model.head_dim * KV_ELEMENT_BYTES
    return layer * (model.layers - model.window_layers), layer * model.window_layers


def kv_bytes(model: Model, context_tokens: float, batched_tokens: int = 0) -> float:
    """KV cache of one sequence [bytes], in whole blocks of 16 tokens.

    A layer with a window keeps min(context, W - 1 + ``batched_tokens``) tokens and one block
    (vLLM ``kv_cache_interface.py``); without ``batched_tokens`` min(context, W).
    """
    full, windowed = kv_bytes_per_token(model)
    blocks = math.ceil(context_tokens / BLOCK_TOKENS)
    kept = blocks
    if model.window_layers:
        if batched_tokens:
            window = math.ceil((model.window_tokens - 1 + batched_tokens) / BLOCK_TOKENS) + 1
        else:
            window = math.ceil(model.window_tokens / BLOCK_TOKENS)
        kept = min(blocks, window)
    return BLOCK_TOKENS * (full * blocks + windowed * kept)


def kv_bytes_per_sequence(model: Model, context: Estimate, batched_tokens: int) -> Estimate:
    """KV cache of one sequence with its interval [bytes]."""
    value = kv_bytes(model, context.number)
    low = kv_bytes(model, context.low or 0.0)
    high = kv_bytes(model, context.high or 0.0, batched_tokens)
    return Estimate(value, low, max(high, value), "bytes", Basis.MODELLED, "KV cache, 16 bit")


def batch_defaults(device: Device) -> tuple[int, int]:
    """vLLM's default (max_num_batched_tokens, max_num_seqs) for a server on this device."""
    sold_gb = device.memory.value / 1e9
    if sold_gb >= 160:
        return 16384, 1024
    if sold_gb >= 70 and "A100" not in device.name:
        return 8192, 1024
    return 2048, 256


def overhead_bytes(model: Model, batched_tokens: int, sequences: int) -> Estimate:
    """What vLLM takes besides weights and KV cache on one device [bytes], +- 50 % each.

    0.6 GiB outside PyTorch (logs: 0.20 to 1.79), activations max(0.35 GiB, 10 x tokens x h x 2 B
    + 4 V x sequences B) (logs: 0.37 to 1.77), CUDA graphs 0.4 GiB (log: 0.36).
    """
    activation = max(
        0.35 * _GIB, 10 * batched_tokens * model.hidden * 2 + 4.0 * model.vocab * sequences
    )
    parts = (0.6 * _GIB, activation, 0.4 * _GIB)
    value, half = sum(parts), 0.5 * math.hypot(*parts)
    source = "vLLM: outside PyTorch, activations and CUDA graphs, each +-50 %"
    return Estimate(value, value - half, value + half, "bytes", Basis.MODELLED, source)


def kv_pool_bytes(
    total: float,
    utilisation: float,
    weights: float,
    non_torch: float,
    activation: float,
    graphs: float = 0.0,
) -> float:
    """What vLLM gives to the KV cache [bytes]: utilisation x total less everything else."""
    return utilisation * total - weights - non_torch - activation - graphs


def usable_bytes(device: Device) -> Estimate:
    """Memory that an engine may fill [bytes].

    A card or module: 0.92 of what the driver shows. That lies between 10^9 bytes to the GB as
    sold (error correction of GDDR memory takes 1/16, the driver up to 1 %) and 2^30; 79.22 GiB
    were seen on an 80 GB card. A machine shares its memory with the operating system and other
    programs: 0.75 (0.65 to 0.85) of it is assumed to be free for the model.
    """
    sold = device.memory.value
    binary = sold / 1e9 * _GIB
    if device.kind == MACHINE:
        what = "assumed: three quarters of a computer's shared memory is free for the model"
        value, low, high = 0.75 * sold, 0.65 * sold, 0.85 * binary
    else:
        what = f"{GPU_MEMORY_UTILISATION:g} (vLLM's default) of the memory that the driver shows"
        value, low, high = (
            GPU_MEMORY_UTILISATION * part for part in ((sold + binary) / 2, sold, binary)
        )
    source = f"{what}; {device.memory.source}"
    return Estimate(value, low, high, "bytes", Basis.MODELLED, source)
