"""``ecoaudit estimate``: the analytical model, for one point or a table of points."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import click

if TYPE_CHECKING:
    from ecoaudit.planning.point_table import Answered


@click.command(
    epilog="""\b
Examples:
  ecoaudit estimate --model Qwen3-8B --gpu L4
  ecoaudit estimate --model Llama-3.1-70B --gpu "H100 SXM" --gpus 2 --weights fp8 --concurrency 8
  ecoaudit estimate --csv points.csv -o answered.csv
"""
)
@click.option("--model", help="Hugging Face id, or the path of a config.json.")
@click.option("--gpu", help="The device, as its maker writes it.")
@click.option("--gpus", default="1", show_default=True, help="How many share the model.")
@click.option("--weights", default="", help="Weight format: bf16, fp8, int8, int4 ...")
@click.option("--concurrency", default="1", show_default=True, help="Requests in flight.")
@click.option("--input-tokens", default="1000", show_default=True, help="Length of a prompt.")
@click.option("--output-tokens", default="200", show_default=True, help="Length of an answer.")
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
    table: Path | None,
    output: Path | None,
    as_json: bool,
) -> None:
    """Memory, speed, power and energy of a model on a device, with 80 % intervals.

    No run is needed and nothing is measured. With --csv, each row of a table is a point: its
    columns are model, gpu, n_gpus, weights, concurrency, input_tokens and output_tokens; a row that
    cannot be computed says why in the column error, and the others still come out.
    """
    from ecoaudit.errors import UsageError
    from ecoaudit.planning.point_table import answer, answered, read_rows, written
    from ecoaudit.run import write_text

    if table is not None:
        if model or gpu:
            raise UsageError("--csv: the table names the models and devices; leave --model out")
        rows = list(answered(read_rows(table)))
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
    row = answer(asked)
    if row.figures is None:
        raise UsageError(f"estimate: {row.error}")
    if output is not None:
        write_text(output, written([row]))
    if as_json:
        _print_json([row])
    else:
        _print(row)


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
