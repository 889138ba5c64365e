"""What a load finds on a device whose operating curve was measured: waits, capacity, work, draw.

The steps are those of the curve; the requests are the load's own, simulated at its busiest hour
(:mod:`ecoaudit.sizing.peak_hour`). More in flight than was measured is never told: whoever comes
beyond it waits, so that what was not measured counts against the option and not for it.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from functools import cached_property, lru_cache
from typing import Final

from ecoaudit.estimate import Basis, Estimate
from ecoaudit.sizing.demand import Load
from ecoaudit.sizing.operating import CurveSteps, interpolated
from ecoaudit.sizing.peak_hour import QUICK, Draws, at_peak, drawn, saturated_per_s
from ecoaudit.sizing.simulation import ServerLimits

# A real server beside this simulation, on the steps of its own curve (benchmarks/simulated_load):
# at 30, 55 and 75 % of its capacity the 95th percentile of the first token was 0, 6 and 21 % later
# than told, the median answer 5, 21 and 10 %. So up to so much of the share of the capacity later.
SERVER_SLOWER: Final = 0.3
# Mean lengths that differ by less go unsaid; their doubt is in the interval all the same.
_UNSAID: Final = 1.1  # times as long
_LEAST: Final = 0.01  # of the mean arrivals, that are simulated


@dataclass(frozen=True, slots=True)
class OperatingCurve:
    """What a run measured of one model on one device, level by level.

    Attributes:
        said: whose it is, such as ``run X``.
        steps: its step times.
        tpot_s: median time per output token at each level, as measured [s].
        board_w: draw of the devices at each level [W]; empty where it was not read at each.
        limits: what the server takes at once; at most the highest level that was measured.
        longest: prompt and answer together that it serves [tokens].
        ended: why no more than the highest level is told; empty: the engine takes no more.
    """

    said: str
    steps: CurveSteps
    tpot_s: tuple[Estimate, ...]
    board_w: tuple[Estimate, ...]
    limits: ServerLimits
    longest: int
    ended: str

    @property
    def source(self) -> str:
        """Where its figures come from."""
        levels = ", ".join(map(str, self.steps.levels))
        return f"from the curve of {self.said}, levels {levels}"

    def length_doubt(self, load: Load) -> float:
        """Relative doubt of times at a load's mean lengths; 0 at the run's own."""
        return self.steps.length_doubt(load.prompt_mean.number, load.output_mean.number)


@dataclass(frozen=True, slots=True)
class AtLoad:
    """What a load finds.

    Attributes:
        tpot_s: time per output token at the peak, median [s].
        first_s: wait for the first token at the peak, 95th percentile [s].
        complete_s: wait for the whole answer at the peak, 95th percentile [s].
        capacity_per_s: what can be finished in a second [requests/s].
        busy_s: time at work on a working day [s].
        board_w: draw of the devices while they work [W]; None where the curve does not tell.
    """

    tpot_s: Estimate
    first_s: Estimate
    complete_s: Estimate
    capacity_per_s: Estimate
    busy_s: Estimate
    board_w: Estimate | None


@lru_cache(maxsize=256)
def at_load(curve: OperatingCurve, load: Load) -> AtLoad:
    """What a load finds on a measured curve; the same draws as of options that are modelled."""
    return _Simulated(curve, load).told()


@lru_cache(maxsize=16)
def _capacity(draws: Draws, curve: OperatingCurve) -> Estimate:
    return saturated_per_s(draws, curve.steps, curve.limits)


class _Simulated:
    """A curve under a load, at as many rates as are asked for."""

    def __init__(self, curve: OperatingCurve, load: Load):
        self.curve = curve
        self.load = load
        self.draws = drawn(load, curve.longest, count=QUICK)
        self.capacity = _capacity(self.draws, curve)
        self._seen: dict[float, dict[str, Estimate]] = {}

    def at(self, per_s: float) -> dict[str, Estimate]:
        """What so many requests in a second find."""
        if per_s not in self._seen:
            self._seen[per_s] = at_peak(
                self.draws, per_s, self.curve.steps, self.curve.limits, self.capacity
            )
        return self._seen[per_s]

    def told(self) -> AtLoad:
        """All figures."""
        capacity = _widened(self.capacity, self._doubt(self.curve.steps.levels[-1]))
        ended = f"; {self.curve.ended}" if self.curve.ended else ""
        return AtLoad(
            self._tpot_s(),
            self._wait("ttft_s_p95"),
            self._wait("e2e_s_p95"),
            capacity.sourced(f"{self.curve.source}: {self.capacity.source}{ended}{self._scaled}"),
            self._busy_s(),
            self._board_w(),
        )

    # -- the busiest hour ----------------------------------------------------------------------

    def _wait(self, name: str) -> Estimate:
        """A wait at the peak, with the doubts of draws, arrivals, step times and the simulation.

        Steps that all take f times as long are the same load in slower time: the wait at a rate
        is then f times that of the steps as they are at f times the rate.
        """
        value, low, high = self.load.peak_per_s.numbers
        usual = self.at(value)[name]
        slower = 1 + self._doubt(self._in_flight(value))
        busier, slow = self.at(high)[name], self.at(value * slower)[name]
        quiet = self.at(max(low, value * _LEAST) / slower)[name]
        if not usual.known or not busier.known or not slow.known:
            return Estimate.absent("s", self._too_many(high))
        wait_s, fewer_s, more_s = usual.numbers
        share = value / self.capacity.number
        ends = (more_s, busier.number, slower * slow.number, wait_s * (1 + SERVER_SLOWER * share))
        return Estimate(
            wait_s,
            wait_s * math.exp(-_apart(wait_s, (fewer_s, quiet.number / slower))),
            wait_s * math.exp(_apart(wait_s, ends)),
            "s",
            Basis.MODELLED,
            f"{self.curve.source}: {usual.source.split('; interval')[0]}{self._most}{self._scaled}",
        )

    def _tpot_s(self) -> Estimate:
        """Time per output token: that of a level where the median request finds just that."""
        top = self.curve.tpot_s[-1]
        value, _, high = self.load.peak_per_s.numbers
        usual, busier = self.at(value)["tpot_s_p50"], self.at(high)["tpot_s_p50"]
        alone = self.curve.steps.decode_each_s[0]
        if not self._scaled and all(_same(each, alone) for each in (usual, busier)):
            level = self.curve.steps.levels[0]
            return self.curve.tpot_s[0].sourced(
                f"{self.curve.said}, level {level}: {self.curve.tpot_s[0].source}"
            )
        if usual.source.startswith("answers of one token"):
            return usual
        if usual.known:
            wait = self._wait("tpot_s_p50")
            if wait.known:
                return wait
        said = f"{self.curve.said}, level {self.curve.steps.levels[-1]}, the highest: "
        return top.sourced(f"{said}{self._too_many(high)}")

    # -- the day -------------------------------------------------------------------------------

    def _busy_s(self) -> Estimate:
        """Time at work on a working day."""
        load, per_s = self.load, self.load.mean_per_s.number
        each = self.at(per_s)["busy_s_each"]
        if not each.known:  # it goes on after closing until all is done
            each = Estimate.exact(1 / self.capacity.number, "s/request", Basis.MODELLED, "")
        found = _widened(each, self._doubt(self._in_flight(per_s)))
        said = f"{self.curve.source}: simulation at the mean of the opening hours{self._scaled}"
        return load.requests_per_day.times(found, "s").sourced(said, Basis.MODELLED)

    def _board_w(self) -> Estimate | None:
        """Draw while at work, at the number in flight that the opening hours have then."""
        curve = self.curve
        if not curve.board_w:
            return None
        at = self._in_flight(self.load.mean_per_s.number)
        found = interpolated(curve.steps.levels, curve.board_w, at)
        if self._scaled:
            widened = _widened(found, curve.length_doubt(self.load))
            found = widened.sourced(found.source, Basis.MODELLED)
        said = f"{curve.said}: devices at work, {at:.2g} in flight"
        return found.sourced(f"{said}: {found.source}{self._scaled}")

    # -- doubts --------------------------------------------------------------------------------

    def _in_flight(self, per_s: float) -> float:
        """Mean number in flight while there is any; the highest level where they come too fast."""
        found = self.at(per_s)
        running, busy = found["requests_running"], found["busy_share"]
        if not running.known or not busy.known:
            return float(self.curve.steps.levels[-1])
        return max(running.number / busy.number, 1.0) if busy.number > 0 else 1.0

    def _doubt(self, in_flight: float) -> float:
        """Relative doubt of step times: of the measurement, between levels, of the lengths."""
        steps = self.curve.steps
        parts = (steps.measured_doubt, steps.between_doubt(in_flight))
        return math.hypot(*parts, self.curve.length_doubt(self.load))

    @cached_property
    def _scaled(self) -> str:
        """In words, that the lengths are others than the run's."""
        steps, load = self.curve.steps, self.load
        ratios = (
            load.prompt_mean.number / steps.prompt_tokens,
            load.output_mean.number / steps.output_tokens,
        )
        if all(1 / _UNSAID <= ratio <= _UNSAID for ratio in ratios):
            return ""
        return (
            f"; scaled from prompts of {steps.prompt_tokens:,.0f} and answers of "
            f"{steps.output_tokens:,.0f} tokens to {load.prompt_mean.number:,.0f} and "
            f"{load.output_mean.number:,.0f}, +-{self.curve.length_doubt(load):.0%}"
        )

    @property
    def _most(self) -> str:
        return f", at most {self.curve.limits.most_running} at once"

    def _too_many(self, high: float) -> str:
        why = f"up to {high:.3g} requests come in a second, of which {self.capacity.number:.3g} can"
        why += f" be finished with {self.curve.limits.most_running} at once: the wait grows"
        return f"{why}; {self.curve.ended}" if self.curve.ended else why


def _apart(value: float, ends: tuple[float, ...]) -> float:
    """How far the ends of independent doubts are from a value together, on the log scale."""
    return math.hypot(*(math.log(end / value) for end in ends))


def _same(found: Estimate, time_s: float) -> bool:
    return found.known and math.isclose(found.number, time_s, rel_tol=1e-6)


def _widened(figure: Estimate, relative: float) -> Estimate:
    """A figure above zero with one more doubt."""
    factor = Estimate(1.0, 1 / (1 + relative), 1 + relative, "", Basis.MODELLED, "")
    return figure.times(factor, figure.unit).sourced(figure.source)
