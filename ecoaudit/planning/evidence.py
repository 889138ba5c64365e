"""Measured runs as evidence for an option: which are used, for what, and why others are not."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import asdict, dataclass, replace
from typing import Any, Final

from ecoaudit.checks import doubt
from ecoaudit.errors import NotFoundError
from ecoaudit.estimate import Estimate, total
from ecoaudit.factors.hardware import find_device
from ecoaudit.factors.models import find_model
from ecoaudit.measurement import BOARD, HOST_PARTS, WALL, Measurement
from ecoaudit.planning.stand_in import FARTHEST, figures_of, lengths, nearest_point
from ecoaudit.run import CurvePoint, Doubt, Run, RunKind, RunStatus
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
_NEEDED: Final = ("requests_per_s", "e2e_s_p95")


@dataclass(frozen=True, slots=True)
class Evidence:
    """What a run says of one model in one weight format on one device.

    Attributes:
        run_id: which run.
        load: which of its loads stands for the scenario's demand, in words; None: its summary.
        figures: that are known of it.
        doubts: what weakens it, with whose they are.
        idle_w: draw of the board with the model loaded and no request [W].
        busy_w: draw of the board under that load [W].
        requests_per_s: finished under it [requests/s].
        tpot_s: time per output token, median [s].
        first_s: wait for the first token, 95th percentile [s].
        complete_s: wait for the whole answer, 95th percentile [s].
    """

    run_id: str
    load: str | None
    figures: dict[str, Estimate]
    doubts: tuple[Doubt, ...]
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
    used: dict[Key, dict[str, Any]] = {}
    for run in runs:
        key, why = _key(run, scenario)
        evidence = None
        if key is not None:
            evidence, why = _evidence(run, key, scenario)
        entry = _entry(run, key, evidence, why)
        if key is not None and evidence is not None:
            if key in used:
                later = f"run {run.name or run.id}, given after it, measures the same option"
                used[key] |= {"used": False, "option": None, "why": later}
            found[key], used[key] = evidence, entry
        listed.append(entry)
    return found, listed


def doubts_of_runs(evidence: Mapping[Key, Evidence], options: Iterable[Key]) -> list[Doubt]:
    """What weakens the runs that the options of a plan rest on."""
    wanted = set(options)
    return [said for key, each in evidence.items() if key in wanted for said in each.doubts]


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


def _evidence(run: Run, key: Key, scenario: Scenario) -> tuple[Evidence | None, str]:
    """What a run says of its option, or None and why it says nothing."""
    lacks = "its summary lacks requests_per_s or e2e_s_p95, which a plan needs"
    summary = {name: figure for name, figure in run.summary.items() if figure.known}
    usable = [point for point in run.curve if _complete(figures_of(point))]
    heard = [point for point in usable if not _waited_unheard(run, point)]
    if usable and not heard:
        return None, (
            "its requests waited in the client for a free slot, which no time of it counts; take"
            " off the limit on requests in flight, or a lower rate"
        )
    point = nearest_point(heard, scenario) if heard else None
    figures = summary if point is None else figures_of(point)
    if not _complete(figures):
        return None, lacks
    doubts: list[Doubt] = []
    if run.settings.get("imported_from") and point is not None:
        why, doubts = _lengths(point, scenario)
        if why:
            return None, why
    absent = Estimate.absent("s", f"not in run {run.id}")
    evidence = Evidence(
        run_id=run.id,
        load=None if point is None else point.load,
        figures=figures,
        doubts=tuple(_carried(run, key, point, doubts)),
        idle_w=_idle(run, summary.get("idle_power_w")),
        busy_w=_busy(run, _of_summary(run) if point is None else point),
        requests_per_s=_of_run(run, figures["requests_per_s"]),
        tpot_s=_of_run(run, figures.get("tpot_s_p50", absent)),
        first_s=_of_run(run, figures.get("ttft_s_p95", absent)),
        complete_s=_of_run(run, figures["e2e_s_p95"]),
    )
    return evidence, ""


def _complete(figures: Mapping[str, Estimate]) -> bool:
    """Whether a plan can stand on these figures."""
    return all(name in figures for name in _NEEDED) and figures["requests_per_s"].number > 0


def _waited_unheard(run: Run, point: CurvePoint) -> bool:
    """Whether requests of a load waited in another tool's client, which no time of it counts."""
    if all(said.code != "queue-left-out" for said in run.doubts):
        return False
    loads = run.settings.get("queue_left_out")
    this = {"level": point.level, "arrivals": point.arrivals, "rate_per_s": point.rate_per_s}
    return not isinstance(loads, list) or this in loads


def _lengths(point: CurvePoint, scenario: Scenario) -> tuple[str, list[Doubt]]:
    """Why an imported load cannot stand for the scenario's; or what weakens that it does.

    What its workload is the user says; a bench of ours sends the workload's own lengths.
    """
    found = list(lengths(point, scenario))
    for length in found:
        if length.measured is None:
            return f"it does not say how long its {length.what} were", []
        if length.factor > FARTHEST:
            return f"it measured {length.said}", []
    return "", [
        doubt("other-lengths", f"it measured {length.said}") for length in found if length.differs
    ]


def _carried(
    run: Run, key: Key, point: CurvePoint | None, more: Iterable[Doubt]
) -> Iterator[Doubt]:
    """The doubts of a run but for those about its other loads, with whose they are."""
    for said in (*run.doubts, *more):
        if point is None or said.load in (None, point.load):
            whose = f"run {run.name or run.id}, for {option_id(*key)}"
            yield replace(said, message=f"{whose}: {said.message}", load=None)


def _of_summary(run: Run) -> CurvePoint | None:
    """The load that the run's summary speaks of."""
    said = run.settings.get("summary", {})
    load = said.get("load", said.get("level"))
    return next((point for point in run.curve if load is None or point.load == str(load)), None)


def _busy(run: Run, point: CurvePoint | None) -> Estimate | None:
    """Mean draw of the board under a load [W].

    The summary's own energies are those of the whole run, its idle windows included.
    """
    figures = {} if point is None else figures_of(point)
    energy, span = figures.get("gpu_energy_j"), figures.get("duration_s")
    if point is None or energy is None or span is None or not span.number > 0:
        return None
    return energy.per(span, "W").sourced(f"run {run.id}: board, under load {point.load}")


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


def _entry(run: Run, key: Key | None, evidence: Evidence | None, why: str) -> dict[str, Any]:
    figures = run.summary if evidence is None else {**run.summary, **evidence.figures}
    shown = {name: asdict(figures[name]) for name in SHOWN if name in figures}
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
        "used": evidence is not None,
        "option": None if key is None or evidence is None else option_id(*key),
        "load": None if evidence is None else evidence.load,
        "why": why,
        "summary": shown,
    }


def option_id(model: str, weights: str, device: str) -> str:
    """How an option is named: ``MODEL, WEIGHTS, 1 x DEVICE``."""
    return f"{model}, {weights}, 1 x {device}"
