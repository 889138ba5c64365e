"""One site's run in a federated training: what it adds to the whole, and that without text.

Carried are numbers, the run's id, the labels that the user gave windows and a training run, the
names and ids that makers give devices, how those were read, and the grid's zone. Whatever else a
run file holds in words (its environment, settings and scenario, the sources of its figures, the
messages of its doubts, plugs' names and addresses) stays at the site; the words of the whole are
written anew, from closed lists.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from dataclasses import asdict, dataclass, field, replace
from datetime import UTC, datetime
from typing import Any

from ecoaudit.checks import CHECKS
from ecoaudit.errors import UsageError
from ecoaudit.estimate import Basis, Estimate, total
from ecoaudit.factors.grid import GridFactor, operational_kgco2e
from ecoaudit.job import ADDED, MOVED, STEPS
from ecoaudit.measurement import (
    BOARD,
    DRAM,
    HOST_PARTS,
    PACKAGE,
    WALL,
    Device,
    DeviceEnergy,
    Measurement,
)
from ecoaudit.recording import energies_over, energy_within
from ecoaudit.run import Run, RunKind
from ecoaudit.uniting import grid_of, pue_of

MARKED = {"round": "rounds", "waiting": "waiting"}  # a window's name -> what its figures begin with
BOUNDARIES = {"gpu_energy_j": BOARD, "cpu_energy_j": PACKAGE, "dram_energy_j": DRAM}
_PER = ("energy_per_step_j", "energy_per_token_j")
_DECLARED = "declared by the site"
_COUNTED = {Basis.MEASURED: "counted", Basis.DECLARED: "as declared per step x steps counted"}
_UNIQUE = re.compile(r"(GPU|MIG)-[0-9a-f]{8}")  # how the ids begin that no two boards share


@dataclass(frozen=True, slots=True)
class Site:
    """The run of one site.

    Attributes:
        run: what it recorded.
        start: when that began, by the site's own clock, in UTC.
        places: each grid with its PUE; several where the ranks of a job stood in several places.
        after_s: how long after the first site's start [s].
        figures: what the run adds, by name; see :meth:`of`.
    """

    run: Run
    start: datetime
    places: list[tuple[GridFactor | None, Estimate | None]]
    after_s: float = 0.0
    figures: dict[str, Estimate] = field(default_factory=dict)

    @classmethod
    def of(cls, run: Run) -> Site:
        """The site of a run, with its figures.

        Figures are those of the run's summary that a site adds to a federation, ``rounds``, and
        ``rounds_s``, ``rounds_energy_j``, ``waiting_s`` and ``waiting_energy_j`` of the windows
        with these names, and ``bytes_moved`` of all windows. What the run marked no window for is
        not there.

        Raises:
            UsageError: it is the run of one rank, of inference, or itself a federation, or its file
                was edited.
        """
        _refuse(run)
        site = cls(run, _start_of(run), [_place(stated, run.id) for stated in stated_by(run)])
        return replace(site, figures=dict(site._figures()))

    @property
    def id(self) -> str:
        return self.run.id

    @property
    def started_at(self) -> str:
        return self.start.isoformat(timespec="milliseconds")

    @property
    def end_s(self) -> float:
        """End of the run after the first site's start [s]."""
        return self.after_s + self.run.duration_s

    @property
    def has_grid(self) -> bool:
        """Whether the site said where it stands."""
        return all(grid is not None and not grid.fallback for grid, _ in self.places)

    @property
    def boards(self) -> list[str]:
        """Ids of the boards that no other machine can have."""
        return [device.id for device in self.run.devices if _UNIQUE.match(device.id)]

    def devices(self) -> list[Device]:
        """Each device under the site's id."""
        keys = self._keys()
        return [
            replace(
                device,
                id=keys[device.id],
                name="meter at the plug" if device.boundary == WALL else device.name,
                source=device.method,
                details={},
            )
            for device in self.run.devices
        ]

    def windows(self) -> list[Measurement]:
        """Each window under the site's id, from the first site's start on."""
        keys = self._keys()
        return [
            replace(
                window,
                path=f"{self.id}/{window.path}",
                start_s=self.after_s + window.start_s,
                devices=[self._energy(device, keys) for device in window.devices],
                quantities={
                    name: self._counted(name, window.quantities[name])
                    for name in (STEPS, *ADDED, MOVED)
                    if name in window.quantities
                },
                doubts=[code for code in window.doubts if code in CHECKS],
            )
            for window in self.run.windows
        ]

    def facility_energy(self) -> Estimate:
        """Energy with the facility's overhead, where the site stands in one place [J]."""
        energy, (_, pue) = self.figures["energy_j"], self.places[0]
        return energy if pue is None else energy.times(pue, "J")

    def entry(self) -> dict[str, Any]:
        """What the federation's file says of the site."""
        run = self.run
        about: dict[str, Any] = {"id": run.id}
        if run.kind is RunKind.TRAINING or run.name != run.settings.get("command"):
            about["name"] = run.name
        about |= {
            "kind": run.kind,
            "status": run.status,
            "started_at": self.started_at,
            "duration_s": run.duration_s,
            "devices": [device.id for device in self.devices()],
        }
        described = [
            {"grid": grid and asdict(grid), "pue": pue and asdict(pue)} for grid, pue in self.places
        ]
        about |= described[0] if len(described) == 1 else {"places": described}
        return {**about, **{name: asdict(figure) for name, figure in self.figures.items()}}

    # -- figures ---------------------------------------------------------------------------------

    def _figures(self) -> Iterator[tuple[str, Estimate]]:
        summary, devices = self.run.summary, self.run.devices
        yield "energy_j", self._carried(summary.get("energy_j"), "J", self._methods(*HOST_PARTS))
        for name, boundary in (*BOUNDARIES.items(), ("wall_energy_j", WALL)):
            if any(device.boundary == boundary for device in devices):
                yield name, self._carried(summary.get(name), "J", self._methods(boundary))
        share = "energy of what is modelled over that of the host"
        yield (
            "modelled_energy_share",
            self._carried(summary.get("modelled_energy_share"), "", share),
        )
        yield "operational_kgco2e", self._carbon()
        for name in (STEPS, *ADDED):
            if name in summary:
                yield name, self._counted(name, summary[name])
        for name in _PER:
            if name in summary:
                unit = "J/step" if name == _PER[0] else "J/token"
                yield name, self._carried(summary[name], unit, self._methods(*HOST_PARTS))
        for window, name in MARKED.items():
            yield from self._marked(window, name)
        moved = [w.quantities[MOVED] for w in self.run.windows if MOVED in w.quantities]
        if moved:
            yield MOVED, self._counted(MOVED, total(moved, "bytes"))

    def _marked(self, name: str, figures: str) -> Iterator[tuple[str, Estimate]]:
        """Number, time and energy of the windows with a name that lie in no other of that name."""
        windows = [
            window
            for window in self.run.windows
            if window.name == name and name not in window.path.removesuffix(name).split("/")
        ]
        if not windows:
            return
        source = f"windows named {name}"
        if name == "round":
            yield "rounds", Estimate.exact(float(len(windows)), "rounds", Basis.MEASURED, source)
        length_s, overlap = _covered(windows)
        yield f"{figures}_s", Estimate.exact(length_s, "s", Basis.MEASURED, source)
        energy = energy_within(energies_over(windows), None)
        carried = self._carried(energy, "J", self._methods(*HOST_PARTS))
        if overlap and "ranks" not in self.run.settings:  # ranks begin and end a little apart
            why = f"site {self.id}: its windows named {name} overlap in time"
            carried = Estimate.absent("J", why)
        yield f"{figures}_energy_j", carried

    def _carbon(self) -> Estimate:
        grid, pue = self.places[0]
        if grid is None or not self.has_grid:
            why = f"site {self.id} stated no grid; give its recorder country=... or site=..."
            return Estimate.absent("kgCO2e", why)
        if len(self.places) > 1:  # the merge of the ranks reckoned each at its own
            source = f"{self._methods(*HOST_PARTS)}; the grid of each rank"
            return self._carried(self.run.summary.get("operational_kgco2e"), "kgCO2e", source)
        energy = self._carried(self.run.summary.get("energy_j"), "J", self._methods(*HOST_PARTS))
        return operational_kgco2e(energy, grid, pue)

    def _carried(self, figure: Estimate | None, unit: str, source: str) -> Estimate:
        """A figure with another source; why there is none, the site's own file says."""
        if figure is None or not figure.known:
            return Estimate.absent(unit, f"site {self.id}: its run has no such figure and says why")
        return figure.sourced(source)

    def _counted(self, name: str, figure: Estimate) -> Estimate:
        return self._carried(
            figure, figure.unit, _COUNTED.get(figure.basis, "modelled by the site")
        )

    def _methods(self, *boundaries: str) -> str:
        found = {device.method for device in self.run.devices if device.boundary in boundaries}
        return "; ".join(sorted(found))

    def _keys(self) -> dict[str, str]:
        """Each device's id in the federation; a plug's own id may be its name or its address."""
        keys, plugs = {}, 0
        for device in self.run.devices:
            own = device.id
            if device.boundary == WALL:
                own, plugs = f"wall-{plugs}", plugs + 1
            keys[device.id] = f"{self.id}/{own}"
        return keys

    def _energy(self, device: DeviceEnergy, keys: Mapping[str, str]) -> DeviceEnergy:
        energy = self._carried(device.energy_j, "J", device.method)
        return replace(device, id=keys[device.id], energy_j=energy, by_power_j=None)


def stated_by(run: Run) -> list[Mapping[str, Any]]:
    """Where a run says its grid and PUE: its settings, or those of each rank of a merged job.

    Of ranks that stood in one place there is one.
    """
    parts = parts_of(run)
    found: list[Mapping[str, Any]] = []
    for stated in parts or [run.settings]:
        place = {key: stated[key] for key in ("grid", "pue") if key in stated}
        if place not in found:
            found.append(place)
    return found


def parts_of(run: Run) -> list[Mapping[str, Any]]:
    """What the run of a merged job says of its ranks' runs; empty for any other run."""
    return _records(run, "parts") if "ranks" in run.settings else []


def _place(stated: Mapping[str, Any], run_id: str) -> tuple[GridFactor | None, Estimate | None]:
    """Grid and PUE; what a site's own profile says of where they are from is not carried."""
    grid, pue = grid_of(stated, run_id), pue_of(stated, run_id)
    if grid is not None and grid.intensity.basis is Basis.DECLARED:
        intensity = grid.intensity.sourced(_DECLARED)
        grid = replace(grid, intensity=intensity, source=_DECLARED)
    return grid, None if pue is None else pue.sourced(_DECLARED)


def _refuse(run: Run) -> None:
    if run.kind is RunKind.INFERENCE:
        raise UsageError(f"run {run.id} is of inference; sites are merged from their training")
    rank = run.settings.get("rank")
    if isinstance(rank, dict) and "world_size" in rank:
        raise UsageError(
            f"run {run.id} is of rank {rank.get('rank')} of a job of {rank['world_size']}; merge"
            " the ranks first (`ecoaudit runs merge` without --sites), and give what that writes"
        )
    if _records(run, "sites"):
        raise UsageError(
            f"run {run.id} is itself a merge of sites; give the runs of its sites instead, so that"
            " each counts once"
        )
    listed = {device.id for device in run.devices}
    for window in run.windows:
        for device in window.devices:
            if device.id not in listed:
                raise UsageError(
                    f"run {run.id}: window {window.path!r} has a device {device.id!r} that is not"
                    " among the run's devices; take the file as ecoaudit wrote it"
                )


def _records(run: Run, key: str) -> list[Mapping[str, Any]]:
    """What a merge wrote into the settings; empty where the user's own settings use the word."""
    found = run.settings.get(key)
    whole = isinstance(found, list) and all(isinstance(r, dict) and "id" in r for r in found)
    return found if isinstance(found, list) and whole else []


def _start_of(run: Run) -> datetime:
    try:
        start = datetime.fromisoformat(run.started_at)
    except ValueError:
        start = None
    if start is None or start.tzinfo is None:
        raise UsageError(
            f"run {run.id}: started_at: expected a time with its zone, got {run.started_at!r};"
            " take the file as ecoaudit wrote it"
        )
    return start.astimezone(UTC)


def _covered(windows: list[Measurement]) -> tuple[float, bool]:
    """Time that lies in any of the windows [s], and whether some of it lies in two."""
    covered_s, end_s, overlap = 0.0, float("-inf"), False
    for window in sorted(windows, key=lambda window: (window.start_s, window.duration_s)):
        until_s = window.start_s + window.duration_s
        overlap = overlap or window.start_s < end_s - 1e-6  # rounding of the two
        covered_s += max(0.0, until_s - max(window.start_s, end_s))
        end_s = max(end_s, until_s)
    return covered_s, overlap
