"""How many answers met the service level of the scenario: what the staff will wait for."""

from __future__ import annotations

from ecoaudit.estimate import Basis, Estimate
from ecoaudit.scenario.model import Service
from ecoaudit.statistics import share_interval
from ecoaudit.workloads.client import Answer
from ecoaudit.workloads.takes import Takes


def goodput(takes: Takes, service: Service) -> dict[str, Estimate]:
    """``service_level_share`` and ``goodput_per_s`` of a load; nothing without a service level.

    A request meets it when its first token and its end both came within their limits; one that
    failed does not. Counted are the requests that ended in a window, well or badly.

    Args:
        takes: the windows.
        service: the limits.
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
    low, high = share_interval(met, len(ended))
    share = Estimate(met / len(ended), low, high, "", Basis.MEASURED, f"{source}, Wilson interval")
    rate = len(ended) / takes.duration_s
    return {
        "service_level_share": share,
        "goodput_per_s": (share * rate).converted(1.0, "requests/s").sourced(source),
    }


def _meets(answer: Answer, service: Service) -> bool:
    if answer.error:
        return False
    first, complete = service.first_token, service.complete
    in_time = first is None or answer.ttft_s <= first.number
    return in_time and (complete is None or answer.e2e_s <= complete.number)
