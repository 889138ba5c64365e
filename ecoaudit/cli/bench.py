"""``ecoaudit bench``: serve a model and drive a scenario's load."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any, Literal

import click

from ecoaudit.cli.options import output_option, seconds
from ecoaudit.errors import EcoauditError

if TYPE_CHECKING:
    from ecoaudit.engines import Engine
    from ecoaudit.run import Run
    from ecoaudit.scenario import Scenario
    from ecoaudit.workloads.loads import Load

MOST_LEVEL = 1024  # as a profile's bench.levels
MOST_RATE = 1000
MOST_S = 30 * 86400.0  # of any time that is given
AUTO = "auto"


class Number(click.FloatRange):
    """A finite number within limits; click takes ``nan`` for one within any."""

    def convert(
        self, value: Any, param: click.Parameter | None, ctx: click.Context | None
    ) -> float:
        """The number that was given."""
        number: float = super().convert(value, param, ctx)
        if not math.isfinite(number):
            self.fail(f"{value!r} is no number.", param, ctx)
        return number


def time_type(text: str) -> float:
    """A time of 30 days at most, in seconds; a type for options."""
    time_s = seconds(text)
    if time_s > MOST_S:
        raise click.BadParameter(f"expected a time of 30 days at most; got {text!r}")
    return time_s


def limit_type(text: str) -> float:
    """The same, above 0 s."""
    time_s = time_type(text)
    if time_s <= 0:
        raise click.BadParameter(f"expected a time above 0 s; got {text!r}")
    return time_s


def levels_type(text: str) -> tuple[int, ...] | str:
    """Whole numbers with commas between them, such as ``1,2,4``, or ``auto``; a type of options."""
    if text == AUTO:
        return text
    try:
        levels = tuple(int(part) for part in text.split(","))
    except ValueError:
        levels = ()
    if not levels or min(levels) < 1 or max(levels) > MOST_LEVEL:
        raise click.BadParameter(
            f"expected {AUTO}, or whole numbers from 1 to {MOST_LEVEL}, such as 1,2,4; got {text!r}"
        )
    return levels


def rates_type(text: str) -> tuple[float, ...]:
    """Numbers above 0 with commas between them, such as ``0.1,0.5``; a type for options."""
    try:
        rates = tuple(float(part) for part in text.split(","))
    except ValueError:
        rates = ()
    if not rates or not all(0 < rate <= MOST_RATE for rate in rates):
        raise click.BadParameter(
            f"expected arrivals a second, up to {MOST_RATE}, such as 0.1,0.5; got {text!r}"
        )
    return rates


@click.command(
    "bench",
    epilog="""\b
Examples:
  ecoaudit bench district-hospital-notes -o run.json
  ecoaudit bench urban-clinic-summaries --model Qwen/Qwen3-8B --levels auto
  ecoaudit bench my-clinic.yaml --model A --model B --budget 20min --resume -o runs/
  ecoaudit bench solar-rural-screening --rate 0.2,0.5 --window 60s
  ecoaudit bench solar-rural-screening --day 60
  ecoaudit bench district-hospital-notes --engine vllm-offline --batch 200 -o n.json
  ecoaudit bench urban-clinic-summaries -- --kv-cache-dtype fp8 --no-enable-prefix-caching
  ecoaudit bench my-clinic.yaml --url http://127.0.0.1:8000""",
)
@click.argument("scenario")
@click.argument("flags", nargs=-1, type=click.UNPROCESSED)
@click.option(
    "--engine",
    type=click.Choice(["vllm", "vllm-offline", "openai"]),
    help="vllm starts a server here (the default); openai attaches to the one at --url;"
    " vllm-offline gives a --batch to vLLM's LLM class.",
)
@click.option("--url", metavar="URL", help="Server to attach to; its key is in OPENAI_API_KEY.")
@click.option(
    "--model",
    "models",
    multiple=True,
    metavar="M",
    help="Folder or Hugging Face id of the model; several are measured one after the other.",
)
@click.option(
    "--weights",
    "weights",
    type=click.Choice(["random", "real"]),
    multiple=True,
    default=["real"],
    show_default="real",
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
@click.option(
    "--port",
    type=click.IntRange(1, 65535),
    metavar="N",
    help="Port of the server that ecoaudit starts; a free one by default.",
)
@click.option(
    "--ready-timeout",
    "ready_s",
    type=limit_type,
    metavar="TIME",
    help="Longest wait for the engine to be ready, as 30min, the default.",
)
@click.option("--allow-download", is_flag=True, help="Let the engine fetch a missing model.")
@click.option(
    "--levels",
    type=levels_type,
    metavar="N,N",
    help="Requests in flight, one load each; auto: 1, 2, 4 ... until more would tell nothing.",
)
@click.option(
    "--rate",
    "rates",
    type=rates_type,
    metavar="R,R",
    help="Arrivals a second that wait for no answer, one load each.",
)
@click.option(
    "--burstiness",
    type=Number(min=0.01, max=100),
    metavar="B",
    help="Of --rate: under 1 in bursts, over 1 more even (gamma); 1, the default, is Poisson.",
)
@click.option(
    "--day",
    "day_speed",
    type=Number(min=1.0, max=1000.0),
    metavar="X",
    help="One clinic day of the scenario, at X times its speed, which is X times its load.",
)
@click.option(
    "--batch", "batch_size", type=click.IntRange(min=1), metavar="N", help="N requests at once."
)
@click.option(
    "--arrivals",
    "trace",
    type=click.Path(exists=True, dir_okay=False),
    metavar="CSV",
    help="Requests as recorded: arrival_s,input_tokens,output_tokens.",
)
@click.option(
    "--window", "window_s", type=time_type, metavar="TIME", help="Shortest measured window, as 20s."
)
@click.option(
    "--idle", "idle_s", type=time_type, metavar="TIME", help="Length of the idle windows, as 10s."
)
@click.option(
    "--budget",
    "budget_s",
    type=time_type,
    metavar="TIME",
    help="Measure loads again, the least known first, until they are known to 5% or for so long.",
)
@click.option(
    "--timeout",
    "silence_s",
    type=limit_type,
    metavar="TIME",
    help="Longest wait for more of an answer, as 600s, the default; then it has failed.",
)
@click.option(
    "--resume", is_flag=True, help="Go on with what is at -o: its finished loads are kept."
)
@click.option("--name", help="Name of the run.")
@output_option("run file (JSON), or a folder for several; kept in the runs folder by default")
def command(
    scenario: str,
    flags: tuple[str, ...],
    engine: str | None,
    url: str | None,
    models: tuple[str, ...],
    weights: tuple[str, ...],
    weight_format: str | None,
    served_name: str | None,
    max_model_len: int | None,
    port: int | None,
    ready_s: float | None,
    allow_download: bool,
    levels: tuple[int, ...] | Literal["auto"] | None,
    rates: tuple[float, ...] | None,
    burstiness: float | None,
    day_speed: float | None,
    batch_size: int | None,
    trace: str | None,
    window_s: float | None,
    idle_s: float | None,
    budget_s: float | None,
    silence_s: float | None,
    resume: bool,
    name: str | None,
    output: str | None,
) -> int:
    """Serve a model and drive the load of SCENARIO, at several levels of requests in flight.

    Measures time to first token, time per token, throughput, memory and energy at each level, with
    the machine at rest measured first. Flags after -- go to vLLM's server as they are. Without a
    GPU and without --model it serves a toy model made on the spot. The engine is always taken down.
    """
    from ecoaudit.cli.bench_series import Member, series
    from ecoaudit.cli.lookups import lookups
    from ecoaudit.engines import make_engine
    from ecoaudit.engines.http import base_url
    from ecoaudit.scenario import load_scenario

    try:
        from ecoaudit.workloads.client import SILENCE_LIMIT_S
        from ecoaudit.workloads.inference import bench
    except ModuleNotFoundError as error:
        raise EcoauditError(
            f"bench needs {error.name}, which is not installed: pip install 'ecoaudit[bench]'"
        ) from error

    read = load_scenario(scenario, lookups(models=False, devices=False))
    engine = engine or ("vllm" if url is None else "openai")
    if flags and engine == "openai":
        raise click.UsageError("flags after -- are for an engine that ecoaudit starts")
    if served_name is not None and len(models) > 1:
        raise click.UsageError("--served-name is of one model: leave it out, or give one --model")
    if engine == "vllm-offline" and (not batch_size or levels or rates or day_speed or trace):
        raise click.UsageError(
            "--engine vllm-offline answers whole batches: give --batch N, and no other load"
        )
    if engine != "openai" and url is not None:
        raise click.UsageError("--url needs --engine openai")
    if port is not None and engine != "vllm":
        raise click.UsageError("--port is of the vllm engine, which ecoaudit starts")
    if burstiness is not None and rates is None:
        raise click.UsageError("--burstiness is of --rate: give one")
    if resume and output is None:
        raise click.UsageError("--resume goes on with what is at -o: give it")
    streams = _open_loads(read, rates or (), burstiness or 1.0, day_speed, batch_size, trace)

    def make(member: Member) -> tuple[Engine, dict[str, Any]]:
        """The engine, and what it was told that makes it another one to measure."""
        told: dict[str, Any] = {
            "model": member.model,
            "served_name": served_name,
            "max_model_len": max_model_len,
            "random_weights": member.weights == "random",
        }
        if engine == "openai":
            if len(models) > 1:
                told["served_name"] = member.model
            told |= {"url": url and base_url(url), "weights": weight_format or "unknown"}
            return make_engine(engine, **told), told
        told |= {"model": chosen_model(read, member.model), "flags": list(flags)}
        others: dict[str, Any] = {"allow_download": allow_download}
        if port is not None:
            others["port"] = port
        if ready_s is not None:
            others["ready_s"] = ready_s
        return make_engine(engine, **told, **others), told

    def measure(member: Member) -> Run:
        made, told = make(member)
        return bench(
            read,
            made,
            levels=levels,
            streams=streams,
            window_s=window_s,
            idle_s=idle_s,
            budget_s=budget_s,
            silence_s=SILENCE_LIMIT_S if silence_s is None else silence_s,
            engine_options=told,
            earlier=member.earlier,
            output=member.output,
            name=name,
            progress=say,
        )

    return series(models or (None,), weights, output, resume, measure)


def _open_loads(
    scenario: Scenario,
    rates: Sequence[float],
    burstiness: float,
    day_speed: float | None,
    batch_size: int | None,
    trace: str | None,
) -> list[Load]:
    """The loads whose requests do not wait for answers."""
    from ecoaudit.workloads.arrival_trace import read_trace
    from ecoaudit.workloads.arrivals import ClinicDay
    from ecoaudit.workloads.loads import Stream, batch, clinic_day

    loads: list[Load] = [Stream(rate, burstiness) for rate in rates]
    if day_speed is not None:
        demand = scenario.demand
        day = ClinicDay(
            scenario.requests_per_day.number,
            demand.opening.number,
            demand.peak_factor.number,
            day_speed,
        )
        loads.append(clinic_day(day))
    if batch_size is not None:
        loads.append(batch(batch_size))
    if trace is not None:
        loads.append(read_trace(trace))
    return loads


def say(line: str) -> None:
    """A line of progress, on the error stream."""
    click.echo(f"ecoaudit: {line}", err=True)


def vllm_engine(
    scenario: Scenario,
    *,
    name: str = "vllm",
    model: str | None = None,
    allow_download: bool = False,
    **options: Any,
) -> Engine:
    """The vLLM engine for a scenario: the model given, else one that this machine can serve.

    Without a GPU that is the toy model; with one, the scenario's first model, if it names any.
    """
    from ecoaudit.engines import make_engine

    model = chosen_model(scenario, model)
    return make_engine(name, model=model, allow_download=allow_download, **options)


def chosen_model(scenario: Scenario, model: str | None) -> str | None:
    """The model that vLLM is to serve; None: the toy model, which is said."""
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
    return model
