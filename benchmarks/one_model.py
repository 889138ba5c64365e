"""How well constants fitted on one model of a device tell the times of others on it.

As ``ecoaudit calibrate`` does it, on public rows of ML.ENERGY: what is known before are constants
fitted on the other devices alone, what is seen are the rows of one dense model with the fewest
requests in flight, and what is told are those of other models. ``python -m benchmarks.one_model
DATA_FOLDER`` prints the table of docs/calibrating.md; the rows are not in the repository.
"""

from __future__ import annotations

import math
import sys
from collections.abc import Iterator
from functools import partial
from pathlib import Path
from typing import Final

import numpy

from benchmarks.fitting.model import Table, fit_cost, table_of
from benchmarks.fitting.rows import Data, read_data
from ecoaudit.bands import Array, Flags
from ecoaudit.sizing.calibration import FORM, FREE, OTHERS_FROM, fitted, widened
from ecoaudit.sizing.calibration_terms import SCALED, log_times
from ecoaudit.sizing.constants import TERMS, constants_of

ENGINE: Final = "vLLM 0.11.1"
DEVICES: Final = ("NVIDIA H100 SXM5 80GB", "NVIDIA B200 SXM")
SEEN: Final = 4  # rows of the one model
MOST_BATCH: Final = 70.0  # of the rows that are told: what a clinic may have in flight
_REPEAT: Final = 0.02


def main() -> None:
    """Print the table."""
    data = read_data(Path(sys.argv[1]))
    print("| device | models told | rows | before | with one model | bias | coverage |")
    print("|---|---|---|---|---|---|---|")
    for device in DEVICES:
        for sort in ("dense", "experts"):
            print(_line(data, device, sort))


def _line(data: Data, device: str, sort: str) -> str:
    points = [point for point in data.points if point not in data.contradicted]
    prior = fit_cost(table_of([p for p in points if p.device.name != device], data.contradicted))
    mine = table_of(
        [p for p in points if (p.device.name, p.engine, p.devices) == (device, ENGINE, 1)],
        data.contradicted,
    )
    told = list(_told(mine, _rows(mine, prior), sort))
    before, after, inside = (numpy.concatenate(each) for each in zip(*told, strict=True))
    return (
        f"| {device.removeprefix('NVIDIA ')} | {sort} | {len(after)} "
        f"| {abs(before).mean():.1%} | {abs(after).mean():.1%} | {after.mean():+.1%} "
        f"| {inside.mean():.0%} |"
    )


def _rows(table: Table, cost: Array) -> Array:
    """Times of the rows by what a calibration scales [s]; nothing of a request is in them."""
    rows = numpy.zeros((len(table.points), len(SCALED) + 1))
    for place, name in enumerate(TERMS):
        into = SCALED.index(name) if name in SCALED else SCALED.index("layer")
        rows[:, into] += table.parts[:, place] * cost[place]
    return rows


def _told(table: Table, rows: Array, sort: str) -> Iterator[tuple[Array, Array, Flags]]:
    """Of each dense model that is seen, the errors on the others before and after, and whether
    these lie in the interval."""
    seen, batch = table.column("step_s"), table.column("batch")
    ends = constants_of(OTHERS_FROM).ends[f"step {sort}"]
    for name in dict.fromkeys(p.model.name for p in table.points if p.sort == "dense"):
        own = [place for place, point in enumerate(table.points) if point.model.name == name]
        own = sorted(own, key=lambda place: batch[place])[:SEEN]
        others = [
            place
            for place, point in enumerate(table.points)
            if point.model.name != name and point.sort == sort and batch[place] <= MOST_BATCH
        ]
        if len(own) < 2 or not others:
            continue
        doubt = numpy.full(len(own), math.hypot(FORM, _REPEAT))
        found = fitted(partial(log_times, rows[own]), seen[own], doubt, numpy.array(FREE))
        predict = partial(log_times, rows[others])
        low, high = widened(ends, found.spread(predict), found.off)
        told = numpy.exp(predict(numpy.log(found.factors)))
        before = numpy.exp(predict(numpy.zeros(len(SCALED))))
        is_ = seen[others]
        yield before / is_ - 1, told / is_ - 1, (told * low <= is_) & (is_ <= told * high)


if __name__ == "__main__":
    main()
