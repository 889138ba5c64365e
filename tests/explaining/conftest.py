"""The samples, each made once."""

from __future__ import annotations

from collections.abc import Callable
from functools import cache

import pytest

from ecoaudit.explaining import Sheet, open_sheet
from ecoaudit.planning import make_plan
from ecoaudit.scenario import load_scenario
from tests.explaining.samples import DATA, LEDGERS, PLANS, RUNS, SCENARIOS

SheetOf = Callable[[str], Sheet]


@pytest.fixture(scope="session")
def sheet_of(tmp_path_factory: pytest.TempPathFactory) -> SheetOf:
    """The figures of a sample by its name, read from its file."""

    @cache
    def of(name: str) -> Sheet:
        if name == "older bench":
            return open_sheet(DATA / "district-hospital-notes.run.json")
        folder = tmp_path_factory.mktemp("sample")
        file = folder / "f.json"
        if name in LEDGERS:
            LEDGERS[name]().save(file)
        elif name in SCENARIOS:
            make_plan(load_scenario(name)).save(file)
        elif name in PLANS:
            PLANS[name](folder).save(file)
        else:
            RUNS[name](folder).save(file)
        return open_sheet(file)

    return of
