"""Reads a YAML file of keys and values, with the line of each; nothing in it can hang or surprise.

YAML 1.1 takes ``010`` for 8, ``1:30`` for 90 and ``0x1F`` for 31: here a number is decimal, and
what is not stays the text that it was. A key is the text that stands there: ``no`` is Norwegian.
"""

from __future__ import annotations

import re
from collections.abc import Collection
from functools import cache
from pathlib import Path
from typing import Any, Final

from ecoaudit.errors import ProfileError

Key = tuple[str | int, ...]

MOST_BYTES: Final = 50_000  # a profile with all its sources has 6,000
DEEPEST: Final = 20  # a profile has five levels
MOST_VALUES: Final = 20_000  # aliases of aliases grow without end
_DECIMAL: Final = re.compile(
    r"[-+]?(0|[1-9][\d_]*)(\.[\d_]*)?([eE][-+]?\d+)?|[-+]?\.\d[\d_]*([eE][-+]?\d+)?"
)
_NOT_FINITE: Final = re.compile(r"[-+]?\.(inf|Inf|INF)|\.(nan|NaN|NAN)")
_NESTED: Final = "nested too deeply, or an alias of itself"


def read_yaml(
    path: Path, *, most_bytes: int = MOST_BYTES, as_written: Collection[str] = ()
) -> tuple[dict[str, Any], dict[Key, int]]:
    """The mapping in a YAML file, and the line of every key and item.

    Args:
        path: of the file.
        most_bytes: that the file may have.
        as_written: keys whose numbers stay the text that was written, with all its digits.

    Raises:
        ProfileError: it cannot be read, is no YAML, or holds no keys and values; with the line
            where there is one.
    """
    text = _text(path, most_bytes)
    import yaml

    try:
        loader = _loader()(text)
    except yaml.reader.ReaderError as error:
        line = text.count("\n", 0, error.position) + 1
        what = f"the character {chr(error.character)!r}" if isinstance(error.character, int) else ""
        raise ProfileError(f"not YAML ({what} may not stand in it)", path=path, line=line) from None
    try:
        node = loader.get_single_node()
    except yaml.MarkedYAMLError as error:
        mark = error.problem_mark or error.context_mark
        at = None if mark is None else mark.line + 1
        raise ProfileError(f"not YAML ({error.problem})", path=path, line=at) from None
    except RecursionError:
        raise ProfileError(_NESTED, path=path) from None
    finally:
        loader.dispose()
    tree = _Tree(path, loader, as_written)
    data = None if node is None else tree.plain(node, ())
    if not isinstance(data, dict):
        raise ProfileError("expected keys and values, one per line", path=path, line=1)
    return data, tree.lines


def _text(path: Path, most_bytes: int) -> str:
    try:
        with path.open("rb") as file:
            raw = file.read(most_bytes + 1)
    except OSError as error:
        raise ProfileError(f"cannot be read ({error.strerror})", path=path) from None
    if len(raw) > most_bytes:
        what = ", which no profile has" if most_bytes == MOST_BYTES else ""
        raise ProfileError(f"more than {most_bytes:,} bytes{what}", path=path)
    try:
        text = raw.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        line = raw.count(b"\n", 0, error.start) + 1
        raise ProfileError(
            f"not UTF-8 at byte {error.start}; save the file as UTF-8", path=path, line=line
        ) from None
    return text.replace("\r\n", "\n")


@cache
def _loader() -> Any:
    """PyYAML's safe loader, which stops at a depth that no profile has."""
    import yaml

    class Loader(yaml.SafeLoader):
        depth = 0

        def compose_node(self, parent: Any, index: Any) -> Any:
            self.depth += 1
            if self.depth > DEEPEST:
                reader: Any = self
                mark = reader.peek_event().start_mark
                raise yaml.composer.ComposerError(None, None, _NESTED, mark)
            try:
                return super().compose_node(parent, index)
            finally:
                self.depth -= 1

    return Loader


class _Tree:
    """Plain data of a tree of nodes.

    Attributes:
        lines: of each key and item.
    """

    def __init__(self, path: Path, loader: Any, as_written: Collection[str] = ()):
        self.lines: dict[Key, int] = {}
        self._path = path
        self._loader = loader
        self._as_written = as_written
        self._values = 0

    def plain(self, node: Any, at: Key) -> Any:
        import yaml

        line = node.start_mark.line + 1
        self.lines.setdefault(at, line)
        self._values += 1
        if len(at) > DEEPEST:
            raise self._fault(_NESTED, line)
        if self._values > MOST_VALUES:
            raise self._fault(f"more than {MOST_VALUES:,} values, with all aliases", line)
        if isinstance(node, yaml.MappingNode):
            return self._mapping(node, at)
        if isinstance(node, yaml.SequenceNode):
            return [self.plain(item, (*at, place)) for place, item in enumerate(node.value)]
        return self._scalar(node, at)

    def _mapping(self, node: Any, at: Key) -> dict[str, Any]:
        import yaml

        result: dict[str, Any] = {}
        for key_node, value_node in node.value:
            line = key_node.start_mark.line + 1
            if not isinstance(key_node, yaml.ScalarNode):
                raise self._fault("expected a word as a key", line)
            key = str(key_node.value)
            if key in result:
                raise self._fault("this key stands twice", line, (*at, key))
            self.lines[(*at, key)] = line
            result[key] = self.plain(value_node, (*at, key))
        return result

    def _scalar(self, node: Any, at: Key) -> Any:
        number = node.tag in ("tag:yaml.org,2002:int", "tag:yaml.org,2002:float")
        text = str(node.value)
        if number and not _DECIMAL.fullmatch(text) and not _NOT_FINITE.fullmatch(text):
            return text
        if number and at and at[-1] in self._as_written:
            return text
        try:
            return self._loader.construct_object(node)
        except Exception:  # PyYAML lets through whatever int(), date() and its tables raise
            kind = node.tag.rpartition(":")[2]
            shown = text if len(text) <= 40 else f"{text[:40]}..."
            fault = self._fault(f"cannot be read as {kind}; got {shown!r}", 0, at)
            raise fault from None

    def _fault(self, message: str, line: int, at: Key = ()) -> ProfileError:
        key = ".".join(map(str, at))
        return ProfileError(message, path=self._path, line=line or self.lines.get(at), key=key)
