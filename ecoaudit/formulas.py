"""A formula that somebody wrote, as arithmetic over named numbers; nothing in it is ever run.

``Formula.parse("gpu_hours * W * pue / 1e6")`` reads the text with Python's own parser and keeps the
arithmetic alone: names, decimal numbers, ``+ - * / **``, parentheses and a closed list of
functions. All numbers are floats, so that a tower of powers overflows and cannot hang.
"""

from __future__ import annotations

import ast
import math
import warnings
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from functools import reduce
from typing import Any, Final, overload

import numpy
from numpy.typing import NDArray

from ecoaudit.errors import UsageError, did_you_mean

Array = NDArray[numpy.float64]

MOST_CHARACTERS: Final = 4000  # the longest published one that is known here has 350


def _sum(*parts: Any) -> Any:
    return reduce(numpy.add, parts)


def _least(*parts: Any) -> Any:
    return reduce(numpy.minimum, parts)


def _most(*parts: Any) -> Any:
    return reduce(numpy.maximum, parts)


_OPERATORS: Final[dict[type[ast.AST], Callable[..., Any]]] = {
    ast.Add: numpy.add,
    ast.Sub: numpy.subtract,
    ast.Mult: numpy.multiply,
    ast.Div: numpy.divide,
    ast.Pow: numpy.power,
    ast.USub: numpy.negative,
    ast.UAdd: numpy.positive,
}
_SEVERAL: Final = {"min": _least, "max": _most, "sum": _sum}
_ONE: Final[dict[str, Callable[..., Any]]] = {
    "exp": numpy.exp,
    "log": numpy.log,
    "log2": numpy.log2,
    "log10": numpy.log10,
    "sqrt": numpy.sqrt,
    "ceil": numpy.ceil,
    "floor": numpy.floor,
    "abs": numpy.absolute,
}
FUNCTIONS: Final = (*_SEVERAL, *_ONE)
_PREFIXES: Final = {"math", "np", "numpy"}  # so published formulas are written
_ALLOWED: Final = "only numbers, names, + - * / **, parentheses and " + ", ".join(FUNCTIONS)


@dataclass(frozen=True, slots=True)
class _Step:
    """Puts a number, or the result of ``work`` on the last ``takes`` numbers, on the stack.

    Attributes:
        what: a number; a name; or the function to apply.
        takes: how many numbers the function takes; 0 for numbers and names.
        start, end: where in the formula's text, in UTF-8 bytes, this stands.
    """

    what: float | str | Callable[..., Any]
    takes: int
    start: int
    end: int


@dataclass(frozen=True, slots=True)
class Formula:
    """Arithmetic over named numbers.

    Attributes:
        text: as it was written, in one line.
        names: of its numbers, in order of first appearance.
    """

    text: str
    names: tuple[str, ...]
    _steps: tuple[_Step, ...] = field(repr=False, compare=False)

    @classmethod
    def parse(cls, text: str) -> Formula:
        """Read a formula.

        Raises:
            UsageError: it is no arithmetic, or too long or too deeply nested.
        """
        line = " ".join(text.split())
        steps = tuple(_steps(line, _tree(line)))
        names = tuple(dict.fromkeys(step.what for step in steps if isinstance(step.what, str)))
        return cls(line, names, steps)

    @overload
    def __call__(self, values: Mapping[str, float]) -> float: ...

    @overload
    def __call__(self, values: Mapping[str, float | Array]) -> float | Array: ...

    def __call__(self, values: Mapping[str, float | Array]) -> float | Array:
        """The formula's value; an array where a value is one, element by element.

        Args:
            values: a number or an array for each of ``names``; others are left aside.

        Returns:
            A float, or an array where one of the values is one. Always finite.

        Raises:
            UsageError: a name is missing, a value is no finite number, or the result is none
                (division by zero, too large, the logarithm of a negative number).
        """
        stack: list[Any] = []
        with numpy.errstate(all="ignore"):
            for step in self._steps:
                if isinstance(step.what, str):
                    stack.append(self._value(step.what, values))
                elif isinstance(step.what, float):
                    stack.append(numpy.float64(step.what))
                else:
                    parts = stack[-step.takes :]
                    del stack[-step.takes :]
                    stack.append(self._applied(step, step.what, parts))
        result: Any = stack.pop()
        return float(result) if numpy.ndim(result) == 0 else numpy.array(result)

    def _value(self, name: str, values: Mapping[str, float | Array]) -> Any:
        if name not in values:
            known = f"; {did_you_mean(name, values)}" if values else ""
            raise UsageError(f"the formula {_short(self.text)} needs a number {name!r}{known}")
        given = values[name]
        if type(given) is float and math.isfinite(given):
            return numpy.float64(given)
        value: Any
        try:
            value = numpy.asarray(given, dtype=numpy.float64)
        except (TypeError, ValueError, OverflowError):
            value = numpy.float64("nan")
        if isinstance(given, str | bytes | bool) or not numpy.isfinite(value).all():
            raise UsageError(
                f"{name!r} in the formula {_short(self.text)}: expected a finite number; "
                f"got {_shown(given)}"
            )
        return value if value.ndim else value[()]

    def _applied(self, step: _Step, work: Callable[..., Any], parts: list[Any]) -> Any:
        try:
            result = work(*parts)
        except ValueError:
            shapes = " and ".join(str(numpy.shape(part)) for part in parts)
            raise UsageError(f"{self._at(step)}: arrays of {shapes} do not go together") from None
        one = isinstance(result, float)
        if not (math.isfinite(result) if one else numpy.isfinite(result).all()):
            raise UsageError(f"{self._at(step)} {_why(work, parts, result)}")
        return result

    def _at(self, step: _Step) -> str:
        part = self.text.encode()[step.start : step.end].decode()
        inside = "" if part == self.text else f" in the formula {_short(self.text)}"
        return f"{_short(part)}{inside}"


def _why(work: Any, parts: list[Any], result: Any) -> str:
    if work is numpy.divide and not numpy.all(parts[1]):
        return "divides by zero"
    if numpy.isnan(result).any() or work in (numpy.log, numpy.log2, numpy.log10):
        return "is no number (a logarithm of 0, or a root or power of a negative number)"
    return "is too large for a number"


def _tree(line: str) -> ast.expr:
    """Python's own syntax tree of a line, which has not been looked at yet."""
    if not line:
        raise UsageError("the formula is empty")
    if len(line) > MOST_CHARACTERS:
        raise UsageError(
            f"the formula has {len(line):,} characters and may have {MOST_CHARACTERS:,}; "
            "split it, or name parts of it as inputs"
        )
    fault: object
    try:
        with warnings.catch_warnings():  # such as `1if` being deprecated
            warnings.simplefilter("ignore")
            return ast.parse(line, mode="eval").body
    except SyntaxError as error:
        fault = error.msg
    except (RecursionError, MemoryError):
        fault = "nested too deeply"
    except ValueError:  # a zero byte, half a character
        fault = "a character that may not stand in it"
    raise UsageError(f"{_short(line)} is no formula ({fault}); {_ALLOWED} may stand in it")


def _steps(line: str, tree: ast.expr) -> Iterator[_Step]:
    """The tree as steps of a stack machine, each part before what is made of it."""
    if "#" in line:
        raise UsageError(f"{_short(line)}: a formula has no comments ('#')")
    waiting: list[tuple[ast.expr, _Step | None]] = [(tree, None)]
    while waiting:
        node, ready = waiting.pop()
        if ready is not None:
            yield ready
            continue
        step, parts = _read(line, node)
        if not parts:
            yield step
            continue
        waiting.append((node, step))
        waiting.extend((part, None) for part in reversed(parts))


def _read(line: str, node: ast.expr) -> tuple[_Step, list[ast.expr]]:
    start, end = node.col_offset, node.end_col_offset or 0
    if isinstance(node, ast.Constant) and type(node.value) in (int, float):
        number = _number(str(line.encode()[start:end], "utf-8"), line)
        return _Step(number, 0, start, end), []
    if isinstance(node, ast.Name):
        return _Step(node.id, 0, start, end), []
    if isinstance(node, ast.BinOp) and type(node.op) in _OPERATORS:
        return _Step(_OPERATORS[type(node.op)], 2, start, end), [node.left, node.right]
    if isinstance(node, ast.UnaryOp) and type(node.op) in _OPERATORS:
        return _Step(_OPERATORS[type(node.op)], 1, start, end), [node.operand]
    if isinstance(node, ast.Call):
        work = _function(line, node)
        return _Step(work, len(node.args), start, end), list(node.args)
    part = line.encode()[start:end].decode()
    power = "; a power is written **" if "^" in part else ""
    raise UsageError(
        f"{_short(part)} cannot stand in a formula{power}; {_ALLOWED} can, and nothing else"
    )


def _number(text: str, line: str) -> float:
    try:
        number = float(text)
    except ValueError:
        raise UsageError(f"{_short(line)}: expected a decimal number; got {_short(text)}") from None
    if not numpy.isfinite(number):
        raise UsageError(f"{_short(line)}: a number in it is too large")
    return number


def _function(line: str, call: ast.Call) -> Callable[..., Any]:
    named = call.func
    name = ""
    if isinstance(named, ast.Name):
        name = named.id
    elif isinstance(named, ast.Attribute) and isinstance(named.value, ast.Name):
        name = named.attr if named.value.id in _PREFIXES else ""
    if name not in FUNCTIONS:
        shown = line.encode()[named.col_offset : named.end_col_offset].decode()
        raise UsageError(
            f"{_short(shown)} is no function of formulas; those are {', '.join(FUNCTIONS)}"
        )
    several = name in _SEVERAL
    if call.keywords or not call.args or (len(call.args) > 1 and not several):
        takes = "one number or more" if several else "one number"
        raise UsageError(f"{name}() in {_short(line)} takes {takes}, separated by commas")
    return _SEVERAL[name] if several else _ONE[name]


def _shown(given: object) -> str:
    try:
        return _short(str(given), 40)
    except ValueError:  # Python writes out no integer of more than 4,300 digits
        return "one that is too large"


def _short(text: str, most: int = 60) -> str:
    return repr(text if len(text) <= most else f"{text[: most - 3]}...")
