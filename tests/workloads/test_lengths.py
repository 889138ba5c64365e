"""Lengths of conversations, and that single requests are drawn as ever."""

from __future__ import annotations

import itertools
from dataclasses import replace
from statistics import fmean

import numpy
import pytest

from ecoaudit.estimate import Basis, Estimate
from ecoaudit.factors.tokenizers import counted
from ecoaudit.scenario import Lengths, Scenario, load_scenario, load_workload
from ecoaudit.workloads.languages import Mix, mix_of
from ecoaudit.workloads.lengths import (
    Shape,
    Turn,
    conversation,
    fitted,
    log_parameters,
    longest_context,
    shapes,
)


def figure(value: float, unit: str = "tokens") -> Estimate:
    return Estimate.exact(value, unit, Basis.DECLARED, "test")


def lengths(mean: float, sd: float = 0) -> Lengths:
    return Lengths(figure(mean), figure(sd))


def chat(
    message: Lengths, answer: Lengths, turns: float, turns_sd: float | None = None
) -> Scenario:
    """A scenario whose conversations have 100 tokens of system prompt."""
    scenario = load_scenario("district-hospital-notes")
    work = replace(
        scenario.workload,
        prompt=message,
        output=answer,
        system_prompt=figure(100),
        turns=figure(turns, "turns"),
        turns_sd=None if turns_sd is None else figure(turns_sd, "turns"),
    )
    return replace(scenario, workload=work)


FIXED = chat(lengths(10), lengths(5), 4)


def chance(seed: int = 1) -> numpy.random.Generator:
    return numpy.random.default_rng(seed)


@pytest.fixture(scope="module")
def skills() -> Scenario:
    scenario = load_scenario("district-hospital-notes")
    return replace(scenario, workload=load_workload("skills-chat"))


def test_each_prompt_holds_all_that_was_said_before() -> None:
    assert conversation(FIXED, chance()) == [
        Turn(10, 5, 110),
        Turn(10, 5, 125),
        Turn(10, 5, 140),
        Turn(10, 5, 155),
    ]
    assert FIXED.prompt_tokens.value == (110 + 125 + 140 + 155) / 4


@pytest.mark.parametrize("seed", range(40))
def test_prompts_sum_to_the_messages_and_answers_times_the_turns_that_send_them(
    skills: Scenario, seed: int
) -> None:
    turns = conversation(skills, chance(seed))
    count = len(turns)
    assert count >= 1
    # message k is sent in turns k, k + 1 ... T, answer k in k + 1 ... T
    messages = sum(turn.message_tokens * (count - place) for place, turn in enumerate(turns))
    answers = sum(turn.output_tokens * (count - place - 1) for place, turn in enumerate(turns))
    assert sum(turn.prompt_tokens for turn in turns) == count * 600 + messages + answers
    assert all(turn.message_tokens >= 1 and turn.output_tokens >= 1 for turn in turns)
    assert not any(turn.clipped for turn in turns)


@pytest.mark.parametrize(("turns", "sd"), [(1.5, None), (2.5, None), (3, 0.0), (6, 3.0), (2, 1.0)])
def test_the_mean_prompt_is_what_the_formula_of_the_workload_says(
    turns: float, sd: float | None
) -> None:
    scenario = chat(lengths(30, 15), lengths(20, 10), turns, sd)
    source = chance(7)
    drawn = [conversation(scenario, source) for _ in range(12000)]
    assert fmean(map(len, drawn)) == pytest.approx(turns, rel=0.02)
    prompts = [turn.prompt_tokens - 100 for each in drawn for turn in each]
    expected = scenario.prompt_tokens.number - 100
    assert fmean(prompts) == pytest.approx(expected, rel=0.04)


def test_the_number_of_turns_has_the_spread_of_the_data(skills: Scenario) -> None:
    short = replace(skills.workload, prompt=lengths(1), output=lengths(1))
    scenario = replace(skills, workload=short)
    source = chance(3)
    counts = numpy.array([len(conversation(scenario, source)) for _ in range(4000)])
    # AnnoMI, whole conversations in tokens: median 1,269 and 90 % point 3,673 of a mean of 1,771
    assert float(numpy.median(counts)) == pytest.approx(36.5 * 1269 / 1771, rel=0.08)
    assert float(numpy.quantile(counts, 0.9)) == pytest.approx(36.5 * 3673 / 1771, rel=0.08)


def test_a_conversation_ends_where_the_served_context_does() -> None:
    turns = conversation(FIXED, chance(), context=150)  # the fourth turn would take 160
    assert turns == [Turn(10, 5, 110), Turn(10, 5, 125), Turn(10, 5, 140, clipped=True)]
    assert len(conversation(FIXED, chance(), context=160)) == 4


def test_a_first_turn_beyond_the_context_is_cut() -> None:
    assert conversation(FIXED, chance(), context=112) == [Turn(7, 5, 107, clipped=True)]


def test_shapes_are_those_of_conversations_turn_by_turn() -> None:
    drawn = list(itertools.islice(shapes(FIXED, (1, 0), None), 9))
    once = [Shape(110, 5), Shape(125, 5), Shape(140, 5), Shape(155, 5)]
    assert drawn == [*once, *once, once[0]]
    cut = list(itertools.islice(shapes(FIXED, (1, 0), 130), 4))
    assert cut == [Shape(110, 5), Shape(125, 5, clipped=True)] * 2


def test_single_requests_are_drawn_as_ever() -> None:
    notes = load_scenario("district-hospital-notes")
    work = notes.workload
    source = numpy.random.default_rng((1, 0))
    expected = [
        Shape(
            500 + round(float(source.lognormal(*log_parameters(work.prompt)))),
            round(float(source.lognormal(*log_parameters(work.output)))),
        )
        for _ in range(50)
    ]
    assert list(itertools.islice(shapes(notes, (1, 0), None), 50)) == expected
    (turn,) = conversation(notes, numpy.random.default_rng((1, 0)))
    first = expected[0]
    assert turn == Turn(first.prompt_tokens - 500, first.output_tokens, first.prompt_tokens)


def test_the_context_holds_the_last_turn_with_its_history(skills: Scenario) -> None:
    assert longest_context(FIXED) == 160
    assert longest_context(load_scenario("district-hospital-notes")) == longest_context(
        chat(lengths(1554, 491), lengths(618, 188), 1)
    ) + (500 - 100)
    room, source = longest_context(skills), chance(5)
    ends = [
        turns[-1].prompt_tokens + turns[-1].output_tokens
        for turns in (conversation(skills, source) for _ in range(2000))
    ]
    assert sum(end > room for end in ends) <= 8  # about two are expected
    assert max(ends) > room / 3


# -- languages -----------------------------------------------------------------------------------


def spoken(scenario: Scenario, tokenizer: str = "cl100k", **shares: float) -> Mix:
    figures = {code: figure(share, "") for code, share in shares.items()}
    return mix_of(replace(scenario.workload, languages=figures), counted(tokenizer))


def test_messages_and_answers_are_longer_by_the_premium_and_the_system_prompt_is_not() -> None:
    # Spanish by cl100k: 39,931 / 25,801 = 1.5477; 100 tokens of message, 40 of answer
    scenario = chat(lengths(100), lengths(40), 1)
    assert conversation(scenario, chance(), mix=spoken(scenario, es=1.0)) == [
        Turn(155, 62, 255, language="es")
    ]


def test_a_conversation_has_one_language_and_its_history_too() -> None:
    scenario = chat(lengths(100), lengths(40), 3)
    mix, source = spoken(scenario, en=0.5, es=0.5), chance()
    english = [Turn(100, 40, 200 + 140 * turn, language="en") for turn in range(3)]
    spanish = [Turn(155, 62, 255 + 217 * turn, language="es") for turn in range(3)]
    drawn = [conversation(scenario, source, mix=mix) for _ in range(40)]
    assert english in drawn
    assert spanish in drawn
    assert all(each in (english, spanish) for each in drawn)


def test_mean_lengths_are_those_of_the_mix() -> None:
    notes = load_scenario("district-hospital-notes")
    mix = spoken(notes, en=0.5, es=0.3, am=0.2)
    longer = 0.5 + 0.3 * 39931 / 25801 + 0.2 * 199235 / 25801
    assert mix.mean_premium == pytest.approx(longer)
    drawn = list(itertools.islice(shapes(notes, (1, 0), None, mix), 20000))
    assert fmean(shape.prompt_tokens - 500 for shape in drawn) == pytest.approx(
        1554 * longer, rel=0.02
    )
    assert fmean(shape.output_tokens for shape in drawn) == pytest.approx(618 * longer, rel=0.02)
    spanish = [shape.prompt_tokens - 500 for shape in drawn if shape.language == "es"]
    assert len(spanish) / 20000 == pytest.approx(0.3, abs=0.01)
    assert fmean(spanish) == pytest.approx(1554 * 39931 / 25801, rel=0.02)


def test_without_languages_and_in_english_alone_draws_are_as_ever() -> None:
    notes = load_scenario("district-hospital-notes")
    ever = list(itertools.islice(shapes(notes, (1, 0), None), 50))
    assert list(itertools.islice(shapes(notes, (1, 0), None, Mix()), 50)) == ever
    english = list(itertools.islice(shapes(notes, (1, 0), None, spoken(notes, en=1.0)), 50))
    assert english == [replace(shape, language="en") for shape in ever]


def test_a_cut_request_keeps_its_language() -> None:
    scenario = chat(lengths(100), lengths(40), 1)
    (turn,) = conversation(scenario, chance(), 200, spoken(scenario, es=1.0))
    assert turn == Turn(38, 62, 138, clipped=True, language="es")
    cut = fitted(Shape(20, 300, language="am"), 200)
    assert cut == Shape(20, 180, clipped=True, language="am")


def test_the_context_has_room_for_the_worst_language(skills: Scenario) -> None:
    once = chat(lengths(100), lengths(40), 1)
    assert longest_context(once, spoken(once, en=0.9, es=0.1)) == 317  # 100 + 1.5477 x 140 = 316.7
    assert longest_context(once, spoken(once, en=1.0)) == longest_context(once) == 240
    talk = chat(lengths(10), lengths(5), 4)
    assert longest_context(talk, spoken(talk, es=1.0)) == 193  # 100 + 1.5477 x 60 = 192.9
    notes = load_scenario("district-hospital-notes")
    mix = spoken(notes, "tekken_131k", en=0.6, es=0.3, km=0.1)
    room = longest_context(notes, mix)
    drawn = itertools.islice(shapes(notes, (1, 0), None, mix), 5000)
    assert max(shape.prompt_tokens + shape.output_tokens for shape in drawn) < room
    assert longest_context(skills, mix) > 14 * (longest_context(skills) - 600)
