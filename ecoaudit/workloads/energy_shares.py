"""What one request adds to a machine that is on, and its share of the day that it is on for.

A clinic's server rests most of the day. What a request *adds* is measured while it works, above the
loaded engine at rest. What it is *allocated* holds its part of that rest as well: the busier the
day, the less of it falls on each.
"""

from __future__ import annotations

from typing import Final

from ecoaudit.estimate import Estimate
from ecoaudit.measurement import Measurement
from ecoaudit.recording import net_of_idle

DAY_S: Final = 86400.0
MARGINAL, ALLOCATED = "marginal_energy_per_request_j", "allocated_energy_per_request_j"
_UNIT: Final = "J/request"


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
        per_day: that the scenario has on a working day.
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
            rest = (power * DAY_S).converted(1.0, "J").per(per_day, _UNIT)
            return {
                MARGINAL: marginal.sourced(f"above the loaded engine at rest; {net.source}"),
                ALLOCATED: (marginal + rest).sourced(
                    f"with its part of a day at rest of {DAY_S:,.0f} s over {per_day.number:g}"
                    f" requests; {power.source}"
                ),
            }
        why = power.source if net is None or not power.known else net.source
    return {MARGINAL: Estimate.absent(_UNIT, why), ALLOCATED: Estimate.absent(_UNIT, why)}
