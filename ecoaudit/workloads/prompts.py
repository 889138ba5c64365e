"""Synthetic prompts of a given length. No two share their first tokens, so no cache can help; where
they are to share a system prompt, that is all they share.

Nothing here comes from a patient or a data set, and nothing of it is written anywhere.
"""

from __future__ import annotations

import json
import secrets
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any, Final

from ecoaudit.engines.base import EngineFacts
from ecoaudit.workloads.lengths import Shape

# Ids that every vocabulary has and that none uses for control tokens.
FIRST_ID: Final = 1000
LAST_ID: Final = 2000
WORDS: Final = ("visit", "patient", "nurse", "fever", "cough", "pain", "sleep", "water", "walk",
    "hand", "head", "back", "week", "month", "morning", "night", "better", "worse", "clinic",
    "test", "blood", "sugar", "heart", "breath")  # fmt: skip
_SALT_TOKENS: Final = 3  # of the run
_COUNT_TOKENS: Final = 2  # of the request


@dataclass(frozen=True, slots=True)
class Prepared:
    """A request ready to be sent.

    Attributes:
        path: of the server.
        body: JSON.
        output_tokens: how many are asked for.
        clipped: see :class:`~ecoaudit.workloads.lengths.Shape`.
        fresh_tokens: of the prompt, those after what an earlier request sent or got; None where it
            was sent as text.
        wants_ids: whether the token ids of the answer are to be kept, for the prompt after it.
        language: see :class:`~ecoaudit.workloads.lengths.Shape`; the text itself is in none.
    """

    path: str
    body: bytes
    output_tokens: int
    clipped: bool
    fresh_tokens: int | None = None
    wants_ids: bool = False
    language: str = ""


class PromptMaker:
    """Makes requests for one server. Each maker has its own salt: two runs share no prompt.

    Args:
        facts: the server and what it understands.
        seed: for the filling; the salt is always fresh.
        words: make text of these words rather than token ids.
        shared_tokens: length of a beginning that all prompts have in common [tokens]; is kept as
            an attribute.
    """

    def __init__(
        self,
        facts: EngineFacts,
        seed: tuple[int, ...],
        words: Sequence[str] = (),
        shared_tokens: int = 0,
    ):
        import numpy

        self._facts = facts
        self._as_text = bool(words) or not facts.abilities.token_ids
        self._words = tuple(words) or WORDS
        self._chance = numpy.random.default_rng(seed)
        self._salt = secrets.randbelow((LAST_ID - FIRST_ID) ** _SALT_TOKENS)
        self._count = 0
        self._shared_ids: list[int] = []
        self._shared_text = ""
        self.shared_tokens = 0
        if shared_tokens:
            ids, text = self.token_ids(shared_tokens), f"{self._text(shared_tokens)} "
            self._shared_ids, self._shared_text, self.shared_tokens = ids, text, shared_tokens

    @property
    def exact(self) -> bool:
        """Whether prompts have exactly the tokens that were asked for."""
        return not self._as_text

    def requests(self, shapes: Iterator[Shape]) -> Iterator[Prepared]:
        """A request for each shape."""
        for shape in shapes:
            yield self.request(shape)

    def request(self, shape: Shape) -> Prepared:
        """The next request, of this shape."""
        if not self._as_text:
            ids = self.token_ids(shape.prompt_tokens)
            fresh = max(len(ids) - self.shared_tokens, 0)
            return self.of_ids(
                ids,
                shape.output_tokens,
                shape.clipped,
                fresh_tokens=fresh,
                language=shape.language,
            )
        text = self._text(shape.prompt_tokens)
        if self._facts.abilities.completions:
            prompt: dict[str, Any] = {"prompt": text}
            path = "/v1/completions"
        else:
            prompt = {"messages": [{"role": "user", "content": text}]}
            path = "/v1/chat/completions"
        body = self._body(prompt, shape.output_tokens)
        return Prepared(path, body, shape.output_tokens, shape.clipped, language=shape.language)

    def of_ids(
        self,
        ids: list[int],
        output_tokens: int,
        clipped: bool,
        *,
        fresh_tokens: int,
        wants_ids: bool = False,
        language: str = "",
    ) -> Prepared:
        """A request with these token ids as its prompt; the rest as in :class:`Prepared`."""
        prompt: dict[str, Any] = {"prompt": ids}
        if wants_ids:
            prompt["return_token_ids"] = True
        body = self._body(prompt, output_tokens)
        return Prepared(
            "/v1/completions", body, output_tokens, clipped, fresh_tokens, wants_ids, language
        )

    def _body(self, prompt: dict[str, Any], output_tokens: int) -> bytes:
        able = self._facts.abilities
        body: dict[str, Any] = {
            "model": self._facts.served_name,
            "max_tokens": output_tokens,
            "temperature": 0,
            "stream": True,
            "stream_options": {"include_usage": True},
            **prompt,
        }
        if able.continuous_usage:
            body["stream_options"]["continuous_usage_stats"] = True
        if able.ignore_eos:
            body["ignore_eos"] = True
        return json.dumps(body, separators=(",", ":")).encode()

    def token_ids(self, length: int) -> list[int]:
        """``length`` token ids: what is shared, the run's salt, the request's number, filling."""
        salt = _digits(self._salt, _SALT_TOKENS)
        own = [*salt, *_digits(self._next(), _COUNT_TOKENS)]
        ids = [*self._shared_ids[: max(length - len(own), 0)], *own]
        return (ids + self.filling(max(length - len(ids), 0)))[:length]

    def filling(self, length: int) -> list[int]:
        """``length`` token ids at random."""
        drawn: list[int] = self._chance.integers(FIRST_ID, LAST_ID, length).tolist()
        return drawn

    def _text(self, tokens: int) -> str:
        """About ``tokens`` tokens of words, after what is shared and a salt."""
        own = tokens - self.shared_tokens
        count = max(round(own / self._facts.tokens_per_word), 1)
        picks = self._chance.integers(0, len(self._words), count).tolist()
        filling = " ".join(self._words[pick] for pick in picks)
        return f"{self._shared_text}{self._salt:x} {self._next()} {filling}"

    def _next(self) -> int:
        self._count += 1
        return self._count


def _digits(number: int, count: int) -> list[int]:
    """``number`` written with ``count`` token ids, the last digit first."""
    base, ids = LAST_ID - FIRST_ID, []
    for _ in range(count):
        number, digit = divmod(number, base)
        ids.append(FIRST_ID + digit)
    return ids
