"""Workload profiles: those that come along, conversations, and what is refused."""

from __future__ import annotations

import re
from dataclasses import replace
from pathlib import Path

import pytest

from ecoaudit.errors import ProfileError
from ecoaudit.estimate import Basis
from ecoaudit.scenario import (
    Lengths,
    Scenario,
    Workload,
    available_profiles,
    load_scenario,
    load_workload,
)

NAMES = sorted(available_profiles("workloads"))
PAGE = Path(__file__).parents[2] / "docs" / "workloads.md"
CHAT = """\
name: Test chat
prompt: {mean: 10, sd: 0}
output: {mean: 5, sd: 0}
system_prompt: 100
turns: 4
turns_sd: 2
prefix_cache: on
languages: {en: 0.6, quy: 0.3, swh_Latn: 0.1}
requests_per_clinician: 20
"""
SCENARIO = """\
name: Test
site: urban-clinic
workload:
  {workload}
demand: {{clinicians: 4, opening: 8 h, days_per_year: 250, peak_factor: 2}}
budget: 9000 USD
"""


def read(text: str, folder: Path) -> Workload:
    path = folder / "chat.yaml"
    path.write_text(text)
    return load_workload(path)


# -- those that come along ---------------------------------------------------------------------


def test_the_shipped_workloads() -> None:
    assert [
        *("ambient-note", "ambient-note-therapy", "batch-night", "coding", "note-summary"),
        *("patient-education", "peer-support-rewrite", "portal-message", "record-review-32k"),
        *("record-review-8k", "screening", "skills-chat"),
    ] == NAMES


@pytest.mark.parametrize("name", NAMES)
def test_a_shipped_workload_reads_and_its_figures_have_sources(name: str) -> None:
    work = load_workload(name)
    assert work.id == name
    assert work.unit != "request"
    figures = [work.system_prompt, work.requests_per_clinician, work.turns]
    figures += [end for part in (work.prompt, work.output) for end in (part.mean, part.sd)]
    figures += [end for end in (work.service.first_token, work.service.complete) if end]
    for figure in figures:
        assert figure.basis is Basis.DECLARED
        assert "declared in" not in figure.source
        assert len(figure.source) > 5
        if figure.source.startswith("assumed") and figure.unit != "s":
            assert figure.low != figure.high, figure.source


# Mean, and standard deviation where one is known; the data set is in the profile's source.
FROM_DATA: dict[str, tuple[tuple[float, float | None], tuple[float, float | None]]] = {
    "ambient-note": ((1554, 491), (618, 188)),  # ACI-Bench
    "batch-night": ((1554, 491), (618, 188)),
    "note-summary": ((2267, 914), (564, None)),  # MIMIC-IV-Ext-BHC
    "coding": ((2267, 914), (100, None)),
    "peer-support-rewrite": ((43, 30), (56, 82)),  # EPITOME
    "ambient-note-therapy": ((50 * 259, None), (700, None)),  # tokens a minute of PriMock57
    "screening": ((362 + (50 + 300) / 2, None), (100, None)),  # PHQ-8 with 50 to 300 of answers
    "skills-chat": ((21 + 4, 26), (22 + 4, 25)),  # AnnoMI with 4 tokens of chat marks
}


@pytest.mark.parametrize("name", sorted(FROM_DATA))
def test_lengths_are_within_a_twentieth_of_their_source(name: str) -> None:
    work = load_workload(name)
    for lengths, (mean, sd) in zip((work.prompt, work.output), FROM_DATA[name], strict=True):
        assert lengths.mean.number == pytest.approx(mean, rel=0.1 if name == "screening" else 0.05)
        if sd is not None:
            assert lengths.sd.number == pytest.approx(sd, rel=0.05)


def test_the_skills_chat_has_the_mean_prompt_of_the_conversations_that_it_follows() -> None:
    # AnnoMI, 133 conversations, therapist as assistant: 1,896 tokens a turn, 2,496 with 600
    chat = load_workload("skills-chat")
    without = replace(chat, system_prompt=chat.system_prompt * 0)
    assert without.prompt_tokens.number == pytest.approx(1896, rel=0.05)
    assert chat.prompt_tokens.number == pytest.approx(2496, rel=0.05)
    # whole conversations: 1,771 tokens of text, sd 1,719, and 4 of marks for each of 73 messages
    whole = chat.conversation
    assert whole.mean.number == pytest.approx(1771 + 4 * 2 * 36.5, rel=0.12)
    assert whole.sd.number / whole.mean.number == pytest.approx(1719 / 1771, rel=0.06)


def test_the_page_shows_the_lengths_of_the_profiles() -> None:
    rows = re.findall(
        r"^\| `([a-z0-9-]+)` \| ([\d,]+) \| ([\d,]+) \|", PAGE.read_text("utf-8"), re.MULTILINE
    )
    shown = {name: (sent.replace(",", ""), back.replace(",", "")) for name, sent, back in rows}
    assert shown == {
        name: (f"{work.prompt_tokens.number:.0f}", f"{work.output.mean.number:.0f}")
        for name, work in ((name, load_workload(name)) for name in NAMES)
    }


def test_the_example_of_the_page_reads(tmp_path: Path) -> None:
    (example,) = re.findall(
        r"^```yaml\n(.*?)^```$", PAGE.read_text("utf-8"), re.DOTALL | re.MULTILINE
    )
    work = read(example, tmp_path)
    assert (work.turns.value, work.prefix_cache) == (12, True)
    assert {code: share.value for code, share in work.languages.items()} == {
        "en": 0.6,
        "es": 0.3,
        "quy": 0.1,
    }


# -- conversations -----------------------------------------------------------------------------


def test_a_conversation_is_read(tmp_path: Path) -> None:
    work = read(CHAT, tmp_path)
    assert (work.turns.value, work.turns.unit, work.turns.source) == (
        *(4, "turns"),
        "declared in chat.yaml",
    )
    assert work.prefix_cache is True
    assert {code: share.value for code, share in work.languages.items()} == {
        "en": 0.6,
        "quy": 0.3,
        "swh_Latn": 0.1,
    }
    # (4 + 4/4 - 1) / 2 = 2 earlier turns of 15 tokens
    assert work.prompt_tokens.value == pytest.approx(100 + 10 + 2 * 15)


def test_without_these_keys_a_request_stands_alone(tmp_path: Path) -> None:
    work = load_workload("ambient-note")
    assert (work.turns.value, work.turns_sd, work.multi_turn) == (1, None, False)
    assert (work.prefix_cache, work.languages) == (False, {})
    assert work.prompt_tokens == work.prompt.mean + work.system_prompt


def test_a_scenario_takes_the_prompt_with_its_history(tmp_path: Path) -> None:
    path = tmp_path / "scenario.yaml"
    path.write_text(SCENARIO.format(workload=CHAT.replace("\n", "\n  ")))
    scenario = Scenario.load(str(path))
    assert scenario.prompt_tokens.value == pytest.approx(140)
    assert scenario.workload.id == "scenario-workload"


def test_more_turns_only_perhaps_widen_the_interval_only(tmp_path: Path) -> None:
    text = CHAT.replace("turns: 4", "turns: {value: 1, low: 1, high: 3}").replace("turns_sd: 2", "")
    prompt = read(text, tmp_path).prompt_tokens
    assert (prompt.value, prompt.low, prompt.high) == (110, 110, 125)  # up to one earlier turn


def test_a_whole_conversation_has_the_sum_of_its_messages_and_answers(tmp_path: Path) -> None:
    work = read(CHAT, tmp_path)
    assert work.conversation.mean.value == 60
    assert work.conversation.sd.value == pytest.approx(30)  # 2 turns of 15
    single = load_workload("ambient-note").conversation
    assert isinstance(single, Lengths)
    assert single.mean.value == 1554 + 618


@pytest.mark.parametrize(("text", "on"), [("on", True), ("off", False), ("'off'", False)])
def test_the_prefix_cache_is_on_or_off(text: str, on: bool, tmp_path: Path) -> None:
    work = read(CHAT.replace("prefix_cache: on", f"prefix_cache: {text}"), tmp_path)
    assert work.prefix_cache is on


def test_norwegian_is_a_language(tmp_path: Path) -> None:
    mix = "languages: {no: 0.333, se: 0.333, zh-Hans: 0.333}"  # thirds, as they are written
    work = read(re.sub("languages: .*", mix, CHAT), tmp_path)
    assert list(work.languages) == ["no", "se", "zh-Hans"]


@pytest.mark.parametrize(
    ("old", "new", "line", "said"),
    [
        ("turns: 4", "turns: 0", 5, "turns: expected at least 1 turns; got 0"),
        ("turns: 4", "turns: {value: 2, low: 0.5}", 5, "turns: expected at least 1 turns; got 0.5"),
        ("turns: 4", "turns: many", 5, "turns: expected a number of turns; got 'many'"),
        ("turns: 4", "turns: 100000", 5, "turns: expected at most 1000 turns"),
        ("turns: 4", "turn: 4", 5, "turn: unknown key; did you mean 'turns'"),
        ("turns: 4", "turns: 1", 6, "turns_sd: a single turn has no spread; give turns of more"),
        ("turns: 4\n", "", 5, "turns_sd: a single turn has no spread"),
        ("turns_sd: 2", "turns_sd: -2", 6, "turns_sd: expected at least 0 turns; got -2"),
        ("prefix_cache: on", "prefix_cache: maybe", 7, "prefix_cache: expected on or off; got 'm"),
        ("prefix_cache: on", "prefix_cache: 1", 7, "prefix_cache: expected on or off; got 1"),
        ("en: 0.6", "en: 0.5", 8, "languages: the shares of the languages sum to 0.9; expected 1"),
        ("en: 0.6", "en: 1.6", 8, "languages.en: expected at most 1; got 1.6"),
        ("en: 0.6", "en: 0", 8, "languages.en: expected more than 0; got 0"),
        ("en: 0.6", "en: 60 %", 8, "languages.en: expected a number; got '60 %'"),
        ("en: 0.6", "English: 0.6", 8, "languages: expected language codes such as en, quy"),
        ("{en: 0.6, quy: 0.3, swh_Latn: 0.1}", "[en]", 8, "languages: expected keys and values"),
        ("{en: 0.6, quy: 0.3, swh_Latn: 0.1}", "", 8, "languages: expected keys and values"),
        ("prompt: {mean: 10", "prompt: {mean: 0", 2, "prompt.mean: expected more than 0 tokens"),
    ],
)
def test_a_broken_workload_says_where_and_what(
    tmp_path: Path, old: str, new: str, line: int, said: str
) -> None:
    assert old in CHAT
    with pytest.raises(ProfileError) as caught:
        read(CHAT.replace(old, new, 1), tmp_path)
    message = str(caught.value)
    assert message.startswith(f"{tmp_path / 'chat.yaml'}:{line}: ")
    assert said in message
    assert "\n" not in message


def test_a_spread_of_one_turn_inside_a_scenario_is_told_with_its_line(tmp_path: Path) -> None:
    path = tmp_path / "scenario.yaml"
    chat = CHAT.replace("turns: 4", "turns: 1").replace("\n", "\n  ")
    path.write_text(SCENARIO.format(workload=chat))
    with pytest.raises(ProfileError, match=r"scenario\.yaml:9: workload\.turns_sd: a single turn"):
        load_scenario(path)
