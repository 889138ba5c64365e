"""Where the memory of the device that serves goes: weights, KV cache, and the rest.

vLLM reserves its KV cache at start and keeps it, used or not. So three figures come from what it
says at start (weights, KV cache) and from the largest memory that a meter saw (the rest), and one
from its gauge (how much of the KV cache requests held at most).
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final

from ecoaudit.engines.base import EngineFacts
from ecoaudit.estimate import Basis, Estimate
from ecoaudit.units import BYTES_PER_GIB

DEFINITIONS: Final = {
    "weights_memory_bytes": "weights as the engine holds them, over all its devices",
    "kv_cache_reserved_bytes": "KV cache that the engine set aside at start, over all its devices",
    "kv_cache_used_bytes": "kv_cache_use_peak x kv_cache_reserved_bytes",
    "memory_overhead_bytes": "largest memory seen in the window (peak_gpu_memory_bytes on a GPU, "
    "else peak_host_memory_bytes) less weights and reserved KV cache: activations, graphs, driver, "
    "the engine's other processes, and whatever else runs there",
}
_ROUNDING_GIB: Final = 0.005  # the log gives two places
_ELEMENT_BYTES: Final = {"bfloat16": 2, "float16": 2, "float32": 4}
_UNQUANTISED: Final = frozenset({"bf16", "fp16", "fp32"})
# Architectures of plain layers: attention with q, k, v and o, a gated feed-forward, two norms.
_PLAIN: Final = frozenset({"llama", "mistral", "qwen2", "qwen3"})
# vLLM pads the vocabulary and adds tables: 14.99 GiB were seen where the parameters give 14.96.
_PADDING: Final = 0.01


def memory_split(
    facts: EngineFacts, cache: Mapping[str, str], found: Mapping[str, Estimate]
) -> dict[str, Estimate]:
    """The memory of an engine that ecoaudit started, told apart [bytes]; see ``DEFINITIONS``.

    What cannot be known is absent with the reason.

    Args:
        facts: of the engine, with what its log said.
        cache: how its KV cache is set up, from ``/metrics``.
        found: figures of the window: ``kv_cache_use_peak`` and the memory peaks.
    """
    start = _Start(facts, cache)
    weights, reserved = start.weights(), start.kv_cache()
    nothing = Estimate.absent("", "the engine's KV cache was not watched")
    use = found.get("kv_cache_use_peak", nothing)
    return {
        "weights_memory_bytes": weights,
        "kv_cache_reserved_bytes": reserved,
        "kv_cache_used_bytes": reserved.times(use, "bytes"),
        "memory_overhead_bytes": _rest(start.peak(found), weights, reserved),
    }


def _rest(peak: Estimate, weights: Estimate, reserved: Estimate) -> Estimate:
    rest = peak - weights - reserved
    if not rest.known:
        return rest
    value, low, high = rest.numbers
    if value < 0:
        return Estimate.absent(
            "bytes",
            "the largest memory seen is below weights and reserved KV cache: some of what was "
            "reserved was never touched, or another device serves",
        )
    source = f"largest memory less weights and KV cache; {peak.source}"
    return Estimate(value, max(low, 0.0), high, "bytes", Basis.MODELLED, source)


@dataclass(frozen=True, slots=True)
class _Start:
    """What is known of the engine's memory once it has started."""

    facts: EngineFacts
    cache: Mapping[str, str]

    def weights(self) -> Estimate:
        """As the engine measured it, else from the model's shape."""
        said = self._in_log("weights")
        if said:
            return self._of_ranks(said, "Model loading took")
        return self._weights_by_shape()

    def kv_cache(self) -> Estimate:
        """As the engine set it aside, else its tokens times the bytes of one."""
        exact = _number(self.cache.get("kv_cache_memory_bytes"))
        if exact:
            source = "vLLM /metrics, kv_cache_memory_bytes of cache_config_info"
            whole = Estimate.exact(exact, "bytes", Basis.MEASURED, source)
            return self._on_all(whole)
        said = self._in_log("kv_cache")
        if said:
            # with several, each device reserves as many blocks as the one with the least memory
            return self._of_ranks([min(said)] * len(said), "Available KV cache memory")
        return self._kv_cache_by_shape()

    def peak(self, found: Mapping[str, Estimate]) -> Estimate:
        """The largest memory of the device that serves."""
        device = self.facts.settings.get("serving_device")
        if device is None:
            return Estimate.absent("bytes", "the engine did not say on what device it serves")
        if device == "cpu":
            name = "peak_host_memory_bytes"
            what = "ecoaudit's process tree, its client too; shared pages count for each process"
        else:
            name, what = "peak_gpu_memory_bytes", "the boards watched, other programs too"
        seen = found.get(name)
        if seen is None or not seen.known:
            return Estimate.absent("bytes", f"{name} was not measured")
        return seen.sourced(f"{name}: {what}")

    # -- from the log --------------------------------------------------------------------------

    def _in_log(self, name: str) -> list[float]:
        said = self.facts.settings.get("memory_in_log_gib") or {}
        return list(said.get(name, ()))

    @property
    def _ranks(self) -> int:
        """Devices that serve, each with its part of the model."""
        keys = ("tensor_parallel_size", "pipeline_parallel_size", "data_parallel_size")
        ranks = 1
        for key in keys:
            ranks *= int(self.facts.settings.get(key) or 1)
        return ranks

    def _of_ranks(self, said: Sequence[float], line: str) -> Estimate:
        ranks = self._ranks
        source = f"vLLM's log, {line!r}"
        if len(said) not in (1, ranks):
            return Estimate.absent(
                "bytes", f"{source}: {len(said)} lines for {ranks} devices; which are whose is open"
            )
        value = sum(said) / len(said)
        one = Estimate(
            value * BYTES_PER_GIB,
            max(value - _ROUNDING_GIB, 0.0) * BYTES_PER_GIB,
            (value + _ROUNDING_GIB) * BYTES_PER_GIB,
            "bytes",
            Basis.MEASURED,
            source,
        )
        return self._on_all(one)

    def _on_all(self, of_one: Estimate) -> Estimate:
        ranks = self._ranks
        if ranks == 1:
            return of_one
        return (of_one * float(ranks)).sourced(f"{of_one.source}, on each of {ranks} devices")

    # -- from the model's shape ----------------------------------------------------------------

    @property
    def _shape(self) -> Mapping[str, Any]:
        shape: Mapping[str, Any] = self.facts.settings.get("model_config") or {}
        return shape

    def _weights_by_shape(self) -> Estimate:
        if self.facts.weights not in _UNQUANTISED:
            return Estimate.absent(
                "bytes", f"vLLM's log has no size of the weights, and in {self.facts.weights} they "
                "cannot be counted from the shape"
            )  # fmt: skip
        each = _ELEMENT_BYTES.get(str(self.facts.settings.get("dtype")))
        count = parameters(self._shape)
        if each is None or count is None:
            return Estimate.absent(
                "bytes", "vLLM's log has no size of the weights, and the model's files no plain "
                "shape to count them from"
            )  # fmt: skip
        value = float(count * each)
        source = f"{count:,} parameters by the shape in config.json x {each} bytes"
        return Estimate(value, value, value * (1 + _PADDING), "bytes", Basis.MODELLED, source)

    def _kv_cache_by_shape(self) -> Estimate:
        tokens = _number(self.cache.get("kv_cache_size_tokens"))
        if tokens is None:
            blocks, size = (_number(self.cache.get(k)) for k in ("num_gpu_blocks", "block_size"))
            tokens = blocks * size if blocks and size else None
        each = self._kv_bytes_per_token()
        if not tokens or each is None:
            what = "its size" if not tokens else "the bytes of a token in it"
            return Estimate.absent("bytes", f"the engine did not say {what}: its KV cache is open")
        copies = int(self.facts.settings.get("data_parallel_size") or 1)
        source = f"{tokens:,.0f} tokens (vLLM /metrics) x {each} bytes each by the shape"
        return Estimate.exact(tokens * each * copies, "bytes", Basis.MODELLED, source)

    def _kv_bytes_per_token(self) -> int | None:
        """2 k d for each layer, times the bytes of an element; None where that does not hold."""
        shape = self._shape
        kept = str(self.facts.settings.get("kv_cache_dtype") or "auto")
        kept = str(self.facts.settings.get("dtype")) if kept == "auto" else kept
        element = 1 if kept.startswith("fp8") else _ELEMENT_BYTES.get(kept)
        if element is None or not _is_plain(shape):
            return None
        layers, heads, size = shape["num_hidden_layers"], _kv_heads(shape), _head_size(shape)
        return int(2 * layers * heads * size * element)


def parameters(shape: Mapping[str, Any]) -> int | None:
    """Parameters of a model of plain layers; None for another, or where its shape is not known.

    Per layer: attention h a d + 2 h k d + a d h (with biases (a + 2 k) d in Qwen2, norms of 2 d in
    Qwen3), feed-forward 3 h I, two norms of h; embedding V h, the output layer V h again unless
    tied, a last norm. The same formula, for tables of models, is in ``ecoaudit.sizing.memory``.

    Args:
        shape: keys of the model's ``config.json``.
    """
    if not _is_plain(shape):
        return None
    kind, h, vocab = shape["model_type"], shape["hidden_size"], shape["vocab_size"]
    a, k, d = shape["num_attention_heads"], _kv_heads(shape), _head_size(shape)
    layer = 2 * h * a * d + 2 * h * k * d + 3 * h * shape["intermediate_size"] + 2 * h
    layer += {"qwen2": (a + 2 * k) * d, "qwen3": 2 * d}.get(kind, 0)
    tables = vocab * h * (1 if shape.get("tie_word_embeddings") else 2)
    return int(shape["num_hidden_layers"] * layer + tables + h)


def _is_plain(shape: Mapping[str, Any]) -> bool:
    needed = "hidden_size num_hidden_layers vocab_size num_attention_heads intermediate_size"
    whole = all(isinstance(shape.get(key), int) for key in needed.split())
    windowed = bool(shape.get("sliding_window")) and shape.get("use_sliding_window", True)
    return whole and shape.get("model_type") in _PLAIN and not windowed


def _kv_heads(shape: Mapping[str, Any]) -> int:
    return int(shape.get("num_key_value_heads") or shape["num_attention_heads"])


def _head_size(shape: Mapping[str, Any]) -> int:
    return int(shape.get("head_dim") or shape["hidden_size"] // shape["num_attention_heads"])


def _number(text: str | None) -> float | None:
    try:
        return float(text) if text is not None else None
    except ValueError:
        return None
