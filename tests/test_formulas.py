"""Formulas: arithmetic as Python does it, and a sentence for all that is none."""

from __future__ import annotations

import math
import pickle

import numpy
import pytest
from hypothesis import given
from hypothesis import strategies as st

from ecoaudit.errors import UsageError
from ecoaudit.formulas import MOST_CHARACTERS, Formula


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ("gpu_hours*W*pue/1e6", 1300000 * 700 * 1.1 / 1e6),
        ("-W + +pue", -700 + 1.1),
        ("2 ** -1 ** 2", 2**-1),
        ("(1 - pue) / W", (1 - 1.1) / 700),
        ("2**math.ceil(math.log2(ceil(W/80)))", 16),
        ("min(W, gpu_hours, 3) + max(1, pue)", 3 + 1.1),
        ("sum(W, pue, 1)", 702.1),
        ("exp(log(W)) + log10(1000) + np.sqrt(16) + abs(-2) + floor(2.9)", 700 + 3 + 4 + 2 + 2),
        ("1_000 * 2.5e-3", 2.5),
        ("W\n  * pue", 770),
        ("42", 42),
    ],
)
def test_a_formula_is_arithmetic(text: str, value: float) -> None:
    found = Formula.parse(text)({"gpu_hours": 1300000, "W": 700, "pue": 1.1})
    assert type(found) is float
    assert found == pytest.approx(value, rel=1e-14)


def test_names_stand_in_the_order_of_their_first_appearance() -> None:
    formula = Formula.parse("b * a + max(c, b) - min(a, d)")
    assert formula.names == ("b", "a", "c", "d")
    assert Formula.parse("min(min, 2)").names == ("min",)  # a name may be that of a function
    assert formula.text == "b * a + max(c, b) - min(a, d)"


def test_arrays_go_element_by_element_and_are_copies() -> None:
    hours = numpy.array([1.0, 2.0, 3.0])
    watts = numpy.array([[10.0], [20.0]])
    found = Formula.parse("hours * watts / k")({"hours": hours, "watts": watts, "k": 2})
    assert isinstance(found, numpy.ndarray)
    assert found.tolist() == [[5.0, 10.0, 15.0], [10.0, 20.0, 30.0]]
    same = Formula.parse("hours")({"hours": hours})
    assert isinstance(same, numpy.ndarray)
    same[0] = 99
    assert hours[0] == 1.0
    assert Formula.parse("max(hours, 2)")({"hours": hours}).tolist() == [2.0, 2.0, 3.0]  # type: ignore[union-attr]


def test_a_formula_can_be_compared_hashed_and_pickled() -> None:
    formula = Formula.parse("a / b")
    assert formula == Formula.parse("a  /  b")
    assert hash(formula) == hash(Formula.parse("a / b"))
    assert pickle.loads(pickle.dumps(formula))({"a": 1.0, "b": 4.0}) == 0.25


@pytest.mark.parametrize(
    ("text", "what"),
    [
        ("", "empty"),
        ("a.b", "cannot stand in a formula"),
        ("a.real", "cannot stand in a formula"),
        ("__import__('os')", "no function of formulas"),
        ("os.system(a)", "no function of formulas"),
        ("().__class__()", "no function of formulas"),
        ("open(a)", "no function of formulas"),
        ("round(a)", "no function of formulas"),
        ("math.gamma(a)", "no function of formulas"),
        ("5(3)", "no function of formulas"),
        ("ceil(1, 2)", "takes one number"),
        ("min()", "takes one number or more"),
        ("max(a, key=b)", "takes one number or more"),
        ("min(*a)", "cannot stand in a formula"),
        ("a < b", "cannot stand in a formula"),
        ("a if b else c", "cannot stand in a formula"),
        ("1if 2else 3", "cannot stand in a formula"),
        ("a and b", "cannot stand in a formula"),
        ("not a", "cannot stand in a formula"),
        ("~a", "cannot stand in a formula"),
        ("a // b", "cannot stand in a formula"),
        ("a % b", "cannot stand in a formula"),
        ("a ^ 2", r"a power is written \*\*"),
        ("'a' * 9", "cannot stand in a formula"),
        ("f'{a}'", "cannot stand in a formula"),
        ("[a for a in b]", "cannot stand in a formula"),
        ("lambda: 1", "cannot stand in a formula"),
        ("(a := 1)", "cannot stand in a formula"),
        ("True", "cannot stand in a formula"),
        ("1j", "cannot stand in a formula"),
        ("1,000", "cannot stand in a formula"),
        ("0x1F", "expected a decimal number"),
        ("a # b", "no comments"),
        ("a = 1", "is no formula"),
        ("a; b", "is no formula"),
        ("a × b", "is no formula"),
        ("mean(query energy)", "is no formula"),
        ("a +", "is no formula"),
        ("a\x00", "is no formula"),
        ("\ud800", "is no formula"),
        ("1e999", "too large"),
        ("9" * 500, "too large"),
        ("a" * (MOST_CHARACTERS + 1), "may have 4,000"),
        ("(" * 10_000 + "1" + ")" * 10_000, "may have 4,000"),
        ("(" * 1_900 + "1" + ")" * 1_900, "nested"),
        ("-" * 3_900 + "1", "nested"),
    ],
)
def test_all_else_is_refused_in_a_sentence(text: str, what: str) -> None:
    with pytest.raises(UsageError, match=what) as raised:
        Formula.parse(text)
    assert "\n" not in str(raised.value)
    assert len(str(raised.value)) < 300


@pytest.mark.parametrize(
    ("text", "values", "what"),
    [
        ("9**9**9**9", {}, "is too large"),
        ("exp(a)", {"a": 1e6}, "'exp.a.' is too large"),
        ("1 + a / (b - b)", {"a": 1, "b": 2}, "in the formula .* divides by zero"),
        ("a / b", {"a": numpy.ones(2), "b": numpy.array([1.0, 0.0])}, "divides by zero"),
        ("(0 - a) ** 0.5", {"a": 1}, "is no number"),
        ("log(a)", {"a": 0}, "is no number"),
        ("sqrt(a)", {"a": -1}, "is no number"),
        ("a * kg_per_kWh", {"a": 1, "kg_per_kwh": 1}, "did you mean 'kg_per_kwh'"),
        ("a", {}, "needs a number 'a'"),
        ("a", {"a": math.nan}, "expected a finite number; got 'nan'"),
        ("a", {"a": math.inf}, "expected a finite number"),
        ("a", {"a": numpy.array([1.0, math.nan])}, "expected a finite number"),
        ("a", {"a": "3"}, "expected a finite number"),
        ("a", {"a": None}, "expected a finite number"),
        ("a", {"a": True}, "expected a finite number"),
        ("a", {"a": 10**400}, "expected a finite number"),
        ("a", {"a": 10**5000}, "too large"),
        ("a + b", {"a": numpy.ones(2), "b": numpy.ones(3)}, "do not go together"),
    ],
)
def test_what_has_no_value_is_told_in_a_sentence(
    text: str, values: dict[str, float], what: str
) -> None:
    with pytest.raises(UsageError, match=what):
        Formula.parse(text)(values)


def test_a_long_sum_and_a_long_power_are_no_depth() -> None:
    assert Formula.parse("+".join(["a"] * 1_900))({"a": 2}) == 3800
    assert Formula.parse("**".join(["1"] * 1_000))({}) == 1


numbers = st.floats(-1e6, 1e6).map(lambda number: round(number, 3))


@st.composite
def expressions(draw: st.DrawFn, depth: int = 4) -> str:
    if depth == 0 or draw(st.booleans()):
        return draw(st.sampled_from(["a", "b", "c"]) | numbers.map(lambda n: repr(abs(n))))
    one, other = draw(expressions(depth - 1)), draw(expressions(depth - 1))
    operator = draw(st.sampled_from(["+", "-", "*", "/"]))
    return draw(st.sampled_from([f"({one} {operator} {other})", f"-{one}", f"max({one}, {other})"]))


@given(expressions(), numbers, numbers, numbers)
def test_it_gives_what_python_gives(text: str, a: float, b: float, c: float) -> None:
    values = {"a": a, "b": b, "c": c}
    try:
        expected = eval(text, {"__builtins__": {}, "max": max}, values)  # what we made above
    except ZeroDivisionError:
        with pytest.raises(UsageError):
            Formula.parse(text)(values)
        return
    assert Formula.parse(text)(values) == expected
    many = Formula.parse(text)({name: numpy.array([v, v]) for name, v in values.items()})
    assert numpy.all(many == expected)


@given(st.text(max_size=80))
def test_no_text_does_anything_else(text: str) -> None:
    try:
        formula = Formula.parse(text)
    except UsageError:
        return
    assert formula.text == " ".join(text.split())
