"""How long the requests are and how many are in flight."""

from __future__ import annotations

import math
from dataclasses import dataclass

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


def load_of(scenario: Scenario) -> Load:
    """The load of a scenario.

    The longest context is p95(prompt) + p95(output): exact when long prompts go with long
    outputs, an upper bound otherwise.
    """
    work = scenario.workload
    prompt, output = lognormal_p95(work.prompt), lognormal_p95(work.output)
    prompt_p95 = prompt + work.system_prompt
    mean, sd = work.output.mean.number, work.output.sd.number
    per_day = scenario.requests_per_day
    opening = scenario.demand.opening
    return Load(
        prompt_mean=scenario.prompt_tokens,
        prompt_p95=prompt_p95,
        output_mean=work.output.mean,
        output_p95=output,
        context_p95=(prompt_p95 + output).sourced(
            "95th percentiles of prompt and output, with the system prompt", Basis.MODELLED
        ),
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

    def quantile(mean: float | None, sd: float | None) -> float:
        variance = math.log(1 + ((sd or 0.0) / (mean or 1.0)) ** 2)
        return (mean or 0.0) * math.exp(_Z95 * math.sqrt(variance) - variance / 2)

    mean, sd = lengths.mean, lengths.sd
    value = quantile(mean.value, sd.value)
    low, high = quantile(mean.low, sd.low), quantile(mean.high, sd.high)
    source = f"lognormal 95th percentile; {mean.source}"
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
