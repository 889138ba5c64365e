"""What every meter offers. A meter reads one family of devices and knows nothing of windows."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Protocol, runtime_checkable

from ecoaudit.measurement import Device, Reading
from ecoaudit.run import Doubt


class Meter(Protocol):
    """Reads the devices of one family.

    A meter is opened by constructing it, which raises
    :class:`~ecoaudit.errors.MeterUnavailableError` with the remedy where it cannot work.
    ``read`` is called from one thread, about ten times a second; it must not sleep, must not
    start processes, and must not raise for one device's failure: that device's ``Reading`` then
    has None for what could not be had, and ``doubts`` tells why.
    """

    name: str

    def devices(self) -> Sequence[Device]:
        """The devices, fixed for the life of the meter."""
        ...

    def read(self, now_s: float) -> Sequence[Reading]:
        """One reading per device, or what came in since the last call where the meter asks on its
        own. ``now_s`` is the caller's monotonic clock [s].

        A reading with neither energy nor power says that the device was asked and did not answer.
        """
        ...

    def doubts(self) -> Sequence[Doubt]:
        """What went wrong while reading, or weakens what was read, without repeats."""
        ...

    def close(self) -> None:
        """Give back what the meter holds. May be called twice."""
        ...


@runtime_checkable
class LateMeter(Meter, Protocol):
    """A meter that has more to hand over when the run has ended."""

    def last_readings(self) -> Sequence[Reading]:
        """Those readings, once, on the clock of :meth:`read`; may wait some seconds."""
        ...


@dataclass(frozen=True, slots=True)
class Probe:
    """What ``ecoaudit doctor`` says of one family on this machine.

    Attributes:
        meter: registry name of the meter.
        what: what it would measure, such as ``"NVIDIA GPUs"``.
        state: ``measured``, ``modelled`` or ``absent``.
        detail: the devices found and the method, or why there are none.
        remedy: what to do to get it (better) measured; empty when nothing is to be done.
    """

    meter: str
    what: str
    state: str
    detail: str
    remedy: str
