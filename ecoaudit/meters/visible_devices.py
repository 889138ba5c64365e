"""Which boards a program sees, in NVML's terms: ``CUDA_VISIBLE_DEVICES``, and where that is not set
``NVIDIA_VISIBLE_DEVICES``.

CUDA obeys the first alone. The second speaks to the container runtime, which gives a container the
boards that it names (by the host's numbers, by UUID, ``all``; ``none``, ``void`` and empty name
none; NVIDIA Container Toolkit documentation, "GPU Enumeration"). Where that was done NVML shows no
more boards than it names, and there is nothing left to read in it. Where NVML shows more, as in a
privileged container, it says which of them were meant: they are taken, and a doubt says that others
were left out, for a program that CUDA gives all of them may use those too. What names no boards (a
device plugin may give a path) is not read.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from ecoaudit.checks import doubt
from ecoaudit.errors import UsageError
from ecoaudit.run import Doubt

VARIABLE = "CUDA_VISIBLE_DEVICES"
CONTAINER_VARIABLE = "NVIDIA_VISIBLE_DEVICES"
_NO_NAMES = ("", "all", "none", "void")


@dataclass(frozen=True, slots=True)
class Board:
    """A board as NVML knows it: its UUID, and those of its MIG instances."""

    uuid: str
    mig_uuids: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Shown:
    """Boards that a program sees.

    Attributes:
        places: places of the boards, each once, in the mask's order.
        parts: for each place the MIG instances that the mask names, by their number on the board,
            or None where it cannot be told which; none for a board that is named as a whole.
        doubts: what the mask leaves open.
    """

    places: list[int]
    parts: dict[int, list[int | None]]
    doubts: list[Doubt]


def visible_boards(environment: Mapping[str, str], boards: Sequence[Board]) -> Shown:
    """The boards that a program with such an environment sees.

    Raises:
        UsageError: a variable has a word that names no board, or more than one.
    """
    mask = environment.get(VARIABLE)
    if mask is not None:
        return _shown_by_cuda(mask, boards)
    return _shown_to_container(environment.get(CONTAINER_VARIABLE, ""), boards)


def _shown_by_cuda(mask: str, boards: Sequence[Board]) -> Shown:
    """CUDA C++ Programming Guide 5.2.1: an empty mask shows none; numbers are those of nvidia-smi,
    and what follows the first number out of range is hidden; a UUID may be shortened as long as it
    is unique. A MIG instance stands for its whole board, whose sensor it shares.
    """
    shown = Shown([], {}, [])
    # NoDevFiles is what schedulers (Slurm, Grid Engine) write where they gave no GPU.
    words = [] if mask.strip() in ("", "NoDevFiles") else [w.strip() for w in mask.split(",")]
    for number, word in enumerate(words):
        if word.lstrip("+-").isdigit():
            index = int(word)
            if not 0 <= index < len(boards):
                hidden = words[number + (index < 0) :]
                if shown.places and hidden:
                    what = f"{VARIABLE}={mask}: {word} is no GPU of the {len(boards)} here, and"
                    shown.doubts.append(
                        doubt("gpu-hidden", f"{what} CUDA shows nothing from there on")
                    )
                break
            _show(shown, index)
        else:
            _show(shown, *_named(word, boards, VARIABLE))
    return shown


def _shown_to_container(value: str, boards: Sequence[Board]) -> Shown:
    everything = Shown(list(range(len(boards))), {}, [])
    # CDI names look like nvidia.com/gpu=0.
    words = [word.strip().rpartition("=")[2] for word in value.split(",")]
    if any(word in _NO_NAMES or "/" in word.partition("MIG-")[0] for word in words):
        return everything
    if len(set(words)) >= len(boards):
        return everything  # the runtime has done what it was told
    shown = Shown([], {}, [])
    for word in words:
        number = word.partition(":")[0]  # 0:1 is the second MIG instance of the first board
        if not number.isdigit():
            _show(shown, *_named(word, boards, CONTAINER_VARIABLE))
        elif int(number) < len(boards):
            part = word.partition(":")[2]
            _show(shown, int(number), [int(part)] if part.isdigit() else [])
        else:
            raise _unknown(word, CONTAINER_VARIABLE, "names no GPU of this machine")
    if len(shown.places) < len(boards):
        what = (
            f"{CONTAINER_VARIABLE}={value} names {len(shown.places)} of the {len(boards)} GPUs that"
            " the driver shows, and only those were counted"
        )
        shown.doubts.append(doubt("gpu-left-out", what))
    return shown


def _show(shown: Shown, index: int, parts: Sequence[int | None] = ()) -> None:
    if index not in shown.places:
        shown.places.append(index)
    shown.parts.setdefault(index, []).extend(p for p in parts if p not in shown.parts[index])


def _named(word: str, boards: Sequence[Board], variable: str) -> tuple[int, list[int | None]]:
    """The board of a UUID or the beginning of one, and the MIG instances if it names such."""
    wanted = word.casefold()
    inside: list[int | None] = []
    if wanted.startswith("mig-gpu-"):  # MIG-<GPU-UUID>/<GPU instance>/<compute instance>
        wanted = wanted.removeprefix("mig-").partition("/")[0]
        inside = [None]
    found = {
        (index, part)
        for index, board in enumerate(boards)
        for part, uuid in enumerate((board.uuid, *board.mig_uuids), -1)
        if wanted.startswith(("gpu-", "mig-")) and uuid.casefold().startswith(wanted)
    }
    if not found:
        raise _unknown(word, variable, "names no GPU of this machine")
    if len({index for index, _ in found}) > 1:
        raise _unknown(word, variable, "fits more than one GPU")
    index = next(iter(found))[0]
    if not inside and any(part >= 0 for _, part in found):
        inside = [part for _, part in found] if len(found) == 1 else [None]
    return index, inside


def _unknown(word: str, variable: str, problem: str) -> UsageError:
    return UsageError(
        f"{variable}: {word!r} {problem}; `nvidia-smi -L` shows their numbers and UUIDs"
    )
