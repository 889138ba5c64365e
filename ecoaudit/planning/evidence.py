"""Measured runs as evidence for an option: which are used, for what, and why others are not."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence, Set
from dataclasses import asdict, dataclass, replace
from typing import Any, Final

from ecoaudit.checks import doubt
from ecoaudit.errors import NotFoundError, UsageError
from ecoaudit.estimate import Estimate, total
from ecoaudit.factors.hardware import find_device
from ecoaudit.factors.models import find_model
from ecoaudit.measurement import BOARD, HOST_PARTS, WALL, Device, Measurement
from ecoaudit.planning.curves import board_w, curve_of
from ecoaudit.planning.stand_in import (
    FARTHEST,
    FARTHEST_SCALED,
    Length,
    beside,
    figures_of,
    lengths,
    nearest_point,
)
from ecoaudit.run import CurvePoint, Doubt, Run, RunKind, RunStatus
from ecoaudit.scenario import Scenario
from ecoaudit.sizing.calibration_run import is_calibration
from ecoaudit.sizing.curve_load import OperatingCurve, at_load
from ecoaudit.sizing.demand import Load, load_of

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
        load: which of its loads comes nearest to the scenario's demand, in words; None: its
            summary.
        how: what of it stands for the demand, in words.
        figures: that are known of that load.
        doubts: what weakens it, with whose they are.
        idle_w: draw of the boards with the model loaded and no request [W].
        busy_w: draw of the boards at work [W].
        requests_per_s: that can be finished [requests/s].
        tpot_s: time per output token, median [s].
        first_s: wait for the first token, 95th percentile [s].
        complete_s: wait for the whole answer, 95th percentile [s].
        busy_s: at work on a working day [s]; None: requests over ``requests_per_s``.
        curve: the operating curve that these figures are from; None: they are those of ``load``.
    """

    run_id: str
    load: str | None
    how: str
    figures: dict[str, Estimate]
    doubts: tuple[Doubt, ...]
    idle_w: Estimate | None
    busy_w: Estimate | None
    requests_per_s: Estimate
    tpot_s: Estimate
    first_s: Estimate
    complete_s: Estimate
    busy_s: Estimate | None = None
    curve: OperatingCurve | None = None

    def at(self, load: Load) -> Evidence:
        """The same at another load, as far as its curve tells; without one it stays as it is."""
        if self.curve is None:
            return self
        found = at_load(self.curve, load)
        return replace(
            self,
            requests_per_s=found.capacity_per_s,
            tpot_s=found.tpot_s,
            first_s=found.first_s,
            complete_s=found.complete_s,
            busy_s=found.busy_s,
            busy_w=self.busy_w if found.board_w is None else found.board_w,
        )


Key = tuple[str, str, str, int]  # model, weight format, device as in the tables; how many


def gather(
    runs: Iterable[Run],
    scenario: Scenario,
    calibrations: Mapping[str, Mapping[str, str | bool]] | None = None,
) -> tuple[dict[Key, Evidence], list[dict[str, Any]]]:
    """Sort runs into evidence by option, and a list that says of each whether it was used.

    Of several runs of one option the last given is used.

    Args:
        runs: measured.
        scenario: that a plan is made for.
        calibrations: what the list says of those that calibrate a device, by the run's id.
    """
    found: dict[Key, Evidence] = {}
    listed: list[dict[str, Any]] = []
    used: dict[Key, dict[str, Any]] = {}
    for run in runs:
        key, why = _key(run, scenario)
        evidence = None
        if key is not None:
            evidence, why = _evidence(run, key, scenario)
        entry = _entry(run, key, evidence, why) | dict((calibrations or {}).get(run.id, {}))
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
    if is_calibration(run):
        return None, "it calibrates a device and measures no option"
    if settings.get("random_weights"):
        return None, "its weights are random: engine and load are real, the model is not"
    boards = [device for device in run.devices if device.boundary == BOARD]
    if not boards and settings.get("imported_from"):
        return None, "it does not say on which device it ran"
    if not boards:
        return None, "it ran without a GPU: it measures another machine"
    if why := _not_shared(boards, settings):
        return None, why
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
    return (model, weights, device, len(boards)), ""


def _not_shared(boards: Sequence[Device], settings: Mapping[str, Any]) -> str:
    """Why several boards are not an option's devices, which share one model; empty where they are.

    Tensor parallel over all of them, and nothing else: boards beside the server are in its idle
    power, and stages or copies of the model are other options than the plan's.
    """
    count = len(boards)
    if count == 1:
        return ""
    if len({board.name for board in boards}) > 1:
        return "it ran on GPUs of several kinds"
    sharing = settings.get("tensor_parallel_size")
    if str(sharing) == str(count):
        return ""
    said = "it does not say how many shared the model"
    if sharing is not None:
        said = f"{sharing} shared the model; hide the others with CUDA_VISIBLE_DEVICES"
    return f"it ran on {count} GPUs, and {said}"


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
    curve, how = _curve(run, heard, key, scenario)
    doubts: list[Doubt] = []
    loads = None if point is None else {point.load}
    why = ""
    if curve is not None:
        steps = curve.steps
        loads = {str(level) for level in steps.levels}
        told = beside(steps.prompt_tokens, steps.output_tokens, scenario)
        why, doubts = _lengths(told, scaled=True)
    elif point is not None and run.settings.get("imported_from"):
        why, doubts = _lengths(lengths(point, scenario), scaled=False)
    if why:
        return None, why
    absent = Estimate.absent("s", f"not in run {run.id}")
    evidence = Evidence(
        run_id=run.id,
        load=None if point is None else point.load,
        how=how,
        figures=figures,
        doubts=tuple(_carried(run, key, loads, doubts)),
        idle_w=_idle(run, summary.get("idle_power_w")),
        busy_w=_busy(run, _of_summary(run) if point is None else point),
        requests_per_s=_of_run(run, figures["requests_per_s"]),
        tpot_s=_of_run(run, figures.get("tpot_s_p50", absent)),
        first_s=_of_run(run, figures.get("ttft_s_p95", absent)),
        complete_s=_of_run(run, figures["e2e_s_p95"]),
        curve=curve,
    )
    return evidence.at(load_of(scenario)), ""


def _curve(
    run: Run, heard: Sequence[CurvePoint], key: Key, scenario: Scenario
) -> tuple[OperatingCurve | None, str]:
    """The run's operating curve, or None; and in words what of the run stands for the demand."""
    if not heard:
        return None, "its summary, as it was: it has no loads of its own"
    try:
        found = curve_of(run, heard, find_model(key[0]), find_device(key[2]), load_of(scenario))
    except UsageError as error:
        return None, f"the load nearest to the demand, as it was: {error}"
    levels = ", ".join(map(str, found.steps.levels))
    return found, f"its operating curve, levels {levels}"


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


def _lengths(found: Iterable[Length], *, scaled: bool) -> tuple[str, list[Doubt]]:
    """Why a load cannot stand for the scenario's; or what weakens that it does.

    Of an imported run the user says what its workload is, and a profile may have changed since a
    bench of ours.

    Args:
        found: what was measured beside the scenario's.
        scaled: whether the times are scaled to these, or taken as they were.
    """
    found = list(found)
    for length in found:
        if length.measured is None:
            return f"it does not say how long its {length.what} were", []
        if length.factor > (FARTHEST_SCALED if scaled else FARTHEST):
            return f"it measured {length.said}", []
    how = ", to which its times are scaled" if scaled else ""
    return "", [
        doubt("other-lengths", f"it measured {length.said}{how}")
        for length in found
        if length.differs
    ]


def _carried(run: Run, key: Key, loads: Set[str] | None, more: Iterable[Doubt]) -> Iterator[Doubt]:
    """The doubts of a run but for those about other loads than these, with whose they are."""
    for said in (*run.doubts, *more):
        if loads is None or said.load is None or said.load in loads:
            whose = f"run {run.name or run.id}, for {option_id(*key)}"
            yield replace(said, message=f"{whose}: {said.message}", load=None)


def _of_summary(run: Run) -> CurvePoint | None:
    """The load that the run's summary speaks of."""
    said = run.settings.get("summary", {})
    load = said.get("load", said.get("level"))
    return next((point for point in run.curve if load is None or point.load == str(load)), None)


def _busy(run: Run, point: CurvePoint | None) -> Estimate | None:
    """Mean draw of the boards under a load [W].

    The summary's own energies are those of the whole run, its idle windows included.
    """
    return None if point is None else board_w(run, point)


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
    curve = None if evidence is None else evidence.curve
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
        "levels": [] if curve is None else list(curve.steps.levels),
        "how": "" if evidence is None else evidence.how,
        "why": why,
        "summary": shown,
    }


def option_id(model: str, weights: str, device: str, devices: int = 1) -> str:
    """How an option is named: ``MODEL, WEIGHTS, 1 x DEVICE``."""
    return f"{model}, {weights}, {devices} x {device}"
