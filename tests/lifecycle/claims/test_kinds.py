"""Each kind of check: what it finds, and the sentence in which it says so."""

from __future__ import annotations

from pathlib import Path

import pytest

from ecoaudit.errors import ProfileError
from ecoaudit.lifecycle.claims import Outcome
from ecoaudit.lifecycle.claims.kinds import KINDS
from tests.lifecycle.claims.claims_files import verdict_on

EXAMPLES = {
    "formula": (
        "value: 552 t\nformula: MWh * kg_per_kWh\ninputs: {MWh: 1287, kg_per_kWh: 0.429}",
        "value: 502 t\nformula: MWh * kg_per_kWh\ninputs: {MWh: 1287, kg_per_kWh: 0.429}",
        "value: 502 t\nformula: MWh * kg_per_kWh\ninputs: {MWh: 1287, kg_per_kWh: }",
    ),
    "sum": (
        "value: 50.5 t\ninputs: {idle: 14.6 t, active: 24.69 t, made: 11200 kg}",
        "value: 50.5 t\ninputs: {idle: 14.6 t, active: 24.69 t}",
        "value: 50.5 t\ninputs: {idle: 14.6 t, active: 24.69 t, made: }",
    ),
    "energy": (
        "value: 2638 MWh\ninputs: {gpus: 2048, time: 4.007 months, power: 0.4 kW, pue: 1.1}",
        "value: 2638 MWh\ninputs: {gpus: 2048, time: 5 months, power: 400 W, pue: 1.1}",
        "value: 2638 MWh\ninputs: {gpus: 2048, time: , power: 400 W, pue: 1.1}",
    ),
    "implied factor": (
        "value: 8930 t\ninputs: {gpu_hours: 30.84e6, power: 700 W}",
        "value: 8930 kg\ninputs: {gpu_hours: 30.84e6, power: 700 W}",
        "value: 8930 t\ninputs: {energy: }",
    ),
    "same": (
        "value: 57 g/kWh\ninputs: {raw data: 0.057 kg/kWh, abstract: 57 g/kWh}",
        "value: 297.6 g/kWh\ninputs: {raw data: 138.7 g/kWh}",
        "value: 297.6 g/kWh\ninputs: {raw data: }",
    ),
    "constant share": (
        "inputs: {gpu: 900 W, memory: 50 W}\nconstant: [memory]",
        "inputs: {gpu: 542 W, cpu: 42.5 W, memory: 430.777 W}\nconstant: [memory]",
        "inputs: {gpu: , memory: 50 W}\nconstant: [memory]",
    ),
    "phases": (
        "value: 5 t\nnamed: [pre-training, A b]\ninputs: {pre-training: 3 t, a-B: 2 t}",
        "value: 5 t\nnamed: [training, teacher]\ninputs: {training: 5 t}",
        "value: 5 t\nnamed: [training]\ninputs: {training: , trials: 1 t}",
    ),
}
OUTCOMES = (Outcome.CONSISTENT, Outcome.CONTRADICTS, Outcome.NOT_ENOUGH)


@pytest.mark.parametrize("check", KINDS)
def test_each_kind_has_each_outcome(check: str, tmp_path: Path) -> None:
    for text, outcome in zip(EXAMPLES[check], OUTCOMES, strict=True):
        verdict = verdict_on(tmp_path, f"check: {check}\n{text}")
        assert verdict.outcome is outcome, verdict.sentence
        assert verdict.sentence
        assert verdict.recipe
        assert bool(verdict.missing) is (outcome is Outcome.NOT_ENOUGH)


def test_the_last_printed_digit_counts(tmp_path: Path) -> None:
    claim = "formula: kg\ninputs: {{kg: 1.04}}\ntolerance: 0 %\nvalue: {}"
    assert verdict_on(tmp_path, claim.format("1.0 kg")).outcome is Outcome.CONSISTENT
    assert verdict_on(tmp_path, claim.format("1.00 kg")).outcome is Outcome.CONTRADICTS
    # unquoted, YAML has no trailing zeros; they are kept all the same
    assert verdict_on(tmp_path, claim.format("1.0")).outcome is Outcome.CONSISTENT
    assert verdict_on(tmp_path, claim.format("1.00")).outcome is Outcome.CONTRADICTS
    assert verdict_on(tmp_path, claim.format("1\nunit: kg")).outcome is Outcome.CONSISTENT


def test_the_tolerance_is_the_rows_else_the_files_else_two_percent(tmp_path: Path) -> None:
    claim = "value: 1000 kg\nformula: kg\ninputs: {kg: 1015}"
    assert verdict_on(tmp_path, claim).outcome is Outcome.CONSISTENT
    assert verdict_on(tmp_path, f"{claim}\ntolerance: 1 %").outcome is Outcome.CONTRADICTS


def test_a_missing_product_is_closed(tmp_path: Path) -> None:
    verdict = verdict_on(
        tmp_path,
        "value: 8930 t\nformula: gpu_hours * W * pue * kg_per_kwh / 1e6\n"
        "inputs: {gpu_hours: 30.84e6, W: 700, pue: , kg_per_kwh: }",
    )
    assert verdict.missing == ("pue", "kg_per_kwh")
    assert verdict.closes == "pue x kg_per_kwh would have to be 0.4137"


@pytest.mark.parametrize(
    ("formula", "closes"),
    [
        ("known_kg * a", "a would have to be 5.000"),
        ("known_kg / a", "a would have to be 0.2000"),
        ("known_kg * a / b", "a / b would have to be 5.000"),
        ("known_kg / a / b", "1 / a / b would have to be 5.000"),
        ("known_kg * a * b ** 2", "a x b**2 would have to be 5.000"),
        ("known_kg + a + b", "a + b would have to be 40.00"),
        ("known_kg + 2 * a + b", ""),
        ("known_kg * a + b", ""),
        ("known_kg * exp(a)", "a would have to be 1.609"),
        ("known_kg * 0 * a", ""),
    ],
)
def test_what_would_close_it(formula: str, closes: str, tmp_path: Path) -> None:
    claim = f"value: 50 kg\nformula: {formula}\ninputs: {{known_kg: 10, a: , b: }}"
    assert verdict_on(tmp_path, claim).closes == closes


def test_a_blank_input_is_told_in_its_unit(tmp_path: Path) -> None:
    time = verdict_on(tmp_path, f"check: energy\n{EXAMPLES['energy'][2]}")
    assert time.closes == "time would have to be 2,927 h"
    two = verdict_on(
        tmp_path, "check: energy\nvalue: 1 MWh\ninputs: {gpus: 1, time: , power: {unit: kW}}"
    )
    assert two.closes == "time [h] x power [kW] would have to be 1,000"
    row = verdict_on(tmp_path, f"check: sum\n{EXAMPLES['sum'][2]}")
    assert row.closes == "made would have to be 11.21 t"


def test_without_a_published_figure_what_the_inputs_give_is_told(tmp_path: Path) -> None:
    verdict = verdict_on(tmp_path, "check: energy\ninputs: {gpu_hours: 1000, power: 700 W}")
    assert verdict.outcome is Outcome.NOT_ENOUGH
    assert verdict.sentence == "no published figure; its inputs give 700.0 kWh"
    assert verdict.missing == ("value",)


@pytest.mark.parametrize(
    ("value", "hint"),
    [
        ("125000 kg", "a factor of 1e3: units mixed up"),
        ("1.25 kg", "a factor of 100: a decimal place"),
        ("100 kg", "the factor is pue itself: was it left out"),
        ("156 kg", "the factor is pue itself: was it counted twice"),
        ("90 kg", "a factor of 1.39, as a PUE has"),
        ("15.6 kg", "a factor of 8: one GPU and a node of eight"),
        ("450 kg", "a factor of 3.6: kWh and MJ"),
        ("275.6 kg", "a factor of 2.205: pounds and kilograms"),
        ("34.1 kg", "a factor of 44/12: carbon and carbon dioxide"),
        ("25 kg", "the factor is devices itself: left out of the figure"),
    ],
)
def test_known_slips_are_named(value: str, hint: str, tmp_path: Path) -> None:
    verdict = verdict_on(
        tmp_path,
        f"value: {value}\nformula: kWh * devices * pue\ninputs: {{kWh: 20, devices: 5, pue: 1.25}}",
    )
    assert verdict.outcome is Outcome.CONTRADICTS
    assert any(hint in each for each in verdict.hints), verdict.hints


def test_no_slip_is_named_where_none_fits(tmp_path: Path) -> None:
    verdict = verdict_on(tmp_path, "value: 90 kg\nformula: kg\ninputs: {kg: 125}")
    assert verdict.hints == ()  # 1.39, but no PUE is among the inputs


def test_inputs_without_a_unit_are_named(tmp_path: Path) -> None:
    verdict = verdict_on(tmp_path, "value: 3 kg\nformula: a + b_kg\ninputs: {a: 1, b_kg: 2}")
    assert verdict.unitless == ("a",)
    share = verdict_on(tmp_path, "value: 3 kg\nformula: a * b_kg\ninputs: {a: 50 %, b_kg: 6}")
    assert share.unitless == ()
    assert share.recomputed == 3
    bare = verdict_on(tmp_path, "check: same\nvalue: 57 g/kWh\ninputs: {raw data: 57}")
    assert bare.outcome is Outcome.CONSISTENT
    assert bare.unitless == ("raw data",)


def test_no_input_is_asked_to_be_what_it_cannot_be(tmp_path: Path) -> None:
    verdict = verdict_on(
        tmp_path,
        "value: 200 kg\nformula: kg * pue * utilisation - minus_kg\n"
        "inputs: {kg: 100, pue: 1.1, utilisation: 0.9, minus_kg: 1}",
    )
    needed = {need.name: need.needed for need in verdict.needs}
    assert set(needed) == {"kg", "pue"}  # no utilisation above 1, and no negative kg
    assert needed["pue"] == pytest.approx(201 / 90)


def test_a_total_says_what_is_in_no_row(tmp_path: Path) -> None:
    short = verdict_on(tmp_path, f"check: sum\n{EXAMPLES['sum'][1]}")
    assert "its rows add up to 39.29 t: 11.21 t of it are in no row" in short.sentence
    long = verdict_on(tmp_path, "check: sum\nvalue: 2 t\ninputs: {a: 1 t, b: 3 t, c: 500 kg}")
    assert "add up to 4.500 t: 2.500 t more than that" in long.sentence


def test_an_implied_factor_off_by_a_scale_is_recognised(tmp_path: Path) -> None:
    verdict = verdict_on(tmp_path, f"check: implied factor\n{EXAMPLES['implied factor'][1]}")
    assert verdict.recomputed == pytest.approx(0.4137e-3, rel=1e-3)
    assert "a factor of 1,000 would bring it there" in verdict.hints[0]
    narrow = "check: implied factor\nband: [0.5, 0.6]\n" + EXAMPLES["implied factor"][0]
    assert "which no grid has (0.5 to 0.6 kg/kWh)" in verdict_on(tmp_path, narrow).sentence


def test_a_phase_that_is_named_and_not_counted(tmp_path: Path) -> None:
    verdict = verdict_on(tmp_path, f"check: phases\n{EXAMPLES['phases'][1]}")
    said = "teacher is named in the text and is no part of the total of 5 t (training)"
    assert verdict.sentence == said
    apart = verdict_on(
        tmp_path, "check: phases\nvalue: 5 t\nnamed: [a, b]\ninputs: {a: 3 t, b: 1 t}"
    )
    assert apart.outcome is Outcome.CONTRADICTS
    assert "1.000 t of it are in no row" in apart.sentence


def test_a_stated_share_of_constants_is_checked_too(tmp_path: Path) -> None:
    parts = "check: constant share\ninputs: {gpu: 900 W, memory: 0.1 kW}\nconstant: [memory]"
    right = verdict_on(tmp_path, f"{parts}\nvalue: 10 %\nthreshold: 20 %")
    assert right.outcome is Outcome.CONSISTENT
    wrong = verdict_on(tmp_path, f"{parts}\nvalue: 40 %\nthreshold: 20 %")
    assert wrong.outcome is Outcome.CONTRADICTS
    assert "published 40 %" in wrong.sentence


@pytest.mark.parametrize(
    ("claim", "what"),
    [
        ("check: energy\nvalue: 5 t\ninputs: {gpus: 1}", "a.value: expected an energy"),
        ("check: energy\nvalue: 5 MWh\ninputs: {gpu: 1}", "did you mean 'gpus'"),
        ("check: energy\nvalue: 5 MWh\ninputs: {gpus: 1, time: 5, power: 1 W}", "a time such as"),
        ("check: energy\nvalue: 5 MWh\ninputs: {gpu_hours: 1, time: 5 h, power: 1 W}", "not both"),
        ("check: implied factor\nvalue: 5 kWh\ninputs: {energy: 5 kWh}", "expected emissions"),
        ("check: implied factor\nvalue: 5 t\ninputs: {energy: 5 t}", "expected one such as"),
        ("check: sum\nvalue: 5 t", "expected the rows"),
        ("check: sum\nvalue: 5 t\ninputs: {a: 5 kWh}", "'kWh' and 't' cannot be converted"),
        ("check: same\nvalue: 5 t", "expected the other places"),
        ("check: phases\nvalue: 5 t\ninputs: {a: 5 t}", "expected the phases"),
        ("check: constant share\ninputs: {a: 5 W}", "name the inputs that are constants"),
        ("check: constant share\ninputs: {ram: 5 W}\nconstant: [rma]", "did you mean 'ram'"),
    ],
)
def test_a_check_says_what_it_needs(claim: str, what: str, tmp_path: Path) -> None:
    with pytest.raises(ProfileError, match=what) as raised:
        verdict_on(tmp_path, claim)
    assert str(raised.value).startswith(f"{tmp_path / 'claims.yaml'}:2: a")


def test_what_cannot_be_recomputed_says_why(tmp_path: Path) -> None:
    verdict = verdict_on(tmp_path, "value: 1 t\nformula: a_t / b\ninputs: {a_t: 1, b: 0}")
    assert verdict.outcome is Outcome.NOT_ENOUGH
    assert verdict.sentence == "it cannot be recomputed: 'a_t / b' divides by zero"


def test_a_published_zero_has_no_factor(tmp_path: Path) -> None:
    verdict = verdict_on(tmp_path, "value: 0 t\nformula: a_t\ninputs: {a_t: 1}")
    assert verdict.outcome is Outcome.CONTRADICTS
    assert verdict.factor is None
    assert verdict.sentence.startswith("published 0 t, but its inputs give 1.000 t")
