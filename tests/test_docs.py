"""What the documents show is run here: commands, Python examples, links, and the help of each verb.

``bench``, ``calibrate`` and ``audit`` start an engine and take minutes, so of those only the words
are parsed; the tests marked ``engine`` run them. Commands that do not start with ``ecoaudit``
(``make``, ``pip``) set up the environment that these tests run in.
"""

from __future__ import annotations

import os
import re
import shlex
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import click
import pytest

from ecoaudit.cli import SECTIONS, cli

ROOT = Path(__file__).parents[1]
DOCUMENTS = [ROOT / "README.md", *sorted((ROOT / "docs").glob("*.md"))]
LINKED = [*DOCUMENTS, ROOT / "CONTRIBUTING.md", ROOT / "CHANGELOG.md"]
VERBS = [verb for verbs in SECTIONS.values() for verb in verbs]
STARTS_AN_ENGINE = {"bench", "audit", "calibrate"}
README_FIGURES = {
    "tokens_per_s": "tokens/s",
    "energy_per_token_j": "J/token",
    "peak_host_memory_bytes": "B",
    "operational_kgco2e": "gCO2e",
}


def blocks(document: Path, language: str) -> list[str]:
    """The fenced blocks of a document in one language."""
    fenced = rf"^```{language}\n(.*?)^```$"
    return re.findall(fenced, document.read_text("utf-8"), re.DOTALL | re.MULTILINE)


def commands(document: Path) -> Iterator[list[str]]:
    """The ecoaudit commands in the sh blocks of a document, as words, in their order."""
    for block in blocks(document, "sh"):
        for line in block.replace("\\\n", " ").splitlines():
            words = shlex.split(line, comments=True)
            if words[:1] == ["ecoaudit"]:
                yield words[1:]


def spans(document: Path) -> Iterator[list[str]]:
    """The ecoaudit commands in the running text of a document."""
    text = re.sub(r"^```.*?^```$", "", document.read_text("utf-8"), flags=re.DOTALL | re.MULTILINE)
    for span in re.findall(r"`(ecoaudit [^`]+)`", text):
        yield shlex.split(span)[1:]


def run(words: list[str], folder: Path) -> subprocess.CompletedProcess[str]:
    """Run a command with this Python first on the path, so that ``python`` is the tests' own."""
    path = f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}"
    return subprocess.run(
        words,
        capture_output=True,
        text=True,
        check=False,
        cwd=folder,
        env=os.environ | {"PATH": path},
        timeout=300,
    )


def verb_of(words: list[str]) -> click.Command:
    """The command that the first words name.

    Raises:
        AssertionError: there is none.
    """
    command = cli.get_command(click.Context(cli), words[0])
    assert command is not None, words
    if isinstance(command, click.Group) and len(words) > 1:
        command = command.get_command(click.Context(command), words[1])
        assert command is not None, words
    return command


with_commands = [document for document in DOCUMENTS if list(commands(document))]
with_python = [document for document in DOCUMENTS[1:] if blocks(document, "python")]


def name_of(document: Path) -> str:
    return document.name


@pytest.mark.parametrize("document", with_commands, ids=name_of)
def test_the_commands_of_a_document_work_in_their_order(document: Path, tmp_path: Path) -> None:
    (tmp_path / "train.py").write_text("print(sum(range(1000)))\n")
    for words in commands(document):
        verb = verb_of(words)
        if words[0] in STARTS_AN_ENGINE:
            assert verb.make_context(words[0], words[1:]).params["output"] is not None
            continue
        result = run([sys.executable, "-m", "ecoaudit", *words], tmp_path)
        assert result.returncode == 0, f"{words}\n{result.stderr}"
        if "-o" in words:
            assert (tmp_path / words[words.index("-o") + 1]).stat().st_size > 0


@pytest.mark.parametrize("document", DOCUMENTS, ids=name_of)
def test_commands_in_running_text_name_verbs_and_options_that_exist(document: Path) -> None:
    for words in spans(document):
        if not words[0].isalpha() or words[0].isupper():  # `ecoaudit --help`, `ecoaudit VERB`
            continue
        verb = verb_of(words)
        known = {name for param in verb.params for name in param.opts} | {"--help"}
        ours = words[: words.index("--")] if "--" in words else words  # the rest is handed on
        assert {word for word in ours if word.startswith("-")} <= known, words


@pytest.mark.parametrize("verb", VERBS)
def test_a_verb_is_documented(verb: str) -> None:
    shown = {words[0] for document in DOCUMENTS for words in commands(document)}
    assert verb in shown, f"no document shows `ecoaudit {verb}` in a block"


@pytest.mark.parametrize("verb", VERBS)
def test_the_help_of_a_verb_has_an_example(verb: str, tmp_path: Path) -> None:
    result = run([sys.executable, "-m", "ecoaudit", verb, "--help"], tmp_path)
    assert result.returncode == 0, result.stderr
    _, example, after = result.stdout.rpartition("Example")
    assert example
    assert f"ecoaudit {verb} " in f"{after} ".replace("\n", " ")


def examples() -> Iterator[list[str]]:
    """The commands in the examples of every verb's help, as words."""
    for verb in VERBS:
        command = verb_of([verb])
        inner = list(command.commands.values()) if isinstance(command, click.Group) else []
        for each in [command, *inner]:
            text = (each.epilog or "").replace("\\\n", " ")
            for line in text.splitlines():
                words = shlex.split(re.split(r" [>|] ", line.strip())[0], comments=True)
                if words[:1] == ["ecoaudit"]:
                    yield words[1:]


def test_the_examples_of_the_help_are_understood(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    seen = 0
    for words in examples():
        verb, skip = verb_of(words), 1
        if isinstance(cli.get_command(click.Context(cli), words[0]), click.Group):
            skip = 2
        for word in words:  # files that an example names are there
            if re.fullmatch(r"[\w./-]+\.(json|yaml|csv|jsonl)", word):
                (tmp_path / word).parent.mkdir(parents=True, exist_ok=True)
                (tmp_path / word).touch()
        verb.make_context(words[0], words[skip:])
        seen += 1
    assert seen > 20


@pytest.mark.parametrize("document", LINKED, ids=name_of)
def test_the_links_of_a_document_lead_somewhere(document: Path) -> None:
    for link in re.findall(r"\]\(([^)]+)\)", document.read_text("utf-8")):
        if re.match(r"[a-z]+:", link):
            continue
        file, _, anchor = link.partition("#")
        target = (document.parent / file).resolve() if file else document
        assert target.exists(), link
        if anchor:
            titles = re.findall(r"^#+ (.+)$", target.read_text("utf-8"), re.MULTILINE)
            assert anchor in [title.lower().replace(" ", "-") for title in titles], link


@pytest.mark.parametrize("document", with_python, ids=name_of)
def test_the_python_examples_of_a_document_run(document: Path, tmp_path: Path) -> None:
    for code in blocks(document, "python"):
        result = run([sys.executable, "-W", "error", "-c", code], tmp_path)
        assert result.returncode == 0, f"{code}\n{result.stderr}"
        assert "absent" not in result.stdout


@pytest.mark.training
def test_the_python_example_of_the_readme_trains_and_prints_its_figures(tmp_path: Path) -> None:
    (code,) = blocks(ROOT / "README.md", "python")
    result = run([sys.executable, "-W", "always", "-c", code], tmp_path)
    assert result.returncode == 0, result.stderr
    assert result.stderr == ""
    lines = dict(line.split(": ", 1) for line in result.stdout.splitlines())
    assert set(lines) == set(README_FIGURES)
    for name, unit in README_FIGURES.items():
        assert re.search(rf"\d \w*{unit} \(.*(measured|modelled)\)$", lines[name]), lines[name]
