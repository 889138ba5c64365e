"""The error tables: for the terminal, and docs/accuracy.md."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Final

import numpy as np

from ecoaudit.sizing.constants import ANY, SORTS, TERMS

from .held_out import Errors, errors_of
from .least import Array, Mask
from .rows import PROMPTS, Data
from .study import Group, ecologits_energy_j, roofline_energy_j

PAGE: Final = Path(__file__).parents[2] / "docs" / "accuracy.md"
NAMES: Final = {
    "step": "time per step",
    "power": "power",
    "energy": "energy per output token",
    "first": "time to first token",
}
TARGETS: Final = {"step": 0.10, "energy": 0.12, "first": 0.25}
DATASHEET_TARGETS: Final = {"step": 0.25, "energy": 0.25}
COVERAGE: Final = (0.75, 0.85)
Line = tuple[str, str, str, str, Errors]  # quantity, group, rows, by whom, errors


def lines(groups: list[Group]) -> Iterator[Line]:
    """Every line of the table: quantity, device and engine, sort, way, errors."""
    for group in groups:
        for quantity in NAMES:
            for sort in (*SORTS, "all"):
                rows = group.table.sorts(sort)
                errors = _errors(group, quantity, rows)
                if errors is not None:
                    yield quantity, title(group), sort, "ecoaudit", errors
            yield from _others(group, quantity)


def _others(group: Group, quantity: str) -> Iterator[Line]:
    """The plain ways on the same rows."""
    if group.name == ANY:
        return
    seen = group.seen[quantity]
    ways: dict[str, Array] = {}
    if quantity == "step":
        ways["roofline of the datasheet"] = np.array(
            [point.roofline_s() for point in group.table.points]
        )
    elif quantity == "energy":
        ways["power limit x roofline of the datasheet"] = roofline_energy_j(group.table)
        ways["EcoLogits 0.11.3, boards"] = ecologits_energy_j(group.table)
    for name, values in ways.items():
        if np.isfinite(seen * values).any():
            yield quantity, title(group), "all", name, errors_of(seen, values, None, None)


def _errors(group: Group, quantity: str, rows: Mask) -> Errors | None:
    seen, predicted = group.seen[quantity][rows], group.held.predicted[quantity][rows]
    if not np.isfinite(seen * predicted).any():
        return None
    return errors_of(
        seen, predicted, group.held.low[quantity][rows], group.held.high[quantity][rows]
    )


def title(group: Group) -> str:
    """What a group is called."""
    if group.name == ANY:
        return "datasheet: a device held out"
    return f"{group.name.removeprefix('NVIDIA ')}, {group.engine}"


def summary(groups: list[Group]) -> str:
    """For a terminal."""
    found = []
    for quantity, name, sort, way, errors in lines(groups):
        what = sort if way == "ecoaudit" else way
        found.append(f"{NAMES[quantity]:24} {name:36} {what:40} {_plain(errors)}")
    return "\n".join(found)


def page(data: Data, groups: list[Group], kept: list[Group], anchors: int) -> str:
    """docs/accuracy.md."""
    return "\n".join(
        [
            _HEAD,
            *_verdicts(groups),
            "",
            "## Errors",
            "",
            _ERRORS,
            *_tables(groups),
            "## By device, for the datasheet level",
            "",
            "The same predictions, device by device: its constants come from the others.",
            "",
            *_by_device(groups),
            "",
            "## Rows that another task contradicts",
            "",
            *_contradicted(data, groups),
            "",
            "## Constants",
            "",
            _CONSTANTS,
            "",
            *_constants(kept),
            "",
            "## Rows left out",
            "",
            *_left_out(data),
            "",
            "## What is assumed and what is not known",
            "",
            _LIMITS.replace("PROMPTS", _prompts()).replace("ANCHORS", str(anchors)),
            "",
        ]
    )


def _verdicts(groups: list[Group]) -> Iterator[str]:
    yield "| quantity | rows | mean error | goal | coverage | goal 75 to 85 % |"
    yield "|---|---|---|---|---|---|"
    for group in groups:
        targets = DATASHEET_TARGETS if group.name == ANY else TARGETS
        for quantity, target in targets.items():
            errors = _errors(group, quantity, group.table.sorts("all"))
            if errors is None or errors.coverage is None:
                continue
            inside = COVERAGE[0] <= errors.coverage <= COVERAGE[1]
            yield (
                f"| {NAMES[quantity]} | {title(group)} | {errors.mean * 100:.1f} % | "
                f"{target * 100:.0f} %: {_met(errors.mean <= target)} | "
                f"{errors.coverage * 100:.0f} % | {_met(inside)} |"
            )


def _tables(groups: list[Group]) -> Iterator[str]:
    for quantity, name in NAMES.items():
        yield f"### {name[0].upper()}{name[1:]}"
        yield ""
        yield "| device and engine | models | by | n | mean | median | p90 | bias | coverage |"
        yield "|---|---|---|---|---|---|---|---|---|"
        for each, where, sort, way, errors in lines(groups):
            if each == quantity:
                yield f"| {where} | {sort} | {way} | {_cells(errors)} |"
        yield ""


def _by_device(groups: list[Group]) -> Iterator[str]:
    every = groups[-1]
    yield "| quantity | device | n | mean | median | p90 | bias | coverage |"
    yield "|---|---|---|---|---|---|---|---|"
    for quantity, name in NAMES.items():
        for device in sorted(set(every.table.keys)):
            errors = _errors(every, quantity, every.table.are(device))
            if errors is not None:
                yield f"| {name} | {device.removeprefix('NVIDIA ')} | {_cells(errors)} |"


def _contradicted(data: Data, groups: list[Group]) -> Iterator[str]:
    yield (
        f"{len(data.contradicted)} rows are of a model, format, device, count and batch limit that "
        "was measured in two tasks whose step times differ by more than twice what bytes and "
        "operations do (Qwen3-8B on one B200: 32 ms in one, 5 ms in the other, at eight requests). "
        "No formula of these meets both, so nothing is fitted on them: a choice made after the "
        "rows had been seen. The tables above hold them all the same. Without them:"
    )
    yield ""
    yield "| device and engine | quantity | n | mean | median | p90 | bias | coverage |"
    yield "|---|---|---|---|---|---|---|---|"
    for group in groups:
        if group.name == ANY or group.table.fit.all():
            continue
        for quantity in ("step", "energy"):
            errors = _errors(group, quantity, group.table.fit)
            if errors is not None:
                yield f"| {title(group)} | {NAMES[quantity]} | {_cells(errors)} |"


def _constants(groups: list[Group]) -> Iterator[str]:
    names = [f"{group.name.removeprefix('NVIDIA ')}, {group.constants.engine}" for group in groups]
    yield f"| | {' | '.join(names)} |"
    yield f"|---|{'---|' * len(names)}"
    ratios = {"weights": "bandwidth, weights", "cache": "bandwidth, cache", "compute": "rate"}
    for index, term in enumerate(TERMS):
        values = [group.constants.cost[index] for group in groups]
        if term in ratios:
            yield f"| share of {ratios[term]} | {_row(f'{1 / each:.2f}' for each in values)} |"
        else:
            what = term.replace("_", " ")
            yield f"| time, {what} [µs] | {_row(f'{each * 1e6:.0f}' for each in values)} |"
    for index, term in enumerate(TERMS):
        levels = [group.constants.level[index] for group in groups]
        what = term.replace("_", " ")
        yield f"| draw over limit, {what} | {_row(f'{each:.2f}' for each in levels)} |"
    singles = (f"{group.constants.alone:.2f}" for group in groups)
    yield f"| draw with one request, over that | {_row(singles)} |"
    own = ("own rows" if group.constants.power_from == "own" else "all devices" for group in groups)
    yield f"| draw fitted on | {_row(own)} |"
    points = (f"{group.constants.rows}, {group.constants.models}" for group in groups)
    yield f"| rows, shapes of models | {_row(points)} |"


def _left_out(data: Data) -> Iterator[str]:
    yield (
        "By layout, format and device only; no row is left out for being met badly, and engine "
        "versions that are met badly have lines of their own above."
    )
    yield ""
    yield "| rows | why |"
    yield "|---|---|"
    for why, count in sorted(data.left_out.items(), key=lambda each: -each[1]):
        yield f"| {count} | {why} |"


def _prompts() -> str:
    return ", ".join(f"{name} {tokens:.0f}" for name, tokens in PROMPTS.items())


def _row(cells: Iterator[str]) -> str:
    return " | ".join(cells)


def _cells(errors: Errors) -> str:
    inside = "" if errors.coverage is None else f"{errors.coverage * 100:.0f} %"
    return (
        f"{errors.count} | {errors.mean * 100:.1f} % | {errors.median * 100:.1f} % | "
        f"{errors.p90 * 100:.1f} % | {errors.bias * 100:+.1f} % | {inside}"
    )


def _plain(errors: Errors) -> str:
    inside = "" if errors.coverage is None else f"  coverage {errors.coverage * 100:.0f} %"
    return (
        f"n {errors.count:4}  mean {errors.mean * 100:6.1f} %  "
        f"median {errors.median * 100:6.1f} %  p90 {errors.p90 * 100:6.1f} %  "
        f"bias {errors.bias * 100:+7.1f} %{inside}"
    )


def _met(good: bool) -> str:
    return "met" if good else "missed"


_HEAD: Final = """\
# Accuracy of the modelled speed and power

This page is made by `python -m benchmarks.fitting DATA_FOLDER --save`, with the constants in
`ecoaudit/sizing/constants.csv`. The rows are other people's measurements and are not in the
repository.

Every figure is for a **model that was held out**: its shape was in no row of the fit, whatever
its name, task or format (`calibrated`), or for a **device that was held out** (`datasheet`). The
interval that a row is judged by is made of the errors of the others, predicted without that
model. Of a device, its own errors stay out, but the others are predicted with its rows: there are
three, and two with power. A step is the batch over output tokens per second, the reading of
prompts included. Energy per token is that of the boards.

## Against the goals
"""

_ERRORS: Final = """\
Errors are shares of what was measured: mean, median and 90th percentile of their size, and their
mean (bias). `coverage`: rows within their 80 % interval. Beside them, on the same rows: the
longer of reading and computing at the datasheet's rates; the power limit times that; EcoLogits'
published fit, which knows one batch, 64, and one device, the H100 (`ecologits/impacts/llm.py`
0.11.3, MPL-2.0), without its server and facility.
"""

_CONSTANTS: Final = """\
A step costs bytes over bandwidth and operations over rate, each over the share reached, plus a
time per layer, per sequence, per layer with links between devices, per layer of experts in 8 or 4
bit, and, of models with experts or a state, per layer of a step that reads a prompt. They add up:
the longer of reading and computing, at the measured kernels' efficiencies, met the H100's models
worse when held out (12 to 14 % against 9 % at that stage). Their draws, over the power limit, are
weighed by their times; 1 is the limit. Nothing is better than the datasheet, and the fit starts
from measured kernels (0.83 of the bandwidth, 0.65 of the rate). A device has constants of its own
when four shapes of models were measured on it."""

_LIMITS: Final = """\
- **The form of the model was chosen on these same held-out errors.** About a hundred sets of terms
  and assumptions for time, 25 for power and four ways to make an interval were compared. Expect
  somewhat larger errors, and other coverage, on rows that nobody has looked at; a check on rows
  kept apart is still to be made.
- All devices with rows are data-centre boards. Cards and computers of clinics take the datasheet
  level, which is tested on three boards only, and on two for power; a run on the card replaces
  it.
- Prompt lengths of ML.ENERGY are not published: PROMPTS tokens are assumed.
- Power with fewer than eight requests leads to what was read with one: four readings on two
  devices (Argonne's LLM-Inference-Bench, H100 and A100, vLLM of 2024). Levels fitted from eight
  requests on give a quarter more than was read, some of it because that engine's steps are
  longer; so the upper end of the interval is that without the factor. ANCHORS of Argonne's
  points, at one to 64 requests, are also among the rows that the levels are fitted on; readings
  above the board's limit are not used.
- The batch is the measured one, or follows from measured waits; it is not predicted here.
- Time to first token is the mean in a closed loop of clients; the goal is for the 95th percentile
  under stated arrivals, which these rows do not hold. What a step with a prompt costs differs
  between models by more than the formula knows.
- H200 with vLLM 0.12.0: two models, so each is predicted from the other alone, a small dense one
  from a large one with experts.
- H100 with vLLM 0.15 to 0.19: at 512 clients gpt-oss-120b answers faster than at 64, waiting
  longer than it is answered; how many ran at once is not in the rows.
- Energy of models with experts in 8 bit: Llama 4 Maverick draws 231 of 700 W at eight requests,
  Qwen3-235B 450 to 530 W, and each is predicted from the other. A term for boards that wait for
  each other made energy no better.
- B200 rows vary beyond what is modelled: Llama-3.1-8B takes 28 ms a step at 128 requests, on an
  H100 18 ms."""
