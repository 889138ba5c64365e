"""The table of languages, and how a code finds its row."""

from __future__ import annotations

import math

import pytest

from ecoaudit.errors import NotFoundError
from ecoaudit.estimate import Basis
from ecoaudit.factors.languages import (
    ENGLISH,
    Language,
    find_language,
    language_named,
    languages,
    token_premium,
    token_ratio,
)
from ecoaudit.factors.tokenizers import COUNTED, Tokenizer, named, tokenizer_of

ALL = list(languages().values())


def test_the_table_is_whole() -> None:
    assert len(ALL) == 204
    assert list(languages()[ENGLISH].tokens) == list(COUNTED)
    assert [fact.value for fact in languages()[ENGLISH].tokens.values()] == [
        *(25741, 28495, 26176, 25801, 25695, 26478, 26255, 25536)
    ]


@pytest.mark.parametrize("language", ALL, ids=lambda each: each.flores)
def test_every_row_is_sane_and_is_found_by_its_own_codes(language: Language) -> None:
    assert len(language.tokens) == 8
    for column, fact in language.tokens.items():
        assert 0.9 < fact.value / languages()[ENGLISH].tokens[column].value < 19, column
        assert fact.unit == "tokens"
        assert fact.year == 2026
        assert "FLORES-200" in fact.source
        assert language.flores in fact.source
    assert language.flores.split("_")[1] == language.script
    assert find_language(language.flores) is language
    assert find_language(language.tag) is language
    for code in language.codes:
        if language.usual_script:
            assert find_language(code) is language
        elif "-" not in code:
            assert language.tag.partition("-")[0] in language.codes


# By hand from the counts. Petrov et al. (arXiv:2305.15425) have 1.55, 4.79 and 1.95 too, for cl100k
# and Spanish, Hindi and Swahili.
@pytest.mark.parametrize(
    ("language", "tokenizer", "premium"),
    [
        ("am", "gpt2_50k", 7.81),
        ("am", "mistral_v1_32k", 6.55),
        ("am", "claude_legacy_65k", 8.20),
        ("am", "cl100k", 7.72),
        ("am", "deepseek_128k", 6.07),
        ("am", "tekken_131k", 7.54),
        ("am", "qwen_151k", 4.11),
        ("am", "o200k", 5.88),
        ("km", "tekken_131k", 14.88),
        ("km", "o200k", 3.35),
        ("hi", "cl100k", 4.79),
        ("hi", "tekken_131k", 1.79),
        ("hi", "qwen_151k", 4.45),
        ("es", "cl100k", 1.55),
        ("sw", "cl100k", 1.95),
        ("quy", "o200k", 1.82),
        ("zh", "deepseek_128k", 0.96),
    ],
)
def test_premiums_are_the_quotients_of_the_counts(
    language: str, tokenizer: str, premium: float
) -> None:
    found = token_premium(language, tokenizer)
    assert found.number == pytest.approx(premium, abs=0.005)
    assert found.low == found.high == found.value
    assert (found.unit, found.basis) == ("", Basis.CONSTANT)


def test_of_a_tokenizer_that_was_not_counted_the_range_is_given() -> None:
    # Spanish by cl100k, DeepSeek, Tekken, Qwen, o200k
    ratios = [39931 / 25801, 38437 / 25695, 34838 / 26478, 40034 / 26255, 33584 / 25536]
    for tokenizer in (tokenizer_of("llama", 128_256), tokenizer_of()):
        found = token_premium("es", tokenizer)
        assert found.number == pytest.approx(math.prod(ratios) ** 0.2)
        assert (found.low, found.high) == (min(ratios), max(ratios))
        assert found.basis is Basis.MODELLED
        assert tokenizer.name in found.source


def test_english_is_the_measure() -> None:
    tokenizers: list[Tokenizer | str] = [tokenizer_of(), tokenizer_of("phi3", 32_064), *COUNTED]
    for tokenizer in tokenizers:
        found = token_premium("en", tokenizer)
        assert (found.value, found.low, found.high, found.basis) == (1, 1, 1, Basis.CONSTANT)


@pytest.mark.parametrize(
    ("code", "flores"),
    [
        ("en", "eng_Latn"),
        ("en-GB", "eng_Latn"),
        ("ES", "spa_Latn"),
        ("es-419", "spa_Latn"),
        ("swh_Latn", "swh_Latn"),
        ("swh", "swh_Latn"),
        ("sw", "swh_Latn"),
        ("qu", "quy_Latn"),
        ("no", "nob_Latn"),
        ("tl", "tgl_Latn"),
        ("fil", "tgl_Latn"),
        ("ar", "arb_Arab"),
        ("ar-Latn", "arb_Latn"),
        ("zh", "zho_Hans"),
        ("zh-CN", "zho_Hans"),
        ("zh_hant", "zho_Hant"),
        ("zh-TW", "zho_Hant"),
        ("zh-Hans-TW", "zho_Hans"),
        ("fa", "pes_Arab"),
        ("fa-AF", "prs_Arab"),
        ("ku", "kmr_Latn"),
        ("ku-Arab", "ckb_Arab"),
        ("min", "min_Latn"),
    ],
)
def test_codes_are_read_as_people_write_them(code: str, flores: str) -> None:
    assert find_language(code).flores == flores


@pytest.mark.parametrize(
    ("code", "message"),
    [
        ("swx", r"no language 'swx' among those of FLORES-200; did you mean .*'sw'.* Take a"),
        ("english", r"no language 'english' among those of FLORES-200; "),
        ("en-x-private", r"no language 'en-x-private' among"),
        ("sr-Latn", r"language 'sr-Latn': only sr-Cyrl was counted; name the script"),
        ("zh-Latn", r"language 'zh-Latn': only zh-Hans or zh-Hant was counted"),
        # the likely script of the CLDR is another one than that of the only row
        ("tzm", r"language 'tzm': only tzm-Tfng was counted; name the script"),
        ("crh", r"language 'crh': only crh-Latn was counted; name the script"),
    ],
)
def test_what_was_not_counted_is_refused(code: str, message: str) -> None:
    with pytest.raises(NotFoundError, match=message):
        token_premium(code, tokenizer_of())


# users.md, story 4: within 1 %, by the names that people type.
@pytest.mark.parametrize(
    ("language", "premiums"),
    [
        ("Amharic", (7.54, 4.11, 5.88)),
        ("Khmer", (14.88, 6.64, 3.35)),
        ("Hindi", (1.79, 4.45, 1.58)),
    ],
)
def test_premiums_by_the_names_that_people_type(
    language: str, premiums: tuple[float, float, float]
) -> None:
    code = language_named(language).flores
    for name, premium in zip(("tekken", "qwen", "o200k"), premiums, strict=True):
        assert token_premium(code, named(name)).number == pytest.approx(premium, rel=0.01)


def test_a_ratio_of_two_languages_is_taken_by_one_tokenizer_at_a_time() -> None:
    # Amharic over Khmer by cl100k, DeepSeek, Tekken, Qwen, o200k
    amharic, khmer = languages()["amh_Ethi"].tokens, languages()["khm_Khmr"].tokens
    columns = ("cl100k", "deepseek_128k", "tekken_131k", "qwen_151k", "o200k")
    ratios = [amharic[column].value / khmer[column].value for column in columns]
    found = token_ratio("am", "km", tokenizer_of("llama", 128_256))
    assert (found.low, found.high) == (min(ratios), max(ratios))
    assert found.number == pytest.approx(math.prod(ratios) ** 0.2)
    assert token_ratio("am", "km", "qwen_151k").number == pytest.approx(107935 / 174293, rel=0.01)
    for tokenizer in (tokenizer_of(), "qwen_151k"):
        assert token_ratio("am", "en", tokenizer) == token_premium("am", tokenizer)
        assert token_ratio("am", "am", tokenizer).numbers == (1, 1, 1)


@pytest.mark.parametrize(
    ("text", "flores"),
    [
        ("Amharic", "amh_Ethi"),
        ("khmer", "khm_Khmr"),
        ("English", "eng_Latn"),
        ("Quechua", "quy_Latn"),
        ("Arabic", "arb_Arab"),
        ("Standard Arabic", "arb_Arab"),
        (" sw ", "swh_Latn"),
        ("zh-TW", "zho_Hant"),
    ],
)
def test_a_language_is_found_by_its_name_too(text: str, flores: str) -> None:
    assert language_named(text).flores == flores


@pytest.mark.parametrize(
    ("text", "message"),
    [
        (
            "Chinese",
            r"'Chinese' could be yue-Hant \(Yue Chinese\), zh-Hans .* name one by its code",
        ),
        ("Swahilli", r"no language 'Swahilli'; did you mean 'Swahili' \(sw-Latn\)"),
        ("swx", r"no language 'swx' among those of FLORES-200"),
        ("Klingon", r"no language 'Klingon' among those of FLORES-200"),
    ],
)
def test_a_name_that_no_language_has_names_near_ones(text: str, message: str) -> None:
    with pytest.raises(NotFoundError, match=message):
        language_named(text)
