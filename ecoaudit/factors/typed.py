"""A model or a device that the user types instead of naming one of the tables.

A model needs about six lines: its parameters, layers, KV heads, head size and weight format, or its
whole shape, or the keys of a ``config.json``. A device needs six numbers, of which three may be
left out: what needs one of those says so.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any, Final

from ecoaudit.errors import UsageError, did_you_mean
from ecoaudit.estimate import Basis, Estimate
from ecoaudit.factors.hardware import CARD, MACHINE, MODULE, NUMBERS, Device
from ecoaudit.factors.model_config import checked, from_config, whole
from ecoaudit.factors.models import Model
from ecoaudit.factors.table import Fact
from ecoaudit.factors.weight_format import weight_format
from ecoaudit.units import house_unit, parse_quantity

TYPED: Final = "typed by the user"
# Share of the parameters in embedding and output layer: up to so many parameters, the lowest, the
# middle and the highest of the models of the table (a test holds them against it).
TABLE_SHARES: Final = (
    (2e9, 0.05, 0.16, 0.31),
    (5e9, 0.05, 0.12, 0.24),
    (10e9, 0.035, 0.12, 0.16),
    (20e9, 0.05, 0.08, 0.12),
    (50e9, 0.005, 0.045, 0.07),
    (math.inf, 0.002, 0.02, 0.04),
)
# Hidden size over sqrt(parameters of the layers / (12 x layers)): middle of the table's dense
# models, 0.64 to 1.04.
_WIDTH: Final = 0.87
_AGREE: Final = 0.05  # parameters_b against the shape's own count
_MOST_B: Final = 100_000.0

_SHAPE: Final = ("hidden", "heads", "intermediate", "vocab")
_MUST: Final = ("layers", "kv_heads", "head_dim")
_MORE: Final = (
    "experts",
    "experts_per_token",
    "expert_intermediate",
    "shared_intermediate",
    "dense_layers",
    "window_tokens",
    "window_layers",
    "context_tokens",
)
_WORDS: Final = ("weights", "tied", "licence", "source", "note")
MODEL_KEYS: Final = ("parameters_b", *_MUST, *_SHAPE, *_MORE, *_WORDS)
_CONFIG_KEYS: Final = ("model_type", "architectures", "hidden_size", "text_config")

_DEVICE_WORDS: Final = ("kind", "source", "year", "note")
DEVICE_KEYS: Final = (*NUMBERS, *_DEVICE_WORDS)


@dataclass(frozen=True, slots=True)
class TypedFact(Fact):
    """A number that the user typed: declared, not looked up."""

    def estimate(self, relative: float = 0.0) -> Estimate:
        """The figure with an 80 % interval of +- ``relative`` x value."""
        return Estimate.within(self.value, relative, self.unit, Basis.DECLARED, self.source)


def model_from_mapping(name: str, mapping: Mapping[str, Any], place: str) -> Model:
    """The model that a mapping of a few lines describes.

    Keys: ``parameters_b`` (billions) with ``layers``, ``kv_heads``, ``head_dim``; or the whole
    shape: those three with ``hidden``, ``heads``, ``intermediate``, ``vocab``; ``weights`` is its
    format where there is just one. Keys of a ``config.json`` are read as such.

    Args:
        name: of the model.
        mapping: keys and values.
        place: file and line, for messages.

    Raises:
        UsageError: an unknown key, a value that is none, or too little to compute a size.
    """
    if any(key in mapping for key in _CONFIG_KEYS):
        return from_config(name, mapping, place)
    for key in mapping:
        if key not in MODEL_KEYS:
            raise UsageError(f"{place}: {key}: unknown key; {did_you_mean(key, MODEL_KEYS)}")
    reader = _Typed(name, mapping, place)
    lacking = [key for key in _MUST if key not in mapping]
    shapeless = [key for key in _SHAPE if key not in mapping]
    if lacking or (shapeless and "parameters_b" not in mapping):
        lacking += [] if "parameters_b" in mapping else ["parameters_b"]
        raise UsageError(
            f"{place}: this key is missing: {', '.join(lacking)}; a model needs parameters_b, "
            "layers, kv_heads and head_dim, or instead of parameters_b hidden, heads, intermediate "
            "and vocab"
        )
    if shapeless:
        return reader.sized()
    return reader.shaped()


class _Typed:
    def __init__(self, name: str, mapping: Mapping[str, Any], place: str):
        self.name = name
        self.mapping = mapping
        self.place = place
        self.year = datetime.now(UTC).year

    def number(self, key: str) -> int:
        if key not in self.mapping:
            return 0
        return whole(self.mapping[key], f"{self.place}: {key}", int(key in (*_MUST, *_SHAPE)))

    def parameters(self) -> float | None:
        value = self.mapping.get("parameters_b")
        if value is None:
            return None
        if isinstance(value, bool) or not isinstance(value, int | float):
            raise UsageError(
                f"{self.place}: parameters_b: expected billions as a number; got {value!r}"
            )
        if not 0 < value <= _MOST_B:
            raise UsageError(
                f"{self.place}: parameters_b: expected more than 0 and at most {_MOST_B:g}; "
                f"got {value!r}"
            )
        return float(value) * 1e9

    def tied(self) -> bool | None:
        value = self.mapping.get("tied")
        if value is not None and not isinstance(value, bool):
            raise UsageError(f"{self.place}: tied: expected true or false; got {value!r}")
        return value

    def text(self, key: str) -> str:
        value = self.mapping.get(key, "")
        if not isinstance(value, str):
            raise UsageError(f"{self.place}: {key}: expected some text; got {value!r}")
        return value

    def shaped(self) -> Model:
        """A model whose whole shape is typed; ``parameters_b`` must agree with it."""
        model = self._model({key: self.number(key) for key in _SHAPE}, self.tied())
        told = self.parameters()
        if told is not None:
            counts = _roughly(model, 1), _roughly(model, 2)
            if not counts[0] * (1 - _AGREE) <= told <= counts[1] * (1 + _AGREE):
                raise UsageError(
                    f"{self.place}: parameters_b: {told / 1e9:g} does not agree with the shape, "
                    f"which has {counts[0] / 1e9:.4g} to {counts[1] / 1e9:.4g}"
                )
        return model

    def sized(self) -> Model:
        """A model of which the number of parameters is typed and some of the shape is not."""
        count = self.parameters() or 0.0
        for key in ("experts", "dense_layers", "shared_intermediate"):
            if key in self.mapping:
                raise UsageError(
                    f"{self.place}: {key}: a model with experts needs its whole shape: hidden, "
                    "heads, intermediate and vocab"
                )
        low, middle, high = next(row[1:] for row in TABLE_SHARES if count <= row[0])
        layers, size = self.number("layers"), self.number("head_dim")
        hidden = self.number("hidden") or max(
            size, size * round(_WIDTH * math.sqrt(count * (1 - middle) / (12 * layers)) / size)
        )
        vocab, tied = self.number("vocab"), self.tied()
        if vocab and "hidden" in self.mapping:
            once = vocab * hidden / count
            low, high = once * (2 - (tied is not False)), once * (2 - (tied is True))
            middle = high
        heads = self.number("heads") or max(self.number("kv_heads"), hidden // size)
        table = round(middle * count / hidden)
        attention = 2 * hidden * size * (heads + self.number("kv_heads"))
        rest = count * (1 - middle) - layers * (attention + 2 * hidden) - hidden
        wide = self.number("intermediate") or round(rest / (3 * hidden * layers))
        if wide < 1 or middle >= 1:
            raise UsageError(
                f"{self.place}: parameters_b: {count / 1e9:g} billion are too few for {layers} "
                f"layers with {self.number('kv_heads')} KV heads of size {size}"
            )
        shape = {"hidden": hidden, "heads": heads, "intermediate": wide, "vocab": table}
        guessed = [key for key in _SHAPE if key not in self.mapping]
        return self._model(shape, True, tuple(guessed), (low, high))

    def _model(
        self,
        shape: Mapping[str, int],
        tied: bool | None,
        assumed: tuple[str, ...] = (),
        share: tuple[float, float] | None = None,
    ) -> Model:
        note = self.text("note")
        if assumed:
            said = f"assumed from the number of parameters: {', '.join(assumed)}"
            note = f"{note}; {said}" if note else said
        weights = self.mapping.get("weights")
        shipped = "" if weights is None else weight_format(weights, f"{self.place}: weights")
        model = Model(
            name=self.name,
            hidden=shape["hidden"],
            layers=self.number("layers"),
            heads=shape["heads"],
            kv_heads=self.number("kv_heads"),
            head_dim=self.number("head_dim"),
            intermediate=shape["intermediate"],
            vocab=shape["vocab"],
            norms_per_layer=2,
            tied=tied,
            bias="none",
            experts=self.number("experts"),
            experts_per_token=self.number("experts_per_token"),
            expert_intermediate=self.number("expert_intermediate"),
            window_tokens=self.number("window_tokens"),
            window_layers=self.number("window_layers"),
            context_tokens=self.number("context_tokens") or None,
            shipped=shipped,
            licence=self.text("licence"),
            source=self.text("source") or TYPED,
            year=self.year,
            note=note,
            shared_intermediate=self.number("shared_intermediate"),
            dense_layers=self.number("dense_layers"),
            assumed=assumed,
            table_share=share,
        )
        if bool(model.window_layers) != bool(model.window_tokens):
            raise UsageError(
                f"{self.place}: window_tokens: expected window_tokens and window_layers together"
            )
        return checked(model, self.place)


def _roughly(model: Model, tables: int) -> float:
    """Parameters without norms, with one or two tables: to catch a typing error."""
    h, d = model.hidden, model.head_dim
    attention = 2 * h * d * (model.heads + model.kv_heads)
    wide = model.dense_layers if model.experts else model.layers
    fed = 3 * h * model.intermediate * wide
    experts = model.experts * model.expert_intermediate + model.shared_intermediate
    fed += 3 * h * experts * model.expert_layers
    return float(model.layers * attention + fed + tables * model.vocab * h)


def device_from_mapping(name: str, mapping: Mapping[str, Any], place: str) -> Device:
    """The device that a mapping of up to six numbers describes, each with its unit.

    Keys: ``memory``, ``bandwidth``, ``power_limit``; ``bf16``, ``idle_power``, ``price``, ``fp8``,
    ``int8`` where they are known; ``kind`` (``card`` unless typed), ``source``, ``year``,
    ``note``. A number may be long: ``{value: 24 GB, source: ...}``.

    Args:
        name: of the device.
        mapping: keys and values.
        place: file and line, for messages.

    Raises:
        UsageError: an unknown or missing key, or a value that is none.
    """
    for key in mapping:
        if key not in DEVICE_KEYS:
            raise UsageError(f"{place}: {key}: unknown key; {did_you_mean(key, DEVICE_KEYS)}")
    lacking = [key for key in ("memory", "bandwidth", "power_limit") if mapping.get(key) is None]
    if lacking:
        raise UsageError(
            f"{place}: this key is missing: {', '.join(lacking)}; a device needs memory, bandwidth "
            "and power_limit, and has bf16, idle_power and price where they are known"
        )
    kind = mapping.get("kind", CARD)
    kinds = (CARD, MODULE, MACHINE)
    if kind not in kinds:
        raise UsageError(f"{place}: kind: expected one of {', '.join(kinds)}; got {kind!r}")
    for key in ("source", "note"):
        if not isinstance(mapping.get(key, ""), str):
            raise UsageError(f"{place}: {key}: expected some text; got {mapping[key]!r}")
    year = mapping.get("year", datetime.now(UTC).year)
    if isinstance(year, bool) or not isinstance(year, int) or not 1990 <= year <= 2100:
        raise UsageError(f"{place}: year: expected a year such as 2026; got {year!r}")
    facts = {
        key: _fact(mapping[key], key, place, mapping.get("source") or TYPED, year)
        for key in NUMBERS
        if mapping.get(key) is not None
    }
    if (idle := facts.get("idle_power")) and idle.value > facts["power_limit"].value:
        raise UsageError(f"{place}: idle_power: more than power_limit")
    if (fp8 := facts.get("fp8")) and (bf16 := facts.get("bf16")) and fp8.value < bf16.value:
        raise UsageError(f"{place}: fp8: less than bf16; both without sparsity")
    return Device.of(name, kind, facts, note=mapping.get("note", ""))


def _fact(value: object, key: str, place: str, source: str, year: int) -> TypedFact:
    if isinstance(value, Mapping):
        unknown = [str(part) for part in value if part not in ("value", "source")]
        if unknown or "value" not in value:
            raise UsageError(
                f"{place}: {key}: expected the keys value and source; got {', '.join(value)}"
            )
        source = str(value.get("source") or source)
        value = value["value"]
    dimension = NUMBERS[key]
    try:
        number = parse_quantity(value, dimension)
    except UsageError as error:
        raise UsageError(f"{place}: {key}: {error}") from None
    if number < 0 or (number == 0 and key not in ("idle_power", "price")):
        raise UsageError(f"{place}: {key}: expected more than 0; got {value!r}")
    return TypedFact(number, house_unit(dimension), year, source, "not needed")
