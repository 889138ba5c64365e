"""Measured runs as evidence for an option: which are used, for what, and why others are not."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import asdict, dataclass
from typing import Any

from ecoaudit.errors import NotFoundError
from ecoaudit.estimate import Estimate, total
from ecoaudit.factors.hardware import find_device
from ecoaudit.factors.models import find_model
from ecoaudit.measurement import BOARD, HOST_PARTS, WALL, Measurement
from ecoaudit.run import Run, RunKind, RunStatus
from ecoaudit.scenario import Scenario

SHOWN = (
    "idle_power_w",
    "energy_per_request_j",
    "energy_per_output_token_j",
    "output_tokens_per_s",
    "requests_per_s",
    "ttft_s_p95",
    "tpot_s_p50",
    "e2e_s_p95",
    "peak_gpu_memory_bytes",
)


@dataclass(frozen=True, slots=True)
class Evidence:
    """What a run says of one model in one weight format on one device.

    Attributes:
        run_id: which run.
        idle_w: draw of the board with the model loaded and no request [W].
        busy_w: draw of the board at the level of the run's summary [W].
        requests_per_s: finished at that level [requests/s].
        tpot_s: time per output token, median [s].
        first_s: wait for the first token, 95th percentile [s].
        complete_s: wait for the whole answer, 95th percentile [s].
    """

    run_id: str
    idle_w: Estimate | None
    busy_w: Estimate | None
    requests_per_s: Estimate
    tpot_s: Estimate
    first_s: Estimate
    complete_s: Estimate


Key = tuple[str, str, str]  # model, weight format, device: names as in the tables


def gather(
    runs: Iterable[Run], scenario: Scenario
) -> tuple[dict[Key, Evidence], list[dict[str, Any]]]:
    """Sort runs into evidence by option, and a list that says of each whether it was used.

    Of several runs of one option the last given is used.
    """
    found: dict[Key, Evidence] = {}
    listed: list[dict[str, Any]] = []
    for run in runs:
        key, why = _key(run, scenario)
        evidence = None if key is None else _evidence(run)
        if key is not None and evidence is None:
            why = "its summary lacks requests_per_s or e2e_s_p95, which a plan needs"
        if key is not None and evidence is not None:
            found[key] = evidence
        listed.append(_entry(run, key if evidence is not None else None, why))
    return found, listed


def _key(run: Run, scenario: Scenario) -> tuple[Key | None, str]:
    """The option that a run measures, or None and why it measures none."""
    settings = run.settings
    if run.kind is not RunKind.INFERENCE:
        return None, f"a {run.kind} run does not measure this workload"
    if run.status in (RunStatus.FAILED, RunStatus.INTERRUPTED):
        return None, f"the run is {run.status}"
    if settings.get("random_weights"):
        return None, "its weights are random: engine and load are real, the model is not"
    boards = [device for device in run.devices if device.boundary == BOARD]
    if not boards and settings.get("imported_from"):
        return None, "it does not say on which device it ran"
    if not boards:
        return None, "it ran without a GPU: it measures another machine"
    if len(boards) > 1:
        return None, "it ran on several GPUs; options have one"
    workload = ((run.scenario or {}).get("workload") or {}).get("id")
    if workload is not None and workload != scenario.workload.id:
        return None, f"it measured the workload {workload!r}, not {scenario.workload.id!r}"
    try:
        model = find_model(str(settings.get("model", ""))).name
        device = find_device(boards[0].name).name
    except NotFoundError as error:
        return None, str(error)
    weights = str(settings.get("weights", "unknown"))
    if weights == "unknown":
        return None, "its weight format is not known; bench it with --weight-format"
    return (model, weights, device), ""


def _evidence(run: Run) -> Evidence | None:
    figures = {name: estimate for name, estimate in run.summary.items() if estimate.known}
    rate, complete = figures.get("requests_per_s"), figures.get("e2e_s_p95")
    if rate is None or complete is None or rate.number <= 0:
        return None
    absent = Estimate.absent("s", f"not in run {run.id}")
    busy = _busy(run)
    return Evidence(
        run.id,
        _idle(run, figures.get("idle_power_w")),
        busy,
        _of_run(run, rate),
        _of_run(run, figures.get("tpot_s_p50", absent)),
        _of_run(run, figures.get("ttft_s_p95", absent)),
        _of_run(run, complete),
    )


def _busy(run: Run) -> Estimate | None:
    """Mean draw of the board while it worked [W]: that of the level the summary speaks of.

    The summary's own energies are those of the whole run, its idle windows included.
    """
    said = run.settings.get("summary", {})
    load = said.get("load", said.get("level"))
    for point in run.curve:
        if load is None or point.load == str(load):
            figures = point.steady or point.whole_run
            energy, span = figures.get("gpu_energy_j"), figures.get("duration_s")
            if energy is None or span is None or not energy.known or not span.number > 0:
                return None
            return energy.per(span, "W").sourced(f"run {run.id}: board, under load {point.load}")
    return None


def _idle(run: Run, idle: Estimate | None) -> Estimate | None:
    """Idle draw of the board: the board's part of the idle window that the summary speaks of."""
    if idle is None:
        return None
    if all(device.boundary in (BOARD, WALL) for device in run.devices):
        return _of_run(run, idle)
    boards: list[tuple[float, Estimate]] = []
    for window in run.windows:
        host, board = _watts(window, HOST_PARTS), _watts(window, (BOARD,))
        if "idle" in window.name and host.known and board.known:
            boards.append((abs(host.number - idle.number), board))
    if not boards:
        return None
    return _of_run(run, min(boards, key=lambda pair: pair[0])[1])


def _watts(window: Measurement, boundaries: tuple[str, ...]) -> Estimate:
    """Mean power of the devices within ``boundaries`` [W]."""
    parts = (device.energy_j for device in window.devices if device.boundary in boundaries)
    if window.duration_s <= 0:
        return Estimate.absent("W", "an empty window")
    return total(parts, "J").converted(1 / window.duration_s, "W")


def _of_run(run: Run, estimate: Estimate) -> Estimate:
    if not estimate.known:
        return estimate
    return estimate.sourced(f"run {run.id}: {estimate.source}")


def _entry(run: Run, key: Key | None, why: str) -> dict[str, Any]:
    shown = {name: asdict(run.summary[name]) for name in SHOWN if name in run.summary}
    return {
        "id": run.id,
        "name": run.name,
        "kind": str(run.kind),
        "status": str(run.status),
        "started_at": run.started_at,
        "model": run.settings.get("model"),
        "weights": run.settings.get("weights"),
        "engine": run.settings.get("engine"),
        "engine_version": run.settings.get("engine_version"),
        "random_weights": run.settings.get("random_weights"),
        "devices": [device.name for device in run.devices],
        "used": key is not None,
        "option": None if key is None else option_id(*key),
        "why": why,
        "summary": shown,
    }


def option_id(model: str, weights: str, device: str) -> str:
    """How an option is named: ``MODEL, WEIGHTS, 1 x DEVICE``."""
    return f"{model}, {weights}, 1 x {device}"
