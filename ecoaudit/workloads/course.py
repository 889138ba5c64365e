"""Which load comes next: levels that are chosen by themselves, and loads that are driven again."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from typing import Final

from ecoaudit.estimate import Estimate
from ecoaudit.run import CurvePoint
from ecoaudit.scenario.model import Service
from ecoaudit.workloads.loads import Closed, Load

MOST_LEVEL: Final = 1024
RISE: Final = 1.05  # a level has to give this many times the tokens/s of the one before
NARROW: Final = 0.05  # half the interval over the value: narrow enough


def climbing(
    points: Sequence[CurvePoint],
    most: int,
    service: Service,
    tell: Callable[[str], None],
) -> Iterator[Closed]:
    """Levels 1, 2, 4, 8 ... until the next would tell nothing more; the reason is told.

    It ends where tokens/s rise by less than a twentieth, where the 95th percentile of a wait is
    over the service's limit, where a level gave no figures, and at the most that the server takes.

    Args:
        points: of the curve, with a point for each level given before the next is asked for.
        most: requests that the server takes into its batch.
        service: what the staff will wait for.
        tell: is told why it ends.
    """
    level, before = 1, 0.0
    while level <= most:
        yield Closed(level)
        found = next((p.steady or p.whole_run for p in points if p.level == level), None)
        if found is None:
            tell(f"no higher level is tried: level {level} gave no figures")
            return
        rate = found["output_tokens_per_s"].value or 0.0
        if rate < RISE * before:
            tell(
                f"no higher level is tried: {rate:.4g} tokens/s at level {level} are not"
                f" {RISE - 1:.0%} above the {before:.4g} of level {level // 2}"
            )
            return
        if broken := _broken(found, service):
            tell(f"no higher level is tried: at level {level} {broken}")
            return
        level, before = 2 * level, rate
    tell(f"no higher level is tried: the server takes {most} requests at once")


def _broken(found: dict[str, Estimate], service: Service) -> str:
    """Which limit of the service level does not hold, in words; empty where all do."""
    for what, name, limit in (
        ("the first token", "ttft_s_p95", service.first_token),
        ("the whole answer", "e2e_s_p95", service.complete),
    ):
        seen = found[name].value
        if limit is not None and seen is not None and seen > limit.number:
            return f"{what} takes {seen:.3g} s (95th percentile), over {limit.number:g} s"
    return ""


def half_width(load: Load, point: CurvePoint) -> float:
    """How well a load's figures are known: half the interval of the main one, over its value.

    That is tokens/s in a closed loop, and in an open one, where tokens/s follow from the arrivals,
    the median time of a whole answer. 0 where another time would tell nothing: without figures, and
    for loads that have an end of their own.
    """
    name = "e2e_s_p50" if load.level is None else "output_tokens_per_s"
    figure = point.steady.get(name)
    if figure is None or not figure.known or figure.number <= 0:
        return 0.0
    value, low, high = figure.numbers
    return (high - low) / 2 / value


def least_known(known: Sequence[tuple[Load, CurvePoint]]) -> Load | None:
    """The load that is worth being driven again most; None where all are known well enough."""
    widths = [(half_width(load, point), load) for load, point in known]
    width, load = max(widths, key=lambda each: each[0], default=(0.0, None))
    return load if width > NARROW else None
