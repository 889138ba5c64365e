"""The table of models, against published sizes and caches."""

from __future__ import annotations

import pytest

from ecoaudit.errors import NotFoundError
from ecoaudit.factors.models import find_model, models
from ecoaudit.sizing.memory import active_parameters, kv_bytes_per_token, parameters

# Name; parameters tied and untied, and multiplied per token [billions]; KV bytes per token in all
# layers and in those that see all; KV bytes of the windows per sequence. As published or computed
# from the published shape, independently of this code.
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
    ("Qwen/Qwen2.5-72B-Instruct", 71.46, 72.706, 71.459, 327680, 327680, 0),
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
    ("microsoft/phi-4", 14.146, 14.66, 14.145, 204800, 204800, 0),
    ("microsoft/Phi-4-mini-instruct", 3.836, 3.836, 3.836, 131072, 131072, 0),
    ("mistralai/Mistral-7B-Instruct-v0.3", 7.248, 7.248, 7.114, 131072, 131072, 0),
    ("mistralai/Mistral-Small-24B-Instruct-2501", 23.572, 23.572, 22.901, 163840, 163840, 0),
    ("mistralai/Mistral-Nemo-Instruct-2407", 11.577, 12.248, 11.576, 163840, 163840, 0),
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
]


def test_every_model_has_its_published_figures() -> None:
    assert {row[0] for row in PUBLISHED} == set(models())


@pytest.mark.parametrize("row", PUBLISHED, ids=lambda row: str(row[0]))
def test_parameters_and_cache_agree_with_what_is_published(
    row: tuple[str, float, float, float, int, int, int],
) -> None:
    name, tied, untied, active, kv_all, kv_full, kv_window = row
    model = models()[name]
    count = parameters(model)
    assert count.low == pytest.approx(tied * 1e9, rel=1e-4, abs=5.1e5)
    assert count.high == pytest.approx(untied * 1e9, rel=1e-4, abs=5.1e5)
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
