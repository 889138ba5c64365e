"""Model FLOPs utilisation against published figures."""

from __future__ import annotations

import pytest

from ecoaudit.errors import UsageError
from ecoaudit.estimate import Basis, Estimate
from ecoaudit.flops import UNIT, peak_flops_per_s, training_flops_per_token, utilisation
from ecoaudit.measurement import BOARD, PACKAGE, Device

TPU_V4 = 275e12  # FLOP/s, bf16
TOKENS_PER_S = 238.3e3  # PaLM 540B on 6144 chips: arXiv:2204.02311, section 4.1 and appendix B


def board(name: str, number: int = 0, kind: str = "gpu") -> Device:
    boundary = BOARD if kind == "gpu" else PACKAGE
    return Device(f"id-{number}", kind, boundary, name, "m", Basis.MEASURED, "test")


@pytest.mark.parametrize(
    ("attention", "published"),
    [({"layers": 118, "hidden": 48 * 256, "sequence": 2048}, 0.462), ({}, 0.457)],
    ids=["with attention", "without"],
)
def test_the_published_utilisation_of_palm(attention: dict[str, int], published: float) -> None:
    each = training_flops_per_token(540.35e9, **attention)
    rate = Estimate.exact(each * TOKENS_PER_S, UNIT, Basis.MODELLED, "test")
    peak = Estimate.exact(6144 * TPU_V4, UNIT, Basis.CONSTANT, "test")
    assert utilisation(rate, peak).number == pytest.approx(published, abs=0.0005)


def test_the_terms_of_the_formula() -> None:
    assert training_flops_per_token(1000) == 6000
    assert training_flops_per_token(1000, layers=2, hidden=3, sequence=5) == 6000 + 12 * 30


@pytest.mark.parametrize(
    "numbers", [{"parameters": 0}, {"parameters": 1, "layers": 2}, {"parameters": 1, "layers": -1}]
)
def test_numbers_that_cannot_be_are_refused(numbers: dict[str, int]) -> None:
    with pytest.raises(UsageError):
        training_flops_per_token(**numbers)


def test_the_peak_of_two_boards_is_from_the_table() -> None:
    boards = [board("NVIDIA H100 80GB HBM3", 0), board("NVIDIA H100 80GB HBM3", 1)]
    peak = peak_flops_per_s([*boards, board("a CPU", 2, "cpu")])
    assert peak.value == 2 * 989e12
    assert "NVIDIA H100 80GB HBM3" in peak.source


@pytest.mark.parametrize(
    ("devices", "reason"),
    [
        ([board("a CPU", 0, "cpu")], "no GPU was read; give peak_flops"),
        ([board("Voodoo 2")], "no device 'Voodoo 2' in the table"),
        ([board("NVIDIA H200 NVL")], "no 16-bit rate of NVIDIA H200 NVL is known"),
    ],
)
def test_without_a_peak_the_utilisation_is_absent_with_the_reason(
    devices: list[Device], reason: str
) -> None:
    peak = peak_flops_per_s(devices)
    assert reason in peak.source
    rate = Estimate.exact(1e12, UNIT, Basis.MODELLED, "test")
    assert utilisation(rate, peak) == Estimate.absent("1", peak.source)
