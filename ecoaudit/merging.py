"""Unites the runs that the ranks of one training job recorded into one run.

Boards are united by id: one that several ranks saw counts once. The CPU, the memory and a meter at
the plug of each machine were recorded by its first rank, and count once. Tokens and samples add
up; steps do not, since each rank took part in every one. The order of the runs does not matter.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import replace
from functools import partial
from typing import Any

from ecoaudit.checks import doubt
from ecoaudit.estimate import Basis, Estimate, total
from ecoaudit.factors.grid import operational_kgco2e
from ecoaudit.job import ADDED, STEPS, Job, Part, most, parts_of
from ecoaudit.measurement import BOARD, DRAM, PACKAGE, WALL, DeviceEnergy, Measurement
from ecoaudit.mig import energy_of_instances
from ecoaudit.ranks import WINDOW
from ecoaudit.recording import by_power_within, energy_within, share_modelled
from ecoaudit.run import Doubt, Run, RunKind
from ecoaudit.uniting import grid_of, pue_of, united_id, worst_status

_ONLY_OF_A_RANK = ("one-rank",)  # doubts that uniting removes


def merge(runs: Sequence[Run]) -> Run:
    """One run of the runs of all ranks of a job.

    Raises:
        UsageError: the runs are not those of one job's ranks, each once.
    """
    parts = parts_of(runs)
    job = Job(parts)
    first = parts[0].run
    whole = job.united(WINDOW)[0]
    doubts = [said for said in _doubts(parts) if said.code not in _ONLY_OF_A_RANK]
    windows = [window for path in job.paths() for window in job.united(path)]
    summary = {**_whole(job, whole), **_training(job, doubts)}
    return Run(
        id=united_id(runs),
        kind=RunKind.TRAINING,
        name=first.name,
        status=worst_status(runs),
        started_at=min(parts, key=lambda part: (part.start, part.rank.rank)).run.started_at,
        duration_s=whole.duration_s,
        environment=first.environment,
        devices=job.devices(),
        scenario=_common([part.run.scenario for part in parts]),
        settings=_settings(parts),
        windows=sorted(windows, key=lambda window: (window.start_s, window.path)),
        doubts=doubts,
        summary=summary,
    )


def _whole(job: Job, whole: Measurement) -> dict[str, Estimate]:
    """What every run has: energy, carbon, memory and time."""
    devices = whole.devices
    summary = {
        "duration_s": Estimate.exact(
            whole.duration_s, "s", Basis.MEASURED, "first start to last end of the ranks"
        ),
        "energy_j": energy_within(devices, None),
        "gpu_energy_j": energy_within(devices, BOARD),
        "cpu_energy_j": energy_within(devices, PACKAGE),
        "dram_energy_j": energy_within(devices, DRAM),
        "modelled_energy_share": share_modelled(devices, energy_within(devices, None)),
        "operational_kgco2e": _carbon(job, devices),
    }
    by_power = by_power_within(devices)
    if by_power is not None:
        summary["gpu_energy_by_power_j"] = by_power
    share = energy_of_instances(job.devices(), devices)
    if share is not None:
        summary["gpu_energy_share_j"] = share
    if any(device.boundary == WALL for device in devices):
        summary["wall_energy_j"] = energy_within(devices, WALL)
    boards = any(device.kind == "gpu" for device in devices)
    for name, peak, why in (
        ("peak_host_memory_bytes", whole.peak_host_memory_bytes, "not every rank read it"),
        (
            "peak_gpu_memory_bytes",
            whole.peak_gpu_memory_bytes,
            "not every rank read it" if boards else "no GPU was found",
        ),
    ):
        if peak is None:
            summary[name] = Estimate.absent("bytes", why)
        else:
            source = "largest of each machine or board, summed"
            summary[name] = Estimate.exact(peak, "bytes", Basis.MEASURED, source)
    return summary


def _carbon(job: Job, devices: list[DeviceEnergy]) -> Estimate:
    """Each device's energy at the grid and the PUE of the rank that recorded it."""
    places: dict[str, tuple[Part, list[DeviceEnergy]]] = {}
    for device in (device for device in devices if device.boundary != WALL):
        part = job.owners[device.id]
        place = repr((part.run.settings.get("grid"), part.run.settings.get("pue")))
        places.setdefault(place, (part, []))[1].append(device)
    emissions = []
    for part, at_place in places.values():
        emissions.append(_carbon_at(part.run, energy_within(at_place, None)))
    return total(emissions, "kgCO2e")


def _carbon_at(run: Run, energy: Estimate) -> Estimate:
    grid = grid_of(run.settings, run.id)
    if grid is None:
        return Estimate.absent("kgCO2e", f"run {run.id} names no grid")
    return operational_kgco2e(energy, grid, pue_of(run.settings, run.id))


def _training(job: Job, doubts: list[Doubt]) -> dict[str, Estimate]:
    """Steps, throughput and energy per step and token of the job."""
    runs = [part.run for part in job.parts]
    if not any(STEPS in run.summary for run in runs):
        return {}
    found: dict[str, Estimate] = {}
    steps = _of_all(runs, STEPS, "steps", most)
    counts = {run.summary[STEPS].value for run in runs if STEPS in run.summary}
    if len(counts) > 1:
        doubts.append(
            doubt(
                "steps-differ",
                f"the ranks counted from {min(filter(None, counts)):g} to"
                f" {max(filter(None, counts)):g} steps; the largest is reported",
                "hold the same loop and the same warm-up on every rank",
            )
        )
    found[STEPS] = steps
    for name in ("step_s_p50", "step_s_p95"):
        slowest = _of_all(runs, name, "s", most)
        source = f"of the slowest rank; {slowest.source}"
        found[name] = slowest.sourced(source) if slowest.known else slowest
    seconds = max(_seconds_in_steps(run) for run in runs)
    for noun in ADDED:
        if any(noun in run.summary for run in runs):
            amount = _of_all(runs, noun, noun, partial(total, unit=noun))
            found[noun] = amount
            rate = (amount / seconds).converted(1.0, f"{noun}/s")
            source = f"{amount.source}, all ranks, over the steps of the rank that took longest"
            found[f"{noun}_per_s"] = rate.sourced(source) if rate.known else rate
    energy = energy_within(job.energies(_counts), None)
    if steps.known:
        found["energy_per_step_j"] = energy.converted(1 / steps.number, "J/step")
    tokens = found.get("tokens")
    if tokens is not None and tokens.value:
        found["energy_per_token_j"] = energy.converted(1 / tokens.value, "J/token")
    return {**found, **_flops(runs)}


def _seconds_in_steps(run: Run) -> float:
    """Time of the steps that count [s]."""
    return sum(window.duration_s for window in run.windows if _counts(window))


def _counts(window: Measurement) -> bool:
    """Whether the window is one of steps after the warm-up."""
    return window.name == STEPS and STEPS in window.quantities


def _flops(runs: list[Run]) -> dict[str, Estimate]:
    """The ranks' rates add up; MFU is their sum over the sum of their peaks."""
    if not any("mfu" in run.summary for run in runs):
        return {}
    rate = _of_all(runs, "flops_per_s", "FLOP/s", lambda parts: total(parts, "FLOP/s"))
    mfu = _of_all(runs, "mfu", "1", lambda parts: total(parts, "1"))
    if rate.known and mfu.known:
        peaks = [run.summary["flops_per_s"].number / run.summary["mfu"].number for run in runs]
        source = f"all ranks' rates over all ranks' peaks; {mfu.source}"
        mfu = Estimate.exact(rate.number / sum(peaks), "1", Basis.MODELLED, source)
    return {"flops_per_s": rate, "mfu": mfu}


def _of_all(
    runs: list[Run], name: str, unit: str, how: Callable[[list[Estimate]], Estimate]
) -> Estimate:
    """A quantity of all ranks; absent when one has none."""
    figures = []
    for run in runs:
        figure = run.summary.get(name)
        if figure is None or not figure.known:
            why = "it has none" if figure is None else figure.source
            return Estimate.absent(unit, f"rank {run.settings['rank']['rank']}: {why}")
        figures.append(figure)
    return how(figures)


# -- the rest ------------------------------------------------------------------------------------


def _doubts(parts: list[Part]) -> list[Doubt]:
    """What each rank doubts: once where all of them do, else with the rank's number."""
    found: list[Doubt] = []
    for part in parts:
        for said in part.run.doubts:
            told = said
            if not all(said in other.run.doubts for other in parts):
                told = replace(said, message=f"rank {part.rank.rank}: {said.message}")
            if told not in found:
                found.append(told)
    return found


def _settings(parts: list[Part]) -> dict[str, Any]:
    """What the ranks' settings have in common, and what they have not, by part."""
    first = parts[0].run
    own = ("rank", "grid", "pue")
    shared = {
        key: value
        for key, value in first.settings.items()
        if key != "rank" and all(part.run.settings.get(key) == value for part in parts)
    }
    described = []
    for part in parts:
        settings = part.run.settings
        about: dict[str, Any] = {
            "id": part.run.id,
            "rank": part.rank.rank,
            "local_rank": part.rank.local_rank,
            "node": part.rank.node,
            "started_at": part.run.started_at,
            "duration_s": part.run.duration_s,
            "status": part.run.status,
            "devices": [device.id for device in part.run.devices],
            **{key: settings[key] for key in own if key != "rank" and key in settings},
        }
        unlike = {
            key: value for key, value in settings.items() if key not in own and key not in shared
        }
        if unlike:
            about["settings"] = unlike
        if part.run.environment != first.environment:
            about["environment"] = part.run.environment
        described.append(about)
    machines = len({part.rank.node for part in parts})
    ranks = {"world_size": parts[0].rank.world_size, "machines": machines}
    return {**shared, "ranks": ranks, "parts": described}


def _common(values: list[Any]) -> Any:
    return values[0] if all(value == values[0] for value in values) else None
