"""Which boards a program sees, in NVML's terms: ``CUDA_VISIBLE_DEVICES``, and where that is not set
``NVIDIA_VISIBLE_DEVICES``.

CUDA obeys the first alone. The second speaks to the container runtime, which gives a container the
boards that it names (by the host's numbers, by UUID, ``all``; ``none``, ``void`` and empty name
none; NVIDIA Container Toolkit documentation, "GPU Enumeration"). Where that was done NVML shows no
more boards than it names, and there is nothing left to read in it. Where NVML shows more, as in a
privileged container, it says which of them were meant: they are taken, and a doubt says that others
were left out, for a program that CUDA gives all of them may use those too. What names no boards (a
device plugin may give a path, and ``void`` is left where boards came in another way) is not read;
of ``none``, which a container without boards has, a doubt says that there are some all the same.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from ecoaudit.checks import doubt
from ecoaudit.errors import UsageError
from ecoaudit.run import Doubt

VARIABLE = "CUDA_VISIBLE_DEVICES"
CONTAINER_VARIABLE = "NVIDIA_VISIBLE_DEVICES"
_NO_NAMES = ("", "all", "none", "void")
_NUMBER = re.compile(r"[+-]?[0-9]{1,9}")
_OLD_MIG = re.compile(r"mig-(gpu-[^/]*)/([0-9]{1,9})/([0-9]{1,9})")


@dataclass(frozen=True, slots=True)
class Board:
    """A board as NVML knows it.

    Attributes:
        uuid: its own.
        mig_uuids: those of its MIG instances.
        mig_ids: of each of these the numbers of its GPU instance and its compute instance; None
            where NVML does not tell them.
    """

    uuid: str
    mig_uuids: tuple[str, ...] = ()
    mig_ids: tuple[tuple[int, int] | None, ...] = ()


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
    and what follows the first number out of range is hidden, as is what follows an empty word; a
    UUID may be shortened as long as it is unique. A MIG instance stands for its whole board, whose
    sensor it shares.

    A mask that begins with a number out of range hides all. But for -1, which is written to that
    end, it is taken for the mistake that it nearly always is.
    """
    shown = Shown([], {}, [])
    # NoDevFiles is what schedulers (Slurm, Grid Engine) write where they gave no GPU.
    words = [] if mask.strip() == "NoDevFiles" else [word.strip() for word in mask.split(",")]
    for number, word in enumerate(words):
        is_number = _NUMBER.fullmatch(word) is not None
        if is_number and 0 <= int(word) < len(boards):
            _show(shown, int(word))
        elif not is_number and word:
            _show(shown, *_named(word, boards, VARIABLE))
        else:
            if number == 0 and is_number and int(word) != -1:
                raise _unknown(word, VARIABLE, f"names no GPU of the {len(boards)} here")
            ends = not word or int(word) < 0  # a word that hides nothing by itself
            if shown.places and any(words[number + ends :]):
                what = f"{word} is no GPU of the {len(boards)} here" if word else "a word is empty"
                told = f"{VARIABLE}={mask}: {what}, and CUDA shows nothing from there on"
                shown.doubts.append(doubt("gpu-hidden", told))
            break
    return shown


def _shown_to_container(value: str, boards: Sequence[Board]) -> Shown:
    everything = Shown(list(range(len(boards))), {}, [])
    # CDI names look like nvidia.com/gpu=0.
    words = [word.strip().rpartition("=")[2] for word in value.split(",")]
    if words == ["none"]:
        what = f"{CONTAINER_VARIABLE} is none, yet the driver shows {len(boards)} GPUs, which were"
        everything.doubts.append(doubt("gpu-not-named", f"{what} counted"))
    if any(word in _NO_NAMES or "/" in word.partition("MIG-")[0] for word in words):
        return everything
    if len(set(words)) >= len(boards):
        return everything  # the runtime has done what it was told
    shown = Shown([], {}, [])
    for word in words:
        number, colon, part = word.partition(":")  # 0:1: second MIG instance of the first board
        if not _NUMBER.fullmatch(number):
            _show(shown, *_named(word, boards, CONTAINER_VARIABLE))
        elif not 0 <= int(number) < len(boards):
            raise _unknown(word, CONTAINER_VARIABLE, "names no GPU of this machine")
        elif not colon:
            _show(shown, int(number))
        elif part.isdecimal() and int(part) < len(boards[int(number)].mig_uuids):
            _show(shown, int(number), [int(part)])
        else:
            raise _unknown(word, CONTAINER_VARIABLE, "names no MIG instance of that GPU")
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
    old = _OLD_MIG.fullmatch(wanted)  # MIG-<GPU-UUID>/<GPU instance>/<compute instance>
    if old is not None:
        wanted = old[1]
    found = {
        (index, part)
        for index, board in enumerate(boards)
        for part, uuid in enumerate((board.uuid, *board.mig_uuids), -1)
        if wanted.startswith(("gpu-", "mig-")) and uuid.casefold().startswith(wanted)
    }
    if not found:
        raise _unknown(word, variable, "names no GPU of this machine")
    if len(found) > 1:
        kind = "MIG instance" if wanted.startswith("mig-") else "GPU"
        raise _unknown(word, variable, f"fits more than one {kind}")
    index, part = found.pop()
    if old is None:
        return index, [part] * (part >= 0)
    ids = boards[index].mig_ids
    mine = (int(old[2]), int(old[3]))
    if mine in ids:
        return index, [ids.index(mine)]
    if None in ids:
        return index, [None]
    raise _unknown(word, variable, "names no MIG instance of that GPU")


def _unknown(word: str, variable: str, problem: str) -> UsageError:
    return UsageError(
        f"{variable}: {word!r} {problem}; `nvidia-smi -L` shows their numbers and UUIDs"
    )
