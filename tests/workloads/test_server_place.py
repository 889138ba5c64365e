"""A server that ecoaudit did not start is in no figure that is modelled from its processes."""

from __future__ import annotations

import socket
import subprocess
import sys
from dataclasses import replace
from pathlib import Path

import pytest

from ecoaudit.engines.base import EngineFacts
from ecoaudit.engines.fake import FakeEngine
from ecoaudit.estimate import Basis, Estimate
from ecoaudit.measurement import BOARD, DRAM, PACKAGE, DeviceEnergy, Measurement
from ecoaudit.run import load_run
from ecoaudit.workloads.server_place import ServerPlace, holding_server, place_of
from tests.short_scenario import short_scenario
from tests.standins.mock_server import mock_server
from tests.standins.powercap import PowercapTree, server

SCENARIO = short_scenario("{levels: [1], window: 500 ms, idle: 300 ms}")
FACTS = EngineFacts("openai", "1", "http://127.0.0.1:9", "m", "m", "bf16", False, 4096, True)
OF_HOST = (
    *("energy_j", "power_w", "energy_per_request_j", "energy_per_output_token_j"),
    *("energy_per_token_j", "marginal_energy_per_request_j", "allocated_energy_per_request_j"),
)
WHY = "the CPU is modelled from the processes of ecoaudit, and the server that it was attached to"


def device(name: str, boundary: str, method: str) -> DeviceEnergy:
    energy = Estimate.exact(100.0, "J", Basis.MEASURED, "test")
    return DeviceEnergy(name, name, boundary, energy, method, by_power_j=energy)


SEEN = Measurement(
    *("w", "w", 0.0, 10.0),
    [
        device("gpu", BOARD, "nvml-energy-counter"),
        device("cpu", PACKAGE, "modelled-cpu"),
        device("ram", DRAM, "modelled-ram"),
    ],
    peak_host_memory_bytes=1e9,
    peak_gpu_memory_bytes=2e9,
)


def known(seen: Measurement) -> list[str]:
    return [device.id for device in seen.devices if device.energy_j.known]


def test_what_holds_the_server() -> None:
    assert holding_server(SEEN, ServerPlace.OURS) == SEEN
    beside = holding_server(SEEN, ServerPlace.BESIDE)
    assert known(beside) == ["gpu", "ram"]  # boards, and modules whatever is running
    assert beside.devices[1].by_power_j is None
    assert (beside.peak_host_memory_bytes, beside.peak_gpu_memory_bytes) == (None, 2e9)
    elsewhere = holding_server(SEEN, ServerPlace.ELSEWHERE)
    assert known(elsewhere) == []
    assert "the server is another machine" in elsewhere.devices[0].energy_j.source
    assert (elsewhere.peak_host_memory_bytes, elsewhere.peak_gpu_memory_bytes) == (None, None)


def test_where_a_server_runs() -> None:
    assert place_of(FACTS, owned=True) is ServerPlace.OURS
    assert place_of(FACTS, owned=False) is ServerPlace.BESIDE  # nothing of ours listens there
    assert place_of(replace(FACTS, local=False), owned=False) is ServerPlace.ELSEWHERE
    with socket.create_server(("127.0.0.1", 0)) as listening:
        url = f"http://127.0.0.1:{listening.getsockname()[1]}"
        assert place_of(replace(FACTS, url=url), owned=False) is ServerPlace.OURS
    assert place_of(replace(FACTS, url=url), owned=False) is ServerPlace.BESIDE
    with mock_server() as child:
        assert place_of(replace(FACTS, url=child.url), owned=False) is ServerPlace.OURS


@pytest.mark.parametrize("sensor", [False, True])
def test_energy_of_a_server_beside(
    sensor: bool, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    scenario = tmp_path / "short.yaml"
    scenario.write_text(SCENARIO)
    fake = FakeEngine(ttft_s=0.02, chunk_s=0.004)  # here: no process of the bench
    fake.start(lambda _: None, concurrency=1, context=100)
    words = ("bench", str(scenario), "--url", fake.url, "-o", str(tmp_path / "run.json"))
    with PowercapTree(tmp_path / "sys", server(dram=None)) as tree:  # no sensor of the memory
        place = tree.sysfs / "class" / "powercap" if sensor else tmp_path / "none"
        monkeypatch.setenv("ECOAUDIT_POWERCAP", str(place))
        with tree.run({"intel-rapl:0": 50.0}):
            subprocess.run([sys.executable, "-m", "ecoaudit", *words], check=True)
    fake.stop()
    run = load_run(tmp_path / "run.json")
    found = run.curve[0].whole_run
    assert [found[name].known for name in OF_HOST] == [sensor] * len(OF_HOST)
    assert found["cpu_energy_j"].known is sensor
    assert found["dram_energy_j"].known  # by its modules, whatever runs
    assert "peak_host_memory_bytes" not in found
    assert found["ttft_s_p50"].known
    if sensor:
        assert found["cpu_power_w"].number == pytest.approx(50, rel=0.05)
    else:
        assert all(WHY in found[name].source for name in OF_HOST)
    assert run.summary["idle_power_w"].known is sensor
    assert run.summary["energy_j"].known  # of the run: what ecoaudit and its machine used
