"""Text from files, made safe to print: what would steer a terminal or turn a line is shown instead.

Left alone are the joiners and marks that some scripts need (U+200C to U+200F).
"""

from __future__ import annotations

import re
from typing import Final

_HIDDEN: Final = re.compile(
    "["
    "\x00-\x1f\x7f-\x9f"  # controls: ESC, CR, CSI ...
    "\u2028\u2029"  # line and paragraph separators
    "\u202a-\u202e\u2066-\u2069"  # overrides of the writing direction
    "\ufeff\ufff9-\ufffb\U000e0000-\U000e007f"  # marks and tags that nobody sees
    "\ud800-\udfff"  # half characters, which no terminal takes
    "]"
)


def printable(text: str, keep: str = "") -> str:
    r"""``text`` with hidden characters written out: ESC becomes ``\x1b``, a new line ``\n``.

    Args:
        text: any text.
        keep: characters to leave as they are, such as ``"\n"`` where lines are meant.
    """
    return _HIDDEN.sub(lambda found: found[0] if found[0] in keep else _written(found[0]), text)


def _written(character: str) -> str:
    return character.encode("unicode_escape").decode("ascii")
