"""Tokenizers from their files: tokens of concrete texts, and files that are none."""

from __future__ import annotations

import json
import sys
from itertools import pairwise
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from ecoaudit.errors import FileFormatError, NotFoundError, UsageError
from ecoaudit.factors.tokenizer_files import is_tokenizer_file, merged, read_tokenizer
from tests.factors.tokenizer_makers import sentencepiece_model, tekken_json, tokenizer_json


def test_a_hugging_face_file_counts_the_whole_text_without_control_tokens(tmp_path: Path) -> None:
    found = read_tokenizer(str(tokenizer_json(tmp_path / "tokenizer.json")))
    assert found.name == f"{tmp_path.name}/tokenizer.json"
    assert found.count("the the") == 5  # th e blank th e: neither cut at four nor filled up
    assert found.count("é") == 2
    assert found.count("e\u0301") == 3


def test_a_tekken_file_joins_bytes_by_rank(tmp_path: Path) -> None:
    path = tekken_json(tmp_path / "tekken.json", (b"he", b"th", b"the", b" 1"))
    count = read_tokenizer(str(path)).count
    assert count("the") == 1  # a word that is a token
    assert count("thex") == 2  # he first, then the: the x
    assert count("th") == 1
    assert count(" 1") == 1
    assert count("never used") == 10  # its bytes
    assert count("") == 0
    assert count("ሰ") == 3  # no joint: its bytes


def test_a_sentencepiece_file_counts(tmp_path: Path) -> None:
    found = read_tokenizer(str(sentencepiece_model(tmp_path / "tokenizer.model")))
    assert found.count("abba") == 5  # the letters, and the blank that it puts in front


def test_the_folder_of_a_model_is_enough(tmp_path: Path) -> None:
    tekken_json(tmp_path / "tekken.json")
    assert read_tokenizer(str(tmp_path)).name.endswith("tekken.json")
    tokenizer_json(tmp_path / "tokenizer.json")
    assert read_tokenizer(str(tmp_path)).name.endswith("tokenizer.json")
    assert is_tokenizer_file(str(tmp_path))


def test_a_folder_without_one_is_no_file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    Path("qwen").mkdir()
    assert not is_tokenizer_file("qwen")
    assert is_tokenizer_file("gone/tokenizer.json")
    with pytest.raises(NotFoundError, match=r"qwen: no tokenizer\.json, tekken\.json or"):
        read_tokenizer("qwen")
    with pytest.raises(NotFoundError, match=r"gone/tokenizer\.json: no such file; give tokenizer"):
        read_tokenizer("gone/tokenizer.json")


@pytest.mark.parametrize(
    ("name", "content", "said"),
    [
        ("tokenizer.json", b"\xff\xfe", "not JSON"),
        ("tokenizer.json", b"[" * 100_000, "not JSON"),
        ("tokenizer.json", b"[1]", "not a tokenizer"),
        ("tokenizer.json", b'{"model": {"type": "none"}}', "not a tokenizer ("),
        ("tekken.json", b'{"config": {}, "vocab": []}', "not a tekken.json (KeyError"),
        ("tokenizer.model", b"", "not a SentencePiece model"),
        ("tokenizer.model", b"IQ== 0\nIg== 1\n", "not a SentencePiece model"),
    ],
)
def test_what_is_no_tokenizer_is_refused(
    tmp_path: Path, name: str, content: bytes, said: str
) -> None:
    path = tmp_path / name
    path.write_bytes(content)
    with pytest.raises(FileFormatError) as caught:
        read_tokenizer(str(path))
    assert str(caught.value).startswith(f"{path}: {said}")
    assert "give tokenizer.json" in str(caught.value)


@pytest.mark.parametrize("pattern", ["(", 7])
def test_a_tekken_file_that_is_broken_is_refused(tmp_path: Path, pattern: object) -> None:
    path = tekken_json(tmp_path / "tekken.json")
    data = json.loads(path.read_text())
    if pattern == 7:
        data["vocab"] = data["vocab"][:50]
        path.write_text(json.dumps(data))
    else:
        tekken_json(path, pattern=pattern)
    with pytest.raises(FileFormatError, match=r"not a tekken\.json"):
        read_tokenizer(str(path))


@pytest.mark.parametrize(
    ("name", "package"),
    [("tokenizer.json", "tokenizers"), ("tekken.json", "tokenizers"), ("x.model", "sentencepiece")],
)
def test_a_missing_package_is_named_with_its_remedy(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, name: str, package: str
) -> None:
    path = tmp_path / name
    tekken_json(path) if name == "tekken.json" else path.write_text('{"model": {}}')
    monkeypatch.setitem(sys.modules, package, None)
    with pytest.raises(UsageError, match=rf"the package {package} .* `pip install {package}`"):
        read_tokenizer(str(path))


def _merged_slowly(word: bytes, ranks: dict[bytes, int]) -> int:
    """Byte-pair merging as it is written down."""
    if word in ranks:
        return 1
    parts = [bytes([byte]) for byte in word]
    while True:
        joints = [a + b for a, b in pairwise(parts)]
        best = min((ranks[joint] for joint in joints if joint in ranks), default=None)
        if best is None:
            return len(parts)
        place = next(at for at, joint in enumerate(joints) if ranks.get(joint) == best)
        parts[place : place + 2] = [joints[place]]


_PIECES = st.lists(st.text("ab c", min_size=2, max_size=5), max_size=25, unique=True)


@settings(max_examples=300, deadline=None)
@given(word=st.text("abc ", min_size=1, max_size=30), pieces=_PIECES)
def test_merging_gives_what_its_definition_gives(word: str, pieces: list[str]) -> None:
    single = {letter.encode(): place for place, letter in enumerate("abc ")}
    ranks = single | {piece.encode(): 4 + place for place, piece in enumerate(pieces)}
    assert merged(word.encode(), ranks) == _merged_slowly(word.encode(), ranks)
