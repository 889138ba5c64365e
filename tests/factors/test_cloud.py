from __future__ import annotations

import pytest

from ecoaudit.errors import NotFoundError
from ecoaudit.factors.cloud import cloud_factor


def test_a_region_has_its_place_and_doubt() -> None:
    factor = cloud_factor("GCP", "africa-south1")
    assert factor.zone == "ZAF/gcp:africa-south1"
    assert factor.intensity.numbers == pytest.approx((646, 646 * 0.8, 646 * 1.2))
    assert "Johannesburg" in factor.source
    assert not factor.fallback


@pytest.mark.parametrize(
    ("provider", "region", "message"),
    [
        ("gcp", "europe-wst1", "did you mean 'europe-west1'"),
        ("aws", "eu-west-1", "Google Cloud .gcp. alone; give the country"),
    ],
)
def test_an_unknown_region(provider: str, region: str, message: str) -> None:
    with pytest.raises(NotFoundError, match=message):
        cloud_factor(provider, region)
