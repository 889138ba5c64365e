"""What stages, scopes and other names of a ledger are called on a page, and its glossary."""

from __future__ import annotations

from typing import Final

from ecoaudit.distributions import Distribution
from ecoaudit.ledger import Input, Owner, Scope, Stage
from ecoaudit.reporters.figures import plain
from ecoaudit.reporters.words import GLOSSARY

STAGES: Final = {
    Stage.MANUFACTURE: "Making and transport",
    Stage.UPSTREAM: "Training of the model by others",
    Stage.ADAPTATION: "Training and adaptation",
    Stage.ACTIVE: "Answering",
    Stage.IDLE: "Waiting, ready to answer",
    Stage.FACILITY: "Cooling and losses of the site",
    Stage.SUPPLY: "Supply chain of electricity",
    Stage.CLIENT: "Users' devices and networks",
    Stage.END: "End of life",
}
SCOPES: Final = {
    Scope.FUEL: "fuel burnt here",
    Scope.ELECTRICITY: "purchased electricity",
    Scope.SERVICES: "purchased goods and services",
    Scope.CAPITAL: "capital goods",
    Scope.ENERGY: "upstream of fuel and electricity",
    Scope.TRANSPORT: "transport",
    Scope.WASTE: "waste and end of life",
    Scope.SOLD: "use of what is given away",
}
OWNERS: Final = {
    Owner.VENDOR: "vendor",
    Owner.CLINIC: "clinic",
    Owner.SUPPLIER: "supplier",
}
OWNED: Final = {
    Owner.VENDOR: "of the hardware, or of the model",
    Owner.CLINIC: "whoever runs the site",
    Owner.SUPPLIER: "of electricity, fuel or network",
}
IMPACTS: Final = {
    "water": "Water",
    "abiotic-depletion": "Minerals and metals used up",
    "primary-energy": "Primary energy",
}
GOALS: Final = {
    "period": "Period",
    "boundary": "Boundary",
    "cut_off": "Cut-off",
    "allocation": "Sharing of the equipment",
    "impact": "Impact",
    "use": "Use",
}
SCREENING: Final = (
    "A screening. ISO 14044 (clauses 5.2 and 6) asks for a critical review by a panel before a"
    " comparison is disclosed to the public."
)
_SHARED: Final = (
    *("measured", "modelled", "declared", "assumed", "constant", "absent", "interval", "idle"),
    *("token", "kWh", "kgCO2e"),
)
GLOSSARY_OF_LEDGERS: Final = [
    *((term, said) for term, said in GLOSSARY if term in _SHARED),
    ("functional unit", "What the account is divided by: an accepted note, a patient-year."),
    ("accepted", "A result that somebody used. What was made in vain is charged to it."),
    ("scope", "1: burnt here. 2: electricity bought. 3: everything before and after."),
    ("by location", "With the average carbon of the grid that feeds the site."),
    ("by contract", "With what a contract says: the market-based method of scope 2."),
    ("PUE", "Energy of the site over energy of the equipment: cooling and losses."),
    ("amortisation", "How the making of equipment is shared out over its time."),
    ("SCI", "Software Carbon Intensity, ISO/IEC 21031: grams for one functional unit."),
    ("this account's", "Stated in the account, or in the plan or run behind it; no table's."),
]


def stage_word(stage: Stage) -> str:
    """A stage for people."""
    return STAGES[stage]


def scope_word(scope: Scope) -> str:
    """A scope with its number: ``3.2 capital goods``."""
    return f"{scope} {SCOPES[scope]}"


def impact_word(name: str) -> str:
    """An impact for people; a name without a word of its own is spelt out."""
    return IMPACTS.get(name, name.replace("-", " ").capitalize())


def kind_of(given: Input) -> str:
    """What kind of thing an input is, as its draws are named: ``fuel use``."""
    return given.draw.partition(":")[0] or "figure"


def drawn(distribution: Distribution, unit: str) -> str:
    """How an input is drawn, in words."""
    numbers = distribution.numbers
    told = [plain(number, unit) for number in numbers]
    if distribution.kind == "fixed":
        return "taken as sure"
    if distribution.kind == "lognormal":
        return f"log-normal, median {told[0]}, geometric standard deviation {numbers[1]:.3g}"
    if distribution.kind == "triangular":
        return f"triangular: lowest {told[0]}, likeliest {told[1]}, highest {told[2]}"
    if distribution.kind == "uniform":
        return f"anywhere from {told[0]} to {told[1]}, each as likely"
    if distribution.kind == "empirical":
        ends = f"{plain(min(numbers), unit)} to {plain(max(numbers), unit)}"
        return f"{len(numbers)} repeats of a measurement, {ends}"
    halves = "log-normal" if numbers[1] > 0 else "normal"
    return f"80 % within its interval, {halves} on either side"
