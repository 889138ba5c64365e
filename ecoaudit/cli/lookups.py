"""The tables in which the names of a profile are looked up, so that a misspelt one has its line."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from ecoaudit.scenario import Lookups
    from ecoaudit.scenario.described import Described


def lookups(*, models: bool = True, devices: bool = True) -> Lookups:
    """Lookups in the tables of models, devices and grids.

    Args:
        models: whether the scenario's models matter; not where others are named instead.
        devices: whether its devices do.
    """
    from ecoaudit.factors.grid import grid_factor
    from ecoaudit.factors.hardware import find_device
    from ecoaudit.factors.models import find_model
    from ecoaudit.scenario import Lookups

    return Lookups(
        model=find_model if models else None,
        device=find_device if devices else None,
        own_model=_model if models else None,
        own_device=_device if devices else None,
        scored=lambda name: find_model(name).name,
        grid=grid_factor,
    )


def _model(own: Described) -> object:
    from ecoaudit.factors.typed import model_from_mapping

    return model_from_mapping(own.name, own.raw, own.place)


def _device(own: Described) -> object:
    from ecoaudit.factors.typed import device_from_mapping

    return device_from_mapping(own.name, own.raw, own.place)
