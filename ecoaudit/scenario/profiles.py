"""Where profiles lie: a path given, ``./profiles``, or the ones that come with ecoaudit."""

from __future__ import annotations

from pathlib import Path

from ecoaudit.errors import NotFoundError, UsageError, did_you_mean

KINDS = ("sites", "workloads", "scenarios", "accounts")


def bundled_folder() -> Path:
    """The profiles that ship with ecoaudit.

    A wheel carries them inside the package; a checkout has them at its top.
    """
    packaged = Path(__file__).parents[1] / "profiles"
    return packaged if packaged.is_dir() else Path(__file__).parents[2] / "profiles"


def available_profiles(kind: str) -> dict[str, Path]:
    """Names of one ``kind`` of profile and where each lies; the working folder wins."""
    found: dict[str, Path] = {}
    for folder in (bundled_folder(), Path("profiles")):
        for path in sorted((folder / kind).glob("*.yaml"), key=lambda path: path.stem):
            found[path.stem] = path
    return found


def find_profile(kind: str, name: str, beside: Path | None = None) -> Path:
    """The file of a profile given by path or by name.

    Args:
        kind: one of ``KINDS``.
        name: a path ending in ``.yaml`` (taken relative to ``beside`` if it is not found as it
            stands), or the name of a profile.
        beside: folder of the profile that asks.

    Raises:
        UsageError: it is a folder.
        NotFoundError: no such profile; the message lists near names.
    """
    if name.endswith((".yaml", ".yml")) or "/" in name:
        candidates = [Path(name)] if beside is None else [beside / name, Path(name)]
        for path in candidates:
            if path.is_dir():
                raise UsageError(f"{path}: is a folder; give a profile file")
            if path.is_file():
                return path
        raise NotFoundError(f"{name}: no such file; `ecoaudit profiles list` shows the profiles")
    known = available_profiles(kind)
    if name not in known:
        if Path(name).is_dir():
            raise UsageError(f"{name}: is a folder; give a profile file")
        raise NotFoundError(f"no profile {name!r} among {kind}; {did_you_mean(name, known)}")
    return known[name]
