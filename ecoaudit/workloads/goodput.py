"""How many answers met the service level of the scenario: what the staff will wait for."""

from __future__ import annotations

from dataclasses import replace

from ecoaudit.estimate import Basis, Estimate
from ecoaudit.scenario.model import Service
from ecoaudit.statistics import share_interval
from ecoaudit.workloads.client import Answer
from ecoaudit.workloads.takes import Takes


def goodput(takes: Takes, service: Service, rate: Estimate) -> dict[str, Estimate]:
    """``service_level_share`` and ``goodput_per_s`` of a load; nothing without a service level.

    A request meets it when its first token and its end both came within their limits; one that
    failed does not. Counted for the share are the requests that ended in a window, well or badly.
    Goodput is ``rate`` times the share among those that ended well, so that it is a part of it, by
    the same count of requests.

    Args:
        takes: the windows.
        service: the limits.
        rate: requests that end well in a second [requests/s].
    """
    limits = [
        f"{what} within {limit.number:g} s"
        for what, limit in (("first token", service.first_token), ("end", service.complete))
        if limit is not None
    ]
    if not limits:
        return {}
    ended = takes.ended_somehow
    source = f"{' and '.join(limits)}; {len(ended)} requests"
    if not ended:
        return {
            "service_level_share": Estimate.absent("", "no request ended in the window"),
            "goodput_per_s": Estimate.absent("requests/s", "no request ended in the window"),
        }
    met = sum(1 for answer in ended if _meets(answer, service))
    return {
        "service_level_share": _share(met, len(ended), source),
        "goodput_per_s": _part_of(rate, met, len(takes.ended), source),
    }


def _share(met: int, of: int, source: str) -> Estimate:
    low, high = share_interval(met, of)
    return Estimate(met / of, low, high, "", Basis.MEASURED, f"{source}, Wilson interval")


def _part_of(rate: Estimate, met: int, good: int, source: str) -> Estimate:
    """The rate of those that met it; the intervals of rate and share are taken as independent."""
    if not good:
        return Estimate.absent("requests/s", "no request ended well in the window")
    found = rate.times(_share(met, good, source), "requests/s")
    return found if found.low is None else replace(found, low=max(found.low, 0.0))


def _meets(answer: Answer, service: Service) -> bool:
    if answer.error:
        return False
    first, complete = service.first_token, service.complete
    in_time = first is None or answer.ttft_s <= first.number
    return in_time and (complete is None or answer.e2e_s <= complete.number)
