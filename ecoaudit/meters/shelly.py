"""Shelly plugs and energy meters of the second generation and later, over their local RPC.

Fields and units: https://shelly-api-docs.shelly.cloud/gen2/ComponentsAndServices/ Switch, PM1, EM1
and EM. ``apower``, ``act_power`` and ``total_act_power`` are the last measured active power [W];
``aenergy.total`` is a counter [Wh]. A password is used as in .../gen2/General/Authentication:
digest of RFC 7616 with SHA-256, which Python's own client has only since 3.14.
"""

from __future__ import annotations

import hashlib
import os
import re
import secrets

from ecoaudit.errors import MeterUnavailableError, UsageError
from ecoaudit.meters.wall import (
    PASSWORD_VARIABLE,
    Answer,
    WallAddress,
    WallMeter,
    unreadable,
    wall_device,
)
from ecoaudit.meters.wall_http import (
    JsonServer,
    MissingError,
    PollError,
    RefusedError,
    watts,
    within,
)
from ecoaudit.units import J_PER_WH

# Component -> its RPC namespace and the field of its power.
_COMPONENTS = {
    "switch": ("Switch", "apower"),
    "pm1": ("PM1", "apower"),
    "em1": ("EM1", "act_power"),
    "em": ("EM", "total_act_power"),
}
_USER = "admin"  # "always", says the maker
_DOUBT = 0.02
_SOURCE = (
    "active power of the Shelly {model} over its local RPC ({method}), about once a second,"
    " integrated; the maker's API documentation gives no accuracy, taken as +-2 %"
)


def open_shelly(address: WallAddress, device_id: str) -> WallMeter:
    """Open ``shelly://HOST[/COMPONENT:ID]``; the component may be left out if only one measures.

    Raises:
        UsageError: no such component, or several that measure and none named.
        MeterUnavailableError: it does not answer, or not with power.
    """
    address.only()
    return WallMeter(ShellyPlug(address, device_id))


class ShellyPlug:
    """One component of one device; see :func:`open_shelly`."""

    def __init__(self, address: WallAddress, device_id: str):
        self._host = address.host
        self._server = JsonServer(f"http://{address.host}")
        self._password = os.environ.get(PASSWORD_VARIABLE)
        self._challenge: dict[str, str] = {}
        self._count = 0
        where = f"the Shelly at {address.host}"
        try:
            model = self._model(where)
            component = address.path or self._only_component(where)
            kind, _, number = component.partition(":")
            if kind not in _COMPONENTS or not (number or "0").isdigit():
                raise UsageError(
                    f"--wall: {component!r} is no component with power; expected one such as"
                    " shelly://192.168.1.20/switch:0, /pm1:0, /em1:0 or /em:0"
                )
            namespace, self._field = _COMPONENTS[kind]
            method = f"{namespace}.GetStatus"
            self._path = f"/rpc/{method}?id={number or 0}"
            self.ask()
        except PollError as error:
            raise unreadable(
                where,
                error,
                refused=f"put its password into {PASSWORD_VARIABLE}",
                otherwise=f"see whether http://{address.host}/rpc/Shelly.GetStatus opens in a"
                " browser",
            ) from error
        self.device = wall_device(
            device_id,
            f"Shelly {model}, {kind}:{number or 0}",
            method="shelly-power",
            source=_SOURCE.format(model=model, method=method),
            either_way=_DOUBT,
            step_s=1.0,  # no period is documented; devices in the field renew it every second
        )

    def ask(self) -> Answer:
        status = self._get(self._path)
        power_w = watts(within(status, self._field))
        return Answer.counted(power_w, within(status, "aenergy", "total"), J_PER_WH)

    def _model(self, where: str) -> str:
        """The model; this method needs no password."""
        try:
            told = self._server.get("/rpc/Shelly.GetDeviceInfo")
        except MissingError:
            raise MeterUnavailableError(
                f"{where} has no RPC; devices of the first generation have none: log their power"
                " into a file and give it with csv:FILE"
            ) from None
        return str(within(told, "model") or "plug")[:40]

    def _only_component(self, where: str) -> str:
        status = self._get("/rpc/Shelly.GetStatus")
        found = [
            name
            for name in (status if isinstance(status, dict) else ())
            if (kind := name.partition(":")[0]) in _COMPONENTS
            and within(status, name, _COMPONENTS[kind][1]) is not None
        ]
        if not found:
            raise MeterUnavailableError(
                f"{where} has no part that measures power; choose a model with power metering"
            )
        if len(found) > 1:
            raise UsageError(
                f"--wall: {where} measures {', '.join(found)}; name one:"
                f" shelly://{self._host}/{found[0]}"
            )
        return str(found[0])

    def _get(self, path: str) -> object:
        try:
            return self._server.get(path, self._authorization(path))
        except RefusedError as error:
            fresh = dict(re.findall(r'(\w+)="?([^",]+)"?', error.challenge))
            if "nonce" not in fresh or self._password is None:
                raise
            self._challenge, self._count = fresh, 0
            return self._server.get(path, self._authorization(path))

    def _authorization(self, path: str) -> dict[str, str]:
        """The header that answers the last challenge; none before the first one."""
        if not self._challenge:
            return {}
        self._count += 1
        realm, nonce = self._challenge.get("realm", ""), self._challenge["nonce"]
        count, own = f"{self._count:08x}", secrets.token_hex(8)
        first = _sha256(f"{_USER}:{realm}:{self._password}")
        response = _sha256(f"{first}:{nonce}:{count}:{own}:auth:{_sha256(f'GET:{path}')}")
        return {
            "Authorization": (
                f'Digest username="{_USER}", realm="{realm}", nonce="{nonce}", uri="{path}",'
                f' response="{response}", algorithm=SHA-256, qop=auth, nc={count}, cnonce="{own}"'
            )
        }


def _sha256(text: str) -> str:
    return hashlib.sha256(text.encode()).hexdigest()
