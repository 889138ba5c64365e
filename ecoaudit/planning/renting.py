"""What one could do instead of buying: rent a GPU, pay for tokens or seats, or do nothing.

Only prices that the user typed are used; there is no table of them. Their energy is not on this
site's meter and is not known.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

from ecoaudit.estimate import Basis, Estimate
from ecoaudit.scenario import Scenario

CLOUD_GPU: Final = "cloud-gpu"
HOSTED_API: Final = "hosted-api"
SUBSCRIPTION: Final = "subscription"
NOTHING: Final = "do-nothing"
_MONTHS: Final = 12


@dataclass(frozen=True, slots=True)
class Rented:
    """One way to do it without buying.

    Attributes:
        mode: of the four.
        name: of the offer, where it has one.
        usd_per_year: [USD]; absent without a typed price.
        allowed: whether the site's rule on patient text lets it.
        note: why it is not allowed, or what it does not count.
    """

    mode: str
    name: str
    usd_per_year: Estimate
    allowed: bool
    note: str


def rented(scenario: Scenario) -> list[Rented]:
    """The four ways, those without a typed price and those that the site forbids among them."""
    offers = scenario.alternatives
    cloud, api, seats = offers.cloud_gpu, offers.hosted_api, offers.subscription
    stay = scenario.site.data_must_stay
    forbidden = "patient text may not leave the site (data_must_stay)"
    found = [
        Rented(mode, name or "", price, not stay, forbidden if stay else note)
        for mode, name, price, note in (
            (
                CLOUD_GPU,
                cloud and cloud.name,
                _cloud(scenario),
                "who looks after it is not counted",
            ),
            (HOSTED_API, api and api.name, _api(scenario), "retries are not counted"),
            (SUBSCRIPTION, seats and seats.name, _seats(scenario), ""),
        )
    ]
    zero = Estimate.exact(0.0, "USD", Basis.DECLARED, "nothing is bought and nothing is run")
    note = "the work is done as it is today; what that costs is not counted"
    return [*found, Rented(NOTHING, "", zero, True, note)]


def _cloud(scenario: Scenario) -> Estimate:
    offer = scenario.alternatives.cloud_gpu
    if offer is None:
        return _absent("cloud_gpu.price")
    demand = scenario.demand
    if offer.hours_per_month is not None:
        hours_s = offer.hours_per_month * _MONTHS
    else:
        hours_s = demand.opening.times(demand.days_per_year, "s")
    return offer.price.times(hours_s, "USD")


def _api(scenario: Scenario) -> Estimate:
    offer = scenario.alternatives.hosted_api
    if offer is None:
        return _absent("hosted_api.input and output")
    requests = scenario.requests_per_day.times(scenario.demand.days_per_year, "requests")
    sent = scenario.prompt_tokens.times(offer.input, "USD/request")
    back = scenario.workload.output.mean.times(offer.output, "USD/request")
    return (sent + back).times(requests, "USD")


def _seats(scenario: Scenario) -> Estimate:
    offer = scenario.alternatives.subscription
    if offer is None:
        return _absent("subscription.price")
    return (offer.price * _MONTHS).times(scenario.demand.clinicians, "USD")


def _absent(key: str) -> Estimate:
    return Estimate.absent("USD", f"no price was typed: alternatives.{key}")


def download_s(size: Estimate, link_speed: Estimate) -> Estimate:
    """How long it takes to fetch a model's files [s].

    Args:
        size: of the files [bytes].
        link_speed: of the site's connection [bit/s].
    """
    return (size * 8.0).per(link_speed, "s")
