"""A text of the user's: counted, and nothing of it told."""

from __future__ import annotations

import unicodedata
from dataclasses import asdict
from pathlib import Path

import pytest

from ecoaudit.errors import FileFormatError, NotFoundError
from ecoaudit.factors.tokenizer_files import TokenizerFile, read_tokenizer
from ecoaudit.planning.own_text import count_text
from tests.factors.tokenizer_makers import tokenizer_json

VIETNAMESE = "Người bệnh không ngủ được"


@pytest.fixture
def tokenizer(tmp_path: Path) -> TokenizerFile:
    """A token for each byte of UTF-8, but one for ``th``."""
    return read_tokenizer(str(tokenizer_json(tmp_path / "tokenizer.json")))


def test_a_composed_text_is_counted_without_a_doubt(
    tmp_path: Path, tokenizer: TokenizerFile
) -> None:
    text = tmp_path / "mine.txt"
    text.write_text(unicodedata.normalize("NFC", VIETNAMESE), "utf-8")
    found = count_text(text, [tokenizer])
    assert (found.file, found.size_bytes, found.characters, found.words) == ("mine.txt", 37, 25, 5)
    (count,) = found.counts
    assert (count.tokens, count.avoidable) == (37, 0)
    assert (count.per_word, count.per_character) == (7.4, 1.48)
    assert found.doubts == ()


def test_a_decomposed_text_is_doubted_with_what_is_avoidable(
    tmp_path: Path, tokenizer: TokenizerFile
) -> None:
    text = tmp_path / "mine.txt"
    text.write_text(unicodedata.normalize("NFD", VIETNAMESE), "utf-8")
    found = count_text(text, [tokenizer])
    assert (found.characters, found.composed_characters) == (35, 25)
    (count,) = found.counts
    assert count.tokens == len(text.read_bytes()) == 46
    assert count.avoidable == 9
    (said,) = found.doubts
    assert said.code == "decomposed-text"
    assert "in 10 places; avoidable: 9 of 46 tokens (20%) by " in said.message
    assert "NFC" in said.remedy
    told = unicodedata.normalize("NFC", f"{asdict(found)} {said}")
    assert not [word for word in VIETNAMESE.split() if unicodedata.normalize("NFC", word) in told]
    (alone,) = count_text(text).doubts
    assert "a tokenizer's file would tell" in alone.message


def test_a_tokenizer_that_composes_by_itself_is_not_doubted(tmp_path: Path) -> None:
    text = tmp_path / "mine.txt"
    text.write_text(unicodedata.normalize("NFD", VIETNAMESE), "utf-8")
    composing = read_tokenizer(str(tokenizer_json(tmp_path / "tokenizer.json", compose=True)))
    found = count_text(text, [composing])
    assert (found.counts[0].tokens, found.counts[0].avoidable) == (37, 0)
    assert found.doubts == ()


@pytest.mark.parametrize(
    ("content", "said"),
    [
        (b"Geheimnis \xe4", "mine.txt: not UTF-8 at byte 10; save the text as UTF-8"),
        (b"", "mine.txt: holds no text"),
        (b"\xef\xbb\xbf \n", "mine.txt: holds no text"),
    ],
)
def test_a_text_that_cannot_be_read_is_refused_without_a_word_of_it(
    tmp_path: Path, content: bytes, said: str
) -> None:
    path = tmp_path / "mine.txt"
    path.write_bytes(content)
    with pytest.raises(FileFormatError) as caught:
        count_text(path)
    assert said in str(caught.value)
    assert "Geheimnis" not in str(caught.value)
    assert caught.value.__cause__ is None


def test_a_text_that_is_not_there_is_refused(tmp_path: Path) -> None:
    with pytest.raises(NotFoundError, match="no such file; give a text file in UTF-8"):
        count_text(tmp_path / "gone.txt")
