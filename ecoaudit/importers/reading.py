"""Reads files of other tools: each value with its place, and nothing of it believed unseen.

Text of such a file is never shown in an error: it may be a prompt or an answer.
"""

from __future__ import annotations

import hashlib
import json
import math
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from itertools import chain
from pathlib import Path
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from ecoaudit.errors import FileFormatError

Floats = NDArray[np.float64]
_LONGEST_TEXT: Final = 300  # of a name; what is longer is no name
LARGEST: Final = 1e20  # a value above it is no time, count or energy of a bench


@dataclass(frozen=True, slots=True)
class Document:
    """One JSON object of a file.

    Attributes:
        name: the file's own name, without its folder.
        sha256: of the whole file.
        size_bytes: of the whole file.
        at: the object, with its place.
    """

    name: str
    sha256: str
    size_bytes: int
    at: At


class At:
    """An object in a file: gives what stands under its keys, or says what should.

    Args:
        value: the object.
        document: the file's name, with the line where it has several objects.
        keys: the keys that lead to it.
    """

    def __init__(self, value: Mapping[str, Any], document: str, keys: tuple[str, ...] = ()):
        self.value = value
        self._document = document
        self._keys = keys

    def place(self, *more: str) -> str:
        """Where this, or something below it, stands."""
        keys = ".".join((*self._keys, *more))
        return f"{self._document}: {keys}" if keys else self._document

    def wrong(self, key: str, expected: str) -> FileFormatError:
        """The error that something else stands under ``key`` than was expected."""
        if key not in self.value:
            return FileFormatError(f"{self.place(key)}: expected {expected}; there is no such key")
        return FileFormatError(
            f"{self.place(key)}: expected {expected}; got {_kind(self.value[key])}"
        )

    def has(self, *keys: str) -> bool:
        """Whether something stands under each of ``keys``."""
        return all(self.value.get(key) is not None for key in keys)

    def number(self, key: str) -> float:
        """A number from 0, of a size that means something."""
        value = _finite(self.value.get(key))
        if value is None or value < 0:
            raise self.wrong(key, "a number from 0")
        return value

    def maybe_number(self, key: str) -> float | None:
        """The same, or None where nothing stands."""
        return self.number(key) if self.has(key) else None

    def maybe_above_zero(self, key: str) -> float | None:
        """A number above 0, such as a rate; None where nothing stands."""
        value = self.maybe_number(key)
        if value == 0:
            raise self.wrong(key, "a number above 0")
        return value

    def maybe_from_one(self, key: str) -> int | None:
        """A whole number from 1, such as requests in flight; None where nothing stands."""
        value = self.maybe_whole(key)
        if value == 0:
            raise self.wrong(key, "a whole number from 1")
        return value

    def whole(self, key: str) -> int:
        """A whole number from 0."""
        value = _finite(self.value.get(key))
        if value is None or value < 0 or value != int(value):
            raise self.wrong(key, "a whole number from 0")
        return int(value)

    def maybe_whole(self, key: str) -> int | None:
        """The same, or None where nothing stands."""
        return self.whole(key) if self.has(key) else None

    def text(self, key: str) -> str:
        """A short text, such as a name."""
        value = self.value.get(key)
        if not isinstance(value, str) or not 0 < len(value.strip()) <= _LONGEST_TEXT:
            raise self.wrong(key, "a short text")
        return value.strip()

    def maybe_text(self, *keys: str) -> str | None:
        """The text under the first of ``keys`` that has one; a number is taken as text."""
        for key in keys:
            value = self.value.get(key)
            if isinstance(value, int | float) and not isinstance(value, bool):
                return str(value)
            if value is not None and value != "":
                return self.text(key)
        return None

    def inner(self, key: str) -> At:
        """The object under ``key``."""
        value = self.value.get(key)
        if not isinstance(value, dict):
            raise self.wrong(key, "an object")
        return At(value, self._document, (*self._keys, key))

    def maybe_inner(self, *keys: str) -> At:
        """The object below ``keys``, one inside the other; an empty one where a key is missing."""
        found = self
        for key in keys:
            if not found.has(key):
                return At({}, self._document, (*self._keys, *keys))
            found = found.inner(key)
        return found

    def many(self, key: str) -> list[At]:
        """The list of objects under ``key``."""
        value = self.value.get(key)
        if not isinstance(value, list):
            raise self.wrong(key, "a list of objects")
        found = []
        for place, item in enumerate(value):
            keys = (*self._keys, key, str(place))
            if not isinstance(item, dict):
                where = At({}, self._document, keys).place()
                raise FileFormatError(f"{where}: expected an object; got {_kind(item)}")
            found.append(At(item, self._document, keys))
        return found

    def floats(self, key: str, length: int | None = None) -> Floats:
        """The list of finite numbers from 0 under ``key``.

        Args:
            key: where it stands.
            length: how many there must be; None: as many as there are.
        """
        value = self.value.get(key)
        if not isinstance(value, list):
            raise self.wrong(key, "a list of numbers")
        if length is not None and len(value) != length:
            raise FileFormatError(
                f"{self.place(key)}: expected {length} numbers, one for each request; got"
                f" {len(value)}"
            )
        return floats(value, self.place(key))

    def nested_floats(self, key: str, length: int) -> list[list[float]]:
        """A list of lists of numbers, one for each request."""
        value = self.value.get(key)
        if not isinstance(value, list) or not all(isinstance(item, list) for item in value):
            raise self.wrong(key, "a list of lists of numbers")
        if len(value) != length:
            raise FileFormatError(
                f"{self.place(key)}: expected {length} lists, one for each request; got"
                f" {len(value)}"
            )
        floats(list(chain.from_iterable(value)), self.place(key))
        lists: list[list[float]] = value
        return lists


def floats(values: list[Any], place: str) -> Floats:
    """Finite numbers from 0 as an array.

    Raises:
        FileFormatError: one is something else; the message names its place.
    """
    if set(map(type, values)) <= {int, float}:
        try:
            array = np.array(values, dtype=np.float64)
        except OverflowError:
            array = np.array([math.inf])
        if bool(np.all((array >= 0) & (array <= LARGEST))):
            return array
    for number, value in enumerate(values):
        found = _finite(value)
        if found is None or found < 0:
            raise FileFormatError(f"{place}.{number}: expected a number from 0; got {_kind(value)}")
    raise FileFormatError(f"{place}: expected a list of numbers")


def documents(path: Path) -> Iterator[Document]:
    """The JSON objects of a file: one, or one on each line.

    Raises:
        FileFormatError: no such file, no JSON, or something else than objects.
    """
    try:
        content = path.read_bytes()
        text = content.decode("utf-8-sig")
    except FileNotFoundError:
        raise FileFormatError(f"{path}: no such file") from None
    except (OSError, UnicodeDecodeError) as error:
        raise FileFormatError(f"{path}: cannot be read ({error})") from error
    digest = hashlib.sha256(content).hexdigest()
    for place, value in _objects(text, str(path)):
        if not isinstance(value, dict):
            raise FileFormatError(f"{place}: expected a JSON object; got {_kind(value)}")
        yield Document(path.name, digest, len(content), At(value, place))


def _objects(text: str, place: str) -> Iterator[tuple[str, Any]]:
    try:
        whole = _parsed(text, place, 1)
    except FileFormatError:
        lines = [(n, line) for n, line in enumerate(text.splitlines(), 1) if line.strip()]
        if len(lines) < 2 or not lines[0][1].rstrip().endswith("}"):
            raise
    else:
        yield place, whole
        return
    for number, line in lines:
        yield f"{place}:{number}", _parsed(line, place, number)


def _parsed(text: str, place: str, line: int) -> Any:
    try:
        return json.loads(text)
    except json.JSONDecodeError as error:
        where = f"{place}:{line + error.lineno - 1}"
        raise FileFormatError(f"{where}: not JSON ({error.msg}); is the file whole?") from None
    except ValueError as error:  # a number of thousands of digits
        raise FileFormatError(f"{place}:{line}: not JSON ({error})") from None
    except RecursionError:
        raise FileFormatError(f"{place}:{line}: nested too deeply to be a result") from None


def _finite(value: object) -> float | None:
    if isinstance(value, bool) or not isinstance(value, int | float):
        return None
    try:
        found = float(value)
    except OverflowError:
        return None
    return found if abs(found) <= LARGEST else None


def _kind(value: object) -> str:
    """What a value is, without any text of it."""
    if value is None:
        return "null"
    if isinstance(value, bool):
        return str(value).lower()
    if isinstance(value, int | float):
        try:
            return f"{value:g}"
        except OverflowError:
            return "a number of hundreds of digits"
    if isinstance(value, str):
        return "text"
    return "a list" if isinstance(value, list) else "an object"
