"""Language models: the shape from which memory and speed are computed, with its source."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cache
from pathlib import Path

from ecoaudit.factors.names import find
from ecoaudit.factors.table import FOLDER, TEXT, Column, Fact, Row, read_table

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
    "window_tokens": ("tokens", False),
    "window_layers": ("layers", False),
    "context_tokens": ("tokens", False),
}
COLUMNS: dict[str, Column] = {
    "name": Column(required=True),
    **{name: Column(unit=unit, required=required) for name, (unit, required) in _COUNTS.items()},
    "head_dim_source": TEXT,
    "tied": Column(required=True, choices=(*_YES_NO, "unknown")),
    "tied_source": TEXT,
    "qkv_bias": Column(required=True, choices=_YES_NO),
    "context_source": TEXT,
    "shipped": Column(choices=("", "mxfp4")),
    "licence": TEXT,
    "licence_source": TEXT,
    "source": Column(required=True),
    "note": TEXT,
}


@dataclass(frozen=True, slots=True)
class Model:
    """One model of the table; fields as in its Hugging Face configuration.

    Attributes:
        name: Hugging Face id.
        hidden: hidden size.
        layers: number of layers.
        heads: query heads.
        kv_heads: key and value heads.
        head_dim: size of one head.
        intermediate: size of the feed-forward part.
        vocab: vocabulary.
        norms_per_layer: vectors of hidden size in the norms of a layer.
        tied: whether the output layer shares the embedding; None: not known.
        qkv_bias: whether the attention inputs have a bias.
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
    qkv_bias: bool
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
        qkv_bias=words["qkv_bias"] == "yes",
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
    )
