"""How long the requests are and how many are in flight."""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass
from statistics import NormalDist

from ecoaudit.estimate import Basis, Estimate
from ecoaudit.scenario import Lengths, Scenario

_Z95 = 1.6449  # 95 % point of the standard normal distribution


@dataclass(frozen=True, slots=True)
class Load:
    """A scenario's requests, as the sizing formulas need them.

    Attributes:
        prompt_mean: with the system prompt [tokens].
        prompt_p95: with the system prompt [tokens].
        output_mean: [tokens].
        output_p95: [tokens].
        context_p95: longest context to make room for [tokens].
        output_spread: E[O^2]/E[O]^2.
        peak_per_s: mean arrivals in the busiest hour [requests/s].
        mean_per_s: mean arrivals in opening hours [requests/s].
        requests_per_day: on a working day [requests].
        opening_s: opening hours [s].
    """

    prompt_mean: Estimate
    prompt_p95: Estimate
    output_mean: Estimate
    output_p95: Estimate
    context_p95: Estimate
    output_spread: float
    peak_per_s: Estimate
    mean_per_s: Estimate
    requests_per_day: Estimate
    opening_s: float

    @property
    def mean_context(self) -> float:
        """Tokens before the one that is written, mean over an answer: P + E[O^2] / (2 E[O])."""
        return self.prompt_mean.number + self.output_mean.number * self.output_spread / 2

    @property
    def prompt_spread(self) -> float:
        """E[P^2]/E[P]^2 of the lognormal prompts with this mean and 95th percentile.

        It is exp(sigma^2), and p95/mean = exp(1.645 sigma - sigma^2/2), of which sigma is the
        smaller root. Johnson, Kotz, Balakrishnan, Continuous Univariate Distributions, vol. 1,
        ch. 14.
        """
        ratio = math.log(max(self.prompt_p95.number / self.prompt_mean.number, 1.0))
        return math.exp((_Z95 - math.sqrt(max(_Z95**2 - 2 * ratio, 0.0))) ** 2)


def load_of(scenario: Scenario) -> Load:
    """The load of a scenario.

    The longest context is p95(prompt) + p95(output): exact when long prompts go with long
    outputs, an upper bound otherwise. Of conversations it is room for 95 % of the requests, and for
    95 % of the conversations to their last answer.
    """
    work = scenario.workload
    output = lognormal_p95(work.output)
    if work.multi_turn:
        talk = work.conversation
        longest = max(lognormal_p95(talk), reach_p95(talk), key=lambda each: each.number)
        context_p95 = longest + work.system_prompt
        prompt_p95 = context_p95 - work.output.mean
        what = "95th percentile of conversations with their history, with the system prompt"
    else:
        prompt_p95 = lognormal_p95(work.prompt) + work.system_prompt
        context_p95 = prompt_p95 + output
        what = "95th percentiles of prompt and output, with the system prompt"
    mean, sd = work.output.mean.number, work.output.sd.number
    per_day = scenario.requests_per_day
    opening = scenario.demand.opening
    return Load(
        prompt_mean=scenario.prompt_tokens,
        prompt_p95=prompt_p95,
        output_mean=work.output.mean,
        output_p95=output,
        context_p95=context_p95.sourced(what, Basis.MODELLED),
        output_spread=1 + (sd / mean) ** 2,
        peak_per_s=scenario.requests_per_peak_second,
        mean_per_s=per_day.per(opening, "requests/s"),
        requests_per_day=per_day,
        opening_s=opening.number,
    )


def lognormal_p95(lengths: Lengths) -> Estimate:
    """95th percentile of a lognormal length [tokens], from its mean m and standard deviation s.

    sigma^2 = ln(1 + s^2/m^2); p95 = m exp(1.645 sigma - sigma^2/2). The ends of the interval take
    the ends of both figures. Johnson, Kotz, Balakrishnan, Continuous Univariate Distributions,
    vol. 1, ch. 14.
    """

    def quantile(mean: float, sd: float) -> float:
        variance = math.log(1 + (sd / mean) ** 2)
        return mean * math.exp(_Z95 * math.sqrt(variance) - variance / 2)

    return _of_ends(quantile, lengths, f"lognormal 95th percentile; {lengths.mean.source}")


def reach_p95(conversation: Lengths) -> Estimate:
    """What 95 % of all requests find said when their answer has ended [tokens].

    A long conversation holds many requests, so requests see more of the long ones. At length x of a
    conversation of length S stands a share E[(S - x)+] / E[S] of all tokens further on; for a
    lognormal S that is Phi(d) - x/m Phi(d - sigma) with d = (mu + sigma^2 - ln x) / sigma. Ross,
    Introduction to Probability Models, section 7.7; Johnson, Kotz, Balakrishnan, ch. 14.

    Args:
        conversation: length of whole conversations.
    """

    def reach(mean: float, sd: float) -> float:
        variance = math.log(1 + (sd / mean) ** 2)
        sigma = math.sqrt(variance)
        if sigma < 1e-6:
            return 0.95 * mean
        phi = NormalDist().cdf
        mu = math.log(mean) - variance / 2
        low, high = mu - 6 * sigma - 1, mu + variance + 6 * sigma  # of ln x
        for _ in range(60):
            middle = (low + high) / 2
            d = (mu + variance - middle) / sigma
            further = phi(d) - math.exp(middle) / mean * phi(d - sigma)
            low, high = (middle, high) if further > 0.05 else (low, middle)
        return math.exp(low)

    return _of_ends(reach, conversation, f"95 % of the requests; {conversation.mean.source}")


def _of_ends(function: Callable[[float, float], float], lengths: Lengths, source: str) -> Estimate:
    """A figure of mean and standard deviation; its ends take the ends of both."""
    value, low, high = (
        function(mean, sd) if mean > 0 else 0.0
        for mean, sd in zip(lengths.mean.numbers, lengths.sd.numbers, strict=True)
    )
    return Estimate(value, min(low, value), max(high, value), "tokens", Basis.MODELLED, source)


def poisson_p95(mean: float) -> int:
    """Smallest n, at least 1, with P(N <= n) >= 95 % for a Poisson N.

    The number in an M/G/infinity system is Poisson with mean arrival rate x mean time: Kleinrock,
    Queueing Systems, vol. 1, section 3.11. It holds while requests do not slow each other much.
    """
    if mean > 200:  # normal limit, within 1 %
        return math.ceil(mean + _Z95 * math.sqrt(mean))
    term = total = math.exp(-mean)
    n = 0
    while total < 0.95:
        n += 1
        term *= mean / n
        total += term
    return max(n, 1)
