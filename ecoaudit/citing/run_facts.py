"""What a measured run says."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from datetime import datetime
from typing import Any, Final

from ecoaudit.citing.facts import Facts, Row, model_name, said, split
from ecoaudit.estimate import Basis, Estimate
from ecoaudit.measurement import HOST_PARTS, WALL
from ecoaudit.quantities import estimate_of
from ecoaudit.reporters.words import BOUNDARIES, RANDOM_WEIGHTS, quantity_word
from ecoaudit.run import Run, RunKind
from ecoaudit.units import J_PER_KWH

WHAT: Final = {
    RunKind.COMMAND: "command",
    RunKind.TRAINING: "training run",
    RunKind.INFERENCE: "inference run",
}
NOT_COUNTED: Final = (
    "making, transport and disposal of the equipment",
    "the network and the users' own devices",
)
OTHERS_TRAINING: Final = "training of the model by others"
_NONE: Final = Estimate.absent("", "no site was given, so no PUE")
# What is cited, in this order; what else a run holds stays in its file.
CITED: Final = (
    *("duration_s", "energy_j", "gpu_energy_j", "cpu_energy_j", "dram_energy_j", "wall_energy_j"),
    *("operational_kgco2e", "idle_power_w", "net_energy_j"),
    *("steps", "tokens", "samples", "energy_per_step_j", "energy_per_token_j", "tokens_per_s"),
    *("mfu", "rounds", "rounds_energy_j", "waiting_energy_j", "bytes_moved"),
    *("energy_per_request_j", "energy_per_output_token_j", "energy_per_used_result_j"),
    *("gpu_energy_per_request_j", "gpu_energy_per_output_token_j"),
    *("requests_per_s", "output_tokens_per_s", "ttft_s_p95", "tpot_s_p50", "e2e_s_p95"),
)


def facts_of_run(run: Run) -> Facts:
    """What a run says, in the terms that all formats share."""
    known, lacking = split(_rows(run))
    energy = run.summary.get("energy_j", Estimate.absent("J", "the run holds no energy"))
    carbon = run.summary.get(
        "operational_kgco2e", Estimate.absent("kgCO2e", "the run holds no carbon")
    )
    pue = _pue(run)
    serving = run.kind is RunKind.INFERENCE
    return Facts(
        source=run,
        title=said(run.name),
        id=said(run.id),
        date=_day(run.started_at),
        tool=said(f"ecoaudit {run.environment.get('ecoaudit', '')}".strip()),
        what=f"a {_how(run)} {WHAT[run.kind]}",
        model=model_name(run.settings.get("model") or ""),
        hardware=hardware_of(run),
        place=_place(run),
        carbon=carbon,
        energy=energy.converted(1 / J_PER_KWH, "kWh"),
        energy_with_facility=False,
        duration=run.summary.get(
            "duration_s",
            Estimate.exact(run.duration_s, "s", Basis.MEASURED, "start to end of the run"),
        ),
        intensity=_intensity(run),
        pue=pue,
        rows=known,
        lacking=lacking,
        scopes=(Row("Scope 2, purchased electricity, by location", carbon, "2"),),
        boundary=tuple(_boundary(run, pue)),
        not_counted=(*NOT_COUNTED, OTHERS_TRAINING) if serving else NOT_COUNTED,
        method=tuple(_method(run, pue)),
        doubts=tuple(run.doubts),
    )


def _how(run: Run) -> str:
    """Whether the energy was measured; a run of which it was not is recorded."""
    energy = run.summary.get("energy_j")
    if energy is None or not energy.known:
        return "recorded"
    if energy.basis is Basis.MEASURED:
        return "measured"
    modelled = run.summary.get("modelled_energy_share")
    partly = modelled is not None and modelled.known and modelled.number < 1
    return "partly measured" if partly else "recorded"


def hardware_of(run: Run) -> tuple[str, ...]:
    """Devices of the host, each with its number."""
    names = Counter(said(each.name) for each in run.devices if each.boundary in HOST_PARTS)
    return tuple(name if count == 1 else f"{count} x {name}" for name, count in names.items())


def _rows(run: Run) -> Iterator[Row]:
    for name in CITED:
        figure = run.summary.get(name)
        if figure is None:
            continue
        load = run.load_of(name)
        at = f" (load: {said(load)})" if load is not None else ""
        yield Row(f"{quantity_word(name)}{at}", figure, name)


def _boundary(run: Run, pue: Estimate) -> Iterator[str]:
    parts = dict.fromkeys(
        BOUNDARIES.get(each.boundary, said(each.boundary))
        for each in run.devices
        if each.boundary in HOST_PARTS
    )
    if parts:
        yield f"Energy is that of the host: {', '.join(parts)}."
    else:
        yield "The file names no device of the host whose energy was read."
    if any(each.boundary == WALL for each in run.devices):
        yield "A meter at the plug stands beside it and is not added."
    if pue.known:
        yield "Carbon has the site's overhead for cooling and losses (PUE) in it; energy has not."
    elif run.summary.get("operational_kgco2e", _NONE).known:
        yield "No overhead of a building for cooling and losses is in these figures."


def _method(run: Run, pue: Estimate) -> Iterator[str]:
    methods = dict.fromkeys(said(each.method) for each in run.devices)
    if methods:
        yield f"Energy was read by {', '.join(methods)}."
    if run.settings.get("random_weights"):
        yield RANDOM_WEIGHTS
    over = " times the site's PUE" if pue.known else ""
    yield f"Carbon is the host's energy{over} times the carbon intensity of the grid."
    yield "Intervals are 80 % intervals; doubts of parts are taken as independent."


def _pue(run: Run) -> Estimate:
    """That which is in the run's carbon; files from before it had a key have it in the site."""
    site = (run.scenario or {}).get("site")
    for found in (run.settings.get("pue"), site.get("pue") if isinstance(site, dict) else None):
        if isinstance(found, Estimate) or estimate_of(found) is not None:
            return _figure(found, _NONE)
    return _NONE


def _intensity(run: Run) -> Estimate:
    grid = run.settings.get("grid")
    found = grid.get("intensity") if isinstance(grid, dict) else None
    return _figure(found, Estimate.absent("gCO2e/kWh", "the run names no grid"))


def _place(run: Run) -> str:
    grid = run.settings.get("grid")
    if not isinstance(grid, dict) or grid.get("fallback"):
        return ""
    return said(grid.get("zone") or "")


def _figure(data: Any, otherwise: Estimate) -> Estimate:
    if isinstance(data, Estimate):
        return data
    found = estimate_of(data)
    return otherwise if found is None else found


def _day(text: str) -> str:
    try:
        return datetime.fromisoformat(text).date().isoformat()
    except ValueError:
        return ""
