"""500 mutants of the shipped profiles: a sentence with a place, or a value that is really read."""

from __future__ import annotations

import signal
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from types import FrameType
from typing import Any

import pytest

from ecoaudit.cli.lookups import lookups
from ecoaudit.errors import ProfileError
from ecoaudit.estimate import Estimate
from ecoaudit.scenario import load_account, load_scenario, load_site, load_workload
from tests.scenario.mutants import Mutant, mutants

MUTANTS = mutants(seed=2026, of_each_family=60)
LONGEST_S = 2.0
PLACELESS = {"empty", "tree", "cut", "flipped", "encoding"}  # where the file may be at fault


def load(kind: str, path: Path) -> object:
    if kind == "workloads":
        return load_workload(path)
    if kind == "accounts":
        return load_account(path, lookups())[0]
    return (load_site if kind == "sites" else load_scenario)(path, lookups())


@contextmanager
def patience() -> Iterator[None]:
    """Ends what hangs."""

    def late(number: int, frame: FrameType | None) -> None:
        raise AssertionError(f"not done after {LONGEST_S} s")

    before = signal.signal(signal.SIGALRM, late)
    signal.setitimer(signal.ITIMER_REAL, LONGEST_S)
    try:
        yield
    finally:
        signal.setitimer(signal.ITIMER_REAL, 0)
        signal.signal(signal.SIGALRM, before)


def held(thing: Any, at: tuple[str | int, ...]) -> object:
    """What a profile holds at a place, in house units."""
    for part in at:
        held_by_place = isinstance(thing, list | dict)
        thing = thing[part] if held_by_place else getattr(thing, str(part))
    return thing.value if isinstance(thing, Estimate) else thing


def fault(mutant: Mutant, folder: Path) -> str | None:
    """What is wrong with what the reader makes of a mutant; None: nothing."""
    path = folder / f"{mutant.stem}.yaml"
    path.write_bytes(mutant.data)
    try:
        with patience():
            thing = load(mutant.kind, path)
    except ProfileError as error:
        said = str(error)
        if mutant.verdict == "read":
            return f"refused: {said[:200]}"
        if not said.startswith(f"{path}:") or len(said.splitlines()) != 1:
            return f"no place, or no sentence: {said[:200]!r}"
        if len(said) > 2000:
            return f"a sentence of {len(said)} characters"
        if mutant.family not in PLACELESS and not (error.line or error.key):
            return f"neither line nor key: {said[:200]}"
        if mutant.lines and mutant.verdict == "refused" and error.line not in mutant.lines:
            return f"line {error.line}, not {mutant.lines}: {said[:200]}"
        return None
    except (Exception, RecursionError) as error:
        return f"{type(error).__name__}: {str(error)[:150]}"
    if mutant.verdict == "refused":
        return f"was read as {held(thing, mutant.at[:1])!r}"[:200]
    if mutant.verdict == "read" and mutant.at:
        found = held(thing, mutant.at)
        if found != mutant.value and found != pytest.approx(mutant.value):
            return f"holds {found!r}, not {mutant.value!r}"
    return None


def test_there_are_more_than_500_of_many_kinds() -> None:
    families = Counter(mutant.family for mutant in MUTANTS)
    assert len(MUTANTS) >= 500
    assert len(families) >= 15
    assert min(families.values()) >= 10, families
    assert len({mutant.data for mutant in MUTANTS}) >= 500
    assert {mutant.stem for mutant in MUTANTS} >= {"screening", "urban-clinic", "skills-chat"}
    refused = sum(mutant.verdict == "refused" for mutant in MUTANTS)
    assert refused > len(MUTANTS) / 2


@pytest.mark.parametrize("family", sorted({mutant.family for mutant in MUTANTS}))
def test_a_mutant_gets_a_sentence_with_its_place_or_is_really_read(
    family: str, tmp_path: Path
) -> None:
    faults = [
        f"{mutant.kind}/{mutant.stem}, {mutant.what}: {said}"
        for mutant in MUTANTS
        if mutant.family == family and (said := fault(mutant, tmp_path)) is not None
    ]
    assert not faults, "\n".join(faults)
