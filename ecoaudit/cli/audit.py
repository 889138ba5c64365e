"""``ecoaudit audit``: the main job in one: bench, plan, report."""

from __future__ import annotations

from pathlib import Path

import click


@click.command(
    "audit",
    epilog="""\b
Examples:
  ecoaudit audit district-hospital-notes -o reports/local/hospital
  ecoaudit audit my-clinic.yaml --model /models/Qwen3-8B -o reports/local/mine""",
)
@click.argument("scenario")
@click.option("-o", "--output", metavar="DIR", required=True, help="Folder for the files.")
@click.option("--model", metavar="M", help="Folder or Hugging Face id of the model to serve.")
@click.option("--allow-download", is_flag=True, help="Let the engine fetch a missing model.")
def command(scenario: str, output: str, model: str | None, allow_download: bool) -> int:
    """Serve a model under SCENARIO's load, plan with what was measured, and write the report.

    Leaves run.json, plan.json, report.html and report.md in DIR. Without a GPU and without --model
    it serves a small model made on the spot: the engine and the load are then real, the weights
    are not, and every page says so.
    """
    from ecoaudit.cli.bench import say, vllm_engine
    from ecoaudit.cli.bench_table import print_bench
    from ecoaudit.cli.lookups import lookups
    from ecoaudit.cli.plan import print_plan
    from ecoaudit.planning import make_plan
    from ecoaudit.reporters import Content, reporter_for
    from ecoaudit.run import RunStatus, write_text
    from ecoaudit.scenario import load_scenario
    from ecoaudit.workloads.inference import bench

    asked = load_scenario(scenario, lookups())
    folder = Path(output)
    run_file = folder / "run.json"
    engine = vllm_engine(asked, model=model, allow_download=allow_download)
    run = bench(asked, engine, output=run_file, progress=say)
    print_bench(run, str(run_file))
    if run.status is not RunStatus.COMPLETE:
        say(f"the run is {run.status}: no plan was made; {run_file} holds what was measured")
        return 130 if run.status is RunStatus.INTERRUPTED else 1

    say("planning")
    plan = make_plan(asked, [run])
    plan.save(folder / "plan.json")
    click.echo()
    print_plan(plan, asked)

    content = Content(plan, (run,), f"ecoaudit audit {asked.id} -o {folder.name}")
    pages = [folder / "report.html", folder / "report.md"]
    for page in pages:
        write_text(page, reporter_for(page).render(content))
    click.echo(f"\nreport: {pages[0]}\n        {pages[1]}")
    return 0
