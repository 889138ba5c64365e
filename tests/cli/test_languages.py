"""``ecoaudit languages``."""

from __future__ import annotations

import json
import re
import unicodedata
from pathlib import Path
from typing import Any

import pytest

from tests.cli.conftest import Ecoaudit
from tests.factors.tokenizer_makers import tekken_json, tokenizer_json

SECRET = "Người bệnh không ngủ được"
SCENARIO = """\
name: Test
site: urban-clinic
workload:
  name: Visit
  prompt: {mean: 1000, sd: 400}
  output: {mean: 200, sd: 50}
  system_prompt: 500
  requests_per_clinician: 10
  languages: {en: 0.7, am: 0.3}
demand: {clinicians: 4, opening: 8 h, days_per_year: 250, peak_factor: 2}
budget: 9000 USD
models: [Qwen/Qwen3-8B, Qwen/Qwen2.5-7B-Instruct, Qwen/Qwen3-4B, meta-llama/Llama-3.1-8B-Instruct]
"""


def row(output: str, name: str) -> list[str]:
    """The cells of a line of a table."""
    line = next(line for line in output.splitlines() if line.startswith(name))
    return re.split(r"\s{2,}", line.strip())


def found_of(result: Any) -> dict[str, Any]:
    assert result.returncode == 0, result.stderr
    found: dict[str, Any] = json.loads(result.stdout)
    return found


def test_story_four_the_premiums_of_three_tokenizers(ecoaudit: Ecoaudit) -> None:
    result = ecoaudit("languages", "--tokenizer", "tekken,qwen,o200k")
    assert result.returncode == 0
    assert row(result.stdout, "Amharic") == ["Amharic (am)", "7.54", "4.11", "5.88"]
    assert row(result.stdout, "Khmer") == ["Khmer (km)", "14.88", "6.64", "3.35"]
    assert row(result.stdout, "Hindi") == ["Hindi (hi)", "1.79", "4.45", "1.58"]
    assert "Mistral Tekken: Khmer is served worst, with 14.88 times the tokens of" in result.stdout
    assert "they are not energy" in " ".join(result.stdout.split())
    found = found_of(ecoaudit("languages", "--tokenizer", "qwen", "--language", "all", "--json"))
    (qwen,) = found["tokenizers"]
    assert qwen["tokenizer"] == {"columns": ["qwen_151k"], "name": "Qwen"}
    assert len(qwen["languages"]) == 204
    assert (qwen["worst"], qwen["worst_of_all"]["code"]) == ("shn_Mymr", "shn")
    assert qwen["worst_over_best"]["basis"] == "constant"


def test_languages_and_tokenizers_by_the_names_that_people_type(ecoaudit: Ecoaudit) -> None:
    options = ("--language", "Amharic", "--language", "km", "--json")
    found = found_of(
        ecoaudit(
            "languages", "--tokenizer", "Qwen3", "--tokenizer", "Llama-3.1-8B-Instruct", *options
        )
    )
    qwen, llama = found["tokenizers"]
    assert [each["code"] for each in qwen["languages"]] == ["am", "km"]
    assert qwen["worst_over_best"]["value"] == pytest.approx(174351 / 107935)
    assert llama["models"] == ["meta-llama/Llama-3.1-8B-Instruct"]
    assert len(llama["tokenizer"]["columns"]) == 5
    assert llama["languages"][0]["token_premium"]["basis"] == "modelled"


def test_a_scenario_shows_what_its_languages_do(ecoaudit: Ecoaudit, tmp_path: Path) -> None:
    (tmp_path / "clinic.yaml").write_text(SCENARIO)
    result = ecoaudit("languages", "clinic.yaml")
    assert result.returncode == 0, result.stderr
    assert "Qwen: Qwen3-8B, Qwen3-4B; context 40,960 tokens" in result.stdout
    assert "Qwen: Qwen2.5-7B-Instruct" in result.stdout  # another context, or none known
    premium = 107935 / 26255
    assert row(result.stdout, "Amharic")[:5] == [
        "Amharic (am)",
        "30%",
        f"{premium:.2f}",
        f"{500 + 1000 * premium:,.0f}",
        f"{200 * premium:,.0f}",
    ]
    assert row(result.stdout, "English")[3:] == ["1,500", "200", *["x 1.00"] * 3, "none"]
    assert "Served worst: Amharic, with 4.11 times the tokens of English" in result.stdout
    (mine,) = found_of(
        ecoaudit("languages", "clinic.yaml", "--tokenizer", "tekken", "--context", "8000", "--json")
    )["tokenizers"]
    assert mine["context_tokens"] == 8000
    share = mine["languages"][1]["share_over_context"]["value"]
    assert 0.5 < share < 0.8  # the median of Amharic is 8,900 tokens
    assert mine["mean_premium"]["value"] == pytest.approx(0.7 + 0.3 * 199550 / 26478)


def test_a_scenario_without_languages_asks_for_some(ecoaudit: Ecoaudit) -> None:
    result = ecoaudit("languages", "urban-clinic-summaries")
    assert result.returncode == 2
    assert "states no languages; add `languages: {en: 0.6, es: 0.4}`" in result.stderr
    result = ecoaudit(
        "languages", "urban-clinic-summaries", "--language", "am", "--tokenizer", "qwen"
    )
    assert row(result.stdout, "Amharic")[1] == "-"


def test_a_text_is_counted_and_nothing_of_it_is_told(ecoaudit: Ecoaudit, tmp_path: Path) -> None:
    (tmp_path / "mine.txt").write_text(unicodedata.normalize("NFD", SECRET), "utf-8")
    tokenizer_json(tmp_path / "tokenizer.json")
    tekken_json(tmp_path / "tekken.json", (b"ng",))
    files = ("--tokenizer", "tokenizer.json", "--tokenizer", "tekken.json")
    result = ecoaudit("languages", "--text", "mine.txt", *files)
    assert result.returncode == 0, result.stderr
    assert "mine.txt: 46 bytes, 35 characters, 5 words" in result.stdout
    assert row(result.stdout, f"{tmp_path.name}/tokenizer.json")[1:] == ["46", "9.20", "1.314", "9"]
    assert "1 ! mine.txt is decomposed Unicode" in result.stdout
    assert "9 of 46 tokens (20%)" in " ".join(result.stdout.split())
    found = ecoaudit("languages", "--text", "mine.txt", *files, "--json")
    read = found_of(found)
    assert read["tokenizers"] == []
    assert [each["tokens"] for each in read["text"]["counts"]] == [46, 44]
    assert read["doubts"][0]["code"] == "decomposed-text"
    told = unicodedata.normalize("NFC", result.stdout + result.stderr + found.stdout)
    for word in unicodedata.normalize("NFC", SECRET).split():
        assert word not in told


def test_a_text_without_a_tokenizers_file_is_still_looked_at(
    ecoaudit: Ecoaudit, tmp_path: Path
) -> None:
    (tmp_path / "mine.txt").write_text(unicodedata.normalize("NFD", SECRET), "utf-8")
    result = ecoaudit("languages", "--tokenizer", "tekken,qwen", "--text", "mine.txt")
    assert result.returncode == 2
    assert "mine.txt: its tokens were not counted, as no tokenizer's file was given" in (
        result.stderr
    )
    assert row(result.stdout, "Qwen  ")[1] == "needs its file: --tokenizer FILE"
    assert "is decomposed Unicode" in result.stdout
    (tmp_path / "mine.txt").write_text(unicodedata.normalize("NFC", SECRET), "utf-8")
    result = ecoaudit("languages", "--tokenizer", "qwen", "--text", "mine.txt")
    assert "decomposed" not in result.stdout


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (
            ("--tokenizer", "teken"),
            "no tokenizer 'teken' in the table; did you mean 'tekken_131k'?",
        ),
        (("--tokenizer", "Qwen/Qwen9"), "no model 'Qwen/Qwen9' in the table"),
        (
            ("--tokenizer", "x.json"),
            "x.json: a tokenizer's file counts a text of yours; add --text",
        ),
        (("--tokenizer", "x.json", "--text", "y.txt"), "x.json: no such file; give tokenizer.json"),
        (("--text", "y.txt"), "y.txt: no such file; give a text file in UTF-8"),
        (("--language", "Swahilli"), "no language 'Swahilli'; did you mean 'Swahili' (sw-Latn)?"),
        (("--context", "8192"), "--context is for the prompts of a scenario"),
        (("nowhere",), "no profile 'nowhere' among scenarios"),
    ],
)
def test_what_cannot_be_used_is_told_in_a_sentence(
    ecoaudit: Ecoaudit, arguments: tuple[str, ...], said: str
) -> None:
    result = ecoaudit("languages", *arguments)
    assert result.returncode == 2
    assert said in result.stderr
    assert len(result.stderr.splitlines()) == 1
