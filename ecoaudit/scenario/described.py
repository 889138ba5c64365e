"""A model or a device that the user describes, instead of naming one of the tables."""

from __future__ import annotations

import datetime
import json
import math
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any, ClassVar

from ecoaudit.errors import ProfileError

_LARGEST_FILE = 10_000_000  # bytes; a config.json has a few thousand


@dataclass(frozen=True, slots=True)
class Described:
    """What a profile says of a model or a device, as it stands; what it means is told elsewhere.

    Attributes:
        name: of the model or device.
        raw: keys and values: of the profile, or of a ``config.json`` that it names.
        place: file and line.
    """

    __pydantic_config__: ClassVar = {"extra": "forbid"}

    name: str
    raw: dict[str, Any]
    place: str


Fault = Callable[[str], ProfileError]  # an error at the place of the description


def is_description(item: object) -> bool:
    """Whether an item of a list describes something, rather than naming it."""
    return isinstance(item, dict) or (isinstance(item, str) and item.endswith(".json"))


def describe(item: dict[str, Any] | str, path: Path, line: int, fault: Fault) -> Described:
    """The description that stands in a profile: keys and values, or the path of a config.json.

    A mapping has a ``name``; with ``config``, the path of such a file, its other keys win over the
    file's. A path is taken relative to the profile.

    Args:
        item: as the profile has it.
        path: of the profile.
        line: on which it stands.
        fault: makes the error that is raised.

    Raises:
        ProfileError: no name, or a file that cannot be used.
    """
    place = f"{path.name}:{line}"
    if isinstance(item, str):
        raw = _read_json(path.parent / item, item, fault)
        name = raw.get("_name_or_path") or (path.parent / item).resolve().parent.name
        return Described(_text(name, "_name_or_path", fault), _plain(raw, fault), place)
    raw = dict(item)
    if "name" not in raw:
        raise fault("this key is missing: name; a model or device that is described needs one")
    name = _text(raw.pop("name"), "name", fault)
    if "config" in raw:
        config = raw.pop("config")
        raw = _read_json(path.parent / _text(config, "config", fault), config, fault) | raw
    return Described(name, _plain(raw, fault), place)


def _text(value: object, key: str, fault: Fault) -> str:
    if not isinstance(value, str) or not value.strip():
        raise fault(f"{key}: expected some text; got {value!r}")
    return value


def _read_json(path: Path, told: str, fault: Fault) -> dict[str, Any]:
    try:
        if path.stat().st_size > _LARGEST_FILE:
            raise fault(f"{told}: is larger than a config.json can be; give the model's own")
        data = json.loads(path.read_text("utf-8"))
    except FileNotFoundError:
        raise fault(f"{told}: no such file; its path is taken from the profile's folder") from None
    except (OSError, UnicodeDecodeError) as error:
        raise fault(f"{told}: cannot be read ({error})") from None
    except (ValueError, RecursionError) as error:
        raise fault(f"{told}: not JSON ({error}); give a model's config.json") from None
    if not isinstance(data, dict):
        raise fault(f"{told}: expected the keys and values of a config.json")
    return data


def _plain(value: Any, fault: Fault) -> Any:
    """``value`` as JSON can hold it."""
    if isinstance(value, dict):
        return {str(key): _plain(item, fault) for key, item in value.items()}
    if isinstance(value, list):
        return [_plain(item, fault) for item in value]
    if isinstance(value, float) and not math.isfinite(value):
        raise fault(f"expected a finite number; got {value}")
    if isinstance(value, datetime.date):
        return value.isoformat()
    if value is None or isinstance(value, str | int | float):
        return value
    raise fault(f"expected text and numbers; got {value!r}")
