"""Reads site, workload and scenario profiles; every error names file, line and key."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import fields, is_dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar, get_args, get_type_hints

from ecoaudit.errors import NotFoundError, ProfileError, did_you_mean
from ecoaudit.scenario.model import Scenario, Site, Workload
from ecoaudit.scenario.profiles import find_profile

if TYPE_CHECKING:
    from pydantic_core import ErrorDetails

Key = tuple[str | int, ...]
T = TypeVar("T")


def load_scenario(name: str | Path) -> Scenario:
    """Read a scenario by path or name, with the site and workload that it names.

    Raises:
        ProfileError: the profile or one that it names cannot be used.
        NotFoundError: no such profile.
    """
    path = find_profile("scenarios", str(name))
    data, lines = _read(path)
    for key, kind, load in (("site", "sites", load_site), ("workload", "workloads", load_workload)):
        value = data.get(key)
        if isinstance(value, str):
            try:
                data[key] = load(find_profile(kind, value, beside=path.parent))
            except NotFoundError as error:
                raise ProfileError(str(error), path=path, line=lines.get((key,)), key=key) from None
        elif isinstance(value, dict):
            value.setdefault("id", f"{path.stem}-{key}")
    return _build(Scenario, data, lines, path)


def load_site(name: str | Path) -> Site:
    """Read a site by path or name. Raises as :func:`load_scenario`."""
    path = find_profile("sites", str(name))
    return _build(Site, *_read(path), path)


def load_workload(name: str | Path) -> Workload:
    """Read a workload by path or name. Raises as :func:`load_scenario`."""
    path = find_profile("workloads", str(name))
    return _build(Workload, *_read(path), path)


def _build(kind: type[T], data: dict[str, Any], lines: dict[Key, int], path: Path) -> T:
    from pydantic import TypeAdapter, ValidationError

    data.setdefault("id", path.stem)
    try:
        return TypeAdapter(kind).validate_python(data, context={"path": path.name})
    except ValidationError as error:
        # A missing key is the least helpful of several errors: its neighbour may be misspelt.
        first = min(
            error.errors(), key=lambda e: (e["type"].startswith("missing"), _line(e, lines))
        )
        raise _profile_error(kind, first, lines, path) from None


def _line(error: ErrorDetails, lines: dict[Key, int]) -> int:
    location: Key = tuple(error["loc"])
    while location and location not in lines:
        location = location[:-1]
    return lines.get(location, 1)


def _profile_error(
    kind: type[Any], error: ErrorDetails, lines: dict[Key, int], path: Path
) -> ProfileError:
    location = tuple(part for part in error["loc"] if isinstance(part, int) or part.isidentifier())
    key = ".".join(str(part) for part in location)
    line = _line(error, lines)
    if error["type"] in {"unexpected_keyword_argument", "extra_forbidden"}:
        known = _keys(kind, error["loc"][:-1])
        message = f"unknown key; {did_you_mean(str(error['loc'][-1]), known)}"
    elif error["type"] in {"missing", "missing_argument", "missing_keyword_only_argument"}:
        message = "this key is missing; see `ecoaudit profiles show` for a complete profile"
    elif error["type"] == "dataclass_type":
        message = f"expected keys and values, one per line; got {error['input']!r}"
    else:
        message = error["msg"].removeprefix("Value error, ")
        message = message[0].lower() + message[1:]
        if error["type"] != "value_error":
            message += f"; got {error['input']!r}"
    return ProfileError(message, path=path, line=line, key=key)


def _keys(kind: Any, location: Sequence[str | int]) -> list[str]:
    """The keys that the profile may have at ``location``."""
    for part in location:
        hints = get_type_hints(kind)
        if part not in hints:
            continue
        options = [
            option for option in (hints[part], *get_args(hints[part])) if is_dataclass(option)
        ]
        kind = options[0] if options else kind
    return [item.name for item in fields(kind) if item.name != "id"]


def _read(path: Path) -> tuple[dict[str, Any], dict[Key, int]]:
    """The mapping in a YAML file, and the line of every key."""
    import yaml

    try:
        text = path.read_text("utf-8")
    except (OSError, UnicodeDecodeError) as error:
        raise ProfileError(f"cannot be read ({error})", path=path) from error
    loader = yaml.SafeLoader(text)
    try:
        node = loader.get_single_node()
        lines: dict[Key, int] = {}
        data = None if node is None else _plain(loader, node, (), lines, path)
    except yaml.MarkedYAMLError as error:
        mark = error.problem_mark or error.context_mark
        line = None if mark is None else mark.line + 1
        raise ProfileError(f"not YAML ({error.problem})", path=path, line=line) from error
    except RecursionError:
        raise ProfileError("nested too deeply, or an alias of itself", path=path) from None
    except yaml.YAMLError as error:
        raise ProfileError(f"not YAML ({error})", path=path) from error
    finally:
        loader.dispose()
    if not isinstance(data, dict):
        raise ProfileError("expected keys and values, one per line", path=path, line=1)
    return data, lines


def _plain(loader: Any, node: Any, at: Key, lines: dict[Key, int], path: Path) -> Any:
    """``node`` as plain data; records the line of each key and item on the way."""
    import yaml

    lines.setdefault(at, node.start_mark.line + 1)
    if isinstance(node, yaml.MappingNode):
        result: dict[str, Any] = {}
        for key_node, value_node in node.value:
            key = str(loader.construct_object(key_node))
            line = key_node.start_mark.line + 1
            if key in result:
                raise ProfileError("this key stands twice", path=path, line=line, key=key)
            lines[(*at, key)] = line
            result[key] = _plain(loader, value_node, (*at, key), lines, path)
        return result
    if isinstance(node, yaml.SequenceNode):
        return [
            _plain(loader, item, (*at, index), lines, path) for index, item in enumerate(node.value)
        ]
    return loader.construct_object(node)
