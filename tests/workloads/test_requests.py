"""Conversations whose history is sent again word for word."""

from __future__ import annotations

import itertools
import json
from array import array
from collections.abc import Iterator
from typing import Any

import numpy

from ecoaudit.engines.base import EngineFacts
from ecoaudit.workloads.client import Answer
from ecoaudit.workloads.lengths import Turn
from ecoaudit.workloads.prompts import Prepared, PromptMaker
from ecoaudit.workloads.requests import Conversations

FACTS = EngineFacts("fake", "1", "http://127.0.0.1:9", "m", "served", "bf16", False, 4096, True)
TALK = [Turn(10, 5, 30), Turn(7, 6, 42), Turn(9, 4, 57)]  # a system prompt of 20 tokens


def made(midway: int = 0, talks: Iterator[list[Turn]] | None = None) -> Conversations:
    maker = PromptMaker(FACTS, (1,), shared_tokens=20)
    return Conversations(
        maker, talks or itertools.repeat(TALK), midway, numpy.random.default_rng(1)
    )


def ids(request: Prepared) -> list[int]:
    body: dict[str, Any] = json.loads(request.body)
    return list(body["prompt"])


def answered(conversations: Conversations, request: Prepared, token: int, error: str = "") -> None:
    """The answer has come, as long as was asked for."""
    answer = Answer(0, error=error, ids=array("I", [token] * request.output_tokens))
    conversations.ended(request, answer)


def test_each_turn_repeats_what_was_said_word_for_word() -> None:
    talks = made()
    first = talks.next()
    assert len(ids(first)) == 30
    assert (first.output_tokens, first.wants_ids, first.fresh_tokens) == (5, True, 10)
    answered(talks, first, 77)
    second = talks.next()
    assert ids(second)[:35] == [*ids(first), *[77] * 5]
    assert (len(ids(second)), second.fresh_tokens) == (42, 7)
    answered(talks, second, 88)
    third = talks.next()
    assert ids(third)[:48] == [*ids(second), *[88] * 6]
    assert (len(ids(third)), third.wants_ids) == (57, False)  # nothing comes after it
    answered(talks, third, 99)
    new = talks.next()
    assert len(ids(new)) == 30
    assert ids(new)[:20] == ids(first)[:20]  # the system prompt
    assert ids(new)[20:25] != ids(first)[20:25]


def test_the_longest_waiting_conversation_goes_on_and_none_waits_for_another() -> None:
    talks = made()
    one, two = talks.next(), talks.next()  # the second is due before the first was answered
    answered(talks, two, 2)
    answered(talks, one, 1)
    assert ids(talks.next())[:30] == ids(two)
    assert ids(talks.next())[:30] == ids(one)


def test_a_failed_answer_ends_its_conversation() -> None:
    talks = made()
    first = talks.next()
    answered(talks, first, 1, error="HTTP 500")
    assert len(ids(talks.next())) == 30  # a new one


def test_the_first_ones_begin_in_the_middle() -> None:
    talks = made(midway=200)
    lengths = [len(ids(talks.next())) for _ in range(200)]
    for length in (30, 42, 57):
        assert 40 < lengths.count(length) < 95  # a third each
    assert len(ids(talks.next())) == 30


def test_long_conversations_are_met_more_often_in_the_middle() -> None:
    talks = itertools.cycle([[Turn(10, 5, 30)], TALK])
    seen = made(midway=400, talks=talks)
    lengths = [len(ids(seen.next())) for _ in range(400)]
    assert 150 < lengths.count(30) < 250  # two of four turns are first ones
