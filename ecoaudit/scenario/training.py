"""A training whose electricity is estimated from its work, for want of a measured run."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Annotated, ClassVar, Literal

from ecoaudit.estimate import Estimate
from ecoaudit.scenario.fields import Interval, Quantity, Switch
from ecoaudit.scenario.kinds import Name, Power, Share


@dataclass(frozen=True, slots=True)
class EstimatedTraining:
    """What is trained, on how much, and on what.

    Attributes:
        tokens: that it sees in all [tokens].
        method: ``full``, ``lora`` or ``qlora``.
        model: of the table of models; else ``parameters``.
        parameters: that a token is multiplied with [parameters].
        sequence: length of a sequence, for attention [tokens]; 0: left out.
        rank: of the adapters.
        checkpointed: whether activations are computed again on the way back.
        device: of the table of devices, for its peak rate and power limit.
        peak: dense rate of the device in the format of the training [FLOP/s].
        utilisation: model FLOPs over that peak (MFU); None: that of published trainings.
        power: of one device at work, with its share of the computer [W]; None: a share of the
            device's power limit.
    """

    __pydantic_config__: ClassVar = {"extra": "forbid"}

    tokens: Annotated[Estimate, Quantity(unit="tokens", positive=True)]
    method: Literal["full", "lora", "qlora"]
    model: Name | None = None
    parameters: Annotated[Estimate, Quantity(unit="parameters", positive=True)] | None = None
    sequence: Annotated[int, Interval(0, 10_000_000)] = 0
    rank: Annotated[int, Interval(1, 100_000)] = 16
    checkpointed: Annotated[bool, Switch()] = False
    device: Name | None = None
    peak: Annotated[Estimate, Quantity("computing rate", positive=True)] | None = None
    utilisation: Share | None = None
    power: Power | None = None

    def __post_init__(self) -> None:
        if (self.model is None) == (self.parameters is None):
            raise ValueError("expected one of model and parameters")
        if self.device is None and (self.peak is None or self.power is None):
            raise ValueError("expected device, or peak and power")
