"""How one value of a profile is read: text with a unit becomes an Estimate in the house unit.

A value is written short, ``circuit_power: 500 W``, or long, with its doubt and source::

    circuit_power: {value: 500 W, low: 400 W, high: 600 W, source: "electrician, 2026"}
"""

from __future__ import annotations

import math
import re
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from ecoaudit.errors import UsageError
from ecoaudit.estimate import Basis, Estimate
from ecoaudit.scenario.marks import ChecksAfter, ReadsWhole
from ecoaudit.units import house_unit, parse_quantity

if TYPE_CHECKING:
    from pydantic import GetCoreSchemaHandler
    from pydantic_core import CoreSchema

    from ecoaudit.scenario.money import Currency

SOURCELESS = "declared in "  # what the source of a figure begins with that states none
_FIGURE_KEYS = {"value", "low", "high", "unit", "basis", "source"}
_LONG_KEYS = ("value", "low", "high", "source")
_LANGUAGE = re.compile(r"[a-z]{2,3}([-_][A-Za-z0-9]{2,8})*")  # en, quy, zh-Hans, swh_Latn
_IN_CURRENCY = re.compile(r"(\s*[-+\d.][-+\d.,_eE]*)\s*([A-Z]{3})((?:/.*)?\s*)")
_ROUNDING = 0.0011  # three thirds of 0.333 sum to 0.999
_AMOUNTS = frozenset(
    {"money", "energy price", "hourly price", "monthly price", "token price", "fuel price"}
)


@dataclass(frozen=True, slots=True)
class Quantity:
    """Marks an Estimate field of a profile: its dimension (or plain unit) and its bounds.

    Attributes:
        dimension: a dimension of ``ecoaudit.units`` (text with a unit is expected), or empty for
            a bare number.
        unit: the unit of a bare number, such as ``"tokens"``; ignored when there is a dimension.
        minimum: smallest allowed value, in the house unit.
        maximum: largest allowed value, in the house unit.
        positive: whether zero is refused.
    """

    dimension: str = ""
    unit: str = ""
    minimum: float = 0.0
    maximum: float = float("inf")
    positive: bool = False

    def __get_pydantic_core_schema__(
        self, source: Any, handler: GetCoreSchemaHandler
    ) -> CoreSchema:
        from pydantic_core import core_schema

        def read(value: object, info: Any) -> Estimate:
            context = info.context or {}
            return self.read(value, str(context.get("path", "")), context.get("currency"))

        return core_schema.with_info_plain_validator_function(read)

    def read(self, value: object, path: str, currency: Currency | None = None) -> Estimate:
        """``value`` as an Estimate with basis ``declared``.

        Args:
            value: as the profile has it.
            path: of the profile, for the source.
            currency: the site's own, in which amounts of money may stand besides USD.

        Raises:
            ValueError: not a quantity of this kind; the message says what was expected.
        """
        if isinstance(value, Estimate):  # already read, by another profile
            return value
        if isinstance(value, dict) and value.keys() == _FIGURE_KEYS:  # from a file of ecoaudit's
            return Estimate(**{**value, "basis": Basis(value["basis"])})
        source = f"{SOURCELESS}{path}"
        ends = [value, value, value]
        if isinstance(value, dict):
            unknown = [key for key in value if key not in _LONG_KEYS]
            if unknown or "value" not in value:
                raise ValueError(
                    "expected the keys value, low, high and source;"
                    f" got {', '.join(map(str, value))}"
                )
            ends = [value["value"], *(value.get(key, value["value"]) for key in ("low", "high"))]
            if not isinstance(value.get("source", ""), str):
                raise ValueError("source: expected some text in quotation marks")
            source = str(value.get("source", source))
        foreign = self.dimension in _AMOUNTS and any(_is_foreign(end) for end in ends)
        if foreign:
            ends = [_in_usd(end, currency) for end in ends]
        number, low, high = (self._number(end) for end in ends)
        if not low <= number <= high:
            raise ValueError("expected low <= value <= high")
        figure = Estimate(number, low, high, self._unit, Basis.DECLARED, source)
        if not foreign or currency is None:
            return figure
        rate = f"1 {currency.code} = {currency.usd.number:g} USD on {currency.date}"
        return figure.times(currency.usd, self._unit).sourced(f"{source}; {rate}")

    @property
    def _unit(self) -> str:
        return house_unit(self.dimension) if self.dimension else self.unit

    def _number(self, value: object) -> float:
        if self.dimension:
            try:
                number = parse_quantity(value, self.dimension)
            except UsageError as error:
                raise ValueError(str(error)) from error
        elif isinstance(value, bool) or not isinstance(value, int | float):
            of = f" of {self.unit}" if self.unit else ""
            raise ValueError(f"expected a number{of}; got {value!r}{_share_hint(value)}")
        else:
            number = _finite(value)
        if number < self.minimum or (self.positive and number <= 0):
            bound = "more than 0" if self.positive else f"at least {self.minimum:g}"
            raise ValueError(f"expected {bound}{self._in_unit}; got {value!r}")
        if number > self.maximum:
            raise ValueError(f"expected at most {self.maximum:g}{self._in_unit}; got {value!r}")
        return number

    @property
    def _in_unit(self) -> str:
        return f" {self._unit}" if self._unit else ""


def _share_hint(value: object) -> str:
    """What to write for ``10 %``; empty where it is no percentage."""
    text = value.strip() if isinstance(value, str) else ""
    try:
        return f"; write {float(text[:-1]) / 100:g}" if text.endswith("%") else ""
    except ValueError:
        return ""


def _finite(value: float) -> float:
    try:
        number = float(value)
    except OverflowError:
        number = math.inf
    if not math.isfinite(number):
        raise ValueError("expected a finite number")
    return number


def _is_foreign(value: object) -> bool:
    match = _IN_CURRENCY.fullmatch(value) if isinstance(value, str) else None
    return match is not None and match[2] != "USD"


def _in_usd(value: object, currency: Currency | None) -> str:
    """``"25 KES/kWh"`` as ``"25 USD/kWh"``: the amount is multiplied with the rate later."""
    match = _IN_CURRENCY.fullmatch(value) if isinstance(value, str) else None
    code = None if match is None else match[2]
    if match is None or currency is None or code != currency.code:
        if currency is not None:
            raise ValueError(
                f"expected all of it in {currency.code}, the site's currency; got {value!r}"
            )
        raise ValueError(
            f"{code or value!r} is no currency that is known here; give amounts in USD, or the"
            " site a `currency` with code, usd and date"
        )
    return f"{match[1]} USD{match[3]}"


@dataclass(frozen=True, slots=True)
class Interval:
    """Marks a whole number of a profile and its bounds."""

    minimum: int
    maximum: int

    def __get_pydantic_core_schema__(
        self, source: Any, handler: GetCoreSchemaHandler
    ) -> CoreSchema:
        from pydantic_core import core_schema

        return core_schema.int_schema(strict=True, ge=self.minimum, le=self.maximum)


@dataclass(frozen=True, slots=True)
class Words:
    """Marks a text of a profile that may not be blank."""

    def __get_pydantic_core_schema__(
        self, source: Any, handler: GetCoreSchemaHandler
    ) -> CoreSchema:
        from pydantic_core import core_schema

        return core_schema.no_info_after_validator_function(
            self.read, core_schema.str_schema(strict=True)
        )

    def read(self, text: str) -> str:
        """``text``, which says something.

        Raises:
            ValueError: it is blank.
        """
        if not text.strip():
            raise ValueError(f"expected some text; got {text!r}")
        return text


@dataclass(frozen=True, slots=True)
class Some(ChecksAfter):
    """Marks a list of a profile that may not be empty."""

    def read(self, items: list[Any]) -> list[Any]:
        """``items``, of which there is one at least.

        Raises:
            ValueError: there is none.
        """
        if not items:
            raise ValueError("expected one or more; leave the key out for the usual ones")
        return items


@dataclass(frozen=True, slots=True)
class Switch(ReadsWhole):
    """Marks a choice of a profile between ``on`` and ``off``, which YAML takes for truth values."""

    def read(self, value: object) -> bool:
        """Whether ``value`` is on.

        Raises:
            ValueError: it is neither on nor off.
        """
        if isinstance(value, bool):
            return value
        if value not in ("on", "off"):
            raise ValueError(f"expected on or off; got {value!r}")
        return value == "on"


@dataclass(frozen=True, slots=True)
class LanguageMix(ChecksAfter):
    """Marks the shares of languages in a profile, by language code, which sum to 1."""

    def read(self, shares: dict[str, Estimate]) -> dict[str, Estimate]:
        """``shares``, which are of languages and make a whole; none at all: not stated.

        Raises:
            ValueError: a key is no language code, or the shares do not sum to 1.
        """
        for code in shares:
            if not _LANGUAGE.fullmatch(code):
                raise ValueError(f"expected language codes such as en, quy, swh_Latn; got {code!r}")
        whole = math.fsum(share.number for share in shares.values())
        if shares and abs(whole - 1) > _ROUNDING:
            raise ValueError(f"the shares of the languages sum to {whole:.4g}; expected 1")
        return shares
