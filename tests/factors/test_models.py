"""The table of models, against published sizes and caches."""

from __future__ import annotations

import pytest

from ecoaudit.errors import NotFoundError
from ecoaudit.factors.models import FORMATS, find_model, models
from ecoaudit.sizing.memory import (
    BITS,
    active_parameters,
    kv_bytes_per_token,
    parameters,
    tensors,
    weight_bytes,
)

# Name; parameters tied and untied, and multiplied per token [billions]; KV bytes per token in all
# layers and in those that see all; KV bytes of the windows per sequence. As published or computed
# from the published shape, independently of this code, by a formula that leaves out norms of heads
# and most biases: up to 0.04 % (gpt-oss).
PUBLISHED = [
    ("meta-llama/Llama-3.1-8B-Instruct", 8.03, 8.03, 7.505, 131072, 131072, 0),
    ("meta-llama/Llama-3.1-70B-Instruct", 70.554, 70.554, 69.502, 327680, 327680, 0),
    ("meta-llama/Llama-3.2-1B-Instruct", 1.236, 1.236, 1.236, 32768, 32768, 0),
    ("meta-llama/Llama-3.2-3B-Instruct", 3.213, 3.213, 3.213, 114688, 114688, 0),
    ("meta-llama/Llama-3.3-70B-Instruct", 70.554, 70.554, 69.502, 327680, 327680, 0),
    ("Qwen/Qwen2.5-0.5B-Instruct", 0.494, 0.494, 0.494, 12288, 12288, 0),
    ("Qwen/Qwen2.5-1.5B-Instruct", 1.544, 1.544, 1.544, 28672, 28672, 0),
    ("Qwen/Qwen2.5-3B-Instruct", 3.086, 3.086, 3.086, 36864, 36864, 0),
    ("Qwen/Qwen2.5-7B-Instruct", 7.616, 7.616, 7.07, 57344, 57344, 0),
    ("Qwen/Qwen2.5-14B-Instruct", 13.991, 14.77, 13.991, 196608, 196608, 0),
    ("Qwen/Qwen2.5-32B-Instruct", 31.985, 32.764, 31.985, 262144, 262144, 0),
    ("Qwen/Qwen2.5-72B-Instruct", 72.706, 72.706, 71.459, 327680, 327680, 0),
    ("Qwen/Qwen3-0.6B", 0.596, 0.596, 0.596, 114688, 114688, 0),
    ("Qwen/Qwen3-1.7B", 1.721, 1.721, 1.72, 114688, 114688, 0),
    ("Qwen/Qwen3-4B", 4.022, 4.411, 4.022, 147456, 147456, 0),
    ("Qwen/Qwen3-8B", 8.191, 8.191, 7.568, 147456, 147456, 0),
    ("Qwen/Qwen3-14B", 13.99, 14.768, 13.99, 163840, 163840, 0),
    ("Qwen/Qwen3-32B", 32.762, 32.762, 31.984, 262144, 262144, 0),
    ("Qwen/Qwen3-30B-A3B", 30.532, 30.532, 3.042, 98304, 98304, 0),
    ("google/gemma-2-2b-it", 2.614, 2.614, 2.614, 106496, 53248, 218103808),
    ("google/gemma-2-9b-it", 9.241, 9.241, 9.241, 344064, 172032, 704643072),
    ("google/gemma-2-27b-it", 27.227, 27.227, 27.226, 376832, 188416, 771751936),
    ("google/gemma-3-1b-it", 1.0, 1.0, 1.0, 26624, 4096, 11534336),
    ("google/gemma-3-4b-it", 3.88, 3.88, 3.88, 139264, 20480, 121634816),
    ("google/gemma-3-12b-it", 11.765, 11.765, 11.765, 393216, 65536, 335544320),
    ("google/gemma-3-27b-it", 27.008, 27.008, 27.008, 507904, 81920, 436207616),
    ("google/medgemma-4b-it", 3.88, 3.88, 3.88, 139264, 20480, 121634816),
    ("google/medgemma-27b-text-it", 27.008, 27.008, 27.008, 507904, 81920, 436207616),
    ("microsoft/Phi-3.5-mini-instruct", 3.821, 3.821, 3.722, 393216, 393216, 0),
    ("microsoft/phi-4", 14.66, 14.66, 14.145, 204800, 204800, 0),
    ("microsoft/Phi-4-mini-instruct", 3.836, 3.836, 3.836, 131072, 131072, 0),
    ("mistralai/Mistral-7B-Instruct-v0.3", 7.248, 7.248, 7.114, 131072, 131072, 0),
    ("mistralai/Mistral-Small-24B-Instruct-2501", 23.572, 23.572, 22.901, 163840, 163840, 0),
    ("mistralai/Mistral-Nemo-Instruct-2407", 12.248, 12.248, 11.576, 163840, 163840, 0),
    ("mistralai/Mixtral-8x7B-Instruct-v0.1", 46.703, 46.703, 12.749, 131072, 131072, 0),
    ("openai/gpt-oss-20b", 20.908, 20.908, 3.607, 49152, 24576, 3145728),
    ("openai/gpt-oss-120b", 116.789, 116.789, 5.131, 73728, 36864, 4718592),
    ("deepseek-ai/DeepSeek-R1-Distill-Llama-8B", 8.03, 8.03, 7.505, 131072, 131072, 0),
    ("deepseek-ai/DeepSeek-R1-Distill-Llama-70B", 70.554, 70.554, 69.502, 327680, 327680, 0),
    ("deepseek-ai/DeepSeek-R1-Distill-Qwen-1.5B", 1.544, 1.777, 1.544, 28672, 28672, 0),
    ("deepseek-ai/DeepSeek-R1-Distill-Qwen-7B", 7.071, 7.616, 7.07, 57344, 57344, 0),
    ("deepseek-ai/DeepSeek-R1-Distill-Qwen-14B", 13.991, 14.77, 13.991, 196608, 196608, 0),
    ("deepseek-ai/DeepSeek-R1-Distill-Qwen-32B", 31.985, 32.764, 31.985, 262144, 262144, 0),
    ("HuggingFaceTB/SmolLM2-135M-Instruct", 0.135, 0.135, 0.134, 23040, 23040, 0),
    ("HuggingFaceTB/SmolLM2-360M-Instruct", 0.362, 0.362, 0.362, 40960, 40960, 0),
    ("HuggingFaceTB/SmolLM2-1.7B-Instruct", 1.711, 1.812, 1.711, 196608, 196608, 0),
    ("HuggingFaceTB/SmolLM3-3B", 3.075, 3.075, 3.075, 73728, 73728, 0),
    ("TinyLlama/TinyLlama-1.1B-Chat-v1.0", 1.1, 1.1, 1.034, 22528, 22528, 0),
    ("epfl-llm/meditron-7b", 6.739, 6.739, 6.607, 524288, 524288, 0),
    ("OpenMeditron/Meditron3-70B", 70.554, 70.554, 69.502, 327680, 327680, 0),
    ("BioMistral/BioMistral-7B", 7.242, 7.242, 7.11, 131072, 0, 536870912),
    ("klyang/MentaLLaMA-chat-7B", 6.738, 6.738, 6.607, 524288, 524288, 0),
    ("allenai/OLMo-2-1124-7B-Instruct", 7.298, 7.298, 6.887, 524288, 524288, 0),
    ("allenai/OLMo-2-1124-13B-Instruct", 13.716, 13.716, 13.202, 819200, 819200, 0),
    ("allenai/OLMo-2-0325-32B-Instruct", 32.234, 32.234, 31.719, 262144, 262144, 0),
    ("CohereForAI/aya-expanse-8b", 8.028, 8.028, 8.028, 131072, 131072, 0),
    ("CohereForAI/aya-expanse-32b", 32.297, 32.297, 32.296, 163840, 163840, 0),
    ("deepseek-ai/DeepSeek-V3", 671.026, 671.026, 36.625, 70272, 70272, 0),
    ("deepseek-ai/DeepSeek-R1", 671.026, 671.026, 36.625, 70272, 70272, 0),
    ("Qwen/Qwen3-Next-80B-A3B-Thinking", 79.674, 79.674, 3.562, 24576, 24576, 0),
    ("nvidia/NVIDIA-Nemotron-Nano-9B-v2", 8.888, 8.888, 8.299, 16384, 16384, 0),
    ("ibm-granite/granite-4.0-h-small", 32.207, 32.207, 8.801, 16384, 16384, 0),
]
# Parameters to the last one: totals of the safetensors on the Hugging Face hub (as kept by kvfit),
# or a count of transformers 5.19.0 on the meta device from the same shape (marked T).
EXACT = {
    "meta-llama/Llama-3.1-8B-Instruct": 8_030_261_248,
    "meta-llama/Llama-3.2-1B-Instruct": 1_235_814_400,  # T
    "meta-llama/Llama-3.2-3B-Instruct": 3_212_749_824,
    "meta-llama/Llama-3.3-70B-Instruct": 70_553_706_496,
    "mistralai/Mistral-7B-Instruct-v0.3": 7_248_023_552,
    "mistralai/Mistral-Nemo-Instruct-2407": 12_247_782_400,
    "BioMistral/BioMistral-7B": 7_241_732_096,
    "klyang/MentaLLaMA-chat-7B": 6_738_415_616,  # Llama-2-7B, without 2,048 rotary frequencies
    "Qwen/Qwen2.5-7B-Instruct": 7_615_616_512,
    "Qwen/Qwen2.5-72B-Instruct": 72_706_203_648,
    "Qwen/Qwen3-8B": 8_190_735_360,
    "Qwen/Qwen3-32B": 32_762_123_264,
    "Qwen/Qwen3-30B-A3B": 30_532_122_624,
    "Qwen/Qwen3-Next-80B-A3B-Thinking": 79_674_391_296,  # T, without the multi-token module
    "google/gemma-2-9b-it": 9_241_705_984,
    "google/gemma-2-27b-it": 27_227_128_320,
    "google/gemma-3-1b-it": 999_885_952,  # T
    "microsoft/Phi-3.5-mini-instruct": 3_821_079_552,  # Phi-3-mini
    "microsoft/phi-4": 14_659_507_200,
    "microsoft/Phi-4-mini-instruct": 3_836_021_760,
    "mistralai/Mixtral-8x7B-Instruct-v0.1": 46_702_792_704,  # T
    "allenai/OLMo-2-1124-7B-Instruct": 7_298_617_344,  # T
    "allenai/OLMo-2-0325-32B-Instruct": 32_234_279_936,  # T
    "CohereForAI/aya-expanse-8b": 8_028_033_024,  # T
    "HuggingFaceTB/SmolLM3-3B": 3_075_098_624,  # T
    "openai/gpt-oss-20b": 20_914_757_184,
    "openai/gpt-oss-120b": 116_829_156_672,
    "deepseek-ai/DeepSeek-V3": 671_026_404_352,  # T, main model
    "nvidia/NVIDIA-Nemotron-Nano-9B-v2": 8_888_227_328,
    "ibm-granite/granite-4.0-h-small": 32_207_337_984,
}


@pytest.mark.parametrize(("name", "count"), EXACT.items())
def test_parameters_are_counted_to_the_last_one(name: str, count: int) -> None:
    model = models()[name]
    assert tensors(model).total == count
    # so the weights in 16 bit are within 0.5 % of the published size by a wide margin
    assert weight_bytes(model, "bf16").number == 2 * count


def test_every_model_has_its_published_figures() -> None:
    assert {row[0] for row in PUBLISHED} == set(models())


@pytest.mark.parametrize("row", PUBLISHED, ids=lambda row: str(row[0]))
def test_parameters_and_cache_agree_with_what_is_published(
    row: tuple[str, float, float, float, int, int, int],
) -> None:
    name, tied, untied, active, kv_all, kv_full, kv_window = row
    model = models()[name]
    count = parameters(model)
    assert count.low == pytest.approx(tied * 1e9, rel=5e-4, abs=5.1e5)
    assert count.high == pytest.approx(untied * 1e9, rel=5e-4, abs=5.1e5)
    assert active_parameters(model) == pytest.approx(active * 1e9, rel=1e-4, abs=1.1e6)
    full, windowed = kv_bytes_per_token(model)
    assert full + windowed == kv_all
    assert full == kv_full
    assert windowed * model.window_tokens == kv_window


def test_unknown_tying_leaves_an_interval_and_the_model_usable() -> None:
    count = parameters(find_model("Qwen2.5-14B-Instruct"))
    assert find_model("Qwen2.5-14B-Instruct").tied is None
    assert count.low == pytest.approx(13.991e9, rel=1e-4)
    assert count.value == count.high == pytest.approx(14.770e9, rel=1e-4)


def test_known_wrong_shapes_are_not_in_the_table() -> None:
    # head size is not hidden / heads; context is not what litgpt says; Mistral-Nemo's is 128
    assert find_model("Qwen3-0.6B").head_dim == 128
    assert find_model("gemma-3-4b-it").head_dim == 256
    assert find_model("Mistral-Nemo-Instruct-2407").head_dim == 128
    assert find_model("Phi-3.5-mini-instruct").context_tokens == 131072
    assert find_model("gemma-3-1b-it").context_tokens == 32768


def test_windows_are_those_of_the_published_layers() -> None:
    layers = {
        "openai/gpt-oss-20b": (128, 12, 24),  # every other
        "google/gemma-3-27b-it": (1024, 52, 62),  # five of six
        "google/gemma-2-9b-it": (4096, 21, 42),
        "BioMistral/BioMistral-7B": (4096, 32, 32),  # Mistral-7B-v0.1: all
        "mistralai/Mistral-7B-Instruct-v0.3": (0, 0, 32),
    }
    for name, expected in layers.items():
        model = models()[name]
        assert (model.window_tokens, model.window_layers, model.layers) == expected


def test_layers_of_a_kind_add_up() -> None:
    hybrids = {
        "Qwen/Qwen3-Next-80B-A3B-Thinking": (12, 36, 48, 48),
        "nvidia/NVIDIA-Nemotron-Nano-9B-v2": (4, 27, 25, 0),
        "ibm-granite/granite-4.0-h-small": (4, 36, 40, 40),
    }
    for name, (attention, state, fed, experts) in hybrids.items():
        model = models()[name]
        assert model.state is not None
        assert (model.attention_layers, model.state.layers) == (attention, state)
        assert (model.fed_layers, model.expert_layers) == (fed, experts)
    deepseek = models()["deepseek-ai/DeepSeek-V3"]
    assert (deepseek.attention_layers, deepseek.expert_layers) == (61, 58)


def test_formats_are_those_that_sizing_knows() -> None:
    assert set(BITS) == set(FORMATS)


def test_blank_context_stays_blank() -> None:
    assert find_model("DeepSeek-R1-Distill-Qwen-7B").context_tokens is None


def test_a_model_published_in_one_format_is_taken_in_that_one() -> None:
    assert find_model("gpt-oss-20b").formats(["bf16", "int4"]) == ("mxfp4",)
    assert find_model("Qwen3-8B").formats(["bf16", "int4"]) == ("bf16", "int4")


@pytest.mark.parametrize(
    ("typed", "name"),
    [
        ("meta-llama/Llama-3.1-8B-Instruct", "meta-llama/Llama-3.1-8B-Instruct"),
        ("llama-3.1-8b", "meta-llama/Llama-3.1-8B-Instruct"),
        ("QWEN3-8B", "Qwen/Qwen3-8B"),
        ("phi-4", "microsoft/phi-4"),
    ],
)
def test_names_are_forgiving(typed: str, name: str) -> None:
    assert find_model(typed).name == name


def test_an_unknown_model_names_its_neighbours() -> None:
    with pytest.raises(NotFoundError, match="did you mean 'Qwen/Qwen3-8B'"):
        find_model("Qwen/Qwen3-8B-Base")
