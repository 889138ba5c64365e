"""What a number of turns that varies does to the length of prompts and of whole conversations."""

from __future__ import annotations

import itertools
import math

from ecoaudit.estimate import Basis, Estimate

SINGLE_TURN = Estimate.exact(1.0, "turns", Basis.DECLARED, "single turn: the profile gives none")

Moments = tuple[float, float]  # mean and standard deviation


def turn_variance(mean: float, sd: float) -> float:
    """Variance of a whole number of turns, of 1 and more, with this mean.

    Where ``sd`` is smaller than whole numbers can have, as with 2.5 turns and no spread, it is that
    of a mean m between the two next to it: f (1 - f) with f the fraction of m.
    """
    if mean <= 1:
        return 0.0
    fraction = mean - math.floor(mean)
    return max(sd**2, fraction * (1 - fraction))


def mean_earlier(mean: float, sd: float) -> float:
    """How many turns came before a turn, averaged over all turns of all conversations.

    A conversation of T turns has 0 + 1 + ... + (T - 1) = T (T - 1) / 2 of them, so the mean over
    turns is E[T (T - 1)] / (2 E[T]) = (m + s^2/m - 1) / 2: long conversations hold most of the
    turns. Ross, Introduction to Probability Models, section 7.7 (the inspection paradox).
    """
    return (mean + turn_variance(mean, sd) / mean - 1) / 2


def earlier_turns(turns: Estimate, sd: Estimate | None) -> Estimate:
    """:func:`mean_earlier` [turns]; its interval is that of all ends of both figures."""
    spreads = (0.0,) if sd is None else sd.numbers
    ends = [mean_earlier(*pair) for pair in itertools.product(turns.numbers, spreads)]
    value = mean_earlier(turns.number, spreads[0])
    source = f"mean number of earlier turns; {turns.source}"
    return Estimate(value, min(ends), max(ends), "turns", Basis.MODELLED, source)


def whole(prompt: Moments, output: Moments, turns: Moments) -> Moments:
    """Mean and standard deviation of all messages and answers of a conversation [tokens].

    A sum of T independent terms: mean m (p + o), variance m (s_p^2 + s_o^2) + s_T^2 (p + o)^2.
    Ross, Introduction to Probability Models, section 3.4.
    """
    pair = prompt[0] + output[0]
    variance = turns[0] * (prompt[1] ** 2 + output[1] ** 2) + turn_variance(*turns) * pair**2
    return turns[0] * pair, math.sqrt(variance)
