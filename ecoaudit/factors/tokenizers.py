"""Tokenizers whose tokens were counted, and which of them stand for a model's own."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

from ecoaudit.errors import NotFoundError, did_you_mean
from ecoaudit.factors.names import find


@dataclass(frozen=True, slots=True)
class Counted:
    """A tokenizer with a column in the table of languages.

    Attributes:
        name: for people.
        vocabulary: size, without control tokens [tokens].
        families: words in a model's type or name that tell its family.
        sizes: ``vocab_size`` in the configurations of models of these families that have it: with
            control tokens, and filled up.
        others: other names that people type.
    """

    name: str
    vocabulary: int
    families: tuple[str, ...] = ()
    sizes: frozenset[int] = frozenset()
    others: tuple[str, ...] = ()


# By column. cl100k and Qwen agree within 1 % with the counts of Petrov et al. (arXiv:2305.15425);
# the split pattern of o200k is confirmed by nobody else's. OPT has GPT-2's (arXiv:2205.01068),
# Mistral's v3 of 32,768 is v1 with control tokens, Phi-4 has tiktoken's 100k filled up to 100,352
# (arXiv:2412.08905), Phi-4-mini o200k_base (arXiv:2503.01743), gpt-oss that with control tokens.
COUNTED: Final[dict[str, Counted]] = {
    "gpt2_50k": Counted(
        "GPT-2", 50_257, ("gpt2", "opt"), frozenset({50_257, 50_272}), ("gpt2", "r50k_base")
    ),
    "mistral_v1_32k": Counted(
        "Mistral v1", 32_000, ("mistral", "mixtral"), frozenset({32_000, 32_768}), ("Mistral v3",)
    ),
    "claude_legacy_65k": Counted("Claude (legacy)", 65_000),
    "cl100k": Counted(
        "cl100k_base", 100_256, ("phi",), frozenset({100_352}), ("GPT-4", "GPT-3.5", "Phi-4")
    ),
    "deepseek_128k": Counted(
        "DeepSeek-V3", 128_000, ("deepseek",), frozenset({129_280}), ("DeepSeek R1",)
    ),
    "tekken_131k": Counted(
        "Mistral Tekken",
        131_072,
        ("mistral", "ministral", "pixtral"),
        frozenset({131_072}),
    ),
    "qwen_151k": Counted(
        "Qwen", 151_643, ("qwen",), frozenset({151_643, 151_936, 152_064}), ("Qwen2.5", "Qwen3")
    ),
    "o200k": Counted(
        "o200k_base",
        199_998,
        ("gpt_oss", "phi"),
        frozenset({200_064, 201_088}),
        ("GPT-4o", "gpt-oss", "harmony", "Phi-4-mini"),
    ),
}
MODERN: Final = 100_000  # vocabularies from here on are taken for those of today's models [tokens]
SMALLEST: Final = 32_000  # under this a vocabulary is a toy's and tells nothing [tokens]


@dataclass(frozen=True, slots=True)
class Tokenizer:
    """The counted tokenizers that stand for a model's own.

    Attributes:
        columns: of the table of languages; several where the model's own was not counted.
        name: for people, and why these.
    """

    columns: tuple[str, ...]
    name: str


def counted(column: str) -> Tokenizer:
    """One counted tokenizer by its column.

    Raises:
        NotFoundError: there is no such column; the message lists near ones.
    """
    if column not in COUNTED:
        raise NotFoundError(f"no tokenizer {column!r} was counted; {did_you_mean(column, COUNTED)}")
    return Tokenizer((column,), COUNTED[column].name)


def named(name: str) -> Tokenizer:
    """One counted tokenizer by a name as people write it: ``tekken``, ``o200k``, ``GPT-4``.

    Raises:
        NotFoundError: none, or more than one; the message lists near ones.
    """
    names = {key: (each.name, *each.others) for key, each in COUNTED.items()}
    return counted(find(name, names, "tokenizer"))


def tokenizer_of(model: str = "", vocabulary: int | None = None) -> Tokenizer:
    """The counted tokenizers that stand for a model's own.

    The model's own where family and size of the vocabulary say so; else all of 100,000 tokens and
    over, or, for a model with a vocabulary under that, all under it.

    Args:
        model: ``model_type`` of its configuration, else its Hugging Face id.
        vocabulary: ``vocab_size`` of its configuration [tokens]; None: not known.
    """
    words = model.lower().replace("-", "_")
    for column, each in COUNTED.items():
        if vocabulary in each.sizes and any(family in words for family in each.families):
            return counted(column)
    if vocabulary is None or vocabulary < SMALLEST:
        what, small = "not known, so not counted", False
    else:
        what, small = f"{vocabulary:,} tokens, not counted", vocabulary < MODERN
    columns = [key for key, each in COUNTED.items() if (each.vocabulary < MODERN) == small]
    size = f"{'under' if small else 'of at least'} {MODERN:,} tokens"
    return Tokenizer(tuple(columns), f"{what}: the range of {len(columns)} that were, {size}")
