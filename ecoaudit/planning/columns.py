"""The computers that a plan weighs: each device alone, and several cards of one kind in one."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

import numpy

from ecoaudit.bands import Array
from ecoaudit.factors.hardware import CARD, Device
from ecoaudit.factors.models import Model
from ecoaudit.scenario import Host
from ecoaudit.sizing.memory import kv_bytes
from ecoaudit.sizing.sharing import most_devices

COUNTS: Final = (2, 4, 8)  # of cards that share a model; heads are nearly always split by these


def columns_of(
    devices: Sequence[Device], host: Host, counts: Sequence[int] | None = None
) -> list[tuple[Device, int]]:
    """The device of each computer, and how many of it.

    Only cards are multiplied, as far as ``host.slots`` goes (its lower end); without it each device
    stands alone. Modules need a server that is not in the table, machines are whole. With
    ``counts`` it is that many of each.
    """
    if counts is not None:
        return list(zip(devices, counts, strict=True))
    slots = 1 if host.slots is None else int(host.slots.low or 1)
    return [
        (device, count)
        for device in devices
        for count in (1, *COUNTS)
        if count == 1 or (device.kind == CARD and count * device.slots <= slots)
    ]


def most_sharing(models: Sequence[Model], counts: Sequence[int]) -> Array:
    """How many of so many devices can share a model at most, models by computers; one cell where
    each device stands alone."""
    if max(counts, default=1) == 1:
        return numpy.ones((1, 1))
    found = {
        model.name: {count: most_devices(model, count) for count in set(counts)} for model in models
    }
    return numpy.array(
        [[found[model.name][count] for count in counts] for model in models], dtype=float
    )


def cache_of(models: Sequence[Model], counts: Sequence[int], context: Array) -> Array:
    """KV cache of one sequence on each of so many devices, models by computers [bytes].

    Args:
        models: one a row.
        counts: devices of each computer.
        context: length of the sequence, of each model; (models, 1) [tokens].
    """
    pairs = list(zip(models, context[:, 0].tolist(), strict=True))
    found = {
        count: [kv_bytes(model, tokens, tensor_parallel=count) for model, tokens in pairs]
        for count in set(counts)
    }
    wanted = counts if len(found) > 1 else counts[:1]
    return numpy.array([found[count] for count in wanted]).T
