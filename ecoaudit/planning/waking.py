"""What it takes to answer from sleep: typed, or measured as a run loaded its model, else absent."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from ecoaudit.estimate import Basis, Estimate
from ecoaudit.measurement import HOST_PARTS, WALL

if TYPE_CHECKING:
    from ecoaudit.run import Run
    from ecoaudit.scenario import Host


@dataclass(frozen=True, slots=True)
class Wake:
    """What it takes to answer from sleep; absent where nobody measured or typed it.

    Attributes:
        time_s: until the model answers [s].
        energy_j: of that [J].
        notes: what is not in it.
    """

    time_s: Estimate
    energy_j: Estimate
    notes: tuple[str, ...] = ()


def wake_of(host: Host, run: Run | None = None) -> Wake:
    """How the computer wakes: as the profile says, else as a run loaded the model, else absent.

    Args:
        host: with its typed figures, which hold the whole way from sleep to the first answer.
        run: its window ``model_load`` holds the engine's start, not that of the computer.
    """
    if host.wake_time is not None and host.wake_energy is not None:
        return Wake(host.wake_time, host.wake_energy)
    window = None
    if run is not None:
        window = next((each for each in run.windows if each.name == "model_load"), None)
    if run is None or window is None:
        why = "nobody measured or typed how long it takes to wake: host.wake_time, wake_energy"
        return Wake(Estimate.absent("s", why), Estimate.absent("J", why))
    source = f"run {run.id}, window model_load"
    length = Estimate.exact(window.duration_s, "s", Basis.MEASURED, source)
    notes = ["the start of the computer itself is not in the time to wake"]
    parts = [each.energy_j for each in window.devices if each.boundary == WALL]
    if not parts:
        parts = [each.energy_j for each in window.devices if each.boundary in HOST_PARTS]
        notes.append("the energy to wake is that of the boards and packages, not at the plug")
    energy = Estimate.absent("J", f"{source}: no energy was read")
    if parts:
        energy = parts[0]
        for part in parts[1:]:
            energy = energy + part
        energy = energy.sourced(source)
    return Wake(length, energy, tuple(notes))
