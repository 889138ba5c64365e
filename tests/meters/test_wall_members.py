"""How each kind of meter at the plug is opened, and what its errors say."""

from __future__ import annotations

import socket
from pathlib import Path
from typing import Any

import pytest

from ecoaudit.errors import MeterUnavailableError, UsageError
from ecoaudit.meters import WALL_METERS, open_wall_meters
from ecoaudit.meters.redfish import RedfishServer as RedfishPlug
from ecoaudit.meters.shelly import ShellyPlug
from ecoaudit.meters.tasmota import TasmotaPlug
from ecoaudit.meters.wall import WallAddress
from tests.standins.http_meters import (
    Load,
    MeterServer,
    RedfishServer,
    Reply,
    ShellyServer,
    TasmotaServer,
)


@pytest.fixture
def load() -> Load:
    """150 W; the counter stands at 2 kWh."""
    return Load(lambda _: 150.0, from_j=7.2e6)


def shelly(text: str) -> ShellyPlug:
    return ShellyPlug(WallAddress.parse(text), "wall-0")


def tasmota(text: str) -> TasmotaPlug:
    return TasmotaPlug(WallAddress.parse(text), "wall-0")


def redfish(text: str) -> RedfishPlug:
    return RedfishPlug(WallAddress.parse(text), "wall-0")


# -- addresses -------------------------------------------------------------------------------------


def test_addresses() -> None:
    assert WallAddress.parse("shelly://plug.lan:8080/pm1:0") == WallAddress(
        "shelly", "plug.lan:8080", "pm1:0"
    )
    assert WallAddress.parse("redfish://[fe80::1]/Chassis/1?verify=no") == WallAddress(
        "redfish", "[fe80::1]", "Chassis/1", {"verify": "no"}
    )
    assert WallAddress.parse("csv:/logs/meter.csv") == WallAddress("csv", "", "/logs/meter.csv")


@pytest.mark.parametrize(
    "text", ["", "plug", "csv:", "shelly:", "shelly://", "shelly://a:b", "//x"]
)
def test_what_is_no_address(text: str) -> None:
    with pytest.raises(UsageError, match="--wall: expected a meter such as shelly://192"):
        open_wall_meters([text])


def test_a_password_in_the_address_is_refused_and_not_repeated() -> None:
    with pytest.raises(UsageError, match="put it into ECOAUDIT_WALL_PASSWORD") as error:
        open_wall_meters(["shelly://admin:hunter2@192.168.1.20"])
    assert "hunter2" not in str(error.value)


def test_an_unknown_kind_or_option() -> None:
    with pytest.raises(UsageError, match="'shely' is no kind of meter; did you mean 'shelly'"):
        open_wall_meters(["shely://192.168.1.20"])
    with pytest.raises(UsageError, match="the option 'verify' is unknown; known: none"):
        open_wall_meters(["tasmota://192.168.1.20?verify=no"])


@pytest.mark.parametrize("kind", [kind for kind in WALL_METERS if kind != "csv"])
def test_nobody_is_there(kind: str) -> None:
    with socket.create_server(("127.0.0.1", 0)) as free:
        port = free.getsockname()[1]
    with pytest.raises(
        MeterUnavailableError, match="cannot be read: the connection is refused; see"
    ):
        open_wall_meters([f"{kind}://127.0.0.1:{port}/{'1' if kind == 'tasmota' else ''}"])


def test_several_meters_have_names_of_their_own(load: Load) -> None:
    with ShellyServer(load) as one, TasmotaServer(load) as two:
        meters = open_wall_meters([f"shelly://{one.host}", f"tasmota://{two.host}"])
    assert [meter.devices()[0].id for meter in meters] == ["wall-0", "wall-1"]
    for meter in meters:
        meter.close()


# -- Shelly ----------------------------------------------------------------------------------------


@pytest.mark.parametrize("component", ["switch:0", "pm1:0"])
def test_a_shelly_with_a_counter(load: Load, component: str) -> None:
    with ShellyServer(load, components=(component,)) as server:
        plug = shelly(f"shelly://{server.host}")
        answer = plug.ask()
    assert plug.device.name == f"Shelly SNSW-001P16EU, {component}"
    assert answer.power_w == 150.0
    assert answer.counter_j == pytest.approx(7.2e6, abs=2000)
    assert answer.step_j == pytest.approx(3.6)


@pytest.mark.parametrize("component", ["em1:0", "em:0"])
def test_a_shelly_energy_meter_has_power_only(load: Load, component: str) -> None:
    with ShellyServer(load, components=(component,)) as server:
        answer = shelly(f"shelly://{server.host}").ask()
    assert (answer.power_w, answer.counter_j) == (150.0, None)


def test_a_shelly_that_measures_more_than_once(load: Load) -> None:
    with ShellyServer(load, components=("switch:0", "switch:1")) as server:
        with pytest.raises(UsageError, match=r"measures switch:0, switch:1; name one: shelly://"):
            shelly(f"shelly://{server.host}")
        assert shelly(f"shelly://{server.host}/switch:1").device.name.endswith("switch:1")
        with pytest.raises(UsageError, match="'light:0' is no component with power"):
            shelly(f"shelly://{server.host}/light:0")
        with pytest.raises(MeterUnavailableError, match="no such resource"):
            shelly(f"shelly://{server.host}/switch:7")


def test_a_shelly_without_power(load: Load) -> None:
    with (
        ShellyServer(load, components=()) as server,
        pytest.raises(MeterUnavailableError, match="no part that measures power"),
    ):
        shelly(f"shelly://{server.host}")


def test_a_shelly_with_a_password(load: Load, monkeypatch: pytest.MonkeyPatch) -> None:
    with ShellyServer(load, "s3cret") as server:
        with pytest.raises(MeterUnavailableError, match="put its password into ECOAUDIT_WALL_PASS"):
            shelly(f"shelly://{server.host}")
        monkeypatch.setenv("ECOAUDIT_WALL_PASSWORD", "wrong")
        with pytest.raises(MeterUnavailableError, match="is refused; put its password"):
            shelly(f"shelly://{server.host}")
        monkeypatch.setenv("ECOAUDIT_WALL_PASSWORD", "s3cret")
        plug = shelly(f"shelly://{server.host}")
        server.nonce = "renewed"
        assert plug.ask().power_w == 150.0
        asked = len(server.requests)
        assert plug.ask().power_w == 150.0
        assert len(server.requests) == asked + 1  # the challenge is answered ahead
    assert not any("s3cret" in path + str(headers) for path, headers in server.requests)


def test_a_shelly_of_the_first_generation(load: Load) -> None:
    class FirstGeneration(MeterServer):
        def answer(self, *_: Any) -> Reply:
            return 404, "Not Found", {}

    with (
        FirstGeneration(load) as server,
        pytest.raises(MeterUnavailableError, match="first generation have none: log their power"),
    ):
        shelly(f"shelly://{server.host}")


def test_negative_power_is_no_reading() -> None:
    with (
        ShellyServer(Load(lambda _: -11.2)) as server,
        pytest.raises(MeterUnavailableError, match="it shows negative power"),
    ):
        shelly(f"shelly://{server.host}")


# -- Tasmota ---------------------------------------------------------------------------------------


def test_a_tasmota_plug(load: Load) -> None:
    with TasmotaServer(load) as server:
        plug = tasmota(f"tasmota://{server.host}")
        answer = plug.ask()
    assert answer.power_w == 150.0
    assert answer.counter_j == pytest.approx(7.2e6, abs=3601)
    assert answer.step_j == pytest.approx(3600.0)
    assert server.requests[0][0] == "/cm?cmnd=Status+10"
    assert (plug.device.method, plug.device.relative_high) == ("tasmota-power", 0.05)


def test_channels_of_a_tasmota_plug_are_added_or_chosen(load: Load) -> None:
    with TasmotaServer(load, channels=2) as server:
        assert tasmota(f"tasmota://{server.host}").ask().power_w == 150.0
        chosen = tasmota(f"tasmota://{server.host}/2")
        answer = chosen.ask()
        assert (answer.power_w, answer.counter_j) == (75.0, None)
        assert chosen.device.name == "Tasmota plug, channel 2"
        with pytest.raises(MeterUnavailableError, match="it has no channel 3"):
            tasmota(f"tasmota://{server.host}/3")
    with pytest.raises(UsageError, match="expected a channel from 1"):
        tasmota("tasmota://127.0.0.1/left")


@pytest.mark.parametrize("old", [False, True])
def test_a_tasmota_plug_with_a_password(
    load: Load, old: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    with TasmotaServer(load, "p & q", old=old) as server:
        with pytest.raises(MeterUnavailableError, match="put its web password into"):
            tasmota(f"tasmota://{server.host}")
        monkeypatch.setenv("ECOAUDIT_WALL_PASSWORD", "p & q")
        assert tasmota(f"tasmota://{server.host}").ask().power_w == 150.0


# -- Redfish ---------------------------------------------------------------------------------------


def test_a_certificate_is_checked_unless_it_is_named_or_waived(load: Load, tmp_path: Path) -> None:
    with RedfishServer(load, tmp_path) as server:
        address = f"redfish://{server.host}/Chassis/1U"
        with pytest.raises(
            MeterUnavailableError, match=r"certificate is not trusted .*\?ca=FILE, or trust any"
        ):
            redfish(address)
        assert server.requests == []
        plug = redfish(f"{address}?ca={server.certificate}")
        assert plug.ask().power_w == 150.0
        assert plug.device.details == {"certificate": "checked"}
        plug = redfish(f"{address}?verify=no")
        assert plug.ask().power_w == 150.0
        assert plug.device.details == {"certificate": "not checked"}
        with pytest.raises(UsageError, match=r"ca=nowhere.pem: no certificate"):
            redfish(f"{address}?ca=nowhere.pem")
        with pytest.raises(UsageError, match="verify is yes or no; got 'maybe'"):
            redfish(f"{address}?verify=maybe")


def test_the_newer_resource_is_taken_where_it_holds_power(load: Load, tmp_path: Path) -> None:
    with RedfishServer(load, tmp_path) as server:
        plug = redfish(f"redfish://{server.host}?verify=no")
        answer = plug.ask()
    assert plug.device.name == "Redfish chassis 1U"
    assert "EnvironmentMetrics" in plug.device.source
    assert (answer.power_w, answer.counter_j, answer.step_j) == (150.0, 7.2e6, 3.6e6)


def test_the_older_resource_gives_the_first_control_only(load: Load, tmp_path: Path) -> None:
    with RedfishServer(load, tmp_path, resource="Power") as server:
        plug = redfish(f"redfish://{server.host}/Chassis/1U?verify=no")
        answer = plug.ask()
    assert "Redfish Power," in plug.device.source
    assert (answer.power_w, answer.counter_j) == (150.0, None)


def test_a_service_without_power(load: Load, tmp_path: Path) -> None:
    with (
        RedfishServer(load, tmp_path, resource="none") as server,
        pytest.raises(MeterUnavailableError, match="cannot be read: the answer holds no power"),
    ):
        redfish(f"redfish://{server.host}/Chassis/1U?verify=no")


def test_several_chassis(load: Load, tmp_path: Path) -> None:
    with RedfishServer(load, tmp_path, chassis=("1U", "Blade1")) as server:
        with pytest.raises(
            UsageError, match=r"name the chassis, .*there: Chassis/1U, Chassis/Blad"
        ):
            redfish(f"redfish://{server.host}?verify=no")
        assert redfish(f"redfish://{server.host}/Chassis/Blade1?verify=no").ask().power_w == 150.0


def test_a_service_with_user_and_password_or_token(
    load: Load, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    with RedfishServer(load, tmp_path, user="root", password="calvin", token="6599") as server:
        address = f"redfish://{server.host}/Chassis/1U?ca={server.certificate}"
        with pytest.raises(MeterUnavailableError, match="a session token into ECOAUDIT_WALL_TOKEN"):
            redfish(address)
        monkeypatch.setenv("ECOAUDIT_WALL_PASSWORD", "calvin")
        with pytest.raises(UsageError, match="set ECOAUDIT_WALL_USER too"):
            redfish(address)
        monkeypatch.setenv("ECOAUDIT_WALL_USER", "root")
        assert redfish(address).ask().power_w == 150.0
        monkeypatch.delenv("ECOAUDIT_WALL_PASSWORD")
        monkeypatch.setenv("ECOAUDIT_WALL_TOKEN", "6599")
        assert redfish(address).ask().power_w == 150.0
        monkeypatch.setenv("ECOAUDIT_WALL_TOKEN", "stale")
        with pytest.raises(MeterUnavailableError, match="is refused"):
            redfish(address)
