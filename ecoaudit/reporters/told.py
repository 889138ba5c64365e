"""Parts of a plan's or a ledger's file that are plain data, which anybody may have edited since it
was made."""

from __future__ import annotations

from typing import Any

from ecoaudit.errors import FileFormatError


def mapping(data: object, place: str) -> dict[str, Any]:
    """``data`` as a mapping; an empty one where there is nothing.

    Args:
        data: what the file holds.
        place: the key under which it stands.

    Raises:
        FileFormatError: it is something else; the message names the place.
    """
    if data is None:
        return {}
    if not isinstance(data, dict):
        raise _unexpected(data, place, "names with their values")
    return data


def mappings(data: object, place: str) -> list[dict[str, Any]]:
    """``data`` as a list of mappings; an empty one where there is nothing.

    Raises:
        FileFormatError: it is something else.
    """
    return [mapping(each, f"{place}.{at}") for at, each in enumerate(_listed(data, place))]


def texts(data: object, place: str) -> list[str]:
    """``data`` as a list of texts; an empty one where there is nothing.

    Raises:
        FileFormatError: it is something else.
    """
    for at, each in enumerate(_listed(data, place)):
        if not isinstance(each, str):
            raise _unexpected(each, f"{place}.{at}", "text")
    return _listed(data, place)


def numbers(data: object, place: str) -> list[float]:
    """``data`` as a list of numbers; an empty one where there is nothing.

    Raises:
        FileFormatError: it is something else.
    """
    return [number(each, f"{place}.{at}") for at, each in enumerate(_listed(data, place))]


def number(data: object, place: str, otherwise: float = 0.0) -> float:
    """``data`` as a number; ``otherwise`` where there is nothing.

    Raises:
        FileFormatError: it is something else.
    """
    if data is None:
        return otherwise
    if isinstance(data, bool) or not isinstance(data, int | float):
        raise _unexpected(data, place, "a number")
    return float(data)


def _listed(data: object, place: str) -> list[Any]:
    if data is None:
        return []
    if not isinstance(data, list):
        raise _unexpected(data, place, "a list")
    return data


def _unexpected(data: object, place: str, what: str) -> FileFormatError:
    return FileFormatError(
        f"the file: {place}: expected {what}; got {data!r}; make it again with ecoaudit"
    )
