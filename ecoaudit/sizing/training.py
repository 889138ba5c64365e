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

Method = Literal["full", "lora", "qlora"]
METHODS: Final = ("full", "lora", "qlora")
_WEIGHT_BYTES: Final = 2  # 16 bit
_TRAINED_BYTES: Final = 14  # gradient 2, FP32 weight 4, moments 8; with the weight 16
_LAYER_BYTES: Final = 34  # per token and channel of one layer at work (Megatron's estimate)
_LOGIT_BYTES: Final = 8  # FP32 logits and their gradient, where the loss is not cut in pieces


@dataclass(frozen=True, slots=True)
class TrainingMemory:
    """What one device holds while it trains, all on that device [bytes].

    Attributes:
        weights: of the model.
        trained: weights, gradients and optimiser of what is trained, without ``weights``.
        activations: kept for the way back.
    """

    weights: Estimate
    trained: Estimate
    activations: Estimate

    @property
    def total(self) -> Estimate:
        """All of it [bytes]."""
        return (self.weights + self.trained + self.activations).sourced(
            "weights, gradients, optimiser and activations"
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

    Activations: 2 s b h for each layer and one layer at work, 34 s b h, where they are
    checkpointed; 34 s b h for each layer where they are not. The upper end adds the logits,
    8 s b V, which a loss that is not cut in pieces keeps; the lower end is half.

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
    if method == "full":
        count = parameters(model)
        weights = weight_bytes(model, "bf16")
        trained = count.converted(_TRAINED_BYTES, "bytes").sourced("14 bytes per parameter: AdamW")
    else:
        adapters = float(lora_parameters(model, rank))
        weights = weight_bytes(model, "nf4" if method == "qlora" else "bf16")
        size = adapters * (_WEIGHT_BYTES + _TRAINED_BYTES)
        source = f"16 bytes per parameter of adapters of rank {rank}: AdamW"
        trained = Estimate.exact(size, "bytes", Basis.MODELLED, source)
    return TrainingMemory(
        weights, trained, _activations(model, sequence_tokens * batch, checkpointed)
    )


def _activations(model: Model, tokens: int, checkpointed: bool) -> Estimate:
    layer = float(_LAYER_BYTES * tokens * model.hidden)
    value = layer * model.layers
    if checkpointed:
        value = 2.0 * tokens * model.hidden * model.layers + layer
    high = value + _LOGIT_BYTES * tokens * model.vocab
    how = "kept per layer, one layer at work" if checkpointed else "all layers kept"
    return Estimate(value, value / 2, high, "bytes", Basis.MODELLED, f"activations: {how}")


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
