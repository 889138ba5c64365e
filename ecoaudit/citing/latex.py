"""A paragraph, a table and a methods paragraph in plain LaTeX2e, for ``\\input`` in a paper.

No package is needed. What TeX's usual fonts do not hold stands as ``[U+4E00]``.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterator
from typing import Final

from ecoaudit.citing.base import BOTH
from ecoaudit.citing.facts import Facts
from ecoaudit.citing.prose import absences, lead, methods, shown
from ecoaudit.printable import printable

_SPECIAL: Final = {
    "\\": r"\textbackslash{}",
    "{": r"\{",
    "}": r"\}",
    "$": r"\$",
    "&": r"\&",
    "#": r"\#",
    "%": r"\%",
    "_": r"\_",
    "^": r"\textasciicircum{}",
    "~": r"\textasciitilde{}",
    "<": r"\textless{}",
    ">": r"\textgreater{}",
    "|": r"\textbar{}",
    '"': "{''}",
    "`": "{`}",
    "\0": "{}",  # put between hyphens: three in a row would be a dash
    "[": "{[}",  # after the end of a row it would be a length
    "]": "{]}",
    "*": "{*}",
    "ß": r"{\ss}",
    "æ": r"{\ae}",
    "Æ": r"{\AE}",
    "œ": r"{\oe}",
    "Œ": r"{\OE}",
    "ø": r"{\o}",
    "Ø": r"{\O}",
    "ł": r"{\l}",
    "Ł": r"{\L}",
    "ı": r"{\i}",
    "–": "--",
    "—": "---",
    "‘": "`",
    "’": "'",
    "“": "``",
    "”": "''",
    "…": r"\ldots{}",
    "×": r"$\times$",
    "±": r"$\pm$",
    "·": r"$\cdot$",
    "÷": r"$\div$",
    "−": "$-$",
    "µ": r"$\mu$",
    "μ": r"$\mu$",
    "°": r"$^{\circ}$",
    "²": "$^{2}$",
    "³": "$^{3}$",
    "₂": "$_{2}$",
    "≤": r"$\leq$",
    "≥": r"$\geq$",
    "→": r"$\rightarrow$",
    "§": r"\S{}",
    "\u00a0": "~",
}
_ACCENTS: Final = {
    "\u0300": "`",
    "\u0301": "'",
    "\u0302": "^",
    "\u0303": "~",
    "\u0304": "=",
    "\u0306": "u",
    "\u0307": ".",
    "\u0308": '"',
    "\u030a": "r",
    "\u030b": "H",
    "\u030c": "v",
    "\u0323": "d",
    "\u0327": "c",
    "\u0331": "b",
}
_CITATION: Final = """\
% @software{{ecoaudit,
%   title   = {{ecoaudit}},
%   author  = {{{{The ecoaudit developers}}}},
{version}%   license = {{Apache-2.0}},
% }}"""


class LatexCiter:
    """Writes LaTeX."""

    name = "latex"
    what = "a paragraph, a table and a methods paragraph for a paper"
    holds = BOTH
    instead = ""

    def render(self, facts: Facts) -> str:
        version = escape(facts.tool.removeprefix("ecoaudit").strip())
        told = f"%   version = {{{version}}},\n" if version else ""
        return "\n".join(
            [
                "% Written by `ecoaudit cite --as latex`; \\input it. It needs no package.",
                _CITATION.format(version=told),
                " ".join(map(escape, lead(facts))),
                "",
                *_table(facts),
                "",
                r"\paragraph{Methods.} " + " ".join(map(escape, methods(facts))),
                *_absent(facts),
                "",
            ]
        )


def _table(facts: Facts) -> Iterator[str]:
    caption = f"{facts.title}: figures with 80 % intervals and what they stand on."
    yield r"\begin{table}[tbp]"
    yield r"\centering\small"
    yield rf"\caption{{{escape(caption)}}}"
    yield r"\begin{tabular}{p{0.36\linewidth}p{0.26\linewidth}p{0.16\linewidth}l}"
    yield r"\hline"
    yield r"Quantity & Figure & 80 \% interval & Basis \\"
    yield r"\hline"
    for row in facts.rows:
        found = shown(row)
        label, figure, interval, basis = map(
            escape, (row.label, found.text, found.interval or "exact", found.basis)
        )
        yield rf"\raggedright {label} & \raggedright {figure} & {interval} & {basis} \\"
    yield r"\hline"
    yield r"\end{tabular}"
    yield r"\end{table}"


def _absent(facts: Facts) -> Iterator[str]:
    found = list(absences(facts))
    if found:
        yield ""
        yield r"\paragraph{Absent.} " + escape("; ".join(found) + ".")


def escape(text: str) -> str:
    """Text that TeX sets and never obeys."""
    plain = re.sub("-(?=-)", "-\0", unicodedata.normalize("NFC", printable(text)))
    set_ = "".join(map(_character, plain))
    set_ = re.sub(r"(?<=\d)e(-|\+)(\d+)", r"$\\times10^{\1\2}$", set_)
    return re.sub(r"CO2e", r"CO\\textsubscript{2}e", set_)


def _character(character: str) -> str:
    if character in _SPECIAL:
        return _SPECIAL[character]
    if " " <= character <= "~":
        return character
    base, marks = (apart := unicodedata.normalize("NFD", character))[0], apart[1:]
    if base.isascii() and base.isalpha() and marks in _ACCENTS:
        return rf"{{\{_ACCENTS[marks]}{{{base}}}}}"
    return f"{{[}}U+{ord(character):04X}{{]}}"
