"""YAML as profiles use it: decimal numbers, words as keys, and nothing without an end."""

from __future__ import annotations

import datetime
import math
from pathlib import Path

import pytest

from ecoaudit.errors import ProfileError
from ecoaudit.scenario.yaml_file import DEEPEST, MOST_BYTES, MOST_VALUES, read_yaml


def value_of(folder: Path, text: str) -> object:
    path = folder / "x.yaml"
    path.write_text(f"a: {text}\n", "utf-8")
    return read_yaml(path)[0]["a"]


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ("5", 5),
        ("-5", -5),
        ("0", 0),
        ("1_000", 1000),
        ("1.5", 1.5),
        ("0.25", 0.25),
        (".5", 0.5),
        ("1.5e+3", 1500.0),
        ("-.inf", -math.inf),
        ("true", True),
        ("off", False),
        ("~", None),
        ("2026-11-01", datetime.date(2026, 11, 1)),
        # what YAML 1.1 takes for numbers to other bases stays text
        ("010", "010"),
        ("0x1F", "0x1F"),
        ("0b11", "0b11"),
        ("18:00", "18:00"),
        ("1:30.5", "1:30.5"),
        ("1e5", "1e5"),
        ("'5'", "5"),
    ],
)
def test_numbers_are_decimal(tmp_path: Path, text: str, value: object) -> None:
    found = value_of(tmp_path, text)
    assert found == value
    assert type(found) is type(value)


def test_keys_are_the_words_that_stand_there(tmp_path: Path) -> None:
    path = tmp_path / "x.yaml"
    path.write_text("no: 1\n5: 2\n2026-01-01: 3\n'on': {y: [4, {n: 5}]}\n")
    data, lines = read_yaml(path)
    assert data == {"no": 1, "5": 2, "2026-01-01": 3, "on": {"y": [4, {"n": 5}]}}
    assert lines[("on", "y", 1, "n")] == 4


def test_a_mark_of_utf_8_and_lines_of_windows_are_read(tmp_path: Path) -> None:
    path = tmp_path / "x.yaml"
    path.write_bytes(b"\xef\xbb\xbfa: x\r\n\r\nb: y\r\n")
    data, lines = read_yaml(path)
    assert data == {"a": "x", "b": "y"}
    assert lines[("b",)] == 3


@pytest.mark.parametrize(
    ("content", "place", "said"),
    [
        (b"a: 1\nb: \xe4\n", ":2", "not UTF-8 at byte 8; save the file as UTF-8"),
        (b"a: 1\n\nb: \0\n", ":3", r"not YAML (the character '\x00' may not stand in it)"),
        (b"a: 1\nb: !!bool maybe\n", ":2", "b: cannot be read as bool; got 'maybe'"),
        (b"a: 1\nb: {c: 2026-13-45}\n", ":2", "b.c: cannot be read as timestamp"),
        (b"a: 1\nb: " + b"9" * 5000, ":2", "b: cannot be read as int; got '" + "9" * 40 + "...'"),
        (b"a: !!python/name:os.system x\n", ":1", "a: cannot be read as "),
        (b"a: 1\n[b]: 2\n", ":2", "expected a word as a key"),
        (b"a: {b: 1, b: 2}\n", ":1", "a.b: this key stands twice"),
        (b"a: 1\n\tb: 2\n", ":2", "not YAML (found character '\\t'"),
        (b"a: &x [*x]\n", ":1", "nested too deeply, or an alias of itself"),
        (b"a: 1\nb: " + b"[" * (DEEPEST + 1), ":2", "not YAML (nested too deeply"),
        (b"- a\n", ":1", "expected keys and values, one per line"),
        (b"", ":1", "expected keys and values, one per line"),
        (b"#" * (MOST_BYTES + 1), "", f"more than {MOST_BYTES:,} bytes, which no profile has"),
    ],
)
def test_what_cannot_be_read_has_its_line(
    tmp_path: Path, content: bytes, place: str, said: str
) -> None:
    path = tmp_path / "x.yaml"
    path.write_bytes(content)
    with pytest.raises(ProfileError) as caught:
        read_yaml(path)
    assert str(caught.value).startswith(f"{path}{place}: {said}")
    assert "\n" not in str(caught.value)


def test_aliases_that_grow_are_stopped(tmp_path: Path) -> None:
    lists = [f"l{n}: &l{n} [{', '.join([f'*l{n - 1}'] * 10)}]" for n in range(1, 12)]
    path = tmp_path / "x.yaml"
    path.write_text("\n".join(["l0: &l0 [x, x]", *lists]))
    with pytest.raises(ProfileError, match=f"more than {MOST_VALUES:,} values, with all aliases"):
        read_yaml(path)
    path.write_text("a: &a {b: 1}\nc: *a\nd: [*a, *a]\n")
    assert read_yaml(path)[0] == {"a": {"b": 1}, "c": {"b": 1}, "d": [{"b": 1}, {"b": 1}]}


def test_a_file_that_is_not_there(tmp_path: Path) -> None:
    with pytest.raises(ProfileError, match=r"x\.yaml: cannot be read \(No such file"):
        read_yaml(tmp_path / "x.yaml")


def test_numbers_under_some_keys_stay_as_written(tmp_path: Path) -> None:
    path = tmp_path / "x.yaml"
    path.write_text("value: 24.70\nother: 24.70\nlist: [{value: 1_000}]\n")
    data, _ = read_yaml(path, as_written={"value"})
    assert data == {"value": "24.70", "other": 24.7, "list": [{"value": "1_000"}]}


def test_a_file_may_be_allowed_more(tmp_path: Path) -> None:
    path = tmp_path / "x.yaml"
    path.write_text(f"a: '{'x' * 60_000}'\n")
    with pytest.raises(ProfileError, match="more than 50,000 bytes, which no profile has"):
        read_yaml(path)
    assert len(read_yaml(path, most_bytes=100_000)[0]["a"]) == 60_000
