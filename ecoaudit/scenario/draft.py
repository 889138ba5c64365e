"""Writes a scenario's YAML from a tier and a few answers; each figure says where it is from."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

from ecoaudit.errors import UsageError
from ecoaudit.scenario.profiles import find_profile
from ecoaudit.scenario.questions import WORLD
from ecoaudit.scenario.reader import load_workload
from ecoaudit.scenario.tiers import Band, Tier

TYPED: Final = "as answered when this file was made"
# A conversation's requests of one patient on a day; a patient is one request elsewhere.
REQUESTS_PER_PATIENT: Final = {"skills-chat": 11}
_SOLAR_GRID: Final = Band("117 gCO2e/kWh", "60 gCO2e/kWh", "180 gCO2e/kWh")
_SOLAR_SOURCE: Final = (
    "off-grid panels with battery: 48 g/kWh (IPCC AR5 median, utility PV) over a used share of 0.6,"
    " plus 37 g/kWh battery"
)
_WORLD_TARIFF: Final = (
    "assumed: world mean of business tariffs, second quarter of 2025, globalpetrolprices.com;"
    " replace with your bill's figure"
)


def draft(
    tier: Tier, answers: Mapping[str, str], defaults: Mapping[str, str], world_grid: Band
) -> str:
    """The text of a scenario profile.

    Args:
        tier: what is taken where nothing was answered.
        answers: by key, as :func:`ecoaudit.scenario.questions.read_answer` gives them.
        defaults: of the questions that were not answered.
        world_grid: carbon intensity where no country is named.

    Raises:
        UsageError: the workload states languages of its own, and so does the answer.
    """
    said = {**defaults, **answers}
    figures = _Figures(tier, answers, said)
    lines = [
        f"# Begun by `ecoaudit profiles new --tier {tier.id}` ({tier.name}; link: {tier.link}).",
        '# What says "assumed" is a guess for such a clinic: replace it, then run',
        "# `ecoaudit profiles check` and `ecoaudit plan` on this file.",
        f"name: {quoted(said['name'])}",
        "",
        "site:",
        f"  name: {quoted(said['name'])}",
        *_country(said, world_grid),
        f"  circuit_power: {figures.of('power', tier.power, 'for IT')}  # day and night",
        f"  energy_per_day: {figures.of('energy', tier.energy, 'a day for IT')}",
        f"  tariff: {figures.tariff()}",
        f"  pue: {_figure(tier.pue, 'assumed: losses and cooling; replace with your own')}",
        "  host:                           # the computer around the card, without the card",
        *_host(tier),
        f"  data_must_stay: {'false' if said['data_may_leave'] == 'yes' else 'true'}",
        f"  staff: {{skill: {tier.skill}}}",
        "",
        *_workload(said),
        "demand:",
        f"  clinicians: {figures.of('clinicians', Band(tier.clinicians))}",
        *figures.requests(),
        f"  opening: {figures.of('hours', Band(said['hours']))}",
        f"  days_per_year: {figures.of('days', Band(tier.days))}",
        f"  peak_factor: {_peak(said['work'])}",
        f"budget: {figures.of('budget', Band(said['budget']), band=tier.budget)}",
        "",
        "# Left out, all models and devices of the tables are weighed. To weigh some:",
        "# models: [Qwen/Qwen3-4B, meta-llama/Llama-3.1-8B-Instruct]",
        "# hardware: [NVIDIA L4, NVIDIA GeForce RTX 4090]",
    ]
    return "\n".join(lines) + "\n"


class _Figures:
    """Figures of a draft: as answered, else as the tier has them."""

    def __init__(self, tier: Tier, answers: Mapping[str, str], said: Mapping[str, str]):
        self.tier = tier
        self.answers = answers
        self.said = said

    def of(self, key: str, usual: Band, what: str = "", band: Band | None = None) -> str:
        if key in self.answers:
            return _figure(Band(self.answers[key]), TYPED)
        span = " ".join((band or usual).said.split() + what.split())
        return _figure(
            usual, f"assumed: planning tier {self.tier.id}, {span}; replace with your own"
        )

    def tariff(self) -> str:
        if "tariff" in self.answers:
            return _figure(Band(self.answers["tariff"]), TYPED)
        if self.said["supply"] == "solar":
            return _figure(
                Band(self.said["tariff"]),
                "own panels: no price per kWh; their purchase is not counted here",
            )
        return _figure(Band(self.said["tariff"]), _WORLD_TARIFF)

    def requests(self) -> list[str]:
        if "patients" not in self.answers:
            return []
        each = REQUESTS_PER_PATIENT.get(self.said["work"], 1)
        source = TYPED if each == 1 else f"{TYPED}, {each} messages of each patient"
        value = Band(f"{float(self.answers['patients']) * each:g}")
        return [f"  requests_per_clinician: {_figure(value, source)}"]


def quoted(text: str) -> str:
    """``text`` as YAML takes it for text, whatever is in it."""
    import yaml

    made: str = yaml.safe_dump(text, default_style='"', allow_unicode=True, width=10**9)
    return made.strip()


def _figure(figure: Band, source: str) -> str:
    ends = f", low: {figure.low}, high: {figure.high}" if figure.low and figure.high else ""
    return f"{{value: {figure.value}{ends}, source: {quoted(source)}}}"


def _country(said: Mapping[str, str], world_grid: Band) -> list[str]:
    lines = [f"  country: {said['country']}"]
    if said["country"] == WORLD:
        lines = ["  country: WLD                    # the world: put your country's code here"]
    if said["supply"] == "solar":
        lines.append(f"  grid_intensity: {_figure(_SOLAR_GRID, _SOLAR_SOURCE)}")
    elif said["country"] == WORLD:
        source = "assumed: the world's mean, 10th to 90th percentile of countries"
        lines.append(f"  grid_intensity: {_figure(world_grid, source)}  # goes with the country")
    return lines


def _host(tier: Tier) -> list[str]:
    host = tier.host
    return [
        f"    {key}: {_figure(band, f'assumed: {host.what}; {remedy}')}"
        for key, band, remedy in (
            ("price", host.price, "replace with a quotation"),
            ("idle_power", host.idle_power, "measure at rest with a plug meter"),
            ("busy_power", host.busy_power, "measure at work with a plug meter"),
            ("peak_power", host.peak_power, "read the nameplate"),
            ("sleep_power", host.sleep_power, "measure it asleep with a plug meter"),
            (
                "wake_time",
                host.wake_time,
                "waking, then loading the model: `ecoaudit bench` measures that",
            ),
            ("wake_energy", host.wake_energy, "half the power at work for that time; measure it"),
            ("slots", host.slots, "ask how many cards of double width it takes and feeds"),
        )
        if band is not None
    ]


def _peak(work: str) -> str:
    if work == "batch-night":
        return _figure(Band("1"), "all lie there at the start of the night")
    return _figure(Band("2", "1.5", "3"), "assumed: busiest hour over the mean hour")


def _workload(said: Mapping[str, str]) -> list[str]:
    """The preset by its name; with languages its text, which then holds them."""
    work, languages = said["work"], said.get("languages", "")
    if not languages:
        return [f"workload: {work}"]
    if load_workload(work).languages:
        raise UsageError(f"languages: the workload {work!r} states its own; leave the answer out")
    text = find_profile("workloads", work).read_text("utf-8-sig").splitlines()
    return [
        f"workload:                         # as `ecoaudit profiles show {work}`, with languages",
        *(f"  {line}".rstrip() for line in text),
        f"  languages: {{{languages}}}",
    ]
