"""A claim from its formula is consistent; off by 30 % it contradicts, and is mended as told."""

from __future__ import annotations

from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ecoaudit.formulas import Formula
from ecoaudit.lifecycle.claims import Outcome
from ecoaudit.lifecycle.claims.claim import Claim, Input, Recipe
from ecoaudit.lifecycle.claims.kinds import KINDS
from ecoaudit.lifecycle.claims.solving import solve
from ecoaudit.lifecycle.claims.written import Written, parse_written

FORMULAS = (
    "a_kg * b_kg / 1e6",
    "a_kg / b_kg * c_kg",
    "a_kg + b_kg + c_kg",
    "(a_kg + b_kg) * c_kg",
    "a_kg * b_kg ** 2 / sqrt(c_kg)",
    "a_kg * (1 + b_kg / c_kg)",
    "a_kg * exp(b_kg / 1000) + c_kg",
    "max(a_kg, b_kg) * c_kg",
    "a_kg * 2 ** ceil(log2(b_kg)) * c_kg",
)
positive = st.floats(0.01, 1000).map(lambda number: float(f"{number:.3g}"))


def claim_of(text: str, numbers: list[float], published: float) -> Claim:
    formula = Formula.parse(text)
    inputs = tuple(
        Input(name, parse_written(repr(number)))
        for name, number in zip(formula.names, numbers, strict=False)
    )
    figure = Written(published, 0.0, "kg", f"{published!r} kg")
    return Claim("a", 1, "", figure, inputs, formula=formula, tolerance=0.01)


@given(st.sampled_from(FORMULAS), st.lists(positive, min_size=3, max_size=3))
def test_a_claim_from_its_formula_is_consistent(text: str, numbers: list[float]) -> None:
    formula = Formula.parse(text)
    made = formula(dict(zip(formula.names, numbers, strict=False)))
    verdict = KINDS["formula"](claim_of(text, numbers, made))
    assert verdict.outcome is Outcome.CONSISTENT
    assert verdict.recomputed == made


@given(
    st.sampled_from(FORMULAS),
    st.lists(positive, min_size=3, max_size=3),
    st.sampled_from([0.7, 1.3]),
)
def test_a_claim_off_by_a_third_contradicts_and_is_mended_as_told(
    text: str, numbers: list[float], factor: float
) -> None:
    formula = Formula.parse(text)
    made = formula(dict(zip(formula.names, numbers, strict=False)))
    claim = claim_of(text, numbers, made * factor)
    verdict = KINDS["formula"](claim)
    assert verdict.outcome is Outcome.CONTRADICTS
    assert verdict.factor == pytest.approx(1 / factor)
    for need in verdict.needs:
        values = {**claim.values, need.name: need.needed}
        assert formula(values) == pytest.approx(made * factor, rel=1e-8)
        inputs = tuple(
            replace(each, number=replace(each.number, value=need.needed))
            if each.name == need.name and each.number is not None
            else each
            for each in claim.inputs
        )
        assert KINDS["formula"](replace(claim, inputs=inputs)).outcome is Outcome.CONSISTENT
    if "ceil" not in text and "max" not in text and "+" not in text:
        assert {need.name for need in verdict.needs} == set(formula.names)


@given(st.lists(positive, min_size=2, max_size=6), st.sampled_from([0.5, 1.4]))
def test_a_total_off_is_mended_by_any_row_that_is_large_enough(
    rows: list[float], factor: float
) -> None:
    total = sum(rows)
    inputs = tuple(
        Input(f"row {i}", parse_written(f"{row!r} kg"), "kg") for i, row in enumerate(rows)
    )
    figure = Written(total * factor, 0.0, "kg", "x kg")
    verdict = KINDS["sum"](Claim("a", 1, "", figure, inputs, check="sum"))
    assert verdict.outcome is Outcome.CONTRADICTS
    for need in verdict.needs:
        assert total - need.given + need.needed == pytest.approx(total * factor)
    enough = [row for row in rows if row + total * (factor - 1) > 1e-9 * total]
    assert len(verdict.needs) >= len(enough) - 1


def test_what_has_no_closed_form_is_found_by_search() -> None:
    recipe = Recipe.of(Formula.parse("a * exp(-b / 50) + a ** 2"))
    found = solve(recipe, {"a": 3.0, "b": 40.0}, "b", 10.0)
    assert found is not None
    assert recipe.work({"a": 3.0, "b": found}) == pytest.approx(10.0, rel=1e-9)
    assert solve(recipe, {"a": 3.0, "b": 40.0}, "b", 10.0, searched=False) is None


def test_a_step_has_no_value_between() -> None:
    recipe = Recipe.of(Formula.parse("ceil(a)"))
    assert solve(recipe, {"a": 3.0}, "a", 4.5) is None
    assert solve(recipe, {"a": 0.0}, "a", 4.5) is None


def test_a_formula_that_is_too_long_is_judged_and_not_solved() -> None:
    text = "+".join(f"exp(a{i % 12}_kg / 9) * sqrt(a0_kg)" for i in range(120))
    verdict = KINDS["formula"](claim_of(text, [3.0] * 12, 5.0))
    assert verdict.outcome is Outcome.CONTRADICTS
    assert verdict.needs == ()
    assert "no single input" not in verdict.sentence  # that was not looked for
