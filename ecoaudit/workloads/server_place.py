"""Where the server runs, and so which of the meters' figures hold it.

A CPU without a sensor is modelled from the time that ecoaudit and what it started have used it. A
server that somebody else has started is none of these: such a figure is the client's alone. What is
read of whole parts of the machine (boards, RAPL, memory by its modules, the wall) holds whatever
runs there.
"""

from __future__ import annotations

import contextlib
from dataclasses import replace
from enum import StrEnum
from typing import Final
from urllib.parse import urlsplit

import psutil

from ecoaudit.engines.base import EngineFacts
from ecoaudit.estimate import Estimate
from ecoaudit.measurement import DeviceEnergy, Measurement

OF_OUR_PROCESSES: Final = "modelled-cpu"  # a method; see ecoaudit.meters.modelled
_NOT_OURS: Final = (
    "the CPU is modelled from the processes of ecoaudit, and the server that it was attached to is"
    " none of them"
)
_NOT_HERE: Final = "the server is another machine, and the meters here see the client alone"


class ServerPlace(StrEnum):
    """Where the server runs."""

    OURS = "a process of ecoaudit's tree"
    BESIDE = "another process of this machine"
    ELSEWHERE = "another machine"


def place_of(facts: EngineFacts, owned: bool) -> ServerPlace:
    """Where a server runs.

    Args:
        facts: of its engine.
        owned: whether ecoaudit has started it.
    """
    if owned:
        return ServerPlace.OURS
    if not facts.local:
        return ServerPlace.ELSEWHERE
    parts = urlsplit(facts.url)
    port = parts.port or (443 if parts.scheme == "https" else 80)
    return ServerPlace.OURS if _we_listen_at(port) else ServerPlace.BESIDE


def _we_listen_at(port: int) -> bool:
    """Whether this process or one that it has started listens there, as where a program starts a
    server by itself and then benches it."""
    this = psutil.Process()
    for process in (this, *this.children(recursive=True)):
        with contextlib.suppress(psutil.Error):  # it has just ended, or is another user's
            for found in process.net_connections("tcp"):
                if found.status == psutil.CONN_LISTEN and found.laddr.port == port:
                    return True
    return False


def holding_server(seen: Measurement, place: ServerPlace) -> Measurement:
    """A window with the figures that do not hold the server taken out, each with the reason.

    Memory is that of ecoaudit's processes, or of boards here: it goes with them.
    """
    if place is ServerPlace.OURS:
        return seen
    if place is ServerPlace.BESIDE:
        devices = [
            _without(device, _NOT_OURS) if device.method.startswith(OF_OUR_PROCESSES) else device
            for device in seen.devices
        ]
        return replace(seen, devices=devices, peak_host_memory_bytes=None)
    return replace(
        seen,
        devices=[_without(device, _NOT_HERE) for device in seen.devices],
        peak_host_memory_bytes=None,
        peak_gpu_memory_bytes=None,
    )


def _without(device: DeviceEnergy, why: str) -> DeviceEnergy:
    return replace(device, energy_j=Estimate.absent("J", why), by_power_j=None)
