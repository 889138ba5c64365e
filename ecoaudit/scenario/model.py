"""What a deployment scenario is made of. Each figure is an Estimate with its source.

The field names are the keys of the YAML profiles; ``ecoaudit.scenario.reader`` fills them.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Annotated, ClassVar, Literal

from ecoaudit.estimate import Basis, Estimate
from ecoaudit.scenario.account import Lifecycle
from ecoaudit.scenario.described import Described
from ecoaudit.scenario.fields import Interval, LanguageMix, Quantity, Some, Switch
from ecoaudit.scenario.kinds import (
    Energy,
    EnergyPrice,
    Money,
    Name,
    Power,
    Share,
    SomeTokens,
    Time,
    TimeOfDay,
    Tokens,
)
from ecoaudit.scenario.money import Alternatives, Currency, Finance, Quality, Staff
from ecoaudit.scenario.supply import Generator, NoOverlap, Outages, PriceBand, Solar, Ups
from ecoaudit.scenario.turns import SINGLE_TURN, earlier_turns, whole
from ecoaudit.units import S_PER_DAY

WeightFormat = Literal["bf16", "fp8", "int8", "int4"]
Level = Annotated[int, Interval(1, 1024)]
Slots = Annotated[Estimate, Quantity(unit="cards", minimum=1.0, maximum=16.0)]
Turns = Annotated[Estimate, Quantity(unit="turns", minimum=1.0, maximum=1000.0)]


@dataclass(frozen=True, slots=True)
class Host:
    """The computer that a GPU card is put into: what it costs and draws without the card.

    Attributes:
        price: purchase without the card [USD].
        idle_power: draw at rest, without the card [W].
        busy_power: draw while the card works, without the card [W].
        peak_power: largest draw, without the card, for sizing the circuit [W].
        sleep_power: draw of it all, card included, asleep or switched off [W]; None: not stated.
        wake_time: from there until the model answers [s]; None: not stated.
        wake_energy: of that, at the plug [J]; None: not stated.
        slots: how many cards of double width it takes, each with its power and cooling [cards];
            None: one of any width. With more a plan weighs several of one card for a model.
    """

    __pydantic_config__: ClassVar = {"extra": "forbid"}

    price: Money
    idle_power: Power
    busy_power: Power
    peak_power: Power
    sleep_power: Power | None = None
    wake_time: Time | None = None
    wake_energy: Energy | None = None
    slots: Slots | None = None


@dataclass(frozen=True, slots=True)
class Site:
    """A clinic: its supply, its grid, its rules and the computer it would use.

    Attributes:
        id: name of the profile.
        name: for people.
        country: ISO 3166-1 alpha-3 code, which selects the grid's carbon intensity.
        circuit_power: what the circuit may carry continuously for this [W].
        energy_per_day: electricity that the site can give to this in a day [J].
        tariff: price of electricity [USD/J], at the hours that ``tariff_by_hour`` does not name.
        pue: site energy over IT energy (ISO/IEC 30134-2), 1 where nothing is cooled.
        host: the computer around the card.
        region: a sub-national grid zone known to the grid table, such as ``california``.
        grid_intensity: carbon intensity of the supply [gCO2e/kWh]; overrides the table.
        data_must_stay: whether patient text may not leave the site.
        currency: the site's own, in which amounts may stand besides USD; None: USD alone.
        tariff_by_hour: prices at certain hours; empty: one price.
        grid: whether there is a grid; None: not stated, which a site with panels must.
        outages: of the grid; None: not stated. Where there is no grid they do not count.
        ups: what bridges them; None: none.
        solar: panels; None: none.
        generator: None: none.
        link_speed: of the internet connection [bit/s]; None: not stated.
        staff: who looks after the computer; None: not stated.
        note: anything a reader should know.
    """

    __pydantic_config__: ClassVar = {"extra": "forbid"}

    id: str
    name: Name
    country: Name
    circuit_power: Power
    energy_per_day: Energy
    tariff: EnergyPrice
    pue: Annotated[Estimate, Quantity(minimum=1.0, maximum=10.0)]
    host: Host
    region: Name | None = None
    grid_intensity: Annotated[Estimate, Quantity("grid carbon intensity")] | None = None
    data_must_stay: Annotated[bool, Switch()] = True
    currency: Currency | None = None
    tariff_by_hour: Annotated[list[PriceBand], NoOverlap()] = field(default_factory=list)
    grid: Annotated[bool | None, Switch()] = None
    outages: Outages | None = None
    ups: Ups | None = None
    solar: Solar | None = None
    generator: Generator | None = None
    link_speed: Annotated[Estimate, Quantity("data rate", positive=True)] | None = None
    staff: Staff | None = None
    note: str = ""


@dataclass(frozen=True, slots=True)
class Lengths:
    """A length distribution, taken as lognormal with this mean and standard deviation.

    Attributes:
        mean: [tokens].
        sd: [tokens]; 0 makes every length the mean.
    """

    __pydantic_config__: ClassVar = {"extra": "forbid"}

    mean: SomeTokens
    sd: Tokens


@dataclass(frozen=True, slots=True)
class Service:
    """What the staff will wait for.

    Attributes:
        first_token: longest wait for the first word, 95th percentile [s]; None: no limit.
        complete: longest wait for the whole answer, 95th percentile [s]; None: no limit.
    """

    __pydantic_config__: ClassVar = {"extra": "forbid"}

    first_token: Time | None = None
    complete: Time | None = None


@dataclass(frozen=True, slots=True)
class Workload:
    """One kind of request, alone or in conversations.

    A conversation has several turns, and each turn is a request that sends the history again: its
    prompt is the system prompt, all earlier messages and answers, and this turn's message.
    ``prompt`` and ``output`` are then the lengths of the new message and the answer of one turn,
    with the marks that a chat puts around each.

    Attributes:
        id: name of the profile.
        name: for people.
        prompt: length of what is sent, without the system prompt; in a conversation, of one turn's
            new message.
        output: length of what comes back; in a conversation, of one turn's answer.
        system_prompt: fixed part in front of each prompt [tokens].
        requests_per_clinician: a day's requests of one clinician; each turn is one [requests].
        service: what the staff will wait for, at each request.
        turns: mean number of turns of a conversation, 1 where there is none [turns].
        turns_sd: standard deviation of that number [turns]; None: as little as whole numbers have.
            The turns after the first are taken as lognormal.
        prefix_cache: off: prompts share nothing, so a prefix cache saves nothing; on: the system
            prompt is one text for all requests, and histories are sent again word for word.
        languages: share of each language, by its code; empty: not stated.
        used_fraction: share of what is made that somebody uses: the energy of what nobody uses
            falls on the rest; None: not stated.
        unit: what one request yields, for the functional unit: ``note``, ``screening`` ...
        note: anything a reader should know.
    """

    __pydantic_config__: ClassVar = {"extra": "forbid"}

    id: str
    name: Name
    prompt: Lengths
    output: Lengths
    system_prompt: Tokens
    requests_per_clinician: Annotated[Estimate, Quantity(unit="requests", positive=True)]
    service: Service = field(default_factory=Service)
    turns: Turns = SINGLE_TURN
    turns_sd: Annotated[Estimate, Quantity(unit="turns")] | None = None
    prefix_cache: Annotated[bool, Switch()] = False
    languages: Annotated[dict[str, Share], LanguageMix()] = field(default_factory=dict)
    used_fraction: Share | None = None
    unit: Name = "request"
    note: str = ""

    @property
    def multi_turn(self) -> bool:
        """Whether requests come in conversations."""
        return max(self.turns.numbers) > 1

    @property
    def prompt_tokens(self) -> Estimate:
        """Mean prompt of a request, with its system prompt and its history [tokens].

        The mean is over all turns: system + message + earlier turns x (message + answer).
        """
        alone = self.prompt.mean + self.system_prompt
        if not self.multi_turn:
            return alone
        turn = self.prompt.mean + self.output.mean
        return alone + turn.times(earlier_turns(self.turns, self.turns_sd), "tokens")

    @property
    def conversation(self) -> Lengths:
        """All messages and answers of a conversation together, without the system prompt."""
        spread = self.turns_sd or Estimate.exact(0.0, "turns", Basis.DECLARED, self.turns.source)
        figures = (self.prompt, self.output, Lengths(self.turns, spread))
        ends = [
            whole(*((each.mean.numbers[at], each.sd.numbers[at]) for each in figures))
            for at in range(3)
        ]
        mean, sd = (
            Estimate(
                side[0], min(side), max(side), "tokens", Basis.MODELLED, "messages and answers"
            )
            for side in zip(*ends, strict=True)
        )
        return Lengths(mean, sd)


@dataclass(frozen=True, slots=True)
class Demand:
    """How much work there is.

    Attributes:
        clinicians: who use it on a working day [clinicians].
        opening: hours a day in which requests arrive [s].
        days_per_year: working days [days].
        peak_factor: requests in the busiest hour over the mean hour.
        requests_per_clinician: overrides the workload's figure [requests].
        opens_at: when the first may arrive, seconds since midnight; None: not stated.
    """

    __pydantic_config__: ClassVar = {"extra": "forbid"}

    clinicians: Annotated[Estimate, Quantity(unit="clinicians", positive=True)]
    opening: Annotated[Estimate, Quantity("time", positive=True, maximum=86400.0)]
    days_per_year: Annotated[Estimate, Quantity(unit="days", positive=True, maximum=366)]
    peak_factor: Annotated[Estimate, Quantity(minimum=1.0, maximum=24.0)]
    requests_per_clinician: Annotated[Estimate, Quantity(unit="requests", positive=True)] | None = (
        None
    )
    opens_at: TimeOfDay | None = None

    def __post_init__(self) -> None:
        if self.opens_at is not None and self.opens_at >= S_PER_DAY:
            raise ValueError("opens_at: expected a time of day before 24:00")


@dataclass(frozen=True, slots=True)
class Bench:
    """How ``ecoaudit bench`` drives the scenario.

    Attributes:
        levels: requests in flight, one measured level each.
        window: shortest measured window of a level [s].
        idle: how long the idle windows last [s].
        seed: for lengths and prompts.
    """

    __pydantic_config__: ClassVar = {"extra": "forbid"}

    levels: Annotated[list[Level], Some()] = field(default_factory=lambda: [1, 2, 4])
    window: Time | None = None
    idle: Time | None = None
    seed: Annotated[int, Interval(0, 2**32 - 1)] = 1


@dataclass(frozen=True, slots=True)
class Scenario:
    """A deployment scenario: this site, this workload, this much of it, within this budget.

    Attributes:
        id: name of the profile.
        name: for people.
        site: where.
        workload: what is asked.
        demand: how much.
        budget: capital that may be spent at once [USD].
        money: what owning costs besides price and electricity.
        alternatives: prices of what one could rent instead.
        shared_by: clinics like this one that share one computer; None: this one alone [clinics].
        quality: scores of models with a minimum; None: quality is not known.
        lifecycle: what its life-cycle account needs besides; None: nothing stated.
        models: models to consider, by Hugging Face id; empty: all that the table holds. In a
            profile also the path of a ``config.json``, or keys and values with a ``name``.
        weights: weight formats to consider.
        hardware: devices to consider, by name; empty: all that the table holds. In a profile also
            keys and values with a ``name``.
        own_models: those of ``models`` that the profile describes; not a key of a profile.
        own_hardware: those of ``hardware`` that it describes; not a key of a profile.
        bench: how to drive it.
        note: anything a reader should know.
    """

    __pydantic_config__: ClassVar = {"extra": "forbid"}

    id: str
    name: Name
    site: Site
    workload: Workload
    demand: Demand
    budget: Money
    models: list[Name] = field(default_factory=list)
    weights: Annotated[list[WeightFormat], Some()] = field(
        default_factory=lambda: ["bf16", "fp8", "int4"]
    )
    hardware: list[Name] = field(default_factory=list)
    bench: Bench = field(default_factory=Bench)
    money: Finance = field(default_factory=Finance)
    alternatives: Alternatives = field(default_factory=Alternatives)
    shared_by: Annotated[Estimate, Quantity(unit="clinics", minimum=1.0)] | None = None
    quality: Quality | None = None
    lifecycle: Lifecycle | None = None
    own_models: list[Described] = field(default_factory=list)
    own_hardware: list[Described] = field(default_factory=list)
    note: str = ""

    @property
    def requests_per_day(self) -> Estimate:
        """Requests on a working day [requests]."""
        each = self.demand.requests_per_clinician or self.workload.requests_per_clinician
        return self.demand.clinicians.times(each, "requests")

    @property
    def requests_per_peak_second(self) -> Estimate:
        """Mean arrival rate in the busiest hour [requests/s]."""
        rate = self.requests_per_day.per(self.demand.opening, "requests/s")
        return rate.times(self.demand.peak_factor, "requests/s")

    @property
    def prompt_tokens(self) -> Estimate:
        """Mean length of a prompt with its system prompt and its history [tokens]."""
        return self.workload.prompt_tokens

    @staticmethod
    def load(path: str) -> Scenario:
        """Read a scenario profile by path or name; see ``ecoaudit profiles list``."""
        from ecoaudit.scenario.reader import load_scenario

        return load_scenario(path)
