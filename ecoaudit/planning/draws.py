"""Power of every computer of a plan: its devices, and at the plug with what surrounds them."""

from __future__ import annotations

from collections.abc import Sequence
from functools import cached_property

import numpy

from ecoaudit.bands import Array, Band, Flags
from ecoaudit.estimate import Basis, Estimate
from ecoaudit.factors.hardware import MACHINE, Device
from ecoaudit.scenario import Host
from ecoaudit.sizing.power import Power, device_busy_w, device_idle_w, plug_power, supply_efficiency
from ecoaudit.sizing.stacked import Stacked


class Draws:
    """What computers draw.

    Args:
        devices: of each computer.
        counts: how many of it.
        host: the computer around cards.
    """

    def __init__(self, devices: Sequence[Device], counts: Sequence[int], host: Host):
        self._devices = devices
        self._counts = counts
        self._host = host

    @cached_property
    def _powers(self) -> list[Power]:
        return [self.power(column, None, None) for column in range(len(self._devices))]

    def power(self, column: int, idle_w: Estimate | None, busy_w: Estimate | None) -> Power:
        """Power of a computer at the plug, from what was measured of all its devices, if it was."""
        device, count = self._devices[column], self._counts[column]
        idle_w = idle_w or device_idle_w(device) * count
        busy_w = busy_w or device_busy_w(device) * count
        return plug_power(device, self._host, idle_w, busy_w, count)

    @cached_property
    def peak_w(self) -> Band:
        """What the circuit must carry [W]."""
        return Band.columns([power.peak_w for power in self._powers])

    @cached_property
    def idle_w(self) -> Band:
        """At the plug with the model loaded and no request, as modelled [W]."""
        return Band.columns([power.idle_w for power in self._powers])

    def board_w(self, steps: Stacked, share: Array, few: Array, read: Flags) -> Band:
        """Draw of all devices of a computer at work, as modelled [W].

        Args:
            steps: the modelled steps.
            share: of the power limit that they draw in the mean, see :meth:`Stacked.draw`.
            few: the factor for few requests in it.
            read: where it has a computing rate; where not, the draw is that of any device.
        """
        limits = [d.power_limit.value * n for d, n in self._pairs]
        low, high = steps.ends("power")
        value = share * numpy.array([limits])
        most = numpy.maximum(numpy.minimum(value * high / few, numpy.array([limits])), value)
        constants = steps.constants
        alike = Band.columns([device_busy_w(device) * count for device, count in self._pairs])

        def origin(row: int, column: int) -> tuple[Basis, str]:
            if not read[row, column]:
                return alike.origin(row, column)
            return Basis.MODELLED, f"draw of each kind of work in a step: {constants[column].said}"

        return Band(
            numpy.where(read, value, alike.value),
            numpy.where(read, value * low, alike.low),
            numpy.where(read, most, alike.high),
            "W",
            origin,
        )

    def at_plug(self, board_w: Band) -> Band:
        """Power at the plug from that of the devices; a machine's is the whole computer's."""
        one, none = (Estimate.exact(x, u, Basis.CONSTANT, "") for x, u in ((1, ""), (0, "W")))
        whole = [device.kind == MACHINE for device in self._devices]
        supply = Band.columns([one if each else supply_efficiency() for each in whole])
        beside = Band.columns([none if each else self._host.busy_power for each in whole])
        return board_w.per(supply, "W") + beside

    @property
    def _pairs(self) -> list[tuple[Device, int]]:
        return list(zip(self._devices, self._counts, strict=True))
