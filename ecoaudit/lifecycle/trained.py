"""The electricity of a training that nobody measured, from its work."""

from __future__ import annotations

from dataclasses import replace

from ecoaudit.errors import NotFoundError
from ecoaudit.estimate import Basis, Estimate
from ecoaudit.factors.hardware import Device, find_device
from ecoaudit.factors.models import find_model
from ecoaudit.factors.table import Fact
from ecoaudit.factors.topics import factor
from ecoaudit.lifecycle.book import Book, Origin
from ecoaudit.lifecycle.tabled import Found, declared, from_factor, own_or_table
from ecoaudit.scenario.training import EstimatedTraining
from ecoaudit.sizing.training import training_flop

_FULL, _FROZEN, _AGAIN = 6.0, 4.0, 2.0  # FLOP for each parameter and token


def training_kwh(training: EstimatedTraining, word: str, book: Book) -> str:
    """Electricity of a training as a formula [kWh].

    Work over the rate at which it is done, times the power meanwhile: C / (peak x MFU) x P, with
    C = 6 N D of a full training (Kaplan et al. 2020, arXiv:2001.08361) and 4 N D + 6 N_lora D with
    frozen weights. How many devices share it does not matter: time falls as power rises.

    Raises:
        NotFoundError: no table holds the model or the device, or the device has no 16-bit rate.
    """
    tokens = book.put(f"{word}_tokens", "trained tokens", training.tokens)
    work = book.put(f"{word}_flop_per_token", "work", _work(training))
    device = None if training.device is None else find_device(training.device)
    peak = book.put(f"{word}_peak_flop_per_s", "peak", *_peak(training, device))
    share = own_or_table(
        book, f"{word}_utilisation", "utilisation", training.utilisation, "training", "utilisation"
    )
    seconds = f"{tokens} * {work} / ({peak} * {share})"
    if training.power is not None or device is None:
        power = training.power or Estimate.absent("W", "no power is stated")
        watts = book.put(f"{word}_w", "training power", *declared(power))
    else:
        limit = book.put(f"{word}_limit_w", "power limit", *_fact(device.power_limit))
        drawn = from_factor(factor("training", "draw over the power limit"))
        watts = f"{limit} * {book.put(f'{word}_draw', 'draw', *drawn)}"
    return f"{seconds} / 3600 * {watts} / 1000"


def _work(training: EstimatedTraining) -> Estimate:
    """FLOP for a token."""
    one = Estimate.exact(1.0, "tokens", Basis.CONSTANT, "one token")
    if training.model is not None:
        found = training_flop(
            find_model(training.model),
            training.method,
            one,
            sequence_tokens=training.sequence,
            rank=training.rank,
            recomputed=training.checkpointed,
        )
        return replace(found, unit="FLOP/token")
    each = _FULL if training.method == "full" else _FROZEN
    each += _AGAIN if training.checkpointed else 0.0
    many = training.parameters or Estimate.absent("parameters", "not stated")
    told = f"{each:g} FLOP for each parameter and token; {many.source}"
    return many.converted(each, "FLOP/token").sourced(told, Basis.MODELLED)


def _fact(fact: Fact) -> Found:
    """A figure of the table of devices as an input."""
    origin = Origin(year=fact.year, licence=fact.licence, boundary="as its maker states it")
    return fact.estimate(), origin


def _peak(training: EstimatedTraining, device: Device | None) -> Found:
    if training.peak is not None:
        return declared(training.peak)
    rate = None if device is None else device.bf16
    if device is None or rate is None:
        name = "the device" if device is None else device.name
        raise NotFoundError(f"no source gives the 16-bit rate of {name}; state peak")
    return _fact(rate)
