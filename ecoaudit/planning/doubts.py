"""What weakens a plan, each with its remedy."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import fields, is_dataclass
from typing import Any, Final

from ecoaudit.checks import doubt
from ecoaudit.estimate import Estimate
from ecoaudit.factors.grid import GridFactor
from ecoaudit.factors.hardware import MACHINE, Device
from ecoaudit.plan import Option
from ecoaudit.planning.cells import Cell
from ecoaudit.planning.site_day import hours_without
from ecoaudit.run import Doubt
from ecoaudit.scenario import Scenario
from ecoaudit.sizing.calibration import Calibration
from ecoaudit.units import human, significant

NEAR: Final = 0.8  # of what an option can do in the busiest hour
POOR: Final = 0.05  # root mean square by which a calibration misses its own measurements
FAR: Final = 10.0  # times the size of the model that calibrated


def doubts_of(
    scenario: Scenario,
    grid: GridFactor,
    best: Cell | None,
    runs: list[dict[str, Any]],
    devices: list[Device],
    computed: int,
    kept: int,
    supply: Mapping[str, Any],
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
        idle = best is None or best.device.loaded_idle is None
        doubts.append(
            doubt(
                "not-measured",
                "speed and power are modelled, not measured: each figure says how far off it may"
                f" be{', idle power from half to twice' if idle else ''}",
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
    if scenario.workload.languages:
        said = (
            "lengths are English token counts times a premium of each language, counted on"
            " translated public texts with the tokenizer that stands for the model's"
        )
    else:
        said = (
            "lengths are token counts of one tokenizer; a model's own tokenizer, or a language"
            " other than English, may need several times as many"
        )
    doubts.append(
        doubt(
            "token-counts",
            said,
            "count your own texts with the model's tokenizer and set prompt and output",
        )
    )
    doubts += _of_supply(scenario, supply)
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
                f"{computed:,} options were weighed; the file lists the best weight format of"
                f" each pair of model and device, {kept:,}",
                "name models and hardware to see every format",
            )
        )
    return doubts


def near_saturation(option: Option | None) -> Iterator[Doubt]:
    """Said where the busiest hour may take nearly all that the recommended option can do.

    On the pessimistic end, on which its verdict is taken too: what is not known of arrivals and
    speed may be just what is left. From 0.8 on a wait grows several times as fast as the load, as
    1 / (1 - load), and a simulation of some hundred requests no longer settles.

    Args:
        option: that is recommended, in whatever way it is run; None: none is.
    """
    for limit in [] if option is None else option.limits:
        if limit.name == "load" and limit.value.high is not None and limit.value.high > NEAR:
            usual, most = (significant(100 * part) for part in limit.value.numbers[::2])
            yield doubt(
                "near-saturation",
                f"the busiest hour brings {usual} % of what it can do, and up to {most} %: a little"
                " more work, or a little less speed, and waits grow steeply",
            )


def of_calibration(best: Cell | None, calibrated: Mapping[str, Calibration]) -> Iterator[Doubt]:
    """Of the calibration that the recommended option's device rests on."""
    found = None if best is None else calibrated.get(best.device.name)
    if best is None or found is None:
        return
    if found.off > POOR:
        yield doubt(
            "calibration-poor",
            f"the constants of {best.device.name} meet its own measurements to"
            f" {significant(100 * found.off)} % only",
        )
    times = best.figure("parameters").number / found.largest
    if times > FAR:
        yield doubt(
            "calibration-far",
            f"{best.model.name} is {significant(times)} times as large as the model that"
            f" {best.device.name} was calibrated with",
        )


def _of_supply(scenario: Scenario, supply: Mapping[str, Any]) -> Iterator[Doubt]:
    """Of what feeds the chosen option, and of who looks after it."""
    without_s = hours_without(supply)
    if without_s > 0:
        yield doubt(
            "outages-unserved",
            f"the grid fails, and for up to {human(without_s, 's')} of a month nothing carries the"
            " computer through",
            "add a UPS or a generator, or agree how the work is done without it for that long",
        )
    if supply.get("assumptions"):
        yield doubt(
            "supply-assumed",
            f"by the hour it is taken that {'; '.join(supply['assumptions'])}",
            "state it under the site",
        )
    staff = scenario.site.staff
    if staff is not None and staff.skill == "none" and scenario.money.upkeep is None:
        yield doubt(
            "nobody-looks-after",
            "nobody at the site looks after a computer, and no upkeep is counted",
            "give `staff` a technician's hourly_cost and `money.upkeep` the hours of a month",
        )


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
    if best is not None and best.devices > 1 and best.evidence is None:
        yield doubt(
            "exchange-assumed",
            f"{best.devices} cards share the model over PCIe: what they exchange is taken from"
            " tests of that alone, not from models on such cards; lanes of the slots, NVLink"
            " bridges and the computer's power supply are not looked at",
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
