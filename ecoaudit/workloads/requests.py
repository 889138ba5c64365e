"""Where a load's requests come from: each alone, or turn by turn of conversations.

In a conversation whose history is sent again word for word, a turn can only be made when the answer
before it has come. So a load asks for its next request when it is due, and tells of each answer.
"""

from __future__ import annotations

import itertools
from collections import deque
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Protocol

from ecoaudit.workloads.client import Answer
from ecoaudit.workloads.lengths import Turn
from ecoaudit.workloads.prompts import Prepared, PromptMaker

if TYPE_CHECKING:
    import numpy

_DRAWN = 64  # conversations, of which one under way is chosen


class Requests(Protocol):
    """Requests without end."""

    def next(self) -> Prepared:
        """The next request."""
        ...

    def ended(self, request: Prepared, answer: Answer) -> None:
        """Take note of the answer to a request."""
        ...


class Singles:
    """Requests that know nothing of each other.

    Args:
        made: makes them.
        ahead: so many are made at once, so that making them takes no time later.
    """

    def __init__(self, made: Iterator[Prepared], ahead: int = 0):
        self._made = itertools.chain(list(itertools.islice(made, ahead)), made)

    def next(self) -> Prepared:
        """See :class:`Requests`."""
        return next(self._made)

    def ended(self, request: Prepared, answer: Answer) -> None:
        """See :class:`Requests`."""


@dataclass(slots=True)
class _Talk:
    """A conversation under way: the turns to come, and the token ids that were said so far."""

    turns: deque[Turn]
    said: list[int]


class Conversations:
    """Turns of conversations; each prompt is word for word what was said before, and a new message.

    The turn that comes next is that of the conversation that has waited longest for it. Where none
    waits, a conversation begins. So nobody takes time to think, and no more conversations are
    open than requests were in flight at once: the most favourable order for a prefix cache.

    The first few begin in the middle, at a turn drawn from all turns of all conversations, with a
    made-up history: otherwise all would be short at first and grow together.

    Args:
        prompts: makes the messages.
        talks: the lengths of conversation after conversation.
        midway: so many conversations begin in the middle.
        chance: draws where.
    """

    def __init__(
        self,
        prompts: PromptMaker,
        talks: Iterator[Sequence[Turn]],
        midway: int,
        chance: numpy.random.Generator,
    ):
        self._prompts = prompts
        self._talks = talks
        self._midway = midway
        self._chance = chance
        self._waiting: deque[_Talk] = deque()
        self._asked: dict[int, _Talk] = {}

    def next(self) -> Prepared:
        """See :class:`Requests`."""
        talk = self._waiting.popleft() if self._waiting else self._begin()
        turn = talk.turns.popleft()
        known = len(talk.said) or self._prompts.shared_tokens
        if talk.said:
            talk.said += self._prompts.filling(turn.message_tokens)
        else:
            talk.said = self._prompts.token_ids(turn.prompt_tokens)
        request = self._prompts.of_ids(
            talk.said,
            turn.output_tokens,
            turn.clipped,
            fresh_tokens=max(len(talk.said) - known, 0),
            wants_ids=bool(talk.turns),
            language=turn.language,
        )
        self._asked[id(request)] = talk
        return request

    def ended(self, request: Prepared, answer: Answer) -> None:
        """See :class:`Requests`. A conversation ends with a failed answer."""
        talk = self._asked.pop(id(request))
        if talk.turns and not answer.error and answer.ids is not None:
            talk.said += answer.ids
            self._waiting.append(talk)

    def _begin(self) -> _Talk:
        if self._midway == 0:
            return _Talk(deque(next(self._talks)), [])
        self._midway -= 1
        drawn = list(itertools.islice(self._talks, _DRAWN))
        places = [(talk, turn) for talk in drawn for turn in range(len(talk))]
        talk, turn = places[int(self._chance.integers(len(places)))]
        return _Talk(deque(talk[turn:]), [])
