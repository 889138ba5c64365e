"""How much of its peak rate the hardware put into the model: model FLOPs utilisation (MFU).

Chowdhery et al., "PaLM: Scaling Language Modeling with Pathways", arXiv:2204.02311, appendix B:
MFU is the observed number of tokens per second over the number that the hardware would reach at
its peak rate, P / (6 N + 12 L H Q T). Work done twice (rematerialisation) does not count, so that
runs of different programs can be compared.
"""

from __future__ import annotations

from collections.abc import Sequence

from ecoaudit.errors import NotFoundError, UsageError
from ecoaudit.estimate import Basis, Estimate, total
from ecoaudit.measurement import Device

UNIT = "FLOP/s"


def training_flops_per_token(
    parameters: float, *, layers: int = 0, hidden: int = 0, sequence: int = 0
) -> float:
    """Floating-point operations that training a dense transformer on one token takes [FLOP].

    6 N for the matrices, forward and backward, and 12 L H Q T for attention (PaLM, appendix B).

    Args:
        parameters: N, parameters that each token passes through; all of a dense model.
        layers: L, number of layers; 0 leaves attention out.
        hidden: H x Q, attention heads x dimension of a head.
        sequence: T, tokens in a sequence.

    Raises:
        UsageError: a number that is none, or only some of the three that attention needs.
    """
    attention = (layers, hidden, sequence)
    if not parameters > 0 or any(number < 0 for number in attention):
        raise UsageError(f"parameters must be more than 0, got {parameters!r}")
    if any(attention) and not all(attention):
        raise UsageError("the attention term needs layers, hidden and sequence; give all or none")
    return 6.0 * parameters + 12.0 * layers * hidden * sequence


def peak_flops_per_s(devices: Sequence[Device]) -> Estimate:
    """Peak dense 16-bit rate of the GPUs among ``devices``, by their names in our table [FLOP/s].

    Absent without a GPU, and when the table does not hold one of them.
    """
    from ecoaudit.factors.hardware import find_device  # a run must not wait for the table

    boards = [device.name for device in devices if device.kind == "gpu"]
    if not boards:
        return Estimate.absent(UNIT, "no GPU was read; give peak_flops [FLOP/s]")
    peaks = []
    for name in boards:
        try:
            rate = find_device(name).bf16
        except NotFoundError as error:
            return Estimate.absent(UNIT, f"{error}; give peak_flops [FLOP/s]")
        if rate is None:
            return Estimate.absent(UNIT, f"no 16-bit rate of {name} is known; give peak_flops")
        peaks.append(rate.estimate())
    found = total(peaks, UNIT)
    return found.sourced(f"dense 16-bit peak of {', '.join(boards)}: {found.source}")


def utilisation(flops_per_s: Estimate, peak: Estimate) -> Estimate:
    """MFU [1]: what the model needed over what the hardware could have done."""
    if not peak.known or not flops_per_s.known:
        return Estimate.absent("1", peak.source if not peak.known else flops_per_s.source)
    share = flops_per_s.per(peak, "1")
    return share.sourced(f"MFU, PaLM appendix B (arXiv:2204.02311): {share.source}", Basis.MODELLED)
