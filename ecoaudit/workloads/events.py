"""Reads a stream of server-sent events, for its counts. It keeps no text.

The usual event is looked at with byte searches, which cost a fifth of a JSON parser; only an event
that they do not know is parsed. A count can not be mistaken for text: a quotation mark inside a
JSON string is always written with a backslash.
"""

from __future__ import annotations

import json
import re
from array import array
from typing import Final

from ecoaudit.workloads.answer import Answer
from ecoaudit.workloads.failures import CUT_SHORT, IN_STREAM, MALFORMED, NO_TOKEN

MOST_LINE_BYTES: Final = 2**24  # the first event may quote the prompt's token ids
_OUTPUT: Final = b'"completion_tokens":'
_AFTER_OUTPUT: Final = len(_OUTPUT)
_CHOICES: Final = b'"choices":'
_AFTER_CHOICES: Final = len(_CHOICES)
_NONE: Final = (b"[]", b" []")
_DONE: Final = b"[DONE]"
_IDS: Final = b'"token_ids":'
_NUMBER = re.compile(rb"\s*(\d+)")
_NUMBERS = re.compile(rb"\s*\[([\d,\s]+)\]")
_PROMPT = re.compile(rb'"prompt_tokens":\s*(\d+)')
_TEXT = re.compile(rb'"(?:text|content|reasoning|reasoning_content)":\s*"[^"]')
_OTHER_FIELDS: Final = (b":", b"event:", b"id:", b"retry:")  # a comment, and what SSE has besides


class Events:
    """Follows the stream of one answer.

    Args:
        answer: is filled.
        wants_ids: whether to keep the token ids.

    Attributes:
        done: whether the stream said that it was.
    """

    def __init__(self, answer: Answer, wants_ids: bool = False):
        self._answer = answer
        self._wants_ids = wants_ids
        self._failure = ""
        self._rest = b""
        self._seen = 0  # tokens, at the last chunk that had some
        self._spread = False  # whether chunks with text came without a count
        self._total = 0  # tokens, as the server counted them last
        self.done = False

    def take(self, time_s: float, data: bytes) -> bool:
        """Look at what came at one time.

        Returns:
            Whether to go on; not after an error.
        """
        if self._rest:
            data = self._rest + data
            self._rest = b""
        if not data.endswith(b"\n"):
            whole, _, self._rest = data.rpartition(b"\n")
            if len(self._rest) > MOST_LINE_BYTES:
                self._failure = MALFORMED
                return False
            data = whole
        return all(self._line(time_s, line) for line in data.split(b"\n") if line)

    def ended(self) -> str:
        """Sum up the answer, whose response is whole or broke off.

        Returns:
            What was wrong with it, as a kind; empty when nothing was.
        """
        rest = self._rest.strip()  # an event counts when its line has ended, but for the last
        if rest.startswith(b"data:") and rest[5:].strip() == _DONE:
            self.done = True
        elif not self._failure and not _begins_an_event(rest):
            self._failure = MALFORMED
        answer, times = self._answer, self._answer.times_s
        answer.output_tokens = self._total or self._seen
        answer.counted = self._total > 0
        if times:
            answer.last_s = times[-1]
        if self._failure or not self.done:
            return self._failure or CUT_SHORT
        if not times:
            return NO_TOKEN
        if self._total and self._total != self._seen:  # not counted at each chunk
            for place in range(len(answer.counts)):
                answer.counts[place] *= self._total / self._seen
        return ""

    def _line(self, time_s: float, line: bytes) -> bool:
        if line.startswith(b"data:"):
            place = line.rfind(_OUTPUT)
            if place >= 0 and line.endswith((b"}", b"}\r")):
                found = _NUMBER.match(line, place + _AFTER_OUTPUT)
                if found is not None:
                    return self._counted(time_s, line, int(found[1]))
            return self._uncounted(time_s, line)
        if line == b"\r" or line.startswith(_OTHER_FIELDS):
            return True
        return self._fail(MALFORMED)

    def _counted(self, time_s: float, line: bytes, total: int) -> bool:
        """An event with a count."""
        answer = self._answer
        if total < self._total:
            return self._fail(MALFORMED)
        self._total = total
        if self._spread:  # over all chunks, at the end: the count is not of this one alone
            if _TEXT.search(line):
                self._note(time_s, self._seen + 1)
        elif total > self._seen:
            place = line.find(_CHOICES)
            if place >= 0 and not line.startswith(_NONE, place + _AFTER_CHOICES):
                self._note(time_s, total)
        if answer.prompt_tokens == 0 and (prompt := _PROMPT.search(line)):
            answer.prompt_tokens = int(prompt[1])
        if self._wants_ids:
            self._keep_ids(line)
        return True

    def _uncounted(self, time_s: float, line: bytes) -> bool:
        """An event without a count, or something else."""
        content = line[5:].strip()
        if content == _DONE:
            self.done = True
        elif content.endswith(b"}") and _TEXT.search(content):
            self._spread = True  # a server that counts only at the end, or never
            self._note(time_s, self._seen + 1)
            if self._wants_ids:
                self._keep_ids(line)
        elif content:
            return self._odd(content)
        return True

    def _odd(self, content: bytes) -> bool:
        """An event without text: a role, an end, an error, or no JSON at all."""
        try:
            event = json.loads(content)
        except (ValueError, RecursionError):
            return self._fail(MALFORMED)
        if not isinstance(event, dict):
            return self._fail(MALFORMED)
        if event.get("error") or event.get("object") == "error":
            return self._fail(IN_STREAM)
        return True

    def _note(self, time_s: float, count: int) -> None:
        answer = self._answer
        if answer.first_s is None:
            answer.first_s = time_s
        self._seen = count
        answer.times_s.append(time_s)
        answer.counts.append(count)

    def _keep_ids(self, line: bytes) -> None:
        place = line.rfind(_IDS)
        found = _NUMBERS.match(line, place + len(_IDS)) if place >= 0 else None
        if found is not None:
            if self._answer.ids is None:
                self._answer.ids = array("I")
            self._answer.ids.extend(map(int, found[1].split(b",")))

    def _fail(self, kind: str) -> bool:
        self._failure = kind
        return False


def _begins_an_event(rest: bytes) -> bool:
    """Whether a line that broke off may have been one of an event."""
    return any(field.startswith(rest[: len(field)]) for field in (b"data:", *_OTHER_FIELDS))
