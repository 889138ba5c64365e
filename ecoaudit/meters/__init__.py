"""The meters of this machine: sensors where there are any, models where there are none.

Environment variables: ``ECOAUDIT_REPLAY`` names a trace that stands in for all meters;
``ECOAUDIT_POWERCAP`` and ``ECOAUDIT_SYSFS`` say where a container finds the host's powercap folder
and /sys; ``ECOAUDIT_CPU_TDP_W`` gives the rated power of the CPU to its model;
``CUDA_VISIBLE_DEVICES`` selects NVIDIA's GPUs, ``ROCR_VISIBLE_DEVICES`` and
``HIP_VISIBLE_DEVICES`` AMD's.
"""

from __future__ import annotations

import os
import time
from collections.abc import Callable, Sequence
from contextlib import ExitStack, suppress
from importlib import import_module

from ecoaudit.checks import doubt
from ecoaudit.errors import MeterUnavailableError, UsageError, did_you_mean
from ecoaudit.measurement import DRAM, PACKAGE, Device
from ecoaudit.meters.amd import AmdMeter, AmdPackageMeter, NoAmdError
from ecoaudit.meters.base import Meter, Probe
from ecoaudit.meters.graphics_cards import Card, find_cards, sysfs
from ecoaudit.meters.jetson import JetsonMeter, NoJetsonError
from ecoaudit.meters.modelled import TDP_VARIABLE, ModelledCpu, ModelledRam
from ecoaudit.meters.nvidia import NoGpuError, NvidiaMeter
from ecoaudit.meters.rapl import RaplMeter
from ecoaudit.meters.replay import VARIABLE as REPLAY_VARIABLE
from ecoaudit.meters.replay import ReplayMeter
from ecoaudit.process_tree import ProcessTree
from ecoaudit.run import Doubt

# Registry name -> how it is opened. A new meter is one line here and a place in open_meters().
METERS: dict[str, Callable[[ProcessTree], Meter]] = {
    "jetson": lambda _: JetsonMeter(),
    "nvidia": lambda _: NvidiaMeter(),
    "amd": lambda _: AmdMeter(),
    "amd-package": lambda _: AmdPackageMeter(),
    "rapl": lambda _: RaplMeter(),
    "modelled-cpu": ModelledCpu,
    "modelled-ram": lambda _: ModelledRam(),
    "replay": lambda _: ReplayMeter.load(os.environ.get(REPLAY_VARIABLE, "")),
}

# Registry name of a meter of boards -> what it reads, and its word for there being none.
_BOARDS: dict[str, tuple[str, type[MeterUnavailableError]]] = {
    "nvidia": ("NVIDIA GPUs", NoGpuError),
    "amd": ("AMD GPUs", NoAmdError),
}
_PLUG = "measure with a meter at the plug: --wall"
_STILL_S = 0.1  # a working counter of a CPU or of memory moves in a millisecond
_NO_COUNTER = "measure on the host itself, if this is a virtual machine"

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

    A Jetson's one sensor has CPU, GPU and memory in it, and stands alone. Elsewhere the boards of
    each maker are opened, then the CPU packages and the memory, which are modelled where no
    sensor has them.

    Args:
        tree: the processes whose share of the CPU a model needs.

    Returns:
        The open meters, and a doubt for each part that is modelled or could not be opened, and for
        each GPU that no meter reads.

    Raises:
        UsageError: an environment variable of the meters cannot be used.
    """
    if REPLAY_VARIABLE in os.environ:
        return [METERS["replay"](tree)], []
    meters: list[Meter] = []
    doubts: list[Doubt] = []
    try:
        return [METERS["jetson"](tree)], []
    except NoJetsonError:
        pass
    except MeterUnavailableError as error:
        doubts.append(doubt("module-failed", *_halves(str(error))))
    with ExitStack() as on_failure:
        on_failure.callback(_close, meters)
        _open_boards(tree, meters, doubts)
        why = _open_host(tree, meters)
        for boundary, name in ((PACKAGE, "modelled-cpu"), (DRAM, "modelled-ram")):
            if not _has(boundary, meters):
                meter = METERS[name](tree)
                meters.append(meter)
                happened, remedy = _unmeasured(boundary, why[boundary])
                doubts.append(doubt(f"{meter.devices()[0].kind}-modelled", happened, remedy))
        on_failure.pop_all()
    modelled = any(meter.name == "modelled-cpu" for meter in meters)
    return meters, [*doubts, *_unread(find_cards(sysfs()), modelled)]


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
    try:
        jetson = METERS["jetson"](tree)
    except NoJetsonError:
        module = []
    except MeterUnavailableError as error:
        module = [Probe("jetson", "Jetson module", "absent", *_halves(str(error)))]
    else:
        detail = jetson.devices()[0].source
        jetson.close()
        return [Probe("jetson", "Jetson module", "measured", detail, ""), _probe_wall()]
    host = _probe_host(tree)
    modelled = any(probe.meter == "modelled-cpu" for probe in host)
    others = [
        Probe("none", "other GPUs", "absent", said.message, said.remedy)
        for said in _unread(find_cards(sysfs()), modelled)
    ]
    boards = [_probe_boards(tree, name) for name in _BOARDS]
    return [*module, *boards, *others, *host, _probe_wall()]


def _open_boards(tree: ProcessTree, meters: list[Meter], doubts: list[Doubt]) -> None:
    """Add the meter of each maker's boards, and a doubt where it cannot be opened."""
    for name, (_, nothing) in _BOARDS.items():
        try:
            meters.append(METERS[name](tree))
        except nothing:
            pass  # nothing is missing
        except MeterUnavailableError as error:
            doubts.append(doubt("gpu-not-read", *_halves(str(error))))


def _open_host(tree: ProcessTree, meters: list[Meter]) -> dict[str, str]:
    """Add the sensors of CPU packages and memory.

    Returns:
        For each of the two what kept RAPL from reading it, and what to do; empty where nothing did.
    """
    why = dict.fromkeys((PACKAGE, DRAM), "")
    try:
        rapl = RaplMeter()
        meters.append(rapl)
        why = {boundary: rapl.unread(boundary) for boundary in why}
    except MeterUnavailableError as error:
        why = dict.fromkeys(why, str(error))
    if not _has(PACKAGE, meters):
        with suppress(MeterUnavailableError):  # the package is then modelled, which is said
            meters.append(METERS["amd-package"](tree))
    return why


def _close(meters: Sequence[Meter]) -> None:
    for meter in meters:
        meter.close()


def _has(boundary: str, meters: Sequence[Meter]) -> bool:
    return any(device.boundary == boundary for meter in meters for device in meter.devices())


def _unread(cards: Sequence[Card], modelled: bool) -> list[Doubt]:
    """A doubt for each GPU whose energy is in no figure because no meter of ours reads its kind.

    Args:
        cards: the GPUs that the kernel shows.
        modelled: whether the CPU package, which holds the energy of graphics inside it, is
            modelled from CPU time.
    """
    doubts = []
    for card in cards:
        if card.integrated and modelled:
            what = f"{card.label}: is part of the processor, whose energy is modelled from CPU time"
            how = f"open the CPU's energy counters (`ecoaudit doctor` says how), or {_PLUG}"
            doubts.append(doubt("gpu-not-read", f"{what} alone", how))
        elif card.maker == "Intel" and not card.integrated:
            what = f"{card.label}: no meter of ours reads Intel's boards"
            doubts.append(doubt("gpu-not-read", what, _PLUG))
    return doubts


def _probe_boards(tree: ProcessTree, name: str) -> Probe:
    what, nothing = _BOARDS[name]
    try:
        meter = METERS[name](tree)
    except nothing as error:
        return Probe(name, what, "absent", str(error), "")
    except (MeterUnavailableError, UsageError) as error:
        return Probe(name, what, "absent", *_halves(str(error)))
    detail = "; ".join(
        [_described(device) for device in meter.devices()] + list(map(_sentence, meter.doubts()))
    )
    state = "absent" if all(d.method == "none" for d in meter.devices()) else "measured"
    meter.close()
    return Probe(name, what, state, detail, "")


def _described(device: Device) -> str:
    """A device's source, and the ways in which it answers."""
    answers = device.details.get("answers")
    return f"{device.source} [answers: {answers}]" if answers else device.source


def _probe_host(tree: ProcessTree) -> list[Probe]:
    meters: list[Meter] = []
    why = _open_host(tree, meters)
    found = [(meter.name, device) for meter in meters for device in meter.devices()]
    stuck = _stuck(meters)
    _close(meters)
    probes = []
    for boundary, what, model in (
        (PACKAGE, "CPU packages", "modelled-cpu"),
        (DRAM, "memory", "modelled-ram"),
    ):
        own = [(name, device) for name, device in found if device.boundary == boundary]
        still = [device.name for _, device in own if device.id in stuck]
        if still:
            detail = f"the counter of {', '.join(still)} stood still for {_STILL_S:g} s"
            probes.append(Probe(own[0][0], what, "absent", detail, f"{_NO_COUNTER}; or {_PLUG}"))
        elif own:
            sources = "; ".join(device.source for _, device in own)
            probes.append(Probe(own[0][0], what, "measured", sources, ""))
        else:
            source = METERS[model](tree).devices()[0].source
            remedy = _unmeasured(boundary, why[boundary])[1]
            probes.append(Probe(model, what, "modelled", source, remedy))
    return probes


def _stuck(meters: Sequence[Meter]) -> set[str]:
    """The devices whose energy counter does not move in a moment; takes that moment."""
    before = _energies(meters)
    if before:
        time.sleep(_STILL_S)
    after = _energies(meters)
    return {
        key for key, energy_j in after.items() if energy_j is not None and energy_j == before[key]
    }


def _energies(meters: Sequence[Meter]) -> dict[str, float | None]:
    now_s = time.monotonic()
    readings = [reading for meter in meters for reading in meter.read(now_s)]
    return {reading.device_id: reading.energy_j for reading in readings}


def _probe_wall() -> Probe:
    kinds = ", ".join(WALL_METERS)
    return Probe(
        "wall",
        "meter at the plug",
        "absent",
        "none is looked for: it is read where it is named",
        f"`ecoaudit run --wall shelly://HOST -- COMMAND`; kinds: {kinds}",
    )


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
