"""Planning tiers: what a clinic of a kind usually has, for a scenario that is begun from nothing.

The bands are proposals for planning, from no survey. Each figure that is taken from them says
"assumed", so that a plan lists it until somebody replaces it.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final, Literal

from ecoaudit.errors import NotFoundError, did_you_mean


@dataclass(frozen=True, slots=True)
class Band:
    """A figure of a tier; ``low`` and ``high`` are the tier's band, as the profile writes them."""

    value: str
    low: str = ""
    high: str = ""

    @property
    def said(self) -> str:
        """The band for people."""
        if not self.low:
            return self.value
        return f"{self.low} to {self.high}" if self.high else f"{self.low} and more"


@dataclass(frozen=True, slots=True)
class Computer:
    """The computer around a card that such a clinic would have; ``slots`` for cards of double
    width, where that is more than one."""

    what: str
    price: Band
    idle_power: Band
    busy_power: Band
    peak_power: Band
    wake_energy: Band
    sleep_power: Band = Band("3 W", "1 W", "8 W")
    wake_time: Band = Band("90 s", "20 s", "300 s")
    slots: Band | None = None


@dataclass(frozen=True, slots=True)
class Tier:
    """One kind of clinic.

    Attributes:
        id: ``T0`` to ``T5``.
        name: for people.
        supply: where its electricity comes from.
        work: the preset of a workload that such a clinic would begin with.
        clinicians: who would use it on a working day.
        hours: opening hours of a day.
        days: working days of a year.
        power: what the supply may carry for IT.
        energy: electricity of a day for IT.
        budget: capital.
        pue: site energy over IT energy.
        skill: who looks after computers: ``none``, ``technician`` (visits), ``it`` (on the site).
        link: the connection, for people.
        host: the computer.
    """

    id: str
    name: str
    supply: Literal["grid", "solar"]
    work: str
    clinicians: str
    hours: str
    days: str
    power: Band
    energy: Band
    budget: Band
    pue: Band
    skill: Literal["none", "technician", "it"]
    link: str
    host: Computer


_MINI: Final = Computer(
    "mini-PC or used desktop",
    Band("600 USD", "300 USD", "900 USD"),
    Band("15 W", "8 W", "30 W"),
    Band("35 W", "20 W", "60 W"),
    Band("90 W", "65 W", "120 W"),
    Band("4 kJ", "0.5 kJ", "25 kJ"),
)
_DESKTOP: Final = Computer(
    "desktop workstation",
    Band("1500 USD", "900 USD", "2500 USD"),
    Band("40 W", "25 W", "65 W"),
    Band("75 W", "50 W", "120 W"),
    Band("180 W", "140 W", "250 W"),
    Band("9 kJ", "1 kJ", "60 kJ"),
)
_TOWER: Final = Computer(
    "tower workstation",
    Band("2500 USD", "1500 USD", "4000 USD"),
    Band("50 W", "35 W", "80 W"),
    Band("90 W", "60 W", "150 W"),
    Band("250 W", "200 W", "300 W"),
    Band("12 kJ", "1 kJ", "90 kJ"),
)
_SERVER: Final = Computer(
    "rack server",
    Band("6000 USD", "4000 USD", "10000 USD"),
    Band("150 W", "100 W", "250 W"),
    Band("250 W", "150 W", "400 W"),
    Band("600 W", "400 W", "800 W"),
    Band("45 kJ", "5 kJ", "300 kJ"),
    sleep_power=Band("10 W", "5 W", "20 W"),
    wake_time=Band("180 s", "60 s", "600 s"),
    slots=Band("4", "2", "8"),
)
_UNCOOLED: Final = Band("1.05", "1.0", "1.1")
_COOLED: Final = Band("1.4", "1.3", "1.6")

_ALL: Final = (
    Tier(
        *("T0", "Health post", "solar", "screening", "1", "8 h", "300"),
        power=Band("100 W"),
        energy=Band("0.75 kWh", "0.5 kWh", "1 kWh"),
        budget=Band("500 USD", "0 USD", "1000 USD"),
        pue=_UNCOOLED,
        skill="none",
        link="2G or 3G, or none",
        host=_MINI,
    ),
    Tier(
        *("T1", "Rural clinic", "solar", "screening", "2", "8 h", "300"),
        power=Band("400 W", "300 W", "500 W"),
        energy=Band("2 kWh", "1 kWh", "3 kWh"),
        budget=Band("3000 USD", "1000 USD", "5000 USD"),
        pue=_UNCOOLED,
        skill="technician",
        link="mobile data",
        host=_MINI,
    ),
    Tier(
        *("T2", "Urban clinic", "grid", "note-summary", "12", "9 h", "260"),
        power=Band("1150 W", "900 W", "1400 W"),
        energy=Band("7.5 kWh", "5 kWh", "10 kWh"),
        budget=Band("8000 USD", "3000 USD", "15000 USD"),
        pue=_UNCOOLED,
        skill="technician",
        link="DSL or fibre",
        host=_DESKTOP,
    ),
    Tier(
        *("T3", "District hospital", "grid", "ambient-note", "40", "9 h", "260"),
        power=Band("3000 W"),
        energy=Band("30 kWh", "20 kWh", "50 kWh"),
        budget=Band("25000 USD", "15000 USD", "80000 USD"),
        pue=_COOLED,
        skill="it",
        link="fibre with gaps",
        host=_TOWER,
    ),
    Tier(
        *("T4", "Referral hospital", "grid", "ambient-note", "200", "10 h", "260"),
        power=Band("10 kW"),
        energy=Band("100 kWh"),
        budget=Band("200000 USD", "80000 USD", "500000 USD"),
        pue=_COOLED,
        skill="it",
        link="redundant",
        host=_SERVER,
    ),
    Tier(
        *("T5", "Regional node", "grid", "ambient-note", "400", "12 h", "300"),
        power=Band("20 kW"),
        energy=Band("480 kWh"),
        budget=Band("200000 USD"),
        pue=_COOLED,
        skill="it",
        link="redundant",
        host=_SERVER,
    ),
)
TIERS: Final[dict[str, Tier]] = {tier.id: tier for tier in _ALL}


def find_tier(name: str) -> Tier:
    """A tier by its id, in any case.

    Raises:
        NotFoundError: there is none; the message lists them.
    """
    tier = TIERS.get(name.strip().upper())
    if tier is None:
        raise NotFoundError(f"no tier {name!r}; {did_you_mean(name, TIERS)}")
    return tier
