"""Flags of vLLM's server that are handed on as they are, but for those that ecoaudit sets."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

from ecoaudit.errors import UsageError

_OURS: Final = {
    "--model": "give it as --model before the --",
    "--served-model-name": "give it as --served-name before the --",
    "--max-model-len": "give it before the --",
    "--load-format": "random weights are --weights random before the --",
    "--host": "the server listens on this machine only",
    "--port": "give it before the --",
    "--uds": "the server listens on a port of this machine",
    "--api-key": "the server listens on this machine only, and needs none",
    "--disable-log-stats": "its counters and times are read",
}


def checked(flags: Sequence[str]) -> list[str]:
    """The flags, if all of them can be handed on.

    Raises:
        UsageError: one that ecoaudit sets itself, by its name or the beginning of it, or a first
            word that is no flag.
    """
    if flags and not flags[0].startswith("-"):
        raise UsageError(
            f"after the -- come flags of the engine, such as --dtype; got {flags[0]!r}"
        )
    for word in flags:
        name = _name(word)
        if not name.startswith("--"):
            continue
        for own, why in _OURS.items():
            if own.startswith(name):
                raise UsageError(f"{name} is set by ecoaudit: {why}")
    return list(flags)


def value_of(flag: str, command: Sequence[str]) -> str | None:
    """What a command gives for a flag, the last time it does; None where it does not."""
    found = None
    for place, word in enumerate(command):
        if _name(word) == flag:
            after = command[place + 1] if place + 1 < len(command) else None
            found = word.partition("=")[2] if "=" in word else after
    return found


def _name(word: str) -> str:
    """A flag as vLLM reads it: with dashes, without its value."""
    return word.partition("=")[0].replace("_", "-")
