from __future__ import annotations

import pytest

from ecoaudit.estimate import Basis
from ecoaudit.factors.cpu_power import cpu_tdp_w


@pytest.mark.parametrize(
    ("model", "tdp_w"),
    [
        ("AMD EPYC 7763", 280),
        ("AMD EPYC 7763 64-Core Processor", 280),
        ("Intel(R) Xeon(R) Gold 6248 CPU @ 2.50GHz", 150),
        ("Intel(R) Xeon(R) CPU E5-2697A v4 @ 2.60GHz", 145),
        ("11th Gen Intel(R) Core(TM) i5-1135G7 @ 2.40GHz", 28),
        ("12th Gen Intel(R) Core(TM) i7-12700H", 45),
        ("AMD Ryzen 9 9900X 12-Core Processor", 120),
    ],
)
def test_the_kernels_name_of_a_cpu_finds_its_row(model: str, tdp_w: float) -> None:
    tdp = cpu_tdp_w(model)
    assert tdp is not None
    assert (tdp.value, tdp.unit, tdp.basis) == (tdp_w, "W", Basis.CONSTANT)
    assert "cpu_power.csv" in tdp.source
    assert "codecarbon 3." in tdp.source


@pytest.mark.parametrize(
    "model",
    [
        "",
        "unknown",
        "AMD EPYC",  # what clouds show
        "AMD EPYC Processor",
        "AMD EPYC 7763X",  # no such row: the 7763 is another CPU
        "Intel(R) Xeon(R) Gold 624",
        "Intel(R) Xeon(R) Platinum 8488C",
        "Intel Celeron 1200",  # its row holds no number
        "Neoverse-V2",
    ],
)
def test_a_similar_name_is_no_match(model: str) -> None:
    assert cpu_tdp_w(model) is None
