"""Devices of a plan that were calibrated: which runs tell of them, and what is said of each."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

from ecoaudit.factors.hardware import Device
from ecoaudit.run import Run
from ecoaudit.sizing.calibration import Calibration, calibrations


@dataclass(frozen=True, slots=True)
class Calibrated:
    """What the calibrations among the runs of a plan say.

    Attributes:
        by_name: calibrated devices.
        failed: why no constants could be made of a run, by its id.
    """

    by_name: Mapping[str, Calibration]
    failed: Mapping[str, str]

    @property
    def computers(self) -> dict[str, Device]:
        """Those that no table has, made of their runs, by name."""
        return {name: each.device for name, each in self.by_name.items() if each.made}

    def of(self, wanted: Iterable[Device]) -> list[Device]:
        """The same devices, those that were calibrated with their own constants."""
        found = self.by_name
        return [found[each.name].device if each.name in found else each for each in wanted]

    def told(self, columns: Sequence[Device]) -> dict[str, dict[str, str | bool]]:
        """What the list of a plan's runs says of each, by its id.

        Args:
            columns: the devices that are weighed.
        """
        names = {device.name for device in columns}
        found: dict[str, dict[str, str | bool]] = {
            run: {"used": False, "why": f"it is a calibration: {why}"}
            for run, why in self.failed.items()
        }
        for name, each in self.by_name.items():
            for run in each.runs:
                used = name in names
                why = "" if used else f"it calibrates {name}, which this plan does not weigh"
                found[run] = {"used": used, "calibrates": name, "why": why}
        return found


def calibrated_by(runs: Iterable[Run], own: Mapping[str, Device]) -> Calibrated:
    """What the calibrations among some runs say.

    Args:
        runs: any.
        own: devices that the scenario describes, by name.
    """
    return Calibrated(*calibrations(runs, own))
