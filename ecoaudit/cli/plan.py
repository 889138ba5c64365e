"""``ecoaudit plan``: which options fit, and what breaks first."""

from __future__ import annotations

from typing import TYPE_CHECKING

import click

if TYPE_CHECKING:
    from rich.box import Box
    from rich.console import Console

    from ecoaudit.plan import Option, Plan
    from ecoaudit.scenario import Scenario

WIDTH = 80
_SHORT = {
    "memory": "memory",
    "context": "context",
    "circuit_power": "circuit",
    "capital": "price",
    "energy_per_day": "energy",
    "first_token": "1st word",
    "complete": "answer",
    "load": "load",
    "running_cost": "year cost",
    "quality": "quality",
    "devices": "cards",
    "ups_power": "UPS",
    "generator_power": "generator",
    "staff": "staff",
    "supply": "supply",
}
MOST_ROWS = 12
MOST_COLUMNS = 4


@click.command(
    epilog="""\b
Examples:
  ecoaudit plan urban-clinic-summaries
  ecoaudit plan my-clinic.yaml run.json -o plan.json
  ecoaudit plan district-hospital-notes --models Qwen3-8B,Qwen3-14B \\
    --hardware "L4,RTX 4090" --price "L4=2200 USD"
"""
)
@click.argument("scenario")
@click.argument("runs", nargs=-1, type=click.Path())
@click.option("-o", "--output", type=click.Path(), help="Write the plan to this JSON file.")
@click.option("--models", help="Models to consider, separated by commas.")
@click.option("--hardware", help="Devices to consider, separated by commas.")
@click.option(
    "--price", "prices", multiple=True, metavar="'DEVICE=N USD'", help="Price of a device."
)
@click.option("--json", "as_json", is_flag=True, help="Print the plan's JSON instead of a page.")
def command(
    scenario: str,
    runs: tuple[str, ...],
    output: str | None,
    models: str | None,
    hardware: str | None,
    prices: tuple[str, ...],
    as_json: bool,
) -> None:
    """Weigh every model, weight format and device against SCENARIO's limits.

    Measured RUN files replace modelled speed and power where they measured an option; one of
    `ecoaudit calibrate` does so for every model on its device. Nothing is sent anywhere, and no GPU
    is needed. Exit code 0 also when nothing fits: the page says so.
    """
    from ecoaudit.cli.lookups import lookups
    from ecoaudit.planning import make_plan
    from ecoaudit.run import load_run
    from ecoaudit.scenario import load_scenario

    wanted, devices = _names("--models", "model", models), _names("--hardware", "device", hardware)
    asked = load_scenario(scenario, lookups(models=not wanted, devices=not devices))
    plan = make_plan(
        asked,
        [load_run(path) for path in runs],
        model_names=wanted,
        device_names=devices,
        prices=dict(_price(text) for text in prices),
    )
    if output is not None:
        plan.save(output)
    if as_json:
        click.echo(plan.to_json(), nl=False)
        return
    print_plan(plan, asked)
    if output is not None:
        click.echo(f"\nWritten to {output}")


def _names(option: str, noun: str, text: str | None) -> list[str]:
    from ecoaudit.errors import UsageError

    if text is None:
        return []
    found = [name.strip() for name in text.split(",") if name.strip()]
    if not found:
        raise UsageError(f"{option}: names no {noun}; leave it out for all")
    return found


def _price(text: str) -> tuple[str, float]:
    from ecoaudit.errors import UsageError
    from ecoaudit.units import parse_quantity

    name, equals, price = text.rpartition("=")
    if not equals or not name.strip():
        raise UsageError(f"--price: expected 'DEVICE=2000 USD'; got {text!r}")
    try:
        return name.strip(), parse_quantity(price.strip(), "money")
    except UsageError as error:
        raise UsageError(f"--price {name.strip()}: {error}") from error


def print_plan(plan: Plan, scenario: Scenario) -> None:
    import sys

    from rich import box
    from rich.console import Console
    from rich.text import Text

    from ecoaudit.cli.plan_money import print_money
    from ecoaudit.printable import printable

    plain = not sys.stdout.isatty()
    console = Console(width=WIDTH if plain else None, highlight=False)
    lines = box.ASCII if plain else box.ROUNDED
    where = printable(f": {scenario.site.name}, {scenario.workload.name}")
    console.print(Text.assemble((printable(scenario.name), "bold"), where))
    console.print()
    _decision(console, plan, lines)
    _matrix(console, plan, lines)
    best = next((option for option in plan.options if option.id == plan.recommended), None)
    if best is not None:
        _energy(console, best, lines)
    print_money(console, plan, lines)
    _calibrations(console, plan)
    console.print("[bold]Doubts[/bold]")
    for doubt in plan.doubts:
        console.print(printable(f"- {doubt.message}."), markup=False)
        console.print(printable(f"  Remedy: {doubt.remedy}."), markup=False)


def _calibrations(console: Console, plan: Plan) -> None:
    """Which devices the runs calibrated; those that could not be used are among the doubts."""
    from ecoaudit.printable import printable

    for run in plan.runs:
        if run["used"] and run.get("calibrates"):
            told = f"{run['calibrates']} as calibrated by {run['name'] or run['id']}"
            console.print(printable(f"{told} ({run['started_at'][:10]})."), markup=False)
            console.print()


def _decision(console: Console, plan: Plan, lines: Box) -> None:
    from rich.panel import Panel

    best = next((option for option in plan.options if option.id == plan.recommended), None)
    text = _nothing(plan) if best is None else _recommended(plan, best)
    console.print(Panel("\n".join(text), title="Decision", box=lines), markup=False)
    console.print()


def _recommended(plan: Plan, best: Option) -> list[str]:
    from ecoaudit.planning import LIMIT_NAMES
    from ecoaudit.reporters.options import tightest
    from ecoaudit.units import human

    cost = best.quantities
    changes = []
    for limit in tightest(best)[:2]:
        need = _figure(limit.name, limit.value.high, limit.value.unit)
        there = _figure(limit.name, limit.limit, limit.value.unit)
        changes.append(f"  {LIMIT_NAMES[limit.name]}: needs up to {need} of {there}")
    carbon = human(cost["operational_kgco2e_per_year"].value, "kgCO2e")
    energy = _kwh(cost["energy_j_per_day"].value)
    return [
        f"Recommended: {best.model}",
        f"  {best.weights} weights on {best.n_devices} x {best.hardware} (figures: {best.trust})",
        f"  {_price_of(best)}, {energy} a working day, {carbon} a year",
        *_mode(best),
        *_score(best),
        "What would change the answer, tightest limits first:",
        *changes,
        *_breaks(plan),
    ]


def _breaks(plan: Plan) -> list[str]:
    """The limit that more load breaks first, and at how many times the load."""
    from ecoaudit.planning import LIMIT_NAMES
    from ecoaudit.units import significant

    found = {n: times for n, times in plan.breaks.get("limits", {}).items() if times is not None}
    if not found:
        return []
    first = min(found, key=lambda name: found[name])
    return [f"  at {significant(found[first])} times the load: {LIMIT_NAMES[first]}"]


def _price_of(best: Option) -> str:
    """What is paid at the purchase, and how much of it for the computer where that is less."""
    from ecoaudit.units import human

    price = best.quantities["capital_usd"]
    paid = next((limit.value for limit in best.limits if limit.name == "capital"), price)
    told = f"{human(paid.value, 'USD')} to buy"
    if best.mode == "shared":
        return f"{told} (this clinic's part)"
    more = paid.known and price.known and paid.number > price.number
    return f"{told} (of it {human(price.value, 'USD')} for the computer)" if more else told


def _score(best: Option) -> list[str]:
    from ecoaudit.reporters.options import score_text

    return [f"  {score_text(limit)}" for limit in best.limits if limit.name == "quality"]


def _mode(best: Option) -> list[str]:
    """How it is to be run, where that is not always on."""
    from ecoaudit.planning.options import DO_IT
    from ecoaudit.reporters.options import added_wait

    if best.mode not in DO_IT:
        return []
    told, waits = f"  {DO_IT[best.mode]}", added_wait(best)
    return [f"{told}: {waits}" if waits else told]


def _nothing(plan: Plan) -> list[str]:
    """The nearest miss, and the nearest for each of the other limits that a site can change."""
    from ecoaudit.planning import LIMIT_NAMES
    from ecoaudit.printable import printable
    from ecoaudit.reporters.paid_back import instead

    text = ["Nothing fits. The nearest, and what would change the answer:"]
    shown: set[str] = set()
    for option in plan.options:
        name = option.first_limit or ""
        if name in shown or (shown and name not in ("energy_per_day", "capital")):
            continue
        shown.add(name)
        text.append(f"{option.model}, {option.weights}, {option.n_devices} x {option.hardware}")
        text.append(f"  first limit: {LIMIT_NAMES[name]}; {option.remedy}")
    return [*text, *(printable(said) for said in instead(plan)), *_weighed(plan)]


def _weighed(plan: Plan) -> list[str]:
    from ecoaudit.reporters.decision import weighed

    return [f"{said}." for said in weighed(plan)]


def _matrix(console: Console, plan: Plan, lines: Box) -> None:
    """Best weight format of the first models on the first devices, in the plan's order."""
    from rich.table import Table

    models = list(dict.fromkeys(option.model for option in plan.options))[:MOST_ROWS]
    devices = list(dict.fromkeys(option.hardware for option in plan.options))[:MOST_COLUMNS]
    best: dict[tuple[str, str], Option] = {}
    for option in plan.options:
        best.setdefault((option.model, option.hardware), option)
    table = Table(title="Best weight format, or the first limit", title_justify="left", box=lines)
    table.add_column("model", overflow="fold")
    for device in devices:
        table.add_column(_short(device), max_width=11)
    for model in models:
        cells = [_cell(best.get((model, device))) for device in devices]
        table.add_row(model.partition("/")[2] or model, *cells)
    console.print(table)
    total = len({option.model for option in plan.options})
    others = len({option.hardware for option in plan.options})
    if total > len(models) or others > len(devices):
        console.print(
            f"{len(models)} of {total} models, {len(devices)} of {others} devices; name some with"
            " --models and --hardware, or write all with -o."
        )
    console.print()


def _cell(option: Option | None) -> str:
    if option is None:
        return "-"
    if option.first_limit is None:
        number = "" if option.n_devices == 1 else f"{option.n_devices} x: "
        return f"{number}{option.weights} fits"
    limit = next(limit for limit in option.limits if limit.name == option.first_limit)
    word = "unknown" if limit.ok is None else "no"
    return f"{word}: {_SHORT[limit.name]}"


def _short(device: str) -> str:
    for maker in ("NVIDIA GeForce ", "NVIDIA ", "AMD ", "Apple "):
        device = device.removeprefix(maker)
    return device.partition(" (")[0]


def _energy(console: Console, option: Option, lines: Box) -> None:
    from rich.table import Table

    table = Table(title="Energy of a working day", title_justify="left", box=lines)
    for heading in ("", "kWh", "80 % interval", "basis"):
        table.add_column(heading, justify="left" if heading in ("", "basis") else "right")
    rows = (
        ("idle", "idle_energy_j_per_day"),
        ("active", "active_energy_j_per_day"),
        ("cooling", "cooling_energy_j_per_day"),
        ("together", "energy_j_per_day"),
    )
    for name, key in rows:
        figure = option.quantities[key]
        ends = f"{_kwh(figure.low, '')} to {_kwh(figure.high, '')}"
        table.add_row(name, _kwh(figure.value, ""), ends, str(figure.basis))
    console.print(table)
    console.print()


def _kwh(energy_j: float | None, unit: str = " kWh") -> str:
    from ecoaudit.units import J_PER_KWH, significant

    return "absent" if energy_j is None else f"{significant(energy_j / J_PER_KWH)}{unit}"


def _figure(name: str, value: float | None, unit: str) -> str:
    from ecoaudit.units import human

    if name == "context" and value is not None:
        return f"{value:,.0f} {unit}"
    return _kwh(value) if name == "energy_per_day" else human(value, unit)
