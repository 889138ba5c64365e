"""Fine-tuning of a model on one device: where the memory goes, and whether it fits."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from ecoaudit.errors import UsageError
from ecoaudit.estimate import Estimate
from ecoaudit.factors.hardware import Device, find_device
from ecoaudit.factors.models import Model
from ecoaudit.planning.point_table import model_of
from ecoaudit.sizing.training import TrainingMemory, training_memory
from ecoaudit.sizing.vllm_budget import shown_bytes


@dataclass(frozen=True, slots=True)
class FineTuning:
    """A way to train a model on one device.

    Attributes:
        model: the shape.
        device: what it is trained on.
        method: ``full``, ``lora`` or ``qlora``.
        rank: of the adapters; None: all weights are trained.
        batch: sequences worked on at once.
        sequence: length of each [tokens].
        checkpointed: whether activations are computed again on the way back.
        memory: what it takes.
        there: what the device has [bytes].
    """

    model: Model
    device: Device
    method: str
    rank: int | None
    batch: int
    sequence: int
    checkpointed: bool
    memory: TrainingMemory
    there: Estimate

    @property
    def fits(self) -> bool:
        """Whether it stays within the device's memory, both at the pessimistic end."""
        return (self.memory.total.high or 0.0) <= (self.there.low or 0.0)

    @property
    def figures(self) -> dict[str, Estimate]:
        """The parts by name, and their sum [bytes]."""
        parts = ("weights", "adapters", "gradients", "optimiser", "activations", "framework")
        found: dict[str, Estimate] = {
            f"{name}_bytes": getattr(self.memory, name)
            for name in parts
            if name != "adapters" or self.rank is not None
        }
        return found | {"memory_bytes": self.memory.total}


def fine_tuning_of(row: Mapping[str, str], *, checkpointed: bool = True) -> FineTuning:
    """A way to train from the texts of its parts.

    Args:
        row: ``model``, ``gpu``, ``method``, ``rank``, ``batch``, ``sequence``.
        checkpointed: whether activations are computed again on the way back.

    Raises:
        UsageError: an unknown method, or a number that is none.
        NotFoundError: no table holds the model or device.
    """
    method = row["method"].lower()
    rank, batch, sequence = (_whole(row, name) for name in ("rank", "batch", "sequence"))
    model, device = model_of(row["model"]), find_device(row["gpu"])
    memory = training_memory(
        model,
        method,
        sequence_tokens=sequence,
        batch=batch,
        rank=rank,
        checkpointed=checkpointed,
    )
    return FineTuning(
        model=model,
        device=device,
        method=method,
        rank=None if method == "full" else rank,
        batch=batch,
        sequence=sequence,
        checkpointed=checkpointed,
        memory=memory,
        there=shown_bytes(device),
    )


def _whole(row: Mapping[str, str], name: str) -> int:
    text = row[name].replace(",", "")
    if not text.isdecimal() or not 0 < int(text) < 10**7:
        raise UsageError(f"--{name}: expected a whole number above 0; got {row[name]!r}")
    return int(text)
