"""Weights, KV cache and the rest, from what vLLM prints and counts."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import pytest

from ecoaudit.engines.base import EngineFacts
from ecoaudit.engines.vllm_log import said_in_log
from ecoaudit.estimate import Basis, Estimate
from ecoaudit.factors.models import find_model
from ecoaudit.quantities import UNITS
from ecoaudit.sizing.memory import kv_bytes_per_token, tensors
from ecoaudit.workloads.memory_split import DEFINITIONS, memory_split, parameters

GIB = 2.0**30
# vLLM 0.32.0's CPU build with the toy model; the first line is shortened.
CPU_LOG = """\
(EngineCore pid=22757) INFO 11-23 14:00:19 [core.py:133] Initializing a V1 LLM engine (v0.32.0) \
with config: model='toy', dtype=torch.bfloat16, max_seq_len=2048, tensor_parallel_size=1, \
pipeline_parallel_size=1, data_parallel_size=1, quantization=None, enforce_eager=True, \
kv_cache_dtype=auto, device_config=cpu, seed=0
(Worker pid=22775) INFO 11-23 14:00:32 [cpu_model_runner.py:68] Starting to load model toy...
(Worker pid=22775) INFO 11-23 14:00:32 [base_loader.py:82] Initializing model took 0.163252 seconds
(Worker pid=22775) INFO 11-23 14:00:33 [cpu_worker.py:260] Explicitly set (1.0/14.09) GiB for KV \
cache on node 0.
(EngineCore pid=22757) INFO 11-23 14:00:33 [kv_cache_utils.py:2327] CPU KV cache size: 524,288 \
tokens, Maximum concurrency for 2,048 tokens per request: 256.00x
"""
# Made by hand with the format strings of vLLM 0.32.0's worker/gpu_model_runner.py, gpu_worker.py
# and core/kv_cache_utils.py.
CUDA_LOG = """\
(EngineCore pid=7) INFO 11-23 14:00:19 [core.py:133] Initializing a V1 LLM engine (v0.32.0) with \
config: model='x', dtype=torch.bfloat16, max_seq_len=8192, tensor_parallel_size=1, \
pipeline_parallel_size=1, data_parallel_size=1, quantization=None, kv_cache_dtype=auto, \
device_config=cuda, seed=0
(EngineCore pid=7) INFO 11-23 14:00:25 [gpu_model_runner.py:5149] Model loading took 14.99 GiB \
memory and 6.123456 seconds
(EngineCore pid=7) INFO 11-23 14:00:40 [gpu_worker.py:759] Available KV cache memory: 55.21 GiB
(EngineCore pid=7) INFO 11-23 14:00:40 [kv_cache_utils.py:2327] GPU KV cache size: 452,272 tokens, \
Maximum concurrency for 8,192 tokens per request: 55.21x
(EngineCore pid=7) INFO 11-23 14:00:52 [gpu_model_runner.py:6581] Graph capturing finished in 9 \
secs, took 0.36 GiB
"""
LLAMA_8B = {
    "model_type": "llama",
    "hidden_size": 4096,
    "num_hidden_layers": 32,
    "vocab_size": 128256,
    "num_attention_heads": 32,
    "num_key_value_heads": 8,
    "intermediate_size": 14336,
    "tie_word_embeddings": False,
}
TOY = {
    "model_type": "llama",
    "hidden_size": 256,
    "num_hidden_layers": 4,
    "vocab_size": 2048,
    "num_attention_heads": 8,
    "num_key_value_heads": 4,
    "intermediate_size": 688,
    "tie_word_embeddings": False,
}


def facts(
    log: str, config: Mapping[str, Any] | None = None, weights: str = "bf16", **more: Any
) -> EngineFacts:
    settings = {"model_config": config or {}, **said_in_log(log), **more}
    return EngineFacts(
        "vllm", "0.32.0", "http://127.0.0.1:1", "m", "m", weights, True, 2048, True,
        settings=settings,
    )  # fmt: skip


def seen(**figures: float) -> dict[str, Estimate]:
    return {
        name: Estimate.exact(value, UNITS[name], Basis.MEASURED, "sampled in the window")
        for name, value in figures.items()
    }


def test_a_gpu_server_as_its_log_tells_it() -> None:
    found = memory_split(
        facts(CUDA_LOG), {}, seen(kv_cache_use_peak=0.1, peak_gpu_memory_bytes=73.0 * GIB)
    )
    weights, reserved = found["weights_memory_bytes"], found["kv_cache_reserved_bytes"]
    assert weights.numbers == pytest.approx((14.99 * GIB, 14.985 * GIB, 14.995 * GIB))
    assert weights.source == "vLLM's log, 'Model loading took'"
    assert reserved.numbers == pytest.approx((55.21 * GIB, 55.205 * GIB, 55.215 * GIB))
    assert found["kv_cache_used_bytes"].number == pytest.approx(5.521 * GIB)
    assert found["memory_overhead_bytes"].number == pytest.approx((73 - 14.99 - 55.21) * GIB)
    assert found["memory_overhead_bytes"].basis is Basis.MODELLED
    assert {found[name].basis for name in found} == {Basis.MEASURED, Basis.MODELLED}
    assert found.keys() == DEFINITIONS.keys()
    assert {name: UNITS[name] for name in found} == dict.fromkeys(found, "bytes")


def test_a_cpu_server_whose_log_has_no_size_of_the_weights() -> None:
    # the toy model: 2 x 2048 x 256 + 4 x (3 x 256 x 688 + 2 x 256^2 + 2 x 256 x 128 + 512) + 256
    cache = {"kv_cache_memory_bytes": "1073741824", "kv_cache_size_tokens": "524288"}
    peaks = seen(kv_cache_use_peak=0.02, peak_host_memory_bytes=3.2e9, peak_gpu_memory_bytes=9e9)
    found = memory_split(facts(CPU_LOG, TOY), cache, peaks)
    weights = found["weights_memory_bytes"]
    assert weights.number == 2 * 3_950_848
    assert weights.basis is Basis.MODELLED
    assert weights.source == "3,950,848 parameters by the shape in config.json x 2 bytes"
    assert found["kv_cache_reserved_bytes"].number == GIB
    assert found["kv_cache_reserved_bytes"].source == (
        "vLLM /metrics, kv_cache_memory_bytes of cache_config_info"
    )
    assert found["kv_cache_used_bytes"].number == pytest.approx(0.02 * GIB)
    rest = found["memory_overhead_bytes"]
    assert rest.number == pytest.approx(3.2e9 - GIB - 2 * 3_950_848)
    assert "peak_host_memory_bytes: ecoaudit's process tree" in rest.source


def test_the_log_stands_in_for_a_server_without_metrics() -> None:
    found = memory_split(facts(CPU_LOG, TOY), {}, {})
    assert found["kv_cache_reserved_bytes"].numbers == (GIB, 0.995 * GIB, 1.005 * GIB)
    assert found["kv_cache_used_bytes"].source == "the engine's KV cache was not watched"
    assert found["memory_overhead_bytes"].source == "peak_host_memory_bytes was not measured"


def test_the_tokens_of_the_cache_times_the_bytes_of_one() -> None:
    # 2 x 4 layers x 4 heads x 32 channels x 2 bytes = 2,048 bytes a token: 1 GiB, as vLLM says
    older = CPU_LOG.replace("Explicitly set", "Set")
    found = memory_split(facts(older, TOY), {"kv_cache_size_tokens": "524288"}, {})
    assert found["kv_cache_reserved_bytes"].number == GIB
    assert found["kv_cache_reserved_bytes"].basis is Basis.MODELLED
    blocks = {"num_gpu_blocks": "4096", "block_size": "128"}
    by_blocks = memory_split(facts(older, TOY), blocks, {})
    assert by_blocks["kv_cache_reserved_bytes"].number == GIB
    halved = memory_split(facts(older.replace("dtype=auto", "dtype=fp8"), TOY), blocks, {})
    assert halved["kv_cache_reserved_bytes"].number == GIB / 2


def test_several_gpus_hold_a_part_each() -> None:
    two = CUDA_LOG.replace("tensor_parallel_size=1", "tensor_parallel_size=2")
    found = memory_split(facts(two), {}, {})
    assert found["weights_memory_bytes"].number == pytest.approx(2 * 14.99 * GIB)
    assert found["weights_memory_bytes"].source.endswith("on each of 2 devices")
    other = "\n(Worker_TP1 pid=8) INFO [gpu_model_runner.py:1] Model loading took 15.01 GiB memory"
    other += "\n(Worker_TP1 pid=8) INFO [gpu_worker.py:1] Available KV cache memory: 54.00 GiB"
    each = memory_split(facts(two + other), {}, {})
    assert each["weights_memory_bytes"].number == pytest.approx(30.0 * GIB)
    assert each["kv_cache_reserved_bytes"].number == pytest.approx(2 * 54.0 * GIB)
    three = memory_split(facts(two + other + other), {}, {})["weights_memory_bytes"]
    assert not three.known
    assert "3 lines for 2 devices" in three.source


def test_what_is_not_known_is_absent_with_its_reason() -> None:
    found = memory_split(facts("", TOY), {}, seen(peak_host_memory_bytes=3e9))
    assert {name: estimate.value for name, estimate in found.items()} == dict.fromkeys(found)
    assert "no plain shape" in found["weights_memory_bytes"].source  # nor a dtype in the log
    assert "did not say its size" in found["kv_cache_reserved_bytes"].source
    assert "on what device it serves" in found["memory_overhead_bytes"].source
    in_int4 = memory_split(facts(CPU_LOG, LLAMA_8B, weights="int4"), {}, {})
    assert "in int4 they cannot be counted" in in_int4["weights_memory_bytes"].source
    odd = memory_split(facts(CPU_LOG, {**TOY, "model_type": "mamba"}), {}, {})
    assert not odd["weights_memory_bytes"].known


def test_a_peak_below_what_is_reserved_is_no_negative_rest() -> None:
    peak = seen(peak_gpu_memory_bytes=60.0 * GIB)
    rest = memory_split(facts(CUDA_LOG), {}, peak)["memory_overhead_bytes"]
    assert rest.value is None
    assert "never touched" in rest.source


@pytest.mark.parametrize(
    ("name", "more"),
    [
        ("meta-llama/Llama-3.1-8B", {}),
        (
            "Qwen/Qwen2.5-7B",
            {
                "model_type": "qwen2",
                "hidden_size": 3584,
                "num_hidden_layers": 28,
                "vocab_size": 152064,
                "num_attention_heads": 28,
                "num_key_value_heads": 4,
                "intermediate_size": 18944,
            },
        ),
    ],
)
def test_the_shape_gives_the_same_as_the_planners_formula(name: str, more: dict[str, Any]) -> None:
    model = find_model(name)
    counted = parameters({**LLAMA_8B, **more})
    assert counted is not None
    assert counted == pytest.approx(tensors(model).total, rel=2e-5)  # that leaves the last norm out
    found = memory_split(
        facts(CPU_LOG.replace("Explicitly", ""), {**LLAMA_8B, **more}),
        {"kv_cache_size_tokens": "1000"},
        {},
    )
    assert found["kv_cache_reserved_bytes"].number == 1000 * sum(kv_bytes_per_token(model))


def test_llama_3_8b_as_a_vllm_log_has_it() -> None:
    # 14.96 GiB: vllm-project/vllm pull request 10511
    counted = parameters(LLAMA_8B)
    assert counted == 8_030_261_248
    assert 2 * counted / GIB == pytest.approx(14.96, abs=0.005)
