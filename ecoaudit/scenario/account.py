"""What is to be accounted for over its life: equipment, electricity, and what it was used for.

An account stands in a profile of its own, or its parts that a plan does not tell stand under
``lifecycle`` in a scenario.
"""

from __future__ import annotations

import math
from dataclasses import dataclass, field
from typing import Annotated, ClassVar, Literal

from ecoaudit.estimate import Basis, Estimate
from ecoaudit.scenario.fields import Quantity, Some, Switch
from ecoaudit.scenario.kinds import Energy, Name, Portion, Power, Share, Time
from ecoaudit.scenario.training import EstimatedTraining
from ecoaudit.units import S_PER_HOUR

Carbon = Annotated[Estimate, Quantity("carbon")]
Intensity = Annotated[Estimate, Quantity("grid carbon intensity")]
WaterUse = Annotated[Estimate, Quantity("water intensity")]
Data = Annotated[Estimate, Quantity("memory")]
Pieces = Annotated[Estimate, Quantity(unit="pieces", positive=True)]
Overhead = Annotated[Estimate, Quantity(minimum=1.0, maximum=10.0)]

Computer = Literal["small-board", "mini-pc", "laptop", "desktop", "workstation", "server"]
Amortisation = Literal["calendar", "busy", "occupied"]
UseStage = Literal["adaptation", "serving-active", "serving-idle", "client-and-network"]

_ROUNDING = 1e-9
_LENIENT = 1.001  # a year has 365 days or 365.25
ONE_PIECE = Estimate.exact(1.0, "pieces", Basis.DECLARED, "one, as no count is stated")


def count(unit: str) -> Quantity:
    """Marks a plain number of something, more than none."""
    return Quantity(unit=unit, positive=True)


@dataclass(frozen=True, slots=True)
class Equipment:
    """One kind of thing that was made for this.

    Attributes:
        name: for people.
        device: of the table of devices, for what its making cost.
        computer: kind of the computer, for the same.
        count: [pieces].
        embodied: of making one [kgCO2e]; stands in for the table's figure.
        end_of_life: of disposing of one [kgCO2e].
        life: of one [s]; None: that of the table of lifetimes, which is said.
        reserved: time for which it is kept for this, of all pieces together [s]; None: the whole
            period.
        busy: time at work, of all pieces together [s].
        utilisation: share of its life at work, for amortisation by busy time.
        share: of a thing that serves others too; None: it serves this alone.
    """

    __pydantic_config__: ClassVar = {"extra": "forbid"}

    name: Name
    device: Name | None = None
    computer: Computer | None = None
    count: Pieces = ONE_PIECE
    embodied: Carbon | None = None
    end_of_life: Carbon | None = None
    life: Time | None = None
    reserved: Time | None = None
    busy: Time | None = None
    utilisation: Share | None = None
    share: Share | None = None

    def __post_init__(self) -> None:
        named = [each for each in (self.device, self.computer) if each is not None]
        if len(named) > 1 or (not named and self.embodied is None):
            raise ValueError("expected one of device, computer and embodied, to know its making")


@dataclass(frozen=True, slots=True)
class ElectricityUse:
    """Electricity of the period, at the equipment.

    Attributes:
        stage: what it was used for.
        energy: [J]; else ``power`` and ``time``.
        power: [W].
        time: of all devices together [s].
        repeats: how often that was, as the rounds of a federated training; None: once.
        run: path of a measured run, whose energy it is.
        training: of a training that nobody measured.
        name: for people; empty: that of the stage.
        cooled: whether the facility's overhead comes on top.
        share: of what a thing uses that serves others too, as when it idles for all of them; None:
            it is all for this.
    """

    __pydantic_config__: ClassVar = {"extra": "forbid"}

    stage: UseStage
    energy: Energy | None = None
    power: Power | None = None
    time: Time | None = None
    repeats: Annotated[Estimate, count("rounds")] | None = None
    run: Name | None = None
    training: EstimatedTraining | None = None
    name: str = ""
    cooled: Annotated[bool, Switch()] = True
    share: Share | None = None

    def __post_init__(self) -> None:
        by_power = self.power is not None or self.time is not None
        others = (self.energy, self.run, self.training)
        ways = [by_power, *(each is not None for each in others)]
        if sum(ways) != 1 or (by_power and (self.power is None or self.time is None)):
            raise ValueError("expected one of energy, power with time, run, and training")
        if self.repeats is not None and (self.run is not None or self.training is not None):
            raise ValueError("repeats go with energy, or power and time")


@dataclass(frozen=True, slots=True)
class Diesel:
    """A generator.

    Attributes:
        share: of the electricity.
        fuel_use: [L/J].
        carbon: of burning it [kgCO2e/L]; None: that of the table.
        well_to_tank: of making and bringing it [kgCO2e/L]; None: that of the table.
    """

    __pydantic_config__: ClassVar = {"extra": "forbid"}

    share: Portion
    fuel_use: Annotated[Estimate, Quantity("fuel use", positive=True)] | None = None
    carbon: Annotated[Estimate, Quantity("fuel carbon intensity")] | None = None
    well_to_tank: Annotated[Estimate, Quantity("fuel carbon intensity")] | None = None


@dataclass(frozen=True, slots=True)
class Panels:
    """Panels and their battery.

    Attributes:
        share: of the electricity.
        intensity: of making the panels, over what they give in their life; None: that of the
            table.
        used: share of what they give that anybody uses; None: all.
        battery: of making the battery, over what goes through it; None: not stated.
        stored: share of their electricity that went through the battery; None: all.
        whole: of panels, surplus and battery together, in place of the above.
    """

    __pydantic_config__: ClassVar = {"extra": "forbid"}

    share: Portion
    intensity: Intensity | None = None
    used: Share | None = None
    battery: Intensity | None = None
    stored: Portion | None = None
    whole: Intensity | None = None


@dataclass(frozen=True, slots=True)
class Supply:
    """Where electricity comes from; what neither generator nor panels give is the grid's.

    Attributes:
        country: ISO 3166-1 alpha-3 code, for the grid's carbon intensity.
        region: of it.
        intensity: of the grid [gCO2e/kWh]; stands in for the table's.
        market: by contract [gCO2e/kWh]; None: no contract is stated.
        losses: lost on the way, as a share of what is generated; None: not stated.
        generator: None: none.
        panels: None: none.
    """

    __pydantic_config__: ClassVar = {"extra": "forbid"}

    country: Name | None = None
    region: Name | None = None
    intensity: Intensity | None = None
    market: Intensity | None = None
    losses: Annotated[Estimate, Quantity(maximum=0.9)] | None = None
    generator: Diesel | None = None
    panels: Panels | None = None

    def __post_init__(self) -> None:
        parts = [part.share.number for part in (self.generator, self.panels) if part is not None]
        own = math.fsum(parts)
        ends = [part.share.high or 0.0 for part in (self.generator, self.panels) if part]
        if math.fsum(ends) > 1 + _ROUNDING:
            raise ValueError(
                f"the shares of generator and panels sum to up to {math.fsum(ends):g};"
                " expected 1 at most"
            )
        if own < 1 - _ROUNDING and self.country is None and self.intensity is None:
            raise ValueError("expected country or intensity, for what the grid gives")


@dataclass(frozen=True, slots=True)
class Water:
    """Water for a unit of electricity; None: not stated.

    Attributes:
        on_site: for cooling, over the equipment's electricity (WUE) [L/kWh].
        power_station: over the electricity bought [L/kWh].
    """

    __pydantic_config__: ClassVar = {"extra": "forbid"}

    on_site: WaterUse | None = None
    power_station: WaterUse | None = None


@dataclass(frozen=True, slots=True)
class Upstream:
    """The training of the model by others, shown beside the total.

    Attributes:
        name: of the model and where its figure stands.
        emissions: of all of it [kgCO2e].
        lifetime_tokens: that all its users will ever have from it, by assumption [tokens]; None:
            no share of it can be told.
    """

    __pydantic_config__: ClassVar = {"extra": "forbid"}

    name: Name
    emissions: Carbon
    lifetime_tokens: Annotated[Estimate, count("tokens")] | None = None


@dataclass(frozen=True, slots=True)
class Network:
    """What goes over networks of others in the period.

    Attributes:
        data: [bytes].
        kind: ``fixed`` lines or ``mobile`` data, for the table of energies.
        energy: for a unit of data [kWh/GB]; None: that of the table.
    """

    __pydantic_config__: ClassVar = {"extra": "forbid"}

    data: Data
    kind: Literal["fixed", "mobile"] | None = None
    energy: Annotated[Estimate, Quantity("network energy")] | None = None

    def __post_init__(self) -> None:
        if self.kind is None and self.energy is None:
            raise ValueError("expected kind (fixed or mobile), or energy")


@dataclass(frozen=True, slots=True)
class Units:
    """What it was used for in the period; None: not stated.

    Attributes:
        requests: [requests].
        used_fraction: share of the results that somebody uses; what was made and not used, and
            what was made again, is charged to the rest.
        requests_per_consultation: [requests/consultation].
        consultations_per_patient_year: [consultations/patient-year].
        output_tokens: of a request, in the mean [tokens/request].
        training_tokens: that the training of this account saw [tokens].
        unit: what a used result is: ``note``, ``screening`` ...
    """

    __pydantic_config__: ClassVar = {"extra": "forbid"}

    requests: Annotated[Estimate, count("requests")] | None = None
    used_fraction: Share | None = None
    requests_per_consultation: Annotated[Estimate, count("requests/consultation")] | None = None
    consultations_per_patient_year: (
        Annotated[Estimate, count("consultations/patient-year")] | None
    ) = None
    output_tokens: Annotated[Estimate, count("tokens/request")] | None = None
    training_tokens: Annotated[Estimate, count("tokens")] | None = None
    unit: Name = "result"


@dataclass(frozen=True, slots=True)
class Lifecycle:
    """What a scenario says of the life of what it plans, besides what the plan knows.

    Attributes:
        computer: kind of the computer around the card.
        equipment: more that is bought for this: a screen, a UPS.
        amortisation: how the making is shared out: ``calendar`` time that it is kept for this
            (ISO/IEC 21031), ``busy`` time over its life at work, or the time that it is
            ``occupied`` over its whole life.
        share: of a computer that is there for other work too, of its making and its idling; None:
            it is for this alone.
        market: carbon of the electricity by contract [gCO2e/kWh].
        losses: lost on the way, as a share of what is generated.
        water: None: not stated.
        network: None: nothing leaves the site, or it is not stated.
        upstream: None: not stated.
        requests_per_consultation: [requests/consultation].
        consultations_per_patient_year: [consultations/patient-year].
    """

    __pydantic_config__: ClassVar = {"extra": "forbid"}

    computer: Computer | None = None
    equipment: list[Equipment] = field(default_factory=list)
    amortisation: Amortisation = "calendar"
    share: Share | None = None
    market: Intensity | None = None
    losses: Annotated[Estimate, Quantity(maximum=0.9)] | None = None
    water: Water | None = None
    network: Network | None = None
    upstream: Upstream | None = None
    requests_per_consultation: Annotated[Estimate, count("requests/consultation")] | None = None
    consultations_per_patient_year: (
        Annotated[Estimate, count("consultations/patient-year")] | None
    ) = None


def check_times(equipment: list[Equipment], period: Estimate) -> None:
    """That nothing is kept longer than there is time, or than it lives.

    Raises:
        ValueError: something is.
    """
    for each in equipment:
        there = each.count.number * period.number
        kept = there if each.reserved is None else each.reserved.number
        busy = 0.0 if each.busy is None else each.busy.number
        for name, time in (("reserved", kept), ("busy", busy)):
            if time > there * _LENIENT:
                raise ValueError(
                    f"equipment {each.name!r}: {name} is {time / S_PER_HOUR:g} h, and all pieces"
                    f" together have {there / S_PER_HOUR:g} h in the period; state count"
                )
        if each.life is not None and each.life.number * each.count.number * _LENIENT < kept:
            raise ValueError(f"equipment {each.name!r}: is kept for longer than its life")


@dataclass(frozen=True, slots=True)
class Account:
    """All that is counted of one deployment or one training, over a period.

    Attributes:
        id: name of the profile.
        name: for people.
        period: that is accounted for [s].
        equipment: what was made for it.
        electricity: what it used.
        supply: where that came from.
        pue: site energy over IT energy (ISO/IEC 30134-2); None: not stated.
        amortisation: as in :class:`Lifecycle`.
        water: None: not stated.
        network: None: not stated.
        upstream: None: not stated.
        units: what it was used for.
        languages: of each language, the tokens of a text over the mean of all requests.
        missing: equipment that belongs to it and cannot be counted, with the reason, by name; not
            a key of a profile.
        subject: what is accounted, in words by key; not a key of a profile.
        note: anything a reader should know.
    """

    __pydantic_config__: ClassVar = {"extra": "forbid"}

    id: str
    name: Name
    period: Time
    equipment: Annotated[list[Equipment], Some()]
    electricity: Annotated[list[ElectricityUse], Some()]
    supply: Supply
    pue: Overhead | None = None
    amortisation: Amortisation = "calendar"
    water: Water | None = None
    network: Network | None = None
    upstream: Upstream | None = None
    units: Units = field(default_factory=Units)
    languages: dict[str, Annotated[Estimate, Quantity(positive=True)]] = field(default_factory=dict)
    missing: dict[str, str] = field(default_factory=dict)
    subject: dict[str, str] = field(default_factory=dict)
    note: str = ""

    def __post_init__(self) -> None:
        check_times(self.equipment, self.period)
        if self.amortisation == "occupied":
            idle = [each.name for each in self.equipment if each.busy is None]
            if idle:
                raise ValueError(f"amortisation by time occupied needs busy of: {', '.join(idle)}")
