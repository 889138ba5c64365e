"""Several devices that share one model: whether they can, and what their exchange costs.

Tensor parallel, as vLLM does it: each device has its part of every layer, and what attention and
feed-forward part give is summed over the devices, twice in a layer. Modules with links of their own
are among the fitted rows (:mod:`ecoaudit.sizing.constants`); cards that exchange over PCIe are not,
so that theirs is taken from published tests of that exchange alone, and widens the interval.
"""

from __future__ import annotations

import math
import re
from dataclasses import replace
from typing import Final

from ecoaudit.factors.hardware import MODULE, Device
from ecoaudit.factors.models import MAMBA2, Model
from ecoaudit.sizing.constants import Constants

# A few bytes among cards on PCIe, nccl-tests: 12 us for two RTX 4090 (all to all; issue 17 of
# tinygrad/open-gpu-kernel-modules), sums over all: 19 us for four with 32 kB (its pull request 22),
# 42 us for eight (NVIDIA/nccl issue 1530), 54 us for eight RTX 3090 (its issue 1439). So 6 us for
# each card.
EXCHANGE_S: Final = 6e-6
# Many bytes, those sent per second (busbw) over what the card's PCIe carries: 12.7 and 25 of 32
# GB/s for four and five RTX 4090 (pull request 22 and issue 17 above), 28 to 35 of 63 GB/s for RTX
# 5090 (NVIDIA/nccl issue 1639); 53 GB/s at least for eight RTX PRO 6000 Server, by how much faster
# they read prompts than one (TensorRT-LLM 1.0, performance overview).
EXCHANGE_SHARE: Final = 0.55
# Half to twice of these, and up to half of a step is exchange.
EXCHANGE_DOUBT: Final = 1.3
EXCHANGE_SOURCE: Final = (
    "exchange over PCIe, not fitted: as in published nccl-tests, 6 us for each card and 55 % of"
    " its lanes"
)
_WORDS: Final = {
    "heads": "attention heads",
    "kv_heads": "KV heads",
    "intermediate": "channels of the feed-forward part",
    "expert_intermediate": "channels of an expert",
    "shared_intermediate": "channels of the shared expert",
    "state_value_heads": "heads of the state",
    "state_key_heads": "key heads of the state",
}
# Of a lane in one direction, by generation (PCI-SIG, 128b/130b) [bytes/s].
_LANE_BYTES_PER_S: Final = {"3": 0.985e9, "4": 1.969e9, "5": 3.938e9}
_FORM: Final = re.compile(r"PCIe ([345])\.0 x(\d+)")
_USUAL: Final = ("4", "16")
_PER_LAYER: Final = 2  # sums over the devices: after attention, after the feed-forward part
_ELEMENT_BYTES: Final = 2  # 16 bit
_LINK: Final = 5  # place in ``TERMS``


def why_not(model: Model, devices: int) -> str:
    """Why a model cannot be split evenly over so many devices; empty where it can.

    vLLM splits heads and feed-forward parts evenly, and gives each device whole KV heads, one of
    them to several where there are fewer (``verify_with_parallel_config``, ``QKVParallelLinear``).
    What was assumed of a typed model's shape is not judged.
    """
    parts = {"heads": model.heads}
    repeated = model.kv_heads < devices and devices % model.kv_heads == 0
    if model.latent is None and not repeated:
        parts["kv_heads"] = model.kv_heads
    if not model.experts or model.dense_layers:
        parts["intermediate"] = model.intermediate
    parts["expert_intermediate"] = model.expert_intermediate
    parts["shared_intermediate"] = model.shared_intermediate
    if model.state is not None:
        parts["state_value_heads"] = model.state.value_heads
        if model.state.kind != MAMBA2:  # groups of Mamba-2 are repeated instead
            parts["state_key_heads"] = model.state.key_heads
    for name, count in parts.items():
        if name not in model.assumed and count % devices:
            return f"{devices} devices cannot share {count} {_WORDS[name]} evenly"
    return ""


def most_devices(model: Model, devices: int) -> int:
    """The largest power of two, up to ``devices``, of devices that can share a model."""
    found = 1
    while 2 * found <= devices and not why_not(model, 2 * found):
        found *= 2
    return found


def over_pcie(device: Device, devices: int) -> bool:
    """Whether the devices exchange over PCIe."""
    return devices > 1 and device.kind != MODULE


def exchanging(constants: Constants, device: Device, devices: int) -> Constants:
    """The constants of so many devices: of cards with the exchange over PCIe, and its doubt."""
    if not over_pcie(device, devices):
        return constants
    cost = list(constants.cost)
    cost[_LINK] = _PER_LAYER * EXCHANGE_S * devices
    doubt = math.log(EXCHANGE_DOUBT)
    ends = {
        name: (
            math.exp(-math.hypot(math.log(low), doubt)),
            math.exp(math.hypot(math.log(high), doubt)),
        )
        for name, (low, high) in constants.ends.items()
    }
    source = f"{constants.source}; {EXCHANGE_SOURCE}"
    return replace(constants, cost=tuple(cost), ends=ends, source=source)


def pcie_bytes_per_s(device: Device) -> float:
    """What all lanes of a card carry in one direction [bytes/s]; PCIe 4.0 x16 where nobody says."""
    match = _FORM.search(device.form)
    generation, lanes = _USUAL if match is None else match.groups()
    return _LANE_BYTES_PER_S[generation] * int(lanes)


def token_share(model: Model, device: Device, devices: int) -> float:
    """What the exchange of one token adds to that of a step; nothing where it was fitted.

    A ring sends 2 (n - 1) / n of h elements for each sum.
    """
    if not over_pcie(device, devices):
        return 0.0
    sent = 2 * (devices - 1) / devices * model.hidden * _ELEMENT_BYTES
    return sent / (EXCHANGE_SHARE * pcie_bytes_per_s(device)) / (EXCHANGE_S * devices)
