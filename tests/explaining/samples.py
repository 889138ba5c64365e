"""Files of every kind that ``explain`` reads, made as ecoaudit makes them."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest

from ecoaudit.cli.lookups import lookups
from ecoaudit.engines.fake import FakeEngine
from ecoaudit.estimate import Basis, Estimate
from ecoaudit.factors.hardware import find_device
from ecoaudit.factors.models import find_model
from ecoaudit.federation import merge_sites
from ecoaudit.importers import import_results
from ecoaudit.ledger import Ledger
from ecoaudit.lifecycle.sources import ledgers_from
from ecoaudit.merging import merge
from ecoaudit.meters.replay import ReplayMeter
from ecoaudit.plan import Plan
from ecoaudit.planning import make_plan
from ecoaudit.recorder import Recorder
from ecoaudit.run import Run
from ecoaudit.scenario import Lengths, Scenario, load_scenario, load_site
from ecoaudit.training import Profile
from ecoaudit.workloads.inference import bench
from tests.calibrations import calibration, known_constants
from tests.importers.results import (
    SAID,
    aiperf,
    configuration,
    guidellm,
    guidellm_report,
    leaderboard,
    vllm,
    write,
)
from tests.lifecycle.accounts import FEW, clinic, ledger
from tests.lifecycle.test_federated import made as federation
from tests.planning.measured_runs import run_of
from tests.test_federation import site_run
from tests.test_merging import rank_run

DATA = Path(__file__).parents[1] / "data"
CONSTANT = DATA / "trace-constant-100w.csv"
SITE = """\
name: A site with all of it
country: KEN
circuit_power: 3 kW
energy_per_day: 60 kWh
tariff: {value: 0.2 USD/kWh, low: 0.1 USD/kWh, high: 0.3 USD/kWh, source: a bill}
grid: on
outages: {per_month: 10.7, hours: 6.6 h}
ups: {capacity: 2 kWh, power: 3 kW, efficiency: 0.9}
generator: {power: 5 kW, fuel_use: 0.4 L/kWh, fuel_price: 1.2 USD/L, carbon: 2.7 kgCO2e/L}
link_speed: 20 Mbit/s
staff: {hours_per_month: 20 h, hourly_cost: 12 USD/h, skill: technician}
pue: {value: 1.2, low: 1.1, high: 1.3, source: computed}
host:
  price: 1000 USD
  idle_power: {value: 40 W, low: 30 W, high: 50 W, source: a plug meter}
  busy_power: 80 W
  peak_power: 200 W
  sleep_power: 3 W
  wake_time: 40 s
  wake_energy: 6 kJ
  slots: 4
"""
WORK = """\
name: Triage in two languages
prompt: {mean: 300, sd: 50}
output: {mean: 100, sd: 20}
system_prompt: 100
requests_per_clinician: 20
service: {first_token: 20 s, complete: 300 s}
used_fraction: {value: 0.8, low: 0.6, high: 0.9, source: asked}
languages: {eng: 0.5, swh: 0.5}
"""
SCENARIO = """\
name: All of it
site: site.yaml
workload: work.yaml
demand: {clinicians: 4, opening: 8 h, opens_at: 08:30, days_per_year: 250, peak_factor: 2}
budget: 30000 USD
models: [Qwen3-1.7B, Qwen3-8B, Llama-3.1-8B]
hardware: [L4, RTX A2000 6GB, RTX 5090, H100 SXM, Strix Halo]
money:
  yearly_budget: 20000 USD
  life: 3.5 years
  discount_rate: 0.08
  import_duty: 0.25
  freight: 200 USD
  installation: 500 USD
  maintenance: 0.1
  spares: 0.05
  disposal: 50 USD
  upkeep: 2 h
alternatives:
  cloud_gpu: {price: 3 USD/h}
  hosted_api: {input: 3 USD/1M tokens, output: 15 USD/1M tokens}
  subscription: {price: 100 USD/month}
shared_by: 3
"""
OFF_GRID = SITE.replace("grid: on", "grid: off").replace(
    "outages: {per_month: 10.7, hours: 6.6 h}",
    "solar: {peak_power: 6 kW, sun_hours: 5 h, efficiency: 0.75,"
    " battery: {capacity: 20 kWh, efficiency: 0.9}}\ngrid_intensity: 60 gCO2e/kWh",
)


def scenario_in(folder: Path, site: str = SITE, scenario: str = SCENARIO) -> Scenario:
    """A scenario from the text of its files."""
    for name, text in (("site", site), ("work", WORK), ("s", scenario)):
        (folder / f"{name}.yaml").write_text(text)
    return load_scenario(str(folder / "s.yaml"))


# -- runs ------------------------------------------------------------------------------------------


class Clock:
    """Seconds that pass only when they are told to."""

    def __init__(self) -> None:
        self.t_s = 1000.0

    def __call__(self) -> float:
        return self.t_s


def _pass(recorder: Recorder, clock: Clock, seconds: float) -> None:
    for _ in range(round(seconds * 10)):
        clock.t_s += 0.1
        recorder.sample()


def a_command(folder: Path) -> Run:
    """Windows on a replayed meter, at a site with a PUE."""
    clock = Clock()
    (folder / "site.yaml").write_text(SITE)
    meters = [ReplayMeter.load(CONSTANT)]
    site = load_site(str(folder / "site.yaml"))
    recorder = Recorder("a command", meters=meters, clock=clock, sampling=False, site=site)
    with recorder:
        with recorder.window("work"):
            _pass(recorder, clock, 3)
        with recorder.window("work"):
            _pass(recorder, clock, 2)
    return recorder.run


def a_training(_: Path) -> Run:
    """A loop with an evaluation in it."""
    clock = Clock()
    meters = [ReplayMeter.load(CONSTANT)]
    profile = Profile(
        "loop",
        meters=meters,
        clock=clock,
        sampling=False,
        country="KEN",
        tokens_per_step=1000,
        samples_per_step=8,
        parameters=1e9,
        peak_flops=1e15,
    )
    with profile as rec:
        for step in rec.steps(range(6), warmup=1):
            _pass(rec, clock, 1)
            if step == 3:
                with rec.aside("eval"):
                    _pass(rec, clock, 1)
    return rec.run


def a_bench(folder: Path) -> Run:
    """Two loads on the fake engine, with a replayed board, an energy of the rest and a service
    level."""
    trace = folder / "trace.csv"
    trace.write_text("t_s,device_id,kind,boundary,power_w\n0,gpu-0,gpu,board,300\n")

    def tokens(value: float) -> Estimate:
        return Estimate.exact(value, "tokens", Basis.DECLARED, "test")

    scenario = load_scenario("solar-rural-screening")
    work = replace(
        scenario.workload,
        prompt=Lengths(tokens(60), tokens(4)),
        output=Lengths(tokens(20), tokens(4)),
        system_prompt=tokens(0),
        used_fraction=Estimate.exact(0.8, "", Basis.DECLARED, "test"),
    )
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("ECOAUDIT_REPLAY", str(trace))
        return bench(
            replace(scenario, workload=work),
            FakeEngine(),
            levels=[1, 2],
            window_s=0.5,
            idle_s=0.3,
            shortest_steady_s=0.4,
            output=folder / "bench.json",
        )


def _imported(result: dict[str, object]) -> Callable[[Path], Run]:
    def made(folder: Path) -> Run:
        return import_results([write(folder / "x.json", result)], said=SAID)

    return made


RUNS: dict[str, Callable[[Path], Run]] = {
    "command": a_command,
    "training": a_training,
    "bench": a_bench,
    "ranks": lambda _: merge([rank_run(0), rank_run(1)]),
    "ranks in two countries": lambda _: merge(
        [rank_run(rank, 4, country=("KEN", "FRA")[rank // 2]) for rank in range(4)]
    ),
    "sites": lambda _: merge_sites(
        [site_run(1), site_run(2, country="POL", rounds=3), site_run(3, overhead=None)]
    ),
    "vllm": _imported(vllm()),
    "guidellm": _imported(guidellm_report(guidellm())),
    "aiperf": _imported(aiperf()),
    "ml-energy": _imported(leaderboard(configuration())),
}


# -- plans and ledgers -----------------------------------------------------------------------------


SCENARIOS = ("district-hospital-notes", "solar-rural-screening", "urban-clinic-summaries")


def whole_plan(folder: Path) -> Plan:
    """On a grid that fails, with all that a scenario may say of money."""
    return make_plan(scenario_in(folder))


def off_grid_plan(folder: Path) -> Plan:
    """On panels, a battery and a generator."""
    return make_plan(scenario_in(folder, OFF_GRID))


def by_the_hour(folder: Path) -> Plan:
    """With prices by the hour, and no discount."""
    bands = "tariff_by_hour:\n  - {start: 18:00, end: 22:00, price: 0.4 USD/kWh}\n"
    text = SCENARIO.replace("discount_rate: 0.08", "discount_rate: 0")
    return make_plan(scenario_in(folder, SITE.replace("grid: on", f"{bands}grid: on"), text))


def measured_plan(_: Path) -> Plan:
    """On a measured curve and a calibrated card, with a price that was typed."""
    scenario, model, card = load_scenario(SCENARIOS[2]), find_model("Qwen3-8B"), find_device("L4")
    own = calibration(model, card, known_constants({"weights": 1.2}))
    return make_plan(
        replace(scenario, weights=["bf16", "int4"]),
        [run_of(scenario), own],
        model_names=["Qwen3-8B", "Qwen3-1.7B"],
        device_names=["L4", "RTX 4060 Ti 16GB", "RTX 5090"],
        prices={"L4": 2200.0},
    )


PLANS: dict[str, Callable[[Path], Plan]] = {
    "grid that fails": whole_plan,
    "off the grid": off_grid_plan,
    "price by the hour": by_the_hour,
    "measured": measured_plan,
}


def _account(name: str) -> Callable[[], Ledger]:
    """The ledger of a bundled account."""
    return lambda: ledgers_from([name], [], FEW, lookups())[0]


LEDGERS: dict[str, Callable[[], Ledger]] = {
    "clinic": lambda: ledger(clinic()),
    "busy": lambda: ledger(clinic(amortisation="busy")),
    "federation": federation,
    **{name: _account(name) for name in ("bloom-training", "federated-tuning", "fine-tuning")},
}
