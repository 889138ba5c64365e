"""A formula as steps of the Impact Framework's builtin plugins, one for each operation.

A formula is arithmetic, and so are Sum, Subtract, Multiply, Divide and Exponent. Numbers in a
formula become parameters, for plugins take names. The framework refuses names of outputs that have
a digit in them.
"""

from __future__ import annotations

import ast
from dataclasses import dataclass, field
from typing import Any, Final

from ecoaudit.formulas import Formula
from ecoaudit.ledger import Input

# What the builtin plugins read by themselves where it is there.
_TAKEN: Final = frozenset(
    {
        *("timestamp", "duration", "time", "carbon", "sci", "numerator", "denominator"),
        *("vCPUs", "memory", "ssd", "hdd", "gpu"),
    }
)
_PLUGINS: Final[dict[type[ast.AST], str]] = {
    ast.Add: "Sum",
    ast.Sub: "Subtract",
    ast.Mult: "Multiply",
}


class InexpressibleError(Exception):
    """The builtin plugins have no counterpart for a part of the formula."""


@dataclass(slots=True)
class Steps:
    """What a pipeline needs.

    Attributes:
        prefix: of the names of its plugins.
        plugins: by name, in the order of the pipeline.
        numbers: parameters that stand for numbers of formulas.
    """

    prefix: str
    plugins: dict[str, dict[str, Any]] = field(default_factory=dict)
    numbers: dict[str, float] = field(default_factory=dict)

    def add(self, method: str, config: dict[str, Any]) -> None:
        """One more step."""
        self.plugins[f"{self.prefix}-{len(self.plugins) + 1}"] = plugin(method, config)

    def formula(self, text: str) -> str:
        """Steps that reckon a formula; the name of the parameter that holds its value.

        Raises:
            InexpressibleError: there are none.
        """
        Formula.parse(text)  # nothing but arithmetic is in it
        return self._of(ast.parse(" ".join(text.split()), mode="eval").body)

    def product(self, parts: list[ast.expr]) -> str:
        """Steps that multiply; one part stands for itself, and none is 1."""
        names = [self._of(part) for part in parts]
        if not names:
            return self.number(1.0)
        return names[0] if len(names) == 1 else self._result("Multiply", names)

    def number(self, value: float) -> str:
        """The name of a number."""
        for name, known in self.numbers.items():
            if known == value:
                return name
        name = f"number-{_letters(len(self.numbers))}"
        self.numbers[name] = value
        return name

    def _of(self, node: ast.expr) -> str:
        if isinstance(node, ast.Name):
            return parameter(node.id)
        if isinstance(node, ast.Constant) and isinstance(node.value, int | float):
            return self.number(float(node.value))
        if isinstance(node, ast.BinOp):
            return self._operation(node)
        if isinstance(node, ast.UnaryOp):
            inner = self._of(node.operand)
            negative = isinstance(node.op, ast.USub)
            return self._result("Multiply", [inner, self.number(-1.0)]) if negative else inner
        if isinstance(node, ast.Call) and isinstance(node.func, ast.Name) and node.func.id == "sum":
            return self._result("Sum", [self._of(part) for part in node.args])
        raise InexpressibleError(ast.unparse(node))

    def _operation(self, node: ast.BinOp) -> str:
        left = self._of(node.left)
        if isinstance(node.op, ast.Pow):
            if not isinstance(node.right, ast.Constant):
                raise InexpressibleError(ast.unparse(node))
            exponent = {"input-parameter": left, "exponent": node.right.value}
            return self._step("Exponent", exponent, "output-parameter")
        right = self._of(node.right)
        if isinstance(node.op, ast.Div):
            return self._step("Divide", {"numerator": left, "denominator": right}, "output")
        return self._result(_PLUGINS[type(node.op)], [left, right])

    def _result(self, method: str, names: list[str]) -> str:
        return self._step(method, {"input-parameters": names}, "output-parameter")

    def _step(self, method: str, config: dict[str, Any], key: str) -> str:
        output = f"step-{_letters(len(self.plugins))}"
        self.add(method, {**config, key: output})
        return output


def _letters(count: int) -> str:
    """``a`` to ``z``, then ``ba``, ``bb`` ..."""
    first, last = divmod(count, 26)
    return (_letters(first) if first else "") + chr(ord("a") + last)


def parameter(name: str) -> str:
    """The name of an input in a manifest, which no plugin takes for its own."""
    return f"{name}-of-the-ledger" if name in _TAKEN else name


def plugin(method: str, config: dict[str, Any]) -> dict[str, Any]:
    """A builtin plugin with its configuration."""
    return {"path": "builtin", "method": method, "config": config}


@dataclass(frozen=True, slots=True)
class Embodied:
    """A formula of the form M = TE x (TiR / EL) x (RR / ToR) of ISO/IEC 21031.

    Attributes:
        emissions: TE, the input that holds it [kgCO2e].
        over: TiR x RR, what the emissions are multiplied with besides.
        under: EL x ToR, what they are divided by.
    """

    emissions: str
    over: list[ast.expr]
    under: list[ast.expr]


def embodied(text: str, inputs: dict[str, Input]) -> Embodied | None:
    """A formula read so; None where it is not of that form.

    Of that form is a product or quotient with one input in kgCO2e, and with one time in h above
    the line and one below.
    """
    Formula.parse(text)
    over, under = _factors(ast.parse(" ".join(text.split()), mode="eval").body)
    carbon = [node for node in over if _unit(node, inputs) == "kgCO2e"]
    times = (
        [node for node in over if _unit(node, inputs) == "h"],
        [node for node in under if _unit(node, inputs) == "h"],
    )
    if len(carbon) != 1 or any(len(found) != 1 for found in times):
        return None
    first = carbon[0]
    if not isinstance(first, ast.Name) or any(_unit(node, inputs) == "kgCO2e" for node in under):
        return None
    return Embodied(first.id, [node for node in over if node is not first], under)


def _unit(node: ast.expr, inputs: dict[str, Input]) -> str | None:
    if isinstance(node, ast.Name) and node.id in inputs:
        return inputs[node.id].figure.unit
    return None


def _factors(node: ast.expr) -> tuple[list[ast.expr], list[ast.expr]]:
    """What a node multiplies, and what it divides by."""
    if isinstance(node, ast.BinOp) and isinstance(node.op, ast.Mult | ast.Div):
        over, under = _factors(node.left)
        other_over, other_under = _factors(node.right)
        if isinstance(node.op, ast.Div):
            other_over, other_under = other_under, other_over
        return over + other_over, under + other_under
    return [node], []
