"""The shared screen against an emulated terminal: the command's rows are as if it were alone."""

from __future__ import annotations

import random
from collections.abc import Iterator

import pyte
import pytest

from ecoaudit.screen import Screen
from tests.standins.terminal import XtermScreen

ROWS, COLUMNS = 12, 40
LINE = b"\x1b[1mecoaudit\x1b[0m | 251 W"


class Pair:
    """A terminal that is shared, and beside it one a row smaller that the command has alone."""

    def __init__(self) -> None:
        self.screen = Screen(ROWS, COLUMNS)
        self.shared = XtermScreen(COLUMNS, ROWS)
        self.alone = XtermScreen(COLUMNS, ROWS - 1)
        self._shared = pyte.ByteStream(self.shared)
        self._alone = pyte.ByteStream(self.alone)
        self._shared.feed(self.screen.claim())

    def write(self, data: bytes) -> None:
        self._shared.feed(self.screen.pass_on(data))
        self._alone.feed(data)

    def line(self) -> bytes:
        drawn = self.screen.line(LINE)
        self._shared.feed(drawn)
        return drawn

    def release(self) -> None:
        self._shared.feed(self.screen.rest() + self.screen.release())

    @property
    def last_row(self) -> str:
        return self.shared.display[-1].rstrip()

    def agree(self) -> None:
        """The command's rows, cursor, colours and scrolled-off lines are the same on both."""
        assert self.shared.display[:-1] == self.alone.display
        here, there = self.shared.cursor, self.alone.cursor
        assert (here.y, here.x, here.attrs) == (there.y, there.x, there.attrs)
        for y in range(ROWS - 1):
            for x in range(COLUMNS):
                cells = (self.shared.buffer[y][x], self.alone.buffer[y][x])
                assert cells[0] == cells[1] or cells[0].data == cells[1].data == " "
        assert history(self.shared) == history(self.alone)


def history(screen: XtermScreen) -> list[str]:
    return ["".join(line[x].data for x in range(COLUMNS)) for line in screen.history.top]


def pieces(random_: random.Random) -> Iterator[bytes]:
    """What programs write: text, progress bars, colours, cursor movements, editors."""
    inside = False  # the alternate screen
    for _ in range(120):
        kind = random_.randrange(14)
        row, column = random_.choice([1, 3, 7, 11, 12, 999]), random_.randrange(1, 60)
        if kind < 4:
            text = "".join(random_.choice("abc é€ ") for _ in range(random_.randrange(50)))
            yield text.encode() + b"\r\n"
        elif kind == 4:
            yield b"\r%d%% |#####" % random_.randrange(100)
        elif kind == 5:
            yield b"\x1b[%d;1m" % random_.randrange(30, 38)
        elif kind == 6:
            yield b"\x1b[%d;%dH" % (row, column)
        elif kind == 7:
            yield random_.choice([b"\x1b[2J", b"\x1b[J", b"\x1b[K", b"\x1b[H", b"\x1bc"])
        elif kind == 8:
            yield random_.choice([b"\x1b[r", b"\x1b[2;6r", b"\x1b[1;99r", b"\x1b[3r", b"\x1b[;5r"])
        elif kind == 9:
            yield b"\x1b7\x1b[%d;%dHsaved\x1b8" % (row, column)
        elif kind == 10:
            inside = not inside
            yield b"\x1b[?1049h" if inside else b"\x1b[?1049l"
        elif kind == 11:
            yield b"\x1b]0;a title\x07" if random_.random() < 0.5 else b"\x1b]2;another\x1b\\"
        elif kind == 12:
            yield b"\x1b[%dA" % random_.randrange(1, 4) + b"\n" * random_.randrange(6)
        else:
            yield b"\x1b[%dd" % row


def test_the_commands_rows_are_as_if_it_were_alone() -> None:
    """Any output, cut into pieces anywhere, with a line drawn wherever it may be."""
    drawn = 0
    for seed in range(60):
        random_ = random.Random(seed)
        pair = Pair()
        data = b"".join(pieces(random_))
        while data:
            size = random_.choice([1, 2, 3, 10, 50, 200])
            pair.write(data[:size])
            data = data[size:]
            if random_.random() < 0.2:
                drawn += bool(pair.line())
        pair.write(b"\x1b\\\x1b[?1049l")  # out of whatever it was in
        pair.agree()
        pair.release()
        pair.agree()
        assert pair.last_row == ""
        assert pair.shared.margins is None
    assert drawn > 100


def test_the_line_is_in_the_last_row_and_goes() -> None:
    pair = Pair()
    pair.write(b"one\r\ntwo")
    pair.line()
    assert pair.last_row == "ecoaudit | 251 W"
    pair.write(b"\r\nthree")
    assert [row.rstrip() for row in pair.shared.display[:3]] == ["one", "two", "three"]
    pair.release()
    assert pair.last_row == ""
    pair.agree()


def test_the_cursor_leaves_the_last_row_and_takes_the_text_with_it() -> None:
    """A command that is started from a prompt at the bottom of the screen."""
    screen = Screen(5, 20)
    shown = XtermScreen(20, 5)
    stream = pyte.ByteStream(shown)
    stream.feed(b"a\r\nb\r\nc\r\nd\r\n$ run")
    stream.feed(screen.claim() + screen.line(b"X"))
    assert [row.rstrip() for row in shown.display] == ["b", "c", "d", "$ run", "X"]
    assert (shown.cursor.y, shown.cursor.x) == (3, 5)


@pytest.mark.parametrize(
    "begun",
    [b"\x1b", b"\x1b[", b"\x1b[1;3", b"\x1b[?10", b"\x1b]0;title", b"\x1bPq#0;2", b"\xe6\xbc"],
)
def test_nothing_is_drawn_inside_a_sequence_or_a_character(begun: bytes) -> None:
    """What is not complete is kept back, or the line waits."""
    screen = Screen(ROWS, COLUMNS)
    screen.claim()
    assert screen.line(LINE) != b""
    passed = screen.pass_on(b"text" + begun)
    assert (passed == b"text") == (screen.line(LINE) != b"")
    assert passed + screen.rest() == b"text" + begun
    screen.pass_on(b"\x1b\\")
    assert screen.line(LINE) != b""


def test_a_sequence_in_two_pieces_comes_out_whole() -> None:
    screen = Screen(ROWS, COLUMNS)
    first, second = screen.pass_on(b"a\x1b[3"), screen.pass_on(b"1mb")
    assert (first, second) == (b"a", b"\x1b[31mb")


def test_what_is_no_sequence_is_not_kept_for_ever() -> None:
    screen = Screen(ROWS, COLUMNS)
    assert screen.pass_on(b"\x1b[" + b"1" * 300) == b"\x1b[" + b"1" * 300
    assert screen.pass_on(b"caf\xe9 au lait") == b"caf\xe9 au lait"
    assert screen.pass_on(b"\x1b[12\x18after") == b"\x1b[12\x18after"


def test_the_alternate_screen_is_the_commands() -> None:
    pair = Pair()
    pair.write(b"$ edit\r\n")
    pair.line()
    pair.write(b"\x1b[?1049h\x1b[Hfull screen")
    assert pair.line() == b""
    assert pair.last_row == ""
    pair.agree()
    pair.write(b"\x1b[?1049l$ ")
    assert pair.line() != b""
    assert pair.last_row == "ecoaudit | 251 W"
    pair.agree()


def test_a_place_that_is_kept_is_found_again() -> None:
    """`tput sc` once and `tput rc` before each update, as spinners in scripts have it."""
    pair = Pair()
    pair.write(b"work: \x1b7")
    for step in range(30):
        assert pair.line() == b""
        pair.write(b"\x1b8\x1b[Kstep %d" % step)
        assert pair.last_row == "ecoaudit | 251 W"
        pair.agree()
    assert pair.shared.display[0].rstrip() == "work: step 29"


def test_what_would_reach_the_last_row_is_bounded() -> None:
    screen = Screen(24, 80)
    sent = (
        b"\x1b[r \x1b[;r \x1b[2;24r \x1b[5;10r \x1b[24;1H \x1b[999;999H \x1b[H \x1b[3;4f \x1b[99d"
    )
    assert screen.pass_on(sent) == (
        b"\x1b[1;23r \x1b[1;23r \x1b[2;23r \x1b[5;10r \x1b[23;1H \x1b[23;999H \x1b[H \x1b[3;4f"
        b" \x1b[23d"
    )


def test_a_small_terminal_is_the_commands_alone() -> None:
    screen = Screen(4, 80)
    assert (screen.shared, screen.command_rows) == (False, 4)
    assert screen.line(LINE) == b""
    assert screen.pass_on(b"\x1b[4;1H") == b"\x1b[4;1H"
    assert b"\x1b[1;23r" in screen.resize(24, 80)
    assert (screen.shared, screen.command_rows) == (True, 23)
    assert screen.resize(24, 80) == b""


def test_nothing_is_added_while_the_terminal_is_not_ours() -> None:
    """A command that goes on in the background of a shell."""
    screen = Screen(24, 80)
    assert screen.claim() != b""
    assert screen.line(LINE) != b""
    assert screen.release() != b""
    sent = b"\x1b7text\x1b8\x1b[?1049h\x1b[?1049l\x1bc"
    assert screen.pass_on(sent) == sent
    assert screen.line(LINE) == b""
