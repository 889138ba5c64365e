"""Every published result that ships, with the verdict that it must have."""

from __future__ import annotations

import csv
from collections import Counter
from dataclasses import replace

import pytest

from ecoaudit.lifecycle.claims import Outcome, Verdict, families, judge, read_claims
from ecoaudit.lifecycle.claims.kinds import KINDS
from ecoaudit.lifecycle.claims.kinds.base import unitless
from ecoaudit.lifecycle.claims.written import parse_written

VERDICTS = {
    verdict.claim.id: (family, verdict)
    for family in families()
    for verdict in judge(read_claims(family))
}
# All others are consistent.
CONTRADICTING = {
    "TRAP-llama1-months": "4.007 months",
    "TRAP-llama2-card-total": "153.9 t of it are in no row",
    "TRAP-llama32-total": "its inputs give 265.7 t",
    "TRAP-olmo2-13b-morrison": "its inputs give 287.8 MWh",
    "TRAP-bloom-opt-compare": "its inputs give 74.84 t",
    "TRAP-powerhungry-grid": "two figures for one thing: published 297.6 g/kWh",
    "TRAP-powerhungry-boundary": "42.4 % of it is constant (ram_W)",
    "TRAP-ecologits-doc-vs-code": "two figures for one thing: published 164 kg",
    "TRAP-bannour-yu2020": "its inputs give 53.820 g",
    "TRAP-sciai-cv-provider": "its inputs give 30,000 kg",
}
DISPLAYED_ONLY = {
    "llama31-market-based",
    "morrison-series-co2",
    "gemma1-co2",
    "gemma2-co2",
    "gemini-narrow",
    "mistral-large2-train-18-months-use-GHG",
    "mistral-large2-water",
    "mistral-large2-ADP",
    "mistral-large2-per-400-token-reply-GHG",
    "mistral-large2-per-400-token-reply-water",
    "mistral-large2-per-400-token-reply-ADP",
    "samsi-llama65b",
    "mlca-bloom-embodied",
    "mlca-bloom-dynamic",
    "mlca-bloom-indirect",
    "mlca-bloom-total",
    "mlca-dell-r6515",
    "mlca-dell-r6525",
    "mlca-dinarelli-wav2vec-ft",
    "falk-a100",
    "boavizta-h100-sxm-80gb",
    "boavizta-a100-sxm4-40gb",
    "boavizta-l4",
    "boavizta-rtx-a4500",
    "boavizta-gtx-1080-ti",
    "boavizta-p100",
    "boavizta-p5.48xlarge",
    "boavizta-dellR740",
}
# By name, within 1 % of what was printed.
WITHIN_ONE_PERCENT = {
    "bloom-dynamic-co2": "24.69 t",
    "bloom-idle-co2": "14.6 t",
    "bloom-embodied-server": "7.57 t",
    "bloom-embodied-gpu": "3.64 t",
    "bloom-total": "50.5 t",
    "strubell-t2t-base-energy": "27 kWh",
    "strubell-bert-base-energy": "1507 kWh",
    "strubell-nas-energy": "656347 kWh",
    "strubell-nas-tonnes": "284 t",
    "patterson-t5-11b-energy": "85.7 MWh",
    "patterson-meena-gross": "96.4 t",
    "patterson-gshard-600b-net": "4.3 t",
    "patterson-gpt3-175b-energy": "1287 MWh",
    "patterson-gpt3-175b-gross": "552.1 t",
    "llama1-llama-65b-co2": "173 t",
    "llama2-70b-co2": "291.42 t",
    "llama3-70b-co2": "1900 t",
    "llama31-405b-co2": "8930 t",
    "llama32-1b-co2": "107 t",
    "llama4-maverick-co2": "645 t",
    "if-sci-embodied-1": "34.24657534246575 g",
    "if-sci": "0.0502 g",
    "sciai-consumer": "130 kg/1e9 tok",
    "sciai-cv-consumer": "0.08 g",
}


def verdict_of(name: str) -> Verdict:
    return VERDICTS[name][1]


def test_all_of_the_library_is_here() -> None:
    assert len(VERDICTS) == 172
    assert sum(len(read_claims(family).claims) for family in families()) == 172  # ids are unique
    assert CONTRADICTING.keys() | DISPLAYED_ONLY <= VERDICTS.keys()
    found = Counter(verdict.outcome for _, verdict in VERDICTS.values())
    assert found == {"consistent": 134, "contradicts": 10, "not enough inputs": 28}


@pytest.mark.parametrize("name", VERDICTS)
def test_a_published_result_has_the_verdict_that_is_known(name: str) -> None:
    verdict = verdict_of(name)
    if name in CONTRADICTING:
        assert verdict.outcome is Outcome.CONTRADICTS
        assert CONTRADICTING[name] in verdict.sentence
        assert verdict.claim.note or "documentation" in verdict.claim.source
    elif name in DISPLAYED_ONLY:
        assert verdict.outcome is Outcome.NOT_ENOUGH
        assert verdict.recomputed is None
    else:
        assert verdict.outcome is Outcome.CONSISTENT
        assert verdict.recomputed is not None
        assert verdict.claim.published is not None
        apart = abs(verdict.recomputed - verdict.claim.published.value)
        assert apart <= verdict.claim.allowed * (1 + 1e-9)


@pytest.mark.parametrize("name", VERDICTS)
def test_a_published_result_is_a_cited_fact(name: str) -> None:
    claim = verdict_of(name).claim
    assert claim.published is not None
    assert claim.source
    assert claim.quantity
    assert claim.status in {"primary", "paper-text", "secondary", "derived", "unverified"}
    assert unitless(claim, [each.name for each in claim.inputs]) == ()
    assert claim.tolerance <= 0.02
    if claim.tolerance > 0.01 and verdict_of(name).recomputed is not None:
        assert claim.reason


@pytest.mark.parametrize(("name", "printed"), WITHIN_ONE_PERCENT.items())
def test_worked_examples_are_met_within_one_percent(name: str, printed: str) -> None:
    verdict = verdict_of(name)
    assert verdict.claim.published is not None
    assert verdict.claim.published.text == printed
    assert verdict.recomputed == pytest.approx(parse_written(printed).value, rel=0.01)


def test_blooms_embodied_part_is_its_servers_and_gpus() -> None:
    parts = [verdict_of(f"bloom-embodied-{part}").recomputed for part in ("server", "gpu")]
    assert parts[0] is not None
    assert parts[1] is not None
    assert parts[0] + parts[1] == pytest.approx(11.2, rel=0.01)
    assert verdict_of("bloom-embodied-sci-calendar").recomputed == pytest.approx(9.53, rel=0.001)


def test_scis_own_example_is_cut_off_in_its_text() -> None:
    assert verdict_of("sci-embodied-example").recomputed == pytest.approx(28.5388, abs=1e-4)


RECOMPUTED = [name for name, (_, v) in VERDICTS.items() if v.outcome is Outcome.CONSISTENT]


@pytest.mark.parametrize("name", RECOMPUTED)
def test_a_changed_input_flips_the_verdict(name: str) -> None:
    claim = verdict_of(name).claim
    largest = max(claim.inputs, key=lambda each: abs(each.value or 0))
    names = [largest.name] if claim.check == "sum" else [each.name for each in claim.inputs]
    flipped = []
    for wrong in names:
        inputs = tuple(
            replace(each, number=replace(each.number, value=each.number.value * 2.3))
            if each.name == wrong and each.number is not None
            else each
            for each in claim.inputs
        )
        flipped.append(KINDS[claim.check](replace(claim, inputs=inputs)).outcome)
    assert Outcome.CONTRADICTS in flipped


def test_what_was_left_out_is_found() -> None:
    assert verdict_of("TRAP-llama32-total").hints[0].startswith("it follows without logit_h")
    assert "a factor of 10" in verdict_of("TRAP-sciai-cv-provider").hints[0]
    assert "as a PUE has" in verdict_of("TRAP-olmo2-13b-morrison").hints[0]


def test_the_table_of_the_families_can_be_checked_as_csv(tmp_path: object) -> None:
    """A CSV of the library's own plain rows has the same verdicts as the YAML."""
    assert hasattr(tmp_path, "joinpath")
    path = tmp_path.joinpath("rows.csv")
    plain = [
        verdict
        for _, verdict in VERDICTS.values()
        if verdict.claim.check == "formula" and verdict.claim.formula is not None
    ]
    with path.open("w", newline="") as file:
        writer = csv.writer(file)
        writer.writerow(
            ["id", "source", "quantity", "value", "unit", "inputs", "formula", "tolerance", "more"]
        )
        for verdict in plain:
            claim, published = verdict.claim, verdict.claim.published
            assert published is not None
            assert claim.formula is not None
            number, _, unit = published.text.partition(" ")
            inputs = ";".join(f"{i.name}={i.number.text}" for i in claim.inputs if i.number)
            share = repr(claim.tolerance)
            cells = (claim.id, "s", "q", number, unit, inputs, claim.formula.text, share, "x")
            writer.writerow(cells)
    found = judge(read_claims(str(path)))
    assert len(found) == len(plain) > 100
    assert [each.outcome for each in found] == [each.outcome for each in plain]
    assert [each.recomputed for each in found] == [each.recomputed for each in plain]
