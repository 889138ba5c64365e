"""``ecoaudit estimate``: the analytical model, for one point or a table of points."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import click

if TYPE_CHECKING:
    from ecoaudit.factors.hardware import Device
    from ecoaudit.planning.fine_tuning import FineTuning
    from ecoaudit.planning.point_table import Answered

_SERVING = (
    *("gpus", "weights", "concurrency", "input_tokens", "output_tokens"),
    "calibration_files",
)
_TRAINING = ("rank", "batch", "sequence", "no_checkpointing")


@click.command(
    epilog="""\b
Examples:
  ecoaudit estimate --model Qwen3-8B --gpu L4
  ecoaudit estimate --model Llama-3.1-70B --gpu "H100 SXM" --gpus 2 --weights fp8 --concurrency 8
  ecoaudit estimate --csv points.csv -o answered.csv
  ecoaudit estimate --train qlora --model Llama-3.1-8B --gpu "RTX 3060 12GB" --sequence 2048
"""
)
@click.option("--model", help="Hugging Face id, or the path of a config.json.")
@click.option("--gpu", help="The device, as its maker writes it.")
@click.option("--gpus", default="1", show_default=True, help="How many share the model.")
@click.option("--weights", default="", help="Weight format: bf16, fp8, int8, int4 ...")
@click.option("--concurrency", default="1", show_default=True, help="Requests in flight.")
@click.option("--input-tokens", default="1000", show_default=True, help="Length of a prompt.")
@click.option("--output-tokens", default="200", show_default=True, help="Length of an answer.")
@click.option(
    "--calibration",
    "calibration_files",
    multiple=True,
    type=click.Path(path_type=Path),
    help="Run of `ecoaudit calibrate` on the device.",
)
@click.option("--train", metavar="METHOD", help="Memory of fine-tuning: lora, qlora or full.")
@click.option("--rank", default="16", show_default=True, help="Rank of the adapters.")
@click.option("--batch", default="1", show_default=True, help="Sequences worked on at once.")
@click.option("--sequence", default="1024", show_default=True, help="Their length in tokens.")
@click.option("--no-checkpointing", is_flag=True, help="Keep the activations of all layers.")
@click.option("--csv", "table", type=click.Path(path_type=Path), help="A table of points.")
@click.option("-o", "--output", type=click.Path(path_type=Path), help="Write CSV to this file.")
@click.option("--json", "as_json", is_flag=True, help="Print JSON.")
def command(
    model: str | None,
    gpu: str | None,
    gpus: str,
    weights: str,
    concurrency: str,
    input_tokens: str,
    output_tokens: str,
    calibration_files: tuple[Path, ...],
    train: str | None,
    rank: str,
    batch: str,
    sequence: str,
    no_checkpointing: bool,
    table: Path | None,
    output: Path | None,
    as_json: bool,
) -> None:
    """Memory, speed, power and energy of a model on a device, with 80 % intervals.

    No run is needed and nothing is measured. With --csv, each row of a table is a point: its
    columns are model, gpu, n_gpus, weights, concurrency, input_tokens and output_tokens; a row that
    cannot be computed says why in the column error, and the others still come out.

    With --train it is the memory of fine-tuning on one device instead, by part: AdamW, 16-bit
    weights (qlora: NF4), adapters on every linear layer.
    """
    from ecoaudit.errors import UsageError
    from ecoaudit.planning.point_table import answer, answered, read_rows, written
    from ecoaudit.run import write_text

    _check_options(train, table, output)
    if train is not None:
        _train(model, gpu, train, rank, batch, sequence, no_checkpointing, as_json)
        return
    if table is not None:
        if model or gpu:
            raise UsageError("--csv: the table names the models and devices; leave --model out")
        rows = list(answered(read_rows(table), _calibrated(calibration_files)))
        if as_json:
            _print_json(rows)
        elif output is None:
            click.echo(written(rows), nl=False)
        if output is not None:
            write_text(output, written(rows))
            failed = sum(1 for row in rows if row.figures is None)
            done = f"{len(rows) - failed} of {len(rows)} rows computed"
            click.echo(f"{output}: {done}" + ("; see the column error" if failed else ""), err=True)
        return
    if not model or not gpu:
        raise UsageError(
            "estimate: name a model and a device with --model and --gpu, or give --csv"
        )
    asked = {
        "model": model,
        "gpu": gpu,
        "n_gpus": gpus,
        "weights": weights,
        "concurrency": concurrency,
        "input_tokens": input_tokens,
        "output_tokens": output_tokens,
    }
    row = answer(asked, _calibrated(calibration_files))
    if row.figures is None:
        raise UsageError(f"estimate: {row.error}")
    if output is not None:
        write_text(output, written([row]))
    if as_json:
        _print_json([row])
    else:
        _print(row)


def _calibrated(files: tuple[Path, ...]) -> dict[str, Device]:
    """Devices as the calibrations say, by name."""
    from ecoaudit.errors import UsageError
    from ecoaudit.run import load_run
    from ecoaudit.sizing.calibration import calibrations

    runs = {load_run(file).id: file for file in files}
    found, failed = calibrations([load_run(file) for file in files])
    for run, why in failed.items():
        raise UsageError(f"{runs[run]}: no constants can be made of it: {why}")
    known = {run for each in found.values() for run in each.runs}
    for run, file in runs.items():
        if run not in known:
            raise UsageError(f"{file}: it is no calibration; make one with `ecoaudit calibrate`")
    return {name: each.device for name, each in found.items()}


def _check_options(train: str | None, table: Path | None, output: Path | None) -> None:
    """Refuse options that mean nothing together."""
    from click.core import ParameterSource

    from ecoaudit.errors import UsageError

    context = click.get_current_context()

    def given(names: tuple[str, ...]) -> list[str]:
        said = [n for n in names if context.get_parameter_source(n) is ParameterSource.COMMANDLINE]
        return [f"--{name.removesuffix('_files').replace('_', '-')}" for name in said]

    if train is None:
        for option in given(_TRAINING):
            raise UsageError(f"{option}: it belongs to fine-tuning; add --train lora, or leave it")
        return
    if table is not None or output is not None:
        name = "--csv" if table is not None else "--output"
        raise UsageError(f"--train: it has no table; leave {name} out, or print with --json")
    for option in given(_SERVING):
        raise UsageError(f"--train: it counts fine-tuning on one device; leave {option} out")
    if train.lower() == "full" and given(("rank",)):
        raise UsageError("--rank: full training has no adapters; leave it out, or --train lora")


def _train(
    model: str | None,
    gpu: str | None,
    train: str,
    rank: str,
    batch: str,
    sequence: str,
    no_checkpointing: bool,
    as_json: bool,
) -> None:
    from ecoaudit.errors import EcoauditError, UsageError
    from ecoaudit.planning.fine_tuning import fine_tuning_of

    if not model or not gpu:
        raise UsageError("estimate: name a model and a device with --model and --gpu")
    asked = {"model": model, "gpu": gpu, "method": train}
    asked |= {"rank": rank, "batch": batch, "sequence": sequence}
    try:
        found = fine_tuning_of(asked, checkpointed=not no_checkpointing)
    except EcoauditError as error:
        raise UsageError(f"estimate: {error}") from None
    if as_json:
        _print_training_json(asked | {"checkpointing": str(found.checkpointed).lower()}, found)
    else:
        _print_training(found)


def _print_training_json(asked: dict[str, str], found: FineTuning) -> None:
    import json
    from dataclasses import asdict

    said = {
        "asked": asked,
        "error": "",
        "fits": found.fits,
        "basis": "modelled",
        "figures": {name: asdict(figure) for name, figure in found.figures.items()},
        "device_memory_bytes": asdict(found.there),
    }
    click.echo(json.dumps([said], indent=1, ensure_ascii=False))


def _print_training(found: FineTuning) -> None:
    from ecoaudit.cli.tables import console, quantity_row, table
    from ecoaudit.units import human

    how = found.method if found.rank is None else f"{found.method} of rank {found.rank}"
    kept = "checkpointed" if found.checkpointed else "all layers kept"
    title = (
        f"{found.model.name}, {how}, {found.device.name}: {found.batch} x {found.sequence} tokens, "
        f"activations {kept}"
    )
    lines = [(*quantity_row(name, each)[:3], each.source) for name, each in found.figures.items()]
    out = console()
    out.print(table(title, ("part", "value", "80 % interval", "what"), lines))
    need, there = (
        human(end, "bytes") for end in (found.figures["memory_bytes"].high, found.there.low)
    )
    verdict = "fits" if found.fits else "does not fit"
    out.print(f"{verdict}: it takes up to {need} of {there}", soft_wrap=True)


def _print_json(rows: list[Answered]) -> None:
    import json
    from dataclasses import asdict

    found = []
    for row in rows:
        figures = row.figures
        said: dict[str, object] = {"asked": row.asked, "error": row.error}
        if figures is not None:
            said |= {
                "fits": figures.fits,
                "room": figures.room,
                "basis": figures.trust,
                "figures": {name: asdict(each) for name, each in figures.figures.items()},
            }
        found.append(said)
    click.echo(json.dumps(found, indent=1, ensure_ascii=False))


def _print(row: Answered) -> None:
    from ecoaudit.cli.tables import console, quantity_row, table
    from ecoaudit.units import human

    point, figures = row.point, row.figures
    if point is None or figures is None:
        return
    out = console()
    title = (
        f"{point.model.name}, {point.weights}, {point.devices} x {point.device.name}: "
        f"{point.concurrency:g} in flight, {point.input_tokens:g} tokens in, "
        f"{point.output_tokens:g} out"
    )
    lines = [quantity_row(name, figure)[:3] for name, figure in figures.figures.items()]
    out.print(table(title, ("quantity", "value", "80 % interval"), lines))
    there = human(figures.usable.low, "bytes")
    verdict = "fits" if figures.fits else "does not fit"
    out.print(f"{verdict}: {there} may be filled, room for {figures.room} such requests at once")
    out.print(f"{figures.trust}: {figures.energy_basis}", soft_wrap=True)
    lacking = {figure.source for figure in figures.figures.values() if not figure.known}
    for why in sorted(lacking):
        out.print(f"absent: {why}", soft_wrap=True)
