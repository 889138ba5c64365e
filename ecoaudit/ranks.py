"""Which of several processes of one training job this is, and what of the machine it records.

Each rank records its own board. The CPU, the memory and a meter at the plug belong to the machine
and are recorded once: by the first rank of each machine. ``ecoaudit runs merge`` adds up the rest.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from ecoaudit.checks import doubt
from ecoaudit.errors import UsageError
from ecoaudit.measurement import Device, Reading
from ecoaudit.meters import open_meters
from ecoaudit.meters.base import Meter
from ecoaudit.meters.nvidia import NvidiaMeter
from ecoaudit.process_tree import ProcessTree
from ecoaudit.run import Doubt

WINDOW = "rank"  # the window over a rank's whole run, from which the runs are united


@dataclass(frozen=True, slots=True)
class Rank:
    """A process of a job, in the words of ``torchrun``.

    Attributes:
        rank: its number in the job.
        world_size: processes of the job.
        local_rank: its number on its machine.
        local_world_size: processes of the job on its machine.
        node: number of its machine.
        whole_tree: whether the processes that are read are all of this machine's ranks.
    """

    rank: int
    world_size: int
    local_rank: int
    local_world_size: int
    node: int
    whole_tree: bool = False

    def __post_init__(self) -> None:
        within = 0 <= self.rank < self.world_size and 0 <= self.local_rank < self.local_world_size
        if not within or self.local_world_size > self.world_size or self.node < 0:
            raise UsageError(
                f"rank {self.rank} of {self.world_size}, on its machine {self.local_rank} of"
                f" {self.local_world_size}: these cannot be; check RANK, WORLD_SIZE, LOCAL_RANK"
                " and LOCAL_WORLD_SIZE"
            )

    @property
    def owns_host(self) -> bool:
        """Whether this rank records the CPU and the memory of its machine."""
        return self.local_rank == 0

    @property
    def tree_root(self) -> int:
        """Process at the top of what is read for the CPU's and the memory's sake."""
        launched = self.owns_host and _by_torchrun(os.environ)
        return os.getppid() if launched else os.getpid()

    @classmethod
    def of(cls, environment: Mapping[str, str]) -> Rank | None:
        """The rank that a launcher's environment names; None with a single process.

        Raises:
            UsageError: a variable that holds no such number.
        """
        if "RANK" not in environment or "WORLD_SIZE" not in environment:
            return None
        rank, world = _number(environment, "RANK"), _number(environment, "WORLD_SIZE")
        if world == 1:
            return None
        local = _number(environment, "LOCAL_RANK", rank)
        here = _number(environment, "LOCAL_WORLD_SIZE", world)
        node = _number(environment, "GROUP_RANK", rank // max(here, 1))
        return cls(rank, world, local, here, node, local == 0 and _by_torchrun(environment))

    def as_settings(self) -> dict[str, Any]:
        """What the run file says of it."""
        return asdict(self)

    def output(self, path: str | os.PathLike[str]) -> Path:
        """This rank's own file: ``run.json`` becomes ``run.rank0.json``."""
        place = Path(path)
        return place.with_name(f"{place.stem}.rank{self.rank}{place.suffix}")


def open_rank_meters(rank: Rank, tree: ProcessTree) -> tuple[list[Meter], list[Doubt]]:
    """The meters of this machine that belong to one rank, and what is to be said of them.

    With as many boards in sight as ranks here, or more, a rank has the board of its local number,
    as torch's examples choose it. With fewer, all ranks record all boards that they see; those are
    counted once when the runs are united.
    """
    opened, doubts = open_meters(tree)
    boards = [d for meter in opened for d in meter.devices() if d.kind == "gpu"]
    own = {device.id for device in boards}
    if len(boards) > 1 and len(boards) >= rank.local_world_size:
        own = {boards[rank.local_rank].id}
        if len({device.name for device in boards}) > 1 and "CUDA_DEVICE_ORDER" not in os.environ:
            doubts.append(
                doubt(
                    "rank-board",
                    f"board {rank.local_rank} was taken for this rank's, but the boards are unlike"
                    " and CUDA may count them in another order",
                    "set CUDA_DEVICE_ORDER=PCI_BUS_ID",
                )
            )
    meters = []
    for meter in opened:
        mine = _own_part(meter, lambda d: d.id in own if d.kind == "gpu" else rank.owns_host)
        meters.extend(mine)
    if not rank.owns_host:
        doubts = [said for said in doubts if said.code not in ("cpu-modelled", "ram-modelled")]
    elif not rank.whole_tree and any(said.code == "cpu-modelled" for said in doubts):
        doubts.append(
            doubt(
                "rank-cpu",
                "the modelled CPU counts this rank's processes only, not the other ranks' here",
                "start the ranks with torchrun, whose processes are counted together",
            )
        )
    return meters, doubts


def _own_part(meter: Meter, mine: Callable[[Device], bool]) -> list[Meter]:
    """The meter, one that shows only what is mine, or nothing."""
    devices = meter.devices()
    kept = [device for device in devices if mine(device)]
    if len(kept) == len(devices):
        return [meter]
    if not kept:
        meter.close()
        return []
    if isinstance(meter, NvidiaMeter):  # so that the others' boards are not asked at all
        meter.keep({device.id for device in kept})
        return [meter]
    return [_Part(meter, kept)]


class _Part:
    """Some of the devices of a meter."""

    def __init__(self, meter: Meter, devices: Sequence[Device]):
        self.name = meter.name
        self._meter = meter
        self._devices = devices
        self._ids = {device.id for device in devices}

    def devices(self) -> Sequence[Device]:
        return self._devices

    def read(self, now_s: float) -> Sequence[Reading]:
        return [read for read in self._meter.read(now_s) if read.device_id in self._ids]

    def doubts(self) -> Sequence[Doubt]:
        return self._meter.doubts()

    def close(self) -> None:
        self._meter.close()


def _by_torchrun(environment: Mapping[str, str]) -> bool:
    """Whether one process of this machine has started all of its ranks and waits for them."""
    return "TORCHELASTIC_RUN_ID" in environment


def _number(environment: Mapping[str, str], name: str, otherwise: int | None = None) -> int:
    text = environment.get(name)
    if text is None and otherwise is not None:
        return otherwise
    try:
        value = int(text or "")
    except ValueError:
        value = -1
    if value < 0:
        raise UsageError(f"{name}: expected a whole number of 0 or more, got {text!r}")
    return value
