"""The figures of a run, and how they follow from each other."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from typing import Final

from ecoaudit.estimate import Basis, Estimate
from ecoaudit.explaining.base import Derivation, Figure, Method, found_in, parsed, plain, sum_of
from ecoaudit.explaining.data import figures_in, inside
from ecoaudit.explaining.methods import OF_RUNS, method_of
from ecoaudit.explaining.run_rules import (
    ADDED_OVER_SITES,
    CARBON,
    CARBON_WITH_PUE,
    HOST_PARTS,
    MEAN_OVER_SITES,
    OF_POINT,
    OF_RUN,
)
from ecoaudit.explaining.run_windows import OfWindows
from ecoaudit.measurement import MODULE
from ecoaudit.run import CurvePoint, Run

_CLOCK: Final = "monotonic clock"
_WHOLE, _STEADY = "whole_run", "steady"
_RULE: Final = (
    "from those of its inputs, taken as independent: sums in quadrature, products and quotients in"
    " quadrature on the log scale (ecoaudit.estimate); what one meter says of several windows, or"
    " one model of several sites, errs alike, and its ends are added"
)


class RunSheet:
    """A run's figures.

    Args:
        run: read from its file.
    """

    kind = "run"

    def __init__(self, run: Run):
        self._run = run
        self.title = run.name
        self.notes: tuple[str, ...] = ()
        if run.curve:
            self.notes = ("curve.LOAD.NAME is that of the steady part, else of the whole run",)
        self._figures = {figure.key: figure for figure in self._all()}
        self._windows = OfWindows(run, self._figures)

    def listed(self) -> Iterable[Figure]:
        """All of them."""
        return self._figures.values()

    def find(self, key: str) -> Figure:
        """The figure with this key; of a load without the kind of window the steady part's.

        Raises:
            NotFoundError: there is none.
        """
        for point in self._run.curve:
            at = f"curve.{point.load}."
            if key.startswith(at) and not key.startswith((f"{at}{_WHOLE}.", f"{at}{_STEADY}.")):
                key = f"{at}{_kind(point)}.{key.removeprefix(at)}"
                break
        return found_in(key, self._figures)

    def method(self, figure: Figure) -> Method:
        """What it is where no formula gives it."""
        return method_of(figure.name, figure.estimate, OF_RUNS)

    def interval(self, figure: Figure, derivation: Derivation | None) -> str:
        """Of a reading its source tells; else it is from the inputs."""
        if figure.estimate.low == figure.estimate.high:
            return "none: counted, or no doubt is stated"
        if derivation is None:
            return "as its source says"
        if figure.name in ("output_tokens_per_s", "requests_per_s"):
            return "by batch means of ten equal parts of the window, which are not kept"
        if figure.name == "modelled_energy_share":
            return "modelled parts too low with measured ones too high, and the reverse"
        if derivation.copies is not None:
            return "that of the same figure"
        return _RULE

    def ends(self, figure: Figure) -> tuple[float, float] | None:
        """Not drawn."""
        return None

    # -- all figures ---------------------------------------------------------------------------

    def _all(self) -> Iterator[Figure]:
        run = self._run
        for name, estimate in run.summary.items():
            yield Figure(name, estimate, "summary", name)
        for point in run.curve:
            for kind, figures in ((_STEADY, point.steady), (_WHOLE, point.whole_run)):
                at = f"curve.{point.load}.{kind}"
                for name, estimate in figures.items():
                    yield Figure(f"{at}.{name}", estimate, at, name)
        yield from self._of_windows()
        for name, data in (("settings", run.settings), ("scenario", run.scenario)):
            yield from figures_in(data, name, name)
        peak = run.settings.get("peak_flops")
        if isinstance(peak, float):
            source = "peak_flops as declared"
            yield Figure(
                "settings.peak_flops", plain(peak, "FLOP/s", Basis.DECLARED, source), "settings"
            )

    def _of_windows(self) -> Iterator[Figure]:
        seen: dict[str, int] = {}
        for window in self._run.windows:
            seen[window.path] = number = seen.get(window.path, 0) + 1
            at = f"windows.{window.path}" + (f"#{number}" if number > 1 else "")
            length = plain(window.duration_s, "s", Basis.MEASURED, _CLOCK)
            yield Figure(f"{at}.duration_s", length, "windows", "duration_s")
            for device in window.devices:
                yield Figure(f"{at}.{device.id}", device.energy_j, "windows", "energy_j")
                if device.by_power_j is not None:
                    key = f"{at}.{device.id}.by_power"
                    yield Figure(key, device.by_power_j, "windows", "energy_j")
            for name, estimate in window.quantities.items():
                yield Figure(f"{at}.{name}", estimate, "windows", name)
            for name, peak in (
                ("peak_host_memory_bytes", window.peak_host_memory_bytes),
                ("peak_gpu_memory_bytes", window.peak_gpu_memory_bytes),
            ):
                if peak is not None:
                    estimate = plain(peak, "bytes", Basis.MEASURED, "sampled in the window")
                    yield Figure(f"{at}.{name}", estimate, "windows", name)

    # -- formulas ------------------------------------------------------------------------------

    def derivation(self, figure: Figure) -> Derivation | None:
        """How a figure of the summary or of a load follows from others."""
        for point in self._run.curve:
            at = f"curve.{point.load}."
            if figure.key.startswith(at):
                kind = figure.key.removeprefix(at).partition(".")[0]
                return self._of_point(figure.name, point, kind)
        if figure.group != "summary":
            return None
        if self._run.load_of(figure.name) is not None:
            return self._of_summary_point(figure.name)
        return self._of_run(figure.name)

    def _of_summary_point(self, name: str) -> Derivation | None:
        """A figure of the load of which the summary speaks."""
        point = self._run.summary_point
        if point is None or name not in point.figures:
            return None
        kind = _kind(point)
        own = self._of_point(name, point, kind)
        key = f"curve.{point.load}.{kind}.{name}"
        return own or Derivation(name, {name: key})

    def _of_point(self, name: str, point: CurvePoint, kind: str) -> Derivation | None:
        figures = point.steady if kind == _STEADY else point.whole_run
        at = f"curve.{point.load}.{kind}"
        if name == "energy_j":
            parts = [part for part in HOST_PARTS if part in figures and figures[part].known]
            return self._host_energy(figures, at, parts)
        if name in HOST_PARTS:
            return self._windows.of_load(at, point, kind, HOST_PARTS[name])
        if name not in OF_POINT:
            return None
        names = {each: f"{at}.{each}" for each in figures}
        return self._by(OF_POINT[name], names | self._besides(figures, at))

    def _besides(self, figures: Mapping[str, Estimate], at: str) -> dict[str, str]:
        """Figures of the run that a load's rest on."""
        asked = "scenario.demand.requests_per_clinician"
        names = {
            "rest_power_w": "idle_power_w",
            "clinicians": "scenario.demand.clinicians",
            "requests_per_clinician": asked
            if asked in self._figures
            else "scenario.workload.requests_per_clinician",
            "used_fraction": "scenario.workload.used_fraction",
        }
        device = self._run.settings.get("serving_device")
        if device is not None:
            peak = "peak_host_memory_bytes" if device == "cpu" else "peak_gpu_memory_bytes"
            if peak in figures:
                names["served_peak_bytes"] = f"{at}.{peak}"
        return names

    def _host_energy(
        self, figures: Mapping[str, Estimate], at: str, parts: list[str]
    ) -> Derivation | None:
        """Boards, packages and memory; not of a module, which is read as one."""
        if not parts or any(device.boundary == MODULE for device in self._run.devices):
            return None
        inputs = {part: f"{at}.{part}" if at else part for part in parts}
        return Derivation(" + ".join(inputs), inputs)

    def _of_run(self, name: str) -> Derivation | None:
        """A figure of the whole run."""
        run = self._run
        sites = run.settings.get("sites")
        if isinstance(sites, list) and "ranks" not in run.settings:
            return self._of_sites(name, len(sites))
        if name == "energy_j":
            known = [part for part in HOST_PARTS if part in run.summary and run.summary[part].known]
            return self._host_energy(run.summary, "", known)
        if name == "gpu_energy_j" and "imported_from" in run.settings and run.curve:
            return self._of_loads(name)
        if name == "operational_kgco2e":
            return self._carbon()
        if name == "modelled_energy_share":
            return self._modelled_share()
        if name in OF_RUN:
            names = {each: each for each in run.summary} | {"peak_flops": "settings.peak_flops"}
            return self._by(OF_RUN[name], names)
        return self._windows.of_run(name)

    def _of_loads(self, name: str) -> Derivation | None:
        """What an import adds up over the loads."""
        keys = [f"curve.{point.load}.{_WHOLE}.{name}" for point in self._run.curve]
        return sum_of(keys) if all(self._knows(key) for key in keys) else None

    def _of_sites(self, name: str, count: int) -> Derivation | None:
        """What is summed over the sites of a federated training, or their mean."""
        keys = [f"settings.sites.{number}.{name}" for number in range(count)]
        if name in ADDED_OVER_SITES:
            there = [key for key in keys if self._knows(key)]
            return sum_of(there) if there else None
        noun = MEAN_OVER_SITES.get(name)
        if name == "modelled_energy_share":
            noun = "energy_j"
        if noun is None:
            return None
        amounts = [f"settings.sites.{number}.{noun}" for number in range(count)]
        if not all(self._knows(key) for key in (*keys, *amounts)):
            return None
        each = {f"of_{n}": key for n, key in enumerate(keys)}
        of = {f"{noun}_{n}": key for n, key in enumerate(amounts)}
        whole = " + ".join(f"{a} * {b}" for a, b in zip(each, of, strict=True))
        return Derivation(f"({whole}) / ({' + '.join(of)})", each | of)

    def _carbon(self) -> Derivation | None:
        """Of a run in one place: that of ranks in several is not told apart."""
        settings = self._run.settings
        parts = settings.get("parts")
        places = [
            (inside(part, "grid"), inside(part, "pue"))
            for part in (parts if isinstance(parts, list) and "ranks" in settings else [])
        ]
        if any(place != (settings.get("grid"), settings.get("pue")) for place in places):
            return None
        pues = [key for key in ("settings.pue", "scenario.site.pue") if key in self._figures]
        names = {"energy_j": "energy_j", "grid_g_per_kwh": "settings.grid.intensity"}
        if not pues:
            return self._by(CARBON, names)
        return self._by(CARBON_WITH_PUE, names | {"pue": pues[0]})  # older files: the scenario's

    def _modelled_share(self) -> Derivation | None:
        """Of parts that are modelled as a whole: a part of several devices may be so in part."""
        run, modelled = self._run, []
        for name, boundary in HOST_PARTS.items():
            part = run.summary.get(name)
            if part is None or not part.known or part.basis is Basis.MEASURED:
                continue
            devices = [each for each in run.devices if each.boundary == boundary]
            if len(devices) != 1 and any(each.basis is Basis.MEASURED for each in devices):
                return None
            modelled.append(name)
        if not modelled or any(each.boundary == MODULE for each in run.devices):
            return None
        formula = f"({' + '.join(modelled)}) / energy_j"
        return self._by(formula, {name: name for name in (*modelled, "energy_j")})

    def _by(self, formula: str, names: Mapping[str, str]) -> Derivation | None:
        """A formula, where each of its names is a figure that is known."""
        wanted = parsed(formula).names
        inputs = {name: names[name] for name in wanted if name in names}
        if len(inputs) < len(wanted) or not all(map(self._knows, inputs.values())):
            return None
        return Derivation(formula, inputs)

    def _knows(self, key: str) -> bool:
        figure = self._figures.get(key)
        return figure is not None and figure.estimate.known


def _kind(point: CurvePoint) -> str:
    """The kind of window whose figures a load is shown with."""
    return _STEADY if point.steady else _WHOLE
