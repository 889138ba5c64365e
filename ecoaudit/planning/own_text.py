"""How many tokens a text of the user's takes, by tokenizer files of theirs; counts only.

The text is read, counted and forgotten: no word of it goes into a result or a message.
"""

from __future__ import annotations

import unicodedata
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from ecoaudit.checks import doubt
from ecoaudit.errors import FileFormatError, NotFoundError
from ecoaudit.factors.tokenizer_files import TokenizerFile
from ecoaudit.run import Doubt


@dataclass(frozen=True, slots=True)
class TokenCount:
    """A text, as one tokenizer cuts it.

    Attributes:
        tokenizer: the file.
        tokens: without control tokens.
        composed_tokens: of the same text with its letters composed (Unicode NFC).
        per_word: tokens over what stands between blanks.
        per_character: tokens over Unicode code points.
    """

    tokenizer: str
    tokens: int
    composed_tokens: int
    per_word: float
    per_character: float

    @property
    def avoidable(self) -> int:
        """Tokens that go away when the text is composed."""
        return max(self.tokens - self.composed_tokens, 0)


@dataclass(frozen=True, slots=True)
class TextCount:
    """The measures of a text.

    Attributes:
        file: its name.
        size_bytes: in UTF-8.
        characters: Unicode code points.
        composed_characters: after composing (Unicode NFC).
        words: what stands between blanks; of little use where a script has none.
        counts: by tokenizer.
    """

    file: str
    size_bytes: int
    characters: int
    composed_characters: int
    words: int
    counts: tuple[TokenCount, ...]

    @property
    def doubts(self) -> tuple[Doubt, ...]:
        """That the text is decomposed, where that costs tokens or might."""
        split = self.characters - self.composed_characters
        costs = [count for count in self.counts if count.avoidable]
        if split <= 0 or (self.counts and not costs):
            return ()
        message = (
            f"{self.file} is decomposed Unicode, letters apart from their marks in {split} places"
        )
        if costs:
            message += "; avoidable: " + ", ".join(
                f"{count.avoidable} of {count.tokens} tokens"
                f" ({count.avoidable / count.tokens:.0%}) by {count.tokenizer}"
                for count in costs
            )
        else:
            message += "; a tokenizer's file would tell how many tokens that costs"
        remedy = "compose it (Unicode NFC) before it is sent: unicodedata.normalize('NFC', text)"
        return (doubt("decomposed-text", message, remedy),)


def count_text(path: Path, tokenizers: Sequence[TokenizerFile] = ()) -> TextCount:
    """Count the tokens of a text.

    Args:
        path: of the text, in UTF-8.
        tokenizers: what counts; none: only its length is told.

    Raises:
        NotFoundError: no such file.
        FileFormatError: it is not UTF-8, or empty.
    """
    if not path.is_file():
        raise NotFoundError(f"{path}: no such file; give a text file in UTF-8")
    raw = path.read_bytes()
    try:
        text = raw.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        raise FileFormatError(
            f"{path}: not UTF-8 at byte {error.start}; save the text as UTF-8 and try again"
        ) from None
    if not text.strip():
        raise FileFormatError(f"{path}: holds no text")
    composed = unicodedata.normalize("NFC", text)
    words = len(text.split())
    counts = []
    for each in tokenizers:
        tokens = each.count(text)
        same = tokens if composed == text else each.count(composed)
        counts.append(TokenCount(each.name, tokens, same, tokens / words, tokens / len(text)))
    return TextCount(
        path.name, len(text.encode("utf-8")), len(text), len(composed), words, tuple(counts)
    )
