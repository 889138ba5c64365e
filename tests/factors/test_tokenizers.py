"""Which counted tokenizers stand for a model's own."""

from __future__ import annotations

import re

import pytest

from ecoaudit.errors import NotFoundError
from ecoaudit.factors.models import models
from ecoaudit.factors.tokenizers import COUNTED, counted, named, tokenizer_of

SMALL = ("gpt2_50k", "mistral_v1_32k", "claude_legacy_65k")
MODERN = ("cl100k", "deepseek_128k", "tekken_131k", "qwen_151k", "o200k")


@pytest.mark.parametrize(
    ("model", "vocabulary", "columns"),
    [
        ("qwen2", 151_936, ("qwen_151k",)),
        ("qwen3_moe", 151_936, ("qwen_151k",)),
        ("Qwen/Qwen2.5-7B-Instruct", 152_064, ("qwen_151k",)),
        ("qwen3_5", 248_320, MODERN),  # a tokenizer of its own
        ("mistral", 32_768, ("mistral_v1_32k",)),
        ("mixtral", 32_000, ("mistral_v1_32k",)),
        ("mistral", 131_072, ("tekken_131k",)),
        ("deepseek_v3", 129_280, ("deepseek_128k",)),
        ("deepseek_v2", 102_400, MODERN),  # another one than V3's
        # named after two families, and with the tokenizer of one
        ("deepseek-ai/DeepSeek-R1-Distill-Qwen-7B", 152_064, ("qwen_151k",)),
        ("deepseek-ai/DeepSeek-R1-Distill-Llama-8B", 128_256, MODERN),
        ("openai/gpt-oss-20b", 201_088, ("o200k",)),
        ("gpt_oss", 201_088, ("o200k",)),
        ("phi3", 100_352, ("cl100k",)),
        ("olmo2", 100_352, MODERN),  # the same size, another family
        ("opt", 50_272, ("gpt2_50k",)),
        ("llama", 128_256, MODERN),
        ("gemma3", 262_208, MODERN),
        ("llama", 32_000, SMALL),
        ("phi3", 32_064, SMALL),
        ("llama", 2048, MODERN),  # the toy model
        ("", None, MODERN),
        ("Qwen/Qwen2.5-7B-Instruct", None, MODERN),  # the family alone does not tell
    ],
)
def test_family_and_size_tell_the_tokenizer(
    model: str, vocabulary: int | None, columns: tuple[str, ...]
) -> None:
    assert tokenizer_of(model, vocabulary).columns == columns


def test_the_name_says_why() -> None:
    assert tokenizer_of("qwen3", 151_936).name == "Qwen"
    assert tokenizer_of("llama", 128_256).name == (
        "128,256 tokens, not counted: the range of 5 that were, of at least 100,000 tokens"
    )
    assert tokenizer_of("llama", 32_000).name == (
        "32,000 tokens, not counted: the range of 3 that were, under 100,000 tokens"
    )
    assert tokenizer_of().name == (
        "not known, so not counted: the range of 5 that were, of at least 100,000 tokens"
    )


def test_models_of_the_table_have_a_tokenizer() -> None:
    found = {model.name: tokenizer_of(model.name, model.vocab) for model in models().values()}
    assert sum(len(each.columns) == 1 for each in found.values()) >= 20
    assert found["mistralai/Mistral-Nemo-Instruct-2407"] == counted("tekken_131k")
    assert found["microsoft/Phi-4-mini-instruct"] == counted("o200k")


def test_an_unknown_column_is_refused() -> None:
    with pytest.raises(NotFoundError, match="no tokenizer 'tekken' was counted; did you mean"):
        counted("tekken")


@pytest.mark.parametrize(
    ("name", "column"),
    [
        ("tekken", "tekken_131k"),
        ("Mistral Tekken", "tekken_131k"),
        ("qwen", "qwen_151k"),
        ("Qwen3", "qwen_151k"),
        ("o200k", "o200k"),
        ("o200k_base", "o200k"),
        ("GPT-4o", "o200k"),
        ("gpt-oss", "o200k"),
        ("gpt-4", "cl100k"),
        ("cl100k_base", "cl100k"),
        ("deepseek", "deepseek_128k"),
        ("gpt-2", "gpt2_50k"),
        ("claude", "claude_legacy_65k"),
        ("mistral-v3", "mistral_v1_32k"),
        *((column, column) for column in COUNTED),
        *((each.name, column) for column, each in COUNTED.items()),
    ],
)
def test_a_counted_tokenizer_is_found_by_the_names_that_people_type(name: str, column: str) -> None:
    assert named(name) == counted(column)


@pytest.mark.parametrize(
    ("name", "message"),
    [
        ("mistral", "tokenizer 'mistral' could be 'mistral_v1_32k', 'tekken_131k'; name one"),
        ("teken", "no tokenizer 'teken' in the table; did you mean 'tekken_131k'?"),
        ("llama", "no tokenizer 'llama' in the table; known: cl100k, "),
    ],
)
def test_a_tokenizer_that_was_not_counted_is_refused(name: str, message: str) -> None:
    with pytest.raises(NotFoundError, match=re.escape(message)):
        named(name)
