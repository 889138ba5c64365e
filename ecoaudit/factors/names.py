"""Finds a row by a name that is written a little differently."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from difflib import get_close_matches

from ecoaudit.errors import NotFoundError, did_you_mean

_MAKERS = {"nvidia", "amd", "apple", "geforce", "instinct", "radeon", "tesla", "generation"}
# Words that name another product: nobody leaves them out and means the same.
_VARIANTS = {"ti", "super", "ultra", "pro", "max", "ada", "nvl", "mini", "small", "distill", "q"}
_NOISE = _MAKERS | {"edition", "gpu", "graphics", "the"}


def words_of(name: str) -> frozenset[str]:
    """The telling words of a name: no case, no maker, ``16 GB`` as one word."""
    return frozenset(_words(name))


def _words(name: str) -> list[str]:
    text = name.lower()
    text = re.sub(r"(\d)\s*gib?b?\b", r"\1gb", text)
    text = re.sub(r"\b(rtx|gtx|rx)(?=\d)", r"\1 ", text)
    text = re.sub(r"(\d)(ti|super)\b", r"\1 \2", text)
    words = re.findall(r"[a-z0-9.+]+", text)
    return [word for word in words if word not in _NOISE]


def find(name: str, known: Mapping[str, Iterable[str]], kind: str) -> str:
    """The known name that ``name`` means.

    Tried in turn, each time wanting exactly one answer: the same words; all words of ``name``
    among those of a known name; each word of ``name`` the beginning of one (``SXM``, ``SXM5``).
    A known name with a word that makes it another product (``Ti``, ``Max``) is not taken for the
    one without.

    Args:
        name: what was typed, or what a driver reports.
        known: known names, each with its other names.
        kind: what is looked for, for the message: ``device``, ``model``.

    Raises:
        NotFoundError: none, or more than one; the message lists near names.
    """
    wanted = words_of(name)
    table = {key: [words_of(other) for other in (key, *others)] for key, others in known.items()}
    for matches in (_same, _among, _beginning):
        found = [key for key, forms in table.items() if any(matches(wanted, f) for f in forms)]
        if len(found) == 1 and wanted:
            return found[0]
        if len(found) > 1 and wanted:
            raise NotFoundError(f"{kind} {name!r} could be {', '.join(map(repr, found))}; name one")
    raise NotFoundError(f"no {kind} {name!r} in the table; {_hint(name, wanted, table)}")


def _hint(name: str, wanted: frozenset[str], table: Mapping[str, list[frozenset[str]]]) -> str:
    shared = {key: max(len(wanted & form) for form in forms) for key, forms in table.items()}
    most = max(shared.values(), default=0)
    near = [key for key, count in shared.items() if count == most]
    if most == 0 or len(near) > 4:
        bare = {" ".join(_words(key)): key for key in table}
        alike = get_close_matches(" ".join(_words(name)), bare, n=3, cutoff=0.7)
        if not alike:
            return did_you_mean(name, table)
        near = [bare[words] for words in alike]
    return "did you mean " + " or ".join(map(repr, near)) + "?"


def _same(wanted: frozenset[str], form: frozenset[str]) -> bool:
    return wanted == form


def _among(wanted: frozenset[str], form: frozenset[str]) -> bool:
    return wanted <= form and not (form - wanted) & _VARIANTS


def _beginning(wanted: frozenset[str], form: frozenset[str]) -> bool:
    extra = {word for word in form if not any(word.startswith(want) for want in wanted)}
    begun = all(any(word.startswith(want) for word in form) for want in wanted)
    return begun and not extra & _VARIANTS
