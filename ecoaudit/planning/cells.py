"""One option: a cell of the tables of all options."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from ecoaudit.bands import cell_of
from ecoaudit.estimate import Estimate
from ecoaudit.factors.hardware import Device
from ecoaudit.factors.models import Model
from ecoaudit.plan import Limit
from ecoaudit.planning.catalogue import Catalogue
from ecoaudit.planning.evidence import Evidence, Key
from ecoaudit.planning.verdicts import Verdicts


@dataclass(frozen=True, slots=True)
class Cell:
    """A model in a weight format on a device, or on several of one kind.

    Attributes:
        verdicts: the tables of needs, held against what there is.
        row: of model and weight format.
        column: of the device and how many of it.
    """

    verdicts: Verdicts
    row: int
    column: int

    @property
    def catalogue(self) -> Catalogue:
        """The tables of needs."""
        return self.verdicts.catalogue

    @property
    def model(self) -> Model:
        """The model's shape."""
        return self.catalogue.pairs[self.row].model

    @property
    def weights(self) -> str:
        """The weight format."""
        return self.catalogue.pairs[self.row].weights

    @property
    def device(self) -> Device:
        """The device."""
        return self.catalogue.devices[self.column]

    @property
    def devices(self) -> int:
        """How many of the device share the model."""
        return self.catalogue.counts[self.column]

    @property
    def hardware(self) -> str:
        """The device with how many of it, where these are several."""
        return self.device.name if self.devices == 1 else f"{self.devices} x {self.device.name}"

    @property
    def key(self) -> Key:
        """Names of model, weight format and device, and how many of it."""
        return self.catalogue.key(self.row, self.column)

    @property
    def evidence(self) -> Evidence | None:
        """The run that measured it, if any."""
        return self.catalogue.evidence.get((self.row, self.column))

    @property
    def held(self) -> bool:
        """Whether the devices hold the model; otherwise it has no time and no energy."""
        return bool(self.catalogue.held[self.row, self.column])

    @property
    def fits(self) -> bool:
        """Whether it stays within every limit."""
        return bool(self.verdicts.fits[self.row, self.column])

    def figure(self, name: str) -> Estimate:
        """A figure by the name of the catalogue's table."""
        found: Estimate = getattr(self.catalogue, name).at(self.row, self.column)
        return found

    def passes(self, name: str) -> bool:
        """Whether it stays within a limit."""
        ok = self.verdicts.checks[name].ok
        return bool(ok[cell_of(ok, self.row, self.column)])

    def judged(self, name: str) -> bool:
        """Whether it is known if it stays within a limit."""
        known = self.verdicts.checks[name].known
        return bool(known[cell_of(known, self.row, self.column)])

    def limit(self, name: str) -> Limit:
        """A limit by its name."""
        return self.verdicts.limit(name, self.row, self.column)

    @property
    def limits(self) -> list[Limit]:
        """All that could be computed, in the order in which they are shown."""
        return [self.limit(name) for name in self.limit_names()]

    @property
    def first_limit(self) -> Limit | None:
        """The limit that is missed by the largest factor, else the first that is not known."""
        name = self.verdicts.first_limit(self.row, self.column)
        return None if name is None else self.limit(name)

    def limit_names(self) -> Iterator[str]:
        """Those that could be computed."""
        for name in self.verdicts.checks:
            if not self.held and name in ("first_token", "complete", "load"):
                continue
            if name == "devices" and self.passes(name):  # else it would just hold
                continue
            if name != "supply" or self.judged(name):  # else its hours were not followed
                yield name
