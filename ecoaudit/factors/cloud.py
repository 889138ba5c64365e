"""Carbon intensity of the grid of a cloud region, from the table that comes with codecarbon."""

from __future__ import annotations

import csv
from functools import cache

from ecoaudit.errors import NotFoundError, did_you_mean
from ecoaudit.estimate import Basis, Estimate
from ecoaudit.factors.codecarbon_data import data_file, version
from ecoaudit.factors.grid import UNIT, GridFactor

_TABLE = "cloud/impact.csv"
_DOUBT = 0.2  # as for countries


def cloud_factor(provider: str, region: str) -> GridFactor:
    """The carbon intensity of electricity in a cloud region, by location, not by contract.

    Args:
        provider: ``gcp``; the table has no other.
        region: as the provider writes it, such as ``europe-west1``.

    Raises:
        NotFoundError: no such provider or region, or codecarbon is not installed; the message
            names near ones, or says what to do.
    """
    wanted = provider.strip().casefold()
    known = {row["region"]: row for row in _rows() if row["provider"] == wanted}
    if not known:
        raise NotFoundError(
            f"cloud provider {provider!r}: the table holds Google Cloud (gcp) alone; give the"
            " country in which the region lies instead"
        )
    row = known.get(region.strip().casefold())
    if row is None:
        raise NotFoundError(
            f"region {region!r} of {provider}: {did_you_mean(region, known)} Otherwise give the"
            " country in which it lies"
        )
    source = (
        f"grid of {row['city']}, {row['country_name']}, yearly average as the provider publishes it"
        f" (codecarbon {version()}, impact.csv, from {row['source']}; year not stated, +-20 %"
        " because sources differ by 10 to 30 % for one place)"
    )
    intensity = Estimate.within(float(row["impact"]), _DOUBT, UNIT, Basis.CONSTANT, source)
    zone = f"{row['countryIsoCode']}/{row['provider']}:{row['region']}"
    return GridFactor(zone, intensity, None, "generation", source, fallback=False)


@cache
def _rows() -> tuple[dict[str, str], ...]:
    with data_file(_TABLE).open(encoding="utf-8-sig", newline="") as file:
        return tuple(csv.DictReader(file))
