"""Language models: the shape from which memory and speed are computed, with its source."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import cache
from pathlib import Path

from ecoaudit.factors.names import find
from ecoaudit.factors.table import FOLDER, TEXT, Column, Fact, Row, read_table

# Weight formats, as ``ecoaudit.sizing.memory.BITS`` has them.
FORMATS = ("bf16", "fp16", "fp8", "int8", "int4", "mxfp4", "nvfp4", "nf4", "q4_k_m")
BIASES = ("none", "qkv", "all")
QK_NORMS = ("", "head", "row")
GDN, MAMBA2 = "gdn", "mamba2"
STATES = (GDN, MAMBA2)
_YES_NO = ("yes", "no")
_COUNTS = {  # column: (unit, required)
    "hidden": ("channels", True),
    "layers": ("layers", True),
    "heads": ("heads", True),
    "kv_heads": ("heads", True),
    "head_dim": ("channels", True),
    "intermediate": ("channels", True),
    "vocab": ("tokens", True),
    "norms_per_layer": ("norms", True),
    "experts": ("experts", False),
    "experts_per_token": ("experts", False),
    "expert_intermediate": ("channels", False),
    "shared_intermediate": ("channels", False),
    "dense_layers": ("layers", False),
    "ffn_layers": ("layers", False),
    "window_tokens": ("tokens", False),
    "window_layers": ("layers", False),
    "latent_kv_rank": ("channels", False),
    "latent_q_rank": ("channels", False),
    "latent_rope_dim": ("channels", False),
    "latent_value_dim": ("channels", False),
    "state_layers": ("layers", False),
    "state_key_heads": ("heads", False),
    "state_key_dim": ("channels", False),
    "state_value_heads": ("heads", False),
    "state_value_dim": ("channels", False),
    "state_kernel": ("tokens", False),
    "state_bytes": ("bytes", False),
    "context_tokens": ("tokens", False),
}
COLUMNS: dict[str, Column] = {
    "name": Column(required=True),
    **{name: Column(unit=unit, required=required) for name, (unit, required) in _COUNTS.items()},
    "head_dim_source": TEXT,
    "tied": Column(required=True, choices=(*_YES_NO, "unknown")),
    "tied_source": TEXT,
    "bias": Column(required=True, choices=BIASES),
    "qk_norm": Column(choices=QK_NORMS),
    "plain_ffn": Column(choices=("", *_YES_NO)),
    "gated_attention": Column(choices=("", *_YES_NO)),
    "state_kind": Column(choices=("", *STATES)),
    "context_source": TEXT,
    "shipped": Column(choices=("", "mxfp4", "fp8")),
    "licence": TEXT,
    "licence_source": TEXT,
    "source": Column(required=True),
    "note": TEXT,
}


@dataclass(frozen=True, slots=True)
class Latent:
    """Multi-head latent attention: the cache holds one compressed vector per token and layer.

    Attributes:
        kv_rank: size of what keys and values are made from (``kv_lora_rank``).
        q_rank: the same for queries; 0: queries are made at once.
        rope_dim: the part of a key with its position, kept besides.
        value_dim: size of one head's value.
    """

    kv_rank: int
    q_rank: int
    rope_dim: int
    value_dim: int

    @property
    def cached(self) -> int:
        """Elements kept per token and layer."""
        return self.kv_rank + self.rope_dim


@dataclass(frozen=True, slots=True)
class State:
    """Layers that keep a state of constant size instead of a cache: Mamba-2, gated delta net.

    Attributes:
        kind: ``gdn`` or ``mamba2``.
        layers: how many of the model's layers.
        key_heads: heads of the keys (Mamba-2: groups).
        key_dim: size of one (Mamba-2: size of the state).
        value_heads: heads of the values (Mamba-2: heads).
        value_dim: size of one.
        kernel: tokens that the convolution before it sees.
        element_bytes: of one element of the state, as vLLM keeps it [bytes].
    """

    kind: str
    layers: int
    key_heads: int
    key_dim: int
    value_heads: int
    value_dim: int
    kernel: int
    element_bytes: int

    @property
    def values(self) -> int:
        """Channels of the values."""
        return self.value_heads * self.value_dim

    @property
    def keys(self) -> int:
        """Channels of the keys."""
        return self.key_heads * self.key_dim


@dataclass(frozen=True, slots=True)
class Model:
    """One model; fields as in its Hugging Face configuration.

    Attributes:
        name: Hugging Face id, or the name that the user gave.
        hidden: hidden size.
        layers: number of layers.
        heads: query heads.
        kv_heads: key and value heads.
        head_dim: size of one head's query and key.
        intermediate: size of the feed-forward part.
        vocab: vocabulary.
        norms_per_layer: vectors of hidden size in the norms of a layer.
        tied: whether the output layer shares the embedding; None: not known.
        bias: of the linear layers: ``none``, ``qkv`` (attention inputs) or ``all`` (attention,
            router and experts, and one attention sink per head: gpt-oss).
        experts: experts per layer; 0: dense.
        experts_per_token: experts that one token passes.
        expert_intermediate: size of one expert.
        window_tokens: sliding window of ``window_layers`` layers; 0: none.
        window_layers: layers that see only the window.
        context_tokens: longest context; None: not sourced.
        shipped: weight format of the only checkpoint, where there is just one; else empty.
        licence: only where it was seen in the source's own files.
        source: where the shape comes from.
        year: year of that source.
        note: anything a reader should know.
        qk_norm: norm of queries and keys: ``head`` (one vector per layer for all heads), ``row``
            (one as long as all heads) or none.
        shared_intermediate: size of the experts that every token passes; 0: none.
        dense_layers: first layers that have a feed-forward part instead of experts.
        ffn_layers: layers that are nothing but a feed-forward part (Nemotron-H); 0: every layer
            has one besides its attention or state.
        plain_ffn: whether the feed-forward part has two matrices, not three.
        gated_attention: whether attention has a gate as large as its queries.
        latent: of multi-head latent attention.
        state: of layers with a state instead of a cache.
        assumed: what nobody gave and was assumed: fields of a model typed by its parameters, or
            ``plain layers`` of a class that is not known.
        table_share: share of the parameters in embedding and output layer, low and high, where
            the vocabulary was not given; the shape then holds the middle.
    """

    name: str
    hidden: int
    layers: int
    heads: int
    kv_heads: int
    head_dim: int
    intermediate: int
    vocab: int
    norms_per_layer: int
    tied: bool | None
    bias: str
    experts: int
    experts_per_token: int
    expert_intermediate: int
    window_tokens: int
    window_layers: int
    context_tokens: int | None
    shipped: str
    licence: str
    source: str
    year: int
    note: str
    qk_norm: str = ""
    shared_intermediate: int = 0
    dense_layers: int = 0
    ffn_layers: int = 0
    plain_ffn: bool = False
    gated_attention: bool = False
    latent: Latent | None = None
    state: State | None = None
    assumed: tuple[str, ...] = ()
    table_share: tuple[float, float] | None = None

    @property
    def attention_layers(self) -> int:
        """Layers with attention, windowed or not."""
        return self.layers - self.ffn_layers - (self.state.layers if self.state else 0)

    @property
    def fed_layers(self) -> int:
        """Layers with a feed-forward part or experts."""
        return self.ffn_layers or self.layers

    @property
    def expert_layers(self) -> int:
        """Layers with experts."""
        return self.fed_layers - self.dense_layers if self.experts else 0

    def formats(self, asked: Sequence[str]) -> tuple[str, ...]:
        """The weight formats in which it can be had, of those ``asked`` for.

        A model that is published in one format only (gpt-oss: mxfp4) is taken in that one,
        whatever is asked for.
        """
        return (self.shipped,) if self.shipped else tuple(dict.fromkeys(asked))


@cache
def models() -> dict[str, Model]:
    """All models by Hugging Face id, in the order of the table."""
    return {model.name: model for model in read_models(FOLDER / "models.csv")}


def find_model(name: str) -> Model:
    """A model by its Hugging Face id, or by the end of it, in any case.

    Raises:
        NotFoundError: none or several; the message lists near names.
    """
    table = models()
    return table[find(name, {key: [key.partition("/")[2]] for key in table}, "model")]


def read_models(path: Path) -> list[Model]:
    """Read a table of models. Raises as :func:`ecoaudit.factors.table.read_table`."""
    return [_model(row) for row in read_table(path, COLUMNS)]


def _model(row: Row) -> Model:
    words, facts = row.words, row.facts

    def count(name: str) -> int:
        return int(facts[name].value) if name in facts else 0

    shape: Fact = facts["hidden"]
    return Model(
        name=words["name"],
        hidden=count("hidden"),
        layers=count("layers"),
        heads=count("heads"),
        kv_heads=count("kv_heads"),
        head_dim=count("head_dim"),
        intermediate=count("intermediate"),
        vocab=count("vocab"),
        norms_per_layer=count("norms_per_layer"),
        tied={"yes": True, "no": False}.get(words["tied"]),
        bias=words["bias"],
        experts=count("experts"),
        experts_per_token=count("experts_per_token"),
        expert_intermediate=count("expert_intermediate"),
        window_tokens=count("window_tokens"),
        window_layers=count("window_layers"),
        context_tokens=count("context_tokens") or None,
        shipped=words["shipped"],
        licence=words["licence"],
        source=shape.source,
        year=shape.year,
        note=words["note"],
        qk_norm=words["qk_norm"],
        shared_intermediate=count("shared_intermediate"),
        dense_layers=count("dense_layers"),
        ffn_layers=count("ffn_layers"),
        plain_ffn=words["plain_ffn"] == "yes",
        gated_attention=words["gated_attention"] == "yes",
        latent=_latent(count),
        state=_state(words["state_kind"], count),
    )


def _latent(count: Callable[[str], int]) -> Latent | None:
    names = ("kv_rank", "q_rank", "rope_dim", "value_dim")
    found = [count(f"latent_{name}") for name in names]
    return Latent(*found) if found[0] else None


def _state(kind: str, count: Callable[[str], int]) -> State | None:
    names = "layers key_heads key_dim value_heads value_dim kernel bytes"
    found = [count(f"state_{name}") for name in names.split()]
    return State(kind, *found) if kind else None
