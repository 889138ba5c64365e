"""The operating curve of a run: what of it stands for an option at any demand."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from ecoaudit.errors import UsageError
from ecoaudit.estimate import Estimate
from ecoaudit.factors.hardware import Device
from ecoaudit.factors.models import Model
from ecoaudit.planning.stand_in import figures_of
from ecoaudit.run import CurvePoint, Run
from ecoaudit.sizing.curve_load import OperatingCurve
from ecoaudit.sizing.demand import Load
from ecoaudit.sizing.operating import curve_steps
from ecoaudit.sizing.simulation import ServerLimits
from ecoaudit.sizing.vllm_budget import batch_defaults


def curve_of(
    run: Run, points: Sequence[CurvePoint], model: Model, device: Device, load: Load
) -> OperatingCurve:
    """What a run measured level by level, up to what the engine takes at once.

    Its prompts are taken to spread as the scenario's, which a bench sends; those of another tool's
    result, which does not say how they spread, as of one length.

    Args:
        run: whose.
        points: its loads that may be used; those of open loops hold waits and are left out.
        model: that was served.
        device: on which.
        load: of the scenario, for its longest requests and the spread of its prompts.

    Raises:
        UsageError: it has no curve; the message says why, and what gives one.
    """
    most = _whole(run.settings.get("max_num_seqs"))
    closed = {
        point.level: point
        for point in points
        if point.level is not None and (most is None or point.level <= most)
    }
    levels = sorted(closed)
    if len(levels) < 2:
        raise UsageError("a curve takes level 1 and one more: bench --levels 1,4,16")
    if any(said.code == "uneven-lengths" for said in run.doubts):
        raise UsageError("its levels differ in their lengths, so that they are no curve of load")
    imported = bool(run.settings.get("imported_from"))
    steps = curve_steps(closed.values(), 1.0 if imported else load.prompt_spread)
    longest = _longest(run.settings, model, load)
    top, ended = levels[-1], ""
    if most is None or most > top:
        ended = f"more than {top} at once were not measured, and may do more: "
        ended += f"bench --levels 1,{top},{2 * top}"
    draws = [board_w(run, closed[level]) for level in levels]
    known = [draw for draw in draws if draw is not None and draw.known]
    return OperatingCurve(
        said=f"run {run.id}",
        steps=steps,
        tpot_s=tuple(figures_of(closed[level])["tpot_s_p50"] for level in levels),
        board_w=tuple(known) if len(known) == len(draws) else (),
        limits=_limits(run.settings, device, top, longest),
        longest=longest,
        ended=ended,
    )


def board_w(run: Run, point: CurvePoint) -> Estimate | None:
    """Mean draw of the boards under a load [W]; None where it was not read."""
    figures = figures_of(point)
    energy, span = figures.get("gpu_energy_j"), figures.get("duration_s")
    if energy is None or span is None or not span.number > 0:
        return None
    return energy.per(span, "W").sourced(f"run {run.id}: board, under load {point.load}")


def _longest(settings: Mapping[str, Any], model: Model, load: Load) -> int:
    """Longest request that is served [tokens]: the engine's context, or what the load asks for."""
    served = _whole(settings.get("max_model_len"))
    need = load.context_p95.high or 0.0
    return max(served or int(min(4 * need, model.context_tokens or need)), 2)


def _limits(
    settings: Mapping[str, Any], device: Device, running: int, longest: int
) -> ServerLimits:
    """What the engine took at once; where it did not say how large its cache is, enough of it for
    all that ran, which it had."""
    batched = _whole(settings.get("max_num_batched_tokens")) or batch_defaults(device)[0]
    found = settings.get("cache")
    cache: Mapping[str, Any] = found if isinstance(found, Mapping) else {}
    tokens = _whole(cache.get("kv_cache_size_tokens"))
    if tokens is None:
        blocks, size = _whole(cache.get("num_gpu_blocks")), _whole(cache.get("block_size"))
        tokens = blocks * size if blocks and size else running * longest
    return ServerLimits(running, max(batched, running), max(tokens, longest))


def _whole(said: object) -> int | None:
    """A whole number above zero, as settings hold it; None: it is none."""
    try:
        found = int(str(said))
    except ValueError:
        return None
    return found if found > 0 else None
