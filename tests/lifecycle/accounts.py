"""Accounts for the tests of the ledger."""

from __future__ import annotations

from pathlib import Path

from hypothesis import strategies as st

from ecoaudit.estimate import Basis, Estimate
from ecoaudit.ledger import Ledger
from ecoaudit.lifecycle.accounting import Case, Options, ledger_of
from ecoaudit.lifecycle.of_run import RunFiles
from ecoaudit.scenario.account import (
    Account,
    Diesel,
    ElectricityUse,
    Equipment,
    Network,
    Panels,
    Supply,
    Units,
    Upstream,
    Water,
)

YEAR_S = 365.25 * 86400
FEW = Options(draws=500)


def sure(value: float, unit: str) -> Estimate:
    """A figure without doubt."""
    return Estimate.exact(value, unit, Basis.DECLARED, f"the test: {value} {unit}")


def unsure(value: float, unit: str, factor: float = 1.5) -> Estimate:
    """A figure between a ``factor`` less and a ``factor`` more."""
    source = f"the test: {value} {unit} by {factor}"
    return Estimate(value, value / factor, value * factor, unit, Basis.DECLARED, source)


def ledger(account: Account, options: Options = FEW) -> Ledger:
    """The ledger of an account whose runs are measured nowhere."""
    return ledger_of(Case(account, RunFiles(Path("/nowhere")), options))


def clinic(**changes: object) -> Account:
    """A clinic's computer over a year, with all that an account may have."""
    parts: dict[str, object] = {
        "id": "clinic",
        "name": "A clinic",
        "period": sure(YEAR_S, "s"),
        "equipment": [
            Equipment(
                "computer",
                embodied=unsure(300.0, "kgCO2e"),
                end_of_life=unsure(3.0, "kgCO2e"),
                life=unsure(5 * YEAR_S, "s", 1.3),
                busy=sure(0.05 * YEAR_S, "s"),
            ),
            Equipment(
                "card",
                embodied=unsure(150.0, "kgCO2e", 2.0),
                life=sure(5 * YEAR_S, "s"),
                busy=sure(0.05 * YEAR_S, "s"),
            ),
        ],
        "electricity": [
            ElectricityUse("serving-active", energy=unsure(60 * 3.6e6, "J", 1.2)),
            ElectricityUse("serving-idle", energy=unsure(500 * 3.6e6, "J", 1.1)),
        ],
        "supply": Supply(
            intensity=unsure(400.0, "gCO2e/kWh", 1.2),
            losses=unsure(0.1, ""),
            market=sure(20.0, "gCO2e/kWh"),
            generator=Diesel(
                sure(0.1, ""),
                unsure(0.4 / 3.6e6, "L/J"),
                sure(2.7, "kgCO2e/L"),
                sure(0.54, "kgCO2e/L"),
            ),
            panels=Panels(sure(0.2, ""), whole=unsure(117.0, "gCO2e/kWh")),
        ),
        "pue": unsure(1.3, "", 1.05),
        "water": Water(sure(0.2, "L/kWh"), unsure(4.4, "L/kWh", 1.1)),
        "network": Network(sure(1e9, "bytes"), "fixed", unsure(0.06, "kWh/GB", 2.0)),
        "upstream": Upstream("a model", unsure(1e6, "kgCO2e"), sure(1e15, "tokens")),
        "units": Units(
            requests=unsure(10_000.0, "requests", 1.1),
            used_fraction=sure(0.8, ""),
            requests_per_consultation=sure(1.2, "requests/consultation"),
            consultations_per_patient_year=sure(6.0, "consultations/patient-year"),
            output_tokens=sure(300.0, "tokens/request"),
            unit="note",
        ),
    }
    return Account(**{**parts, **changes})  # type: ignore[arg-type]


_SIZES = st.floats(1e-3, 1e6)
_FACTORS = st.floats(1.0, 4.0)
_SHARES = st.floats(0.0, 0.45)


@st.composite
def accounts(draw: st.DrawFn) -> Account:
    """Accounts of any size, with or without each part."""

    def figure(unit: str) -> Estimate:
        return unsure(draw(_SIZES), unit, draw(_FACTORS))

    def maybe(found: object) -> object:
        return found if draw(st.booleans()) else None

    equipment = [
        Equipment(
            f"thing {place}",
            count=sure(float(draw(st.integers(1, 9))), "pieces"),
            embodied=figure("kgCO2e"),
            end_of_life=maybe(figure("kgCO2e")),  # type: ignore[arg-type]
            life=unsure(YEAR_S * draw(st.floats(4.1, 30.0)), "s", draw(_FACTORS)),
            busy=unsure(YEAR_S * draw(st.floats(0.01, 1.0)), "s", draw(_FACTORS)),
            utilisation=maybe(sure(draw(st.floats(0.01, 1.0)), "")),  # type: ignore[arg-type]
            share=maybe(sure(draw(st.floats(0.01, 1.0)), "")),  # type: ignore[arg-type]
        )
        for place in range(draw(st.integers(1, 3)))
    ]
    stages = st.sampled_from(["adaptation", "serving-active", "serving-idle", "client-and-network"])
    electricity = [
        ElectricityUse(draw(stages), power=figure("W"), time=figure("s"))  # type: ignore[arg-type]
        if draw(st.booleans())
        else ElectricityUse(draw(stages), energy=figure("J"))  # type: ignore[arg-type]
        for _ in range(draw(st.integers(1, 4)))
    ]
    return clinic(
        equipment=equipment,
        electricity=electricity,
        amortisation=draw(st.sampled_from(["calendar", "busy", "occupied"])),
        pue=maybe(unsure(1 + draw(st.floats(0.01, 1.0)), "", 1.001)),
        water=maybe(Water(figure("L/kWh"), figure("L/kWh"))),
        network=maybe(Network(figure("bytes"), "fixed", figure("kWh/GB"))),
        supply=Supply(
            intensity=figure("gCO2e/kWh"),
            market=maybe(figure("gCO2e/kWh")),  # type: ignore[arg-type]
            losses=maybe(sure(draw(_SHARES), "")),  # type: ignore[arg-type]
            generator=maybe(  # type: ignore[arg-type]
                Diesel(
                    sure(draw(_SHARES), ""), figure("L/J"), figure("kgCO2e/L"), figure("kgCO2e/L")
                )
            ),
            panels=maybe(Panels(sure(draw(_SHARES), ""), whole=figure("gCO2e/kWh"))),  # type: ignore[arg-type]
        ),
    )
