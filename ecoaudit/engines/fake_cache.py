"""A prefix cache as vLLM's: a whole block of tokens is found again if all before it is the same."""

from __future__ import annotations

from collections.abc import Hashable, Iterator, Sequence
from typing import Final

BLOCK_TOKENS: Final = 16


class PrefixCache:
    """Remembers beginnings, without limit.

    Attributes:
        queries: tokens that were looked for.
        hits: tokens that were found.
    """

    def __init__(self) -> None:
        self._blocks: set[int] = set()
        self.queries = 0
        self.hits = 0

    def look_up(self, prompt: Sequence[Hashable]) -> int:
        """Find the beginning of a prompt, then keep the prompt.

        Returns:
            Tokens that were found. The last token never is: at least one is computed.
        """
        found = 0
        for block in _blocks(prompt[:-1]):
            if block not in self._blocks:
                break
            found += BLOCK_TOKENS
        self.queries += len(prompt)
        self.hits += found
        self.keep(prompt)
        return found

    def keep(self, tokens: Sequence[Hashable]) -> None:
        """Remember a beginning."""
        self._blocks.update(_blocks(tokens))


def _blocks(tokens: Sequence[Hashable]) -> Iterator[int]:
    """A number for each whole block and all before it."""
    before = 0
    for end in range(BLOCK_TOKENS, len(tokens) + 1, BLOCK_TOKENS):
        before = hash((before, *tokens[end - BLOCK_TOKENS : end]))
        yield before
