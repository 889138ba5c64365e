"""Windows of a run nest: within a thread, and within an async task and those that it starts.

Python hands what is open on to tasks, but not to threads: a thread begins a path of its own.
"""

from __future__ import annotations

from collections.abc import Mapping
from contextvars import ContextVar
from types import MappingProxyType
from typing import TYPE_CHECKING

from ecoaudit.recording import Window

if TYPE_CHECKING:
    from ecoaudit.recorder import Recorder

_NONE: Mapping[Recorder, Window] = MappingProxyType({})
# The innermost block's window of each recorder.
_current: ContextVar[Mapping[Recorder, Window]] = ContextVar("ecoaudit_windows", default=_NONE)


class Within:
    """A window round a ``with`` block; a class because a generator costs twice the time."""

    __slots__ = ("_name", "_recorder", "_token", "_window")

    def __init__(self, recorder: Recorder, name: str):
        self._recorder = recorder
        self._name = name

    def __enter__(self) -> Window:
        self._window = self._recorder.open_window(self._name)
        self._token = _current.set({**_current.get(), self._recorder: self._window})
        return self._window

    def __exit__(self, *raised: object) -> None:
        _current.reset(self._token)
        self._recorder.close_window(self._window)


def nested_path(recorder: Recorder, name: str) -> str:
    """The path of a window that opens here and now: inside the one whose block this is."""
    outer = _current.get().get(recorder)
    return name if outer is None or outer.end_s is not None else f"{outer.path}/{name}"
