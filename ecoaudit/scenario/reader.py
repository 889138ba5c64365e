"""Reads site, workload and scenario profiles; every error names file, line and key."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, fields, is_dataclass
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar, cast, get_args, get_type_hints

from ecoaudit.errors import NotFoundError, ProfileError, UsageError, did_you_mean
from ecoaudit.scenario.account import Account, Equipment
from ecoaudit.scenario.described import Described, describe, is_description
from ecoaudit.scenario.federation import Central, FederatedSite, Federation
from ecoaudit.scenario.model import Scenario, Site, Workload
from ecoaudit.scenario.money import Currency
from ecoaudit.scenario.profiles import find_profile
from ecoaudit.scenario.yaml_file import Key, read_yaml

if TYPE_CHECKING:
    from pydantic import TypeAdapter
    from pydantic_core import ErrorDetails

_LONG_WORD = re.compile(r"\S{81,}")
_READ_KEYS = frozenset({"id", "own_models", "own_hardware", "subject", "missing"})
T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class Lookups:
    """What finds the names in a profile that tables hold; each raises UsageError for another.

    The tables are no business of this package: who reads a profile for use with them brings these,
    and a misspelt name is told with its line.

    Attributes:
        model: takes a name of ``models``; None: not looked up.
        device: takes a name of ``hardware``.
        own_model: takes a description of ``models``.
        own_device: takes a description of ``hardware``.
        scored: takes a name of ``quality.scores`` and gives that model's own name.
        grid: takes ``country``, and ``region`` if there is one; only where the site declares no
            ``grid_intensity`` of its own.
    """

    model: Callable[[str], object] | None = None
    device: Callable[[str], object] | None = None
    own_model: Callable[[Described], object] | None = None
    own_device: Callable[[Described], object] | None = None
    scored: Callable[[str], str] | None = None
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
    data, lines = read_yaml(path)
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
    for key in ("models", "hardware"):
        _describe(data, key, lines, path)
    scenario = _build(Scenario, data, lines, path)
    _check_turns(scenario.workload, lines, path, ("workload",))
    if inline:
        _check_grid(scenario.site, lines, path, ("site",))
    if lookups is not None:
        if inline:
            _look_up_site(scenario.site, lookups, lines, path, ("site",))
        for key, find, find_own, names, own in (
            ("models", lookups.model, lookups.own_model, scenario.models, scenario.own_models),
            (
                "hardware",
                lookups.device,
                lookups.own_device,
                scenario.hardware,
                scenario.own_hardware,
            ),
        ):
            described = {each.name: each for each in own}
            for place, name in enumerate(names):
                if name in described:
                    _look_up(find_own, (described[name],), lines, path, (key, place))
                else:
                    _look_up(find, (name,), lines, path, (key, place))
        _look_up_scores(scenario, lookups, lines, path)
        if scenario.lifecycle is not None:
            bought = scenario.lifecycle.equipment
            _look_up_equipment(bought, lookups, lines, path, ("lifecycle",))
    return scenario


def _look_up_scores(
    scenario: Scenario, lookups: Lookups, lines: dict[Key, int], path: Path
) -> None:
    """Put each score under its model's own name; one of a model that is nowhere is refused."""
    if scenario.quality is None or lookups.scored is None:
        return
    scores = scenario.quality.scores
    described = {each.name for each in scenario.own_models}
    for name in [name for name in scores if name not in described]:
        at: Key = ("quality", "scores", name)
        found = str(_look_up(lookups.scored, (name,), lines, path, at))
        if found != name and found in scores:
            said = f"{found!r} has another score; keep one of the two"
            raise ProfileError(said, path=path, line=lines.get(at), key=".".join(map(str, at)))
        scores[found] = scores.pop(name)


def _describe(data: dict[str, Any], key: str, lines: dict[Key, int], path: Path) -> None:
    """Leave the names alone in a list of names and descriptions; these go beside it."""
    own = f"own_{key}"
    if own in data:
        message = f"unknown key; a description stands under {key!r}"
        raise ProfileError(message, path=path, line=lines.get((own,)), key=own)
    items = data.get(key)
    if not isinstance(items, list):
        return
    found: list[Described] = []
    for place, item in enumerate(items):
        if not is_description(item):
            continue
        line = lines.get((key, place), 1)

        def fault(message: str, line: int = line, at: str = f"{key}.{place}") -> ProfileError:
            return ProfileError(message, path=path, line=line, key=at)

        described = describe(item, path, line, fault)
        if described.name in (*items[:place], *(other.name for other in found)):
            raise fault(f"{described.name!r} stands here twice")
        found.append(described)
        items[place] = described.name
    data[own] = found


def load_site(name: str | Path, lookups: Lookups | None = None) -> Site:
    """Read a site by path or name. Takes and raises as :func:`load_scenario`."""
    path = find_profile("sites", str(name))
    data, lines = read_yaml(path)
    site = _build(Site, data, lines, path)
    _check_grid(site, lines, path, ())
    if lookups is not None:
        _look_up_site(site, lookups, lines, path, ())
    return site


def load_workload(name: str | Path) -> Workload:
    """Read a workload by path or name. Raises as :func:`load_scenario`."""
    path = find_profile("workloads", str(name))
    data, lines = read_yaml(path)
    workload = _build(Workload, data, lines, path)
    _check_turns(workload, lines, path, ())
    return workload


def load_account(
    name: str | Path, lookups: Lookups | None = None
) -> tuple[Account | Federation, Path]:
    """Read an account, or that of a federated training, by path or name, and where it lies.

    Takes and raises as :func:`load_scenario`.
    """
    path = find_profile("accounts", str(name))
    data, lines = read_yaml(path)
    if "sites" not in data:
        account = _build(Account, data, lines, path)
        _look_up_account(account, lookups, lines, path, ())
        return account, path
    federation = _build(Federation, data, lines, path)
    for site, each in federation.sites.items():
        _look_up_account(each, lookups, lines, path, ("sites", site))
    if federation.central is not None:
        _look_up_account(federation.central, lookups, lines, path, ("central",))
    return federation, path


def _look_up_account(
    account: Account | FederatedSite | Central,
    lookups: Lookups | None,
    lines: dict[Key, int],
    path: Path,
    at: Key,
) -> None:
    if lookups is None:
        return
    _look_up_equipment(account.equipment, lookups, lines, path, at)
    for place, use in enumerate(getattr(account, "electricity", ())):
        training = use.training
        where = (*at, "electricity", place, "training")
        if training is not None and training.model is not None:
            _look_up(lookups.model, (training.model,), lines, path, (*where, "model"))
        if training is not None and training.device is not None:
            _look_up(lookups.device, (training.device,), lines, path, (*where, "device"))
    supply = account.supply
    if supply.intensity is None and supply.country is not None:
        _look_up_place(supply.country, supply.region, lookups, lines, path, (*at, "supply"))


def _look_up_equipment(
    equipment: list[Equipment], lookups: Lookups, lines: dict[Key, int], path: Path, at: Key
) -> None:
    for place, each in enumerate(equipment):
        if each.device is not None:
            where = (*at, "equipment", place, "device")
            _look_up(lookups.device, (each.device,), lines, path, where)


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


def _check_grid(site: Site, lines: dict[Key, int], path: Path, at: Key) -> None:
    if site.solar is not None and site.grid is None:
        raise ProfileError(
            "a site with panels says `grid: on` or `grid: off`",
            path=path,
            line=lines.get((*at, "solar")),
            key=".".join(str(part) for part in (*at, "solar")),
        )


def _look_up_site(site: Site, lookups: Lookups, lines: dict[Key, int], path: Path, at: Key) -> None:
    if site.grid_intensity is None:
        _look_up_place(site.country, site.region, lookups, lines, path, at)


def _look_up_place(
    country: str,
    region: str | None,
    lookups: Lookups,
    lines: dict[Key, int],
    path: Path,
    at: Key,
) -> None:
    _look_up(lookups.grid, (country,), lines, path, (*at, "country"))
    if region is not None:
        _look_up(lookups.grid, (country, region), lines, path, (*at, "region"))


def _look_up(
    find: Callable[..., object] | None,
    names: tuple[object, ...],
    lines: dict[Key, int],
    path: Path,
    at: Key,
) -> object:
    if find is None:
        return None
    try:
        return find(*names)
    except UsageError as error:
        message = str(error)
        for described in names:
            if isinstance(described, Described):
                message = message.removeprefix(f"{described.place}: ")
                inner, colon, rest = message.partition(": ")
                if colon and (*at, inner) in lines:
                    at, message = (*at, inner), rest
        key = ".".join(str(part) for part in at)
        raise ProfileError(message, path=path, line=lines.get(at), key=key) from error


def _currency(data: dict[str, Any], lines: dict[Key, int], path: Path) -> Currency | None:
    """The currency of the site, in which amounts may stand; read before them."""
    at: Key = ("currency",)
    site = data.get("site")
    if isinstance(site, Site):
        return site.currency
    if isinstance(site, dict):
        at, data = ("site", *at), site
    if data.get("currency") is None:
        return None
    return _validated(Currency, data["currency"], lines, path, None, at)


def _build(kind: type[T], data: dict[str, Any], lines: dict[Key, int], path: Path) -> T:
    data.setdefault("id", path.stem)
    currency = None if kind is Workload else _currency(data, lines, path)
    return _validated(kind, data, lines, path, currency, ())


def _validated(
    kind: type[T],
    data: Any,
    lines: dict[Key, int],
    path: Path,
    currency: Currency | None,
    at: Key,
) -> T:
    from pydantic import ValidationError

    context = {"path": path.name, "currency": currency}
    try:
        result: T = _adapter(cast("Any", kind)).validate_python(data, context=context)
        return result
    except ValidationError as error:
        # A missing key is the least helpful of several errors: its neighbour may be misspelt.
        first = min(
            error.errors(), key=lambda e: (e["type"].startswith("missing"), _line(e, lines, at))
        )
        raise _profile_error(kind, first, lines, path, at) from None


@cache
def _adapter(kind: Any) -> TypeAdapter[Any]:
    from pydantic import TypeAdapter

    return TypeAdapter(kind)


def _line(error: ErrorDetails, lines: dict[Key, int], at: Key) -> int:
    location: Key = (*at, *error["loc"])
    while location and location not in lines:
        location = location[:-1]
    return lines.get(location, 1)


def _profile_error(
    kind: type[Any], error: ErrorDetails, lines: dict[Key, int], path: Path, at: Key
) -> ProfileError:
    location = at
    for part in error["loc"]:  # what kind of thing pydantic tried is no key
        if isinstance(part, int) or part.isidentifier() or (*location, part) in lines:
            location = (*location, part)
    key = ".".join(str(part) for part in location)
    line = _line(error, lines, at)
    if error["type"] in {"unexpected_keyword_argument", "extra_forbidden"}:
        known = _keys(kind, error["loc"][:-1])
        message = f"unknown key; {did_you_mean(str(error['loc'][-1]), known)}"
    elif error["type"] in {"missing", "missing_argument", "missing_keyword_only_argument"}:
        message = "this key is missing; see `ecoaudit profiles show` for a complete profile"
    elif error["type"] in {"dataclass_type", "dict_type"}:
        message = f"expected keys and values, one per line; got {_shown(error['input'])}"
    else:
        message = error["msg"].removeprefix("Value error, ")
        message = message[0].lower() + message[1:]
        if error["type"] != "value_error":
            message += f"; got {_shown(error['input'])}"
    message = _LONG_WORD.sub(lambda word: f"{word[0][:40]}...", message)
    return ProfileError(message, path=path, line=line, key=key)


def _shown(value: object) -> str:
    text = repr(value)
    return text if len(text) <= 100 else f"{text[:100]}..."


def _keys(kind: Any, location: Sequence[str | int]) -> list[str]:
    """The keys that the profile may have at ``location``."""
    for part in location:
        hints = get_type_hints(kind)
        if part in hints:
            kind = next(_dataclasses(hints[part]), kind)
    return [item.name for item in fields(kind) if item.name not in _READ_KEYS]


def _dataclasses(kind: Any) -> Iterator[Any]:
    """The dataclasses within a type such as ``list[PriceBand] | None``."""
    if is_dataclass(kind):
        yield kind
    for option in get_args(kind):
        yield from _dataclasses(option)
