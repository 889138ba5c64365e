"""Idle before and after the work, on a replayed trace and an injected clock."""

from __future__ import annotations

from pathlib import Path

import pytest

from ecoaudit.estimate import Estimate
from ecoaudit.idle import net_of_rests
from ecoaudit.meters.replay import ReplayMeter
from ecoaudit.recorder import Recorder

HEAD = "t_s,device_id,kind,boundary,power_w\n"
REST_S, WORK_S = 4.0, 3.0  # idle till 4 s, the command till 7 s, idle after it till 11 s


def measured(
    tmp_path: Path, *steps: tuple[float, float], after: bool = True
) -> tuple[dict[str, Estimate], dict[str, str]]:
    """Figures and doubts on idle where the power is ``(from_s, power_w), ...``."""
    rows = [
        f"{t_s},gpu-0,gpu,board,{power_w}\n"
        for (from_s, power_w), (to_s, _) in zip(steps, [*steps[1:], (20.0, 0.0)], strict=True)
        for t_s in (from_s, to_s - 0.001)
    ]
    (tmp_path / "trace.csv").write_text(HEAD + "".join(rows))
    now_s = 1000.0

    def clock() -> float:
        return now_s

    meter = ReplayMeter.load(tmp_path / "trace.csv")
    recorder = Recorder("idle", meters=[meter], clock=clock, sampling=False, country="KEN")
    windows = []
    with recorder:
        for name, seconds in (("idle", REST_S), ("command", WORK_S), ("idle-after", REST_S)):
            with recorder.window(name) as window:
                for _ in range(round(seconds * 50)):
                    now_s += 0.02
                    recorder.sample()
            windows.append(window)
        before, command, behind = windows
        figures = net_of_rests(recorder, command, [before, behind] if after else [before])
    said = {d.code: d.message for d in recorder.run.doubts if d.code.startswith("idle")}
    return figures, said


def numbers(figure: Estimate) -> list[float]:
    return list(figure.numbers)


def test_steady_rests_leave_the_works_own_energy(tmp_path: Path) -> None:
    figures, said = measured(tmp_path, (0, 60), (4, 300), (7, 60))
    assert numbers(figures["idle_power_w"]) == pytest.approx([60, 60, 60], rel=1e-2)
    assert figures["net_energy_j"].value == pytest.approx(240 * WORK_S, rel=1e-2)
    assert figures["idle_power_w"].source.startswith("windows idle (4.0 s) and idle-after (4.0 s);")
    assert said == {}


def test_the_commands_tail_is_left_out_of_the_rest_after_it(tmp_path: Path) -> None:
    figures, said = measured(tmp_path, (0, 60), (4, 300), (8.5, 60))
    assert figures["idle_power_w"].value == pytest.approx(60, rel=1e-2)
    assert figures["net_energy_j"].value == pytest.approx(240 * WORK_S, rel=1e-2)
    assert "idle-after (the last 2.5 s of 4.0 s)" in figures["idle_power_w"].source
    assert said == {}


def test_so_is_what_came_before_a_rest(tmp_path: Path) -> None:
    figures, said = measured(tmp_path, (0, 200), (1, 60), (4, 300), after=False)
    assert figures["idle_power_w"].value == pytest.approx(60, rel=1e-2)
    assert figures["idle_power_w"].source.startswith("window idle (the last 3.0 s of 4.0 s);")
    assert said == {}


def test_a_rest_that_does_not_settle_is_doubted_and_its_noise_is_in_the_interval(
    tmp_path: Path,
) -> None:
    """The power falls too late for an end of three pieces."""
    figures, said = measured(tmp_path, (0, 60), (4, 300), (10.5, 60))
    idle_w, low_w, high_w = figures["idle_power_w"].numbers
    assert idle_w == pytest.approx((60 * 4 + 270 * 4) / 8, rel=1e-2)
    assert low_w == pytest.approx(60, rel=1e-2)
    assert high_w > 300
    assert set(said) == {"idle-drift", "idle-unsteady"}
    assert "drew from 60 W to 300 W within idle-after (4.0 s)" in said["idle-unsteady"]
    assert "drew 60 W before the command and 270 W after it" in said["idle-drift"]
    _, low_j, high_j = figures["net_energy_j"].numbers
    assert low_j < 0 < 240 * WORK_S <= high_j * 1.01


def test_rests_that_differ_are_doubted_and_the_interval_holds_each(tmp_path: Path) -> None:
    figures, said = measured(tmp_path, (0, 60), (4, 300), (7, 90))
    assert numbers(figures["idle_power_w"]) == pytest.approx([75, 60, 90], rel=1e-2)
    assert numbers(figures["net_energy_j"]) == pytest.approx([675, 630, 720], rel=1e-2)
    assert set(said) == {"idle-drift"}


def test_a_short_peak_in_a_rest_is_part_of_it(tmp_path: Path) -> None:
    """It is on neither side of a level that the power came to."""
    figures, said = measured(
        tmp_path, (0, 60), (1, 50), (1.5, 75), (2.0, 60), (4, 300), after=False
    )
    assert figures["idle_power_w"].value == pytest.approx((60 * 3 + 25 + 37.5) / 4, rel=2e-2)
    assert figures["idle_power_w"].source.startswith("window idle (4.0 s);")
    assert said == {}
