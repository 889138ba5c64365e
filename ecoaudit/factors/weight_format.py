"""The format in which a model's weights are published, from its ``config.json``."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final

from ecoaudit.errors import UsageError, did_you_mean
from ecoaudit.factors.models import FORMATS

_METHODS: Final = {"fp8": "fp8", "fbgemm_fp8": "fp8", "mxfp4": "mxfp4", "nvfp4": "nvfp4"}
_BITS: Final = {4: "int4", 8: "int8"}


def weight_format(value: object, place: str) -> str:
    """``value`` as the name of a weight format.

    Raises:
        UsageError: it is none.
    """
    if not isinstance(value, str) or value not in FORMATS:
        raise UsageError(
            f"{place}: no weight format {value!r}; {did_you_mean(str(value), FORMATS)}"
        )
    return value


def shipped_format(raw: Mapping[str, Any], place: str) -> str:
    """The weight format of a checkpoint that is quantised, or of ``weights``; empty: 16 bit.

    Args:
        raw: keys and values of a ``config.json``.
        place: of the file, for messages.

    Raises:
        UsageError: it is quantised in a way that is not known here.
    """
    if "weights" in raw:
        return weight_format(raw["weights"], f"{place}: weights")
    quantised = raw.get("quantization_config")
    if not isinstance(quantised, Mapping):
        return ""
    method = str(quantised.get("quant_method", "")).lower()
    if method in _METHODS:
        return _METHODS[method]
    if method == "bitsandbytes":
        return "nf4" if quantised.get("load_in_4bit") else "int8"
    bits = quantised.get("bits", quantised.get("w_bit"))
    floating = False
    groups = quantised.get("config_groups")
    if method == "compressed-tensors" and isinstance(groups, Mapping):
        group = next(iter(groups.values()), None)
        weights = group.get("weights") if isinstance(group, Mapping) else None
        if isinstance(weights, Mapping):
            bits, floating = weights.get("num_bits"), weights.get("type") == "float"
    if "nvfp4" in str(quantised.get("quant_algo", "")).lower() or (bits == 4 and floating):
        return "nvfp4"
    if "fp8" in str(quantised.get("quant_algo", "")).lower() or (bits == 8 and floating):
        return "fp8"
    if isinstance(bits, int) and bits in _BITS:
        return _BITS[bits]
    raise UsageError(
        f"{place}: quantization_config: {method or 'a format without a name'} is not among "
        "fp8, mxfp4, nvfp4, AWQ, GPTQ, bitsandbytes and compressed-tensors; add weights: int4"
    )
