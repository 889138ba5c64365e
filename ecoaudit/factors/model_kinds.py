"""What the model classes of Hugging Face transformers do unless a ``config.json`` says otherwise.

As in transformers 5.19.0, where each kind's parameters were counted on the meta device: they agree
to the last one, but for the gate of the shared expert of qwen2_moe (one vector per layer) and two
numbers per layer of apertus.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Final

from ecoaudit.factors.models import GDN, MAMBA2


@dataclass(frozen=True, slots=True)
class Kind:
    """What a model class does unless its file says otherwise.

    Attributes:
        tied: whether the output layer shares the embedding.
        norms: norms of hidden size per layer.
        bias: as ``Model.bias``.
        qk_norm: as ``Model.qk_norm``.
        windows: which layers have the window: ``all``, ``even`` (every other, the first too),
            ``pattern`` (all but every n-th) or ``late`` (from max_window_layers on).
        state: ``gdn`` or ``mamba2`` where some layers keep a state.
        separate: whether attention, state and feed-forward are layers of their own.
        gated: whether attention has a gate.
        plain: whether the feed-forward part has two matrices, not three.
        defaults: values that the file may leave out.
    """

    tied: bool | None = False
    norms: int = 2
    bias: str = "none"
    qk_norm: str = ""
    windows: str = "all"
    state: str = ""
    separate: bool = False
    gated: bool = False
    plain: bool = False
    defaults: Mapping[str, Any] = field(default_factory=dict)


_GEMMA3: Final = {
    "vocab_size": 262208,
    "num_attention_heads": 8,
    "num_key_value_heads": 4,
    "head_dim": 256,
    "sliding_window": 4096,
    "sliding_window_pattern": 6,
    "max_position_embeddings": 131072,
}
_GEMMA2: Final = {"head_dim": 256, "sliding_window": 4096}
_NEMOTRON: Final = {"head_dim": 128, "conv_kernel": 4, "n_groups": 8, "mamba_ssm_dtype": "float32"}
_LINEAR: Final = {"linear_conv_kernel_dim": 4, "head_dim": 256, "full_attention_interval": 4}
KINDS: Final = {
    "llama": Kind(),
    "mistral": Kind(),
    "ministral": Kind(),
    "ministral3": Kind(),
    "mixtral": Kind(),
    "seed_oss": Kind(bias="qkv"),
    "apertus": Kind(qk_norm="head", plain=True),
    "exaone4": Kind(qk_norm="head", windows="pattern", defaults={"sliding_window_pattern": 4}),
    "hunyuan_v1_dense": Kind(qk_norm="head"),
    "ernie4_5": Kind(tied=True, defaults={"head_dim": 128}),
    "qwen2": Kind(bias="qkv", windows="late"),
    "qwen2_moe": Kind(bias="qkv", windows="late"),
    "qwen3": Kind(qk_norm="head", windows="late", defaults={"head_dim": 128}),
    "qwen3_moe": Kind(qk_norm="head", windows="late"),
    "qwen3_next": Kind(qk_norm="head", state=GDN, gated=True, defaults=_LINEAR),
    "qwen3_5_text": Kind(qk_norm="head", state=GDN, gated=True, defaults=_LINEAR),
    "qwen3_5_moe_text": Kind(qk_norm="head", state=GDN, gated=True, defaults=_LINEAR),
    "gemma": Kind(tied=True, defaults={"head_dim": 256}),
    "gemma2": Kind(tied=True, norms=4, windows="even", defaults=_GEMMA2),
    "gemma3_text": Kind(tied=True, norms=4, qk_norm="head", windows="pattern", defaults=_GEMMA3),
    "phi3": Kind(),
    "olmo2": Kind(qk_norm="row"),
    "olmo3": Kind(qk_norm="row", windows="pattern", defaults={"sliding_window_pattern": 4}),
    "smollm3": Kind(tied=True, windows="late"),
    "cohere": Kind(tied=True, norms=1),
    "cohere2": Kind(tied=True, norms=1, windows="pattern", defaults={"sliding_window_pattern": 4}),
    "gpt_oss": Kind(bias="all", windows="even"),
    "glm4": Kind(norms=4, bias="qkv"),
    "glm4_moe": Kind(),
    "deepseek_v2": Kind(),
    "deepseek_v3": Kind(),
    "kimi_k2": Kind(),
    "nemotron_h": Kind(norms=1, state=MAMBA2, separate=True, plain=True, defaults=_NEMOTRON),
    "granite": Kind(tied=None),
    "granitemoehybrid": Kind(tied=None, state=MAMBA2),
}
OTHER: Final = Kind(tied=None)  # a class that is not known here: plain layers
