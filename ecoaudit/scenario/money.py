"""What is said of money: the currency, what owning costs, and the prices of what one could rent."""

from __future__ import annotations

import datetime
import re
from dataclasses import dataclass
from typing import Annotated, ClassVar, Literal

from ecoaudit.estimate import Estimate
from ecoaudit.scenario.fields import Quantity
from ecoaudit.scenario.kinds import (
    Duration,
    HourlyPrice,
    Money,
    MonthlyPrice,
    Name,
    Portion,
    Time,
    TokenPrice,
)
from ecoaudit.scenario.marks import ReadsWhole
from ecoaudit.units import S_PER_DAY

_LONGEST_LIFE_S = 50 * 365.25 * S_PER_DAY
_DATE = re.compile(r"\d{4}-\d{2}-\d{2}")


@dataclass(frozen=True, slots=True)
class Day(ReadsWhole):
    """Marks a calendar day of a profile, ``2026-11-01``."""

    def read(self, value: object) -> str:
        """``value`` as text; YAML makes a date of it where it is not quoted.

        Raises:
            ValueError: no day.
        """
        try:
            if isinstance(value, datetime.date) and not isinstance(value, datetime.datetime):
                return value.isoformat()
            if isinstance(value, str) and _DATE.fullmatch(value):
                return datetime.date.fromisoformat(value).isoformat()
        except ValueError:
            pass
        raise ValueError(f"expected a day such as 2026-11-01; got {value!r}")


@dataclass(frozen=True, slots=True)
class CurrencyCode(ReadsWhole):
    """Marks the code of a currency in a profile: three capital letters, ISO 4217."""

    def read(self, value: object) -> str:
        """``value``.

        Raises:
            ValueError: not three capital letters, or USD, in which all amounts are kept.
        """
        if not isinstance(value, str) or not re.fullmatch(r"[A-Z]{3}", value):
            raise ValueError(f"expected an ISO 4217 code such as KES; got {value!r}")
        if value == "USD":
            raise ValueError("amounts are in USD without it; leave `currency` out")
        return value


@dataclass(frozen=True, slots=True)
class Currency:
    """The site's own currency. Its rate is typed, with its day; it is never looked up.

    Attributes:
        code: ISO 4217, such as ``KES``.
        usd: what one unit of it is worth [USD].
        date: the day of that rate, ``2026-11-01``.
    """

    __pydantic_config__: ClassVar = {"extra": "forbid"}

    code: Annotated[str, CurrencyCode()]
    usd: Annotated[Estimate, Quantity(unit="USD", positive=True)]
    date: Annotated[str, Day()]


@dataclass(frozen=True, slots=True)
class Staff:
    """Who looks after a computer.

    Attributes:
        hours_per_month: what they can spare for it [s]; None: not stated.
        hourly_cost: what an hour of theirs costs [USD/s]; None: not stated.
        skill: ``none``, ``technician`` (visits) or ``it`` (on the site); None: not stated.
    """

    __pydantic_config__: ClassVar = {"extra": "forbid"}

    hours_per_month: Duration | None = None
    hourly_cost: HourlyPrice | None = None
    skill: Literal["none", "technician", "it"] | None = None


@dataclass(frozen=True, slots=True)
class Finance:
    """What owning a computer costs besides its price and its electricity; None: not stated.

    Attributes:
        yearly_budget: what may be spent in a year after the purchase [USD].
        life: how long it is kept [s].
        discount_rate: of a year, for the net present value.
        import_duty: share of the price.
        freight: once [USD].
        installation: setting it up, with circuit, UPS, cooling and the staff's training [USD].
        maintenance: contract and software support of a year, as a share of the price.
        spares: parts that are kept from the start, as a share of the price.
        disposal: at the end of its life [USD].
        upkeep: the staff's time that it takes in a month [s].
    """

    __pydantic_config__: ClassVar = {"extra": "forbid"}

    yearly_budget: Money | None = None
    life: Annotated[Estimate, Quantity("time", positive=True, maximum=_LONGEST_LIFE_S)] | None = (
        None
    )
    discount_rate: Portion | None = None
    import_duty: Annotated[Estimate, Quantity(maximum=10.0)] | None = None
    freight: Money | None = None
    installation: Money | None = None
    maintenance: Portion | None = None
    spares: Portion | None = None
    disposal: Money | None = None
    upkeep: Duration | None = None


@dataclass(frozen=True, slots=True)
class CloudGpu:
    """A rented machine with a GPU.

    Attributes:
        price: of an hour [USD/s].
        hours_per_month: how long it is rented [s]; None: the opening hours of the working days.
        name: of the offer.
    """

    __pydantic_config__: ClassVar = {"extra": "forbid"}

    price: HourlyPrice
    hours_per_month: Time | None = None
    name: Name | None = None


@dataclass(frozen=True, slots=True)
class HostedApi:
    """A model of somebody else's, paid by the token.

    Attributes:
        input: price of what is sent [USD/token].
        output: price of what comes back [USD/token].
        name: of the offer.
    """

    __pydantic_config__: ClassVar = {"extra": "forbid"}

    input: TokenPrice
    output: TokenPrice
    name: Name | None = None


@dataclass(frozen=True, slots=True)
class Subscription:
    """A service for clinicians, paid by the head.

    Attributes:
        price: of one clinician and month [USD/month].
        name: of the offer.
    """

    __pydantic_config__: ClassVar = {"extra": "forbid"}

    price: MonthlyPrice
    name: Name | None = None


@dataclass(frozen=True, slots=True)
class Alternatives:
    """What one could pay for instead of buying; None: no price was given.

    Attributes:
        cloud_gpu: a rented machine.
        hosted_api: tokens.
        subscription: seats.
    """

    __pydantic_config__: ClassVar = {"extra": "forbid"}

    cloud_gpu: CloudGpu | None = None
    hosted_api: HostedApi | None = None
    subscription: Subscription | None = None


@dataclass(frozen=True, slots=True)
class Quality:
    """How good models are at this workload, by a score of the user's own.

    Attributes:
        metric: what the score is.
        minimum: a model that has less is struck out.
        scores: by model.
    """

    __pydantic_config__: ClassVar = {"extra": "forbid"}

    metric: Name
    minimum: Annotated[Estimate, Quantity(minimum=float("-inf"))]
    scores: dict[str, Annotated[Estimate, Quantity(minimum=float("-inf"))]]
