"""Training and fine-tuning: memory of one device and work of a run, from the model's shape.

Full training keeps 16 bytes per parameter (16-bit weight and gradient, FP32 weight, two moments of
AdamW). LoRA keeps the model in 16 bit and that only of the adapter; QLoRA keeps the linear layers
in NF4, embeddings and output layer in 16 bit, as bitsandbytes does: 0.516 bytes per parameter is
what the linear layers alone take.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final, Literal

from ecoaudit.errors import UsageError, did_you_mean
from ecoaudit.estimate import Basis, Estimate
from ecoaudit.factors.models import Model
from ecoaudit.sizing.memory import (
    active_parameters,
    attention_flop,
    linears,
    parameters,
    weight_bytes,
)
from ecoaudit.units import BYTES_PER_GIB

Method = Literal["full", "lora", "qlora"]
METHODS: Final = ("full", "lora", "qlora")
_WEIGHT_BYTES: Final = 2  # 16 bit
_GRADIENT_BYTES: Final = 2  # 16 bit
_OPTIMISER_BYTES: Final = 12  # FP32 weight 4, moments of AdamW 8; with weight and gradient 16
# Of the tensors that PyTorch 2.13 keeps and makes for Llama shapes of transformers 5.19, counted
# one by one (a test holds the sums), per token:
_KEPT_BYTES: Final = 2  # and channel: what is checkpointed of a layer
_CHANNEL_BYTES: Final = 25  # and channel of a layer at work, of which
_FED_BYTES: Final = 8  # and channel of its feed-forward part
_ADAPTER_BYTES: Final = 7  # and input of a linear layer whose adapter is FP32 and has dropout
_LOGIT_BYTES: Final = 12  # and logit: in 16 bit, in FP32, and their gradient
_BACKWARD: Final = 1.25  # a layer on the way back over what it keeps
_COUNT_DOUBT: Final = 0.1  # of such a sum, on other shapes
# Driver context and libraries: 0.2 to 0.7 GB (PyTorch issues 28113 and 107667), 1.0 GB (28394);
# what the allocator cannot use.
_FRAMEWORK_BYTES: Final = (0.6 * BYTES_PER_GIB, 0.3 * BYTES_PER_GIB, 1.2 * BYTES_PER_GIB)


@dataclass(frozen=True, slots=True)
class TrainingMemory:
    """What one device holds while it trains, all on that device [bytes].

    Attributes:
        weights: of the model.
        adapters: their weights; nothing where all is trained.
        gradients: of what is trained.
        optimiser: FP32 weights and moments of what is trained.
        activations: kept for the way back, and at work on it.
        framework: driver, libraries, what the allocator loses.
    """

    weights: Estimate
    adapters: Estimate
    gradients: Estimate
    optimiser: Estimate
    activations: Estimate
    framework: Estimate

    @property
    def trained(self) -> Estimate:
        """Weights of adapters, gradients and optimiser [bytes]."""
        found = self.adapters + self.gradients + self.optimiser
        return found.sourced("adapters, gradients and optimiser")

    @property
    def total(self) -> Estimate:
        """All of it [bytes]."""
        return (self.weights + self.trained + self.activations + self.framework).sourced(
            "weights, adapters, gradients, optimiser, activations and framework"
        )


def lora_parameters(model: Model, rank: int, *, experts: bool = True) -> int:
    """Parameters of adapters of a rank on every linear layer: r x sum(inputs + outputs).

    Args:
        model: the shape.
        rank: of the adapters.
        experts: whether each expert has adapters of its own.

    Raises:
        UsageError: the rank is below 1.
    """
    if rank < 1:
        raise UsageError(f"the rank of an adapter is at least 1; got {rank}")
    parts = [part for part in linears(model) if experts or not part.expert]
    return rank * sum((part.inputs + part.outputs) * part.count for part in parts)


def adapter_bytes(model: Model, rank: int, *, experts: bool = True) -> Estimate:
    """Size of an adapter in 16 bit [bytes]: what a client of a federated round sends."""
    size = float(_WEIGHT_BYTES * lora_parameters(model, rank, experts=experts))
    source = f"rank {rank} on every linear layer, 16 bit"
    return Estimate.exact(size, "bytes", Basis.MODELLED, source)


def training_memory(
    model: Model,
    method: str,
    *,
    sequence_tokens: int,
    batch: int = 1,
    rank: int = 16,
    checkpointed: bool = True,
) -> TrainingMemory:
    """Memory of one device that trains alone [bytes].

    Activations: 2 s b h for each layer, and one layer on the way back, 1.25 s b (25 h + 8 I), or
    the logits, 12 s b V, whichever is more, where they are checkpointed; s b (25 h + 8 I) for each
    layer and the logits where they are not. I are the channels that a token passes, of its experts
    too. Lower end: a loss that is cut in pieces, without logits. Upper end: adapters in FP32 with
    dropout, 7 s b (6 h + I) a layer more, as PEFT does unless told otherwise.

    Args:
        model: the shape.
        method: ``full``, ``lora`` or ``qlora``.
        sequence_tokens: length of a training sequence [tokens].
        batch: sequences that the device works on at once.
        rank: of the adapters.
        checkpointed: whether activations are computed again on the way back.

    Raises:
        UsageError: an unknown method, or nothing to train on.
    """
    _check(method)
    if sequence_tokens < 1 or batch < 1:
        raise UsageError("a training step has at least one sequence of one token")
    count, what = parameters(model), "parameter"
    adapters = Estimate.exact(0.0, "bytes", Basis.MODELLED, "all weights are trained")
    if method != "full":
        number, what = float(lora_parameters(model, rank)), f"parameter of adapters of rank {rank}"
        count = Estimate.exact(number, "parameters", Basis.MODELLED, what)
        adapters = count.converted(_WEIGHT_BYTES, "bytes").sourced(f"2 bytes per {what}")
    value, low, high = _FRAMEWORK_BYTES
    return TrainingMemory(
        weights=weight_bytes(model, "nf4" if method == "qlora" else "bf16"),
        adapters=adapters,
        gradients=count.converted(_GRADIENT_BYTES, "bytes").sourced(f"2 bytes per {what}"),
        optimiser=count.converted(_OPTIMISER_BYTES, "bytes").sourced(
            f"AdamW: 12 bytes per {what}, FP32 weight and two moments"
        ),
        activations=_activations(model, method, sequence_tokens * batch, checkpointed),
        framework=Estimate(
            value, low, high, "bytes", Basis.MODELLED, "driver, libraries, allocator: assumed"
        ),
    )


def _activations(model: Model, method: str, tokens: int, checkpointed: bool) -> Estimate:
    wide = model.experts_per_token * model.expert_intermediate + model.shared_intermediate
    if not model.experts or model.dense_layers:
        wide = max(wide, model.intermediate)
    layer = float(tokens * (_CHANNEL_BYTES * model.hidden + _FED_BYTES * wide))
    more = 0.0
    if method != "full":
        more = float(_ADAPTER_BYTES * tokens * (6 * model.hidden + wide))
    logits = float(_LOGIT_BYTES * tokens * model.vocab)
    kept = float(_KEPT_BYTES * tokens * model.hidden * model.layers)

    def held(each: float, last: float) -> float:
        if checkpointed:
            return kept + max(_BACKWARD * each, last)
        return each * model.layers + last

    how = "kept per layer, one layer or the logits" if checkpointed else "all layers and the logits"
    return Estimate(
        held(layer, logits),
        held(layer, 0.0) * (1 - _COUNT_DOUBT),
        held(layer + more, logits) * (1 + _COUNT_DOUBT),
        "bytes",
        Basis.MODELLED,
        f"activations: {how}",
    )


def training_flop(
    model: Model,
    method: str,
    tokens: Estimate,
    *,
    sequence_tokens: int = 0,
    rank: int = 16,
    recomputed: bool = False,
) -> Estimate:
    """Work of training on ``tokens`` [FLOP].

    Full 6 N D; LoRA and QLoRA 4 N D + 6 N_lora D, since frozen weights have no gradient. N are the
    parameters that a token is multiplied with. Each forward pass that is done again adds 2 N D.
    Attention adds three times (frozen or not) its forward work, half of it where each token only
    looks back.

    Args:
        model: the shape.
        method: ``full``, ``lora`` or ``qlora``.
        tokens: seen in all [tokens].
        sequence_tokens: length of a sequence; 0: without attention [tokens].
        rank: of the adapters.
        recomputed: whether activations are computed again on the way back.

    Raises:
        UsageError: an unknown method.
    """
    _check(method)
    active = float(active_parameters(model))
    passes = 3.0 if method == "full" else 2.0
    each = 2 * (passes + recomputed) * active
    if method != "full":
        each += 6.0 * lora_parameters(model, rank)
    each += (3 + recomputed) * attention_flop(model) * sequence_tokens / 2
    source = "6 N D" if method == "full" else "4 N D + 6 N_lora D"
    if recomputed:
        source += ", forward pass done twice"
    return tokens.converted(each, "FLOP").sourced(source, Basis.MODELLED)


def _check(method: str) -> None:
    if method not in METHODS:
        raise UsageError(f"no way to train is called {method!r}; {did_you_mean(method, METHODS)}")
