"""Constants of one's own card or computer, from a few minutes of measuring it.

A calibration (:mod:`ecoaudit.sizing.calibration_run`) sees one model under a few loads. Its times
and draws scale the row ``any`` of the constants, which was fitted on public rows of other devices:
reading weights and cache, computing, the times per layer, per sequence and per request. What it
cannot tell apart stays near that row, and the interval for another model is wider for it.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import partial
from typing import Final

import numpy

from ecoaudit.bands import Array
from ecoaudit.errors import UsageError
from ecoaudit.estimate import Basis, Estimate
from ecoaudit.factors.hardware import Device
from ecoaudit.factors.table import Fact
from ecoaudit.run import Run
from ecoaudit.sizing.calibrated_device import Subject, subject_of
from ecoaudit.sizing.calibration_run import Look, Seen, is_calibration, read
from ecoaudit.sizing.calibration_terms import SCALED, Asked, log_draws, log_times, others, scaled
from ecoaudit.sizing.constants import ANY, SORTS, TERMS, Constants, constants_of
from ecoaudit.sizing.log_fit import LogFit, Predict, fit
from ecoaudit.sizing.memory import parameters
from ecoaudit.sizing.speed import rates

# From model to model, the errors of the H100's constants on models that they were not fitted on: of
# the devices with public rows the one that meets its goal, so what is left when a device is known.
OTHERS_FROM: Final = "NVIDIA H100 SXM5 80GB"
# How far each of SCALED may lie from the row `any`, standard deviation of the logarithm. The fitted
# devices lie up to 0.2 from it in weights and computing, 0.3 in layers, more than 1 in the cache
# and in sequences; cards of a clinic may lie farther.
FREE: Final = (0.35, 0.5, 0.35, 0.4, 0.7, 0.7)
# A CPU's steps begin from what vLLM 0.32 takes on one of two cores: 0.7 ms a layer and 1 ms a
# sequence (docs/calibrating.md), of which a faster one has half; over the row `any`.
CPU: Final = (1.0, 1.0, 1.0, 6.0, 12.0, 1.0)
FREE_CPU: Final = (0.35, 1.0, 0.35, 0.8, 0.8, 0.7)
FREE_BANDWIDTH: Final = 1.0  # of one that nobody knows: computers have 10 to 300 GB/s
FREE_RATE: Final = 2.0  # likewise of a computing rate
# Likewise the draw of everything but computing, of computing, and that with one request.
FREE_DRAW: Final = (0.35, 0.35, 0.25)
FREE_DRAW_CPU: Final = (1.0, 1.0, 0.5)
FORM: Final = 0.05  # what a sum of terms may miss of a measured figure, likewise
MISTRUST: Final = 2.0  # so many times the misfit is added to the doubt, where it is above FORM
_Z80: Final = 1.2816  # half an 80 % interval over the standard deviation
# What is asked of models that were not seen: in flight, prompt, answer.
_OTHER_LOADS: Final = ((1.0, 1000.0, 200.0), (4.0, 1000.0, 200.0), (16.0, 1000.0, 200.0))


@dataclass(frozen=True, slots=True)
class Calibration:
    """A device as it was calibrated.

    Attributes:
        device: with its own constants and its measured idle draw.
        constants: its own.
        runs: ids of those that it was calibrated by.
        off: what was measured over what the constants give, root mean square of the logarithm.
        made: whether the device is a computer that no table has, made of the run.
        largest: parameters of the largest model that it was calibrated with.
    """

    device: Device
    constants: Constants
    runs: tuple[str, ...]
    off: float
    made: bool
    largest: float

    def figures(self) -> Iterator[tuple[str, Estimate]]:
        """What it says of the device, for people: name and figure."""
        cost, said = self.constants.cost, self.constants.said
        reached: list[tuple[str, Fact | None, float]] = [
            ("bandwidth reached", self.device.bandwidth, cost[SCALED.index("weights")]),
            ("computing rate reached", self.device.bf16, cost[SCALED.index("compute")]),
        ]
        doubt = self.constants.ends["step dense"]
        for name, fact, over in reached:
            if fact is not None:
                value = fact.value / over
                ends = value / doubt[1], value / doubt[0]
                yield name, Estimate(value, *ends, fact.unit, Basis.MODELLED, said)
        for name, seconds in (
            ("time per layer", cost[SCALED.index("layer")]),
            ("time per sequence", cost[SCALED.index("sequence")]),
            ("time per request", self.constants.request_s),
        ):
            yield name, Estimate.exact(seconds, "s", Basis.MODELLED, said)
        yield "power limit", self.device.power_limit.estimate()
        if self.device.loaded_idle is not None:
            yield "at rest, model loaded", self.device.loaded_idle


def calibrations(
    runs: Iterable[Run], own: Mapping[str, Device] | None = None
) -> tuple[dict[str, Calibration], dict[str, str]]:
    """Devices as their calibrations say, by name; and by run why no constants could be made of it.

    Several calibrations of one device, with models of different sizes, are taken together.

    Args:
        runs: any; those that are no calibrations are passed over.
        own: devices that the user describes, by name.
    """
    by_device: dict[str, list[tuple[Seen, Subject]]] = {}
    failed: dict[str, str] = {}
    for run in runs:
        if not is_calibration(run):
            continue
        try:
            seen = read(run)
            subject = subject_of(seen, own or {})
        except UsageError as error:
            failed[run.id] = str(error)
            continue
        by_device.setdefault(subject.device.name, []).append((seen, subject))
    return {name: calibrated(pairs) for name, pairs in by_device.items()}, failed


def calibrated(pairs: Sequence[tuple[Seen, Subject]]) -> Calibration:
    """One device from its calibrations; what it is, the last of them says."""
    each, subject = [seen for seen, _ in pairs], pairs[-1][1]
    prior, said = constants_of(ANY), "; ".join(seen.said for seen in each)
    if subject.made:
        prior = scaled(prior, numpy.array(CPU))
    speed = _speed(each, subject, prior)
    faster = scaled(prior, speed.factors)
    draw = _draw(each, subject, faster)
    constants = replace(
        _drawing(faster, draw),
        device=subject.device.name,
        engine=_engine(each[-1].run),
        ends=_ends(subject.device, prior, faster, speed, draw, _meter(each)),
        rows=sum(len(seen.loops) + 1 for seen in each),
        models=len({seen.model.name for seen in each}),
        power_from=prior.power_from if draw is None else "own",
        source=f"{said}; doubt of other models as of the H100 and of what it cannot tell apart",
    )
    device, constants = subject.with_rates(constants, said)
    device = replace(device, constants=constants)
    idle_w = each[-1].idle_w
    if idle_w.known:
        at_rest = f"{each[-1].said}: model loaded, at rest; {idle_w.source}"
        device = replace(device, loaded_idle=idle_w.sourced(at_rest))
    largest = max(parameters(seen.model).number for seen in each)
    ids = tuple(seen.run.id for seen in each)
    return Calibration(device, constants, ids, speed.off, subject.made, largest)


def _engine(run: Run) -> str:
    name, version = str(run.settings.get("engine")), run.settings.get("engine_version")
    return " ".join(str(part) for part in ({"vllm": "vLLM"}.get(name, name), version) if part)


def _asked(seen: Seen, look: Look, device: Device, constants: Constants) -> Asked:
    rate = rates(seen.model, seen.weights, device, constants=constants)
    return Asked(seen.model, rate, look.in_flight, look.prompt, look.output)


def _speed(each: Sequence[Seen], subject: Subject, prior: Constants) -> LogFit:
    """Factors on the times."""
    rows: list[list[float]] = []
    found: list[Estimate] = []
    for seen in each:
        for look in (*seen.loops, seen.long):
            rows.append(_asked(seen, look, subject.device, prior).token())
            found.append(look.tpot_s)
        for look in (seen.loops[0], seen.long):
            rows.append(_asked(seen, look, subject.device, prior).first())
            found.append(look.first_s)
    free = numpy.array(FREE_CPU if subject.made else FREE)
    if subject.bandwidth_open:
        free[SCALED.index("weights")] = FREE_BANDWIDTH
    if subject.rate_open:
        free[SCALED.index("compute")] = FREE_RATE
    return fitted(_predict(rows), *_known(found), free)


def _draw(each: Sequence[Seen], subject: Subject, constants: Constants) -> LogFit | None:
    """Factors on the draws; None where no power was measured."""
    limit = subject.device.power_limit.value
    looks = [(seen, look) for seen in each for look in (*seen.loops, seen.long)]
    looks = [(seen, look) for seen, look in looks if look.power_w.known and look.power_w.number > 0]
    if not looks:
        return None
    asked = [_asked(seen, look, subject.device, constants) for seen, look in looks]
    shares = numpy.array([look.power_w.number / limit for _, look in looks])
    free = numpy.array(FREE_DRAW_CPU if subject.made else FREE_DRAW)
    return fitted(partial(log_draws, asked), shares, numpy.full(len(looks), FORM), free)


def _meter(each: Sequence[Seen]) -> float:
    """Doubt of the power meter, which all draws share: standard deviation of the logarithm."""
    looks = [look.power_w for seen in each for look in (*seen.loops, seen.long)]
    return max((_relative(power) for power in looks if power.known), default=0.0)


def _relative(figure: Estimate) -> float:
    value, low, high = figure.numbers
    return (high - low) / 2 / value / _Z80 if value > 0 else 0.0


def fitted(predict: Predict, seen: Array, doubt: Array, free: Array) -> LogFit:
    """The factors; where what was measured is met badly, it is trusted less, and they move less.

    Arguments as of :func:`ecoaudit.sizing.log_fit.fit`.
    """
    found = fit(predict, seen, doubt, free)
    if found.off <= FORM:
        return found
    return fit(predict, seen, numpy.hypot(doubt, MISTRUST * found.off), free)


def _known(found: Sequence[Estimate]) -> tuple[Array, Array]:
    """Values, and the doubt of each: of its measuring and of the form that is to meet it."""
    doubts = [math.hypot(FORM, _relative(each)) for each in found]
    return numpy.array([each.number for each in found]), numpy.array(doubts)


def _drawing(constants: Constants, draw: LogFit | None) -> Constants:
    """The constants with the factors on the draws."""
    if draw is None:
        return constants
    rest, computing, alone = draw.factors.tolist()
    level = (
        each * (computing if name == "compute" else rest)
        for name, each in zip(TERMS, constants.level, strict=True)
    )
    return replace(constants, level=tuple(level), alone=min(constants.alone * alone, 1.0))


def _ends(
    device: Device,
    prior: Constants,
    faster: Constants,
    speed: LogFit,
    draw: LogFit | None,
    meter: float,
) -> dict[str, tuple[float, float]]:
    """Intervals for models that were not seen, by quantity and sort: the errors of the H100's
    constants on such, with what the measurements leave open of the factors."""
    known, found = constants_of(OTHERS_FROM).ends, dict(prior.ends)
    for sort in SORTS:
        loads = [
            Asked(model, rates(model, weights, device, constants=prior), *load)
            for model, weights in others(device, sort)
            for load in _OTHER_LOADS
        ]
        left = {
            "step": [speed.spread(_predict([each.token() for each in loads])), speed.off],
            "first": [speed.spread(_predict([each.first() for each in loads])), speed.off],
        }
        if draw is not None:
            drawing = [replace(each, rate=replace(each.rate, constants=faster)) for each in loads]
            left["power"] = [draw.spread(partial(log_draws, drawing)), draw.off, meter]
            left["energy"] = left["step"] + left["power"]
        for quantity, open_ in left.items():
            name = f"{quantity} {sort}"
            found[name] = widened(known[name], *open_)
    return found


def _predict(rows: list[list[float]]) -> Predict:
    return partial(log_times, numpy.array(rows))


def widened(ends: tuple[float, float], *open_: float) -> tuple[float, float]:
    """An 80 % interval over its value, with standard deviations of the logarithm besides."""
    doubt = _Z80 * math.hypot(*open_)
    low, high = (math.hypot(math.log(end), doubt) for end in ends)
    return math.exp(-low), math.exp(high)
