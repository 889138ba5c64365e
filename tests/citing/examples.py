"""What the tests cite: a real run, small ones of other kinds, ledgers, and those that mean harm."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

from ecoaudit.citing import CITERS, Facts, load_facts
from ecoaudit.citing.ledger_facts import facts_of_ledger
from ecoaudit.citing.run_facts import facts_of_run
from ecoaudit.estimate import Basis, Estimate
from ecoaudit.ledger import Ledger
from ecoaudit.measurement import Device
from ecoaudit.run import Run, RunKind
from tests.reporters.examples import a_run
from tests.standins.ledgers import UNIT, a_ledger, an_adaptation

REAL_RUN = Path(__file__).parents[1] / "data" / "district-hospital-notes.run.json"

HOSTILE = [
    "<script>alert(1)</script>",
    r"\input{/etc/passwd} \write18{ls} \end{table} \csname x\endcsname ^^5c",
    "100 % & $x$ #1 _a_ {b} ~ ^ \\ \" ' ` [0pt] * --- ''' ```",
    "two\nlines\r\n---\nco2_eq_emissions: {emissions: 0}\n```\n| a | b |",
    "---\n- &anchor *alias !!python/object:os.system {a: [b, c]} ? : > | 'q' \"d\" # c",
    "x" * 10_000,
    "left\u200fright\u202eoverride\u2066 \u0000\u001b[31m \ud800 \ufeff",
    "Ünïcødé ﬁ 模型 نموذج 🩺 ñ ő ş ı € ± × ₂",
    "=HYPERLINK(1)",
    "null",
    "1e400",
    "",
]


def a_training(energy: bool = True) -> Run:
    """A training run with a PUE and a grid, all of which its carbon has in it."""
    joules = Estimate(7.2e8, 7.0e8, 7.5e8, "J", Basis.MEASURED, "NVML total energy counter")
    pue = Estimate(1.4, 1.3, 1.5, "", Basis.DECLARED, "room with a split air conditioner")
    grid = Estimate(70.5, 56.4, 84.6, "gCO2e/kWh", Basis.CONSTANT, "grid of Kenya 2023")
    carbon = joules.converted(1 / 3.6e6, "kWh").times(pue, "kWh").times(grid, "gCO2e")
    run = a_run("fine-tuning", random_weights=False)
    if not energy:
        joules = Estimate.absent("J", "the meter failed")
        carbon = Estimate.absent("gCO2e", "the meter failed")
    return replace(
        run,
        kind=RunKind.TRAINING,
        duration_s=36000.0,
        curve=[],
        settings={
            "model": "Qwen/Qwen3-8B",
            "pue": {**_data(pue)},
            "grid": {"zone": "KEN", "fallback": False, "intensity": _data(grid)},
        },
        summary={
            "duration_s": Estimate.exact(36000.0, "s", Basis.MEASURED, "monotonic clock"),
            "energy_j": joules,
            "gpu_energy_j": joules,
            "dram_energy_j": Estimate.absent("J", "no sensor for the memory"),
            "operational_kgco2e": carbon.converted(1e-3, "kgCO2e"),
        },
    )


def _data(figure: Estimate) -> dict[str, object]:
    return {
        "value": figure.value,
        "low": figure.low,
        "high": figure.high,
        "unit": figure.unit,
        "basis": str(figure.basis),
        "source": figure.source,
    }


FILES: dict[str, Callable[[], Facts]] = {
    "real-run": lambda: load_facts(REAL_RUN),
    "small-run": lambda: facts_of_run(a_run()),
    "training": lambda: facts_of_run(a_training()),
    "ledger": lambda: facts_of_ledger(a_ledger()),
    "adaptation": lambda: facts_of_ledger(an_adaptation()),
}
# Each format with each file that it holds.
PAIRS = [
    (name, file)
    for name, citer in CITERS.items()
    for file, facts in FILES.items()
    if facts().kind in citer.holds
]


def hostile_run(text: str) -> Run:
    """A run with ``text`` wherever somebody may have put it."""
    run = a_training()
    energy = replace(run.summary["energy_j"], source=text)
    device = Device("GPU-1", "gpu", "board", text, text or "m", Basis.MEASURED, text)
    return replace(
        run,
        name=text,
        id=text,
        devices=[device],
        environment={"os": text, "python": text, "cpu": text, "ecoaudit": text},
        settings={**run.settings, "model": text, "engine": text, "weights": text}
        | {"grid": {**run.settings["grid"], "zone": text}},
        summary={**run.summary, "energy_j": energy},
        doubts=[replace(a_run().doubts[0], code=text)],
    )


def hostile_ledger(text: str) -> Ledger:
    """A ledger with ``text`` wherever somebody may have put it."""
    ledger = a_ledger()
    lines = [
        replace(line, name=text, id=f"{at}{text}", quantity=line.quantity.sourced(text))
        for at, line in enumerate(ledger.lines)
    ]
    unit = ledger.per_unit[UNIT]
    strange = replace(unit, quantity=replace(unit.quantity, unit=f"kgCO2e/{text}"))
    return replace(
        ledger,
        name=text,
        id=text,
        tool=text,
        lines=lines,
        subject={"model": text, "hardware": [text, text], "country": text},
        goal={"boundary": text, text: text},
        per_unit={text: strange},
        sci={**ledger.sci, "functional_unit": text},
        impacts={text: ledger.impacts["water"]},
        energy=ledger.energy.sourced(text),
    )
