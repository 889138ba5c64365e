"""Names that mean harm break no format."""

from __future__ import annotations

import csv
import io
import json
import re
from pathlib import Path

import pytest
import yaml
from huggingface_hub import ModelCard

from ecoaudit.citing import CITERS, cite, citer_for
from ecoaudit.citing.facts import Facts
from ecoaudit.citing.ledger_facts import facts_of_ledger
from ecoaudit.citing.run_facts import facts_of_run
from tests.citing.examples import HOSTILE, hostile_ledger, hostile_run
from tests.citing.test_boamps import problems
from tests.citing.test_latex import OPENING, compiled


def both(text: str, name: str) -> list[Facts]:
    found = [facts_of_run(hostile_run(text)), facts_of_ledger(hostile_ledger(text))]
    return [facts for facts in found if facts.kind in CITERS[name].holds]


@pytest.mark.parametrize("text", HOSTILE, ids=lambda text: ascii(text[:12]))
@pytest.mark.parametrize("name", CITERS)
def test_a_text_stays_one_of_its_format(name: str, text: str) -> None:
    for facts in both(text, name):
        shown = cite(facts, citer_for(name))
        shown.encode("utf-8")
        assert len(shown) < 200_000
        assert not re.search("[\x00-\x08\x0b-\x1f\u202a-\u202e\u2066-\u2069]", shown)
        _reads(name, shown, facts)


def _reads(name: str, shown: str, facts: Facts) -> None:
    if name in {"markdown", "huggingface"}:
        assert "<script" not in shown.partition("## Energy")[2].partition("```yaml")[0]
        lines = shown.splitlines()
        table = [line for line in lines if line.startswith("|")]
        assert table
        for line in table:
            assert len(re.findall(r"(?<!\\)\|", line)) == 5, line
        assert [line for line in lines if line.startswith("#")] == ["## Energy and carbon"]
    if name == "huggingface":
        card = ModelCard(shown)
        given = card.data["co2_eq_emissions"]["emissions"]
        assert given == facts.carbon.number * 1000
        (block,) = re.findall(r"^```yaml\n(.*?)^```$", shown, re.DOTALL | re.MULTILINE)
        sidecar = yaml.safe_load(block)["ecoaudit_emissions"]
        assert sidecar["carbon"]["value"] == facts.carbon.number
        assert sidecar["file"]["id"] == facts.id
    if name == "boamps":
        report = json.loads(shown)
        assert problems(report) == []
        assert facts.title in report["task"]["taskDescription"]
    if name == "impact-framework":
        manifest = yaml.safe_load(shown)
        assert manifest["name"] == facts.title
        assert manifest["tree"]["aggregated"]["carbon"] == pytest.approx(1000 * facts.carbon.number)
    if name == "eu-gpai":
        fields = yaml.safe_load(shown)
        assert len(fields) == 8
        assert facts.model in {fields["model"], ""}
    if name == "codecarbon":
        header, row = list(csv.reader(io.StringIO(shown)))
        assert len(header) == len(row)
        assert not row[header.index("project_name")].startswith(("=", "+", "-", "@"))


def test_tex_sets_it_and_obeys_none_of_it(tmp_path: Path) -> None:
    texts = [cite(facts, citer_for("latex")) for text in HOSTILE for facts in both(text, "latex")]
    log = compiled("\n\n\\clearpage\n".join(texts), tmp_path, OPENING, "-recorder")
    assert "runsystem" not in log
    read = (tmp_path / "paper.fls").read_text("utf-8")
    assert "INPUT paper.tex" in read
    assert "passwd" not in read
