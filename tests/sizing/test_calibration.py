"""A calibration gives the constants back that its run was made with, and so other models' times."""

from __future__ import annotations

from dataclasses import replace

import pytest

from ecoaudit.estimate import Basis, Estimate
from ecoaudit.factors.hardware import Device, find_device
from ecoaudit.factors.models import Model, find_model
from ecoaudit.factors.table import Fact
from ecoaudit.factors.typed import device_from_mapping
from ecoaudit.run import RunStatus
from ecoaudit.sizing.calibration import OTHERS_FROM, Calibration, calibrations
from ecoaudit.sizing.calibration_terms import Asked
from ecoaudit.sizing.constants import ANY, ENDS, TERMS, Constants, constants_of
from ecoaudit.sizing.power import device_idle_w, serving_w
from ecoaudit.sizing.speed import rates
from tests.calibrations import IDLE_W, calibration, known_constants

L4 = find_device("L4")
SMALL, LARGE = find_model("Llama-3.2-1B"), find_model("Llama-3.1-8B")
FACTORS = {
    "weights": 0.85,
    "cache": 1.3,
    "compute": 1.6,
    "layer": 1.4,
    "sequence": 1.8,
    "request": 1.5,
}
TRUE = known_constants(FACTORS, rest=0.8, computing=0.85)


def of_l4(*models: Model) -> Calibration:
    found, failed = calibrations([calibration(model, L4, TRUE) for model in models])
    assert not failed
    return found[L4.name]


def times(model: Model, device: Device, constants: Constants, in_flight: float) -> list[float]:
    """Time per token and wait for the first [s]."""
    asked = Asked(model, rates(model, "bf16", device, constants=constants), in_flight, 600, 200)
    return [sum(asked.token()), sum(asked.first())]


def test_what_the_measurements_tell_comes_back() -> None:
    found = of_l4(SMALL, LARGE).constants
    over = {n: a / b for n, a, b in zip(TERMS, found.cost, TRUE.cost, strict=True)}
    assert over["weights"] == pytest.approx(1, abs=0.04)
    assert over["compute"] == pytest.approx(1, abs=0.03)
    assert found.request_s / TRUE.request_s == pytest.approx(1, abs=0.03)
    # these two are told apart from the weights only in part: their sum is what counts, below
    assert over["layer"] == pytest.approx(1, abs=0.25)
    assert over["sequence"] == pytest.approx(1, abs=0.25)


@pytest.mark.parametrize("in_flight", [1, 4, 16])
@pytest.mark.parametrize("name", ["Llama-3.2-3B", "Llama-3.1-8B", "Qwen3-14B"])
def test_another_model_on_the_card_is_predicted(name: str, in_flight: int) -> None:
    model, found = find_model(name), of_l4(SMALL).constants
    before = times(model, L4, constants_of(ANY), in_flight)
    for is_, told, unfitted in zip(
        times(model, L4, TRUE, in_flight), times(model, L4, found, in_flight), before, strict=True
    ):
        assert told == pytest.approx(is_, rel=0.08)
        assert abs(told - is_) < abs(unfitted - is_)


def test_the_draw_is_that_of_the_card() -> None:
    found = of_l4(SMALL).constants
    for in_flight in (1, 4, 16):
        is_, told = (
            serving_w(L4, rates(LARGE, "bf16", L4, constants=each), in_flight, 5e7, 700, 600, 200)
            for each in (TRUE, found)
        )
        assert told.number == pytest.approx(is_.number, rel=0.06)
    assert found.power_from == "own"


def test_it_says_what_it_stands_on() -> None:
    found = of_l4(SMALL)
    assert found.constants.trust == "calibrated"
    assert found.constants.device == L4.name
    said = found.constants.said
    assert "calibration-meta-llama/Llama-3.2-1B" in said
    assert "2026-11-23" in said
    assert "random weights" in said
    assert "vLLM 0.32.0" in said
    assert (found.constants.models, found.constants.rows) == (1, 4)


def test_the_interval_lies_between_that_of_the_h100_and_that_of_the_datasheet() -> None:
    one, two = of_l4(SMALL).constants, of_l4(SMALL, LARGE).constants
    others, datasheet = constants_of(OTHERS_FROM), constants_of(ANY)

    def width(constants: Constants, name: str = "step dense") -> float:
        low, high = constants.ends[name]
        return high / low

    assert width(others) < width(two) < width(one) < width(datasheet)
    assert all(one.ends[name][0] <= 1 <= one.ends[name][1] for name in ENDS)


def test_idle_draw_is_as_measured() -> None:
    idle = device_idle_w(of_l4(SMALL).device)
    assert idle.number == pytest.approx(IDLE_W)
    assert idle.basis is Basis.MEASURED
    assert "2026-11-23" in idle.source
    assert device_idle_w(L4).basis is not Basis.MEASURED


def test_without_a_power_meter_the_draw_stays_that_of_other_devices() -> None:
    run = calibration(SMALL, L4, TRUE)
    dark = [replace(p, whole_run=p.whole_run | {"gpu_power_w": _none()}) for p in run.curve]
    found = calibrations([replace(run, curve=dark)])[0][L4.name].constants
    assert found.level == constants_of(ANY).level
    assert found.ends["power dense"] == constants_of(ANY).ends["power dense"]


def _none() -> Estimate:
    return Estimate.absent("W", "no meter")


# -- a computer without a GPU --------------------------------------------------------------------


def computer() -> Device:
    facts = {
        name: Fact(value, unit, 2026, "what is to be found", "none")
        for name, value, unit in (
            ("memory", 32 * 2**30, "bytes"),
            ("bandwidth", 50e9, "bytes/s"),
            ("bf16", 1e12, "FLOP/s"),
            ("power_limit", 65.0, "W"),
        )
    }
    return Device.of("A CPU", "machine", facts)


def test_a_computer_is_made_of_its_run() -> None:
    true = known_constants({"layer": 5.0, "sequence": 4.0, "request": 2.0})
    runs = [calibration(find_model(n), computer(), true) for n in ("Llama-3.2-1B", "Qwen3-4B")]
    found, failed = calibrations(runs)
    assert not failed
    (name,) = found
    assert name == "A fast (8 CPUs 32 GiB)"
    made = found[name]
    assert made.made
    assert made.device.kind == "machine"
    assert made.device.memory.value == 32 * 2**30
    # what it reaches of its bandwidth and rate, which no table has
    assert made.device.bandwidth.value == pytest.approx(50e9 / true.cost[0], rel=0.1)
    assert made.device.bf16 is not None
    assert made.device.bf16.value == pytest.approx(1e12 / true.cost[2], rel=0.05)
    assert made.device.bandwidth.estimate().basis is Basis.MODELLED
    model = find_model("Llama-3.2-3B")
    for in_flight in (1, 16):
        is_ = times(model, computer(), true, in_flight)
        told = times(model, made.device, made.constants, in_flight)
        assert told == pytest.approx(is_, rel=0.08)


def test_of_a_small_model_on_a_computer_little_is_known() -> None:
    """A model that fits into a cache says nothing of memory: the interval says so."""
    toy = replace(SMALL, name="toy", hidden=256, layers=4, heads=8, kv_heads=4, head_dim=32,
                  intermediate=688, vocab=2048)  # fmt: skip
    true = known_constants({"layer": 5.0})
    small, large = (
        next(iter(calibrations([calibration(each, computer(), true)])[0].values()))
        for each in (toy, SMALL)
    )
    low, high = small.constants.ends["step dense"]
    near = large.constants.ends["step dense"]
    assert high / low > 1.7 * near[1] / near[0]


# -- what cannot be used -------------------------------------------------------------------------


def why(**changed: object) -> str:
    found, failed = calibrations([calibration(SMALL, L4, TRUE, **changed)])
    assert not found
    (said,) = failed.values()
    return said


def test_a_run_that_gives_no_constants_says_why() -> None:
    run = calibration(SMALL, L4, TRUE)
    assert "the run is interrupted" in why(status=RunStatus.INTERRUPTED)
    assert "lacks the long prompts" in why(curve=run.curve[:3])
    assert "lacks one request in flight" in why(curve=run.curve[1:])
    assert "several GPUs" in why(devices=[run.devices[0], replace(run.devices[0], id="gpu1")])
    assert "describe the device" in why(devices=[replace(run.devices[0], name="Unheard Of 9")])
    assert "weight format, unknown" in why(settings=run.settings | {"weights": "unknown"})
    dense = run.settings | {"model": "openai/gpt-oss-20b", "model_config": {}}
    assert "experts or a state" in why(settings=dense)


def test_other_runs_are_passed_over() -> None:
    run = calibration(SMALL, L4, TRUE)
    settings = {name: each for name, each in run.settings.items() if name != "calibration"}
    assert calibrations([replace(run, settings=settings)]) == ({}, {})


def test_a_device_that_the_user_describes_is_calibrated_too() -> None:
    mine = device_from_mapping(
        "My box",
        {"memory": "24 GB", "bandwidth": "300 GB/s", "power_limit": "72 W"},
        "here",
    )
    true = replace(L4, name="My box")
    found, failed = calibrations([calibration(SMALL, true, TRUE)], {"My box": mine})
    assert not failed
    device = found["My box"].device
    # its computing rate was not known, and now is
    assert device.bf16 is not None
    assert L4.bf16 is not None
    assert device.bf16.value == pytest.approx(L4.bf16.value / TRUE.cost[2], rel=0.05)
