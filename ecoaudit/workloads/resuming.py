"""Going on with a bench that was cut short: the loads that it finished are not driven again.

Two benches are *the same run*, whose loads may stand in one curve, where both of these agree.

What was asked (:func:`asked_for`, and the scenario), known before anything is started and compared
then, also where nothing is left to do: the content of the scenario, whatever its files are called
and wherever its figures are said to come from; the engine and what it was told (model, weights,
server flags, the address of a server that runs already ...); window, idle, time-out. The levels and
loads themselves may differ: those that are missing are driven. A trace has a hash of its content in
its name, so an edited one is a load that is missing.

What was found once the engine ran (``_FOUND``, ``_CACHE``, and the devices), compared then: its
version, dtype, what the model's files say, the context and batch that are served, how the cache is
set up. How much memory the server found free for its cache is not of it: it differs at each start.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterable, Mapping
from typing import Any, Final

from ecoaudit.engines.base import Engine
from ecoaudit.errors import UsageError
from ecoaudit.recorder import Recorder
from ecoaudit.run import CurvePoint, Run, RunStatus
from ecoaudit.workloads.bench_plan import BenchPlan

_FOUND: Final = (
    "engine_version",
    "model",
    "model_revision",
    "model_config",
    "served_name",
    "weights",
    "random_weights",
    "dtype",
    "max_model_len",
    "max_num_seqs",
    "enforce_eager",
    "server_flags",
    "abilities",
    "languages",
    "prompts",
)
_CACHE: Final = (
    "enable_prefix_caching",
    "block_size",
    "cache_dtype",
    "gpu_memory_utilization",
    "kv_cache_memory_bytes",
)
_FILE_NAMES: Final = (("id",), ("site", "id"), ("workload", "id"))
# Of the bench, only the seed: levels may be added, window and idle are compared as they came to be.
_OF_THE_PLAN: Final = (("bench", "levels"), ("bench", "window"), ("bench", "idle"))
_OF_THE_END: Final = frozenset({"recovered", "demand-above-levels", "whole-run-summary"})


def asked_for(engine: Engine, plan: BenchPlan, options: Mapping[str, Any]) -> dict[str, Any]:
    """What is asked of a bench besides its scenario and its loads: for ``settings["asked"]``.

    Args:
        engine: not started yet.
        plan: of the bench.
        options: what the engine was told.
    """
    words = hashlib.sha256("\n".join(plan.words).encode()).hexdigest() if plan.words else None
    return _as_read(
        {
            "engine": engine.name,
            **options,
            "label": engine.label,
            "window_s": plan.window_s,
            "idle_s": plan.idle_s,
            "shortest_steady_s": plan.shortest_steady_s,
            "silence_s": plan.silence_s,
            "words_sha256": words,
        }
    )


def check_asked(earlier: Run, scenario: dict[str, Any], asked: dict[str, Any]) -> None:
    """Refuse to go on with a run of which something else was asked.

    Args:
        earlier: the run.
        scenario: the scenario now, as data.
        asked: what is asked now: :func:`asked_for`.

    Raises:
        UsageError: it differs; the message says where.
    """
    if earlier.scenario is None:
        raise UsageError(f"{_no(earlier)}: it holds no scenario, so it is no bench")
    before = earlier.settings.get("asked")
    if not isinstance(before, dict):
        raise UsageError(
            f"{_no(earlier)}: it does not say what was asked of it; measure anew, without --resume"
        )
    changed = _difference(_content(earlier.scenario), _content(_as_read(scenario)))
    if changed is not None:
        raise UsageError(f"{_no(earlier)}: the scenario has changed since ({changed[0]})")
    _refuse(earlier, before, asked, [*before, *(key for key in asked if key not in before)])


def nothing_left(plan: BenchPlan, earlier: Run) -> bool:
    """Whether an earlier run, of which the same was asked, has all that is planned."""
    done = finished(earlier)
    climbed = earlier.status is RunStatus.COMPLETE and earlier.settings.get("levels") == "auto"
    if plan.climbs and not climbed:
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

    The same was asked of both, the settings of this one are known, and its engine runs.

    Raises:
        UsageError: the two were not measured alike.
    """
    settings = recorder.settings
    now = _as_read(settings)
    found = _FOUND if settings["started_by_ecoaudit"] else ("url", *_FOUND)
    _refuse(earlier, earlier.settings, now, found)
    _refuse(earlier, earlier.settings.get("cache", {}), now["cache"], _CACHE, "cache.")
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
    for said in earlier.doubts:
        if said.code not in _OF_THE_END and said.load not in again:
            recorder.add_doubt(said)
    before = earlier.settings.get("resumed", [])
    settings["resumed"] = [*before, {"id": earlier.id, "loads": loads}]


def _no(earlier: Run) -> str:
    return f"cannot go on with the run {earlier.id}"


def _as_read(data: dict[str, Any]) -> dict[str, Any]:
    """Data as it is read again from a file: lists in place of tuples."""
    read: dict[str, Any] = json.loads(json.dumps(data))
    return read


def _refuse(
    earlier: Run,
    before: Mapping[str, Any],
    now: Mapping[str, Any],
    keys: Iterable[str],
    at: str = "",
) -> None:
    """Refuse where two pieces of JSON differ under one of some keys."""
    for key in keys:
        changed = _difference(before.get(key), now.get(key), f"{at}{key}")
        if changed is not None:
            place, was, is_now = changed
            raise UsageError(f"{_no(earlier)}: {place} was {was!r} and is {is_now!r} now")


def _content(scenario: dict[str, Any]) -> dict[str, Any]:
    """What a scenario says: without the names of its files, and what the plan has of it."""
    found: dict[str, Any] = _unsourced(scenario)
    for *path, last in (*_FILE_NAMES, *_OF_THE_PLAN):
        place: Any = found
        for key in path:
            place = place.get(key, {})
        place.pop(last, None)
    return found


def _unsourced(data: Any) -> Any:
    """Data without where its figures are said to come from, which may be the name of a file."""
    if isinstance(data, list):
        return [_unsourced(each) for each in data]
    if not isinstance(data, dict):
        return data
    no_file = {"source"} if "basis" in data else {"place"} if "raw" in data else set()
    return {key: _unsourced(value) for key, value in data.items() if key not in no_file}


def _difference(before: Any, now: Any, at: str = "") -> tuple[str, Any, Any] | None:
    """The first place where two pieces of JSON differ, with what stands there in each."""
    if isinstance(before, dict) and isinstance(now, dict):
        for key in [*before, *(key for key in now if key not in before)]:
            inner = f"{at}.{key}" if at else str(key)
            if (key in before) != (key in now):
                return inner, before.get(key), now.get(key)
            if (found := _difference(before.get(key), now.get(key), inner)) is not None:
                return found
        return None
    return None if before == now else (at, before, now)
