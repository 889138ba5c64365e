"""Which AMD GPUs a program sees: ``ROCR_VISIBLE_DEVICES``, then ``HIP_VISIBLE_DEVICES``.

Both count GPUs in the order of the kernel's compute topology (KFD), which need not be that of the
PCI bus. The first is read by the runtime below (ROCR-Runtime, amd_filter_device.cpp), the second
by HIP (ROCm/clr, rocdevice.cpp) and counts only what the first has left. An empty first one shows
nothing; an empty second one gives the word to ``CUDA_VISIBLE_DEVICES``, which HIP reads as well.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path

from ecoaudit.checks import doubt
from ecoaudit.errors import UsageError
from ecoaudit.meters.graphics_cards import entries, text
from ecoaudit.run import Doubt

RUNTIME_VARIABLE = "ROCR_VISIBLE_DEVICES"
HIP_VARIABLES = ("HIP_VISIBLE_DEVICES", "CUDA_VISIBLE_DEVICES")
_NODES = Path("class/kfd/kfd/topology/nodes")


def topology(root: Path) -> list[tuple[str, str]]:
    """UUID and place on the PCI bus of each GPU that ROCm knows, in its order.

    Parts of one board (the partitions of an MI300) are entries of their own at the same place.
    """
    nodes = [path for path in entries(root / _NODES) if path.name.isdigit()]
    found = []
    for node in sorted(nodes, key=lambda node: int(node.name)):
        lines = (line.split() for line in text(node / "properties").splitlines())
        facts = {words[0]: int(words[1]) for words in lines if len(words) == 2}
        if facts.get("simd_count", 0) == 0:  # a CPU, or a GPU that is closed to this container
            continue
        place, unique = facts.get("location_id", 0), facts.get("unique_id", 0)
        bus, device = place >> 8 & 0xFF, place >> 3 & 0x1F
        address = f"{facts.get('domain', 0):04x}:{bus:02x}:{device:02x}"
        found.append((f"GPU-{unique:016x}" if unique else "", address))
    return found


def masks(environment: Mapping[str, str], nvidia: bool) -> dict[str, str]:
    """The variables in force, in the order in which they are applied, and what they say.

    Args:
        environment: with the variables.
        nvidia: whether NVIDIA's GPUs are in the same machine: ``CUDA_VISIBLE_DEVICES`` then speaks
            of those.
    """
    names = HIP_VARIABLES[:1] if nvidia else HIP_VARIABLES
    said = [name for name in names if environment.get(name, "").strip()][:1]
    first = [RUNTIME_VARIABLE] if RUNTIME_VARIABLE in environment else []
    return {name: environment[name] for name in first + said}


def visible(uuids: Sequence[str], masks: Mapping[str, str]) -> tuple[list[int], list[Doubt]]:
    """Places in ``uuids`` of those that a program sees, and what the masks leave open.

    A number that no GPU has ends a list, as in both runtimes.

    Args:
        uuids: of all GPUs, in ROCm's order; empty for one that has none.
        masks: as :func:`masks` gives them.

    Raises:
        UsageError: a word that names no GPU, or more than one.
    """
    shown = list(range(len(uuids)))
    doubts: list[Doubt] = []
    for variable, mask in masks.items():
        left = [uuids[index] for index in shown]
        shown = [shown[index] for index in _chosen(mask, left, variable, doubts)]
    return shown, doubts


def _chosen(mask: str, uuids: Sequence[str], variable: str, doubts: list[Doubt]) -> list[int]:
    chosen: list[int] = []
    # NoDevFiles is what schedulers (Slurm, Grid Engine) write where they gave no GPU.
    none = mask.strip() in ("", "NoDevFiles")
    words = [] if none else [word.strip() for word in mask.split(",")]
    for number, word in enumerate(words):
        if word.lstrip("+-").isdigit():
            index = int(word)
            if not 0 <= index < len(uuids):
                if chosen and words[number + (index < 0) :]:  # -1 alone is how one ends a list
                    what = f"{variable}={mask}: {word} is no GPU of the {len(uuids)} here, and ROCm"
                    how = "name GPUs that are there: `rocminfo`"
                    doubts.append(doubt("gpu-hidden", f"{what} shows nothing from there on", how))
                break
        else:
            index = _by_uuid(word, uuids, variable)
        if index not in chosen:
            chosen.append(index)
        elif variable == RUNTIME_VARIABLE:  # a repetition ends its list, but not HIP's
            break
    return chosen


def _by_uuid(word: str, uuids: Sequence[str], variable: str) -> int:
    wanted = word.casefold()
    found = [
        index
        for index, uuid in enumerate(uuids)
        if len(wanted) > len("gpu-") and uuid and uuid.casefold().startswith(wanted)
    ]
    if len(found) == 1:
        return found[0]
    problem = "names no AMD GPU of this machine" if not found else "fits more than one AMD GPU"
    raise UsageError(
        f"{variable}: {word!r} {problem}; `rocminfo` shows their order and their UUIDs"
    )
