"""Going on with a bench that was cut short: the loads that it finished are not driven again."""

from __future__ import annotations

import json
from typing import Any, Final

from ecoaudit.errors import UsageError
from ecoaudit.recorder import Recorder
from ecoaudit.run import CurvePoint, Run, RunStatus
from ecoaudit.workloads.bench_plan import BenchPlan

# What has to be as it was, or the points of the curve would not be of one thing.
_SAME: Final = (
    "engine",
    "engine_version",
    "model",
    "model_revision",
    "weights",
    "random_weights",
    "dtype",
    "max_model_len",
    "max_num_seqs",
    "server_flags",
    "prefix_cache",
    "languages",
    "prompts",
    "seed",
    "window_s",
    "shortest_steady_s",
)
_OF_THE_END: Final = frozenset({"recovered", "demand-above-levels", "whole-run-summary"})


def check_same_scenario(earlier: Run, scenario: dict[str, Any]) -> None:
    """Refuse to go on with a run of another scenario.

    Raises:
        UsageError: it differs; the message says where.
    """
    now = json.loads(json.dumps(scenario))
    if earlier.scenario is None:
        raise UsageError(f"{_no(earlier)}: it holds no scenario, so it is no bench")
    if (place := _difference(earlier.scenario, now)) is not None:
        raise UsageError(f"{_no(earlier)}: the scenario has changed since ({place})")


def nothing_left(plan: BenchPlan, earlier: Run) -> bool:
    """Whether an earlier run has all that is planned."""
    done = finished(earlier)
    if plan.climbs and earlier.status is not RunStatus.COMPLETE:
        return False
    return all(
        any(point.of_load(load.level, load.arrivals, load.rate_per_s) for point in done)
        for load in plan.loads
    )


def finished(earlier: Run) -> list[CurvePoint]:
    """The points of loads that went on to their end."""
    counts = earlier.settings.get("levels_seen", {})
    return [point for point in earlier.curve if not counts.get(point.load, {}).get("cut")]


def take_over(earlier: Run, recorder: Recorder) -> None:
    """Put the loads that an earlier run finished into this one, with their counts and doubts.

    The settings of this one are known, and its engine runs.

    Raises:
        UsageError: the two were not measured alike.
    """
    settings = recorder.settings
    for key in _SAME:
        if earlier.settings.get(key) != settings.get(key):
            raise UsageError(
                f"{_no(earlier)}: {key} was {earlier.settings.get(key)!r} and is"
                f" {settings.get(key)!r} now"
            )
    devices = [device.id for device in recorder.devices]
    if [device.id for device in earlier.devices] != devices:
        raise UsageError(f"{_no(earlier)}: it was measured on other devices")
    counts = earlier.settings.get("levels_seen", {})
    settings["levels_seen"] = {key: seen for key, seen in counts.items() if not seen.get("cut")}
    done = finished(earlier)
    for point in done:
        recorder.add_point(point)
    loads = [point.load for point in done]
    again = {key.partition(", time ")[0] for key in counts} - set(loads)
    named = [f"level {key}" if key.isdigit() else key for key in again]
    stale = tuple(f"{name}{mark}" for name in named for mark in (":", ", time "))
    for said in earlier.doubts:
        if said.code not in _OF_THE_END and not said.message.startswith(stale):
            recorder.add_doubt(said)
    before = earlier.settings.get("resumed", [])
    settings["resumed"] = [*before, {"id": earlier.id, "loads": loads}]


def _no(earlier: Run) -> str:
    return f"cannot go on with the run {earlier.id}"


def _difference(before: Any, now: Any, at: str = "") -> str | None:
    """The first place where two pieces of JSON differ; None where they are the same."""
    if isinstance(before, dict) and isinstance(now, dict):
        for key in [*before, *(key for key in now if key not in before)]:
            inner = f"{at}.{key}" if at else str(key)
            if key not in before or key not in now:
                return inner
            if (found := _difference(before[key], now[key], inner)) is not None:
                return found
        return None
    return None if before == now else at
