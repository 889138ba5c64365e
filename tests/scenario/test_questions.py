"""Answers in the words of a clinic: what is read, and what is refused."""

from __future__ import annotations

import pytest

from ecoaudit.errors import NotFoundError, UsageError
from ecoaudit.scenario.questions import QUESTIONS, default_of, find_question, read_answer
from ecoaudit.scenario.tiers import TIERS

CODES = {"english": "en", "en": "en", "amharic": "am", "am": "am", "zh-hant": "zho_Hant"}


def language(text: str) -> str:
    if text.lower() not in CODES:
        raise NotFoundError(f"no language {text!r}")
    return CODES[text.lower()]


@pytest.mark.parametrize(
    ("key", "typed", "read"),
    [
        ("power", "400", "400 W"),
        ("power", "1.5 kW", "1.5 kW"),
        ("energy", "2", "2 kWh"),
        ("energy", "900 Wh", "900 Wh"),
        ("hours", "8", "8 h"),
        ("hours", "24 h", "24 h"),
        ("tariff", "0", "0 USD/kWh"),
        ("budget", "3000", "3000 USD"),
        ("budget", "0 USD", "0 USD"),
        ("clinicians", " 4 ", "4"),
        ("patients", "12.5", "12.5"),
        ("days", "366", "366"),
        ("supply", "Solar", "solar"),
        ("data_may_leave", "YES", "yes"),
        ("work", "screening", "screening"),
        ("name", " Hill: #1 ", "Hill: #1"),
        ("languages", "", ""),
        ("languages", "am", "am: 1"),
        ("languages", "en 60, am 40", "en: 0.6, am: 0.4"),
        ("languages", "English=60%; Amharic=40%", "en: 0.6, am: 0.4"),
        ("languages", "en: 0.25, am: 0.75", "en: 0.25, am: 0.75"),
        ("languages", "en, am", "en: 0.5, am: 0.5"),
        ("languages", "zh-Hant 100", "zho_Hant: 1"),
    ],
)
def test_answers_are_read_as_people_give_them(key: str, typed: str, read: str) -> None:
    assert read_answer(QUESTIONS[key], typed, language) == read


@pytest.mark.parametrize(
    ("key", "typed", "said"),
    [
        ("power", "400 kWh", "power: expected a power"),
        ("power", "-4", "power: expected 0 or more; got '-4 W'"),
        ("power", "lots", "power: expected a power"),
        ("energy", "nan", "energy: expected an energy"),
        ("hours", "25", "hours: expected more than 0 h and at most 24 h; got '25 h'"),
        ("hours", "0", "hours: expected more than 0 h"),
        ("budget", "3000 EUR", "budget: expected an amount of money"),
        ("clinicians", "0", "clinicians: expected a number over 0, of at most 1e+06; got '0'"),
        ("clinicians", "nan", "clinicians: expected a number over 0"),
        ("clinicians", "four", "clinicians: expected a number over 0"),
        ("days", "367", "days: expected a number over 0, of at most 366"),
        ("supply", "wind", "supply: expected grid or solar; got 'wind'"),
        ("data_may_leave", "", "data_may_leave: expected yes or no"),
        ("work", "screenin", "work: no workload 'screenin'; did you mean 'screening'?"),
        ("name", " ", "name: expected some text"),
        ("languages", "en 60, am 60", "languages: expected shares that sum to 100"),
        ("languages", "en 60, am", "languages: expected shares that sum to 100"),
        ("languages", "en 100, am 0", "languages: a share of 0 is none"),
        ("languages", "en, English", "languages: 'en' stands there twice"),
        ("languages", "Klingon", "no language 'Klingon'"),
        ("languages", "60", "languages: expected such as en 60, am 40; got '60'"),
    ],
)
def test_what_is_no_answer_is_refused(key: str, typed: str, said: str) -> None:
    with pytest.raises(UsageError) as caught:
        read_answer(QUESTIONS[key], typed, language)
    assert str(caught.value).startswith(said)


@pytest.mark.parametrize("tier", TIERS)
def test_what_is_usual_is_an_answer_itself(tier: str) -> None:
    said: dict[str, str] = {}
    for question in QUESTIONS.values():
        usual = default_of(question, TIERS[tier], said)
        said[question.key] = usual
        if usual:
            assert read_answer(question, usual, language) == usual
    assert [key for key, usual in said.items() if not usual] == ["patients", "languages"]


def test_what_is_usual_follows_earlier_answers() -> None:
    tier = TIERS["T2"]
    assert default_of(QUESTIONS["tariff"], tier, {"supply": "solar"}) == "0 USD/kWh"
    assert default_of(QUESTIONS["tariff"], tier, {"supply": "grid"}) == "0.161 USD/kWh"
    assert default_of(QUESTIONS["hours"], tier, {"work": "batch-night"}) == "10 h"
    assert default_of(QUESTIONS["hours"], tier, {}) == "9 h"


def test_an_unknown_question_names_near_ones() -> None:
    with pytest.raises(NotFoundError, match="no question 'clinician'; did you mean 'clinicians'"):
        find_question("clinician")
