"""Several cards for one model in a plan: which are weighed, and what they take together."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest

from ecoaudit.errors import EcoauditError
from ecoaudit.estimate import Basis, Estimate
from ecoaudit.factors.hardware import devices, find_device
from ecoaudit.factors.models import Model, find_model, models
from ecoaudit.plan import Option, Plan, Verdict
from ecoaudit.planning import make_plan
from ecoaudit.planning.catalogue import Catalogue
from ecoaudit.planning.columns import columns_of
from ecoaudit.scenario import Scenario, find_profile, load_scenario
from ecoaudit.scenario.reader import load_site
from ecoaudit.sizing.demand import load_of
from ecoaudit.sizing.memory import kv_bytes_per_sequence
from ecoaudit.sizing.speed import rates
from ecoaudit.sizing.vllm_budget import batch_defaults, budget, usable_bytes

LLAMA, QWEN = "meta-llama/Llama-3.1-70B-Instruct", "Qwen/Qwen2.5-7B-Instruct"


def with_slots(scenario: Scenario, value: float, low: float | None = None) -> Scenario:
    slots = Estimate(value, value if low is None else low, value, "cards", Basis.DECLARED, "test")
    return replace(
        scenario, site=replace(scenario.site, host=replace(scenario.site.host, slots=slots))
    )


@pytest.fixture(scope="module")
def hospital() -> Scenario:
    return load_scenario("district-hospital-notes")


@pytest.fixture(scope="module")
def plan(hospital: Scenario) -> Plan:
    names = [LLAMA, QWEN]
    return make_plan(with_slots(hospital, 8), model_names=names, device_names=["L4", "L40S"])


def option(plan: Plan, name: str) -> Option:
    (found,) = [each for each in plan.options if each.id == name]
    return found


def limit(each: Option, name: str) -> tuple[float | None, float | None, bool | None, str]:
    (found,) = [one for one in each.limits if one.name == name]
    return found.value.value, found.limit, found.ok, found.source


def test_without_slots_each_device_stands_alone(hospital: Scenario) -> None:
    assert hospital.site.host.slots is None
    found = columns_of(list(devices().values()), hospital.site.host)
    assert found == [(device, 1) for device in devices().values()]
    catalogue = Catalogue(hospital, [find_model(QWEN)], [find_device("L4")], {}, {})
    assert "devices" not in {each.name for each in make_plan(hospital).options[0].limits}
    assert catalogue.shape == (3, 1)


def test_slots_are_read_from_a_profile(tmp_path: Path) -> None:
    text = find_profile("sites", "district-hospital").read_text("utf-8")
    site = tmp_path / "profiles" / "sites" / "mine.yaml"
    site.parent.mkdir(parents=True)
    site.write_text(text.replace("  sleep_power:", "  slots: {value: 4, low: 2}\n  sleep_power:"))
    slots = load_site(str(site)).host.slots
    assert slots is not None
    assert (slots.value, slots.low, slots.high, slots.unit) == (4.0, 2.0, 4.0, "cards")
    site.write_text(text.replace("  sleep_power:", "  slots: 0\n  sleep_power:"))
    with pytest.raises(EcoauditError, match=r"host.slots: expected at least 1 cards; got 0"):
        load_site(str(site))


def test_cards_are_multiplied_as_far_as_the_slots_go(hospital: Scenario) -> None:
    some = [find_device(name) for name in ("L4", "RTX 4090", "H100 SXM", "M4 Pro")]
    host = with_slots(hospital, 4).site.host
    counts = [(device.name.split()[-1], count) for device, count in columns_of(some, host)]
    # a GeForce RTX 4090 takes three slots: two of it fill four places of double width
    assert counts == [
        ("L4", 1),
        ("L4", 2),
        ("L4", 4),
        ("4090", 1),
        ("4090", 2),
        ("80GB", 1),
        ("Pro", 1),
    ]
    unsure = with_slots(hospital, 8, low=2.5).site.host
    assert [count for _, count in columns_of(some[:1], unsure)] == [1, 2]


def test_a_model_too_large_for_one_card_fits_two(plan: Plan) -> None:
    one, two = (option(plan, f"{LLAMA}, fp8, {n} x NVIDIA L40S") for n in (1, 2))
    assert (one.n_devices, one.first_limit) == (1, "memory")
    assert (two.n_devices, two.hardware, two.verdict) == (2, "NVIDIA L40S", Verdict.FITS)
    need, there, _, _ = limit(two, "memory")
    model, card = find_model(LLAMA), find_device("L40S")
    batch = batch_defaults(card)
    left = budget(model, "fp8", usable_bytes(card), batch, tensor_parallel=2)
    assert there == pytest.approx(2 * (usable_bytes(card).low or 0))
    assert need is not None
    assert need > 2 * (left.weights + left.overhead).number
    assert two.quantities["kv_bytes_per_sequence"].number == pytest.approx(
        2 * kv_of(model, batch[0], 2)
    )


def kv_of(model: Model, batched: int, count: int) -> float:
    context = load_of(load_scenario("district-hospital-notes")).context_p95
    return kv_bytes_per_sequence(model, context, batched, tensor_parallel=count).number


def test_price_and_power_are_of_all_cards_and_one_computer(plan: Plan, hospital: Scenario) -> None:
    one, four = (option(plan, f"{QWEN}, int4, {n} x NVIDIA L4").quantities for n in (1, 4))
    host, card = hospital.site.host, find_device("L4")
    assert card.price is not None
    assert four["capital_usd"].number == pytest.approx(4 * card.price.value + host.price.number)
    assert four["capital_usd"].number - one["capital_usd"].number == 3 * card.price.value
    peak = (four["peak_power_w"].number - host.peak_power.number) / 4
    assert peak == pytest.approx(one["peak_power_w"].number - host.peak_power.number)
    assert peak == pytest.approx(72 / 0.88)
    idle = [each["idle_power_w"].number - host.idle_power.number for each in (one, four)]
    assert idle[1] == pytest.approx(4 * idle[0])
    # four alike share their doubt: it is four times that of one, 13 % of 72 W, not twice
    assert (four["idle_power_w"].high or 0) - four["idle_power_w"].number > 4 * 0.13 * 72


def test_typed_prices_are_of_one_card(hospital: Scenario) -> None:
    found = make_plan(
        with_slots(hospital, 2), model_names=[QWEN], device_names=["L4"], prices={"L4": 1000.0}
    )
    prices = {each.n_devices: each.quantities["capital_usd"].number for each in found.options}
    assert prices == {1: 1000 + 2500, 2: 2000 + 2500}


def test_speed_is_that_of_a_point(plan: Plan) -> None:
    one, two = (option(plan, f"{QWEN}, bf16, {n} x NVIDIA L4").quantities["tpot_s"] for n in (1, 2))
    alone, both = (rates(find_model(QWEN), "bf16", find_device("L4"), n) for n in (1, 2))
    ratio = both.decode_s(1.0, 1e7, 1000.0) / alone.decode_s(1.0, 1e7, 1000.0)
    assert two.number / one.number == pytest.approx(ratio, rel=0.05)
    assert "over PCIe" in two.source
    assert "over PCIe" not in one.source
    assert (two.high or 0) / two.number > (one.high or 0) / one.number


def test_what_cannot_be_split_is_refused_by_reason(plan: Plan) -> None:
    eight = option(plan, f"{QWEN}, int4, 8 x NVIDIA L4")
    why = "8 devices cannot share 28 attention heads evenly"
    assert limit(eight, "devices") == (8.0, 4.0, False, why)
    assert eight.verdict is Verdict.FAILS
    assert eight.first_limit == "devices"
    assert (eight.remedy or "").startswith(f"{why}; take ")
    assert "tpot_s" not in eight.quantities
    # a limit that always just holds is not shown as one
    four = option(plan, f"{QWEN}, int4, 4 x NVIDIA L4")
    assert "devices" not in {one.name for one in four.limits}


def test_all_models_are_weighed_on_eight(hospital: Scenario) -> None:
    scenario = with_slots(hospital, 16)
    everything = list(models().values())
    catalogue = Catalogue(scenario, everything, [find_device("L4")], {}, {})
    assert catalogue.counts == [1, 2, 4, 8]
    held = catalogue.held
    for row in range(catalogue.shape[0]):
        for column in range(4):
            if catalogue.not_shared(row, column):
                assert not held[row, column]
                assert "cannot share" in catalogue.idle_j.at(row, column).source
            elif held[row, 0]:
                assert held[row, column]  # what one holds, more hold
    assert 0 < held[:, 3].sum() < held.size


def test_more_load_is_weighed_on_as_many_cards(plan: Plan) -> None:
    assert plan.recommended is not None
    assert plan.recommended.startswith(f"{LLAMA}, ")
    assert "2 x NVIDIA L40S" in plan.recommended
    assert plan.breaks["option"] == plan.recommended
    found = plan.breaks["limits"]
    assert "memory" in found  # one card alone would not hold the model
    assert all(times is None or times > 1 for times in found.values())
