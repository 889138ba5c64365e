"""Why a peer's figure differs from ours: told from how each came by it, never from a fixed text.

What is known of the peers, with its sources: docs/measuring.md.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field

from ecoaudit.crosscheck.base import (
    COUNTER,
    HOST,
    LOAD,
    NONE,
    POWER,
    RAM_RULE,
    RAPL,
    PeerFigure,
)
from ecoaudit.estimate import Basis, Estimate
from ecoaudit.measurement import BOARD, DRAM, PACKAGE, Device
from ecoaudit.units import human, significant

PARTS = {BOARD: "GPU boards", PACKAGE: "CPU", DRAM: "memory", HOST: "total"}
AGREES = 0.01  # a difference up to this needs no reason
_EDGES_SHARE = 0.2  # of a difference: where the windows' lengths explain as much, it is said


@dataclass(frozen=True, slots=True)
class Case:
    """One boundary of one comparison.

    Attributes:
        peer: its name.
        figure: what it says.
        ours: what we say.
        devices: ours of that boundary.
        window_s: length of our window [s].
        peer_s: length of the peer's [s]; None when it is not known.
        mask: ``CUDA_VISIBLE_DEVICES``.
        apart_j: for a total: by how much the peer is above us in each part [J].
    """

    peer: str
    figure: PeerFigure
    ours: Estimate
    devices: Sequence[Device]
    window_s: float
    peer_s: float | None
    mask: str | None = None
    apart_j: dict[str, float] = field(default_factory=dict)

    @property
    def difference(self) -> float | None:
        """The peer's above ours, as a share of ours; None without both, or when ours is zero."""
        if self.figure.energy_j is None or not self.ours.value:
            return None
        return self.figure.energy_j / self.ours.value - 1

    @property
    def methods(self) -> set[str]:
        """How our devices of this boundary are read."""
        return {device.method for device in self.devices}


def reason(case: Case) -> str:
    """One or two sentences; empty when the figures agree."""
    if case.figure.method == NONE:
        return case.figure.how
    if not case.ours.known:
        return f"no figure here: {case.ours.source}{_empty_mask(case)}"
    if "replay" in case.methods:
        return f"ours is the replay of a trace; {case.peer} measured this machine"
    difference = case.difference
    if difference is not None and abs(difference) <= AGREES:
        return ""
    tell = {BOARD: _board, PACKAGE: _package, DRAM: _dram, HOST: _host}[case.figure.boundary]
    return "; ".join(part for part in (tell(case), _edges(case)) if part)


def _board(case: Case) -> str:
    peer, figure = case.peer, case.figure
    if figure.devices is not None and figure.devices != len(case.devices):
        mask = "is not set" if case.mask is None else f"is {case.mask!r}"
        return (
            f"{peer} counts {figure.devices} boards and we {len(case.devices)}:"
            f" CUDA_VISIBLE_DEVICES {mask}, which {_MASK_RULES.get(peer, 'it reads otherwise')}"
        )
    if f"{COUNTER}+power" in case.methods:
        return "our counter failed in mid-run and power stood in for it: see the run's doubts"
    if case.methods == {COUNTER} and figure.method == COUNTER:
        return _counter_steps(case)
    if case.methods == {COUNTER} and figure.method == POWER:
        return (
            f"ours is the energy counter, {peer}'s is {figure.how}, which misses what happens"
            " between two readings"
        )
    if COUNTER not in case.methods and figure.method == POWER:
        return (
            "the board has no energy counter: we integrate power read ten times a second,"
            f" {peer}'s is {figure.how}"
        )
    return f"ours is {_our_methods(case)}, {peer}'s is {figure.how}"


# What a peer makes of CUDA_VISIBLE_DEVICES (codecarbon 3.3.2, zeus 0.16.0).
_MASK_RULES = {
    "codecarbon": "it understands only where it is a list of numbers",
    "zeus": "it takes as a list of numbers, whether those GPUs exist or not",
}


def _empty_mask(case: Case) -> str:
    if case.figure.boundary != BOARD or case.mask != "":
        return ""
    return f", as CUDA_VISIBLE_DEVICES is empty; {case.peer} takes that for no mask"


def _counter_steps(case: Case) -> str:
    step_s = max(device.step_s for device in case.devices)
    same = "both read the same counters, so the sensors' own error is in both"
    difference, bound = case.difference or 0.0, step_s / case.window_s
    if step_s and abs(difference) <= 2 * bound:
        return (
            f"{same}; {case.peer} takes them as they stand at the edges, where steps of"
            f" {step_s * 1000:.0f} ms make up to {bound:.1%} of {human(case.window_s, 's')},"
            " and more where the power jumps"
        )
    return (
        f"{same}; their steps explain no more than about {2 * bound:.1%}: a counter was set back,"
        " failed or stood still in between (see the run's doubts), or the cause is not known"
    )


def _package(case: Case) -> str:
    peer, figure = case.peer, case.figure
    modelled = any(device.basis is Basis.MODELLED for device in case.devices)
    if figure.method == LOAD and modelled:
        said = (
            "both are models: ours takes the CPU time of the command alone, and its power rises in"
            f" proportion; {peer}'s takes the load of the whole machine, cubed"
        )
        rated_w = case.devices[0].details.get("tdp_w")
        if (
            isinstance(rated_w, float)
            and figure.power_w is not None
            and abs(figure.power_w - rated_w) > AGREES * rated_w
        ):
            said += (
                f"; rated power {significant(rated_w)} W here and"
                f" {significant(figure.power_w)} W there"
            )
        return said
    if figure.method == LOAD:
        return (
            f"ours is measured; {peer} could not read the CPU's counters and models it:"
            f" {figure.how}"
        )
    if figure.method == RAPL and modelled:
        return (
            f"{peer} measures the whole CPU with its counters, which ecoaudit did not read"
            " (`ecoaudit doctor` says why); ours is modelled, for the command alone"
        )
    if figure.method == RAPL:
        if (case.difference or 0.0) < 0:
            why = "a counter that started over between two of its readings, or a CPU it leaves out"
        else:
            why = (
                "dies that mirror one counter, which we count once, or a counter we could not read"
            )
        return f"both read the CPU's own counters; the usual cause is {why}"
    return f"ours is {_our_methods(case)}, {peer}'s is {figure.how}"


def _dram(case: Case) -> str:
    peer, figure = case.peer, case.figure
    modelled = any(device.basis is Basis.MODELLED for device in case.devices)
    if figure.method == RAM_RULE and modelled:
        ours_w = case.devices[0].details.get("power_w")
        same = (
            isinstance(ours_w, float)
            and figure.power_w is not None
            and abs(figure.power_w - ours_w) <= AGREES * ours_w
        )
        if same:
            return f"the same model on both sides, {figure.how}"
        return f"the models see different memory: {_watts(ours_w)} here, {figure.how} there"
    if figure.method == RAM_RULE:
        return f"ours is measured; {peer} takes {figure.how}"
    if figure.method == RAPL and modelled:
        return f"{peer} reads the memory's counter, which ecoaudit did not; ours is modelled"
    return f"ours is {_our_methods(case)}, {peer}'s is {figure.how}"


def _host(case: Case) -> str:
    if not case.apart_j:
        return ""
    part = max(case.apart_j, key=lambda boundary: abs(case.apart_j[boundary]))
    return f"most of it is the {PARTS[part]}: {human(case.apart_j[part], 'J')}"


def _edges(case: Case) -> str:
    """Said where the peer's longer window explains a good part of the difference."""
    difference = case.difference
    if case.peer_s is None or not difference or case.figure.boundary == HOST:
        return ""
    longer_s = case.peer_s - case.window_s
    share = longer_s / case.window_s
    if share * difference <= 0 or abs(share) < _EDGES_SHARE * abs(difference):
        return ""
    longer = "longer" if longer_s > 0 else "shorter"
    return f"{case.peer}'s window was {human(abs(longer_s), 's')} ({abs(share):.1%}) {longer}"


def _our_methods(case: Case) -> str:
    return " and ".join(sorted(case.methods)) or "absent"


def _watts(value: object) -> str:
    return human(value, "W") if isinstance(value, float) else "an unknown power"
