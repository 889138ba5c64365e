"""Our figures beside a peer's, boundary by boundary, and why they differ."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from ecoaudit.crosscheck.base import HOST, NONE, PeerFigure
from ecoaudit.crosscheck.process import PeerProcess
from ecoaudit.crosscheck.reasons import Case, reason
from ecoaudit.estimate import Estimate
from ecoaudit.measurement import Device, Measurement
from ecoaudit.recording import energy_within


@dataclass(frozen=True, slots=True)
class Row:
    """One boundary. Energies are in ``unit``; a peer gives no interval.

    Attributes:
        boundary: ``board``, ``package``, ``dram`` or ``host``.
        unit: of both energies.
        ours: our figure.
        peer_energy: the peer's; None when it has none.
        peer_method: how the peer comes by it.
        difference: the peer's above ours, as a share of ours; None without both.
        within_interval: whether the peer's lies in our 80 % interval; None without both.
        reason: why they differ, as far as the methods tell; for a part that one has not, why.
    """

    boundary: str
    unit: str
    ours: Estimate
    peer_energy: float | None
    peer_method: str
    difference: float | None
    within_interval: bool | None
    reason: str


@dataclass(frozen=True, slots=True)
class Comparison:
    """One peer beside one window of ours.

    Attributes:
        peer: its name.
        version: its version; None when it was never ready.
        window: path of our window.
        window_s: length of our window [s].
        duration_s: length of the peer's [s]; None when it did not get so far.
        fault: why it gave no figures, in one sentence; None when it gave them.
        figures: a row for each boundary that either has.
    """

    peer: str
    version: str | None
    window: str
    window_s: float
    duration_s: float | None
    fault: str | None
    figures: list[Row]


def compare(
    peer: PeerProcess, window: Measurement, devices: Sequence[Device], mask: str | None
) -> Comparison:
    """What a peer said beside what our window saw.

    Args:
        peer: after its end.
        window: ours.
        devices: of the run.
        mask: ``CUDA_VISIBLE_DEVICES`` as both saw it.
    """
    duration_s = None
    if peer.begin_s is not None and peer.end_s is not None:
        duration_s = peer.end_s - peer.begin_s
    rows: list[Row] = []
    for figure in peer.figures:
        ours = energy_within(window.devices, None if figure.boundary == HOST else figure.boundary)
        here = [d for d in devices if figure.boundary in (HOST, d.boundary)]
        if figure.energy_j is None and not here:
            continue  # neither has such a part
        case = Case(
            peer.name, figure, ours, here, window.duration_s, duration_s, mask, _apart_j(rows)
        )
        rows.append(_row(figure, ours, reason(case)))
    return Comparison(
        peer=peer.name,
        version=peer.version,
        window=window.path,
        window_s=window.duration_s,
        duration_s=duration_s,
        fault=peer.fault,
        figures=rows,
    )


def _row(figure: PeerFigure, ours: Estimate, why: str) -> Row:
    difference, within = None, None
    if figure.energy_j is not None and ours.known:
        value, low, high = ours.numbers
        difference = None if value == 0 else figure.energy_j / value - 1
        within = low <= figure.energy_j <= high
    return Row(
        boundary=figure.boundary,
        unit="J",
        ours=ours,
        peer_energy=figure.energy_j,
        peer_method="" if figure.method == NONE else figure.how,
        difference=difference,
        within_interval=within,
        reason=why,
    )


def _apart_j(rows: Sequence[Row]) -> dict[str, float]:
    """By how much the peer is above us in each boundary that both have [J]; a part that only one
    has counts whole."""
    apart = {}
    for row in rows:
        apart[row.boundary] = (row.peer_energy or 0.0) - (row.ours.value or 0.0)
    return apart
