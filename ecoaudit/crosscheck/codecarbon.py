"""codecarbon as a peer: its offline tracker with its defaults, for the whole machine.

It opens no connection and writes no file. When it starts it runs ``nvidia-smi``, ``lscpu`` and
other tools of the system to find the hardware. Read in codecarbon 3.3.2:
``core/resource_tracker.py``, ``external/hardware.py``, ``core/gpu_device.py``.
"""

from __future__ import annotations

import shutil
from collections.abc import Sequence
from contextlib import suppress
from typing import Any

from ecoaudit.crosscheck.base import (
    COUNTER,
    HOST,
    LOAD,
    NONE,
    POWER,
    RAM_RULE,
    RAPL,
    SUM,
    UNKNOWN,
    PeerFigure,
)
from ecoaudit.crosscheck.serving import serve
from ecoaudit.errors import MeterError
from ecoaudit.measurement import BOARD, DRAM, PACKAGE
from ecoaudit.units import J_PER_KWH


class CodecarbonPeer:
    """The tracker, with its hardware already found (that takes 1.5 s).

    Args:
        country: ISO 3166-1 alpha-3 code; its energy does not depend on it.
    """

    def __init__(self, country: str | None):
        import codecarbon

        # What its end would import otherwise, 80 ms, while the recorder still measures.
        with suppress(ImportError):
            import codecarbon.core.emissions
            import codecarbon.external.geography

        self.version: str = codecarbon.__version__
        # Each setting that changes energy or output is given, so that no configuration file does.
        self._tracker = codecarbon.OfflineEmissionsTracker(
            country_iso_code=country,
            tracking_mode="machine",
            measure_power_secs=15,
            output_methods=[],
            output_handlers=[],
            emissions_endpoint=None,
            allow_multiple_runs=True,
            log_level="critical",
            gpu_ids=None,
            force_cpu_power=None,
            force_ram_power=None,
            force_mode_cpu_load=False,
            rapl_include_dram=False,
            rapl_prefer_psys=False,
            pue=1.0,
            wue=0.0,
        )
        self._tracker.get_detected_hardware()

    def begin(self) -> None:
        self._tracker.start()

    def end(self) -> Sequence[PeerFigure]:
        self._tracker.stop()
        data = getattr(self._tracker, "final_emissions_data", None)
        if data is None:  # it suppresses its own exceptions
            raise MeterError("it measured nothing and says no reason")
        parts = {type(hardware).__name__: hardware for hardware in self._tracker._hardware}
        return [
            _board(parts.get("GPU"), data.gpu_energy * J_PER_KWH),
            _package(parts.get("CPU"), data.cpu_energy * J_PER_KWH),
            _dram(parts.get("RAM"), data.ram_energy * J_PER_KWH),
            PeerFigure(
                HOST, data.energy_consumed * J_PER_KWH, SUM, "the sum of what it has figures for"
            ),
        ]


_OTHER = "a way that ecoaudit does not know"


def _board(gpus: Any, energy_j: float) -> PeerFigure:
    if gpus is None and energy_j:
        return PeerFigure(BOARD, energy_j, UNKNOWN, _OTHER)
    if gpus is None:
        no_tool = shutil.which("nvidia-smi") is None
        why = "it finds GPUs only where nvidia-smi is on PATH" if no_tool else "it finds no GPU"
        return PeerFigure(BOARD, None, NONE, why)
    read = [device for device in gpus.devices.devices if device.gpu_index in gpus._get_gpu_ids()]
    if any(getattr(device, "_use_power_fallback", False) for device in read):
        return PeerFigure(BOARD, energy_j, POWER, "the mean of power read once a second", len(read))
    return PeerFigure(BOARD, energy_j, COUNTER, "the energy counter at the edges", len(read))


def _package(cpu: Any, energy_j: float) -> PeerFigure:
    if cpu is None and energy_j:
        return PeerFigure(PACKAGE, energy_j, UNKNOWN, _OTHER)
    if cpu is None:
        return PeerFigure(PACKAGE, None, NONE, "it finds no CPU that it knows")
    if cpu._mode == "intel_rapl":
        return PeerFigure(PACKAGE, energy_j, RAPL, "the CPU's own counters, read every 15 s")
    if cpu._mode == "cpu_load":
        how = f"{cpu._tdp:g} W x (0.1 + 0.9 x load^3), where load is that of the whole machine"
        return PeerFigure(PACKAGE, energy_j, LOAD, how, power_w=float(cpu._tdp))
    return PeerFigure(PACKAGE, energy_j, UNKNOWN, f"its mode {cpu._mode!r}")


def _dram(ram: Any, energy_j: float) -> PeerFigure:
    if ram is None and energy_j:
        return PeerFigure(DRAM, energy_j, UNKNOWN, _OTHER)
    if ram is None:
        return PeerFigure(DRAM, None, NONE, "it has no model of this memory")
    power_w = ram.total_power().W
    how = f"{power_w:g} W for the modules that the memory's size suggests, whatever runs"
    return PeerFigure(DRAM, energy_j, RAM_RULE, how, power_w=power_w)


if __name__ == "__main__":
    serve(CodecarbonPeer)
