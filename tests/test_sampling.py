"""How often the meters are read, and what of it is kept."""

from __future__ import annotations

import math
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field, replace
from itertools import pairwise
from pathlib import Path

import pytest

from ecoaudit.estimate import Basis
from ecoaudit.journal import SUFFIX, read_journal
from ecoaudit.journal_lines import recover
from ecoaudit.measurement import Device, Reading
from ecoaudit.recorder import Recorder
from ecoaudit.run import Doubt


@dataclass
class Scripted:
    """A meter of one device, with power that follows a script, and a counter if asked for."""

    power_w: Callable[[float], float]
    counter: bool = False
    boundary: str = "board"
    late_s: float = 0.0  # how old its readings are
    name: str = "scripted"
    started_s: float = field(default_factory=time.monotonic)
    read_s: list[float] = field(default_factory=list)

    def devices(self) -> Sequence[Device]:
        made = Device("x", "gpu", self.boundary, "Scripted GPU", "script", Basis.MEASURED, "a test")
        return (made,)

    def read(self, now_s: float) -> Sequence[Reading]:
        self.read_s.append(now_s)
        energy_j = 100.0 * (now_s - self.started_s) if self.counter else None
        power_w = self.power_w(now_s - self.started_s)
        return (Reading("x", now_s - self.late_s, energy_j, power_w),)

    def doubts(self) -> Sequence[Doubt]:
        return ()

    def close(self) -> None: ...


def steady(_: float) -> float:
    return 100.0


def jumpy(t_s: float) -> float:
    return 100.0 + 200.0 * math.sin(40 * t_s) ** 2


def inner_gaps_s(meter: Scripted) -> list[float]:
    """Between readings well inside the run, away from its edges."""
    first, last = meter.read_s[0] + 0.4, meter.read_s[-1] - 0.4
    inside = [t for t in meter.read_s if first < t < last]
    return sorted(b - a for a, b in pairwise(inside))


@pytest.mark.parametrize(
    ("power_w", "counter", "boundary", "longest_s"),
    [
        (jumpy, False, "board", 0.05),  # sampled and changing: fast
        (steady, False, "board", math.inf),
        (jumpy, True, "board", math.inf),  # the counter knows
        (jumpy, False, "wall", math.inf),  # asked by a thread of its own
    ],
)
def test_sampled_power_that_changes_is_read_faster(
    power_w: Callable[[float], float], counter: bool, boundary: str, longest_s: float
) -> None:
    meter = Scripted(power_w, counter, boundary)
    with Recorder("test", meters=[meter], country="KEN"):
        time.sleep(2.0)
    gaps_s = inner_gaps_s(meter)
    usual_s = gaps_s[len(gaps_s) // 2]
    if longest_s < math.inf:
        assert usual_s < longest_s
        assert len(gaps_s) / sum(gaps_s) <= 55  # a second
    else:
        assert usual_s > 0.08


def test_what_a_window_has_seen_so_far() -> None:
    meter = Scripted(steady, counter=True)
    with Recorder("test", meters=[meter], country="KEN") as recorder:
        with recorder.window("work") as window:
            time.sleep(0.35)
            seen = recorder.so_far(window)
            assert window.end_s is None  # it goes on
            assert recorder.power_w() == {"board": 100.0}
            (device,) = seen.devices
            assert device.energy_j.value == pytest.approx(100 * seen.duration_s, abs=0.5)
            assert 0.2 < seen.duration_s < 0.5
        time.sleep(0.3)
        assert recorder.so_far(window).duration_s == pytest.approx(
            recorder.measure(window).duration_s
        )
    assert recorder.power_w() == {"board": 100.0}


def test_before_the_start_there_is_no_power() -> None:
    recorder = Recorder("test", meters=[Scripted(steady)], country="KEN")
    assert recorder.power_w() == {}
    recorder.start().finish()


def test_the_journal_has_the_time_of_the_reading_not_of_the_call(tmp_path: Path) -> None:
    meter = Scripted(steady, late_s=0.5)
    with Recorder("test", meters=[meter], country="KEN") as recorder:
        time.sleep(0.3)
        recorder.write_journal()
        (journal,) = (tmp_path / "runs").glob(f"*{SUFFIX}")
        lines = [line for line in read_journal(journal) if line["is"] == "readings"]
        run, _ = recover(journal)
    assert len(lines) > 1
    assert [line["t"] for line in lines] == meter.read_s[: len(lines)]
    assert [row[-1] for line in lines for row in line["r"]] == pytest.approx([-0.5] * len(lines))
    assert run.summary["gpu_energy_j"].value == pytest.approx(100 * run.duration_s)


@dataclass
class Stepped(Scripted):
    """A meter whose counter moves every 0.1 s."""

    def devices(self) -> Sequence[Device]:
        (made,) = super().devices()
        return (replace(made, id="stepped", step_s=0.1),)

    def read(self, now_s: float) -> Sequence[Reading]:
        self.read_s.append(now_s)
        steps = math.floor((now_s - self.started_s) / 0.1)
        return (Reading("stepped", now_s, 10.0 * steps, 100.0),)


def test_only_what_moves_in_steps_is_watched_at_an_edge() -> None:
    """Another meter, such as the model that reads a tree of processes, is read once and then."""
    stepped, other = Stepped(steady), Scripted(steady, counter=True)
    with Recorder("test", meters=[stepped, other], country="KEN") as recorder:
        time.sleep(0.5)
        before = len(stepped.read_s), len(other.read_s)
        window = recorder.open_window("edge")
        recorder.close_window(window)
        recorder.measure(window)
        after = len(stepped.read_s), len(other.read_s)
    assert after[0] - before[0] > 5
    assert 1 <= after[1] - before[1] <= 4
    assert other.read_s[-1] >= window.start_s


def test_an_edge_is_read_at_once_though_the_thread_sleeps() -> None:
    meter = Scripted(steady, counter=True)
    with Recorder("test", meters=[meter], country="KEN") as recorder:
        for _ in range(5):
            time.sleep(0.13)
            window = recorder.open_window("edge")
            recorder.close_window(window)
            recorder.measure(window)  # waits for the reading
            assert window.end_s is not None
            assert window.end_s <= meter.read_s[-1]
