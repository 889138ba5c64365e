"""Every model class that is known here, against transformers' own: parameters and windows."""

from __future__ import annotations

from typing import Any

import pytest
import torch
from transformers import AutoConfig, AutoModelForCausalLM

from ecoaudit.factors.model_config import from_config
from ecoaudit.factors.model_kinds import KINDS
from ecoaudit.sizing.memory import tensors

PLAIN: dict[str, Any] = {
    "hidden_size": 512,
    "intermediate_size": 1376,
    "num_attention_heads": 8,
    "num_hidden_layers": 8,
    "num_key_value_heads": 2,
    "head_dim": 64,
    "vocab_size": 1000,
    "max_position_embeddings": 32768,
    "pad_token_id": 0,
}
EXPERTS = {"moe_intermediate_size": 160, "num_experts_per_tok": 2}
LATENT = {
    "n_routed_experts": 8,
    "n_shared_experts": 2,
    "first_k_dense_replace": 1,
    "kv_lora_rank": 64,
    "q_lora_rank": 96,
    "qk_nope_head_dim": 32,
    "qk_rope_head_dim": 16,
    "v_head_dim": 32,
}
LINEAR = {
    "linear_num_key_heads": 4,
    "linear_num_value_heads": 8,
    "linear_key_head_dim": 32,
    "linear_value_head_dim": 32,
}
MORE: dict[str, dict[str, Any]] = {
    "mixtral": {"num_local_experts": 4, "num_experts_per_tok": 2},
    "gpt_oss": {"num_local_experts": 4, "num_experts_per_tok": 2},
    "qwen2_moe": EXPERTS | {"num_experts": 6, "shared_expert_intermediate_size": 320},
    "qwen3_moe": EXPERTS | {"num_experts": 6},
    "qwen3_next": EXPERTS | LINEAR | {"num_experts": 6, "shared_expert_intermediate_size": 160},
    "qwen3_5_text": LINEAR,
    "qwen3_5_moe_text": EXPERTS
    | LINEAR
    | {"num_experts": 6, "shared_expert_intermediate_size": 160},
    "glm4_moe": EXPERTS
    | {"n_routed_experts": 6, "n_shared_experts": 1, "first_k_dense_replace": 1},
    "deepseek_v2": EXPERTS | LATENT,
    "deepseek_v3": EXPERTS | LATENT,
    "nemotron_h": EXPERTS
    | {
        "hybrid_override_pattern": "M-M*-ME*",
        "mamba_num_heads": 8,
        "mamba_head_dim": 64,
        "ssm_state_size": 32,
        "n_groups": 2,
        "n_routed_experts": 4,
        "moe_shared_expert_intermediate_size": 120,
    },
    "granitemoehybrid": {
        "layer_types": ["mamba"] * 3 + ["attention"] + ["mamba"] * 4,
        "mamba_n_heads": 16,
        "mamba_d_head": 64,
        "mamba_d_state": 32,
        "mamba_n_groups": 1,
        "num_local_experts": 4,
        "num_experts_per_tok": 2,
        "shared_intermediate_size": 200,
    },
}
# What is not counted, per layer: the gate of a shared expert; two numbers of an activation.
LEFT_OUT = {"qwen2_moe": 512, "apertus": 2}
ONLY_IN_ITS_OWN_CODE = {"kimi_k2"}  # the shape of DeepSeek-V3, its class is on the hub


@pytest.mark.parametrize("kind", sorted(set(KINDS) - ONLY_IN_ITS_OWN_CODE))
def test_parameters_and_tying_as_transformers_counts_them(kind: str) -> None:
    config = PLAIN | MORE.get(kind, {})
    whole = AutoConfig.for_model(kind, **config)
    with torch.device("meta"):
        network = AutoModelForCausalLM.from_config(whole)
    network.tie_weights()
    count = sum({id(part): part.numel() for part in network.parameters()}.values())
    model = from_config("m", config | {"model_type": kind}, "f")
    assert model.tied in (None, whole.tie_word_embeddings)
    found = tensors(model, tied=whole.tie_word_embeddings).total
    assert count - found == LEFT_OUT.get(kind, 0) * 8


@pytest.mark.parametrize(
    ("kind", "more"),
    [
        ("gemma2", {}),
        ("gemma3_text", {}),
        ("gpt_oss", MORE["gpt_oss"]),
        ("olmo3", {}),
        ("cohere2", {}),
        ("exaone4", {}),
        ("ministral", {}),
        ("qwen2", {"use_sliding_window": True, "max_window_layers": 3}),
        ("qwen3", {"use_sliding_window": True, "max_window_layers": 3}),
        ("qwen3", {"use_sliding_window": False}),
        ("smollm3", {"use_sliding_window": False}),
    ],
)
def test_windows_as_transformers_lays_them(kind: str, more: dict[str, Any]) -> None:
    config = PLAIN | {"sliding_window": 1024} | more
    whole = AutoConfig.for_model(kind, **config)
    model = from_config("m", config | {"model_type": kind}, "f")
    assert model.window_layers == list(whole.layer_types).count("sliding_attention")
    assert model.window_tokens == (1024 if model.window_layers else 0)
