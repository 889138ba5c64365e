"""What a device costs at this site, the computer around it included."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Final

from ecoaudit.bands import Band
from ecoaudit.estimate import Estimate
from ecoaudit.factors.hardware import MACHINE, MODULE, Device

PRICE_DOUBT: Final = 0.2  # launch price against street price: 3,999 and 4,699 USD, 2,800 and 3,200


def prices_of(
    computers: Sequence[tuple[Device, int]],
    typed: Mapping[str, Estimate],
    host: Estimate,
    budget: Estimate,
) -> Band:
    """Prices of computers with so many of a device each [USD]; arguments as of :func:`price_of`,
    those that were typed by the device's name."""
    return Band.columns(
        [price_of(device, typed.get(device.name), host, budget, n) for device, n in computers]
    )


def price_of(
    device: Device, typed: Estimate | None, host: Estimate, budget: Estimate, devices: int = 1
) -> Estimate:
    """Devices and computer [USD]; absent where the table has no price and none was typed.

    Args:
        device: the row.
        typed: by the user, of one card; of a module the whole server's.
        host: the computer around a card.
        budget: a module that alone is beyond it has a price, at least; else its server lacks one.
        devices: how many cards are in the computer.
    """
    if typed is not None:
        return typed if device.kind in (MACHINE, MODULE) else typed * devices + host
    if device.price is None:
        return Estimate.absent("USD", "no price in the table")
    what = f"price of {device.price.year}, +-20 % ({device.price.source})"
    price = device.price.estimate(PRICE_DOUBT).sourced(what)
    if device.kind == MODULE:
        least = (price + host).sourced(f"at least: {what}, and a server of its own")
        if (least.high or 0.0) <= (budget.low or 0.0):
            return Estimate.absent("USD", "the server that this module needs is not in the table")
        return least
    return price if device.kind == MACHINE else price * devices + host
