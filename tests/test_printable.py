"""Hidden characters are written out; what people write with is left alone."""

from __future__ import annotations

import pytest

from ecoaudit.printable import printable


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("\x1b[2J", r"\x1b[2J"),
        ("a\rb\nc\td", r"a\rb\nc\td"),
        ("\x9b31m\x7f", r"\x9b31m\x7f"),
        ("clinic \u202egpj.exe", r"clinic \u202egpj.exe"),
        ("\u2066x\u2069\u2028", r"\u2066x\u2069\u2028"),
        ("half \ud800", r"half \ud800"),
        ("\U000e0041", r"\U000e0041"),
    ],
)
def test_what_steers_a_terminal_is_written_out(text: str, shown: str) -> None:
    assert printable(text) == shown
    assert printable(text).encode("utf-8")


@pytest.mark.parametrize(
    "text", ["Hôpital de l’Est", "病院", "می‌خواهم", "עברית\u200f!", "✓ 5 µJ – 3 × 4", "👩‍⚕️"]
)
def test_what_people_write_with_is_left_alone(text: str) -> None:
    assert printable(text) == text


def test_lines_can_be_kept() -> None:
    assert printable("a: 1\n\tb\x1b", keep="\n\t") == "a: 1\n\tb\\x1b"
