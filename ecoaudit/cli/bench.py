"""``ecoaudit bench``: serve a model and drive a scenario's load."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import click

from ecoaudit.cli.options import output_option, seconds

if TYPE_CHECKING:
    from ecoaudit.engines import Engine
    from ecoaudit.run import CurvePoint, Run
    from ecoaudit.scenario import Scenario

MOST_LEVEL = 1024  # as a profile's bench.levels


def levels_type(text: str) -> tuple[int, ...]:
    """Whole numbers with commas between them, such as ``1,2,4``; a type for options."""
    try:
        levels = tuple(int(part) for part in text.split(","))
    except ValueError:
        levels = ()
    if not levels or min(levels) < 1 or max(levels) > MOST_LEVEL:
        raise click.BadParameter(
            f"expected whole numbers from 1 to {MOST_LEVEL}, such as 1,2,4; got {text!r}"
        )
    return levels


@click.command(
    "bench",
    epilog="""\b
Examples:
  ecoaudit bench district-hospital-notes -o run.json
  ecoaudit bench urban-clinic-summaries --model Qwen/Qwen3-8B --levels 1,4,8
  ecoaudit bench my-clinic.yaml --url http://127.0.0.1:8000""",
)
@click.argument("scenario")
@click.option(
    "--engine",
    type=click.Choice(["vllm", "openai"]),
    help="vllm starts a server here (the default); openai attaches to the one at --url.",
)
@click.option("--url", metavar="URL", help="Server to attach to; its key is in OPENAI_API_KEY.")
@click.option("--model", metavar="M", help="Folder or Hugging Face id of the model.")
@click.option(
    "--weights",
    type=click.Choice(["random", "real"]),
    default="real",
    show_default=True,
    help="random: the model's shape filled with noise, for speed and energy without a download.",
)
@click.option(
    "--weight-format", metavar="F", help="Such as bf16 or int4, if an attached server has it."
)
@click.option("--served-name", metavar="NAME", help="The model's name in requests.")
@click.option(
    "--max-model-len",
    type=click.IntRange(min=64),
    metavar="N",
    help="Longest prompt and answer together, in tokens; what the load needs by default.",
)
@click.option("--allow-download", is_flag=True, help="Let the engine fetch a missing model.")
@click.option("--levels", type=levels_type, metavar="N,N", help="Requests in flight, one run each.")
@click.option(
    "--window", "window_s", type=seconds, metavar="TIME", help="Shortest measured window, as 20s."
)
@click.option(
    "--idle", "idle_s", type=seconds, metavar="TIME", help="Length of the idle windows, as 10s."
)
@click.option("--name", help="Name of the run.")
@output_option("run file (JSON); kept in the runs folder by default")
def command(
    scenario: str,
    engine: str | None,
    url: str | None,
    model: str | None,
    weights: str,
    weight_format: str | None,
    served_name: str | None,
    max_model_len: int | None,
    allow_download: bool,
    levels: tuple[int, ...] | None,
    window_s: float | None,
    idle_s: float | None,
    name: str | None,
    output: str | None,
) -> int:
    """Serve a model and drive the load of SCENARIO, at several levels of requests in flight.

    Measures time to first token, time per token, throughput, memory and energy at each level, with
    the machine at rest measured first. Without a GPU and without --model it serves a toy model
    made on the spot. The engine is always taken down.
    """
    from ecoaudit.cli.lookups import lookups
    from ecoaudit.engines import make_engine
    from ecoaudit.run import RunStatus
    from ecoaudit.scenario import load_scenario
    from ecoaudit.workloads.inference import bench

    read = load_scenario(scenario, lookups(models=False, devices=False))
    common: dict[str, Any] = {
        "model": model,
        "served_name": served_name,
        "max_model_len": max_model_len,
        "random_weights": weights == "random",
    }
    engine = engine or ("vllm" if url is None else "openai")
    if engine == "openai":
        made = make_engine("openai", url=url, weights=weight_format or "unknown", **common)
    elif url is not None:
        raise click.UsageError("--url needs --engine openai")
    else:
        made = vllm_engine(read, allow_download=allow_download, **common)
    run = bench(
        read,
        made,
        levels=levels,
        window_s=window_s,
        idle_s=idle_s,
        output=output,
        name=name,
        progress=say,
    )
    print_bench(run, output)
    return 130 if run.status is RunStatus.INTERRUPTED else 0


def say(line: str) -> None:
    """A line of progress, on the error stream."""
    click.echo(f"ecoaudit: {line}", err=True)


def vllm_engine(
    scenario: Scenario, *, model: str | None = None, allow_download: bool = False, **options: Any
) -> Engine:
    """The vLLM engine for a scenario: the model given, else one that this machine can serve.

    Without a GPU that is the toy model; with one, the scenario's first model, if it names any.
    """
    from ecoaudit.engines import make_engine

    if model is None:
        from ecoaudit.engines.vllm import serves_on_gpu

        gpu = serves_on_gpu()
        model = scenario.models[0] if gpu and scenario.models else None
        if model is None:
            why = "the scenario names no model" if gpu else "there is no GPU here"
            say(
                f"{why} and no --model was given: serving a small Llama made on the spot. "
                "The engine and the load are real, its weights are random"
            )
    return make_engine("vllm", model=model, allow_download=allow_download, **options)


def print_bench(run: Run, output: str | None) -> None:
    """A row per level, the doubts, and where the run lies."""
    from ecoaudit.cli.tables import console, print_doubts, table

    out = console()
    chosen = run.settings.get("summary", {})
    if run.curve:
        columns = (
            "in flight",
            "window",
            "requests",
            "first token p50/p95",
            "per token p50",
            "answer p50/p95",
            "tokens/s",
            "power",
            "J/token",
            "J/request",
        )
        out.print(table(run.name, columns, [_row(point) for point in run.curve]))
    if chosen:
        out.print(f"the run's figures: {chosen['why']}", markup=False)
    if "idle_power_w" in run.summary:
        out.print(f"idle, model loaded: {run.summary['idle_power_w']}", markup=False)
    print_doubts(run.doubts, out)
    if run.status != "complete":
        out.print(f"the run is {run.status}", style="bold")
    from ecoaudit.journal import runs_folder

    place = output if output is not None else runs_folder() / f"{run.id}.json"
    out.print(f"run: {place}", soft_wrap=True, markup=False)


def _row(point: CurvePoint) -> tuple[str, ...]:
    from ecoaudit.units import human, significant

    found = point.steady or point.whole_run

    def shown(*names: str) -> str:
        return " / ".join(human(found[name].value, found[name].unit) for name in names)

    def bare(name: str) -> str:
        value = found[name].value
        return "absent" if value is None else significant(value)

    return (
        str(point.level),
        f"{'steady' if point.steady else 'whole'}, {found['duration_s'].value or 0:.0f} s",
        bare("requests"),
        shown("ttft_s_p50", "ttft_s_p95"),
        shown("tpot_s_p50"),
        shown("e2e_s_p50", "e2e_s_p95"),
        bare("output_tokens_per_s"),
        shown("power_w"),
        bare("energy_per_output_token_j"),
        bare("energy_per_request_j"),
    )
