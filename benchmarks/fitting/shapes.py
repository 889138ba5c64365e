"""Models of the public rows: those of the package's table, and large ones that it does not have."""

from __future__ import annotations

from ecoaudit.factors.models import Latent, Model, State, find_model

CONFIG = "config.json of the model on Hugging Face"


def _model(name: str, note: str, **fields: object) -> Model:
    common: dict[str, object] = {
        "norms_per_layer": 2,
        "tied": False,
        "bias": "none",
        "experts": 0,
        "experts_per_token": 0,
        "expert_intermediate": 0,
        "window_tokens": 0,
        "window_layers": 0,
        "context_tokens": None,
        "shipped": "",
        "licence": "",
        "source": CONFIG,
        "year": 2025,
        "note": note,
    }
    return Model(name=name, **(common | fields))  # type: ignore[arg-type]


EXTRA = (
    _model(
        "meta-llama/Llama-3.1-405B-Instruct",
        "405.8 billion parameters",
        hidden=16384,
        layers=126,
        heads=128,
        kv_heads=8,
        head_dim=128,
        intermediate=53248,
        vocab=128256,
    ),
    _model(
        "Qwen/Qwen3-235B-A22B",
        "THUDM/slime scripts/models/qwen3-235B-A22B.sh gives the same; 235.1 billion parameters",
        hidden=4096,
        layers=94,
        heads=64,
        kv_heads=4,
        head_dim=128,
        intermediate=12288,
        vocab=151936,
        experts=128,
        experts_per_token=8,
        expert_intermediate=1536,
    ),
    _model(
        "Qwen/Qwen3-Coder-480B-A35B-Instruct",
        "THUDM/slime scripts/models gives the same but the experts' size; 480.2 billion parameters",
        hidden=6144,
        layers=62,
        heads=96,
        kv_heads=8,
        head_dim=128,
        intermediate=8192,
        vocab=151936,
        experts=160,
        experts_per_token=8,
        expert_intermediate=2560,
    ),
    _model(
        "meta-llama/Llama-4-Maverick-17B-128E-Instruct",
        "text part; experts in every other layer; 400.7 billion parameters",
        hidden=5120,
        layers=48,
        heads=40,
        kv_heads=8,
        head_dim=128,
        intermediate=16384,
        vocab=202048,
        experts=128,
        experts_per_token=1,
        expert_intermediate=8192,
        shared_intermediate=8192,
        dense_layers=24,
    ),
    _model(
        "MiniMaxAI/MiniMax-M2.5",
        "ModelCloud/GPTQModel hf_minimax_m2 gives the same; 228.7 billion parameters",
        hidden=3072,
        layers=62,
        heads=48,
        kv_heads=8,
        head_dim=128,
        intermediate=1536,
        vocab=200064,
        experts=256,
        experts_per_token=8,
        expert_intermediate=1536,
    ),
    _model(
        "moonshotai/Kimi-K2.5",
        "text part; ai-dynamo/aiconfigurator model_configs; 1026 billion parameters",
        hidden=7168,
        layers=61,
        heads=64,
        kv_heads=1,
        head_dim=192,
        intermediate=18432,
        vocab=163840,
        experts=384,
        experts_per_token=8,
        expert_intermediate=2048,
        shared_intermediate=2048,
        dense_layers=1,
        latent=Latent(kv_rank=512, q_rank=1536, rope_dim=64, value_dim=128),
    ),
    _model(
        "nvidia/NVIDIA-Nemotron-Nano-12B-v2",
        "6 layers of attention, 28 of Mamba-2, 28 feed-forward; 12.3 billion parameters",
        norms_per_layer=1,
        hidden=5120,
        layers=62,
        heads=40,
        kv_heads=8,
        head_dim=128,
        intermediate=20480,
        vocab=131072,
        ffn_layers=28,
        plain_ffn=True,
        state=State("mamba2", 28, 8, 128, 128, 80, 4, 4),
    ),
)

_NAMES = (  # part of a name in the rows, and the shape that it has
    ("Llama-3.1-8B", "meta-llama/Llama-3.1-8B-Instruct"),
    ("Meta-Llama-3-8B", "meta-llama/Llama-3.1-8B-Instruct"),
    ("Llama-3.1-70B", "meta-llama/Llama-3.1-70B-Instruct"),
    ("Llama-3.1-405B", "meta-llama/Llama-3.1-405B-Instruct"),
    ("Llama-2-7b", "klyang/MentaLLaMA-chat-7B"),
    ("Qwen3-8B", "Qwen/Qwen3-8B"),
    ("Qwen3-32B", "Qwen/Qwen3-32B"),
    ("Qwen3-30B-A3B", "Qwen/Qwen3-30B-A3B"),
    ("Qwen3-Coder-30B-A3B", "Qwen/Qwen3-30B-A3B"),
    ("Qwen3-235B-A22B", "Qwen/Qwen3-235B-A22B"),
    ("Qwen3-Coder-480B", "Qwen/Qwen3-Coder-480B-A35B-Instruct"),
    ("Llama-4-Maverick", "meta-llama/Llama-4-Maverick-17B-128E-Instruct"),
    ("DeepSeek-V3", "deepseek-ai/DeepSeek-V3"),
    ("DeepSeek-R1-0528", "deepseek-ai/DeepSeek-V3"),
    ("gpt-oss-120b", "openai/gpt-oss-120b"),
    ("MiniMax-M2.5", "MiniMaxAI/MiniMax-M2.5"),
    ("Kimi-K2.5", "moonshotai/Kimi-K2.5"),
    ("Nemotron-Nano-12B", "nvidia/NVIDIA-Nemotron-Nano-12B-v2"),
)


def shape_of(name: str) -> Model | None:
    """The shape of a model of the rows; None: not known."""
    for part, full in _NAMES:
        if part in name:
            return next((model for model in EXTRA if model.name == full), None) or find_model(full)
    return None
