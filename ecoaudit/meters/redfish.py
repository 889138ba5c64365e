"""The power that a server's management controller reads at its power supplies, over Redfish.

DMTF schemas EnvironmentMetrics (``PowerWatts.Reading`` [W], ``EnergykWh.Reading`` [kWh]) and the
older Power (``PowerControl[0].PowerConsumedWatts`` [W]); examples of both in the DMTF's
Redfish-Mockup-Server. Later entries of ``PowerControl`` are parts of the first on many servers
(processors, memory), so only the first is read.
"""

from __future__ import annotations

import base64
import os
from pathlib import Path

from ecoaudit.errors import UsageError
from ecoaudit.meters.wall import (
    PASSWORD_VARIABLE,
    TOKEN_VARIABLE,
    USER_VARIABLE,
    Answer,
    WallAddress,
    WallMeter,
    unreadable,
    wall_device,
)
from ecoaudit.meters.wall_http import JsonServer, MissingError, PollError, watts, within
from ecoaudit.units import J_PER_KWH

PERIOD_S = 2.0  # a handshake each second is much for a management controller
_ROOT = "/redfish/v1"
_DOUBT = 0.05
_SOURCE = (
    "input power of the server, Redfish {resource}, every 2 s, integrated; the standard sets no"
    " accuracy, taken as +-5 % (PMBus READ_PIN above 20 % load, Intel E72797-009; +-15 % below)"
)


def open_redfish(address: WallAddress, device_id: str) -> WallMeter:
    """Open ``redfish://HOST[/Chassis/ID][?ca=FILE][?verify=no]``.

    The chassis may be left out if there is only one. ``ca`` names the certificate to trust;
    ``verify=no`` trusts any, for a controller with a certificate of its own.

    Raises:
        UsageError: the address cannot be used, or leaves open which chassis.
        MeterUnavailableError: it does not answer, or not with power.
    """
    address.only("ca", "verify")
    return WallMeter(RedfishServer(address, device_id), period_s=PERIOD_S)


class RedfishServer:
    """One chassis; see :func:`open_redfish`."""

    def __init__(self, address: WallAddress, device_id: str):
        verify = address.options.get("verify", "yes")
        if verify not in ("yes", "no"):
            raise UsageError(f"--wall redfish: verify is yes or no; got {verify!r}")
        self._headers = _credentials()
        ca = address.options.get("ca")
        try:
            self._server = JsonServer(f"https://{address.host}", ca=ca, verify=verify == "yes")
        except OSError as error:
            raise UsageError(f"--wall redfish: ca={ca}: no certificate ({error})") from error
        try:
            self._chassis = f"{_ROOT}/{address.path}" if address.path else self._only_chassis()
            self._resource = "EnvironmentMetrics"
            self._choose_resource()
        except PollError as error:
            remedy = (
                "name the file with its certificate, ?ca=FILE, or trust any with ?verify=no"
                if "certificate" in str(error)
                else f"see what https://{address.host}{_ROOT}/Chassis shows"
            )
            raise unreadable(
                f"the Redfish service at {address.host}",
                error,
                refused=f"put a session token into {TOKEN_VARIABLE}, or name and password into"
                f" {USER_VARIABLE} and {PASSWORD_VARIABLE}",
                otherwise=remedy,
            ) from error
        self.device = wall_device(
            device_id,
            f"Redfish chassis {Path(self._chassis).name}",
            method="redfish-power",
            source=_SOURCE.format(resource=self._resource),
            either_way=_DOUBT,
            step_s=5.0,  # the standard sets no period; controllers take some seconds
            details={"certificate": "checked" if verify == "yes" else "not checked"},
        )

    def ask(self) -> Answer:
        data = self._get(f"{self._chassis}/{self._resource}")
        if self._resource == "Power":
            return Answer(watts(within(data, "PowerControl", 0, "PowerConsumedWatts")))
        power_w = watts(within(data, "PowerWatts", "Reading"))
        return Answer.counted(power_w, within(data, "EnergykWh", "Reading"), J_PER_KWH)

    def _choose_resource(self) -> None:
        """Take the newer resource where it holds power, else the older one."""
        try:
            self.ask()
        except PollError as error:
            if not isinstance(error, MissingError) and "no power" not in str(error):
                raise
            self._resource = "Power"
            self.ask()

    def _only_chassis(self) -> str:
        members = within(self._get(f"{_ROOT}/Chassis"), "Members")
        paths = [
            path
            for member in (members if isinstance(members, list) else ())
            if isinstance(path := within(member, "@odata.id"), str) and path.startswith(_ROOT)
        ]
        if len(paths) != 1:
            names = ", ".join(path.removeprefix(f"{_ROOT}/") for path in paths) or "none"
            raise UsageError(
                f"--wall redfish: name the chassis, as in redfish://192.168.1.22/Chassis/1;"
                f" there: {names}"
            )
        return paths[0].rstrip("/")

    def _get(self, path: str) -> object:
        return self._server.get(path, self._headers)


def _credentials() -> dict[str, str]:
    """The headers that the environment's token, or user and password, make.

    Raises:
        UsageError: a password without a user.
    """
    if token := os.environ.get(TOKEN_VARIABLE):
        return {"X-Auth-Token": token}
    password = os.environ.get(PASSWORD_VARIABLE)
    if not password:
        return {}
    user = os.environ.get(USER_VARIABLE)
    if not user:
        raise UsageError(f"{PASSWORD_VARIABLE} is set; set {USER_VARIABLE} too for Redfish")
    pair = base64.b64encode(f"{user}:{password}".encode())
    return {"Authorization": f"Basic {pair.decode()}"}
