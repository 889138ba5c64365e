"""The electricity of measured runs, as an account takes it."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Final

from ecoaudit.errors import UsageError
from ecoaudit.estimate import Estimate
from ecoaudit.run import Run, load_run

# Names of a run's energies, the one that covers most first, and what each covers.
_BOUNDARIES: Final = (("wall_energy_j", "at the plug"), ("energy_j", "chips and memory"))


@dataclass(frozen=True, slots=True)
class RunEnergy:
    """What a run used.

    Attributes:
        energy_j: [J].
        whole: whether it is that of the whole computer, read at the plug.
        ids: of the run, and of those that were merged into it.
        zones: of the grids that it was recorded at; empty: it states none.
    """

    energy_j: Estimate
    whole: bool
    ids: frozenset[str] = frozenset()
    zones: frozenset[str] = frozenset()


def run_energy(run: Run) -> RunEnergy:
    """What a run used: at the plug where that was read, else its chips and memory.

    Raises:
        UsageError: it holds no energy.
    """
    for name, what in _BOUNDARIES:
        found = run.summary.get(name)
        if found is not None and found.known:
            energy = found.sourced(f"run {run.id}, {what}: {found.source}")
            whole = name == _BOUNDARIES[0][0]
            return RunEnergy(energy, whole, *_identity(run))
    raise UsageError(f"run {run.id} holds no energy; measure it again where a meter can be read")


def _identity(run: Run) -> tuple[frozenset[str], frozenset[str]]:
    """Ids of a run and its parts, and the zones of their grids."""
    parts = [run.settings]
    for key in ("sites", "parts"):
        parts += [each for each in run.settings.get(key) or [] if isinstance(each, dict)]
    ids = {run.id, *(str(part["id"]) for part in parts if "id" in part)}
    grids = [part["grid"] for part in parts if isinstance(part.get("grid"), dict)]
    zones = {str(grid["zone"]) for grid in grids if not grid.get("fallback")}
    return frozenset(ids), frozenset(zones)


@dataclass(frozen=True, slots=True)
class RunFiles:
    """Energies of measured runs by path.

    Attributes:
        beside: folder of the file that names them; a path is taken from there, else as it stands.
    """

    beside: Path

    def energy(self, name: str) -> RunEnergy:
        """That of a run file.

        Raises:
            UsageError: it holds no energy.
            FileFormatError: it cannot be read, or is no run.
        """
        path = self.beside / name
        return run_energy(load_run(path if path.exists() else Path(name)))
