"""How long prompts and answers are: seeded draws from a scenario's distributions."""

from __future__ import annotations

import math
from collections.abc import Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

from ecoaudit.scenario import Lengths, Scenario

if TYPE_CHECKING:
    import numpy

MIN_PROMPT_TOKENS: Final = 8  # room for the salt that makes each prompt unique
_Z999: Final = 3.0902  # 99.9 % point of the standard normal distribution


@dataclass(frozen=True, slots=True)
class Shape:
    """The lengths of one request.

    Attributes:
        prompt_tokens: with the system prompt.
        output_tokens: of the answer.
        clipped: whether the draw was longer than the served context and had to be cut.
    """

    prompt_tokens: int
    output_tokens: int
    clipped: bool = False


def shapes(scenario: Scenario, seed: tuple[int, ...], context: int | None) -> Iterator[Shape]:
    """Lengths without end, the same for the same ``seed``.

    Args:
        scenario: its workload gives the distributions.
        seed: any whole numbers.
        context: longest prompt and answer together that the server takes [tokens].
    """
    import numpy

    chance = numpy.random.default_rng(seed)
    work = scenario.workload
    system = round(work.system_prompt.number)
    while True:
        prompt = max(system + _draw(work.prompt, chance), MIN_PROMPT_TOKENS)
        yield _fitted(prompt, max(_draw(work.output, chance), 1), context)


def longest_context(scenario: Scenario) -> int:
    """Room that all but about two of a thousand requests stay within [tokens]."""
    work = scenario.workload
    prompt = quantile(work.prompt, _Z999) + work.system_prompt.number
    longest = max(prompt, MIN_PROMPT_TOKENS) + quantile(work.output, _Z999)
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
    mean, sd = lengths.mean.number, lengths.sd.number
    variance = math.log(1 + (sd / mean) ** 2)
    return math.log(mean) - variance / 2, math.sqrt(variance)


def _draw(lengths: Lengths, chance: numpy.random.Generator) -> int:
    mu, sigma = log_parameters(lengths)
    return round(float(chance.lognormal(mu, sigma)))


def _fitted(prompt: int, output: int, context: int | None) -> Shape:
    if context is None or prompt + output <= context:
        return Shape(prompt, output)
    output = min(output, context - MIN_PROMPT_TOKENS)
    return Shape(min(prompt, context - output), output, clipped=True)
