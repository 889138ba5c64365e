"""The tokenizer of a model from the file that lies beside its weights: it counts a text's tokens.

``tokenizer.json`` (Hugging Face) and ``tekken.json`` (Mistral) need the package ``tokenizers``,
``tokenizer.model`` (SentencePiece) needs ``sentencepiece``. Control tokens around a text are not
counted, as they are not in the table of languages.
"""

from __future__ import annotations

import base64
import heapq
import json
from collections.abc import Callable
from dataclasses import dataclass
from functools import cache
from importlib import import_module
from pathlib import Path
from typing import Any, Final

from ecoaudit.errors import FileFormatError, NotFoundError, UsageError

NAMES: Final = ("tokenizer.json", "tekken.json", "tokenizer.model")
_GIVE: Final = "give tokenizer.json, tekken.json or tokenizer.model of the model"


@dataclass(frozen=True, slots=True)
class TokenizerFile:
    """A tokenizer that was read from a file.

    Attributes:
        name: of the file, with its folder's.
        count: tokens of a text, without control tokens.
    """

    name: str
    count: Callable[[str], int]


def is_tokenizer_file(name: str) -> bool:
    """Whether a file or a model's folder is meant by ``name``, not the name of a tokenizer."""
    path = Path(name)
    return (
        path.is_file()
        or name.endswith((".json", ".model", "/"))
        or any((path / each).is_file() for each in NAMES)
    )


def read_tokenizer(name: str) -> TokenizerFile:
    """Read a tokenizer from its file, or from the folder of its model.

    Raises:
        NotFoundError: no such file, or none in the folder.
        FileFormatError: it is no tokenizer of these kinds.
        UsageError: the package that reads it is not installed.
    """
    path = Path(name)
    if path.is_dir():
        there = [path / each for each in NAMES if (path / each).is_file()]
        if not there:
            raise NotFoundError(f"{path}: no {', '.join(NAMES[:-1])} or {NAMES[-1]} in this folder")
        path = there[0]
    if not path.is_file():
        raise NotFoundError(f"{path}: no such file; {_GIVE}")
    shown = "/".join(path.resolve().parts[-2:])
    if ".model" in path.name:
        return TokenizerFile(shown, _sentencepiece(path))
    data = _json(path)
    if isinstance(data.get("config"), dict) and isinstance(data.get("vocab"), list):
        return TokenizerFile(shown, _tekken(data, path))
    if "model" in data:
        return TokenizerFile(shown, _hugging_face(path))
    raise FileFormatError(f"{path}: not a tokenizer; {_GIVE}")


def _json(path: Path) -> dict[str, Any]:
    try:
        data = json.loads(path.read_bytes())
    except (OSError, ValueError, RecursionError):
        raise FileFormatError(f"{path}: not JSON; {_GIVE}") from None
    return data if isinstance(data, dict) else {}


def _package(name: str, path: Path) -> Any:
    try:
        return import_module(name)
    except ImportError:
        raise UsageError(
            f"{path}: the package {name} reads this file and is not installed here;"
            f" `pip install {name}`"
        ) from None


def _hugging_face(path: Path) -> Callable[[str], int]:
    package = _package("tokenizers", path)
    try:
        made = package.Tokenizer.from_file(str(path))
    except Exception as error:  # the package raises nothing narrower
        raise FileFormatError(f"{path}: not a tokenizer ({error}); {_GIVE}") from None
    made.no_truncation()  # what a training run left in the file
    made.no_padding()
    return lambda text: len(made.encode(text, add_special_tokens=False).ids)


def _sentencepiece(path: Path) -> Callable[[str], int]:
    package = _package("sentencepiece", path)
    try:
        made = package.SentencePieceProcessor(model_file=str(path))
    except (OSError, RuntimeError, ValueError):
        raise FileFormatError(f"{path}: not a SentencePiece model; {_GIVE}") from None
    return lambda text: len(made.encode(text))


def _tekken(data: dict[str, Any], path: Path) -> Callable[[str], int]:
    """Mistral's own format: a pattern that cuts a text into words, and byte strings by rank.

    The vocabulary in use is smaller than the list; control tokens take the first places of it.
    """
    package = _package("tokenizers", path)
    try:
        config = data["config"]
        used = int(config["default_vocab_size"]) - int(config["default_num_special_tokens"])
        ranks = {
            base64.b64decode(each["token_bytes"], validate=True): int(each["rank"])
            for each in data["vocab"][:used]
        }
        pattern = package.Regex(str(config["pattern"]))
    except Exception as error:  # Regex raises nothing narrower
        raise FileFormatError(f"{path}: not a tekken.json ({error!r}); {_GIVE}") from None
    if any(bytes([byte]) not in ranks for byte in range(256)):
        raise FileFormatError(f"{path}: not a tekken.json (not every byte has a token); {_GIVE}")
    cut = package.pre_tokenizers.Split(pattern, behavior="isolated")

    @cache
    def of_word(word: str) -> int:
        return merged(word.encode("utf-8"), ranks)

    def count(text: str) -> int:
        return sum(of_word(word) for word, _ in cut.pre_tokenize_str(text))

    return count


def merged(word: bytes, ranks: dict[bytes, int]) -> int:
    """Into how many tokens byte-pair merging cuts a word.

    The neighbours whose joint has the lowest rank are joined, the leftmost first, until no joint
    is in the vocabulary: Sennrich, Haddow, Birch, arXiv:1508.07909, on bytes.
    """
    if word in ranks:
        return 1
    ends = list(range(1, len(word) + 1))  # of the part that begins here; 0: joined to one before
    before = list(range(-1, len(word) - 1))
    heap: list[tuple[int, int, int]] = []  # rank, start, end of a joint

    def offer(start: int) -> None:
        middle = ends[start]
        if middle < len(word):
            rank = ranks.get(word[start : ends[middle]])
            if rank is not None:
                heapq.heappush(heap, (rank, start, ends[middle]))

    for start in range(len(word)):
        offer(start)
    parts = len(word)
    while heap:
        _, start, end = heapq.heappop(heap)
        middle = ends[start]
        if not middle or middle == len(word) or ends[middle] != end or middle >= end:
            continue  # one of the two is not what it was
        ends[start], ends[middle] = end, 0
        parts -= 1
        if end < len(word):
            before[end] = start
        offer(start)
        if before[start] >= 0:
            offer(before[start])
    return parts
