"""A terminal's screen, shared: a command has all rows but the last, which holds a line of ours.

Everything that the command writes passes through here on its way to the terminal, so that it is
known where a line may be drawn between two of its bytes, and when it may not be drawn at all. The
last row is kept out of the command's reach by the scrolling region (DECSTBM): the few sequences
that would widen it, or move the cursor past it, are answered as by a screen one row smaller.

The line steps aside on the alternate screen (editors, pagers, curses), and while the command has
the cursor saved (DECSC): drawing needs that memory, which holds one place. Where a command goes
back to one saved place again and again, the line is drawn only just after it did so.
Reference: ECMA-48, and xterm's control sequences
(https://invisible-island.net/xterm/ctlseqs/ctlseqs.html).
"""

from __future__ import annotations

import re

FEWEST_ROWS = 5  # below these the command has the whole screen
FEWEST_COLUMNS = 20

_WARY = 6  # calls of line() after a cursor that had been saved for longer was restored
_VERY_WARY = 60  # the same after it was restored a second time
_LONGEST_TAIL = 256  # bytes of an unfinished sequence that wait for their end
# Sequences that change what this module must know, or reach beyond the command's rows.
_SEQUENCE = re.compile(rb"\x1b(?:[78c]|\[[0-9;]*[Hdfrsu]|\[\?[0-9;]*[hl]|\[!p)")
_COMPLETE = re.compile(
    rb"\x1b(?:\[[\x00-\x17\x19\x1c-\x3f]*[^\x00-\x17\x19\x1b-\x3f]|[ -/]+[0-~]|[0-Z\\-~]|[^ -~])"
)
_STRING = b"]PX^_"  # after an escape: opens a string that ST or, for the first, BEL ends
_ALTERNATE = {"47", "1047", "1049"}


class Screen:
    """What is known of a terminal that is shared with a command.

    Its methods give the bytes to write to the terminal; it does no input or output itself.

    Args:
        rows: of the terminal.
        columns: of the terminal.
    """

    def __init__(self, rows: int, columns: int):
        self.rows = rows
        self.columns = columns
        self._claimed = False  # whether the last row is ours just now
        self._alternate = False
        self._tail = b""  # an unfinished sequence or character
        self._string = b""  # how the string began that is being passed on; empty outside one
        self._chunk = 0
        self._saved_in: int | None = None  # chunk in which the command saved the cursor
        self._wary = 0  # calls of line() during which the saved place may be wanted again
        self._text = b""  # what the line says
        self._region: tuple[int, int] | None = None  # rows that the command lets scroll; None: all

    @property
    def shared(self) -> bool:
        """Whether the terminal is large enough to be shared."""
        return self.rows >= FEWEST_ROWS and self.columns >= FEWEST_COLUMNS

    @property
    def command_rows(self) -> int:
        """The rows that the command has."""
        return self.rows - 1 if self.shared else self.rows

    @property
    def _has_line(self) -> bool:
        return self._claimed and self.shared and bool(self._text)

    def claim(self) -> bytes:
        """Take the last row: at the start, after a resize, after a stop. The cursor stays."""
        self._claimed = True
        if not self.shared or self._alternate:
            return self._bounds()
        # What is below the cursor is old.
        return self._room() + b"\x1b7\x1b[E\x1b[J\x1b8" + self._bounds()

    def release(self) -> bytes:
        """Give the last row back, empty. The cursor stays."""
        self._claimed = False
        if not self.shared:
            return b""
        clear = b"" if self._alternate else self._drawn(b"")
        return clear + b"\x1b7\x1b[r\x1b8"

    def resize(self, rows: int, columns: int) -> bytes:
        """The terminal has another size."""
        if (rows, columns) == (self.rows, self.columns):
            return b""
        self.rows, self.columns = rows, columns
        self._region = None  # terminals forget it
        return self.claim()

    def line(self, text: bytes) -> bytes:
        """Draw ``text`` into the last row; empty if that must wait. To be called regularly."""
        self._text = text
        self._wary = max(self._wary - 1, 0)
        if self._wary or self._saved_in is not None or self._string or self._alternate:
            return b""
        return self._drawn(text) if self._has_line else b""

    def pass_on(self, data: bytes) -> bytes:
        """What to write for these bytes of the command; an unfinished sequence is kept back."""
        self._chunk += 1
        if self._tail:
            data, self._tail = self._tail + data, b""
        data = self._cut(data)
        return _SEQUENCE.sub(self._answered, data) if b"\x1b" in data else data

    def rest(self) -> bytes:
        """What was kept back; the command has ended."""
        tail, self._tail = self._tail, b""
        return tail

    def _cut(self, data: bytes) -> bytes:
        """``data`` up to its last unfinished sequence or character, which is kept back."""
        last = data.rfind(b"\x1b")
        if self._string == b"]" and b"\x07" in data[: last if last >= 0 else None]:
            self._string = b""
        if last >= 0:
            end = data[last:]
            if len(end) > 1 and end[1] in _STRING:
                ended = end[1:2] == b"]" and b"\x07" in end
                self._string = b"" if ended else end[1:2]
            elif _COMPLETE.match(end) or len(end) > _LONGEST_TAIL:
                self._string = b""
            else:
                self._tail = end
                return data[:last]
        if not self._string:
            cut = _unfinished(data)
            if cut:
                data, self._tail = data[:-cut], data[-cut:]
        return data

    def _answered(self, match: re.Match[bytes]) -> bytes:
        sequence = match.group()
        final = sequence[-1:]
        if sequence in {b"\x1b7", b"\x1b[s"}:
            return self._saves() + sequence
        if sequence in {b"\x1b8", b"\x1b[u"}:
            return sequence + self._restored()
        if sequence == b"\x1bc":
            self._alternate, self._region = False, None
            return sequence + self._bounds()
        if sequence == b"\x1b[!p":
            self._region = None
            return sequence + self._bounds()
        if final in b"hl":
            return sequence + self._switched(sequence[3:-1].decode(), final == b"h")
        if final in b"Hfrd":
            return self._bounded(sequence[2:-1].decode(), final)
        return sequence

    def _saves(self) -> bytes:
        """Before the command saves the cursor, the line goes: it might be long until the next."""
        if self._alternate:
            return b""
        self._saved_in = self._chunk
        return self._drawn(b"") if self._has_line else b""

    def _restored(self) -> bytes:
        """After the command restored the cursor: drawing now leaves what it saved as it was."""
        if self._alternate:
            return b""
        if self._saved_in is None:
            self._wary = _VERY_WARY
        elif self._saved_in < self._chunk:
            self._wary = max(self._wary, _WARY)
        self._saved_in = None
        return self._drawn(self._text) if self._has_line else b""

    def _switched(self, modes: str, on: bool) -> bytes:
        """The command switched modes: to the alternate screen or back, maybe."""
        switched = _ALTERNATE & set(modes.split(";"))
        if not switched or on == self._alternate:
            return b""
        self._alternate = on
        if "1049" not in switched:  # the command may restore the cursor itself
            return b""
        room = b"" if on or not self._claimed or not self.shared else self._room()
        return room + self._bounds()

    def _drawn(self, text: bytes) -> bytes:
        """The last row with ``text`` in it; the cursor stays."""
        # No origin mode, plain letters, no colour: the restored cursor brings the command's back.
        start = b"\x1b7\x1b[?6l\x0f\x1b(B\x1b[0m\x1b[%d;1H" % self.rows
        return start + text + b"\x1b[0m\x1b[K\x1b8"

    def _room(self) -> bytes:
        """Move the cursor, with all above it, out of the last row."""
        return b"\x1b7\x1b[r\x1b8\n\x1b[A"

    def _bounds(self) -> bytes:
        """Set the scrolling region to the command's, or to all its rows; the cursor stays."""
        if not self._claimed:
            return b""
        return b"\x1b7\x1b[%d;%dr\x1b8" % (self._region or (1, self.command_rows))

    def _bounded(self, parameters: str, final: bytes) -> bytes:
        """A sequence with a row in it, with no row beyond the command's."""
        rows = self.command_rows
        numbers = [int(text) if text else 0 for text in parameters.split(";")]
        if final == b"r":
            bottom = numbers[1] if len(numbers) > 1 else 0
            numbers = [numbers[0] or 1, min(bottom or rows, rows)]
            if numbers[0] < numbers[1]:  # others are not heeded
                self._region = (numbers[0], numbers[1])
        elif numbers[0] > rows:
            numbers[0] = rows
        else:
            return b"\x1b[" + parameters.encode() + final
        return b"\x1b[" + ";".join(str(n) if n else "" for n in numbers).encode() + final


def _unfinished(data: bytes) -> int:
    """How many bytes at the end begin a UTF-8 character that is not complete."""
    for back in range(1, min(3, len(data)) + 1):
        byte = data[-back]
        if byte & 0xC0 == 0x80:
            continue  # inside a character
        length = 2 if byte & 0xE0 == 0xC0 else 3 if byte & 0xF0 == 0xE0 else 4
        return back if byte >= 0xC0 and length > back else 0
    return 0
