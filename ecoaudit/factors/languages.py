"""Languages: how many more tokens the same text takes than in English.

The table holds counts: tokens of the 997 parallel sentences of FLORES-200 dev in 204 languages, by
eight tokenizers. A premium is the count of a language over that of English. It is of that text,
from news, guides and encyclopedias: counts of the Universal Declaration of Human Rights differ from
it by up to 40 % for some languages. It says nothing of energy: answers differ in more than length.
"""

from __future__ import annotations

import math
import re
from collections.abc import Mapping
from dataclasses import dataclass
from difflib import get_close_matches
from functools import cache
from pathlib import Path
from typing import Final

from ecoaudit.errors import NotFoundError, did_you_mean
from ecoaudit.estimate import Basis, Estimate
from ecoaudit.factors.table import FOLDER, TEXT, Column, Fact, Row, read_table
from ecoaudit.factors.tokenizers import COUNTED, Tokenizer, counted

ENGLISH: Final = "eng_Latn"
COLUMNS: Final[dict[str, Column]] = {
    "name": Column(required=True),
    "flores": Column(required=True),
    "codes": Column(required=True),
    "script": Column(required=True),
    "usual_script": Column(required=True, choices=("yes", "no")),
    **{column: Column(unit="tokens", required=True) for column in COUNTED},
    "source": TEXT,
}
# Language, script and region of BCP 47 (RFC 5646); no table knows the other parts of a tag.
_TAG: Final = re.compile(r"([a-z]{2,3})(?:-([a-z]{4}))?(?:-(?:[a-z]{2}|[0-9]{3}))?")
_NEXT: Final = "Take a language like it, or leave languages out and set the lengths for yours"


@dataclass(frozen=True, slots=True)
class Language:
    """One language in one script.

    Attributes:
        name: for people.
        flores: its code in FLORES-200: ISO 639-3 and ISO 15924.
        codes: other codes for it, the one of BCP 47 first; without script.
        script: ISO 15924.
        usual_script: whether the script is what a code without one means: that of the likely
            subtags of the Unicode CLDR.
        tokens: of the 997 sentences, by column of the tokenizer.
    """

    name: str
    flores: str
    codes: tuple[str, ...]
    script: str
    usual_script: bool
    tokens: Mapping[str, Fact]

    @property
    def tag(self) -> str:
        """Its code as a profile may write it, with the script: ``zh-Hans``."""
        return f"{self.codes[0].partition('-')[0]}-{self.script}"


def token_premium(language: str, tokenizer: Tokenizer | str) -> Estimate:
    """Tokens in a language over tokens in English, for the same text.

    Exact for a counted tokenizer. Where several stand for one that was not counted: their geometric
    mean, between the lowest and the highest.

    Args:
        language: its code; see :func:`find_language`.
        tokenizer: as :func:`~ecoaudit.factors.tokenizers.tokenizer_of` finds it, or a column.

    Raises:
        NotFoundError: the language or the column is not in the table.
    """
    return token_ratio(language, ENGLISH, tokenizer)


def token_ratio(language: str, other: str, tokenizer: Tokenizer | str) -> Estimate:
    """Tokens in a language over tokens in another, for the same text.

    Of each tokenizer that stands for the model's, so that what the two languages have in common
    does not widen the interval; else as :func:`token_premium`.
    """
    meant = counted(tokenizer) if isinstance(tokenizer, str) else tokenizer
    spoken, base = find_language(language), find_language(other)
    ratios = [spoken.tokens[name].value / base.tokens[name].value for name in meant.columns]
    fact = spoken.tokens[meant.columns[0]]
    source = f"{fact.source} ({spoken.name}) over {base.flores}; tokenizer {meant.name}"
    low, high = min(ratios), max(ratios)
    if low == high:
        return Estimate.exact(low, "", Basis.CONSTANT, source)
    middle = math.exp(math.fsum(map(math.log, ratios)) / len(ratios))
    return Estimate(min(max(middle, low), high), low, high, "", Basis.MODELLED, source)


def find_language(code: str) -> Language:
    """A language by its code.

    Args:
        code: of BCP 47 (``en``, ``pt-BR``, ``zh-Hant``), of ISO 639-3 (``swh``) or of FLORES-200
            (``swh_Latn``). A region is not looked at, unless it names a row (``zh-TW``, ``fa-AF``).

    Raises:
        NotFoundError: it is not in the table, or not in that script; the message names near ones.
    """
    table = languages()
    wanted = code.replace("_", "-").lower()
    found = [each for each in table.values() if wanted in _names(each)]
    if found:
        return found[0]
    match = _TAG.fullmatch(wanted)
    spoken, script = match.groups() if match else (wanted, None)
    rows = [each for each in table.values() if spoken in each.codes]
    if not rows:
        near = did_you_mean(spoken, {each.codes[0] for each in table.values()})
        raise NotFoundError(f"no language {code!r} among those of FLORES-200; {near} {_NEXT}")
    for each in rows:
        if each.usual_script if script is None else script == each.script.lower():
            return each
    choices = " or ".join(each.tag for each in rows)
    raise NotFoundError(f"language {code!r}: only {choices} was counted; name the script")


def language_named(text: str) -> Language:
    """A language by its code or by its English name, whole or a word of it that only it has.

    Raises:
        NotFoundError: none, or more than one; the message lists them with their codes.
    """
    table = languages().values()
    wanted = text.strip().casefold()
    for named in (
        [each for each in table if each.name.casefold() in (wanted, f"standard {wanted}")],
        [each for each in table if wanted in re.findall(r"[\w']+", each.name.casefold())],
    ):
        if len(named) == 1:
            return named[0]
        if named:
            choices = ", ".join(f"{each.tag} ({each.name})" for each in named)
            raise NotFoundError(f"language {text!r} could be {choices}; name one by its code")
    try:
        return find_language(text.strip())
    except NotFoundError:
        names = {each.name.casefold(): each for each in table}
        near = get_close_matches(wanted, names, n=3, cutoff=0.75)
        if len(wanted) <= 3 or not near:
            raise
        choices = " or ".join(f"{names[name].name!r} ({names[name].tag})" for name in near)
        raise NotFoundError(f"no language {text!r}; did you mean {choices}?") from None


@cache
def languages() -> dict[str, Language]:
    """All languages by their FLORES-200 code, in the order of the table."""
    return {each.flores: each for each in read_languages(FOLDER / "languages.csv")}


def read_languages(path: Path) -> list[Language]:
    """Read a table of languages. Raises as :func:`ecoaudit.factors.table.read_table`."""
    return [_language(row) for row in read_table(path, COLUMNS)]


def _language(row: Row) -> Language:
    words = row.words
    return Language(
        name=words["name"],
        flores=words["flores"],
        codes=tuple(words["codes"].split()),
        script=words["script"],
        usual_script=words["usual_script"] == "yes",
        tokens=row.facts,
    )


def _names(language: Language) -> set[str]:
    """What means this language and no other, in lower case."""
    with_part = {code.lower() for code in language.codes if "-" in code}
    usual = set(language.codes) if language.usual_script else set()
    return {language.flores.replace("_", "-").lower(), *with_part, *usual}
