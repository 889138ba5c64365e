"""Training at several sites that never pool their data: rounds, waiting, and what is exchanged."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Annotated, Any, ClassVar, Literal

from ecoaudit.estimate import Estimate
from ecoaudit.scenario.account import (
    Amortisation,
    Data,
    ElectricityUse,
    Equipment,
    Overhead,
    Supply,
    Units,
    check_times,
    count,
)
from ecoaudit.scenario.fields import Quantity, Some
from ecoaudit.scenario.kinds import Name, Power, Time
from ecoaudit.scenario.marks import ReadsWhole


@dataclass(frozen=True, slots=True)
class SiteName(ReadsWhole):
    """Marks the name of a site, which stands in formulas."""

    def read(self, value: Any) -> str:
        """``value``.

        Raises:
            ValueError: it has other than letters, digits and _.
        """
        if not isinstance(value, str) or not value.isidentifier():
            raise ValueError(f"expected a name of letters, digits and _; got {value!r}")
        return value


@dataclass(frozen=True, slots=True)
class Spell:
    """Something that takes time in each round.

    Attributes:
        power: of the whole computer [W].
        time: in one round [s].
    """

    __pydantic_config__: ClassVar = {"extra": "forbid"}

    power: Power
    time: Time


@dataclass(frozen=True, slots=True)
class FederatedSite:
    """One of the sites; either ``working``, or a measured ``run`` of all its rounds.

    Attributes:
        supply: where its electricity comes from.
        equipment: what was made for it.
        pue: site energy over IT energy; None: not stated.
        working: training, in one round.
        waiting: for the others, in one round; None: not stated.
        run: path of a measured run of all rounds, waiting included.
    """

    __pydantic_config__: ClassVar = {"extra": "forbid"}

    supply: Supply
    equipment: Annotated[list[Equipment], Some()]
    pue: Overhead | None = None
    working: Spell | None = None
    waiting: Spell | None = None
    run: Name | None = None

    def __post_init__(self) -> None:
        if (self.working is None) == (self.run is None):
            raise ValueError("expected one of working and run")
        if self.run is not None and self.waiting is not None:
            raise ValueError("the run holds its waiting; leave one of the two out")


@dataclass(frozen=True, slots=True)
class Central:
    """The same training in one place, on data brought together.

    Attributes:
        name: for people.
        equipment: what was made for it.
        electricity: what it uses.
        supply: where that comes from.
        pue: site energy over IT energy; None: not stated.
        data: that must be brought together for it [bytes]; None: not stated.
    """

    __pydantic_config__: ClassVar = {"extra": "forbid"}

    name: Name
    equipment: Annotated[list[Equipment], Some()]
    electricity: Annotated[list[ElectricityUse], Some()]
    supply: Supply
    pue: Overhead | None = None
    data: Data | None = None


@dataclass(frozen=True, slots=True)
class Federation:
    """A federated training.

    Attributes:
        id: name of the profile.
        name: for people.
        period: from its first round to its last [s].
        rounds: [rounds].
        exchanged: sent and received by one site in one round [bytes].
        sites: by name.
        central: to compare with; None: nothing.
        network: over which the model goes: ``fixed`` lines or ``mobile`` data.
        network_energy: for a unit of data [kWh/GB]; None: that of the table.
        amortisation: as in :class:`~ecoaudit.scenario.account.Lifecycle`.
        units: what came of it.
        note: anything a reader should know.
    """

    __pydantic_config__: ClassVar = {"extra": "forbid"}

    id: str
    name: Name
    period: Time
    rounds: Annotated[Estimate, count("rounds")]
    exchanged: Data
    sites: dict[Annotated[str, SiteName()], FederatedSite]
    central: Central | None = None
    network: Literal["fixed", "mobile"] = "fixed"
    network_energy: Annotated[Estimate, Quantity("network energy")] | None = None
    amortisation: Amortisation = "calendar"
    units: Units = field(default_factory=Units)
    note: str = ""

    def __post_init__(self) -> None:
        if len(self.sites) < 2:
            raise ValueError("sites: expected two or more; one alone has nothing to federate with")
        for site in self.sites.values():
            check_times(site.equipment, self.period)
        if self.central is not None:
            check_times(self.central.equipment, self.period)
