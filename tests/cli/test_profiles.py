"""``ecoaudit profiles``."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from click.testing import CliRunner, Result

from ecoaudit.cli import cli
from ecoaudit.errors import NotFoundError, ProfileError, UsageError


@pytest.fixture(autouse=True)
def elsewhere(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)


def call(*arguments: str) -> Result:
    return CliRunner().invoke(cli, ["profiles", *arguments])


def test_list_names_every_kind() -> None:
    output = call("list").output
    assert "scenarios\n" in output
    assert "urban-clinic-summaries" in output
    listed = json.loads(call("list", "--json").output)
    assert set(listed) == {"sites", "workloads", "scenarios", "accounts"}
    assert "solar-rural-clinic" in listed["sites"]


def test_each_shipped_workload_is_listed_by_its_name_and_checked() -> None:
    output = call("list").output
    assert "  skills-chat                Skills chat\n" in output
    assert "  ambient-note-therapy       Ambient note, therapy session\n" in output
    names = json.loads(call("list", "--json").output)["workloads"]
    result = call("check", *names)
    assert result.exit_code == 0
    assert result.output.count(": ok, a workload\n") == len(names) == 12


def test_show_prints_the_file() -> None:
    assert "circuit_power:" in call("show", "urban-clinic").output
    assert isinstance(call("show", "urban-clinik").exception, NotFoundError)


def test_a_copied_scenario_is_whole_and_wins() -> None:
    result = call("copy", "urban-clinic-summaries")
    assert result.exit_code == 0
    names = sorted(str(path) for path in Path("profiles").rglob("*.yaml"))
    assert names == [
        "profiles/scenarios/urban-clinic-summaries.yaml",
        "profiles/sites/urban-clinic.yaml",
        "profiles/workloads/note-summary.yaml",
    ]
    site = Path("profiles/sites/urban-clinic.yaml")
    site.write_text(site.read_text("utf-8").replace("name: Urban clinic", "name: My clinic"))
    assert "name: My clinic" in call("show", "urban-clinic").output


def test_copy_never_overwrites_unasked() -> None:
    call("copy", "urban-clinic")
    error = call("copy", "urban-clinic").exception
    assert isinstance(error, UsageError)
    assert "--force" in str(error)
    assert call("copy", "urban-clinic", "--force").exit_code == 0


def test_check_names_file_line_and_key() -> None:
    call("copy", "urban-clinic-summaries")
    path = Path("profiles/scenarios/urban-clinic-summaries.yaml")
    assert "ok, a scenario" in call("check", str(path)).output
    path.write_text(path.read_text("utf-8").replace("budget:", "bugdet:"))
    error = call("check", str(path)).exception
    assert isinstance(error, ProfileError)
    assert str(error).startswith(f"{path}:")
    assert "did you mean 'budget'" in str(error)


def test_check_tells_the_kinds_apart_outside_their_folders() -> None:
    for name, kind in (("urban-clinic", "site"), ("screening", "workload")):
        text = call("show", name).output
        Path(f"my-{name}.yaml").write_text(text)
        assert f"ok, a {kind}" in call("check", f"my-{name}.yaml").output


@pytest.mark.parametrize(
    ("kind", "old", "new", "said"),
    [
        ("scenarios", "Qwen/Qwen3-8B", "Qwen/Qwen3-8C", "did you mean 'Qwen/Qwen3-8B' or"),
        ("scenarios", "NVIDIA L40S", "NVIDIA L40X", "hardware."),
        ("sites", "country: ", "country: X", "expected a three-letter country code"),
        ("sites", "country: ", "region: nowhere\ncountry: ", "region: region 'nowhere' of "),
    ],
)
def test_check_looks_names_up_in_the_tables(kind: str, old: str, new: str, said: str) -> None:
    call("copy", "district-hospital-notes")
    (path,) = Path("profiles", kind).glob("*.yaml")
    before, found, after = path.read_text("utf-8").partition(old)
    assert found
    path.write_text(before + new + after)
    line = before.count("\n") + 1
    for checked in (path, Path("profiles/scenarios/district-hospital-notes.yaml")):
        error = call("check", str(checked)).exception
        assert isinstance(error, ProfileError)
        assert str(error).startswith(f"{path}:{line}: ")
        assert said in str(error)


def test_what_a_profile_says_does_not_steer_the_terminal() -> None:
    call("copy", "urban-clinic")
    site = Path("profiles/sites/urban-clinic.yaml")
    text = site.read_text("utf-8").replace("name: Urban clinic", "name: \u202eUrban \x9b2J\x1b[m")
    site.write_text(text, "utf-8")
    for output in (call("list").output, call("show", "urban-clinic").output):
        assert r"\u202eUrban \x9b2J\x1b[m" in output
        assert not {"\u202e", "\x9b", "\x1b"} & set(output)
