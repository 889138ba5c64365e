"""A model's shape from its Hugging Face ``config.json``.

What a file leaves out is what its model class leaves out, for the classes that are known here
(transformers 5.19.0); for another class the file must say it. A shape whose memory is not one of
those that ``ecoaudit.sizing.memory`` computes is refused rather than computed wrongly.
"""

from __future__ import annotations

import json
import math
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, Final

from ecoaudit.errors import UsageError
from ecoaudit.factors.model_kinds import KINDS, OTHER, Kind
from ecoaudit.factors.models import GDN, MAMBA2, Latent, Model, State
from ecoaudit.factors.weight_format import shipped_format

LARGEST: Final = 100_000_000  # of any number in a shape
_REMEDY: Final = "give the model as parameters_b, layers, kv_heads, head_dim and weights instead"
# Keys of shapes that are not computed here, and what they stand for.
_UNKNOWN_SHAPES: Final = {
    "attention_chunk_size": "chunked attention",
    "index_head_dim": "a sparse-attention index with a cache of its own",
    "index_topk": "a sparse-attention index with a cache of its own",
    "moe_latent_size": "experts behind a projection",
    "num_kv_shared_layers": "layers that share a cache",
    "cross_attention_layers": "cross-attention",
    "hidden_size_per_layer_input": "an embedding for each layer",
    "altup_num_inputs": "several residual streams",
    "global_head_dim": "heads of two sizes",
    "conv_L_cache": "layers of convolutions",
    "block_configs": "layers of different shapes",
}


_PREFIXES: Final = {
    "gemma3": "gemma3_text",
    "qwen3_5": "qwen3_5_text",
    "qwen3_5_moe": "qwen3_5_moe_text",
}


def read(path: Path, name: str = "") -> Model:
    """The model that a ``config.json`` describes.

    Args:
        path: the file, or the folder that holds it.
        name: of the model; empty: as the file says, else the folder's name.

    Raises:
        UsageError: no such file, not JSON, or a shape that lacks something or is not computed here.
    """
    file = path / "config.json" if path.is_dir() else path
    try:
        raw = json.loads(file.read_text("utf-8"))
    except FileNotFoundError:
        raise UsageError(f"{file}: no such file; give a model's config.json") from None
    except (OSError, ValueError, RecursionError) as error:
        raise UsageError(f"{file}: not a config.json ({error})") from None
    if not isinstance(raw, dict):
        raise UsageError(f"{file}: expected the keys and values of a config.json")
    said = raw.get("_name_or_path")
    told = name or (said if isinstance(said, str) else "") or file.resolve().parent.name
    return from_config(told, raw, str(file))


def from_config(name: str, raw: Mapping[str, Any], place: str) -> Model:
    """The model that the keys and values of a ``config.json`` describe.

    Args:
        name: of the model.
        raw: what the file holds.
        place: of the file, for messages and as the source.

    Raises:
        UsageError: as :func:`read`.
    """
    inner = raw.get("text_config")
    text = {**raw, **inner} if isinstance(inner, Mapping) else dict(raw)
    kind_name = str(text.get("model_type") or "")
    kind_name = _PREFIXES.get(kind_name, kind_name)
    kind = KINDS.get(kind_name, OTHER)
    reader = _Reader({**kind.defaults, **_said(text)}, place, kind_name or "not stated")
    for key, what in _UNKNOWN_SHAPES.items():
        if reader.raw.get(key):
            raise UsageError(f"{place}: {key}: {what} is not computed here; {_REMEDY}")
    if kind is OTHER:
        reader.refuse_states()
    return _model(name, reader, kind, "vision_config" in raw)


def _said(text: Mapping[str, Any]) -> dict[str, Any]:
    return {key: value for key, value in text.items() if value is not None}


class _Reader:
    """Values of one file; collects what it lacks, so that one message names all of it."""

    def __init__(self, raw: dict[str, Any], place: str, kind: str):
        self.raw = raw
        self.place = place
        self.kind = kind
        self.lacking: list[str] = []

    def number(self, *keys: str, default: int | None = None, least: int = 0) -> int:
        """The first of ``keys`` that the file has, a whole number; noted as lacking otherwise."""
        for key in keys:
            if key in self.raw:
                return whole(self.raw[key], f"{self.place}: {key}", least)
        if default is None:
            self.lacking.append(keys[0])
            return 1
        return default

    def refuse_states(self) -> None:
        """An unknown class may not have layers with a state: their shape would be a guess."""
        for key in self.raw:
            if any(word in key for word in ("mamba", "ssm_", "linear_num", "hybrid", "rwkv")):
                raise UsageError(
                    f"{self.place}: model_type {self.kind!r} has layers with a state ({key}) "
                    f"whose shape is not known here; {_REMEDY}"
                )

    def complete(self) -> None:
        """Raises UsageError where something was lacking."""
        if self.lacking:
            lacks = ", ".join(dict.fromkeys(self.lacking))
            raise UsageError(
                f"{self.place}: model_type {self.kind!r} lacks {lacks}; add them, or {_REMEDY}"
            )


def whole(value: object, place: str, least: int = 1) -> int:
    """``value`` as a whole number of a shape.

    Raises:
        UsageError: it is none, below ``least`` or above ``LARGEST``.
    """
    if isinstance(value, float) and value.is_integer():
        value = int(value)
    if isinstance(value, bool) or not isinstance(value, int):
        raise UsageError(f"{place}: expected a whole number; got {value!r}")
    if not least <= value <= LARGEST:
        raise UsageError(f"{place}: expected {least} to {LARGEST:,}; got {value}")
    return value


def _model(name: str, reader: _Reader, kind: Kind, sees: bool) -> Model:
    raw = reader.raw
    hidden = reader.number("hidden_size", least=1)
    layers = reader.number("num_hidden_layers", least=1)
    heads = reader.number("num_attention_heads", least=1)
    vocab = reader.number("vocab_size", least=1)
    latent = _latent(reader)
    kv_heads = reader.number("num_key_value_heads", default=heads, least=1)
    head_dim = reader.number("head_dim", default=max(hidden // heads, 1), least=1)
    if latent is not None:
        head_dim = reader.number("qk_nope_head_dim", least=1) + latent.rope_dim
    mix = _layers(reader, kind, layers)
    window = reader.number("sliding_window", default=0)
    context = reader.number("max_position_embeddings", default=0)
    if raw.get("use_sliding_window") is False or not mix.windowed or (context and window > context):
        window = 0
    experts = _experts(reader, kind, mix)
    state = _state(reader, kind, mix.state_layers, hidden) if mix.state_layers else None
    reader.complete()
    tied = raw.get("tie_word_embeddings", kind.tied)
    notes = ["text part only; the vision part is not counted"] if sees else []
    if kind is OTHER:
        notes.append(f"model_type {reader.kind!r} is not known here; plain layers are assumed")
    source = str(raw.get("source") or f"config.json: {reader.place}")
    model = Model(
        name=name,
        hidden=hidden,
        layers=layers,
        heads=heads,
        kv_heads=kv_heads,
        head_dim=head_dim,
        intermediate=experts.intermediate,
        vocab=vocab,
        norms_per_layer=kind.norms,
        tied=tied if isinstance(tied, bool) else None,
        bias="qkv" if raw.get("attention_bias") is True and kind.bias == "none" else kind.bias,
        experts=experts.count,
        experts_per_token=experts.per_token,
        expert_intermediate=experts.size,
        window_tokens=window,
        window_layers=mix.windowed if window else 0,
        context_tokens=context or None,
        shipped=shipped_format(raw, reader.place),
        licence=str(raw.get("licence") or ""),
        source=source,
        year=datetime.now(UTC).year,
        note="; ".join([*notes, *([str(raw["note"])] if raw.get("note") else [])]),
        qk_norm="head" if raw.get("use_qk_norm") is True else kind.qk_norm,
        shared_intermediate=experts.shared,
        dense_layers=experts.dense_layers,
        ffn_layers=mix.ffn_layers,
        plain_ffn=kind.plain,
        gated_attention=kind.gated,
        latent=latent,
        state=state,
        assumed=("plain layers",) if kind is OTHER else (),
    )
    return checked(model, reader.place)


def checked(model: Model, place: str) -> Model:
    """``model``, whose numbers can stand together.

    Raises:
        UsageError: they cannot.
    """
    experts = (model.experts, model.experts_per_token, model.expert_intermediate)
    if any(experts) and not (all(experts) and model.experts_per_token <= model.experts):
        raise UsageError(
            f"{place}: experts: expected their number, their size and how many of them a token "
            "passes, which are not more"
        )
    for what, few, many in (
        ("layers with experts", 0, model.expert_layers),
        ("layers with attention", model.window_layers, model.attention_layers),
        ("query heads", model.kv_heads, model.heads),
    ):
        if many < few:
            raise UsageError(f"{place}: expected at least {few} {what}; the shape has {many}")
    return model


@dataclass(frozen=True, slots=True)
class _Mix:
    """How many layers are of which kind."""

    windowed: int
    state_layers: int
    ffn_layers: int = 0
    plain: int = 0  # of the feed-forward layers, those without experts


def _layers(reader: _Reader, kind: Kind, layers: int) -> _Mix:
    raw = reader.raw
    pattern = raw.get("hybrid_override_pattern")
    types = raw.get("layer_types", raw.get("layers_block_type"))
    if isinstance(pattern, str):
        words = {"M": "mamba", "*": "attention", "-": "mlp", "E": "moe"}
        types = [words.get(sign, sign) for sign in pattern]
    if isinstance(types, list):
        return _told_layers(reader, [str(word) for word in types], layers)
    if kind.separate:
        reader.lacking.append("hybrid_override_pattern")
    if kind.state == GDN:
        each = reader.number("full_attention_interval", least=1)
        return _Mix(0, layers - layers // each)
    if kind.state:
        reader.lacking.append("layer_types")
    if not raw.get("sliding_window"):
        return _Mix(0, 0)
    if kind.windows == "even":
        return _Mix(math.ceil(layers / 2), 0)
    if kind.windows == "pattern":
        return _Mix(layers - layers // reader.number("sliding_window_pattern", least=1), 0)
    if kind.windows == "late":
        used = raw.get("use_sliding_window") is True
        return _Mix(max(layers - reader.number("max_window_layers", default=0), 0) * used, 0)
    return _Mix(layers, 0)


def _told_layers(reader: _Reader, types: list[str], layers: int) -> _Mix:
    known = {
        "windowed": ("sliding_attention",),
        "state": ("linear_attention", "mamba", "mamba2"),
        "ffn": ("mlp", "moe"),
        "full": ("full_attention", "attention"),
    }
    names = [name for family in known.values() for name in family]
    strange = [word for word in types if word not in names]
    if strange:
        raise UsageError(
            f"{reader.place}: layer_types: {strange[0]!r} is not computed here; {_REMEDY}"
        )
    if len(types) != layers:
        raise UsageError(
            f"{reader.place}: layer_types: {len(types)} layers, num_hidden_layers says {layers}"
        )
    count = {family: sum(types.count(name) for name in words) for family, words in known.items()}
    plain = types.count("mlp") if count["ffn"] else 0
    return _Mix(count["windowed"], count["state"], count["ffn"], plain)


@dataclass(frozen=True, slots=True)
class _Experts:
    intermediate: int
    count: int = 0
    per_token: int = 0
    size: int = 0
    shared: int = 0
    dense_layers: int = 0


def _experts(reader: _Reader, kind: Kind, mix: _Mix) -> _Experts:
    raw = reader.raw
    count = reader.number("num_experts", "num_local_experts", "n_routed_experts", default=0)
    if kind.separate and mix.ffn_layers == mix.plain:
        count = 0  # the class has a default, its layers have none
    if not count:
        shared = reader.number("shared_intermediate_size", default=0)
        return _Experts(shared or reader.number("intermediate_size", least=1))
    if raw.get("decoder_sparse_step", 1) != 1 or raw.get("moe_layer_freq", 1) != 1:
        raise UsageError(
            f"{reader.place}: experts in only some of the layers are not computed; {_REMEDY}"
        )
    size = reader.number("moe_intermediate_size", "intermediate_size", least=1)
    dense = reader.number("first_k_dense_replace", default=mix.plain)
    for key, match in (("mlp_only_layers", None), ("mlp_layer_types", "dense")):
        told = raw.get(key)
        if isinstance(told, list) and told:
            dense = len(told) if match is None else told.count(match)
    shared = reader.number(
        "shared_expert_intermediate_size",
        "moe_shared_expert_intermediate_size",
        "shared_intermediate_size",
        default=reader.number("n_shared_experts", default=0) * size,
    )
    per_token = reader.number("num_experts_per_tok", "experts_per_token", least=1)
    wide = reader.number("intermediate_size", default=size, least=1)
    return _Experts(wide, count, per_token, size, shared, dense)


def _latent(reader: _Reader) -> Latent | None:
    if not reader.raw.get("kv_lora_rank"):
        return None
    return Latent(
        reader.number("kv_lora_rank", least=1),
        reader.number("q_lora_rank", default=0),
        reader.number("qk_rope_head_dim", least=1),
        reader.number("v_head_dim", least=1),
    )


def _state(reader: _Reader, kind: Kind, layers: int, hidden: int) -> State:
    kept = reader.raw.get("mamba_ssm_cache_dtype", reader.raw.get("mamba_ssm_dtype", ""))
    element = 4 if kept == "float32" else 2
    if kind.state == GDN:
        return State(
            GDN,
            layers,
            reader.number("linear_num_key_heads", least=1),
            reader.number("linear_key_head_dim", least=1),
            reader.number("linear_num_value_heads", least=1),
            reader.number("linear_value_head_dim", least=1),
            reader.number("linear_conv_kernel_dim", least=1),
            element,
        )
    heads = reader.number("mamba_num_heads", "mamba_n_heads", least=1)
    each = reader.raw.get("mamba_d_head", "auto")
    inner = hidden * reader.number("mamba_expand", "expand", default=2)
    automatic = max(inner // heads, 1) if each == "auto" else whole(each, reader.place)
    return State(
        MAMBA2,
        layers,
        reader.number("n_groups", "mamba_n_groups", default=1, least=1),
        reader.number("ssm_state_size", "mamba_d_state", least=1),
        heads,
        reader.number("mamba_head_dim", default=automatic, least=1),
        reader.number("conv_kernel", "mamba_d_conv", default=4, least=1),
        element,
    )
