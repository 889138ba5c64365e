"""Asks the questions of ``ecoaudit profiles new`` and makes the text of the profile."""

from __future__ import annotations

import re
from collections.abc import Iterable
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING

import click

from ecoaudit.cli.lookups import lookups
from ecoaudit.errors import UsageError
from ecoaudit.factors.grid import grid_factor
from ecoaudit.factors.languages import language_named
from ecoaudit.scenario import load_scenario, load_workload
from ecoaudit.scenario.draft import REQUESTS_PER_PATIENT, draft
from ecoaudit.scenario.questions import QUESTIONS, WORLD, default_of, find_question, read_answer
from ecoaudit.scenario.tiers import Band, find_tier

if TYPE_CHECKING:
    from ecoaudit.scenario.questions import Question


def new_profile(
    tier_name: str, given: Iterable[str], output: str | None, asking: bool, force: bool
) -> tuple[Path, str]:
    """Where a scenario goes, and its text, which was read back without a fault.

    Args:
        tier_name: ``T0`` to ``T5``.
        given: answers as ``key=value``.
        output: where it goes; None: under ``./profiles``, by its name.
        asking: whether somebody answers the other questions.
        force: whether a file that is there may go.

    Raises:
        UsageError: an answer that is none, or the file is there.
    """
    tier = find_tier(tier_name)
    answers = dict(_answer(pair) for pair in _once(given))
    if output is not None:
        _free(Path(output), force)
    said: dict[str, str] = {}
    for question in QUESTIONS.values():
        usual = default_of(question, tier, said)
        if asking and question.text and question.key not in answers:
            typed = _ask(question, usual or _patients(question, said))
            if typed is not None:
                answers[question.key] = typed
        said[question.key] = answers.get(question.key, usual)
    if said["country"].lower() == WORLD:
        answers.pop("country", None)
        said["country"] = WORLD
    path = Path(output) if output is not None else _place(said["name"], tier.id)
    _free(path, force)
    text = draft(tier, answers, said, _world())
    with TemporaryDirectory() as folder:  # a file that cannot be read is no answer
        trial = Path(folder) / f"{path.stem}.yaml"
        trial.write_text(text, "utf-8")
        load_scenario(trial, lookups())
    return path, text


def _once(given: Iterable[str]) -> list[str]:
    pairs, seen = list(given), set()
    for pair in pairs:
        key = pair.partition("=")[0].strip()
        if key in seen:
            raise UsageError(f"--answer {key}: given twice")
        seen.add(key)
    return pairs


def _answer(pair: str) -> tuple[str, str]:
    key, equals, value = pair.partition("=")
    if not equals:
        raise UsageError(f"--answer: expected KEY=VALUE; got {pair!r}")
    question = find_question(key.strip())
    return question.key, _read(question, value)


def _read(question: Question, text: str) -> str:
    read = read_answer(question, text, _language)
    if question.key == "country" and read.lower() != WORLD:
        return grid_factor(read).zone  # refuses what the grid table does not hold
    return read


def _language(text: str) -> str:
    language = language_named(text)
    return language.codes[0] if language.usual_script else language.flores


def _ask(question: Question, usual: str) -> str | None:
    """What was typed; None: only Enter, so that the usual stays marked as assumed."""

    def read(text: str) -> str:
        try:
            return "" if text == usual else _read(question, text)
        except UsageError as error:
            raise click.BadParameter(str(error)) from None

    typed: str = click.prompt(
        question.text, default=usual, show_default=bool(usual), value_proc=read, err=True
    )
    return typed or None


def _patients(question: Question, said: dict[str, str]) -> str:
    """What the preset of the workload says of a clinician's patients."""
    if question.key != "patients":
        return ""
    each = REQUESTS_PER_PATIENT.get(said["work"], 1)
    return f"{load_workload(said['work']).requests_per_clinician.number / each:g}"


def _place(name: str, tier: str) -> Path:
    words = re.sub(r"[^a-z0-9]+", "-", name.lower()).strip("-")
    return Path("profiles") / "scenarios" / f"{words or tier.lower()}.yaml"


def _free(path: Path, force: bool) -> None:
    if path.is_dir():
        raise UsageError(f"{path}: is a folder; give a file")
    if path.suffix not in (".yaml", ".yml"):
        raise UsageError(f"{path}: expected a name that ends in .yaml")
    if path.exists() and not force:
        raise UsageError(f"{path}: exists; --force overwrites it")


def _world() -> Band:
    value, low, high = grid_factor(None).intensity.numbers
    return Band(f"{value:.0f} gCO2e/kWh", f"{low:.0f} gCO2e/kWh", f"{high:.0f} gCO2e/kWh")
