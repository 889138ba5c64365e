"""Reads site, workload and scenario profiles; every error names file, line and key."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, fields, is_dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar, get_args, get_type_hints

from ecoaudit.errors import NotFoundError, ProfileError, UsageError, did_you_mean
from ecoaudit.scenario.model import Scenario, Site, Workload
from ecoaudit.scenario.profiles import find_profile

if TYPE_CHECKING:
    from pydantic_core import ErrorDetails

Key = tuple[str | int, ...]
T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class Lookups:
    """What finds the names in a profile that tables hold; each raises UsageError for another.

    The tables are no business of this package: who reads a profile for use with them brings these,
    and a misspelt name is told with its line.

    Attributes:
        model: takes a name of ``models``; None: not looked up.
        device: takes a name of ``hardware``.
        grid: takes ``country``, and ``region`` if there is one; only where the site declares no
            ``grid_intensity`` of its own.
    """

    model: Callable[[str], object] | None = None
    device: Callable[[str], object] | None = None
    grid: Callable[..., object] | None = None


def load_scenario(name: str | Path, lookups: Lookups | None = None) -> Scenario:
    """Read a scenario by path or name, with the site and workload that it names.

    Args:
        name: path or name.
        lookups: what to look its names up with; None: any name will do.

    Raises:
        ProfileError: the profile or one that it names cannot be used.
        NotFoundError: no such profile.
    """
    path = find_profile("scenarios", str(name))
    data, lines = _read(path)
    inline = isinstance(data.get("site"), dict)
    for key, kind in (("site", "sites"), ("workload", "workloads")):
        value = data.get(key)
        if isinstance(value, str):
            try:
                part = find_profile(kind, value, beside=path.parent)
            except NotFoundError as error:
                raise ProfileError(str(error), path=path, line=lines.get((key,)), key=key) from None
            data[key] = load_site(part, lookups) if key == "site" else load_workload(part)
        elif isinstance(value, dict):
            value.setdefault("id", f"{path.stem}-{key}")
    scenario = _build(Scenario, data, lines, path)
    _check_turns(scenario.workload, lines, path, ("workload",))
    if lookups is not None:
        if inline:
            _look_up_site(scenario.site, lookups, lines, path, ("site",))
        for key, find, names in (
            ("models", lookups.model, scenario.models),
            ("hardware", lookups.device, scenario.hardware),
        ):
            for place, each in enumerate(names):
                _look_up(find, (each,), lines, path, (key, place))
    return scenario


def load_site(name: str | Path, lookups: Lookups | None = None) -> Site:
    """Read a site by path or name. Takes and raises as :func:`load_scenario`."""
    path = find_profile("sites", str(name))
    data, lines = _read(path)
    site = _build(Site, data, lines, path)
    if lookups is not None:
        _look_up_site(site, lookups, lines, path, ())
    return site


def load_workload(name: str | Path) -> Workload:
    """Read a workload by path or name. Raises as :func:`load_scenario`."""
    path = find_profile("workloads", str(name))
    data, lines = _read(path)
    workload = _build(Workload, data, lines, path)
    _check_turns(workload, lines, path, ())
    return workload


def _check_turns(workload: Workload, lines: dict[Key, int], path: Path, at: Key) -> None:
    spread = workload.turns_sd
    if spread is not None and max(spread.numbers) > 0 and workload.turns.number <= 1:
        key = ".".join(str(part) for part in (*at, "turns_sd"))
        raise ProfileError(
            "a single turn has no spread; give turns of more than 1, or leave this key out",
            path=path,
            line=lines.get((*at, "turns_sd")),
            key=key,
        )


def _look_up_site(site: Site, lookups: Lookups, lines: dict[Key, int], path: Path, at: Key) -> None:
    if site.grid_intensity is not None:
        return
    _look_up(lookups.grid, (site.country,), lines, path, (*at, "country"))
    if site.region is not None:
        _look_up(lookups.grid, (site.country, site.region), lines, path, (*at, "region"))


def _look_up(
    find: Callable[..., object] | None,
    names: tuple[str, ...],
    lines: dict[Key, int],
    path: Path,
    at: Key,
) -> None:
    if find is None:
        return
    try:
        find(*names)
    except UsageError as error:
        key = ".".join(str(part) for part in at)
        raise ProfileError(str(error), path=path, line=lines.get(at), key=key) from error


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
    elif error["type"] in {"dataclass_type", "dict_type"}:
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
            # A key is taken as it stands: `no` is Norwegian, not false.
            plain = isinstance(key_node, yaml.ScalarNode)
            key = str(key_node.value if plain else loader.construct_object(key_node))
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
