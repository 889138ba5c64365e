"""The meters of this machine: sensors where there are any, models where there are none.

Environment variables: ``ECOAUDIT_REPLAY`` names a trace that stands in for all meters;
``ECOAUDIT_POWERCAP`` says where a container finds the host's powercap folder;
``ECOAUDIT_CPU_TDP_W`` gives the rated power of the CPU to its model;
``CUDA_VISIBLE_DEVICES`` selects GPUs.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Sequence
from importlib import import_module

from ecoaudit.checks import doubt
from ecoaudit.errors import MeterUnavailableError, UsageError, did_you_mean
from ecoaudit.measurement import DRAM, PACKAGE, Device
from ecoaudit.meters.base import Meter, Probe
from ecoaudit.meters.modelled import TDP_VARIABLE, ModelledCpu, ModelledRam
from ecoaudit.meters.nvidia import NoGpuError, NvidiaMeter
from ecoaudit.meters.rapl import RaplMeter
from ecoaudit.meters.replay import VARIABLE as REPLAY_VARIABLE
from ecoaudit.meters.replay import ReplayMeter
from ecoaudit.process_tree import ProcessTree
from ecoaudit.run import Doubt

# Registry name -> how it is opened. A new meter is one line here and a place in open_meters().
METERS: dict[str, Callable[[ProcessTree], Meter]] = {
    "nvidia": lambda _: NvidiaMeter(),
    "rapl": lambda _: RaplMeter(),
    "modelled-cpu": ModelledCpu,
    "modelled-ram": lambda _: ModelledRam(),
    "replay": lambda _: ReplayMeter.load(os.environ.get(REPLAY_VARIABLE, "")),
}

# Kind of a meter at the plug -> its member and what opens an address there under an id of the run.
# By name, because a run without such a meter is not to wait for them.
WALL_METERS: dict[str, tuple[str, str]] = {
    "shelly": ("ecoaudit.meters.shelly", "open_shelly"),
    "tasmota": ("ecoaudit.meters.tasmota", "open_tasmota"),
    "redfish": ("ecoaudit.meters.redfish", "open_redfish"),
    "csv": ("ecoaudit.meters.meter_log", "open_meter_log"),
}


def open_wall_meters(addresses: Sequence[str]) -> list[Meter]:
    """Open the meters at the plug that the user names; their energies are added.

    Args:
        addresses: such as ``shelly://192.168.1.20`` or ``csv:meter.csv``; one for each cord of
            the machine.

    Raises:
        UsageError: an address that cannot be used.
        MeterUnavailableError: a meter that does not answer.
    """
    from ecoaudit.meters.wall import WallAddress

    meters: list[Meter] = []
    for number, text in enumerate(addresses):
        address = WallAddress.parse(text)
        if address.kind not in WALL_METERS:
            raise UsageError(
                f"--wall: {address.kind!r} is no kind of meter;"
                f" {did_you_mean(address.kind, WALL_METERS)}"
            )
        module, opener = WALL_METERS[address.kind]
        meters.append(getattr(import_module(module), opener)(address, f"wall-{number}"))
    return meters


def open_meters(tree: ProcessTree) -> tuple[list[Meter], list[Doubt]]:
    """Open what this machine has, each part of the host once.

    Args:
        tree: the processes whose share of the CPU a model needs.

    Returns:
        The open meters, and a doubt for each part that is modelled or could not be opened.

    Raises:
        UsageError: an environment variable of the meters cannot be used.
    """
    if REPLAY_VARIABLE in os.environ:
        return [METERS["replay"](tree)], []
    meters: list[Meter] = []
    doubts: list[Doubt] = []
    try:
        meters.append(METERS["nvidia"](tree))
    except NoGpuError:
        pass  # nothing is missing
    except MeterUnavailableError as error:
        doubts.append(doubt("gpu-not-read", *_halves(str(error))))
    try:
        rapl = METERS["rapl"](tree)
        meters.append(rapl)
        why = "; ".join(map(_sentence, rapl.doubts()))
    except MeterUnavailableError as error:
        why = str(error)
    for boundary, name in ((PACKAGE, "modelled-cpu"), (DRAM, "modelled-ram")):
        if not any(device.boundary == boundary for meter in meters for device in meter.devices()):
            meter = METERS[name](tree)
            meters.append(meter)
            happened, remedy = _unmeasured(boundary, why)
            doubts.append(doubt(f"{meter.devices()[0].kind}-modelled", happened, remedy))
    return meters, doubts


def probe_all() -> list[Probe]:
    """What each family would do on this machine, for ``ecoaudit doctor``. Nothing stays open.

    Raises:
        UsageError: an environment variable of the meters cannot be used.
    """
    tree = ProcessTree(os.getpid())
    if REPLAY_VARIABLE in os.environ:
        meter = METERS["replay"](tree)
        detail = f"{meter.devices()[0].source}, in place of all meters of this machine"
        remedy = f"unset {REPLAY_VARIABLE} to measure this machine"
        return [Probe("replay", "everything", "measured", detail, remedy)]
    return [_probe_gpus(tree), *_probe_host(tree)]


def _probe_gpus(tree: ProcessTree) -> Probe:
    what = "NVIDIA GPUs"
    try:
        meter = METERS["nvidia"](tree)
    except NoGpuError as error:
        return Probe("nvidia", what, "absent", str(error), "")
    except MeterUnavailableError as error:
        return Probe("nvidia", what, "absent", *_halves(str(error)))
    detail = "; ".join(
        [device.source for device in meter.devices()] + [_sentence(said) for said in meter.doubts()]
    )
    state = "absent" if all(d.method == "none" for d in meter.devices()) else "measured"
    meter.close()
    return Probe("nvidia", what, state, detail, "")


def _probe_host(tree: ProcessTree) -> list[Probe]:
    found: list[Device] = []
    try:
        rapl = METERS["rapl"](tree)
        found, why = list(rapl.devices()), "; ".join(map(_sentence, rapl.doubts()))
        rapl.close()
    except MeterUnavailableError as error:
        why = str(error)
    probes = []
    for boundary, what, model in (
        (PACKAGE, "CPU packages", "modelled-cpu"),
        (DRAM, "memory", "modelled-ram"),
    ):
        devices = [device for device in found if device.boundary == boundary]
        if devices:
            sources = "; ".join(device.source for device in devices)
            probes.append(Probe("rapl", what, "measured", sources, why))
        else:
            source = METERS[model](tree).devices()[0].source
            probes.append(Probe(model, what, "modelled", source, _unmeasured(boundary, why)[1]))
    return probes


def _unmeasured(boundary: str, why: str) -> tuple[str, str]:
    """What it means that a part of the host is modelled, and what would get it measured.

    Args:
        boundary: ``package`` or ``dram``.
        why: what kept RAPL from reading it; empty when the processor has no such counter.
    """
    part = "CPU" if boundary == PACKAGE else "memory"
    happened, remedy = _halves(
        why or "the processor has no counter for it; a meter at the plug has it"
    )
    if boundary == PACKAGE:
        remedy += f"; the CPU's rated power in {TDP_VARIABLE} would narrow the interval"
    return f"the energy of the {part} is modelled: {happened}", remedy


def _sentence(said: Doubt) -> str:
    return f"{said.message}; {said.remedy}"


def _halves(text: str) -> tuple[str, str]:
    """One of our messages as what happened and what to do, which a semicolon parts."""
    happened, _, remedy = text.partition("; ")
    return happened, remedy
