"""Figures of a run that follow from the energies of its windows, device by device."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Final

from ecoaudit.explaining.base import Derivation, Figure, word_for
from ecoaudit.measurement import HOST_PARTS, DeviceEnergy, Measurement
from ecoaudit.run import CurvePoint, Run

_STEPS: Final = "steps"
_RATES: Final = {"tokens_per_s": "tokens", "samples_per_s": "samples"}
_PER: Final = {"energy_per_step_j": "steps", "energy_per_token_j": "tokens"}
_COUNTED: Final = ("steps", "tokens", "samples")


class OfWindows:
    """What windows give.

    Args:
        run: with its windows.
        figures: of the run, by key.
    """

    def __init__(self, run: Run, figures: Mapping[str, Figure]):
        self._run = run
        self._figures = figures
        seen: dict[str, int] = {}
        self._keyed: list[tuple[str, Measurement]] = []
        for window in run.windows:
            seen[window.path] = number = seen.get(window.path, 0) + 1
            at = f"windows.{window.path}" + (f"#{number}" if number > 1 else "")
            self._keyed.append((at, window))

    def of_load(self, at: str, point: CurvePoint, kind: str, boundary: str) -> Derivation | None:
        """The energy of a load at one boundary, where all boards are the server's."""
        if f"{at}.unused_gpu_energy_j" in self._figures or point.level is None:
            return None
        names = {f"level-{point.level}"} | {
            window.path
            for window in self._run.windows
            if window.path.startswith(f"level-{point.level}-time-") and "/" not in window.path
        }
        wanted = names if kind == "whole_run" else {f"{name}/steady" for name in names}
        windows = [(key, window) for key, window in self._keyed if window.path in wanted]
        if len(windows) != 1:  # of several times that it was driven some may have no answer
            return None
        key, window = windows[0]
        inputs: dict[str, str] = {}
        for device in window.devices:
            if device.boundary == boundary:
                inputs[word_for(device.id, inputs)] = f"{key}.{device.id}"
        return self._sum(inputs)

    def of_run(self, name: str) -> Derivation | None:
        """A figure of the whole run."""
        if name == "idle_power_w":
            return self._idle_power()
        if name == "net_energy_j":
            return self._net_energy()
        ranks = "ranks" in self._run.settings
        if name in _COUNTED:
            merged = ranks and name == _STEPS  # every rank takes part in every step
            return None if merged else self._counted(name)
        if name in _PER and not ranks:
            return self._per(_PER[name])
        if name in _RATES and not ranks:
            return self._rate(_RATES[name])
        return None

    def _idle_power(self) -> Derivation | None:
        """Of a bench the loaded engine's rest; of a command a rest that settled as a whole."""
        power = self._run.summary["idle_power_w"]
        if self._run.curve and not any(w.path == "first_request" for _, w in self._keyed):
            return None  # files from before that window divide by the length that was asked for
        for name in ("idle_loaded", "idle", "idle_after"):
            said = power.source.partition(")")[0]
            settled = said.startswith(f"window {name} (") and "the last" not in said
            whole = settled or power.source.startswith(f"window {name},")
            found = [(key, w) for key, w in self._keyed if w.path == name]
            if whole and len(found) == 1:
                return self._power(*found[0])
        return None

    def _power(self, key: str, window: Measurement) -> Derivation | None:
        inputs = self._host(key, window)
        length = f"{key}.duration_s"
        whole = self._sum(inputs)
        if whole is None or not window.duration_s:
            return None
        formula = f"{_grouped(whole)} / duration_s"
        return Derivation(formula, {**inputs, "duration_s": length})

    def _net_energy(self) -> Derivation | None:
        """The command's energy less that of a rest as long."""
        found = [(key, w) for key, w in self._keyed if w.path == "command"]
        if len(found) != 1 or not self._known("idle_power_w"):
            return None
        key, window = found[0]
        inputs = self._host(key, window)
        if self._sum(inputs) is None:
            return None
        formula = f"{' + '.join(inputs)} - idle_power_w * duration_s"
        inputs |= {"idle_power_w": "idle_power_w", "duration_s": f"{key}.duration_s"}
        return Derivation(formula, inputs)

    # -- loops of steps ------------------------------------------------------------------------

    @property
    def _loops(self) -> list[tuple[str, Measurement]]:
        """Windows of steps after the warm-up."""
        return [(k, w) for k, w in self._keyed if w.name == _STEPS and _STEPS in w.quantities]

    def _counted(self, noun: str) -> Derivation | None:
        inputs: dict[str, str] = {}
        for key, window in self._loops:
            if noun in window.quantities:
                inputs[f"{noun}_{len(inputs) + 1}"] = f"{key}.{noun}"
        return self._sum(inputs)

    def _per(self, noun: str) -> Derivation | None:
        inputs: dict[str, str] = {}
        for key, window in self._loops:
            inputs |= self._host(key, window, inputs)
        whole = self._sum(inputs)
        if whole is None or not self._known(noun):
            return None
        return Derivation(f"{_grouped(whole)} / {noun}", {**inputs, noun: noun})

    def _rate(self, noun: str) -> Derivation | None:
        inputs = {f"s_{n}": f"{key}.duration_s" for n, (key, _) in enumerate(self._loops, start=1)}
        whole = self._sum(inputs)
        if whole is None or not self._known(noun):
            return None
        return Derivation(f"{noun} / {_grouped(whole)}", {noun: noun, **inputs})

    # -- the rest ------------------------------------------------------------------------------

    def _host(self, key: str, window: Measurement, taken: Iterable[str] = ()) -> dict[str, str]:
        """The devices of the host in a window, by names of their own."""
        inputs: dict[str, str] = {}
        for device in _of_host(window):
            word = word_for(device.id, {*inputs, *taken, "duration_s", "idle_power_w"})
            inputs[word] = f"{key}.{device.id}"
        return inputs

    def _sum(self, inputs: dict[str, str]) -> Derivation | None:
        """The sum of figures, where all of them are known."""
        if not inputs or not all(map(self._known, inputs.values())):
            return None
        return Derivation(" + ".join(inputs), inputs)

    def _known(self, key: str) -> bool:
        figure = self._figures.get(key)
        return figure is not None and figure.estimate.known


def _of_host(window: Measurement) -> list[DeviceEnergy]:
    return [device for device in window.devices if device.boundary in HOST_PARTS]


def _grouped(whole: Derivation) -> str:
    """A sum as a part of a quotient."""
    return f"({whole.formula})" if len(whole.inputs) > 1 else whole.formula
