"""The part of a board's energy that falls on the MIG instances that a program was given.

A board has one sensor, whatever it is cut into; instances are never summed. NVML names no energy of
an instance, so its part is modelled.
"""

from __future__ import annotations

from collections.abc import Sequence

from ecoaudit.estimate import Basis, Estimate, total
from ecoaudit.measurement import Device, DeviceEnergy


def energy_of_instances(
    devices: Sequence[Device], energies: Sequence[DeviceEnergy]
) -> Estimate | None:
    """Energy of the instances given to a program [J]; None where it was given no instance.

    A board's energy goes by compute slices. What other instances did is not known: with them busy
    it is down to half of that, for the load is theirs; with them at rest up to the whole.

    Args:
        devices: with ``mig_share`` in their details where instances were given.
        energies: of the same devices.
    """
    shares = {device.id: device.details.get("mig_share") for device in devices}
    parts = []
    for energy in energies:
        share = shares.get(energy.id)
        if not isinstance(share, float):
            continue
        if not energy.energy_j.known:
            parts.append(energy.energy_j)
            continue
        value, low, high = energy.energy_j.numbers
        if share < 1:
            value, low = share * value, share * low / 2
        source = f"{share:.0%} of the board's compute slices (MIG); {energy.energy_j.source}"
        parts.append(Estimate(value, low, high, "J", Basis.MODELLED, source))
    return total(parts, "J") if parts else None
