"""``ecoaudit calibrate``: what the planner needs to know of one's own card, in a few minutes."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import click

from ecoaudit.cli.bench import limit_type, say, time_type
from ecoaudit.cli.bench_series import INTERRUPTED_EXIT
from ecoaudit.cli.options import load_site_option, output_option, site_option
from ecoaudit.errors import EcoauditError

if TYPE_CHECKING:
    from ecoaudit.run import Run


@click.command(
    "calibrate",
    epilog="""\b
Examples:
  ecoaudit calibrate -o calibration.json
  ecoaudit calibrate --model ecoaudit/llama-3b -o calibration.json
  ecoaudit plan solar-rural-screening calibration.json""",
)
@click.argument("flags", nargs=-1, type=click.UNPROCESSED)
@click.option(
    "--model",
    metavar="M",
    help="Folder or Hugging Face id of a dense model; by default a Llama made on the spot, of one"
    " billion parameters on a GPU and 60 million without.",
)
@click.option(
    "--weights",
    type=click.Choice(["random", "real"]),
    default="random",
    show_default=True,
    help="random: the model's shape filled with noise, whose speed and power are the same.",
)
@click.option("--allow-download", is_flag=True, help="Let the engine fetch a missing model.")
@click.option(
    "--prompt",
    "long_prompt",
    type=click.IntRange(256, 32768),
    default=2048,
    show_default=True,
    metavar="N",
    help="Length of the long prompts, in tokens.",
)
@click.option(
    "--window",
    "window_s",
    type=limit_type,
    default="20s",
    show_default=True,
    metavar="TIME",
    help="Shortest measured window of each load.",
)
@click.option(
    "--idle",
    "idle_s",
    type=time_type,
    default="10s",
    show_default=True,
    metavar="TIME",
    help="Length of the windows at rest.",
)
@click.option(
    "--ready-timeout",
    "ready_s",
    type=limit_type,
    metavar="TIME",
    help="Longest wait for the engine to be ready, as 30min, the default.",
)
@site_option
@click.option("--name", help="Name of the run.")
@output_option("run file (JSON); kept in the runs folder by default")
def command(
    flags: tuple[str, ...],
    model: str | None,
    weights: str,
    allow_download: bool,
    long_prompt: int,
    window_s: float,
    idle_s: float,
    ready_s: float | None,
    site: str | None,
    name: str | None,
    output: str | None,
) -> int:
    """Measure this card, or this computer without one, so that plans need not go by its datasheet.

    Serves a model with vLLM: at rest, with 1, 4 and 16 requests in flight, and with long prompts,
    about five minutes. `ecoaudit plan SCENARIO calibration.json` then reckons with it for every
    model on this device. Flags after -- go to vLLM's server. The engine is always taken down.
    """
    from ecoaudit.engines import make_engine
    from ecoaudit.run import RunStatus

    try:
        from ecoaudit.workloads.calibration import calibrate
    except ModuleNotFoundError as error:
        raise EcoauditError(
            f"calibrate needs {error.name}, which is not installed: pip install 'ecoaudit[bench]'"
        ) from error

    model = default_model() if model is None else checked(model)
    told: dict[str, Any] = {
        "model": model,
        "random_weights": weights == "random",
        "flags": list(flags),
    }
    others: dict[str, Any] = {"allow_download": allow_download}
    if ready_s is not None:
        others["ready_s"] = ready_s
    run = calibrate(
        make_engine("vllm", **told, **others),
        site=load_site_option(site),
        window_s=window_s,
        idle_s=idle_s,
        long_prompt=long_prompt,
        asked=told,
        output=output,
        name=name,
        progress=say,
    )
    print_calibration(run, output)
    return INTERRUPTED_EXIT if run.status is RunStatus.INTERRUPTED else 0


def default_model() -> str:
    """A model that is made on the spot, larger where there is a GPU."""
    from ecoaudit.engines.toy_model import CALIBRATION_CPU, CALIBRATION_GPU
    from ecoaudit.engines.vllm_model import serves_on_gpu

    chosen = CALIBRATION_GPU if serves_on_gpu() else CALIBRATION_CPU
    say(f"no --model was given: serving {chosen}, made on the spot with random weights")
    return chosen


def checked(model: str) -> str:
    """The model, if a calibration with it could be used, as far as its files are here.

    Raises:
        UsageError: it has experts or a state, or a shape that is not computed.
    """
    from ecoaudit.engines.model_files import read_model_files
    from ecoaudit.factors.model_config import from_config
    from ecoaudit.sizing.calibration_run import check_dense

    config = read_model_files(model).config
    if config:
        check_dense(from_config(model, config, f"--model {model}"))
    return model


def print_calibration(run: Run, output: str | None) -> None:
    """What was measured, and what a plan makes of it."""
    from ecoaudit.cli.bench_table import print_bench
    from ecoaudit.cli.tables import console, quantity_row, table
    from ecoaudit.sizing.calibration import calibrations

    print_bench(run, output)
    out = console()
    found, failed = calibrations([run])
    for why in failed.values():
        out.print(f"no plan can use it: {why}", style="bold", soft_wrap=True)
    for name, each in found.items():
        rows = [quantity_row(*figure) for figure in each.figures()]
        out.print(table(f"what a plan takes for {name}", ("", "value", "80 %", "basis"), rows))
