"""Files of others: what is wrong is told with file, line and key, in one sentence."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from ecoaudit.errors import EcoauditError, NotFoundError, ProfileError
from ecoaudit.lifecycle.claims import Outcome, judge, read_claims, templates
from ecoaudit.lifecycle.claims.csv_claims import MOST_ROWS
from tests.lifecycle.claims.claims_files import verdicts

HEAD = "id,source,quantity,value,unit,inputs,formula"


def fault(folder: Path, text: str | bytes, name: str = "claims.yaml") -> str:
    """What a file with this text is refused for, after its name."""
    path = folder / name
    path.write_bytes(text if isinstance(text, bytes) else text.encode())
    with pytest.raises(ProfileError) as raised:
        judge(read_claims(str(path)))
    message = str(raised.value)
    assert message.startswith(f"{path}:")
    assert "\n" not in message
    assert len(message) < 500
    return message.removeprefix(f"{path}:")


@pytest.mark.parametrize(
    ("text", "what"),
    [
        ("", "1: expected keys and values"),
        ("title: x", "1: claims: expected a list of claims"),
        ("claims: []", "1: claims: expected a list"),
        ("claims: 5", "1: claims: expected a list"),
        ("claims:\n  - 5", "2: claims.0: expected a claim"),
        ("claims:\n  - value: 5 t", "2: claims.0.id: expected a short name"),
        ("claims:\n  - id: [a]", "2: claims.0.id: expected words"),
        ("claims:\n  - id: a\n  - id: b\n  - id: a", "4: claims.2.id: this id stands in line 2"),
        ("claims:\n  - id: a\n    id: b", "3: claims.0.id: this key stands twice"),
        ("claim:\n  - id: a", "1: claim: no such key here; did you mean 'claims'"),
        ("claims:\n  - id: a\n    vlaue: 5", "3: claims.0.vlaue: .*did you mean 'value'"),
        ("claims:\n  - id: a\n    value: 2026-01-01", "3: claims.0.value: expected a number"),
        ("claims:\n  - id: a\n    value: yes", "3: claims.0.value: expected a number"),
        ("claims:\n  - id: a\n    value: 5 t\n    unit: kg", "4|3: claims.0.value: two units"),
        ("claims:\n  - id: a\n    check: sums", "3: claims.0.check: .*did you mean 'sum'"),
        ("claims:\n  - id: a\n    check: sum\n    formula: a", "4: claims.0.formula: is for"),
        ("claims:\n  - id: a\n    formula: a.b", "3: claims.0.formula: 'a.b' cannot stand"),
        ("claims:\n  - id: a\n    formula: [a]", "3: claims.0.formula: "),
        ("claims:\n  - id: a\n    formula: open(a)", "3: claims.0.formula: 'open' is no function"),
        ("claims:\n  - id: a\n    inputs: 5", "3: claims.0.inputs: expected names"),
        ("claims:\n  - id: a\n    inputs: {b: words}", "3: claims.0.inputs.b: expected a number"),
        ("claims:\n  - id: a\n    inputs: {b: [1]}", "3: claims.0.inputs.b: expected a number"),
        ("claims:\n  - id: a\n    inputs: {b: 1, b: 2}", "3: claims.0.inputs.b: .*stands twice"),
        ("claims:\n  - id: a\n    inputs: {b: {val: 2}}", "3: claims.0.inputs.b.val: no such key"),
        ("claims:\n  - id: a\n    tolerance: 5", "3: claims.0.tolerance: expected a share"),
        ("tolerance: 200 %\nclaims:\n  - id: a", "1: tolerance: expected a share"),
        (
            "claims:\n  - id: a\n    check: phases\n    named: 5",
            "4: claims.0.named: expected a list",
        ),
        (
            "claims:\n  - id: a\n    check: implied factor\n    band: [2, 1]",
            "4: claims.0.band: expected two numbers",
        ),
        (
            "claims:\n  - id: a\n    check: implied factor\n    band: 5",
            "4: claims.0.band: expected two numbers",
        ),
        ("claims:\n  - id: a\n    note: {b: 1}", "3: claims.0.note: expected words"),
        ("claims: &a\n  - *a", "nested too deeply"),
        ("a: " + "[" * 500, "nested too deeply"),
        (
            "claims:\n  - id: a\n    inputs: {" + ", ".join(f"a{i}: 1" for i in range(101)),
            "not YAML",
        ),
        (
            "claims:\n  - id: a\n    inputs: {" + ", ".join(f"a{i}: 1" for i in range(101)) + "}",
            "3: claims.0.inputs: 101 inputs",
        ),
        ("x" * 200_001, "more than 200,000 bytes"),
        (b"claims: \xff", "1: not UTF-8"),
        (b"claims: \x00", "1: not YAML"),
    ],
)
def test_a_yaml_file_that_cannot_be_used(text: str | bytes, what: str, tmp_path: Path) -> None:
    assert re.search(what, fault(tmp_path, text))


@pytest.mark.parametrize(
    ("text", "what"),
    [
        ("", "1: needs the columns id, source, .*; no id, source"),
        ("id,value\na,5", "1: needs the columns .*; no source, quantity, unit, inputs, formula"),
        (f"{HEAD},id\n", "1: id: this column stands twice"),
        (HEAD, "1: no rows"),
        (f"{HEAD}\na,s,q,5,t,x=1", "2: 6 cells under 7 columns"),
        (f"{HEAD}\n,s,q,5,t,x=1,x", "2: id: expected a short name"),
        (f"{HEAD}\na,s,q,5,t,x=1,x\n\na,s,q,5,t,x=1,x", "4: id: 'a' stands in line 2"),
        (f'{HEAD}\na,s,q,5,t,x=1,"x', "2: not CSV"),
        (f"{HEAD}\n" + "".join(f"a{i},,,,,,\n" for i in range(MOST_ROWS + 1)), "more than 2,000"),
        (f"{HEAD}\na,{'s' * 200_000},q,5,t,x=1,x", "2: not CSV"),
        ("x" * 500_001, "more than 500,000 bytes"),
        (b"id,\xff", "1: not UTF-8"),
    ],
)
def test_a_csv_file_that_cannot_be_used(text: str | bytes, what: str, tmp_path: Path) -> None:
    assert re.search(what, fault(tmp_path, text, "claims.csv"))


@pytest.mark.parametrize(
    ("value", "inputs", "tolerance", "why"),
    [
        ("five", "x=1", "", "line 4: value: expected a number with its unit, .*'five'"),
        ("96 to 100", "x=1", "", "line 4: value: expected a number"),
        ("1e400", "x=1", "", "line 4: value: '1e400' is no quantity: more than 1e"),
        ("5 kg", "x=1", "", "line 4: value: two units for one number: 'kg' in it"),
        ("5", "x=1", "200 %", "line 4: tolerance: expected a share below 1"),
        ("five", "x=1", "3", "line 4: value: .*; line 4: tolerance: "),
        ("5", "x=1;x=2", "", "line 4: inputs: 'x' stands twice"),
        ("5", ";".join(f"x{i}=1" for i in range(101)), "", "line 4: inputs: 101 inputs"),
    ],
)
def test_a_cell_that_cannot_be_read_leaves_its_row_open_and_the_rest_is_judged(
    value: str, inputs: str, tolerance: str, why: str, tmp_path: Path
) -> None:
    found = verdicts(
        tmp_path,
        f'{HEAD},tolerance\na,"s\ns",q,5,t,x=5,x,\nb,s,q,{value},t,{inputs},x,{tolerance}\n'
        "c,s,q,5,t,x=9,x,\n",
        "claims.csv",
    )
    outcomes = [each.outcome for each in found.values()]
    assert outcomes == [Outcome.CONSISTENT, Outcome.NOT_ENOUGH, Outcome.CONTRADICTS]
    assert re.match(why, found["b"].sentence)


@pytest.mark.parametrize("value", ["many", "96 to 100", ".inf", ".nan", "1e400"])
def test_a_value_in_words_in_a_yaml_file_is_not_enough(value: str, tmp_path: Path) -> None:
    text = f"claims:\n  - id: a\n    value: {value}\n    inputs: {{x: 1}}\n    formula: x\n"
    (verdict,) = verdicts(tmp_path, text).values()
    assert verdict.outcome is Outcome.NOT_ENOUGH
    assert verdict.sentence.startswith("line 3: value: ")
    assert value in verdict.sentence


def test_words_in_a_csv_file_are_not_enough_and_say_why(tmp_path: Path) -> None:
    found = verdicts(
        tmp_path,
        f"{HEAD},status\n"
        "mean,s,q,0.047,kWh,n=240 runs;hardware=8x A100,mean(query energy),unverified\n"
        "words,s,q,5,t,n=about 240;kg=5,n*kg,\n"
        "other,s,q,0.0023,kWh,cpu_kWh=1e-4;ram_kWh=1e-3,cpu+ram,\n"
        "none,s,q,5,t,,,\n"
        "text,s,q,5,t,paper says: 297.6;x=1,x,\n"
        "bad,s,q,5,t,x=1,__import__('os'),\n",
        "claims.csv",
    )
    assert {v.outcome for n, v in found.items() if n != "text"} == {Outcome.NOT_ENOUGH}
    assert found["text"].outcome is Outcome.CONTRADICTS
    assert found["mean"].sentence == "the formula is in words: 'mean(query energy)'"
    assert found["mean"].claim.status == "unverified"
    assert found["words"].sentence.startswith("n ('about 240' is no number) is missing; n would")
    assert "did you mean 'cpu_kWh'" in found["other"].sentence
    assert found["none"].sentence == "no inputs were published"
    assert found["bad"].sentence == "the formula is in words: \"__import__('os')\""


def test_a_claims_file_may_be_larger_than_a_profile(tmp_path: Path) -> None:
    rows = "".join(
        f"  - id: a{i}\n    value: 5 t\n    formula: a_t\n    inputs: {{a_t: 5}}\n"
        f"    note: {'x' * 80}\n"
        for i in range(400)
    )
    assert len(verdicts(tmp_path, f"claims:\n{rows}")) == 400


def test_a_name_that_is_neither_file_nor_family() -> None:
    with pytest.raises(NotFoundError, match="did you mean 'llama'"):
        read_claims("lama2")
    with pytest.raises(ProfileError, match=r"no\.yaml: is no file"):
        read_claims("no.yaml")


@pytest.mark.parametrize("name", templates())
def test_a_template_is_read_and_all_of_it_is_open(name: str) -> None:
    found = judge(read_claims(str(templates()[name])))
    assert len(found) >= 5
    assert {each.outcome for each in found} == {Outcome.NOT_ENOUGH}
    assert all(each.missing for each in found)
    checks = {each.claim.check for each in found}
    assert len(checks) >= 3


@pytest.mark.parametrize("name", templates())
def test_a_template_that_is_filled_in_is_judged(name: str, tmp_path: Path) -> None:
    text = templates()[name].read_text("utf-8")
    examples = {"gpus": "8", "gpu_hours": "1e6", "time": "20 days", "power": "700 W", "pue": "1.1"}
    for key, value in examples.items():
        text = re.sub(rf"(?m)^(      {key}:)( *#.*)?$", rf"\g<1> {value}", text)
    text = re.sub(r"value:  +# such as ([^\n]+)", r"value: \1", text)
    try:
        found = verdicts(tmp_path, text)
    except EcoauditError as error:
        pytest.fail(str(error))
    assert any(each.claim.published is not None for each in found.values())
    if name != "tender":
        assert any(each.outcome is not Outcome.NOT_ENOUGH for each in found.values())


def test_the_example_of_the_documentation_says_what_it_says(tmp_path: Path) -> None:
    page = (Path(__file__).parents[3] / "docs" / "claims.md").read_text("utf-8")
    (example,) = re.findall(r"^```yaml\n(.*?)^```$", page, re.DOTALL | re.MULTILINE)
    verdict = verdicts(tmp_path, example)["training"]
    assert verdict.closes == "pue x kg_per_kWh would have to be 0.4137"
    assert f"`{verdict.closes}`" in page
    assert verdict.claim.tolerance == 0.01
