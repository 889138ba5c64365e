"""Step times and draws from a measured operating curve: what was measured replaces the model.

A closed loop measures, at each number of requests in flight, the time per token and the wait for
the first token. Both hold some of the other: while one answers, the prompts of the others are read.
That is taken out here, so that a simulation can put it back for another load
(:mod:`ecoaudit.sizing.curve_load`).
"""

from __future__ import annotations

import math
from bisect import bisect_left
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Final

from ecoaudit.errors import MissingValueError, UsageError
from ecoaudit.estimate import Basis, Estimate
from ecoaudit.run import CurvePoint

# How far above the highest measured level a step time is told. The time is taken on along its last
# straight piece; at worst it bends there and grows in proportion to the batch, and 1.25 times the
# batch then takes 1.25 times as long: 20 % more than told, the interval of a calibrated figure.
BEYOND: Final = 1.25
# Time over length is a power of 1 +- this: at the measured length up to a quarter of the time may
# not grow with the length (launches), or up to a quarter may grow with its square (attention).
LENGTH_POWER: Final = 0.25

# Between two levels: what does not fall from one to the next lies between what was measured at
# both, anywhere alike, and 80 % of that are 0.4 of the rise to both sides of the middle. Towards a
# level the doubt goes to nothing.
_BETWEEN: Final = 0.4

_NEEDED: Final = ("tpot_s_p50", "ttft_s_p50")


@dataclass(frozen=True, slots=True)
class CurveSteps:
    """Steps as one run measured them; see :class:`ecoaudit.sizing.simulation.Steps`.

    Attributes:
        levels: requests in flight that were measured, ascending from 1.
        decode_each_s: a step that only gives tokens, at each [s].
        prompt_s: reading a prompt of median length, with nothing else under way [s].
        prompt_tokens: mean length of the prompts.
        median_tokens: median length of the prompts.
        output_tokens: mean length of the answers.
        measured_doubt: largest relative half-width of the times that it is made of.
    """

    levels: tuple[int, ...]
    decode_each_s: tuple[float, ...]
    prompt_s: float
    prompt_tokens: float
    median_tokens: float
    output_tokens: float
    measured_doubt: float

    @property
    def shared_s(self) -> float:
        """Weights are read and kernels launched once in a step, whatever is in it [s]."""
        return min(self.decode_each_s[0], self.prompt_s)

    @property
    def most_batch(self) -> float:
        """The largest batch for which a time is told.

        A simulation is given it as the most that run at once: who comes beyond it waits, so that
        what was not measured counts against the option and not for it.
        """
        return self.levels[-1] * BEYOND

    def decode_s(self, batch: float, context: float) -> float:
        """A step that gives so many answers a token [s], straight between the measured levels.

        The context is that of the run: see :meth:`length_doubt`.

        Raises:
            MissingValueError: far more than was measured; with the next step.
        """
        if batch > self.most_batch:
            raise MissingValueError(
                f"the load needs {math.ceil(batch)} requests in flight and the run measured up to "
                f"{self.levels[-1]}; measure more with bench --levels 1,{math.ceil(batch)}"
            )
        if batch <= self.levels[0] or len(self.levels) == 1:
            return self.decode_each_s[0]
        place, along = _between(self.levels, batch)
        before_s, after_s = self.decode_each_s[place - 1 : place + 1]
        return before_s + (after_s - before_s) * along

    def prefill_s(self, tokens: float, context: float) -> float:
        """A step that reads so many tokens of prompts [s]: what is not shared grows with them."""
        return self.shared_s + (self.prompt_s - self.shared_s) * tokens / self.median_tokens

    def between_doubt(self, batch: float) -> float:
        """Relative doubt of a step between two measured levels; 0 at a level and outside them."""
        if not self.levels[0] < batch < self.levels[-1]:
            return 0.0
        place, along = _between(self.levels, batch)
        before_s, after_s = self.decode_each_s[place - 1 : place + 1]
        return _off(after_s - before_s, along) / self.decode_s(batch, 0.0)

    def length_doubt(self, prompt_tokens: float, output_tokens: float) -> float:
        """Relative doubt of times at other lengths than the run's; 0 at the same.

        Args:
            prompt_tokens: mean of the load.
            output_tokens: mean of the load.
        """
        context = prompt_tokens + output_tokens / 2
        ratios = (
            prompt_tokens / self.prompt_tokens,
            context / (self.prompt_tokens + self.output_tokens / 2),
        )
        return math.exp(max(abs(math.log(ratio)) for ratio in ratios) * LENGTH_POWER) - 1


def curve_steps(points: Iterable[CurvePoint], prompt_spread: float) -> CurveSteps:
    """Step times of a run's closed loops; points of other loads hold waits and are left out.

    With c in flight and O tokens an answer, of the O steps of one's answer c - 1 read somebody
    else's prompt: decode(c) = tpot(c) - (c - 1)/O (prompt - shared). A larger batch is never taken
    as quicker than a smaller one.

    Args:
        points: of the run's curve.
        prompt_spread: E[P^2]/E[P]^2 of its prompts, with the system prompt; 1: of one length. The
            median wait for a first token is that of the median prompt, which is the mean over the
            root of this where lengths are lognormal.

    Raises:
        UsageError: no level 1, from which reading and answering are told apart, or a point without
            its times or counts.
    """
    closed = {point.level: point for point in points if point.level is not None}
    levels = tuple(sorted(closed))
    if not levels or levels[0] != 1:
        raise UsageError(
            "the run has no level 1, by which the reading of prompts and the answering are told "
            "apart; measure it too: bench --levels 1,4,16"
        )
    times = {
        (level, name): _figure(closed[level].steady or closed[level].whole_run, name, level)
        for level in levels
        for name in _NEEDED
    }
    if any(time.number <= 0 for time in times.values()):
        raise UsageError(
            "the run has times of nothing, as of a server that sends its tokens all at once; "
            "measure again with one that streams them"
        )
    counts = {
        name: math.fsum(_figure(closed[c].whole_run, name, c).number for c in levels)
        for name in ("prompt_tokens", "output_tokens", "requests")
    }
    if min(counts.values()) <= 0:
        raise UsageError("the run counted no tokens; measure again with a server that counts them")
    output = counts["output_tokens"] / counts["requests"]
    prompt_s = times[1, "ttft_s_p50"].number
    decode_each_s = [times[1, "tpot_s_p50"].number]
    prompt = counts["prompt_tokens"] / counts["requests"]
    median = prompt / math.sqrt(prompt_spread)
    apart_s = max(prompt_s - decode_each_s[0], 0.0) * prompt / median  # of the mean prompt
    for level in levels[1:]:
        alone_s = times[level, "tpot_s_p50"].number - (level - 1) / output * apart_s
        decode_each_s.append(max(alone_s, decode_each_s[-1]))
    return CurveSteps(
        levels,
        tuple(decode_each_s),
        prompt_s,
        prompt,
        median,
        output,
        max(_half_width(times[key]) for key in times if key[1] == "tpot_s_p50" or key[0] == 1),
    )


def interpolated(levels: Sequence[int], figures: Sequence[Estimate], at: float) -> Estimate:
    """A figure that was measured at each level, at another number in flight.

    At a level, below the first and above the last it is that level's own, as measured. Between two
    it is modelled, straight, its ends too, for one meter read both; and as far off as something
    that goes steadily from one level to the next can be.

    Args:
        levels: requests in flight, ascending.
        figures: at each, all known.
        at: requests in flight.
    """
    held = min(max(at, float(levels[0])), float(levels[-1]))
    if held in levels:
        return figures[list(levels).index(int(held))]
    place, along = _between(levels, held)
    before, after = figures[place - 1], figures[place]
    value, low, high = (
        a + (b - a) * along for a, b in zip(before.numbers, after.numbers, strict=True)
    )
    off = _off(abs(after.number - before.number), along)
    return Estimate(
        value,
        value - math.hypot(value - low, off),
        value + math.hypot(high - value, off),
        before.unit,
        Basis.MODELLED,
        f"between levels {levels[place - 1]} and {levels[place]}",
    )


def _between(levels: Sequence[int], at: float) -> tuple[int, float]:
    """The place of the level above, and how far along the way to it from the one below."""
    place = min(bisect_left(levels, at), len(levels) - 1)
    low, high = levels[place - 1 : place + 1]
    return place, (at - low) / (high - low)


def _off(rise: float, along: float) -> float:
    """Half the 80 % interval of what rises so much between two levels, so far along the way."""
    return _BETWEEN * rise * 4 * along * (1 - along)


def _figure(figures: Mapping[str, Estimate], name: str, level: int) -> Estimate:
    found = figures.get(name)
    if found is None or not found.known:
        why = "it is not there" if found is None else found.source
        raise UsageError(f"the run's level {level} has no {name} ({why}); measure that level again")
    return found


def _half_width(time: Estimate) -> float:
    value, low, high = time.numbers
    return max(high - value, value - low) / value if value > 0 else 0.0
