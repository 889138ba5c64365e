"""Renders the sample reports again: ``make reports``."""

from __future__ import annotations

from pathlib import Path

from ecoaudit.planning import make_plan
from ecoaudit.reporters import Content, reporter_for
from ecoaudit.run import load_run, write_text
from ecoaudit.scenario import load_scenario

HERE = Path(__file__).parent
RUNS = HERE.parent / "tests" / "data"
SUFFIXES = (".html", ".md")

# Bundled scenario -> the measured run behind its report, if there is one.
SAMPLES: dict[str, str | None] = {
    "district-hospital-notes": "district-hospital-notes.run.json",
    "solar-rural-screening": None,
}


def render(scenario: str) -> dict[Path, str]:
    """The text of each file of one sample."""
    run_file = SAMPLES[scenario]
    runs = () if run_file is None else (load_run(RUNS / run_file),)
    plan = make_plan(load_scenario(scenario), runs)
    given = "" if run_file is None else f" {run_file}"
    pages = {}
    for suffix in SUFFIXES:
        place = HERE / f"{scenario}{suffix}"
        command = (
            f"ecoaudit plan {scenario}{given} -o plan.json && "
            f"ecoaudit report plan.json{given} -o {place.name}"
        )
        pages[place] = reporter_for(place).render(Content(plan, runs, command))
    return pages


if __name__ == "__main__":
    for name in SAMPLES:
        for place, text in render(name).items():
            print(write_text(place, text))
