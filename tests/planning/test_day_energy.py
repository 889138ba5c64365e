"""The energy of a planned day against a day that is played through, request by request."""

from __future__ import annotations

import math

import numpy
import pytest

from ecoaudit.factors.hardware import find_device
from ecoaudit.factors.models import find_model
from ecoaudit.planning.catalogue import Catalogue
from ecoaudit.planning.hours import arrivals_by_hour, opens_at_s
from ecoaudit.scenario import Scenario, load_scenario
from ecoaudit.sizing.simulation import ServerLimits, simulate
from ecoaudit.sizing.speed import ModelSteps, rates
from ecoaudit.units import S_PER_DAY, S_PER_HOUR


def a_day(scenario: Scenario, seed: int) -> tuple[list[float], list[int], list[int]]:
    """Arrivals of the clinic's day, and lognormal prompts and answers of its workload."""
    chance = numpy.random.default_rng(seed)
    demand, work = scenario.demand, scenario.workload
    shares = arrivals_by_hour(demand.opening.number, opens_at_s(demand), demand.peak_factor.number)
    arrivals: list[float] = []
    for hour, share in enumerate(shares):
        count = chance.poisson(share * scenario.requests_per_day.number)
        arrivals += (S_PER_HOUR * (hour + chance.random(count))).tolist()
    arrivals.sort()

    def lengths(mean: float, sd: float, more: float = 0.0) -> list[int]:
        variance = math.log(1 + (sd / mean) ** 2)
        drawn = chance.lognormal(math.log(mean) - variance / 2, math.sqrt(variance), len(arrivals))
        return [max(round(each + more), 1) for each in drawn]

    prompts = lengths(work.prompt.mean.number, work.prompt.sd.number, work.system_prompt.number)
    return arrivals, prompts, lengths(work.output.mean.number, work.output.sd.number)


def busy_s(begins: list[float], ends: list[float]) -> float:
    """Time in which at least one request is there."""
    found, until = 0.0, 0.0
    for start, end in sorted(zip(begins, ends, strict=True)):
        found += max(end - max(start, until), 0.0)
        until = max(until, end)
    return found


@pytest.mark.parametrize(
    ("name", "model", "device"),
    [
        ("urban-clinic-summaries", "Qwen3-8B", "L4"),
        ("district-hospital-notes", "Llama-3.1-8B", "RTX 4090"),
        ("solar-rural-screening", "Llama-3.2-1B", "T4"),
    ],
)
def test_a_planned_day_takes_the_energy_of_one_that_is_played(
    name: str, model: str, device: str
) -> None:
    scenario = load_scenario(name)
    shape, card = find_model(model), find_device(device)
    scenario.weights[:] = ["int4"]
    catalogue = Catalogue(scenario, [shape], [card], {}, {})
    idle_w, busy_w = (each.at(0, 0).number for each in (catalogue.idle_w, catalogue.busy_w))
    steps, limits = ModelSteps(shape, rates(shape, "int4", card)), ServerLimits(256, 2048, 200_000)
    played = []
    for seed in range(5):
        arrivals, prompts, outputs = a_day(scenario, seed)
        seen = simulate(arrivals, prompts, outputs, steps, limits)
        played.append(busy_s(list(seen.arrived_s), list(seen.ended_s)))
    mean = sum(played) / len(played)
    day_j = catalogue.idle_j.at(0, 0).number + catalogue.active_j.at(0, 0).number
    assert catalogue.busy_s.at(0, 0).number == pytest.approx(mean, rel=0.15)
    assert day_j == pytest.approx(idle_w * S_PER_DAY + (busy_w - idle_w) * mean, rel=0.1)
