"""What a calibration measured of one device: the times and draws that constants are made of.

``ecoaudit calibrate`` leaves an ordinary run: closed loops with a few requests in flight, then long
prompts one at a time. Read here is what of it says how fast and how thirsty the device is.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Final

from ecoaudit.errors import NotFoundError, UsageError
from ecoaudit.estimate import Estimate
from ecoaudit.factors.model_config import from_config
from ecoaudit.factors.models import Model, find_model
from ecoaudit.measurement import BOARD, MODULE, Device
from ecoaudit.run import CurvePoint, Run, RunStatus
from ecoaudit.sizing.memory import BITS

SETTING: Final = "calibration"
"""The key of a run's settings that says that it is one."""
_COUNTED: Final = ("prompt_tokens", "output_tokens", "requests")


@dataclass(frozen=True, slots=True)
class Look:
    """One load of a calibration.

    Attributes:
        in_flight: requests at once.
        prompt: mean length of the prompts [tokens].
        output: mean length of the answers [tokens].
        tpot_s: time per output token, median [s].
        first_s: wait for the first token, median [s].
        power_w: draw of the device under it [W]; absent where no meter told.
    """

    in_flight: int
    prompt: float
    output: float
    tpot_s: Estimate
    first_s: Estimate
    power_w: Estimate

    @property
    def context(self) -> float:
        """Mean number of tokens before a token of an answer."""
        return self.prompt + self.output / 2


@dataclass(frozen=True, slots=True)
class Seen:
    """A calibration, as far as constants are made of it.

    Attributes:
        run: the run.
        model: that was served; its weights need not have been trained.
        weights: its weight format.
        meter: the device whose energy was read: a board, or the CPU.
        is_board: whether it is a GPU's board; otherwise the energy is that of the host.
        loops: closed loops, by requests in flight; the first has one.
        long: long prompts, one at a time.
        idle_w: draw with the model loaded and no request [W]; absent where it was not measured.
    """

    run: Run
    model: Model
    weights: str
    meter: Device
    is_board: bool
    loops: tuple[Look, ...]
    long: Look
    idle_w: Estimate

    @property
    def said(self) -> str:
        """Which run it is, for a source."""
        trained = ", random weights" if self.run.settings.get("random_weights") else ""
        return (
            f"calibration {self.run.id} of {self.run.started_at[:10]} with {self.model.name} "
            f"{self.weights}{trained}"
        )


def is_calibration(run: Run) -> bool:
    """Whether a run was made to calibrate a device."""
    return SETTING in run.settings


def read(run: Run) -> Seen:
    """What a calibration measured.

    Raises:
        UsageError: no constants can be made of it; the message says why.
    """
    if run.status not in (RunStatus.COMPLETE, RunStatus.RECOVERED):
        raise UsageError(f"the run is {run.status}; calibrate again")
    boards = [device for device in run.devices if device.boundary == BOARD]
    if len(boards) > 1:
        raise UsageError(
            "it ran beside several GPUs; show it one, such as with CUDA_VISIBLE_DEVICES=0"
        )
    model, weights = _model(run), str(run.settings.get("weights", "unknown"))
    check_dense(model)
    if weights not in BITS:
        raise UsageError(f"its weight format, {weights}, is not one that is computed here")
    figure = "gpu_power_w" if boards else "power_w"
    loops = {p.level: _look(p, p.level, figure) for p in run.curve if p.level is not None}
    if 1 not in loops or len(loops) < 2:
        raise UsageError("it lacks one request in flight, or any more than one; calibrate again")
    long = [point for point in run.curve if point.level is None]
    if not long:
        raise UsageError("it lacks the long prompts; calibrate again")
    return Seen(
        run,
        model,
        weights,
        (boards or _hosts(run))[0],
        bool(boards),
        tuple(loops[level] for level in sorted(loops)),
        _look(long[0], 1, figure),
        _idle(run, BOARD if boards else None),
    )


def check_dense(model: Model) -> None:
    """Refuse a model whose times do not tell the terms apart.

    Raises:
        UsageError: it has experts, or a state.
    """
    if model.experts or model.state is not None:
        raise UsageError(
            f"{model.name} has experts or a state, whose part in its times cannot be told; "
            "calibrate with a dense model"
        )


def _hosts(run: Run) -> list[Device]:
    """The module or the CPU of a run without a GPU.

    Raises:
        UsageError: it has neither.
    """
    for boundary in (MODULE, "package"):
        found = [device for device in run.devices if device.boundary == boundary]
        if found:
            return found
    raise UsageError("it read neither a GPU nor a CPU; see `ecoaudit doctor`")


def _model(run: Run) -> Model:
    """The model that was served: by its own configuration, else by its name in the table.

    Raises:
        UsageError: neither tells its shape.
    """
    name = str(run.settings.get("model", ""))
    config: Any = run.settings.get("model_config")
    if isinstance(config, Mapping) and config:
        return from_config(name, config, f"run {run.id}")
    try:
        return find_model(name)
    except NotFoundError as error:
        raise UsageError(f"the shape of its model is not known: {error}") from error


def _look(point: CurvePoint, in_flight: int, power: str) -> Look:
    """One load of the curve.

    Raises:
        UsageError: it lacks a time or a count.
    """
    figures = point.figures
    for name in ("tpot_s_p50", "ttft_s_p50"):
        found = figures.get(name)
        if found is None or not found.known or found.number <= 0:
            why = "it is not there" if found is None else found.source
            raise UsageError(f"its load {point.load} has no {name} ({why}); calibrate again")
    counts = []
    for name in _COUNTED:
        count = point.whole_run.get(name)
        if count is None or not count.known or count.number <= 0:
            raise UsageError(f"its load {point.load} has no {name}; calibrate again")
        counts.append(count.number)
    prompts, outputs, requests = counts
    return Look(
        in_flight,
        prompts / requests,
        outputs / requests,
        figures["tpot_s_p50"],
        figures["ttft_s_p50"],
        figures.get(power, Estimate.absent("W", "no meter told it")),
    )


def _idle(run: Run, boundary: str | None) -> Estimate:
    """Draw in the window ``idle_loaded`` [W]: of the board, or of the host."""
    why = "the loaded engine was not measured at rest"
    if boundary is None:
        return run.summary.get("idle_power_w", Estimate.absent("W", why))
    for window in run.windows:
        if window.name == "idle_loaded" and window.duration_s > 0:
            for device in window.devices:
                if device.boundary == boundary:
                    return device.energy_j.converted(1 / window.duration_s, "W")
    return Estimate.absent("W", why)
