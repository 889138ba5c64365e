"""The sample reports are what the program renders today."""

from __future__ import annotations

import runpy
from pathlib import Path

import pytest

REPORTS = Path(__file__).parents[1] / "reports"
SCRIPT = runpy.run_path(str(REPORTS / "render.py"))


@pytest.mark.parametrize("name", sorted(SCRIPT["SAMPLES"]))
def test_a_sample_is_as_rendered_today(name: str) -> None:
    for place, text in SCRIPT["render"](name).items():
        assert place.read_text("utf-8") == text, f"{place.name} is stale: run `make reports`"
        assert len(text.encode()) < 500_000


def test_there_is_no_other_sample() -> None:
    expected = {f"{name}{suffix}" for name in SCRIPT["SAMPLES"] for suffix in (".html", ".md")}
    assert {p.name for p in REPORTS.iterdir() if p.suffix in {".html", ".md"}} == expected | {
        "README.md"
    }


def test_the_page_with_a_random_model_says_so() -> None:
    for suffix in (".html", ".md"):
        text = (REPORTS / f"district-hospital-notes{suffix}").read_text("utf-8")
        assert "the weights are random" in text
