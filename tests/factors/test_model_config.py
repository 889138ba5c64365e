"""Shapes from ``config.json``: counted to the last parameter, or refused with a sentence."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from ecoaudit.errors import UsageError
from ecoaudit.factors.model_config import from_config, read
from ecoaudit.factors.models import models
from ecoaudit.sizing.memory import kv_bytes_per_token, state_bytes, tensors

LLAMA: dict[str, Any] = {
    "model_type": "llama",
    "hidden_size": 4096,
    "intermediate_size": 14336,
    "max_position_embeddings": 131072,
    "num_attention_heads": 32,
    "num_hidden_layers": 32,
    "num_key_value_heads": 8,
    "tie_word_embeddings": False,
    "vocab_size": 128256,
}
DEEPSEEK: dict[str, Any] = {
    "model_type": "deepseek_v3",
    "first_k_dense_replace": 3,
    "hidden_size": 7168,
    "intermediate_size": 18432,
    "kv_lora_rank": 512,
    "max_position_embeddings": 163840,
    "moe_intermediate_size": 2048,
    "moe_layer_freq": 1,
    "n_routed_experts": 256,
    "n_shared_experts": 1,
    "num_attention_heads": 128,
    "num_experts_per_tok": 8,
    "num_hidden_layers": 61,
    "num_key_value_heads": 128,
    "q_lora_rank": 1536,
    "qk_nope_head_dim": 128,
    "qk_rope_head_dim": 64,
    "v_head_dim": 128,
    "vocab_size": 129280,
    "quantization_config": {"quant_method": "fp8", "weight_block_size": [128, 128]},
}
QWEN_NEXT: dict[str, Any] = {
    "model_type": "qwen3_next",
    "full_attention_interval": 4,
    "head_dim": 256,
    "hidden_size": 2048,
    "intermediate_size": 5120,
    "linear_conv_kernel_dim": 4,
    "linear_key_head_dim": 128,
    "linear_num_key_heads": 16,
    "linear_num_value_heads": 32,
    "linear_value_head_dim": 128,
    "max_position_embeddings": 262144,
    "mlp_only_layers": [],
    "decoder_sparse_step": 1,
    "moe_intermediate_size": 512,
    "num_attention_heads": 16,
    "num_experts": 512,
    "num_experts_per_tok": 10,
    "num_hidden_layers": 48,
    "num_key_value_heads": 2,
    "shared_expert_intermediate_size": 512,
    "tie_word_embeddings": False,
    "use_sliding_window": False,
    "vocab_size": 151936,
}
NEMOTRON: dict[str, Any] = {
    "model_type": "nemotron_h",
    "conv_kernel": 4,
    "head_dim": 128,
    "hidden_size": 4480,
    "hybrid_override_pattern": "M-M-M-MM-M-M-M*-M-M-M*-M-M-M-M*-M-M-M-M*-M-MM-M-M-M-M-M-",
    "intermediate_size": 15680,
    "mamba_head_dim": 80,
    "mamba_num_heads": 128,
    "max_position_embeddings": 131072,
    "n_groups": 8,
    "num_attention_heads": 40,
    "num_hidden_layers": 56,
    "num_key_value_heads": 8,
    "ssm_state_size": 128,
    "tie_word_embeddings": False,
    "vocab_size": 131072,
}
GRANITE: dict[str, Any] = {
    "model_type": "granitemoehybrid",
    "hidden_size": 4096,
    "intermediate_size": 768,
    "layer_types": (["mamba"] * 5 + ["attention"] + ["mamba"] * 4) * 4,
    "mamba_d_conv": 4,
    "mamba_d_head": 64,
    "mamba_d_state": 128,
    "mamba_expand": 2,
    "mamba_n_groups": 1,
    "mamba_n_heads": 128,
    "max_position_embeddings": 131072,
    "num_attention_heads": 32,
    "num_experts_per_tok": 10,
    "num_hidden_layers": 40,
    "num_key_value_heads": 8,
    "num_local_experts": 72,
    "shared_intermediate_size": 1536,
    "tie_word_embeddings": True,
    "vocab_size": 100352,
}
GPT_OSS: dict[str, Any] = {
    "model_type": "gpt_oss",
    "experts_per_token": 4,
    "head_dim": 64,
    "hidden_size": 2880,
    "intermediate_size": 2880,
    "layer_types": ["sliding_attention", "full_attention"] * 12,
    "max_position_embeddings": 131072,
    "num_attention_heads": 64,
    "num_experts_per_tok": 4,
    "num_hidden_layers": 24,
    "num_key_value_heads": 8,
    "num_local_experts": 32,
    "sliding_window": 128,
    "tie_word_embeddings": False,
    "vocab_size": 201088,
    "quantization_config": {"quant_method": "mxfp4", "modules_to_not_convert": ["lm_head"]},
}
GLM_AIR: dict[str, Any] = {
    "model_type": "glm4_moe",
    "head_dim": 128,
    "hidden_size": 4096,
    "intermediate_size": 10944,
    "max_position_embeddings": 131072,
    "moe_intermediate_size": 1408,
    "num_attention_heads": 96,
    "n_routed_experts": 128,
    "n_shared_experts": 1,
    "num_experts_per_tok": 8,
    "first_k_dense_replace": 1,
    "num_hidden_layers": 46,
    "num_key_value_heads": 8,
    "tie_word_embeddings": False,
    "vocab_size": 151552,
}


@pytest.mark.parametrize(
    ("config", "count"),
    [
        (LLAMA, 8_030_261_248),
        (DEEPSEEK, 671_026_404_352),
        (QWEN_NEXT, 79_674_391_296),
        (NEMOTRON, 8_888_227_328),
        (GRANITE, 32_207_337_984),
        (GPT_OSS, 20_914_757_184),
    ],
    ids=lambda value: str(value.get("model_type")) if isinstance(value, dict) else "",
)
def test_parameters_as_published(config: dict[str, Any], count: int) -> None:
    # totals of the safetensors, or transformers 5.19.0 on the meta device
    assert tensors(from_config("m", config, "config.json")).total == count


def test_a_file_and_the_table_agree() -> None:
    pairs = {
        "deepseek-ai/DeepSeek-V3": DEEPSEEK,
        "Qwen/Qwen3-Next-80B-A3B-Thinking": QWEN_NEXT,
        "nvidia/NVIDIA-Nemotron-Nano-9B-v2": NEMOTRON,
        "ibm-granite/granite-4.0-h-small": GRANITE,
        "openai/gpt-oss-20b": GPT_OSS,
    }
    for name, config in pairs.items():
        told, row = from_config(name, config, "config.json"), models()[name]
        assert tensors(told) == tensors(row)
        assert kv_bytes_per_token(told) == kv_bytes_per_token(row)
        assert state_bytes(told) == state_bytes(row)
        assert told.context_tokens == row.context_tokens
        assert told.shipped == row.shipped
        assert (told.latent, told.state, told.tied) == (row.latent, row.state, row.tied)


def test_glm_with_leading_dense_layers_and_a_shared_expert() -> None:
    # 110.47 B in the safetensors, of which one layer of the multi-token module (3.6 B)
    model = from_config("zai-org/GLM-4.5-Air", GLM_AIR, "config.json")
    assert model.expert_layers == 45
    assert tensors(model).total == pytest.approx(106.9e9, rel=5e-3)


@pytest.mark.parametrize(
    ("config", "window", "layers"),
    [
        ({"model_type": "mistral", "sliding_window": 4096}, 4096, 32),  # v0.1
        ({"model_type": "mistral", "sliding_window": None}, 0, 0),  # v0.3
        ({"model_type": "gemma2", "sliding_window": 4096}, 4096, 16),
        ({"model_type": "gemma3_text", "sliding_window": 1024}, 1024, 27),
        (
            {"model_type": "gemma3_text", "sliding_window": 1024, "sliding_window_pattern": 4},
            1024,
            24,
        ),
        ({"model_type": "gpt_oss", "sliding_window": 128}, 128, 16),
        ({"model_type": "qwen2", "sliding_window": 32768, "use_sliding_window": False}, 0, 0),
        (
            {
                "model_type": "qwen2",
                "sliding_window": 32768,
                "use_sliding_window": True,
                "max_window_layers": 28,
            },
            32768,
            4,
        ),
        ({"model_type": "phi3", "sliding_window": 262144}, 0, 0),  # wider than the context
        ({"model_type": "phi3", "sliding_window": 2047}, 2047, 32),
        (
            {
                "sliding_window": 512,
                "layer_types": ["sliding_attention"] * 3 + ["full_attention"] * 29,
            },
            512,
            3,
        ),
    ],
)
def test_windows(config: dict[str, Any], window: int, layers: int) -> None:
    model = from_config("m", LLAMA | config, "config.json")
    assert (model.window_tokens, model.window_layers) == (window, layers)


def test_what_the_file_leaves_out_is_what_the_class_leaves_out() -> None:
    config = {key: value for key, value in LLAMA.items() if key != "num_key_value_heads"}
    assert from_config("m", config, "f").kv_heads == 32
    assert from_config("m", LLAMA, "f").head_dim == 128
    assert from_config("m", LLAMA | {"head_dim": 64}, "f").head_dim == 64
    del config["tie_word_embeddings"]
    assert from_config("m", config, "f").tied is False
    assert from_config("m", config | {"model_type": "gemma"}, "f").tied is True
    assert from_config("m", config | {"model_type": "something_new"}, "f").tied is None


def test_a_model_that_sees_is_read_from_its_text_part() -> None:
    # google/gemma-3-4b-it: the file leaves out heads, head size and vocabulary
    config = {
        "model_type": "gemma3",
        "text_config": {
            "model_type": "gemma3_text",
            "hidden_size": 2560,
            "intermediate_size": 10240,
            "num_hidden_layers": 34,
            "sliding_window": 1024,
        },
        "vision_config": {"hidden_size": 1152},
    }
    model = from_config("google/gemma-3-4b-it", config, "config.json")
    assert (model.heads, model.kv_heads, model.head_dim) == (8, 4, 256)
    assert (model.window_layers, model.tied) == (29, True)
    assert tensors(model).total == pytest.approx(3.88e9, rel=1e-3)
    assert model.note == "text part only; the vision part is not counted"


@pytest.mark.parametrize(
    ("quantised", "shipped"),
    [
        ({"quant_method": "fp8"}, "fp8"),
        ({"quant_method": "awq", "bits": 4}, "int4"),
        ({"quant_method": "gptq", "bits": 8}, "int8"),
        ({"quant_method": "mxfp4"}, "mxfp4"),
        ({"quant_method": "bitsandbytes", "load_in_4bit": True}, "nf4"),
        ({"quant_method": "modelopt", "quant_algo": "NVFP4"}, "nvfp4"),
        ({"quant_method": "modelopt", "quant_algo": "FP8"}, "fp8"),
        (
            {
                "quant_method": "compressed-tensors",
                "config_groups": {"group_0": {"weights": {"num_bits": 8, "type": "float"}}},
            },
            "fp8",
        ),
        (
            {
                "quant_method": "compressed-tensors",
                "config_groups": {"group_0": {"weights": {"num_bits": 4, "type": "int"}}},
            },
            "int4",
        ),
    ],
)
def test_the_format_of_a_quantised_checkpoint(quantised: dict[str, Any], shipped: str) -> None:
    model = from_config("m", LLAMA | {"quantization_config": quantised}, "f")
    assert model.shipped == shipped
    assert from_config("m", LLAMA, "f").shipped == ""


@pytest.mark.parametrize(
    ("config", "message"),
    [
        (
            {"model_type": "llama", "hidden_size": 4096},
            "f: model_type 'llama' lacks num_hidden_layers, num_attention_heads, vocab_size, inter",
        ),
        (
            {"architectures": ["FooForCausalLM"]},
            "f: model_type 'not stated' lacks hidden_size, num_hidden_layers",
        ),
        (LLAMA | {"hidden_size": "wide"}, "f: hidden_size: expected a whole number; got 'wide'"),
        (LLAMA | {"num_hidden_layers": -3}, "f: num_hidden_layers: expected 1 to 100,000,000"),
        (LLAMA | {"num_key_value_heads": 64}, "f: expected at least 64 query heads"),
        (LLAMA | {"attention_chunk_size": 8192}, "f: attention_chunk_size: chunked attention is"),
        (DEEPSEEK | {"index_topk": 2048}, "f: index_topk: a sparse-attention index with a cache"),
        (LLAMA | {"layer_types": ["full_attention"]}, "f: layer_types: 1 layers, num_hidden_"),
        (LLAMA | {"layer_types": ["rwkv"] * 32}, "f: layer_types: 'rwkv' is not computed here"),
        (
            LLAMA | {"model_type": "jamba", "mamba_d_state": 16},
            "f: model_type 'jamba' has layers with a state (mamba_d_state) whose shape is not",
        ),
        (DEEPSEEK | {"first_k_dense_replace": 70}, "f: expected at least 0 layers with experts"),
        (QWEN_NEXT | {"decoder_sparse_step": 2}, "f: experts in only some of the layers"),
        (LLAMA | {"quantization_config": {"quant_method": "hqq"}}, "f: quantization_config: hqq"),
        (LLAMA | {"weights": "int3"}, "f: weights: no weight format 'int3'"),
    ],
)
def test_what_cannot_be_computed_is_refused_with_a_sentence(
    config: dict[str, Any], message: str
) -> None:
    with pytest.raises(UsageError) as caught:
        from_config("m", config, "f")
    assert str(caught.value).startswith(message)


def test_the_sentence_names_the_way_out() -> None:
    with pytest.raises(UsageError, match="lacks vocab_size; add them, or give the model as param"):
        from_config("m", {key: LLAMA[key] for key in LLAMA if key != "vocab_size"}, "f")


def test_an_unknown_class_of_plain_layers_is_taken_and_says_so() -> None:
    model = from_config("m", LLAMA | {"model_type": "llama9"}, "f")
    assert tensors(model).total == 8_030_261_248
    assert model.note == "model_type 'llama9' is not known here; plain layers are assumed"


def test_a_file_on_disk(tmp_path: Path) -> None:
    folder = tmp_path / "own-model"
    folder.mkdir()
    file = folder / "config.json"
    file.write_text(json.dumps(LLAMA), "utf-8")
    assert read(file).name == read(folder).name == "own-model"
    assert read(file, "clinic/model").name == "clinic/model"
    assert read(file).source == f"config.json: {file}"
    file.write_text(json.dumps(LLAMA | {"_name_or_path": "maker/model"}), "utf-8")
    assert read(file).name == "maker/model"


@pytest.mark.parametrize(
    ("content", "message"),
    [
        ("{", "not a config.json"),
        ("[1, 2]", "expected the keys and values of a config.json"),
        ("[" * 100_000, "not a config.json"),
        ("\x00", "not a config.json"),
    ],
)
def test_a_file_that_is_none(tmp_path: Path, content: str, message: str) -> None:
    file = tmp_path / "config.json"
    file.write_text(content, "utf-8")
    with pytest.raises(UsageError, match=message):
        read(file)
    with pytest.raises(UsageError, match="no such file"):
        read(tmp_path / "other.json")
