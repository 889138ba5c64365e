"""Devices that can run a language model: memory, speed, power and price, each with its source.

Computing rates are dense (no sparsity) with FP32 accumulation: GeForce cards at half the rate of
the workstation cards of the same chip. A blank is a figure that nobody has sourced.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING, Any

from ecoaudit.estimate import Estimate
from ecoaudit.factors.names import find
from ecoaudit.factors.table import FOLDER, TEXT, Column, Fact, Row, read_table

if TYPE_CHECKING:
    from ecoaudit.sizing.constants import Constants

CARD = "card"  # goes into a computer's slot
MODULE = "module"  # needs a server made for it
MACHINE = "machine"  # a whole computer
_WIDE = "triple-slot"  # a card that takes the room of two of double width

NUMBERS = {
    "memory": "memory",
    "bandwidth": "bandwidth",
    "bf16": "computing rate",
    "fp8": "computing rate",
    "int8": "computing rate",
    "power_limit": "power",
    "idle_power": "power",
    "price": "money",
}
_REQUIRED = {"memory", "bandwidth", "power_limit"}
COLUMNS: dict[str, Column] = {
    "name": Column(required=True),
    "kind": Column(required=True, choices=(CARD, MODULE, MACHINE)),
    **{
        name: Column(dimension=dimension, required=name in _REQUIRED)
        for name, dimension in NUMBERS.items()
    },
    **{f"{name}_source": TEXT for name in NUMBERS if name != "memory"},
    **dict.fromkeys(("price_year", "aliases", "form", "released", "energy_counter"), TEXT),
    "source": Column(required=True),
    "note": TEXT,
}


@dataclass(frozen=True, slots=True)
class Device:
    """One device of the table.

    Attributes:
        name: as its maker writes it.
        kind: ``card``, ``module`` or ``machine``.
        memory: as sold [bytes], at 10^9 bytes to the GB; see ``ecoaudit.sizing.memory``.
        bandwidth: of its memory [bytes/s].
        power_limit: what it may draw [W]; of a machine, without what surrounds the chip.
        bf16: dense 16-bit rate [FLOP/s]; None: not sourced.
        fp8: dense FP8 rate [FLOP/s].
        int8: dense INT8 rate [FLOP/s].
        idle_power: bare, no program using it [W].
        price: [USD].
        loaded_idle: draw with a model loaded and no request, where it was measured on this very
            device [W].
        constants: what steps cost on this very device, where it was calibrated.
        aliases: other names.
        form: form factor.
        released: date or blank.
        energy_counter: what is known of an energy counter.
        note: anything a reader should know.
    """

    name: str
    kind: str
    memory: Fact
    bandwidth: Fact
    power_limit: Fact
    bf16: Fact | None = None
    fp8: Fact | None = None
    int8: Fact | None = None
    idle_power: Fact | None = None
    price: Fact | None = None
    loaded_idle: Estimate | None = None
    constants: Constants | None = field(default=None, hash=False)
    aliases: tuple[str, ...] = ()
    form: str = ""
    released: str = ""
    energy_counter: str = ""
    note: str = ""

    @classmethod
    def of(cls, name: str, kind: str, facts: Mapping[str, Fact], **words: Any) -> Device:
        """A device from its numbers by column, those that are not known left out."""
        return cls(
            name=name,
            kind=kind,
            memory=facts["memory"],
            bandwidth=facts["bandwidth"],
            power_limit=facts["power_limit"],
            bf16=facts.get("bf16"),
            fp8=facts.get("fp8"),
            int8=facts.get("int8"),
            idle_power=facts.get("idle_power"),
            price=facts.get("price"),
            **words,
        )

    @property
    def slots(self) -> int:
        """Places for cards of double width that a card takes."""
        return 2 if self.form.lower().startswith(_WIDE) else 1

    @property
    def facts(self) -> dict[str, Fact]:
        """The numbers that are known, by column."""
        pairs = ((name, getattr(self, name)) for name in NUMBERS)
        return {name: fact for name, fact in pairs if fact is not None}


@cache
def devices() -> dict[str, Device]:
    """All devices by name, in the order of the table."""
    return {device.name: device for device in read_devices(FOLDER / "hardware.csv")}


def find_device(name: str) -> Device:
    """A device by a name written as its maker, a driver or a person writes it.

    Raises:
        NotFoundError: none or several; the message lists near names.
    """
    table = devices()
    return table[find(name, {key: device.aliases for key, device in table.items()}, "device")]


def read_devices(path: Path) -> list[Device]:
    """Read a table of devices. Raises as :func:`ecoaudit.factors.table.read_table`."""
    return [_device(row) for row in read_table(path, COLUMNS)]


def _device(row: Row) -> Device:
    words, facts = row.words, row.facts
    return Device.of(
        words["name"],
        words["kind"],
        facts,
        aliases=tuple(part.strip() for part in words["aliases"].split(";") if part.strip()),
        form=words["form"],
        released=words["released"],
        energy_counter=words["energy_counter"],
        note=words["note"],
    )
