"""Mutants of the shipped profiles: each with what the reader has to make of it.

A mutant is refused (``REFUSED``), at a known line where one line is at fault; or it is read
(``READ``), and then its changed field holds the changed value; or it may be either (``EITHER``).
"""

from __future__ import annotations

import dataclasses
import random
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any, Final, Literal

import yaml

from ecoaudit.scenario import (
    KINDS,
    Account,
    Federation,
    Scenario,
    Site,
    Workload,
    available_profiles,
)
from ecoaudit.units import _DIMENSIONS, parse_quantity

CLASSES: Final[dict[str, type[Any]]] = {
    "sites": Site,
    "workloads": Workload,
    "scenarios": Scenario,
    "accounts": Account,
}


Verdict = Literal["refused", "read", "either"]
At = tuple[str | int, ...]
LONG: Final = ("value", "low", "high", "source")


@dataclass(frozen=True, slots=True)
class Mutant:
    """A profile with one fault or one change.

    Attributes:
        family: what was done to it, in a word.
        kind: of the profile.
        stem: name of the profile that it was.
        what: the place and the new text, for a failure's message.
        data: the file.
        verdict: what the reader has to do with it.
        lines: where the fault may be told to be; empty: not in one line.
        at: the changed field of a mutant that is read.
        value: what it then holds.
    """

    family: str
    kind: str
    stem: str
    what: str
    data: bytes
    verdict: Verdict
    lines: tuple[int, ...] = ()
    at: At = ()
    value: object = None


@dataclass(frozen=True, slots=True)
class Leaf:
    """A scalar of a profile and where it stands."""

    at: At
    text: str
    start: int
    end: int
    lines: tuple[int, ...]
    siblings: dict[str, str]


@dataclass(frozen=True, slots=True)
class Key:
    """A key of a profile and where it stands."""

    at: At
    name: str
    start: int
    end: int
    lines: tuple[int, ...]
    column: int


@dataclass(frozen=True, slots=True)
class Profile:
    """A shipped profile in its parts."""

    kind: str
    stem: str
    text: str
    leaves: tuple[Leaf, ...]
    keys: tuple[Key, ...]

    def put(self, start: int, end: int, new: str) -> bytes:
        """The file with other text in one place."""
        return (self.text[:start] + new + self.text[end:]).encode("utf-8")


@cache
def profiles() -> list[Profile]:
    """All shipped profiles."""
    return [
        _profile(kind, stem, path)
        for kind in KINDS
        for stem, path in sorted(available_profiles(kind).items())
    ]


def _profile(kind: str, stem: str, path: Path) -> Profile:
    text = path.read_text("utf-8")
    leaves: list[Leaf] = []
    keys: list[Key] = []

    def walk(node: Any, at: At, lines: tuple[int, ...], siblings: dict[str, str]) -> None:
        if isinstance(node, yaml.MappingNode):
            others = {key.value: str(value.value) for key, value in node.value}
            for key, value in node.value:
                mark = key.start_mark
                place = (*at, key.value)
                # A figure is told where it stands, not where its value or its low end does.
                here = (mark.line + 1, *(lines if key.value in LONG else ()))
                keys.append(
                    Key(place, key.value, mark.index, key.end_mark.index, here, mark.column)
                )
                walk(value, place, here, others)
        elif isinstance(node, yaml.SequenceNode):
            for index, item in enumerate(node.value):
                walk(item, (*at, index), (item.start_mark.line + 1,), {})
        else:
            start, end = node.start_mark.index, node.end_mark.index
            leaves.append(Leaf(at, node.value, start, end, lines, siblings))

    walk(yaml.compose(text, Loader=yaml.SafeLoader), (), (), {})
    return Profile(kind, stem, text, tuple(leaves), tuple(keys))


def mutants(seed: int, of_each_family: int) -> list[Mutant]:
    """A seeded choice: so many of each family, or all where there are fewer."""
    chance = random.Random(seed)
    families: dict[str, list[Mutant]] = {}
    for profile in profiles():
        for make in (_values, _keys, _files, _trees):
            for mutant in make(profile, chance):
                families.setdefault(mutant.family, []).append(mutant)
    chosen: list[Mutant] = []
    for each in families.values():
        chosen += each if len(each) <= of_each_family else chance.sample(each, of_each_family)
    return chosen


# -- values ----------------------------------------------------------------------------------------

_NO_NUMBER: Final = (
    *("[]", "{}", "[1]", "{a: 1}", '""', "five", "true", "2026-01-01", "2026-13-45"),
    *("!!bool maybe", "!!timestamp soon", "!!int 5x", "!!float x", "!!python/name:os.system x"),
)
_NO_TEXT: Final = (
    "[]",
    "[a]",
    "{a: b}",
    "12",
    "1.5",
    "true",
    "NO",
    "2026-01-01",
    "!!binary x",
)
_HUGE_HEX: Final = "0x" + "f" * 9000


def _values(profile: Profile, chance: random.Random) -> Iterator[Mutant]:
    for leaf in profile.leaves:
        dimension, unit = _unit_of(leaf.text)
        if leaf.at[-1] not in LONG:  # a key without a value may be left out
            yield _value(profile, leaf, "no-value", "~", "either")
        elif leaf.at[-1] != "source":
            yield _value(profile, leaf, "no-value", "~", "refused")
        if leaf.at[-1] == "source":
            for new in ("~", "[]", "2026-01-01", "''", "!!timestamp x"):
                yield _value(profile, leaf, "source", new, "either")
        elif dimension:
            yield from _quantities(profile, leaf, dimension, unit)
        elif _is_number(leaf.text):
            yield from _numbers(profile, leaf)
        elif leaf.text in ("true", "false", "on", "off"):
            yield from _switches(profile, leaf)
        else:
            yield from _texts(profile, leaf, chance)


def _quantities(profile: Profile, leaf: Leaf, dimension: str, unit: str) -> Iterator[Mutant]:
    other = "5 kWh" if dimension == "power" else "5 W"
    number = leaf.text.removesuffix(unit).strip()
    wrong = {
        "wrong-type": _NO_NUMBER,
        "wrong-unit": (other, f"{number} parsecs", f"{number}{unit}{unit}", number, unit),
        "wrong-sign": (f"-{number if float(number) else 1} {unit}", f"--{number} {unit}"),
        "not-finite": (
            f".nan {unit}",
            f"nan {unit}",
            f".inf {unit}",
            f"1e999 {unit}",
            ".nan",
            ".inf",
        ),
        "not-decimal": (
            *(f"0x1F {unit}", _HUGE_HEX, f"1:30 {unit}", f"1/2 {unit}"),
            *(
                f"'1,5 {unit}'",
                f"'1,50 {unit}'",
                f"'1.000,5 {unit}'",
                f"1.2.3 {unit}",
                f"1e {unit}",
            ),
        ),
    }
    for family, news in wrong.items():
        for new in news:
            yield _value(profile, leaf, family, new, "refused")
    yield from _legal(profile, leaf, dimension, unit)
    if dimension != "time" and not {"low", "high"} & set(leaf.siblings):  # a day has 24 h
        for new in (f"1e30 {unit}", f"{'9' * 300} {unit}"):
            yield _value(profile, leaf, "huge", new, "read", parse_quantity(new, dimension))


def _numbers(profile: Profile, leaf: Leaf) -> Iterator[Mutant]:
    wrong = {
        "wrong-type": _NO_NUMBER,
        "wrong-unit": (f"{leaf.text} W", f"{leaf.text} tokens", "5 kWh"),
        "wrong-sign": ("-1", "-0.5", "-.5"),
        "not-finite": (".nan", ".inf", "-.inf", "1.0e+999", "9" * 400, "9" * 5000, _HUGE_HEX),
        "not-decimal": ("0x1F", "010", "1:30", "'12'", "1,5", "0b11", "12:30:45", "0o17"),
    }
    whole = leaf.at[0] == "bench"
    for family, news in wrong.items():
        for new in news:
            if new == "1,5" and whole:
                continue  # two items of a list
            yield _value(profile, leaf, family, new, "refused")
    if whole:
        for new in ("1.5", "0.1"):
            yield _value(profile, leaf, "wrong-type", new, "refused")
    else:
        yield from _legal(profile, leaf, "", "")


def _legal(profile: Profile, leaf: Leaf, dimension: str, unit: str) -> Iterator[Mutant]:
    """Another figure that the interval and the bounds of the field allow."""
    number = float(leaf.text.removesuffix(unit).replace(",", ""))
    if leaf.at[-1] == "value" and "low" in leaf.siblings:
        news = [leaf.siblings["low"]]
    elif leaf.at[-1] in ("low", "high"):
        news = [leaf.siblings["value"]]
    else:
        news = [f"{number * 1.001:.6f} {unit}".strip()]
        if dimension:
            news += [f"{number * 1.001:.9e} {unit}", f"'+{number * 1.001:.6f}{unit}'"]
    for new in news:
        plain = new.strip("'")
        value = parse_quantity(plain, dimension) if dimension else float(plain)
        yield _value(profile, leaf, "legal", new, "read", value)


def _switches(profile: Profile, leaf: Leaf) -> Iterator[Mutant]:
    for new in ("maybe", "[]", "2", "'tru'", "1.5", "2026-01-01", "'t'", "0"):
        yield _value(profile, leaf, "no-switch", new, "refused")
    opposite = leaf.text in ("false", "off")
    if leaf.at == ("grid",):  # goes with panels and outages
        yield _value(profile, leaf, "no-switch", str(opposite).lower(), "either")
    else:
        yield _value(profile, leaf, "legal", str(opposite).lower(), "read", opposite)


_LOOKED_UP: Final = frozenset(
    {"site", "workload", "models", "hardware", "country", "device", "model"}
    | {"computer", "stage", "method", "network", "amortisation"}
)


def _texts(profile: Profile, leaf: Leaf, chance: random.Random) -> Iterator[Mutant]:
    for new in (*_NO_TEXT, "' '"):
        yield _value(profile, leaf, "no-text", new, "refused")
    own_grid = leaf.at[-1] == "country" and "intensity:" in profile.text
    if (leaf.at[0] in _LOOKED_UP or leaf.at[-1] in _LOOKED_UP) and not own_grid:
        place = chance.randrange(len(leaf.text))
        new = leaf.text[:place] + "~x" + leaf.text[place + 1 :]
        yield _value(profile, leaf, "misspelt-name", f"'{new}'", "refused")
    elif leaf.at == ("staff", "skill"):
        yield _value(profile, leaf, "misspelt-name", "genius", "refused")
        yield _value(profile, leaf, "legal", "none", "read", "none")
    else:
        yield _value(profile, leaf, "legal", "'Ñandú: ☃ # no'", "read", "Ñandú: ☃ # no")


def _value(
    profile: Profile, leaf: Leaf, family: str, new: str, verdict: Verdict, value: object = None
) -> Mutant:
    what = f"{'.'.join(map(str, leaf.at))}: {leaf.text!r} -> {new[:40]!r}"
    data = profile.put(leaf.start, leaf.end, new)
    at = leaf.at
    return Mutant(family, profile.kind, profile.stem, what, data, verdict, leaf.lines, at, value)


def _unit_of(text: str) -> tuple[str, str]:
    """Dimension and unit of a figure such as ``400 W``; empty where it is none."""
    number, _, unit = text.partition(" ")
    if not _is_number(number):
        return "", ""
    return next(((name, unit) for name, units in _DIMENSIONS.items() if unit in units), ("", ""))


def _is_number(text: str) -> bool:
    return text.replace(".", "", 1).isdecimal()


def class_of(profile: Profile) -> type[Any]:
    """What a profile is read as."""
    federated = any(key.at == ("sites",) for key in profile.keys)
    return Federation if federated else CLASSES[profile.kind]


# -- keys ------------------------------------------------------------------------------------------


def _keys(profile: Profile, chance: random.Random) -> Iterator[Mutant]:
    needed = {
        field.name
        for field in dataclasses.fields(class_of(profile))
        if field.default is dataclasses.MISSING and field.default_factory is dataclasses.MISSING
    }
    for key in profile.keys:
        if key.at[:-1] == ("sites",):  # a name of the user's own
            continue
        where = ".".join(map(str, key.at))

        def made(
            family: str,
            what: str,
            data: bytes,
            verdict: Verdict = "refused",
            lines: tuple[int, ...] = key.lines,
        ) -> Mutant:
            return Mutant(family, profile.kind, profile.stem, what, data, verdict, lines)

        place = chance.randrange(len(key.name))
        for new in {
            key.name[:place] + "x" + key.name[place + 1 :],
            key.name + "s",
            key.name.upper(),
            f" '{key.name} '".strip(),
            "3.5",
        }:
            yield made("misspelt-key", f"{where} -> {new}", profile.put(key.start, key.end, new))
        twice = f"{key.name}: 1, " if profile.text[key.start - 1] in "{ " and key.column else ""
        if twice and profile.text[key.start - 1] == "{":
            data = profile.put(key.start, key.start, twice)
            yield made("duplicate-key", f"{where} twice", data)
        if key.column == 0:
            count = profile.text.count("\n") + 1
            data = f"{profile.text}{key.name}: 1\n".encode()
            yield made("duplicate-key", f"{where} twice", data, lines=(count,))
            data = profile.put(key.start, key.start, "surprise: 1\n")
            yield made("unknown-key", f"surprise before {where}", data)
            data = profile.put(key.start, key.start, "? [a, b]\n: 1\n")
            yield made("unknown-key", f"a list as a key before {where}", data)
            data = profile.put(key.start, key.start, "<<: {name: x}\n")
            yield made("unknown-key", f"a merge before {where}", data)
            data = profile.put(key.start, key.start, "\t")
            yield made("tabs", f"before {where}", data, lines=())
            if key.name in needed:
                data = profile.put(key.start, _block_end(profile, key), "")
                yield made("missing-key", where, data, lines=())
        elif profile.text[key.start - key.column : key.start].isspace():
            data = profile.put(key.start - key.column, key.start, "\t")
            yield made("tabs", f"before {where}", data, lines=())
            data = profile.put(key.start - key.column, key.start, "")
            yield made("outdented", where, data, lines=())


def _block_end(profile: Profile, key: Key) -> int:
    """Where the next key of the top level begins."""
    later = [each.start for each in profile.keys if each.column == 0 and each.start > key.start]
    return min(later, default=len(profile.text))


# -- files -----------------------------------------------------------------------------------------


def _files(profile: Profile, chance: random.Random) -> Iterator[Mutant]:
    text = profile.text
    raw = text.encode("utf-8")
    first = profile.leaves[0]
    accented = profile.put(first.start, first.end, "Clínica")
    middle = text.index("\n", len(text) // 2) + 1

    def made(what: str, data: bytes, verdict: Verdict = "refused", at: At = ()) -> Mutant:
        value = "Clínica" if at else None
        return Mutant("encoding", profile.kind, profile.stem, what, data, verdict, (), at, value)

    yield made("latin-1", accented.decode().encode("latin-1"))
    yield made("UTF-16", text.encode("utf-16"))
    yield made("UTF-16 without mark", text.encode("utf-16-le"))
    yield made("UTF-32", text.encode("utf-32"))
    yield made("a mark of UTF-8", b"\xef\xbb\xbf" + accented, "read", first.at)
    yield made("lines of Windows", accented.replace(b"\n", b"\r\n"), "read", first.at)
    for what, byte in (("NUL", b"\0"), ("escape", b"\x1b"), ("half a letter", b"\xc3")):
        at = len(text[:middle].encode())
        yield made(f"{what} in it", raw[:at] + byte + raw[at:])
    yield made("DEL and noncharacters", text.replace("name: ", "name: \x7f\ufffe", 1).encode())
    yield made(
        "a lone surrogate", text.replace("name: ", 'name: "\\ud800" #', 1).encode(), "either"
    )
    yield made("noise", chance.randbytes(2000))
    for what, empty in (("nothing", b""), ("blanks", b" \n\n "), ("a comment", b"# x\n")):
        yield Mutant("empty", profile.kind, profile.stem, what, empty, "refused")
    for what, other in (
        ("null", b"~\n"),
        ("a text", b"just text\n"),
        ("a number", b"5\n"),
        ("a list", b"- a\n- b\n"),
        ("two documents", raw + b"---\n" + raw),
        ("an end", b"---\n...\n"),
        ("JSON of nothing", b"{}"),
        ("a colon", b":"),
        ("a tag", b"!!python/object/apply:os.getcwd []\n"),
        ("a directive", b"%YAML 9.9\n---\n" + raw[:20]),
    ):
        yield Mutant("empty", profile.kind, profile.stem, what, other, "refused")
    for _ in range(8):
        cut = chance.randrange(1, len(raw) - 40)
        data = raw[:cut]
        yield Mutant("cut", profile.kind, profile.stem, f"at byte {cut}", data, "either")
        where, new = chance.randrange(len(raw)), chance.randrange(256)
        data = raw[:where] + bytes([new]) + raw[where + 1 :]
        what = f"byte {where} is {new:#x}"
        yield Mutant("flipped", profile.kind, profile.stem, what, data, "either")


# -- trees -----------------------------------------------------------------------------------------


def _trees(profile: Profile, chance: random.Random) -> Iterator[Mutant]:
    bomb = "\n".join(
        ["l0: &l0 [x, x, x, x, x, x, x, x, x, x]"]
        + [f"l{n}: &l{n} [{', '.join([f'*l{n - 1}'] * 10)}]" for n in range(1, 12)]
    )
    maps = "\n".join(
        ["m0: &m0 {a: x, b: x}"]
        + [f"m{n}: &m{n} {{a: *m{n - 1}, b: *m{n - 1}}}" for n in range(1, 40)]
    )
    leaf = chance.choice([each for each in profile.leaves if each.at[-1] != "source"])
    for what, data in (
        ("a list in itself", f"{profile.text}note: &x [*x]\n"),
        ("keys in themselves", f"{profile.text}note: &x {{a: *x}}\n"),
        ("all in itself", "&x\n" + profile.text + "note: *x\n"),
        ("a key in itself", f"{profile.text}? &x [*x]\n: 1\n"),
        ("an unknown alias", f"{profile.text}note: *nobody\n"),
        ("aliases that grow", f"{profile.text}{bomb}\n"),
        ("keys that grow", f"{profile.text}{maps}\n"),
        ("aliases that grow as a value", f"{bomb}\n{profile.text}note: *l11\n"),
        ("deep lists", f"{profile.text}note: {'[' * 3000}{']' * 3000}\n"),
        ("deep keys", profile.text + "note: " + "{a: " * 3000 + "1" + "}" * 3000 + "\n"),
        ("deep and open", f"{profile.text}note: {'[' * 3000}"),
        ("deep blocks", profile.text + "\n".join(" " * n + "a:" for n in range(700)) + "\n"),
        ("a long list", f"{profile.text}note: [{'1, ' * 20000}1]\n"),
        ("many keys", profile.text + "".join(f"k{n}: 1\n" for n in range(5000))),
        ("long text", f"{profile.text}notes: {'x' * 1_000_000}\n"),
        ("a long number", profile.put(leaf.start, leaf.end, "9" * 100_000).decode()),
        ("a key that is long", f"{profile.text}{'k' * 1000}: 1\n"),
    ):
        size = data.encode("utf-8")
        yield Mutant("tree", profile.kind, profile.stem, what, size, "refused")
    name = profile.put(profile.leaves[0].start, profile.leaves[0].end, "&x Clínica")
    yield Mutant(
        family="tree",
        kind=profile.kind,
        stem=profile.stem,
        what="a text used twice",
        data=name + b"note: *x\n",
        verdict="read",
        at=("note",),
        value="Clínica",
    )
