"""What one request adds to a machine that is on, and its share of the day that it is on for.

A clinic's server rests most of the day. What a request *adds* is measured while it works, above the
loaded engine at rest. What it is *allocated* holds its part of that rest as well: the busier the
day, the less of it falls on each.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

from ecoaudit.estimate import Estimate
from ecoaudit.measurement import Measurement
from ecoaudit.recording import net_of_idle

DAY_S: Final = 86400.0
MARGINAL, ALLOCATED = "marginal_energy_per_request_j", "allocated_energy_per_request_j"
_UNIT: Final = "J/request"
_USED_UNIT: Final = "J/used result"


def per_used_result(
    found: Mapping[str, Estimate], used_fraction: Estimate | None
) -> dict[str, Estimate]:
    """The energies of a request again, for a result that somebody uses; nothing without a share.

    energy per used result = energy per request / used fraction.

    Args:
        found: figures, with the energies per request.
        used_fraction: share of the results that are used.
    """
    if used_fraction is None:
        return {}
    names = ("energy_per_request_j", MARGINAL, ALLOCATED)
    return {
        name.replace("per_request", "per_used_result"): found[name].per(used_fraction, _USED_UNIT)
        for name in names
    }


def energy_shares(
    window: Measurement, idle: Measurement | None, requests: Estimate, per_day: Estimate
) -> dict[str, Estimate]:
    """``marginal_energy_per_request_j`` and ``allocated_energy_per_request_j`` of a window.

    marginal = (energy - idle power x duration) / requests;
    allocated = marginal + idle power x 86,400 s / requests of a day: the machine is on all day.

    Args:
        window: energy under load.
        idle: the loaded engine at rest; None where that was not measured.
        requests: that were answered in the window.
        per_day: that the scenario has on a working day; absent where it has none.
    """
    if idle is None:
        why = "the loaded engine was not measured at rest (--idle)"
    elif not requests.known or requests.number <= 0:
        why = "no request ended in the window"
    else:
        above = net_of_idle(window, idle)
        power, net = above["idle_power_w"], above.get("net_energy_j")
        if net is not None and net.known and power.known:
            marginal = net.per(requests, _UNIT)
            above_rest = marginal.sourced(f"above the loaded engine at rest; {net.source}")
            if not per_day.known:
                return {MARGINAL: above_rest, ALLOCATED: Estimate.absent(_UNIT, per_day.source)}
            rest = (power * DAY_S).converted(1.0, "J").per(per_day, _UNIT)
            return {
                MARGINAL: above_rest,
                ALLOCATED: (marginal + rest).sourced(
                    f"with its part of a day at rest of {DAY_S:,.0f} s over {per_day.number:g}"
                    f" requests; {power.source}"
                ),
            }
        why = power.source if net is None or not power.known else net.source
    return {MARGINAL: Estimate.absent(_UNIT, why), ALLOCATED: Estimate.absent(_UNIT, why)}
