"""Ways to run a computer: energy of a day and waiting, by hand."""

from __future__ import annotations

import math
from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ecoaudit.estimate import Basis, Estimate
from ecoaudit.planning.hours import day_load
from ecoaudit.planning.modes import (
    OWN_MODES,
    Machine,
    Mode,
    Work,
    always_on,
    night_batch,
    opening_hours,
    shared,
    sleep_between_jobs,
    work_of,
)
from ecoaudit.planning.waking import Wake
from ecoaudit.scenario import load_scenario
from ecoaudit.units import J_PER_KWH
from tests.planning.sites import exact

# users.md 4.5, community mental health: 8 x 6 appointments of 13,000 tokens in and 700 out, 8 h;
# 40 tokens/s and 5,000 prompt tokens/s give 17.5 + 2.6 s each
EACH_S = 700 / 40 + 13_000 / 5_000
EVEN = tuple(1 / 8 if 8 <= hour < 16 else 0.0 for hour in range(24))
CLINIC = Work(
    exact(48, "requests"), exact(48 * EACH_S, "s"), EVEN, opens_s=8 * 3600.0, opening_s=8 * 3600.0
)
MACHINE = Machine(
    exact(60, "W"), exact(260, "W"), exact(3, "W"), Wake(exact(30, "s"), exact(6000, "J"))
)
ONE = exact(1.0, "")
UNKNOWN = Wake(Estimate.absent("s", "nobody measured it"), Estimate.absent("J", "nobody measured"))


def test_the_community_clinic_is_busy_1_1_percent_of_the_day() -> None:
    mode = always_on(MACHINE, CLINIC, ONE)
    assert mode.busy_share.number == pytest.approx(964.8 / 86400)
    assert round(mode.busy_share.number * 100, 1) == 1.1
    assert mode.energy_j_per_day.number == pytest.approx(60 * 86400 + 200 * 964.8)
    assert mode.energy_j_per_rest_day.number / J_PER_KWH == pytest.approx(1.44)
    assert mode.energy_per_request_j.number == pytest.approx(112_020)
    assert mode.added_wait_s.value == 0


def test_always_on_is_the_day_load_of_the_hours() -> None:
    mode = always_on(MACHINE, CLINIC, exact(1.3, ""))
    other = day_load(MACHINE.idle_w, MACHINE.busy_w, CLINIC.busy_s, EVEN, exact(1.3, ""))
    assert mode.working is not None
    for ours, theirs in zip(mode.working.hours, other.hours, strict=True):
        assert ours.number == pytest.approx(theirs.number)


def test_asleep_between_jobs_by_hand() -> None:
    # one request in 600 s, each holding it 20.1 + 30 s: asleep with exp(-50.1 / 600) = 0.91989
    mode = sleep_between_jobs(MACHINE, CLINIC, ONE)
    quiet = math.exp(-50.1 / 600)
    assert mode.woken_share.number == pytest.approx(quiet)
    wakes = 48 * quiet
    asleep_s = 57_600 + 28_800 * quiet
    idle_s = 86_400 - asleep_s - 964.8 - wakes * 30
    by_hand = asleep_s * 3 + 964.8 * 260 + wakes * 6000 + idle_s * 60
    assert mode.energy_j_per_day.number == pytest.approx(by_hand)
    assert mode.energy_j_per_day.number / J_PER_KWH == pytest.approx(0.2136, abs=1e-4)
    assert mode.energy_j_per_rest_day.number == 3 * 86400
    assert mode.added_wait_s.value == 30  # most of the requests wake it


def test_a_machine_that_is_seldom_asleep_lets_few_wait() -> None:
    work = replace(CLINIC, requests=exact(4800, "requests"), busy_s=exact(4800 * 5, "s"))
    mode = sleep_between_jobs(MACHINE, work, ONE)
    assert mode.woken_share.number == pytest.approx(math.exp(-35 / 6))
    assert mode.added_wait_s.value == 0


def test_lingering_wakes_less_and_idles_more() -> None:
    at_once = sleep_between_jobs(MACHINE, CLINIC, ONE)
    later = sleep_between_jobs(MACHINE, CLINIC, ONE, linger_s=600.0)
    assert later.woken_share.number == pytest.approx(math.exp(-650.1 / 600))
    assert later.energy_j_per_day.number > at_once.energy_j_per_day.number


def test_off_outside_opening_hours_by_hand() -> None:
    mode = opening_hours(MACHINE, CLINIC, ONE)
    by_hand = 16 * 3600 * 3 + 8 * 3600 * 60 + 200 * 964.8 + 6000
    assert mode.energy_j_per_day.number == pytest.approx(by_hand)
    assert mode.energy_j_per_rest_day.number == 3 * 86400
    assert mode.added_wait_s.value == 0


def test_one_batch_after_closing_by_hand() -> None:
    mode = night_batch(MACHINE, CLINIC, ONE)
    by_hand = (86_400 - 964.8) * 3 + 964.8 * 260 + 6000
    assert mode.energy_j_per_day.number == pytest.approx(by_hand)
    # the first request of the day, at 8:00, waits for closing at 16:00, the start and the batch
    assert mode.added_wait_s.number == pytest.approx(8 * 3600 + 30 + 964.8)
    assert mode.working is not None
    assert mode.working.hours[16].number == max(hour.number for hour in mode.working.hours)
    assert any("a full batch takes less" in note for note in mode.notes)


def test_a_batch_in_the_sun_of_the_next_day() -> None:
    mode = night_batch(MACHINE, CLINIC, ONE, starts_s=11 * 3600.0)
    assert mode.working is not None
    assert mode.working.hours[11].number > 4 * mode.working.hours[12].number
    assert mode.added_wait_s.number == pytest.approx(27 * 3600 + 30 + 964.8)


def test_twenty_clinics_on_one_computer_and_each_alone() -> None:
    alone = always_on(MACHINE, CLINIC, ONE)
    all_together = shared(MACHINE, CLINIC, ONE, exact(20, "clinics"))
    assert all_together.name == "shared"
    assert all_together.busy_share.number == pytest.approx(20 * 964.8 / 86400)  # 22 %
    kwh = all_together.energy_j_per_day.number / J_PER_KWH
    assert kwh == pytest.approx(2.512, abs=1e-3)
    assert 20 * alone.energy_j_per_day.number / J_PER_KWH == pytest.approx(29.87, abs=0.01)
    assert all_together.energy_per_request_j.number == pytest.approx(9420)
    ratio = alone.energy_per_request_j.number / all_together.energy_per_request_j.number
    assert ratio == pytest.approx(11.9, abs=0.05)


def test_a_hundred_clinics_are_more_than_a_day_holds() -> None:
    mode = shared(MACHINE, CLINIC, ONE, exact(100, "clinics"))
    assert mode.busy_share.number > 1


def test_without_a_time_to_wake_the_modes_that_sleep_are_absent_and_say_so() -> None:
    machine = replace(MACHINE, wake=UNKNOWN)
    on, *others = (way(machine, CLINIC, ONE) for way in OWN_MODES.values())
    assert on.energy_j_per_day.known
    assert [mode.name for mode in others] == [
        "opening-hours",
        "sleep-between-jobs",
        "night-batch",
    ]
    for mode in others:
        assert not mode.energy_j_per_day.known
        assert mode.working is None
        assert "nobody measured it" in mode.notes
    assert not others[1].added_wait_s.known


def test_doubt_is_added_in_quadrature() -> None:
    machine = replace(
        MACHINE,
        idle_w=Estimate(60, 30, 120, "W", Basis.MODELLED, "datasheet"),
        busy_w=Estimate(260, 200, 300, "W", Basis.MODELLED, "datasheet"),
    )
    day = always_on(machine, CLINIC, ONE).energy_j_per_day
    quiet, work = 60 * (86_400 - 964.8), 40 * 964.8
    assert day.number == pytest.approx(60 * 86400 + 200 * 964.8)
    # all night only the idle power is in doubt; at work both are
    assert (day.high or 0) - day.number == pytest.approx(math.hypot(quiet, work), rel=0.01)
    assert day.basis is Basis.MODELLED
    assert day.source == "datasheet; typed"


def test_the_work_of_a_scenario() -> None:
    scenario = load_scenario("district-hospital-notes")
    work = work_of(scenario.demand, scenario.requests_per_day, exact(3000, "s"))
    assert (work.opens_s, work.opening_s) == (7.5 * 3600, 9 * 3600)
    assert math.fsum(work.shares) == pytest.approx(1)
    assert work.requests.number == 760


@given(
    idle=st.floats(1, 500),
    more=st.floats(0, 500),
    requests=st.floats(1, 2000),
    each=st.floats(0.1, 40),
    wake=st.floats(1, 600),
)
def test_a_machine_never_takes_less_than_asleep_nor_more_than_busy(
    idle: float, more: float, requests: float, each: float, wake: float
) -> None:
    machine = Machine(
        exact(idle, "W"),
        exact(idle + more, "W"),
        exact(idle / 20, "W"),
        Wake(exact(wake, "s"), exact(wake * idle, "J")),
    )
    work = replace(CLINIC, requests=exact(requests, "requests"), busy_s=exact(requests * each, "s"))
    found: list[Mode] = [way(machine, work, ONE) for way in OWN_MODES.values()]
    for mode in found:
        assert mode.working is not None
        for hour in mode.working.hours:
            extra = requests * wake * idle if mode.name != "always-on" else 0.0
            assert idle / 20 * 3600 * 0.999 <= hour.number
            assert hour.number <= (idle + more) * 3600 * 1.001 + extra
    on, _, _, night = found
    if requests * each < 40_000:
        assert night.energy_j_per_day.number <= on.energy_j_per_day.number + wake * idle
