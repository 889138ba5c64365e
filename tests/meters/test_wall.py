"""Meters at the plug: the thread, the energy, and what happens when they do not answer."""

from __future__ import annotations

import json
import math
import threading
import time
from collections.abc import Sequence
from pathlib import Path

import pytest

from ecoaudit.estimate import Basis
from ecoaudit.measurement import WALL, Device, Reading
from ecoaudit.meters import open_wall_meters
from ecoaudit.meters.shelly import ShellyPlug
from ecoaudit.meters.tasmota import TasmotaPlug
from ecoaudit.meters.wall import Answer, Plug, WallAddress, WallMeter
from ecoaudit.meters.wall_http import PollError
from ecoaudit.recorder import Recorder
from ecoaudit.trace import Trace
from tests.standins.http_meters import Load, RedfishServer, ShellyServer, TasmotaServer


def hill(t_s: float) -> float:
    """From 100 W to 400 W and back within 2 s."""
    return 100 + 300 * math.sin(math.pi * min(max(t_s, 0.0), 2.0) / 2) ** 2


def steady(t_s: float) -> float:
    return 200.0


def plug_of(server: ShellyServer | TasmotaServer) -> Plug:
    if isinstance(server, ShellyServer):
        return ShellyPlug(WallAddress.parse(f"shelly://{server.host}"), "wall-0")
    return TasmotaPlug(WallAddress.parse(f"tasmota://{server.host}"), "wall-0")


def watch(meter: WallMeter, trace: Trace, seconds: float) -> None:
    """Read the meter into the trace as the recorder does."""
    end_s = time.monotonic() + seconds
    while (now_s := time.monotonic()) < end_s:
        for reading in meter.read(now_s):
            trace.add(reading)
        time.sleep(0.01)


def finished(meter: WallMeter, trace: Trace) -> list[str]:
    """End the meter as the recorder does; gives its faults."""
    meter.read(time.monotonic())
    for reading in meter.last_readings():
        trace.add(reading)
    faults = [f"{said.message}; {said.remedy}" for said in meter.doubts()]
    meter.close()
    return faults


# -- a run ---------------------------------------------------------------------------------------


def test_a_known_load_over_3_s_and_no_password_in_any_file(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("ECOAUDIT_WALL_USER", "admin")
    monkeypatch.setenv("ECOAUDIT_WALL_PASSWORD", "correct-horse")
    load = Load(hill)
    load.start_s += 60  # flat until the run starts
    with (
        ShellyServer(load, "correct-horse") as shelly,
        TasmotaServer(load, "correct-horse") as tasmota,
        RedfishServer(load, tmp_path, user="admin", password="correct-horse") as redfish,
    ):
        addresses = [
            f"shelly://{shelly.host}",
            f"tasmota://{tasmota.host}",
            f"redfish://{redfish.host}/Chassis/1U?ca={redfish.certificate}",
        ]
        meters = open_wall_meters(addresses)
        with Recorder(meters=meters, output=tmp_path / "run.json") as recorder:
            load.restart()
            with recorder.window("work"):
                time.sleep(3)
            written = [path.read_text() for path in (tmp_path / "runs").iterdir()]
        ports = [server.host for server in (shelly, tasmota, redfish)]
    seen = recorder.run.windows[0]
    truth_j = load.energy_j(0, seen.duration_s)
    assert [device.id for device in seen.devices] == ["wall-0", "wall-1", "wall-2"]
    assert truth_j == pytest.approx(600, rel=0.02)
    for device in seen.devices[:2]:
        assert device.boundary == WALL
        assert device.energy_j.basis is Basis.MEASURED
        assert device.energy_j.number == pytest.approx(truth_j, rel=0.02)
    # Asked every 2 s only: one or two readings of a hill of 2 s.
    assert seen.devices[2].energy_j.known
    assert recorder.run.summary["wall_energy_j"].known
    assert not recorder.run.summary["energy_j"].known
    assert [doubt.code for doubt in recorder.run.doubts if doubt.code == "meter-fault"] == []
    written.append((tmp_path / "run.json").read_text())
    assert len(written) == 2
    for text in written:
        assert not any(secret in text for secret in ["correct-horse", *ports])


def test_the_last_reading_holds_the_end_of_a_rising_load() -> None:
    load = Load(lambda t_s: 100 + 80 * t_s)
    with ShellyServer(load) as server:
        meter = WallMeter(plug_of(server))
        trace = Trace(meter.devices()[0])
        start_s = time.monotonic()
        watch(meter, trace, 2.8)
        end_s = time.monotonic()
        assert finished(meter, trace) == []
    truth_j = load.energy_j(start_s - load.start_s, end_s - load.start_s)
    assert trace.energy(start_s, end_s).energy_j.number == pytest.approx(truth_j, rel=0.02)


def test_each_reading_is_handed_over_once_with_its_own_time() -> None:
    with ShellyServer(Load(steady)) as server:
        meter = WallMeter(plug_of(server), period_s=0.05)
        trace = Trace(meter.devices()[0])
        readings: list[Reading] = []
        start_s = time.monotonic()
        while len(readings) < 5:
            readings += meter.read(time.monotonic())
            time.sleep(0.001)
        end_s = time.monotonic()
        assert finished(meter, trace) == []
    times = [reading.t_s for reading in readings]
    assert times == sorted(set(times))
    assert start_s < times[0] < times[-1] < end_s
    assert {reading.power_w for reading in readings} == {200.0}
    assert {reading.energy_j for reading in readings} == {None}


def test_an_ended_meter_asks_no_more() -> None:
    with ShellyServer(Load(steady)) as server:
        meter = WallMeter(plug_of(server), period_s=0.02)
        trace = Trace(meter.devices()[0])
        watch(meter, trace, 0.2)
        finished(meter, trace)
        asked = len(server.requests)
        time.sleep(0.1)
        assert len(server.requests) == asked
        meter.close()


def test_a_meter_that_was_never_read_has_nothing_to_say() -> None:
    with ShellyServer(Load(steady)) as server:
        meter = WallMeter(plug_of(server))
        assert list(meter.last_readings()) == []
        assert list(meter.doubts()) == []
        meter.close()


# -- answers that do not come ----------------------------------------------------------------------


def test_reading_does_not_wait_for_a_meter_that_hangs() -> None:
    with ShellyServer(Load(steady)) as server:
        meter = WallMeter(plug_of(server), period_s=0.05)
        server.trouble = "hang"
        asked = len(server.requests)
        now_s = time.monotonic()
        assert meter.read(now_s) == []
        while len(server.requests) == asked:
            assert meter.read(time.monotonic()) == []
            time.sleep(0.01)
        assert meter.read(time.monotonic()) == []  # the request is still open
        trace = Trace(meter.devices()[0])
        faults = finished(meter, trace)
    assert any("failed: no answer within 2 s; check the meter" in fault for fault in faults)
    assert any("gave no reading during the run" in fault for fault in faults)
    assert not trace.energy(now_s, now_s + 1).energy_j.known


def test_a_plug_that_goes_away_and_comes_back() -> None:
    with TasmotaServer(Load(steady)) as server:
        meter = WallMeter(plug_of(server), period_s=0.05)
        trace = Trace(meter.devices()[0])
        start_s = time.monotonic()
        watch(meter, trace, 0.3)
        server.stop()
        watch(meter, trace, 0.5)
        server.start()
        watch(meter, trace, 0.3)
        end_s = time.monotonic()
        faults = finished(meter, trace)
    assert trace.energy(start_s, end_s).energy_j.number == pytest.approx(200 * (end_s - start_s))
    assert any("requests failed: the connection is refused" in fault for fault in faults)
    assert "): its power meanwhile is taken as a straight line" in faults[-1]


def test_a_plug_that_stays_away() -> None:
    with ShellyServer(Load(steady)) as server:
        meter = WallMeter(plug_of(server), period_s=0.05)
        trace = Trace(meter.devices()[0])
        watch(meter, trace, 0.3)
        server.stop()
        watch(meter, trace, 0.6)
        faults = finished(meter, trace)
    assert any("requests failed: the connection is refused" in fault for fault in faults)
    assert "no reading in the last" in faults[-1]
    assert "its last power stands for them" in faults[-1]


@pytest.mark.parametrize(
    ("trouble", "why"),
    [
        ("broken", "the answer is not JSON"),
        ("busy", "it answers HTTP 500"),
    ],
)
def test_answers_that_cannot_be_used(trouble: str, why: str) -> None:
    with ShellyServer(Load(steady)) as server:
        meter = WallMeter(plug_of(server), period_s=0.05)
        trace = Trace(meter.devices()[0])
        server.trouble = trouble
        watch(meter, trace, 0.3)
        faults = finished(meter, trace)
    assert f"requests failed: {why}; " in faults[0]
    assert "gave no reading" in faults[1]


def test_a_password_that_is_changed_meanwhile(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("ECOAUDIT_WALL_PASSWORD", "old")
    with ShellyServer(Load(steady), "old") as server:
        meter = WallMeter(plug_of(server), period_s=0.05)
        trace = Trace(meter.devices()[0])
        watch(meter, trace, 0.2)
        server.password, server.nonce = "new", "another"
        watch(meter, trace, 0.3)
        faults = finished(meter, trace)
    assert "the user name, password or token is refused" in faults[0]
    assert not any(word in fault for fault in faults for word in ("old", "new", server.host))


def test_no_other_host_is_asked(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("ECOAUDIT_WALL_PASSWORD", "secret")
    with ShellyServer(Load(steady), "secret") as server, ShellyServer(Load(steady)) as other:
        for name in ("http_proxy", "HTTP_PROXY", "all_proxy", "https_proxy"):
            monkeypatch.setenv(name, f"http://{other.host}")
        meter = WallMeter(plug_of(server), period_s=0.05)
        trace = Trace(meter.devices()[0])
        watch(meter, trace, 0.2)
        server.trouble = f"http://{other.host}/rpc/Switch.GetStatus?id=0"
        watch(meter, trace, 0.3)
        faults = finished(meter, trace)
    assert other.requests == []
    assert "requests failed: it points to another address" in faults[0]


# -- a script in place of a plug: every time and answer is known -----------------------------------


class ScriptedPlug:
    """Answers at the times of a script: (time [s], power [W], counter [J]); None: no answer.

    Its clock stands at the time of a request until the meter has noted the answer.
    """

    def __init__(
        self, script: Sequence[tuple[float, float | None, float | None]], step_j: float = 1.0
    ):
        self.device = Device("wall-0", "wall", WALL, "plug", "test", Basis.MEASURED, "a script")
        self.now_s = script[0][0]
        self.done = threading.Event()
        self._script = list(script)
        self._step_j = step_j
        self._looks = -1  # at the clock, before it goes on

    def clock(self) -> float:
        if self._looks == 0 and self._script:
            self.now_s = self._script[0][0]
        elif self._looks == 0:
            self.done.set()
        self._looks -= 1
        return self.now_s

    def ask(self) -> Answer:
        if not self._script:
            raise PollError("the script has ended")
        _, power_w, counter_j = self._script.pop(0)
        self._looks = 0 if power_w is None else 1
        if power_w is None:
            raise PollError("nobody is there")
        return Answer(power_w, counter_j, self._step_j)


def played(plug: ScriptedPlug) -> tuple[Trace, list[str]]:
    meter, trace = WallMeter(plug, clock=plug.clock), Trace(plug.device)
    readings = list(meter.read(0.0))
    assert plug.done.wait(10)
    for reading in [*readings, *meter.read(plug.now_s)]:
        trace.add(reading)
    meter.close()
    told = [said.message for said in meter.doubts()]
    return trace, [what for what in told if "the script has ended" not in what]


def test_a_fine_counter_says_what_was_used_while_nobody_answered() -> None:
    # 100 W, and 500 W in the 40 s without an answer.
    before = [(float(t), 100.0, 100.0 * t) for t in range(1, 11)]
    after = [(float(t), 100.0, 1000.0 + 500 * 40 + 100.0 * (t - 50)) for t in range(50, 60)]
    away = [(20.0, None, None), (30.0, None, None)]
    trace, faults = played(ScriptedPlug([*before, *away, *after]))
    assert trace.energy(10, 50).energy_j.number == pytest.approx(20000, rel=1e-3)
    assert trace.energy(1, 59).energy_j.number == pytest.approx(900 + 20000 + 900, rel=1e-3)
    assert faults[0].startswith("plug: 2 of ")
    assert "requests failed: nobody is there" in faults[0]
    assert "no reading for 40 s in 1 stretch(es): its counter says what was used" in faults[1]


def test_a_coarse_counter_does_not_bridge() -> None:
    script = [(float(t), 100.0, 3600.0 * (t // 36)) for t in [*range(1, 11), *range(50, 60)]]
    trace, (gap,) = played(ScriptedPlug(script, step_j=3600.0))
    assert trace.energy(10, 50).energy_j.number == pytest.approx(4000)
    assert "no reading for 40 s in 1 stretch(es): its power meanwhile is taken as" in gap


def test_a_counter_that_is_set_back_leaves_the_energy_as_it_is() -> None:
    script = [(float(t), 100.0, 100.0 * (t if t < 30 else t - 30)) for t in range(1, 61)]
    trace, (fault,) = played(ScriptedPlug(script))
    assert trace.energy(1, 60).energy_j.number == pytest.approx(5900)
    assert "its counter was set back" in fault


def test_power_that_contradicts_the_counter_is_told() -> None:
    script = [(float(t), 100.0, 125.0 * t) for t in range(1, 61)]
    trace, (fault,) = played(ScriptedPlug(script))
    assert trace.energy(1, 60).energy_j.number == pytest.approx(5900)
    assert "its power, integrated, says -20% against its own counter" in fault


def test_power_that_agrees_with_the_counter_is_no_matter() -> None:
    script = [(float(t), 100.0, 60.0 * math.floor(100 * t / 60)) for t in range(1, 61)]
    _, faults = played(ScriptedPlug(script, step_j=60.0))
    assert faults == []


def test_devices_go_into_a_run_file() -> None:
    from dataclasses import asdict

    with ShellyServer(Load(steady)) as server:
        (device,) = WallMeter(plug_of(server)).devices()
        text = json.dumps(asdict(device), allow_nan=False)
    assert server.host not in text
    assert (device.kind, device.boundary, device.method) == ("wall", WALL, "shelly-power")
    assert device.name == "Shelly SNSW-001P16EU, switch:0"
    assert device.step_s == 1.0
