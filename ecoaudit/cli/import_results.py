"""``ecoaudit runs import``: a run of another tool's results."""

from __future__ import annotations

from pathlib import Path

import click


def _picks(
    _context: click.Context, _parameter: click.Parameter, values: tuple[str, ...]
) -> dict[str, str]:
    found = {}
    for value in values:
        key, equals, wanted = value.partition("=")
        if not (key and equals and wanted):
            raise click.BadParameter(f"expected KEY=VALUE, such as gpu=H100; got {value!r}")
        found[key.strip()] = wanted
    return found


@click.command(
    "import",
    epilog="""\b
Examples:
  ecoaudit runs import result.json --engine vllm --engine-version 0.32.0 -o run.json
  ecoaudit runs import c1.json c4.json c8.json --engine vllm --engine-version 0.32.0 \\
      --weights bf16 --gpu "L4" --gpus 1 -o run.json
  ecoaudit runs import Llama-3.1-8B-Instruct__lm-arena-chat.json --engine vllm \\
      --engine-version 0.11.1 --pick gpu=H100 --pick gpus=1 -o run.json""",
)
@click.argument("files", nargs=-1, required=True, type=click.Path(path_type=Path))
@click.option(
    "--from",
    "tool",
    type=click.Choice(["vllm", "guidellm", "aiperf", "ml-energy"]),
    help="Which tool wrote them; found out by their keys otherwise.",
)
@click.option("--model", metavar="M", help="The model, if the file does not say.")
@click.option("--engine", metavar="E", help="What served, such as vllm, if the file does not say.")
@click.option("--engine-version", metavar="V", help="Its version, if the file does not say.")
@click.option(
    "--concurrency",
    type=click.IntRange(min=1),
    metavar="N",
    help="Requests in flight, of the loads whose file does not say.",
)
@click.option("--weights", metavar="F", help="Weight format, such as bf16 or int4.")
@click.option("--random-weights", is_flag=True, help="The weights were never trained.")
@click.option("--dtype", metavar="T", help="What was computed in, such as bfloat16.")
@click.option("--gpu", metavar="NAME", help="The GPU, by its maker's name.")
@click.option("--gpus", type=click.IntRange(min=1, max=1024), metavar="N", help="How many.")
@click.option(
    "--kv-cache", type=click.Choice(["on", "off"]), help="Whether the engine kept a KV cache."
)
@click.option(
    "--prefix-cache", type=click.Choice(["on", "off"]), help="Whether it kept prompts' beginnings."
)
@click.option("--workload", metavar="ID", help="The workload profile that the load was made of.")
@click.option(
    "--pick",
    "picks",
    multiple=True,
    callback=_picks,
    metavar="KEY=VALUE",
    help='Which loads are meant: gpu=H100, arrivals=constant, "load=1;all at once".',
)
@click.option("--name", help="Name of the run.")
@click.option("-o", "--output", metavar="FILE", required=True, help="Where to write the run.")
def command(
    files: tuple[Path, ...],
    tool: str | None,
    model: str | None,
    engine: str | None,
    engine_version: str | None,
    concurrency: int | None,
    weights: str | None,
    random_weights: bool,
    dtype: str | None,
    gpu: str | None,
    gpus: int | None,
    kv_cache: str | None,
    prefix_cache: str | None,
    workload: str | None,
    picks: dict[str, str],
    name: str | None,
    output: str,
) -> None:
    """One run of the result files of one sweep by another load tool.

    Reads the JSON of `vllm bench serve` (with --save-detailed, to have intervals), guidellm, aiperf
    and the ML.ENERGY leaderboard. Figures get ecoaudit's names and definitions; what a file leaves
    out is said with options, and the run says so.
    """
    from ecoaudit.cli.tables import print_run
    from ecoaudit.errors import UsageError
    from ecoaudit.importers import import_results
    from ecoaudit.importers.base import Setup
    from ecoaudit.importers.saying import Said

    target = Path(output)
    if any(target.absolute() == file.absolute() for file in files):
        raise UsageError(f"{output}: is one of the files to import; choose another -o")
    setup = Setup(
        model=model,
        engine=engine,
        engine_version=engine_version,
        weights=weights,
        dtype=dtype,
        gpu=gpu,
        gpus=gpus,
        kv_cache=kv_cache,
        prefix_cache=prefix_cache,
        workload=workload,
    )
    said = Said(setup, concurrency, random_weights)
    run = import_results(files, tool=tool, said=said, picks=picks, name=name)
    print_run(run, run.save(target))
