"""How long prompts and answers are: seeded draws from a scenario's distributions.

In a conversation each prompt holds all that was said before: :class:`~ecoaudit.scenario.Workload`.
Messages and answers in another language than English are longer by its token premium; the system
prompt is one text, in English.
"""

from __future__ import annotations

import math
from collections.abc import Iterator
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Final

from ecoaudit.scenario import Lengths, Scenario, Workload
from ecoaudit.workloads.languages import Mix

if TYPE_CHECKING:
    import numpy

AS_STATED: Final = Mix()  # no languages: lengths are what the profile says
MIN_PROMPT_TOKENS: Final = 8  # room for the salt that makes each prompt unique
_Z999: Final = 3.0902  # 99.9 % point of the standard normal distribution


@dataclass(frozen=True, slots=True)
class Shape:
    """The lengths of one request.

    Attributes:
        prompt_tokens: with the system prompt.
        output_tokens: of the answer.
        clipped: whether the draw was longer than the served context and had to be cut.
        language: its code in the profile; empty: not stated.
    """

    prompt_tokens: int
    output_tokens: int
    clipped: bool = False
    language: str = ""


@dataclass(frozen=True, slots=True)
class Turn:
    """One request of a conversation.

    Attributes:
        message_tokens: of this turn's new message.
        output_tokens: of its answer.
        prompt_tokens: sent: the system prompt, all earlier messages and answers, and the message.
        clipped: whether the conversation had to be cut here to stay within the served context.
        language: of the conversation; its code in the profile, empty: not stated.
    """

    message_tokens: int
    output_tokens: int
    prompt_tokens: int
    clipped: bool = False
    language: str = ""


def conversation(
    scenario: Scenario,
    chance: numpy.random.Generator,
    context: int | None = None,
    mix: Mix = AS_STATED,
) -> list[Turn]:
    """The turns of one conversation; a single one where the workload has no conversations.

    Args:
        scenario: its workload gives the distributions.
        chance: where the draws come from.
        context: longest prompt and answer together that the server takes [tokens]; a conversation
            ends before the turn that would be longer, and a first turn that is longer is cut.
        mix: the languages, of which the conversation has one.
    """
    work = scenario.workload
    spoken = mix.draw(chance)
    longer = spoken.premium.number
    system = round(work.system_prompt.number)
    shortest = MIN_PROMPT_TOKENS - system
    turns: list[Turn] = []
    sent = system
    for _ in range(_number_of_turns(work, chance)):
        message = max(_draw(work.prompt, chance, longer), shortest)
        shape = Shape(sent + message, max(_draw(work.output, chance, longer), 1))
        fit = fitted(shape, context)
        if fit.clipped and turns:
            turns[-1] = replace(turns[-1], clipped=True)
            break
        message = max(fit.prompt_tokens - sent, 0)
        turns.append(Turn(message, fit.output_tokens, fit.prompt_tokens, fit.clipped, spoken.code))
        if fit.clipped:
            break
        sent = fit.prompt_tokens + fit.output_tokens
        shortest = 1
    return turns


def shapes(
    scenario: Scenario, seed: tuple[int, ...], context: int | None, mix: Mix = AS_STATED
) -> Iterator[Shape]:
    """Lengths without end, the same for the same ``seed``; those of a conversation turn by turn.

    Args:
        scenario: its workload gives the distributions.
        seed: any whole numbers.
        context: longest prompt and answer together that the server takes [tokens].
        mix: the languages, of which each conversation has one.
    """
    import numpy

    chance = numpy.random.default_rng(seed)
    while True:
        for turn in conversation(scenario, chance, context, mix):
            yield Shape(turn.prompt_tokens, turn.output_tokens, turn.clipped, turn.language)


def shared_tokens(scenario: Scenario) -> int:
    """Length of the beginning that all prompts have in common [tokens]; 0 where they share none."""
    work = scenario.workload
    return round(work.system_prompt.number) if work.prefix_cache else 0


def longest_context(scenario: Scenario, mix: Mix = AS_STATED) -> int:
    """Room that all but about two of a thousand requests stay within [tokens].

    Of conversations, that all but about one of a thousand stay within to their last answer, their
    whole length taken as lognormal. All are taken as in the language that takes most tokens.

    Args:
        scenario: its workload gives the distributions.
        mix: the languages.
    """
    work = scenario.workload
    system, longer = work.system_prompt.number, mix.highest_premium
    prompt = quantile(work.prompt, _Z999) * longer + system
    longest = max(prompt, MIN_PROMPT_TOKENS) + quantile(work.output, _Z999) * longer
    if work.multi_turn:
        longest = max(longest, system + quantile(work.conversation, _Z999) * longer)
    return math.ceil(round(longest, 6))


def quantile(lengths: Lengths, z: float) -> float:
    """The lognormal quantile at ``z`` standard deviations [tokens]."""
    mu, sigma = log_parameters(lengths)
    return math.exp(mu + z * sigma)


def log_parameters(lengths: Lengths) -> tuple[float, float]:
    """mu and sigma of the lognormal with this mean m and standard deviation s.

    sigma^2 = ln(1 + s^2/m^2), mu = ln m - sigma^2/2. Johnson, Kotz, Balakrishnan, Continuous
    Univariate Distributions, vol. 1, ch. 14.
    """
    return _log_parameters(lengths.mean.number, lengths.sd.number)


def _log_parameters(mean: float, sd: float) -> tuple[float, float]:
    variance = math.log(1 + (sd / mean) ** 2)
    return math.log(mean) - variance / 2, math.sqrt(variance)


def _number_of_turns(work: Workload, chance: numpy.random.Generator) -> int:
    """One turn and, where there are more, a lognormal number of further ones, rounded at random.

    So the mean is the profile's, whatever the spread.
    """
    further = work.turns.number - 1
    if further <= 0:
        return 1
    if work.turns_sd is not None:
        further = float(chance.lognormal(*_log_parameters(further, work.turns_sd.number)))
    return 1 + math.floor(further + chance.random())


def _draw(lengths: Lengths, chance: numpy.random.Generator, longer: float) -> int:
    mu, sigma = log_parameters(lengths)
    return round(float(chance.lognormal(mu, sigma)) * longer)


def fitted(shape: Shape, context: int | None) -> Shape:
    """The lengths; the longer one is cut where both exceed the served context [tokens]."""
    if context is None or shape.prompt_tokens + shape.output_tokens <= context:
        return shape
    shorter = min(shape.prompt_tokens, shape.output_tokens, context // 2)
    prompt, output = context - shorter, shorter
    if shape.prompt_tokens < shape.output_tokens:
        prompt, output = output, prompt
    return replace(shape, prompt_tokens=prompt, output_tokens=output, clipped=True)
