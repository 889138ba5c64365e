"""Plugs with the Tasmota firmware, over its web commands.

``/cm?cmnd=Status%2010`` answers ``StatusSNS.ENERGY``: ``Power`` [W], one number or one for each
channel, and ``Total`` [kWh]; a password goes into the query, and a wrong one gives HTTP 401 or, in
old firmware, a ``WARNING``: https://tasmota.github.io/docs/Commands/
"""

from __future__ import annotations

import os
from urllib.parse import urlencode

from ecoaudit.errors import UsageError
from ecoaudit.meters.wall import (
    PASSWORD_VARIABLE,
    USER_VARIABLE,
    Answer,
    WallAddress,
    WallMeter,
    unreadable,
    wall_device,
)
from ecoaudit.meters.wall_http import JsonServer, PollError, RefusedError, watts, within
from ecoaudit.units import J_PER_KWH

_DOUBT = 0.05
_SOURCE = (
    "power of a Tasmota plug ({which}, Status 10), about once a second, integrated; its"
    " documentation asks for a calibration of each plug, and whether this one had it is not known:"
    " taken as +-5 %"
)


def open_tasmota(address: WallAddress, device_id: str) -> WallMeter:
    """Open ``tasmota://HOST[/CHANNEL]``; without a channel, all channels of the plug are added.

    Raises:
        UsageError: the channel is no number from 1.
        MeterUnavailableError: it does not answer, or not with power.
    """
    address.only()
    return WallMeter(TasmotaPlug(address, device_id))


class TasmotaPlug:
    """One plug, or one channel of it; see :func:`open_tasmota`."""

    def __init__(self, address: WallAddress, device_id: str):
        if address.path and not (address.path.isdigit() and int(address.path) > 0):
            raise UsageError(
                f"--wall: expected a channel from 1, as in tasmota://192.168.1.21/1; got"
                f" {address.path!r}"
            )
        self._channel = int(address.path) if address.path else None
        query = {"cmnd": "Status 10"}
        if password := os.environ.get(PASSWORD_VARIABLE):
            query |= {"user": os.environ.get(USER_VARIABLE, "admin"), "password": password}
        self._path = f"/cm?{urlencode(query)}"
        self._server = JsonServer(f"http://{address.host}")
        try:
            self.ask()
        except PollError as error:
            raise unreadable(
                f"the Tasmota plug at {address.host}",
                error,
                refused=f"put its web password into {PASSWORD_VARIABLE}",
                otherwise=f"see whether http://{address.host}/ opens in a browser and shows power",
            ) from error
        which = "all channels" if self._channel is None else f"channel {self._channel}"
        self.device = wall_device(
            device_id,
            f"Tasmota plug, {which}",
            method="tasmota-power",
            source=_SOURCE.format(which=which),
            either_way=_DOUBT,  # https://tasmota.github.io/docs/Power-Monitoring-Calibration
            step_s=1.0,  # its energy drivers work once a second
        )

    def ask(self) -> Answer:
        status = self._server.get(self._path)
        if within(status, "WARNING") is not None:
            raise RefusedError
        power = within(status, "StatusSNS", "ENERGY", "Power")
        if power is None:
            raise PollError("the answer holds no power")
        total = within(status, "StatusSNS", "ENERGY", "Total")
        if self._channel is None:
            power_w = sum(watts(one) for one in (power if isinstance(power, list) else [power]))
        elif isinstance(power, list) and self._channel <= len(power):
            power_w, total = watts(power[self._channel - 1]), None  # the counter has all channels
        elif isinstance(power, list) or self._channel > 1:
            raise PollError(f"it has no channel {self._channel}")
        else:
            power_w = watts(power)
        return Answer.counted(power_w, total, J_PER_KWH)
