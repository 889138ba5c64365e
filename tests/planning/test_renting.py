"""What renting costs, from typed prices alone."""

from __future__ import annotations

from dataclasses import replace

import pytest

from ecoaudit.estimate import Estimate
from ecoaudit.planning.renting import download_s, rented
from ecoaudit.scenario import (
    Alternatives,
    CloudGpu,
    HostedApi,
    Scenario,
    Subscription,
    load_scenario,
)
from tests.planning.sites import exact

ALL = Alternatives(
    CloudGpu(exact(4.5 * 8 / 3600, "USD/s"), exact(400 * 3600, "s"), "eight GPUs"),
    HostedApi(exact(0.5e-6, "USD/token"), exact(1.5e-6, "USD/token")),
    Subscription(exact(99, "USD/month")),
)


@pytest.fixture
def hospital() -> Scenario:
    asked = load_scenario("district-hospital-notes")
    return replace(asked, site=replace(asked.site, data_must_stay=False), alternatives=ALL)


def test_each_price_by_hand(hospital: Scenario) -> None:
    cloud, api, seats, nothing = rented(hospital)
    assert cloud.usd_per_year.number == pytest.approx(14_400 * 12)  # users.md 9.2
    assert cloud.name == "eight GPUs"
    # 40 clinicians x 19 notes x 260 days; 1,554 + 500 tokens in, 618 out
    notes = 40 * 19 * 260
    assert api.usd_per_year.number == pytest.approx(notes * (2054 * 0.5e-6 + 618 * 1.5e-6))
    assert seats.usd_per_year.number == pytest.approx(40 * 99 * 12)
    assert nothing.usd_per_year.value == 0
    assert [each.mode for each in (cloud, api, seats, nothing)] == [
        "cloud-gpu",
        "hosted-api",
        "subscription",
        "do-nothing",
    ]
    assert all(each.allowed for each in (cloud, api, seats, nothing))


def test_a_gpu_is_rented_for_the_opening_hours_unless_hours_are_typed(hospital: Scenario) -> None:
    cloud = CloudGpu(exact(1 / 3600, "USD/s"))
    found = rented(replace(hospital, alternatives=Alternatives(cloud_gpu=cloud)))
    assert found[0].usd_per_year.number == pytest.approx(9 * 260)


def test_no_price_that_nobody_typed(hospital: Scenario) -> None:
    found = rented(replace(hospital, alternatives=Alternatives()))
    for each in found[:3]:
        assert not each.usd_per_year.known
        assert each.usd_per_year.source.startswith("no price was typed: alternatives.")


def test_data_that_must_stay_leaves_nothing_to_rent(hospital: Scenario) -> None:
    site = replace(hospital.site, data_must_stay=True)
    found = rented(replace(hospital, site=site))
    assert [each.allowed for each in found] == [False, False, False, True]
    assert all("data_must_stay" in each.note for each in found[:3])


def test_five_gigabytes_over_a_village_line_take_5_6_hours() -> None:
    found: Estimate = download_s(exact(5e9, "bytes"), exact(2e6, "bit/s"))
    assert found.number / 3600 == pytest.approx(5.56, abs=0.01)
    assert found.unit == "s"
