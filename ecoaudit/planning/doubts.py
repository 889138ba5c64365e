"""What weakens a plan, each with its remedy."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import fields, is_dataclass
from typing import Any

from ecoaudit.checks import doubt
from ecoaudit.estimate import Estimate
from ecoaudit.factors.grid import GridFactor
from ecoaudit.factors.hardware import MACHINE, Device
from ecoaudit.planning.cells import Cell
from ecoaudit.run import Doubt
from ecoaudit.scenario import Scenario


def doubts_of(
    scenario: Scenario,
    grid: GridFactor,
    best: Cell | None,
    runs: list[dict[str, Any]],
    devices: list[Device],
    computed: int,
    kept: int,
) -> list[Doubt]:
    """The doubts of a plan, the weightiest first."""
    doubts = (
        []
        if scenario.quality is not None
        else [
            doubt(
                "no-quality-score",
                "nothing here says how good a model's answers are; options that fit are ranked by"
                " size (largest model first), then by energy in a year, then by price",
                "judge the answers of the first few options on your own cases before you buy",
            )
        ]
    )
    if best is None:
        doubts.append(
            doubt(
                "nothing-fits",
                f"none of {computed} options stays within every limit of this scenario",
                "see the remedy of the first options, which miss by least",
            )
        )
    if best is None or best.evidence is None:
        doubts.append(
            doubt(
                "not-measured",
                "speed and power are modelled, not measured: each figure says how far off it may"
                " be, idle power from half to twice",
                "measure the option with `ecoaudit bench` and give the run to `ecoaudit plan`",
            )
        )
    doubts += [
        doubt(
            "run-not-used", f"run {run['name'] or run['id']}: {run['why']}", "see `ecoaudit bench`"
        )
        for run in runs
        if not run["used"]
    ]
    doubts += _of_option(best, devices)
    doubts.append(
        doubt(
            "token-counts",
            "lengths are token counts of one tokenizer; a model's own tokenizer, or a language"
            " other than English, may need several times as many",
            "count your own texts with the model's tokenizer and set prompt and output",
        )
    )
    assumed = sorted(key for key, figure in _figures(scenario, "") if _is_assumed(figure))
    if assumed:
        doubts.append(
            doubt(
                "assumed-figures",
                f"assumed, not known: {', '.join(assumed)}",
                "replace them in a copy of the profile: `ecoaudit profiles copy`",
            )
        )
    if grid.fallback:
        doubts.append(doubt("grid-fallback", grid.source, "set the country of the site"))
    if kept < computed:
        doubts.append(
            doubt(
                "options-left-out",
                f"{computed} options were computed; {kept} are listed: the best weight format of"
                " each model and device",
                "name models and hardware to see every format",
            )
        )
    return doubts


def _of_option(best: Cell | None, devices: list[Device]) -> Iterator[Doubt]:
    if best is not None and best.model.note:
        yield doubt(
            "model-note",
            f"{best.model.name}: {best.model.note}",
            "check the model's own configuration and its memory on the device",
        )
    if best is not None and best.model.assumed:
        yield doubt(
            "model-assumed",
            f"{best.model.name}: assumed of its shape: {', '.join(best.model.assumed)}",
            "give its config.json",
        )
    if best is not None and best.limit("context").source.startswith("context_tokens was not typed"):
        yield doubt(
            "context-not-typed",
            f"{best.model.name}: nobody said how long a context it takes; it is taken to be long"
            " enough",
            "type context_tokens beside its other figures",
        )
    if best is not None and best.model.tied is None:
        yield doubt(
            "tied-unknown",
            f"{best.model.name}: whether output layer and embedding are one is not known; memory"
            " is taken from one case to the other",
            "read tie_word_embeddings in the model's configuration",
        )
    if any(device.kind == MACHINE for device in devices):
        yield doubt(
            "other-engines",
            "memory and speed follow vLLM; computers with shared memory (Apple, Jetson, Strix Halo)"
            " run other engines",
            "measure on the machine",
        )


def _is_assumed(figure: Estimate) -> bool:
    return figure.source.startswith("assumed")


def _figures(item: object, path: str) -> Iterator[tuple[str, Estimate]]:
    """Every Estimate of a scenario with its key."""
    if isinstance(item, Estimate):
        yield path, item
    elif is_dataclass(item) and not isinstance(item, type):
        for field in fields(item):
            inner = f"{path}.{field.name}" if path else field.name
            yield from _figures(getattr(item, field.name), inner)
    elif isinstance(item, dict):
        for key, value in item.items():
            yield from _figures(value, f"{path}.{key}")
