"""Memory of a model: weights by tensor group and format, and the cache of a sequence.

Only linear layers are quantised: embeddings, output layer, norms, biases and the experts' router
stay in 16 bit (``ignored_layers: ["lm_head"]`` in published checkpoints). A GGUF file is the
exception: its tables are quantised too.
"""

from __future__ import annotations

import math
from dataclasses import dataclass, replace

from ecoaudit.estimate import Basis, Estimate
from ecoaudit.factors.models import MAMBA2, Model, State

BLOCK_TOKENS = 16  # of vLLM's KV cache
KV_ELEMENT_BYTES = 2  # 16-bit cache; 1 for an FP8 cache

# Bits per quantised weight with its scales: value, low, high.
# fp8: 128 x 128 blocks with one FP32 scale, or per tensor. int8: one scale per output channel.
# int4: AWQ and GPTQ in groups of 128: 4 + 16/128 + 4/128; symmetric 4.125; groups of 64 4.31.
# mxfp4: blocks of 32 with an 8-bit scale: 4 + 8/32. nvfp4: blocks of 16: 4 + 8/16.
# nf4: blocks of 64 with an 8-bit scale, itself scaled by 256: 4 + 8/64 + 32/(64 x 256).
# q4_k_m: 4.92 GB for Llama-3-8B are 4.9 bits for each of all its weights; 4.5 to 5.1.
BITS: dict[str, tuple[float, float, float]] = {
    "bf16": (16.0, 16.0, 16.0),
    "fp16": (16.0, 16.0, 16.0),
    "fp8": (8.002, 8.0, 8.02),
    "int8": (8.01, 8.0, 8.02),
    "int4": (4.156, 4.125, 4.3125),
    "mxfp4": (4.25, 4.25, 4.25),
    "nvfp4": (4.5, 4.5, 4.5),
    "nf4": (4.127, 4.127, 4.5),
    "q4_k_m": (4.9, 4.5, 5.1),
}
EXPERTS_ONLY = frozenset({"mxfp4"})  # quantises the experts and nothing else, as published
WITH_TABLES = frozenset({"q4_k_m"})  # quantises embedding and output layer too


@dataclass(frozen=True, slots=True)
class Linear:
    """A linear layer, as often as the model has it.

    Attributes:
        name: what it does.
        inputs: its inputs.
        outputs: its outputs.
        count: how many of it.
        expert: whether it belongs to an expert that only some tokens pass.
    """

    name: str
    inputs: int
    outputs: int
    count: int
    expert: bool = False

    @property
    def elements(self) -> int:
        return self.inputs * self.outputs * self.count


@dataclass(frozen=True, slots=True)
class Tensors:
    """Elements of a model by group.

    Attributes:
        dense: linear layers outside the experts.
        experts: linear layers of all experts.
        router: what chooses the experts.
        embedding: input embedding.
        head: output layer; 0 when it is the embedding.
        small: norms, biases, convolutions and other vectors.
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


def linears(model: Model) -> tuple[Linear, ...]:
    """Every linear layer but embedding, output layer and router.

    Attention: queries h x a d (twice with a gate), keys and values h x k d, output a d x h; with
    a latent: h x r_q, r_q x a d, h x (r + rope), r x a (d - rope + v), a v x h. Feed-forward
    3 x h x I, or E experts of 3 x h x I_m and one shared by all tokens.
    """
    found = [*_attention(model), *_state(model)]
    matrices = (("up", 1),) if model.plain_ffn else (("gate", 1), ("up", 1))
    wide = model.dense_layers if model.experts else model.fed_layers
    parts = (
        ("feed-forward", model.intermediate, wide, False),
        ("expert", model.expert_intermediate, model.expert_layers * model.experts, True),
        ("shared expert", model.shared_intermediate, model.expert_layers, False),
    )
    for name, size, count, expert in parts:
        if not size or not count:
            continue
        found += [
            Linear(f"{name} {part}", model.hidden, size, count * times, expert)
            for part, times in matrices
        ]
        found.append(Linear(f"{name} down", size, model.hidden, count, expert))
    return tuple(found)


def _attention(model: Model) -> list[Linear]:
    h, a, k, d = model.hidden, model.heads, model.kv_heads, model.head_dim
    layers, latent = model.attention_layers, model.latent
    if latent is None:
        return [
            Linear("queries", h, a * d * (2 if model.gated_attention else 1), layers),
            Linear("keys", h, k * d, layers),
            Linear("values", h, k * d, layers),
            Linear("attention output", a * d, h, layers),
        ]
    queries = [Linear("queries", h, a * d, layers)]
    if latent.q_rank:
        queries = [
            Linear("query latent", h, latent.q_rank, layers),
            Linear("queries", latent.q_rank, a * d, layers),
        ]
    wide = a * (d - latent.rope_dim + latent.value_dim)
    return [
        *queries,
        Linear("latent", h, latent.cached, layers),
        Linear("keys and values", latent.kv_rank, wide, layers),
        Linear("attention output", a * latent.value_dim, h, layers),
    ]


def _state(model: Model) -> list[Linear]:
    state = model.state
    if state is None:
        return []
    wide = 2 * state.values + 2 * state.keys
    if state.kind == MAMBA2:
        entry = [Linear("state input", model.hidden, wide + state.value_heads, state.layers)]
    else:
        entry = [
            Linear("state input", model.hidden, wide, state.layers),
            Linear("state gates", model.hidden, 2 * state.value_heads, state.layers),
        ]
    return [*entry, Linear("state output", state.values, model.hidden, state.layers)]


def tensors(model: Model, tied: bool | None = None) -> Tensors:
    """Elements of each group of tensors.

    Args:
        model: the shape.
        tied: whether the output layer shares the embedding; None: as the model says, untied
            where that is not known.
    """
    parts = linears(model)
    table = model.vocab * model.hidden
    shared = (model.tied is True) if tied is None else tied
    return Tensors(
        dense=sum(part.elements for part in parts if not part.expert),
        experts=sum(part.elements for part in parts if part.expert),
        router=model.expert_layers * model.experts * model.hidden,
        embedding=table,
        head=0 if shared else table,
        small=_small(model),
    )


def _small(model: Model) -> int:
    """Norms, biases and whatever else is neither a matrix nor a table."""
    h, a, k, d = model.hidden, model.heads, model.kv_heads, model.head_dim
    each = {"": 0, "head": 2 * d, "row": (a + k) * d}[model.qk_norm]
    if model.bias != "none":
        each += (a + 2 * k) * d
    if model.bias == "all":
        each += h + a  # of the output, and the sinks
    if model.latent is not None:
        each += model.latent.kv_rank + model.latent.q_rank
    count = model.attention_layers * each + (model.layers * model.norms_per_layer + 1) * h
    if model.bias == "all":
        count += model.expert_layers * model.experts * (1 + 2 * model.expert_intermediate + h)
    if model.state is not None:
        count += model.state.layers * _small_of_state(model.state)
        if model.shared_intermediate and model.state.kind != MAMBA2:
            count += model.expert_layers * h  # gate of the shared expert
    return count


def _small_of_state(state: State) -> int:
    channels = state.values + 2 * state.keys
    if state.kind == MAMBA2:  # convolution and its bias; A, D, dt; norm
        return channels * (state.kernel + 1) + 3 * state.value_heads + state.values
    return channels * state.kernel + 2 * state.value_heads + state.value_dim  # no bias; A, dt


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


def attention_flop(model: Model) -> float:
    """Of one token for each token that it looks back on, in all layers with attention [FLOP].

    2 a (d of queries and keys + d of values); windows are not taken off.
    """
    value = model.latent.value_dim if model.latent else model.head_dim
    return 2.0 * model.heads * (model.head_dim + value) * model.attention_layers


def weight_bytes(model: Model, weights: str) -> Estimate:
    """Memory of the weights [bytes].

    The interval holds what is not known: tied or not, the size of a group in the format, and the
    tables of a model that was typed without its vocabulary.

    Args:
        model: the shape.
        weights: a key of ``BITS``; ``mxfp4`` quantises the experts only, as published.
    """
    bits = BITS[weights]
    most = tensors(model)
    least = most if model.tied is not None else tensors(model, tied=True)
    shares = model.table_share
    low = least if shares is None else _with_tables(least, shares[0])
    high = most if shares is None else _with_tables(most, shares[1])
    where = "every weight" if weights in WITH_TABLES else "weight of the linear layers"
    if weights in EXPERTS_ONLY:
        where = "weight of the experts"
    return Estimate(
        _size(most, weights, bits[0]),
        _size(low, weights, bits[1]),
        _size(high, weights, bits[2]),
        "bytes",
        Basis.MODELLED,
        f"{bits[0]:g} bits per {where}, 16 bits elsewhere",
    )


def _with_tables(parts: Tensors, share: float) -> Tensors:
    """As many elements, of which ``share`` are embedding and output layer."""
    tables = round(parts.total * share)
    rest = parts.total - parts.small - parts.router - parts.experts - tables
    return replace(parts, embedding=tables, head=0, dense=rest)


def _size(parts: Tensors, weights: str, wide: float) -> float:
    quantised = parts.experts
    if weights not in EXPERTS_ONLY:
        quantised += parts.dense
    if weights in WITH_TABLES:
        quantised += parts.embedding + parts.head
    return (quantised * wide + (parts.total - quantised) * 16) / 8


def kv_bytes_per_token(
    model: Model, element_bytes: float = KV_ELEMENT_BYTES
) -> tuple[float, float]:
    """KV cache of one token [bytes]: in the layers that see all, and in those with a window.

    2 k d per layer and token, or the latent and the key's position; times the bytes of an element.
    """
    if model.latent is not None:
        return element_bytes * model.latent.cached * model.attention_layers, 0.0
    layer = 2.0 * model.kv_heads * model.head_dim * element_bytes
    return layer * (model.attention_layers - model.window_layers), layer * model.window_layers


def state_bytes(model: Model) -> float:
    """What the layers without a cache keep of one sequence [bytes], however long it is.

    The state, value heads x value size x key size, and kernel - 1 inputs of the convolution
    (vLLM ``mamba_utils.py``).
    """
    state = model.state
    if state is None:
        return 0.0
    channels = state.values + 2 * state.keys
    kept = state.values * state.key_dim * state.element_bytes
    return float(state.layers * (kept + (state.kernel - 1) * channels * KV_ELEMENT_BYTES))


def kv_bytes(
    model: Model,
    context_tokens: float,
    batched_tokens: int = 0,
    *,
    element_bytes: float = KV_ELEMENT_BYTES,
    tensor_parallel: int = 1,
) -> float:
    """Cache of one sequence on one device [bytes], in whole blocks of 16 tokens.

    A layer with a window keeps min(context, W) tokens. With ``batched_tokens`` it is what vLLM
    sets aside at most: min(context, W - 1 + ``batched_tokens``) and one block
    (``kv_cache_interface.py``), in groups as large as the smaller kind of layer
    (``kv_cache_utils.py``), and beside layers with a state in blocks as large as that state.

    Args:
        model: the shape.
        context_tokens: length of the sequence [tokens].
        batched_tokens: tokens in flight in one step; 0: what is needed, not what is set aside.
        element_bytes: 2, or 1 for an FP8 cache [bytes].
        tensor_parallel: devices that share the model: heads are split, a latent is not.
    """
    full, windowed = kv_bytes_per_token(model, element_bytes)
    kept = state_bytes(model) / tensor_parallel
    block = BLOCK_TOKENS
    if batched_tokens and model.state is not None and full:
        each = full / model.attention_layers
        page = state_bytes(model) / model.state.layers
        block = BLOCK_TOKENS * math.ceil(page / (BLOCK_TOKENS * each))
        kept = block * each * _padded(model.state.layers, model.attention_layers) / tensor_parallel
    blocks = math.ceil(context_tokens / block)
    window = blocks
    if model.window_layers and batched_tokens:
        window = math.ceil((model.window_tokens - 1 + batched_tokens) / block) + 1
        others = model.attention_layers - model.window_layers
        windowed *= _padded(model.window_layers, others) / model.window_layers
    elif model.window_layers:
        window = math.ceil(model.window_tokens / block)
    share = 1.0 if model.latent else 1 / min(tensor_parallel, model.kv_heads)
    return block * (full * blocks + windowed * min(blocks, window)) * share + kept


def _padded(layers: int, others: int) -> int:
    """Layers of a kind beside ``others`` of another, filled up to whole groups, as vLLM does."""
    if not others:
        return layers
    group = min(layers, others)
    if max(layers, others) < 1.5 * group:
        group = max(layers, others)
    return math.ceil(layers / group) * group


def kv_bytes_per_sequence(
    model: Model,
    context: Estimate,
    batched_tokens: int,
    *,
    element_bytes: float = KV_ELEMENT_BYTES,
    tensor_parallel: int = 1,
) -> Estimate:
    """Cache of one sequence on one device with its interval [bytes].

    Value and low are what is needed; high is what vLLM sets aside at most.
    """

    def cache(tokens: float, batched: int = 0) -> float:
        return kv_bytes(
            model, tokens, batched, element_bytes=element_bytes, tensor_parallel=tensor_parallel
        )

    value, low = cache(context.number), cache(context.low or 0.0)
    high = max(cache(context.high or 0.0, batched_tokens), value)
    source = "KV cache, 16 bit" if element_bytes == KV_ELEMENT_BYTES else "KV cache, 8 bit"
    return Estimate(value, low, high, "bytes", Basis.MODELLED, source)
