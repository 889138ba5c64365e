"""Every error that ecoaudit raises on purpose.

::

    EcoauditError               exit code 1: the thing failed
     +-- UsageError             exit code 2: what the user typed or wrote cannot be used
     |    +-- ProfileError      a site, workload or scenario file; carries file, line and key
     |    +-- FileFormatError   a run, plan or trace file that does not hold what it should
     |    +-- NotFoundError     a name (model, device, grid zone, profile) that no table holds
     +-- MissingValueError      a figure was asked for that was never measured
     +-- MeterError             a meter failed while reading
     |    +-- MeterUnavailableError   a meter cannot be used on this machine
     +-- EngineError            an inference engine failed to start, answer or stop

Each message is one sentence that says what happened and what to do next.
The command line turns these into exit codes in one place (``ecoaudit.cli``).
"""

from __future__ import annotations

from collections.abc import Iterable
from difflib import get_close_matches
from pathlib import Path


class EcoauditError(Exception):
    """Base of all errors raised on purpose. ``exit_code`` is what the command line returns."""

    exit_code = 1


class UsageError(EcoauditError):
    """What the user typed or wrote cannot be used."""

    exit_code = 2


class ProfileError(UsageError):
    """A profile cannot be used. Prints as ``FILE:LINE: key: what was expected``."""

    def __init__(self, message: str, *, path: Path | str, line: int | None = None, key: str = ""):
        self.path = Path(path)
        self.line = line
        self.key = key
        place = str(path) if line is None else f"{path}:{line}"
        super().__init__(f"{place}: {key}: {message}" if key else f"{place}: {message}")


class FileFormatError(UsageError):
    """A run, plan or trace file does not hold what it should."""


class NotFoundError(UsageError):
    """A name that no table holds."""


class MissingValueError(EcoauditError):
    """A figure was asked for that is absent."""


class MeterError(EcoauditError):
    """A meter failed while reading."""


class MeterUnavailableError(MeterError):
    """A meter cannot be used on this machine; the message holds the remedy."""


class EngineError(EcoauditError):
    """An inference engine failed to start, answer or stop."""


def did_you_mean(word: str, known: Iterable[str]) -> str:
    """A half-sentence naming the nearest known words, or listing them when none is near."""
    names = sorted(known)
    near = get_close_matches(word, names, n=3, cutoff=0.6)
    if near:
        return "did you mean " + " or ".join(repr(name) for name in near) + "?"
    shown = ", ".join(names[:12])
    return f"known: {shown}" + (", ..." if len(names) > 12 else "")
