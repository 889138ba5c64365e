"""The few questions from whose answers a scenario is begun, in the words of a clinic."""

from __future__ import annotations

import math
import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Final

from ecoaudit.errors import NotFoundError, UsageError, did_you_mean
from ecoaudit.scenario.profiles import available_profiles
from ecoaudit.scenario.tiers import Tier
from ecoaudit.units import parse_quantity

WORLD: Final = "world"
_SHARE = re.compile(r"(.*?)[\s=:]*(\d+(?:\.\d+)?)?\s*%?")


@dataclass(frozen=True, slots=True)
class Question:
    """One question.

    Attributes:
        key: what ``--answer`` calls it.
        text: as it is asked; empty: it is not asked, only taken from ``--answer``.
        unit: what a bare number is taken in.
        dimension: of a quantity with a unit; empty: something else.
    """

    key: str
    text: str
    unit: str = ""
    dimension: str = ""


QUESTIONS: Final[dict[str, Question]] = {
    question.key: question
    for question in (
        Question("name", "What is the clinic called"),
        Question("country", "Its country, as a three-letter code such as KEN"),
        Question("work", "What should the model do (`ecoaudit profiles list` shows all)"),
        Question("clinicians", "How many clinicians would use it on a working day"),
        Question("patients", "How many patients or cases has each of them on such a day"),
        Question("languages", "Which languages, such as en 60, Amharic 40 (empty: not stated)"),
        Question("hours", "How many hours a day is it open", "h", "time"),
        Question("days", "", "days"),
        Question("supply", "Where does the electricity come from, grid or solar"),
        Question(
            "power", "How many watts may the socket or the inverter carry for it", "W", "power"
        ),
        Question("energy", "How many kWh of electricity may it have in a day", "kWh", "energy"),
        Question("tariff", "", "USD/kWh", "energy price"),
        Question("budget", "How much may be spent at once, in USD", "USD", "money"),
        Question("data_may_leave", "May patients' words leave the site, yes or no"),
    )
}


def find_question(key: str) -> Question:
    """A question by its key.

    Raises:
        NotFoundError: there is none; the message names near ones.
    """
    if key not in QUESTIONS:
        raise NotFoundError(f"no question {key!r}; {did_you_mean(key, QUESTIONS)}")
    return QUESTIONS[key]


def default_of(question: Question, tier: Tier, answers: Mapping[str, str]) -> str:
    """What is taken where nobody answers: the tier's figure; empty: nothing is stated.

    Args:
        question: which one.
        tier: of the clinic.
        answers: to the questions before, or their defaults.
    """
    solar = answers.get("supply", tier.supply) == "solar"
    night = answers.get("work", tier.work) == "batch-night"
    return {
        "name": tier.name,
        "country": WORLD,
        "work": tier.work,
        "clinicians": tier.clinicians,
        "hours": "10 h" if night else tier.hours,
        "days": tier.days,
        "supply": tier.supply,
        "power": tier.power.value,
        "energy": tier.energy.value,
        "tariff": "0 USD/kWh" if solar else "0.161 USD/kWh",
        "budget": tier.budget.value,
        "data_may_leave": "no",
    }.get(question.key, "")


def read_answer(question: Question, text: str, language: Callable[[str], str]) -> str:
    """An answer as the profile has it.

    Args:
        question: which one.
        text: what was typed.
        language: the code of a language that is given by code or name; raises UsageError.

    Raises:
        UsageError: it is no answer; the message says what was expected.
    """
    typed = text.strip()
    if question.dimension:
        bare = re.fullmatch(r"[-+\d.,_]+", typed)
        return _quantity(question, f"{typed} {question.unit}" if bare else typed)
    if question.key in ("clinicians", "patients", "days"):
        return _number(question, typed)
    if question.key == "languages":
        return _languages(typed, language)
    if question.key == "work":
        known = available_profiles("workloads")
        if typed not in known:
            raise NotFoundError(f"work: no workload {typed!r}; {did_you_mean(typed, known)}")
    choices = {"supply": ("grid", "solar"), "data_may_leave": ("yes", "no")}.get(question.key)
    if choices is not None and typed.lower() not in choices:
        raise UsageError(f"{question.key}: expected {' or '.join(choices)}; got {text!r}")
    if question.key == "name" and not typed:
        raise UsageError("name: expected some text")
    return typed.lower() if choices is not None else typed


def _quantity(question: Question, typed: str) -> str:
    try:
        value = parse_quantity(typed, question.dimension)
    except UsageError as error:
        raise UsageError(f"{question.key}: {error}") from None
    most = 86400.0 if question.key == "hours" else math.inf
    if value < 0 or value > most or (value == 0 and question.key == "hours"):
        bounds = "more than 0 h and at most 24 h" if question.key == "hours" else "0 or more"
        raise UsageError(f"{question.key}: expected {bounds}; got {typed!r}")
    return typed


def _number(question: Question, typed: str) -> str:
    try:
        value = float(typed)
    except ValueError:
        value = math.nan
    most = 366 if question.key == "days" else 1e6
    if not 0 < value <= most:
        raise UsageError(
            f"{question.key}: expected a number over 0, of at most {most:g}; got {typed!r}"
        )
    return f"{value:g}"


def _languages(typed: str, language: Callable[[str], str]) -> str:
    """``en: 0.6, am: 0.4`` of ``English 60, Amharic 40``; equal shares where none is given."""
    parts: dict[str, float | None] = {}
    for part in re.split(r"[,;]", typed):
        match = _SHARE.fullmatch(part.strip())
        if match is None or not match[1]:
            if part.strip():
                raise UsageError(f"languages: expected such as en 60, am 40; got {part.strip()!r}")
            continue
        code = language(match[1])
        if code in parts:
            raise UsageError(f"languages: {code!r} stands there twice")
        parts[code] = None if match[2] is None else float(match[2])
    if not parts:
        return ""
    given = [share for share in parts.values() if share is not None]
    whole = math.fsum(given)
    if given and (
        len(given) < len(parts) or not any(abs(whole / all_ - 1) < 0.0011 for all_ in (1, 100))
    ):
        raise UsageError(f"languages: expected shares that sum to 100; got {typed!r}")
    if any(share == 0 for share in given):
        raise UsageError(f"languages: a share of 0 is none; got {typed!r}")
    shares = {
        code: round((1 / len(parts)) if share is None else share / whole, 4)
        for code, share in parts.items()
    }
    return ", ".join(f"{code}: {share:g}" for code, share in shares.items())
