"""``ecoaudit report``, as it is typed."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

from tests.reporters.examples import a_plan, a_run


def report(*arguments: str | Path, cwd: Path) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-m", "ecoaudit", "report", *map(str, arguments)],
        cwd=cwd,
        capture_output=True,
        text=True,
        check=False,
    )


@pytest.mark.parametrize("suffix", ["html", "md", "csv", "json"])
def test_a_plan_becomes_a_file_of_each_format(tmp_path: Path, suffix: str) -> None:
    a_plan().save(tmp_path / "plan.json")
    done = report("plan.json", "-o", f"out/page.{suffix}", cwd=tmp_path)
    assert (done.returncode, done.stderr) == (0, "")
    assert done.stdout == f"wrote out/page.{suffix}\n"
    assert "Qwen3-4B" in (tmp_path / "out" / f"page.{suffix}").read_text("utf-8")


def test_a_page_made_again_elsewhere_is_the_same(tmp_path: Path) -> None:
    pages = []
    for folder in (tmp_path / "a", tmp_path / "b"):
        plan, run = a_plan().save(folder / "plan.json"), a_run().save(folder / "run.json")
        assert report(plan, run, "-o", folder / "page.html", cwd=tmp_path).returncode == 0
        pages.append((folder / "page.html").read_bytes())
    assert pages[0] == pages[1]
    assert b"ecoaudit report plan.json run.json -o page.html" in pages[0]


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (("plan.json", "-o", "page.pdf"), "page.pdf: no report format '.pdf'"),
        (("nothing.json", "-o", "page.html"), "nothing.json: no such file"),
        (("notes.txt", "-o", "page.html"), "notes.txt:1: not JSON"),
        (
            ("photo.png", "-o", "page.html"),
            "photo.png: cannot be read: not UTF-8 at byte 0; save the file as UTF-8",
        ),
        ((".", "-o", "page.html"), ".: cannot be read: it is a folder"),
    ],
)
def test_what_cannot_be_used_is_one_sentence_and_exit_2(
    tmp_path: Path, arguments: tuple[str, ...], said: str
) -> None:
    a_plan().save(tmp_path / "plan.json")
    (tmp_path / "notes.txt").write_text("hello", "utf-8")
    (tmp_path / "photo.png").write_bytes(b"\x89PNG")
    done = report(*arguments, cwd=tmp_path)
    assert done.returncode == 2
    assert done.stderr.startswith(f"ecoaudit: {said}")
    assert "Traceback" not in done.stderr
    assert not (tmp_path / "page.html").exists()
