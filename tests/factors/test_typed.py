"""Models and devices that a user types in a few lines."""

from __future__ import annotations

import copy
import random
from typing import Any

import pytest

from ecoaudit.errors import UsageError
from ecoaudit.estimate import Basis
from ecoaudit.factors.hardware import CARD, MACHINE
from ecoaudit.factors.typed import TYPED, device_from_mapping, model_from_mapping
from ecoaudit.sizing.memory import kv_bytes_per_token, parameters, tensors, weight_bytes
from ecoaudit.sizing.vllm_budget import batch_defaults, budget, usable_bytes

FIVE: dict[str, Any] = {
    "parameters_b": 8.03,
    "layers": 32,
    "kv_heads": 8,
    "head_dim": 128,
    "weights": "int4",
}
WHOLE: dict[str, Any] = {
    "hidden": 4096,
    "layers": 32,
    "heads": 32,
    "kv_heads": 8,
    "head_dim": 128,
    "intermediate": 14336,
    "vocab": 128256,
    "tied": False,
}
DEVICE: dict[str, Any] = {
    "memory": "24 GB",
    "bandwidth": "300 GB/s",
    "bf16": "121 TFLOP/s",
    "power_limit": "72 W",
    "idle_power": "12 W",
    "price": "2500 USD",
}


def test_an_invented_model_of_five_lines_fits_an_invented_device() -> None:
    model = model_from_mapping("our/model", FIVE, "clinic.yaml:12")
    device = device_from_mapping("our box", DEVICE, "clinic.yaml:20")
    assert (model.name, model.shipped, model.source) == ("our/model", "int4", TYPED)
    assert model.formats(["bf16", "fp8"]) == ("int4",)
    assert parameters(model).number == pytest.approx(8.03e9, rel=1e-4)
    assert kv_bytes_per_token(model) == (131_072, 0)
    weights = weight_bytes(model, "int4")
    # Llama-3.1-8B in int4 takes 5.7 GB: the share of the tables is not known here
    assert weights.low is not None
    assert weights.high is not None
    assert weights.low < 5.73e9 < weights.high < 1.4 * weights.low
    left = budget(model, "int4", usable_bytes(device), batch_defaults(device)).kv
    assert left.low is not None
    assert left.low > 10e9


def test_what_was_assumed_is_said() -> None:
    model = model_from_mapping("m", FIVE | {"note": "from the maker"}, "f:1")
    assert model.assumed == ("hidden", "heads", "intermediate", "vocab")
    assert model.note == (
        "from the maker; assumed from the number of parameters: hidden, heads, intermediate, vocab"
    )
    assert model_from_mapping("m", FIVE | {"hidden": 4096}, "f:1").assumed == (
        "heads",
        "intermediate",
        "vocab",
    )


def test_a_known_vocabulary_narrows_the_interval() -> None:
    wide = weight_bytes(model_from_mapping("m", FIVE, "f:1"), "int4")
    known = FIVE | {"hidden": 4096, "vocab": 128256}
    told = weight_bytes(model_from_mapping("m", known, "f:1"), "int4")
    exact = weight_bytes(model_from_mapping("m", known | {"tied": False}, "f:1"), "int4")
    truth = weight_bytes(model_from_mapping("m", WHOLE, "f:1"), "int4")
    assert (wide.low or 0) <= (told.low or 0) <= truth.number <= (told.high or 0)
    assert (exact.high or 0) - (exact.low or 0) < (told.high or 0) - (told.low or 0)
    assert exact.number == pytest.approx(truth.number, rel=2e-4)


def test_a_whole_shape_is_exact() -> None:
    model = model_from_mapping("m", WHOLE, "f:1")
    assert tensors(model).total == 8_030_261_248
    assert model.assumed == ()
    assert model_from_mapping("m", WHOLE | {"parameters_b": 8.0}, "f:1").vocab == 128256


def test_experts_and_windows_can_be_typed() -> None:
    experts = {"experts": 8, "experts_per_token": 2, "expert_intermediate": 14336}
    model = model_from_mapping("m", WHOLE | experts | {"vocab": 32000}, "f:1")
    assert tensors(model).total == 46_702_792_704  # Mixtral-8x7B
    windows = {"window_tokens": 4096, "window_layers": 16}
    model = model_from_mapping("m", FIVE | windows, "f:1")
    assert kv_bytes_per_token(model) == (65_536, 65_536)


def test_keys_of_a_config_json_are_read_as_such() -> None:
    config = {
        "model_type": "llama",
        "hidden_size": 4096,
        "intermediate_size": 14336,
        "num_attention_heads": 32,
        "num_hidden_layers": 32,
        "num_key_value_heads": 8,
        "vocab_size": 128256,
    }
    model = model_from_mapping("m", config | {"weights": "fp8", "source": "the maker"}, "f:1")
    assert tensors(model).total == 8_030_261_248
    assert (model.shipped, model.source) == ("fp8", "the maker")


@pytest.mark.parametrize(
    ("mapping", "message"),
    [
        ({}, "f:7: this key is missing: layers, kv_heads, head_dim, parameters_b"),
        (FIVE | {"layer": 3}, "f:7: layer: unknown key; did you mean 'layers'"),
        (FIVE | {"layers": "many"}, "f:7: layers: expected a whole number; got 'many'"),
        (FIVE | {"layers": 0}, "f:7: layers: expected 1 to 100,000,000; got 0"),
        (FIVE | {"layers": True}, "f:7: layers: expected a whole number; got True"),
        (FIVE | {"parameters_b": "8B"}, "f:7: parameters_b: expected billions as a number"),
        (FIVE | {"parameters_b": -1}, "f:7: parameters_b: expected more than 0"),
        (FIVE | {"parameters_b": 0.001}, "f:7: parameters_b: 0.001 billion are too few for 32"),
        (FIVE | {"weights": "int3"}, "f:7: weights: no weight format 'int3'"),
        (FIVE | {"experts": 8}, "f:7: experts: a model with experts needs its whole shape"),
        (FIVE | {"window_tokens": 8}, "f:7: window_tokens: expected window_tokens and window_l"),
        (WHOLE | {"parameters_b": 70}, "f:7: parameters_b: 70 does not agree with the shape"),
        (WHOLE | {"tied": "yes"}, "f:7: tied: expected true or false; got 'yes'"),
        (WHOLE | {"kv_heads": 64}, "f:7: expected at least 64 query heads"),
        (WHOLE | {"experts": 8}, "f:7: experts: expected their number, their size"),
        (WHOLE | {"source": 3}, "f:7: source: expected some text; got 3"),
        ({"layers": 32, "kv_heads": 8}, "f:7: this key is missing: head_dim, parameters_b"),
    ],
)
def test_a_model_that_cannot_be_is_refused_with_its_place(
    mapping: dict[str, Any], message: str
) -> None:
    with pytest.raises(UsageError) as caught:
        model_from_mapping("m", mapping, "f:7")
    assert str(caught.value).startswith(message)


def test_a_device_of_six_numbers() -> None:
    device = device_from_mapping("our box", DEVICE, "f:1")
    assert device.kind == CARD
    assert {name: fact.value for name, fact in device.facts.items()} == {
        "memory": 24e9,
        "bandwidth": 300e9,
        "bf16": 121e12,
        "power_limit": 72.0,
        "idle_power": 12.0,
        "price": 2500.0,
    }
    assert device.memory.source == TYPED
    assert device.memory.estimate().basis is Basis.DECLARED
    assert device.fp8 is None


def test_a_device_may_be_known_in_part_and_by_source() -> None:
    device = device_from_mapping(
        "our box",
        {
            "memory": {"value": "128 GB", "source": "delivery note"},
            "bandwidth": "256 GB/s",
            "power_limit": "140 W",
            "kind": "machine",
            "source": "data sheet",
            "year": 2025,
        },
        "f:1",
    )
    assert device.kind == MACHINE
    assert (device.memory.source, device.bandwidth.source) == ("delivery note", "data sheet")
    assert device.memory.year == 2025
    assert (device.bf16, device.idle_power, device.price) == (None, None, None)


@pytest.mark.parametrize(
    ("mapping", "message"),
    [
        ({"memory": "24 GB"}, "f:9: this key is missing: bandwidth, power_limit; a device needs"),
        (DEVICE | {"memry": "1 GB"}, "f:9: memry: unknown key; did you mean 'memory'"),
        (DEVICE | {"memory": 24}, "f:9: memory: expected a memory with its unit"),
        (DEVICE | {"memory": "24 W"}, "f:9: memory: expected a memory with its unit"),
        (DEVICE | {"memory": "0 GB"}, "f:9: memory: expected more than 0; got '0 GB'"),
        (DEVICE | {"bandwidth": "300 Gbit/s"}, "f:9: bandwidth: expected a bandwidth with its"),
        (DEVICE | {"power_limit": "-72 W"}, "f:9: power_limit: expected more than 0"),
        (DEVICE | {"idle_power": "90 W"}, "f:9: idle_power: more than power_limit"),
        (DEVICE | {"fp8": "60 TFLOP/s"}, "f:9: fp8: less than bf16"),
        (DEVICE | {"kind": "cloud"}, "f:9: kind: expected one of card, module, machine"),
        (DEVICE | {"year": "new"}, "f:9: year: expected a year such as 2026; got 'new'"),
        (DEVICE | {"price": {"value": "1 USD", "low": "1 USD"}}, "f:9: price: expected the keys"),
        (DEVICE | {"price": None, "memory": None}, "f:9: this key is missing: memory"),
    ],
)
def test_a_device_that_cannot_be_is_refused_with_its_place(
    mapping: dict[str, Any], message: str
) -> None:
    with pytest.raises(UsageError) as caught:
        device_from_mapping("our box", mapping, "f:9")
    assert str(caught.value).startswith(message)


BROKEN: tuple[Any, ...] = (
    *(None, "", 0, -1, 1.5, 10**400, 1e308, "x", True, False, [], {}, [1], {"a": 1}, "12 GB", 3),
    {"value": "5 GB"},
    "\u0661",
    "\u00f1" * 300,
)


@pytest.mark.parametrize("whole", [FIVE, WHOLE, DEVICE], ids=["five", "whole", "device"])
def test_five_hundred_mutations_give_a_sentence_or_a_size(whole: dict[str, Any]) -> None:
    draw = random.Random(5)
    sentences: list[str] = []
    for _ in range(500):
        mapping = copy.deepcopy(whole)
        for key in draw.sample(list(mapping), draw.choice((1, 1, 2))):
            value = mapping.pop(key)
            change = draw.choice(("drop", "rename", "break", "break", "break"))
            if change == "rename":
                mapping[key + "_"] = value
            elif change == "break":
                mapping[key] = draw.choice(BROKEN)
        try:
            if whole is DEVICE:
                device = device_from_mapping("d", mapping, "f:3")
                assert (usable_bytes(device).high or 0) > 0
            else:
                model = model_from_mapping("m", mapping, "f:3")
                assert (weight_bytes(model, "int4").low or 0) > 0
                assert sum(kv_bytes_per_token(model)) > 0
        except UsageError as error:
            sentences.append(str(error))
    assert len(sentences) > 250
    assert [sentence for sentence in sentences if not sentence.startswith("f:3: ")] == []
