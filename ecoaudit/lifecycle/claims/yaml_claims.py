"""Claims in a YAML file: ``title``, ``source`` and a list ``claims``; docs/claims.md has the keys.

Every fault names file, line and key.
"""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any, Final, Never

from ecoaudit.errors import ProfileError, UsageError, did_you_mean
from ecoaudit.formulas import Formula
from ecoaudit.lifecycle.claims.claim import BAND, THRESHOLD, TOLERANCE, Claim, ClaimFile, Input
from ecoaudit.lifecycle.claims.kinds import KINDS
from ecoaudit.lifecycle.claims.written import Written, parse_share, parse_written
from ecoaudit.scenario.yaml_file import Key, read_yaml

MOST_BYTES: Final = 200_000
MOST_INPUTS: Final = 100  # of one claim
_TOP: Final = ("title", "source", "status", "tolerance", "reason", "claims")
_TEXTS: Final = ("quantity", "kind", "status", "source", "note", "reason")
_CLAIM: Final = (
    *("id", "value", "unit", "check", "formula", "inputs", "tolerance"),
    *("named", "constant", "threshold", "band"),
    *_TEXTS,
)
_INPUT: Final = ("value", "unit", "source")
# Keys that only these checks have.
_OF_CHECK: Final = {
    "formula": ("formula",),
    "named": ("phases",),
    "constant": ("constant share",),
    "threshold": ("constant share",),
    "band": ("implied factor",),
}


def read_yaml_claims(path: Path) -> ClaimFile:
    """The claims of a YAML file.

    Raises:
        ProfileError: with the line and the key.
    """
    data, lines = read_yaml(path, most_bytes=MOST_BYTES, as_written=("value",))
    return _Reader(path, lines).file(data)


class _Reader:
    """Reads one file; raises with the line of the key that is wrong."""

    def __init__(self, path: Path, lines: Mapping[Key, int]):
        self.path = path
        self.lines = lines

    def fault(self, message: str, at: Key) -> Never:
        """Raise with the place; of a claim, its key is told from the claim on."""
        line = next((self.lines[at[:n]] for n in range(len(at), -1, -1) if at[:n] in self.lines), 1)
        raise ProfileError(message, path=self.path, line=line, key=".".join(map(str, at)))

    def file(self, data: dict[str, Any]) -> ClaimFile:
        self.known_keys(data, _TOP, ())
        rows = data.get("claims")
        if not isinstance(rows, list) or not rows:
            self.fault("expected a list of claims, each beginning with '- id: NAME'", ("claims",))
        defaults = {
            "source": self.text(data, "source", ()),
            "status": self.text(data, "status", ()),
            "reason": self.text(data, "reason", ()),
        }
        tolerance = self.share(data, "tolerance", (), TOLERANCE)
        claims = []
        seen: dict[str, int] = {}
        for place, row in enumerate(rows):
            claim = self.claim(row, ("claims", place), defaults, tolerance)
            if claim.id in seen:
                first = f"this id stands in line {seen[claim.id]} already"
                self.fault(first, ("claims", place, "id"))
            seen[claim.id] = claim.line
            claims.append(claim)
        title = self.text(data, "title", ())
        return ClaimFile(self.path, title, defaults["source"], tuple(claims))

    def claim(self, row: Any, at: Key, defaults: Mapping[str, str], tolerance: float) -> Claim:
        if not isinstance(row, dict):
            self.fault("expected a claim with keys such as id, value and inputs", at)
        self.known_keys(row, _CLAIM, at)
        id_ = self.text(row, "id", at)
        if not id_:
            self.fault("expected a short name of its own for the claim", (*at, "id"))
        check = self.text(row, "check", at) or "formula"
        if check not in KINDS:
            self.fault(f"no check {check!r}; {did_you_mean(check, KINDS)}", (*at, "check"))
        for key, checks in _OF_CHECK.items():
            if row.get(key) is not None and check not in checks:
                self.fault(f"is for `check: {checks[0]}` alone; this is {check!r}", (*at, key))
        texts = {key: self.text(row, key, at) or defaults.get(key, "") for key in _TEXTS}
        if row.get("tolerance") is not None and not row.get("reason"):
            texts["reason"] = ""  # the file's is for its own tolerance
        published, unread = self.published(row, at)
        return Claim(
            id=id_,
            line=self.lines.get(at, 1),
            published=published,
            inputs=self.inputs(row.get("inputs"), (*at, "inputs")),
            check=check,
            formula=self.formula(row, at),
            tolerance=self.share(row, "tolerance", at, tolerance),
            named=self.names(row, "named", at),
            constant=self.names(row, "constant", at),
            threshold=self.share(row, "threshold", at, THRESHOLD),
            band=self.band(row, at),
            fault=unread,
            **texts,
        )

    def known_keys(self, data: Mapping[str, Any], known: tuple[str, ...], at: Key) -> None:
        for key in data:
            if key not in known:
                self.fault(f"no such key here; {did_you_mean(key, known)}", (*at, key))

    def text(self, data: Mapping[str, Any], key: str, at: Key) -> str:
        value = data.get(key)
        if value is None:
            return ""
        if isinstance(value, dict | list):
            self.fault("expected words", (*at, key))
        return " ".join(str(value).split())

    def share(self, data: Mapping[str, Any], key: str, at: Key, default: float) -> float:
        if data.get(key) is None:
            return default
        try:
            return parse_share(data[key])
        except UsageError as error:
            self.fault(str(error), (*at, key))

    def published(self, row: Mapping[str, Any], at: Key) -> tuple[Written | None, str]:
        """The claim's figure; or, where words or no quantity stand there, why it has none."""
        raw = row.get("value")
        if isinstance(raw, str):
            try:
                parse_written(raw)
            except UsageError as error:
                line = self.lines.get((*at, "value"), 1)
                return None, f"line {line}: value: {error}"
        return self.number(row, at), ""

    def number(self, data: Mapping[str, Any], at: Key) -> Written | None:
        """``value``, with its unit in it or in ``unit``; None where it was left blank."""
        if data.get("value") is None:
            return None
        try:
            return parse_written(data["value"], self.text(data, "unit", at))
        except UsageError as error:
            self.fault(str(error), (*at, "value"))

    def formula(self, row: Mapping[str, Any], at: Key) -> Formula | None:
        text = row.get("formula")
        if text is None:
            return None
        try:
            return Formula.parse(str(text))
        except UsageError as error:
            self.fault(str(error), (*at, "formula"))

    def inputs(self, data: Any, at: Key) -> tuple[Input, ...]:
        if data is None:
            return ()
        if not isinstance(data, dict):
            self.fault("expected names with their numbers, such as 'power_W: 700'", at)
        if len(data) > MOST_INPUTS:
            self.fault(f"{len(data)} inputs, and {MOST_INPUTS} at most can be checked", at)
        return tuple(self.input(name, value, (*at, name)) for name, value in data.items())

    def input(self, name: str, value: Any, at: Key) -> Input:
        if isinstance(value, dict):
            self.known_keys(value, _INPUT, at)
            number, beside = self.number(value, at), self.text(value, "unit", at)
            unit = beside if number is None else number.unit
            return Input(name, number, unit, source=self.text(value, "source", at))
        try:
            number = None if value is None else parse_written(value)
            return Input(name, number, "" if number is None else number.unit)
        except UsageError as error:
            self.fault(str(error), at)

    def names(self, row: Mapping[str, Any], key: str, at: Key) -> tuple[str, ...]:
        value = row.get(key)
        if value is None:
            return ()
        if not isinstance(value, list) or any(isinstance(each, dict | list) for each in value):
            self.fault("expected a list of names", (*at, key))
        return tuple(map(str, value))

    def band(self, row: Mapping[str, Any], at: Key) -> tuple[float, float]:
        value = row.get("band")
        if value is None:
            return BAND
        try:
            lowest, highest = (parse_written(each).value for each in value)
        except (TypeError, ValueError, UsageError):
            lowest, highest = 1.0, 0.0
        if not 0 <= lowest < highest:
            self.fault("expected two numbers in kg/kWh, such as [0.01, 1.5]", (*at, "band"))
        return lowest, highest
