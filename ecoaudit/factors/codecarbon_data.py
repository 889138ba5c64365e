"""The tables that come with codecarbon, read as files: its package is never imported.

Importing codecarbon costs about 100 ms of CPU and starts processes; finding its folder costs 10.
"""

from __future__ import annotations

import json
from functools import cache
from importlib.util import find_spec
from pathlib import Path
from typing import Any

from ecoaudit.errors import NotFoundError

_REMEDY = "install it with `pip install 'codecarbon>=3.3.2,<4'`"


def data_file(name: str) -> Path:
    """A file of codecarbon's data folder, such as ``private_infra/global_energy_mix.json``.

    Raises:
        NotFoundError: codecarbon is not installed, or this version has no such file.
    """
    path = _folder() / "data" / name
    if not path.is_file():
        raise NotFoundError(f"codecarbon {version()} has no table {name}; {_REMEDY}")
    return path


@cache
def load_json(name: str) -> dict[str, Any]:
    """A JSON table of codecarbon's data folder."""
    table: dict[str, Any] = json.loads(data_file(name).read_text("utf-8"))
    return table


@cache
def version() -> str:
    """The installed version of codecarbon, for the source of a figure."""
    # The folder beside the package is named so; asking importlib.metadata costs 20 ms more.
    for info in _folder().parent.glob("codecarbon-*.dist-info"):
        return info.name.removeprefix("codecarbon-").removesuffix(".dist-info")
    return "of unknown version"


@cache
def _folder() -> Path:
    spec = find_spec("codecarbon")  # a top-level name: finding it does not import it
    if spec is None or not spec.submodule_search_locations:
        raise NotFoundError(f"the grid and CPU tables of codecarbon are not here; {_REMEDY}")
    return Path(spec.submodule_search_locations[0])
