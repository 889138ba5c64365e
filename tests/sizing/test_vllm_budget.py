"""vLLM's budget, against what vLLM logged."""

from __future__ import annotations

from typing import NamedTuple

import pytest

from ecoaudit.errors import UsageError
from ecoaudit.estimate import Basis, Estimate
from ecoaudit.factors.hardware import find_device
from ecoaudit.factors.models import find_model
from ecoaudit.sizing.memory import kv_bytes_per_sequence, weight_bytes
from ecoaudit.sizing.vllm_budget import (
    batch_defaults,
    budget,
    defaults_of,
    overhead_bytes,
    usable_bytes,
)

GIB = 2**30


class Logged(NamedTuple):
    """What a log of vLLM said of one device; memory in GiB."""

    model: str
    weights: str
    version: str
    devices: int
    linked: bool
    usable: float
    batch: tuple[int, int]  # max_num_batched_tokens, max_num_seqs
    loaded: float
    besides: float
    cache: float


LOGGED = [
    # vLLM pull request 10511, December 2024: 79.22 GiB x 0.90
    Logged("Llama-3.1-8B", "bf16", "0.6.4", 1, True, 71.29, (8192, 256), 14.96, 3.05, 53.29),
    Logged("Llama-3.1-8B", "bf16", "0.6.4", 2, True, 71.29, (8192, 256), 7.48, 4.84, 58.97),
    # vLLM issue 15815: two L40S, 44.42 GiB x 0.90, contexts of 10,000 tokens
    Logged("Qwen2.5-32B", "bf16", "0.8.2", 2, False, 39.98, (10000, 256), 30.71, 1.56, 7.71),
    # vLLM issue 13061: two RTX 4090, 23.55 GiB x 0.98
    Logged("Distill-Qwen-14B", "bf16", "0.7.2", 2, False, 23.08, (2048, 256), 13.95, 0.44, 8.69),
    # vLLM pull request 14447: 16 RTX 3090, 23.58 GiB x 0.99, AWQ
    Logged("DeepSeek-R1", "int4", "0.8.3", 16, False, 23.35, (2048, 256), 21.21, 0.57, 1.57),
    # vLLM issue 13882: 8 GiB x 0.70, AWQ; it did not fit
    Logged("Qwen2.5-7B", "int4", "0.7.3", 1, False, 5.60, (4096, 256), 5.20, 1.45, -1.05),
]


@pytest.mark.parametrize("log", LOGGED, ids=lambda log: f"{log.model} x{log.devices}")
def test_cache_that_vllm_logged(log: Logged) -> None:
    assert log.usable - log.loaded - log.besides == pytest.approx(log.cache, abs=0.02)
    found = budget(
        find_model(log.model),
        log.weights,
        Estimate.exact(log.usable * GIB, "bytes", Basis.MODELLED, "log"),
        log.batch,
        version=log.version,
        tensor_parallel=log.devices,
        linked=log.linked,
    )
    assert found.kv.number / GIB == pytest.approx(log.cache, abs=0.5)
    assert (found.kv.low or 0.0) / GIB < log.cache + 0.1  # no false "fits"


def test_the_budget_with_the_logged_parts_is_the_logged_one() -> None:
    model = find_model("Llama-3.1-8B")
    left = 0.90 * 79.22 - weight_bytes(model, "bf16").number / GIB - 1.79 - 1.26
    assert left == pytest.approx(53.29, abs=0.01)


@pytest.mark.parametrize(
    ("version", "utilisation", "graphs"),
    [
        ("", 0.92, True),
        ("0.32.0", 0.92, True),
        ("v0.22.1", 0.92, True),
        ("0.21.0", 0.90, True),
        ("0.20.2", 0.90, False),
        ("0.11.1", 0.90, False),
        ("0.6.4.post1", 0.90, False),
        ("1.0", 0.92, True),
    ],
)
def test_defaults_by_version(version: str, utilisation: float, graphs: bool) -> None:
    defaults = defaults_of(version)
    assert (defaults.utilisation, defaults.graphs_counted) == (utilisation, graphs)
    assert defaults.source


def test_a_version_that_is_none_says_so() -> None:
    with pytest.raises(UsageError, match=r"expected a version of vLLM, such as '0.22'"):
        defaults_of("latest")


@pytest.mark.parametrize(
    ("name", "batch"),
    [
        ("L4", (2048, 256)),
        ("RTX 4090", (2048, 256)),
        ("A100 80GB PCIe", (2048, 256)),
        ("H100 PCIe", (8192, 1024)),
        ("H200 SXM", (8192, 1024)),
        ("B200", (16384, 1024)),
        ("MI300X", (16384, 1024)),
    ],
)
def test_batch_defaults_of_vllm(name: str, batch: tuple[int, int]) -> None:
    assert batch_defaults(find_device(name)) == batch


def test_overheads_hold_what_logs_show() -> None:
    # logs: 1.79 + 1.26 GiB on an 80 GB card, 0.2 to 0.33 and 0.37 to 1.77 on cards of 24 to 32 GB
    small = overhead_bytes(find_model("Llama-3.1-8B"), 2048, 256)
    assert small.low is not None
    assert small.high is not None
    assert small.low / GIB < 0.33 + 0.37 + 0.36 < small.high / GIB
    large = overhead_bytes(find_model("Llama-3.1-8B"), 8192, 1024)
    assert large.high is not None
    assert large.high / GIB > 1.79


def test_linked_devices_take_more_and_cards_do_not() -> None:
    model = find_model("Llama-3.1-8B")
    alone = overhead_bytes(model, 2048, 256)
    cards = overhead_bytes(model, 2048, 256, tensor_parallel=2)
    modules = overhead_bytes(model, 2048, 256, tensor_parallel=2, linked=True)
    assert cards == alone
    assert (modules.number - alone.number) / GIB == pytest.approx(1.8)
    # one device has nobody to be linked with
    assert overhead_bytes(model, 2048, 256, linked=True) == alone


def test_graphs_are_counted_from_0_21() -> None:
    model = find_model("Llama-3.1-8B")
    before = overhead_bytes(model, 2048, 256, version="0.20")
    after = overhead_bytes(model, 2048, 256, version="0.21")
    assert (after.number - before.number) / GIB == pytest.approx(0.4)


def test_usable_memory_is_pessimistic_about_what_gb_means() -> None:
    card = usable_bytes(find_device("H100 SXM"))
    assert card.low == pytest.approx(0.92 * 80e9)
    assert card.high == pytest.approx(0.92 * 80 * GIB)
    assert card.low is not None
    assert card.high is not None
    assert card.low < 0.92 * 79.22 * GIB < card.high
    assert usable_bytes(find_device("H100 SXM"), "0.11").low == pytest.approx(0.90 * 80e9)
    machine = usable_bytes(find_device("M4 Pro"))
    assert machine.low == pytest.approx(0.65 * 64e9)
    assert "assumed" in machine.source


def test_sequences_are_counted_on_the_pessimistic_end() -> None:
    model, device = find_model("Llama-3.1-8B"), find_device("L4")
    batch = batch_defaults(device)
    found = budget(model, "fp8", usable_bytes(device), batch)
    context = Estimate.exact(4096, "tokens", Basis.DECLARED, "test")
    each = kv_bytes_per_sequence(model, context, batch[0])
    room = found.sequences(each, batch[1])
    assert found.kv.low is not None
    assert room == int(found.kv.low // (4096 * 131_072)) > 10
    assert found.sequences(each, 3) == 3
    # 16 bit: 16.06 GB of weights on 22 to 23.7 GB leave little
    assert found.sequences(each, 256) > budget(
        model, "bf16", usable_bytes(device), batch
    ).sequences(each, 256)


def test_what_does_not_fit_holds_no_sequence() -> None:
    model, device = find_model("Llama-3.1-70B"), find_device("L4")
    found = budget(model, "int4", usable_bytes(device), batch_defaults(device))
    assert found.kv.number < 0
    context = Estimate.exact(100, "tokens", Basis.DECLARED, "test")
    assert found.sequences(kv_bytes_per_sequence(model, context, 2048), 256) == 0
