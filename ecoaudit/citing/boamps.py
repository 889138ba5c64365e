"""A report of BoAmps, the format of Boavizta and others for the energy of an AI task.

Fields by the format's schemas, version 1.1.0 (https://github.com/Boavizta/BoAmps, CC BY 4.0).
``powerConsumption`` is an energy in kWh, and of the equipment: no PUE is in it for a run.
"""

from __future__ import annotations

import json
from collections import Counter
from datetime import UTC, datetime, timedelta
from typing import Any, Final

from ecoaudit.citing.base import BOTH
from ecoaudit.citing.facts import Facts, model_name, said
from ecoaudit.citing.ledger_facts import uses_of
from ecoaudit.errors import UsageError
from ecoaudit.estimate import Estimate
from ecoaudit.ledger import Ledger
from ecoaudit.measurement import BOARD, DRAM, HOST_PARTS, PACKAGE
from ecoaudit.run import CurvePoint, Run, RunKind
from ecoaudit.units import J_PER_KWH

_VERSION: Final = "1.1.0"
_UNKNOWN: Final = ("", "unknown", None)
_STAGES: Final = {
    RunKind.INFERENCE: "inference",
    RunKind.TRAINING: "training",
    RunKind.COMMAND: "other",
}
_COMPONENTS: Final = {BOARD: "gpu", PACKAGE: "cpu", DRAM: "ram"}
_QUALITY: Final = ((0.10, "high"), (0.25, "medium"), (0.50, "low"))  # the format's own bounds
_NOT_STATED: Final = "notStated"


class BoAmpsCiter:
    """Writes JSON."""

    name = "boamps"
    what = "a BoAmps report of the task's energy"
    holds = BOTH
    instead = ""

    def render(self, facts: Facts) -> str:
        source = facts.source
        report = _of_run(facts, source) if isinstance(source, Run) else _of_ledger(facts, source)
        return json.dumps(report, indent=2, ensure_ascii=False, allow_nan=False) + "\n"


def _of_run(facts: Facts, run: Run) -> dict[str, Any]:
    """Energy, time, requests and tokens are of one load of a bench, from its first request to its
    last answer; of other runs, of the whole of it."""
    point = run.summary_point if run.kind is RunKind.INFERENCE else None
    figures = run.summary if point is None else point.whole_run
    energy = figures.get("energy_j", Estimate.absent("J", "the run holds no energy"))
    time = figures.get("duration_s", facts.duration)
    started = _started(run)
    header: dict[str, Any] = {"reportId": facts.id, "formatVersion": _VERSION}
    if started is not None:
        header["reportDatetime"] = _moment(started + timedelta(seconds=run.duration_s))
        header["reportStatus"] = "draft"
    methods = {device.boundary: said(device.method) for device in run.devices}
    measure = {
        "measurementMethod": "ecoaudit",
        "version": _version(facts),
        "cpuTrackingMode": methods.get(PACKAGE),
        "gpuTrackingMode": methods.get(BOARD),
        "powerConsumption": _kwh(energy),
        "measurementDuration": time.value,
        "measurementDateTime": None if started is None else _moment(started),
    }
    report = {
        "header": header if started is not None else None,
        "task": _task(facts, run, point, energy),
        "measures": [_known(measure)],
        "system": _known({"os": said(run.environment.get("os", ""))}),
        "software": {"language": "python"}
        | _known({"version": said(run.environment.get("python", ""))}),
        "infrastructure": {"infraType": "other", "components": _components(run)},
        "environment": _environment(facts),
        "quality": _quality(energy),
    }
    return _known(report)


def _of_ledger(facts: Facts, ledger: Ledger) -> dict[str, Any]:
    """Of a ledger only its electricity has a place here; several stages are joined by ``+``."""
    names = facts.hardware or (_NOT_STATED,)
    report = {
        "task": {
            "taskStage": "+".join(uses_of(ledger)) or "other",
            "taskFamily": _NOT_STATED,
            "algorithms": [_known({"foundationModelName": facts.model})],
            "dataset": [_data("input"), _data("output")],
            "taskDescription": _description(facts, facts.energy.converted(J_PER_KWH, "J")),
        },
        "measures": [
            _known(
                {
                    "measurementMethod": "ecoaudit",
                    "version": _version(facts),
                    "powerConsumption": _kwh(facts.energy.converted(J_PER_KWH, "J")),
                    "measurementDuration": facts.duration.value,
                }
            )
        ],
        "infrastructure": {
            "infraType": "other",
            "components": [
                {"componentName": name, "componentType": "other", "nbComponent": 1}
                for name in names
            ],
        },
        "environment": _environment(facts),
        "quality": _quality(facts.energy),
    }
    return _known(report)


def _task(facts: Facts, run: Run, point: CurvePoint | None, energy: Estimate) -> dict[str, Any]:
    told = run.settings
    algorithm = _known(
        {
            "algorithmType": "llm" if run.kind is RunKind.INFERENCE else None,
            "foundationModelName": model_name(told.get("model") or ""),
            "framework": said(told.get("engine") or ""),
            "frameworkVersion": said(told.get("engine_version") or ""),
            "quantization": said(told.get("weights") or ""),
        }
    )
    figures = {} if point is None else point.whole_run
    requests = _value(figures.get("requests"))
    task = {
        "taskStage": _STAGES[run.kind],
        "taskFamily": "textGeneration" if run.kind is RunKind.INFERENCE else _NOT_STATED,
        "nbRequest": requests,
        "algorithms": [algorithm],
        "dataset": [
            _data("input", _value(figures.get("prompt_tokens")), requests),
            _data("output", _value(figures.get("output_tokens")), requests),
        ],
        "taskDescription": _description(facts, energy, point),
    }
    return _known(task)


def _data(usage: str, tokens: float | None = None, requests: float | None = None) -> dict[str, Any]:
    """Of inference the format asks for the mean size of one request's data."""
    data: dict[str, Any] = {"dataUsage": usage, "dataType": "token"}
    if tokens is not None and requests:
        data["dataQuantity"] = tokens / requests
    elif tokens is None:
        data["dataType"] = "other"
    return data


def _components(run: Run) -> list[dict[str, Any]]:
    parts = Counter(
        (_COMPONENTS.get(each.boundary, said(each.boundary)), said(each.name))
        for each in run.devices
        if each.boundary in HOST_PARTS
    )
    if not parts:
        return [{"componentType": _NOT_STATED, "nbComponent": 1}]
    return [
        {"componentName": name, "componentType": kind, "nbComponent": count}
        for (kind, name), count in parts.items()
    ]


def _environment(facts: Facts) -> dict[str, Any] | None:
    if not facts.place:
        return None
    intensity = facts.intensity.value
    return _known({"country": facts.place, "powerSourceCarbonIntensity": intensity})


def _description(facts: Facts, energy: Estimate, point: CurvePoint | None = None) -> str:
    lines = [f"{facts.title}: {facts.what}.", *facts.boundary]
    lines.append(f"Not counted: {'; '.join(facts.not_counted)}." if facts.not_counted else "")
    if point is not None:
        load = said(point.title)
        lines.append(f"Energy, time, requests and tokens are of {load}, with its begin and end.")
    if energy.known:
        _, low, high = energy.converted(1 / J_PER_KWH, "kWh").numbers
        lines.append(f"80 % interval of the energy: {low!r} to {high!r} kWh, {energy.basis}.")
    return " ".join(line for line in lines if line)


def _quality(energy: Estimate) -> str | None:
    """By the wider half of the interval; None where it is wider than the format's lowest."""
    value, low, high = energy.numbers
    if value <= 0:
        return None
    wide = max(value - low, high - value) / value
    return next((word for bound, word in _QUALITY if wide <= bound), None)


def _kwh(energy: Estimate) -> float:
    if energy.value is None:
        raise UsageError(
            f"--as boamps: the format asks for an energy, which is absent: {said(energy.source)};"
            " --as markdown says so"
        )
    return energy.value / J_PER_KWH


def _value(figure: Estimate | None) -> float | None:
    return None if figure is None else figure.value


def _version(facts: Facts) -> str:
    return facts.tool.removeprefix("ecoaudit").strip()


def _started(run: Run) -> datetime | None:
    try:
        return datetime.fromisoformat(run.started_at)
    except ValueError:
        return None


def _moment(time: datetime) -> str:
    moved = time if time.tzinfo is None else time.astimezone(UTC)
    return moved.strftime("%Y-%m-%d %H:%M:%S")


def _known(fields: dict[str, Any]) -> dict[str, Any]:
    """Fields that the file tells; ``system`` and others are left out where nothing is."""
    return {key: value for key, value in fields.items() if value not in (*_UNKNOWN, {})}
