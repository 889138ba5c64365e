"""Which boards ``CUDA_VISIBLE_DEVICES`` lets a program see, in NVML's terms.

``NVIDIA_VISIBLE_DEVICES`` needs no reading: it speaks to the container runtime, which hides the
other boards from NVML as well, and means nothing outside a container.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from ecoaudit.errors import MeterUnavailableError

VARIABLE = "CUDA_VISIBLE_DEVICES"


@dataclass(frozen=True, slots=True)
class Board:
    """A board as NVML knows it: its UUID, and those of its MIG instances."""

    uuid: str
    mig_uuids: tuple[str, ...] = ()


def visible_boards(mask: str | None, boards: Sequence[Board]) -> list[int]:
    """Places in ``boards`` of those that the mask shows, each once, in the mask's order.

    CUDA C++ Programming Guide 5.2.1: no mask shows all; an empty one none; numbers are those of
    nvidia-smi, and what follows the first number out of range is hidden; a UUID may be shortened
    as long as it is unique. A MIG instance stands for its whole board, whose sensor it shares.

    Raises:
        MeterUnavailableError: a word that names no board, or more than one.
    """
    if mask is None:
        return list(range(len(boards)))
    if not mask.strip():
        return []
    shown: list[int] = []
    for word in map(str.strip, mask.split(",")):
        if word.lstrip("+-").isdigit():
            index = int(word)
            if not 0 <= index < len(boards):
                break
        else:
            index = _by_uuid(word, boards)
        if index not in shown:
            shown.append(index)
    return shown


def _by_uuid(word: str, boards: Sequence[Board]) -> int:
    wanted = word.casefold()
    if wanted.startswith("mig-gpu-"):  # MIG-<GPU-UUID>/<GPU instance>/<compute instance>
        wanted = wanted.removeprefix("mig-").partition("/")[0]
    found = [
        index
        for index, board in enumerate(boards)
        if wanted.startswith(("gpu-", "mig-"))
        and any(uuid.casefold().startswith(wanted) for uuid in (board.uuid, *board.mig_uuids))
    ]
    if len(found) == 1:
        return found[0]
    problem = "names no GPU of this machine" if not found else "fits more than one GPU"
    raise MeterUnavailableError(
        f"{VARIABLE}: {word!r} {problem}; `nvidia-smi -L` shows their numbers and UUIDs"
    )
