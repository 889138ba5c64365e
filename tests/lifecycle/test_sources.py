"""What an account is made from, what a ledger's file is refused for, and where one is written."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from ecoaudit.errors import FileFormatError, UsageError
from ecoaudit.ledger import load_ledger
from ecoaudit.lifecycle.sources import check_output, is_finished
from tests.standins.ledgers import UNIT, a_ledger

Edit = Callable[[dict[str, Any]], None]


def _other_scope(data: dict[str, Any]) -> None:
    data["lines"][1]["scope"] = "3.3"


def _other_stage(data: dict[str, Any]) -> None:
    data["lines"][1]["stage"] = "serving-idle"


def _swapped(data: dict[str, Any]) -> None:
    stages = data["by_stage"]
    stages["serving-active"], stages["serving-idle"] = (
        stages["serving-idle"],
        stages["serving-active"],
    )


def _no_stage(data: dict[str, Any]) -> None:
    del data["by_stage"]["end-of-life"]


def _strange_owner(data: dict[str, Any]) -> None:
    data["by_owner"]["supplier"] = data["by_owner"]["clinic"]


def _known_end(data: dict[str, Any]) -> None:
    data["by_stage"]["end-of-life"] = {**data["by_stage"]["serving-idle"]} | dict.fromkeys(
        ("value", "low", "high"), 0.0
    )


def _more_units(data: dict[str, Any]) -> None:
    unit = data["per_unit"][UNIT]
    for end in ("value", "low", "high"):
        unit["units"][end] *= 2
        unit["quantity"][end] /= 2


def _no_units(data: dict[str, Any]) -> None:
    ends: dict[str, Any] = {"value": None, "low": None, "high": None, "basis": "absent"}
    data["per_unit"][UNIT]["units"] |= ends


@pytest.mark.parametrize(
    ("edit", "said"),
    [
        (_other_scope, "by_scope: lacks '3.3', which lines have"),
        (_other_stage, "by_stage.serving-active: is of no line"),
        (_swapped, "by_stage.serving-active: is not the sum of its lines"),
        (_no_stage, "by_stage: lacks 'end-of-life', which lines have"),
        (_strange_owner, "by_owner.supplier: is of no line"),
        (_known_end, "by_stage.end-of-life: is absent where its lines are known, or"),
        (_more_units, f"per_unit.{UNIT}.units: 80000.0 does not follow from its formula"),
        (_no_units, f"per_unit.{UNIT}.quantity: is known where its units or the total are not"),
    ],
)
def test_an_edited_ledger_is_refused_with_the_place(edit: Edit, said: str, tmp_path: Path) -> None:
    place = a_ledger().save(tmp_path / "ledger.json")
    assert load_ledger(place).lines == a_ledger().lines
    data = json.loads(place.read_text("utf-8"))
    edit(data)
    place.write_text(json.dumps(data), "utf-8")
    with pytest.raises(FileFormatError) as raised:
        load_ledger(place)
    assert f"{place}: {said}" in str(raised.value)


def test_a_ledger_is_finished_and_a_profile_is_not(tmp_path: Path) -> None:
    assert is_finished(str(a_ledger().save(tmp_path / "ledger.json")))
    (tmp_path / "plan.json").write_text('{"schema": "ecoaudit.plan/1"}')
    assert not is_finished(str(tmp_path / "plan.json"))
    assert not is_finished("bloom-training")


def test_a_ledger_is_not_written_over_what_the_user_wrote(tmp_path: Path) -> None:
    account, other = tmp_path / "account.yaml", tmp_path / "other.YML"
    for place in (account, other):
        place.write_text("id: a\n")
    link = tmp_path / "link.json"
    link.symlink_to(account)
    for place, said in (
        (account, "is the account's own source"),
        (link, "is the account's own source"),
        (other, "is a YAML file, which JSON would replace"),
    ):
        with pytest.raises(UsageError, match=said):
            check_output(str(place), [str(account)])
    (tmp_path / "old.json").write_text("{}")
    check_output(str(tmp_path / "old.json"), [str(account), "bloom-training"])
    check_output(str(tmp_path / "new.yaml"), [str(account)])
