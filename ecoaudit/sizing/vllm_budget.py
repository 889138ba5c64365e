"""What vLLM leaves for the KV cache of a device: its budget, by version.

KV cache = utilisation x memory - weights - what lies outside PyTorch - peak of the activations -
CUDA graphs (``gpu_worker.determine_available_memory``).
"""

from __future__ import annotations

import math
import re
from dataclasses import dataclass
from typing import Final

from ecoaudit.errors import UsageError
from ecoaudit.estimate import Basis, Estimate
from ecoaudit.factors.hardware import MACHINE, Device
from ecoaudit.factors.models import Model
from ecoaudit.sizing.memory import weight_bytes
from ecoaudit.units import BYTES_PER_GIB

_GIB: Final = BYTES_PER_GIB
_DOUBT: Final = 0.5  # of each part that vLLM takes for itself: +-50 %
_GRAPHS_BYTES: Final = 0.4 * _GIB  # log: 0.36 GiB for 16 sizes
_LEAST_ACTIVATION_BYTES: Final = 0.35 * _GIB  # logs: 0.19 to 1.77 GiB
# More than one device, per rank: buffers of the links between modules (log: 1.79 GiB more on two
# H100); cards on PCIe show none (0.20, 0.25, 0.30 GiB in all at 16, 2 and 2 cards).
_LINKS_BYTES: Final = 1.8 * _GIB


@dataclass(frozen=True, slots=True)
class Defaults:
    """What vLLM does unless told otherwise, from a version on.

    Attributes:
        since: first version.
        utilisation: share of the device's memory that it fills.
        graphs_counted: whether CUDA graphs are taken off the budget, not on top of it.
        outside_bytes: memory outside PyTorch on one device [bytes].
        source: where that is said or seen.
    """

    since: tuple[int, int]
    utilisation: float
    graphs_counted: bool
    outside_bytes: float
    source: str


# Newest first.
DEFAULTS: Final = (
    Defaults((0, 22), 0.92, True, 0.6 * _GIB, "vLLM 0.32, config/cache.py: 0.92 from 0.22"),
    Defaults((0, 21), 0.90, True, 0.6 * _GIB, "vLLM 0.21: graphs taken off the budget"),
    Defaults((0, 7), 0.90, False, 0.6 * _GIB, "vLLM 0.7: logs 0.03 to 0.33 GiB outside PyTorch"),
    Defaults((0, 0), 0.90, False, 1.8 * _GIB, "vLLM pull request 10511: 1.79 GiB outside PyTorch"),
)
GPU_MEMORY_UTILISATION: Final = DEFAULTS[0].utilisation


@dataclass(frozen=True, slots=True)
class Budget:
    """Where the memory of one device goes.

    Attributes:
        usable: what vLLM may fill [bytes].
        weights: of this device [bytes].
        overhead: outside PyTorch, activations, graphs [bytes].
        kv: what is left for the cache [bytes]; below zero: the model does not fit.
    """

    usable: Estimate
    weights: Estimate
    overhead: Estimate
    kv: Estimate

    def sequences(self, each: Estimate, most: int) -> int:
        """How many sequences of ``each`` fit on the pessimistic end, at most max_num_seqs."""
        left, need = self.kv.low or 0.0, each.high or 0.0
        return max(0, min(int(left // need), most)) if need else most


def defaults_of(version: str = "") -> Defaults:
    """What vLLM of a version does; empty: the newest.

    Raises:
        UsageError: not a version.
    """
    if not version:
        return DEFAULTS[0]
    match = re.match(r"v?(\d+)\.(\d+)", version)
    if match is None:
        raise UsageError(f"expected a version of vLLM, such as '0.22'; got {version!r}")
    found = int(match.group(1)), int(match.group(2))
    return next(defaults for defaults in DEFAULTS if defaults.since <= found)


def batch_defaults(device: Device) -> tuple[int, int]:
    """vLLM's default (max_num_batched_tokens, max_num_seqs) for a server on this device.

    From 160 GiB, from 70 GiB but for A100, and below (vLLM ``arg_utils.get_batch_defaults``).
    """
    sold_gb = device.memory.value / 1e9
    if sold_gb >= 160:
        return 16384, 1024
    if sold_gb >= 70 and "A100" not in device.name:
        return 8192, 1024
    return 2048, 256


def overhead_bytes(
    model: Model,
    batched_tokens: int,
    sequences: int,
    *,
    version: str = "",
    tensor_parallel: int = 1,
    linked: bool = False,
) -> Estimate:
    """What vLLM takes besides weights and KV cache on one device [bytes], +- 50 % each.

    Outside PyTorch 0.6 GiB (logs: 0.03 to 0.33; 1.79 before 0.7), activations max(0.35 GiB,
    10 x tokens x h x 2 B + 4 V x sequences B) (logs: 0.37 to 1.77), CUDA graphs 0.4 GiB (log: 0.36)
    where the version counts them.

    Args:
        model: the shape.
        batched_tokens: max_num_batched_tokens.
        sequences: max_num_seqs.
        version: of vLLM; empty: the newest.
        tensor_parallel: devices that share the model.
        linked: whether these are modules with links of their own (NVLink), not cards: 1.8 GiB more.
    """
    defaults = defaults_of(version)
    computed = 10 * batched_tokens * model.hidden * 2 + 4.0 * model.vocab * sequences
    parts = [defaults.outside_bytes, max(_LEAST_ACTIVATION_BYTES, computed)]
    if defaults.graphs_counted:
        parts.append(_GRAPHS_BYTES)
    if tensor_parallel > 1 and linked:
        parts.append(_LINKS_BYTES)
    value, half = sum(parts), _DOUBT * math.hypot(*parts)
    source = "vLLM: outside PyTorch, activations and CUDA graphs, each +-50 %"
    return Estimate(value, value - half, value + half, "bytes", Basis.MODELLED, source)


def usable_bytes(device: Device, version: str = "") -> Estimate:
    """Memory that an engine may fill [bytes]: of a card or module vLLM's share of what the driver
    shows, of a machine what is free."""
    found = shown_bytes(device)
    if device.kind == MACHINE:
        return found
    share = defaults_of(version).utilisation
    return (found * share).sourced(f"{share:g} (vLLM's default) of {found.source}")


def shown_bytes(device: Device) -> Estimate:
    """Memory that a program may have [bytes].

    A card or module: what the driver shows. That lies between 10^9 bytes to the GB as sold (error
    correction of GDDR memory takes 1/16, the driver up to 1 %) and 2^30; 79.22 GiB were seen on an
    80 GB card. A machine shares its memory with the operating system and other programs: 0.75
    (0.65 to 0.85) of it is assumed to be free for the model.
    """
    sold = device.memory.value
    binary = sold / 1e9 * _GIB
    what = "the memory that the driver shows"
    value, low, high = (sold + binary) / 2, sold, binary
    if device.kind == MACHINE:
        what = "assumed: three quarters of a computer's shared memory is free for the model"
        value, low, high = 0.75 * sold, 0.65 * sold, 0.85 * binary
    source = f"{what}; {device.memory.source}"
    return Estimate(value, low, high, "bytes", Basis.MODELLED, source)


def budget(
    model: Model,
    weights: str,
    usable: Estimate,
    batch: tuple[int, int],
    *,
    version: str = "",
    tensor_parallel: int = 1,
    linked: bool = False,
) -> Budget:
    """The budget of one device.

    Args:
        model: the shape.
        weights: a key of ``ecoaudit.sizing.memory.BITS``.
        usable: what vLLM may fill, from :func:`usable_bytes` or a log [bytes].
        batch: max_num_batched_tokens and max_num_seqs.
        version: of vLLM; empty: the newest.
        tensor_parallel: devices that share the model; weights are split evenly.
        linked: as in :func:`overhead_bytes`.
    """
    share = weight_bytes(model, weights) / tensor_parallel
    overhead = overhead_bytes(
        model, *batch, version=version, tensor_parallel=tensor_parallel, linked=linked
    )
    left = (usable - share - overhead).sourced("usable memory less weights and vLLM's own")
    return Budget(usable, share, overhead, left)
