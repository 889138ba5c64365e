"""Going on with a bench that was cut short, and measuring loads again."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from dataclasses import asdict, replace
from pathlib import Path
from typing import Any

import pytest

from ecoaudit.engines.base import EngineFacts, Progress
from ecoaudit.engines.fake import FakeEngine
from ecoaudit.errors import UsageError
from ecoaudit.recovery import run_at
from ecoaudit.run import RunStatus, load_run
from ecoaudit.scenario import Scenario, load_scenario
from ecoaudit.workloads.arrival_trace import read_trace
from ecoaudit.workloads.loads import Stream
from tests.workloads.test_inference import constant_300_w, drive, short

__all__ = ["constant_300_w"]
REPOSITORY = Path(__file__).parents[2]
PROGRAM = """
import sys
sys.path.insert(0, sys.argv[2])
from tests.workloads.test_inference import drive, short
from ecoaudit.engines.fake import FakeEngine
from ecoaudit.scenario import load_scenario
drive(short(load_scenario("solar-rural-screening")), FakeEngine(), levels=[1, 2],
      window_s=3.0, output=sys.argv[1], progress=lambda line: print(line, flush=True))
"""


@pytest.fixture
def scenario() -> Scenario:
    return short(load_scenario("solar-rural-screening"))


def stop_at(start: str) -> Any:
    """Progress that ends the bench as Ctrl-C does once a line begins so."""

    def progress(line: str) -> None:
        if line.startswith(start):
            raise KeyboardInterrupt

    return progress


def test_a_killed_bench_goes_on_with_the_levels_that_are_missing(
    scenario: Scenario, tmp_path: Path
) -> None:
    output = tmp_path / "run.json"
    process = subprocess.Popen(
        [sys.executable, "-c", PROGRAM, str(output), str(REPOSITORY)],
        stdout=subprocess.PIPE,
        text=True,
        env=dict(os.environ),
        cwd=REPOSITORY,
    )
    assert process.stdout is not None
    with process:
        for line in process.stdout:
            if line.startswith("level 2: about"):
                break
        time.sleep(1.5)  # past a flush of the journal
        process.send_signal(signal.SIGKILL)
    assert not output.exists()
    earlier = run_at(output)
    assert earlier is not None
    assert earlier.status is RunStatus.RECOVERED
    assert [point.level for point in earlier.curve] == [1]
    assert earlier.settings["model"] == "fake"
    told: list[str] = []
    run = drive(
        scenario,
        FakeEngine(),
        levels=[1, 2],
        window_s=3.0,
        earlier=earlier,
        output=output,
        progress=told.append,
    )
    assert run.status is RunStatus.COMPLETE
    assert [point.level for point in run.curve] == [1, 2]
    assert run.curve[:1] == earlier.curve
    assert "level 1: finished by the earlier run" in told
    assert [w.path for w in run.windows][5:] == ["level-2", "level-2/steady"]
    assert set(run.settings["levels_seen"]) == {"1", "2"}
    assert run.settings["resumed"] == [{"id": earlier.id, "loads": ["1"]}]
    assert "recovered" not in {doubt.code for doubt in run.doubts}
    again = drive(scenario, FakeEngine(), levels=[1, 2], window_s=3.0, earlier=load_run(output))
    assert again == run  # nothing was left to do


def test_a_load_that_was_cut_short_is_driven_again(scenario: Scenario, tmp_path: Path) -> None:
    earlier = drive(scenario, FakeEngine(), levels=[1, 2], progress=stop_at("level 2: about"))
    cut = replace(earlier, curve=[*earlier.curve, replace(earlier.curve[0], level=2)])
    cut.settings["levels_seen"]["2"]["cut"] = "it was interrupted"
    run = drive(scenario, FakeEngine(), levels=[1, 2], earlier=cut)
    assert run.curve[0] == earlier.curve[0]
    assert run.curve[1].steady["requests_in_flight"].number > 1.5


def test_a_run_of_something_else_is_not_gone_on_with(scenario: Scenario) -> None:
    earlier = drive(scenario, FakeEngine(), levels=[1])
    other = short(load_scenario("solar-rural-screening"), output=21)
    with pytest.raises(UsageError, match=r"the scenario has changed since \(workload\.output"):
        drive(other, FakeEngine(), levels=[1, 2], earlier=earlier)
    with pytest.raises(UsageError, match=r"window_s was 0\.5 and is 0\.6 now"):
        drive(scenario, FakeEngine(), levels=[1, 2], earlier=earlier, window_s=0.6)
    with pytest.raises(UsageError, match="random_weights was False and is True now"):
        drive(scenario, FakeEngine(random_weights=True), levels=[1, 2], earlier=earlier)
    with pytest.raises(UsageError, match="it holds no scenario"):
        drive(scenario, FakeEngine(), levels=[1, 2], earlier=replace(earlier, scenario=None))


class Unstarted(FakeEngine):
    """Nothing is to be started."""

    def start(self, progress: Progress, *, concurrency: int, context: int) -> EngineFacts:
        raise AssertionError("it was started")


@pytest.mark.parametrize(
    ("changes", "said"),
    [
        ({"window_s": 9.0}, r"window_s was 0\.5 and is 9\.0 now"),
        ({"idle_s": 0.4}, r"idle_s was 0\.3 and is 0\.4 now"),
        ({"silence_s": 5.0}, r"silence_s was 600\.0 and is 5\.0 now"),
        ({"engine_options": {"model": "some/other"}}, "model was 'one' and is 'some/other' now"),
        ({"engine_options": {}}, "model was 'one' and is None now"),
        (
            {"engine_options": {"model": "one", "flags": ["--dtype", "float16"]}},
            r"flags was None and is \['--dtype', 'float16'\] now",
        ),
    ],
)
@pytest.mark.parametrize("levels", [[1], [1, 2]])
def test_what_was_asked_is_compared_before_anything_is_started(
    scenario: Scenario, changes: dict[str, Any], said: str, levels: list[int]
) -> None:
    """Where nothing is left to do too: old figures are not given for something else."""
    common: dict[str, Any] = {"engine_options": {"model": "one"}}
    earlier = drive(scenario, FakeEngine(), levels=[1], **common)
    with pytest.raises(UsageError, match=said):
        drive(scenario, Unstarted(), levels=levels, earlier=earlier, **(common | changes))
    assert drive(scenario, Unstarted(), levels=[1], earlier=earlier, **common) == earlier


def test_another_engine_or_an_older_file_is_refused_before_anything_is_started(
    scenario: Scenario,
) -> None:
    class Another(Unstarted):
        name = "another"

    earlier = drive(scenario, FakeEngine(), levels=[1])
    with pytest.raises(UsageError, match="engine was 'fake' and is 'another' now"):
        drive(scenario, Another(), levels=[1], earlier=earlier)
    settings = {key: value for key, value in earlier.settings.items() if key != "asked"}
    with pytest.raises(UsageError, match="it does not say what was asked of it; measure anew"):
        drive(scenario, Unstarted(), levels=[1], earlier=replace(earlier, settings=settings))


def test_one_level_is_not_all_of_the_levels_that_choose_themselves(scenario: Scenario) -> None:
    earlier = drive(scenario, FakeEngine(slots=2), levels=[1])
    run = drive(scenario, FakeEngine(slots=2), levels="auto", earlier=earlier)
    assert [point.level for point in run.curve] == [1, 2, 4]
    assert run.curve[0] == earlier.curve[0]
    assert drive(scenario, Unstarted(), levels="auto", earlier=run) == run


def test_the_names_of_files_do_not_matter(scenario: Scenario) -> None:
    earlier = drive(scenario, FakeEngine(), levels=[1])
    renamed = replace(
        scenario,
        id="moved",
        site=replace(scenario.site, id="moved-site"),
        workload=replace(scenario.workload, id="moved-workload"),
        budget=scenario.budget.sourced("declared in moved.yaml"),
        bench=replace(scenario.bench, levels=[1, 2, 7]),
    )
    assert drive(renamed, Unstarted(), levels=[1], earlier=earlier) == earlier
    seeded = replace(scenario, bench=replace(scenario.bench, seed=2))
    with pytest.raises(UsageError, match=r"the scenario has changed since \(bench\.seed\)"):
        drive(seeded, Unstarted(), levels=[1], earlier=earlier)
    speaks = replace(scenario.workload, languages={"id": scenario.budget})
    first = replace(earlier, scenario=asdict(replace(scenario, workload=speaks)))
    with pytest.raises(UsageError, match=r"\(workload\.languages\.id\)"):  # Indonesian
        drive(scenario, Unstarted(), levels=[1], earlier=first)


class Described(FakeEngine):
    """A server of a version, with a cache."""

    def __init__(self, version: str = "1", block: int = 16, blocks: int = 1000):
        super().__init__()
        self._version_told = version
        self._block = block
        self._blocks = blocks

    def start(self, progress: Progress, *, concurrency: int, context: int) -> EngineFacts:
        facts = super().start(progress, concurrency=concurrency, context=context)
        return replace(facts, version=self._version_told)

    async def _metrics(self, request: Any) -> Any:
        found = await super()._metrics(request)
        cache = f'block_size="{self._block}",num_gpu_blocks="{self._blocks}"'
        found.text = f"{found.text}vllm:cache_config_info{{{cache}}} 1\n"
        return found


def test_what_is_known_only_once_it_runs_is_compared_then(scenario: Scenario) -> None:
    earlier = drive(scenario, Described(), levels=[1])
    for engine, said in (
        (Described(version="2"), "engine_version was '1' and is '2' now"),
        (Described(block=32), r"cache\.block_size was '16' and is '32' now"),
    ):
        with pytest.raises(UsageError, match=said):
            drive(scenario, engine, levels=[1, 2], earlier=earlier)
        assert engine.alive() is not None
    # how much was free for the cache differs at each start
    run = drive(scenario, Described(blocks=998), levels=[1, 2], earlier=earlier)
    assert [point.level for point in run.curve] == [1, 2]


def test_another_server_that_runs_already_is_refused(scenario: Scenario) -> None:
    class Attached(FakeEngine):
        owns_server = False

    earlier = drive(scenario, Attached(), levels=[1])
    with pytest.raises(UsageError, match=r"url was 'http://127\.0\.0\.1:\d+' and is 'http"):
        drive(scenario, Attached(), levels=[1, 2], earlier=earlier)


def test_a_trace_that_was_edited_is_another_load(scenario: Scenario, tmp_path: Path) -> None:
    file = tmp_path / "t.csv"
    head = "arrival_s,input_tokens,output_tokens\n"
    file.write_text(head + "0,40,5\n0.2,50,7\n")
    earlier = drive(scenario, FakeEngine(), levels=None, streams=[read_trace(file)])
    file.write_text(head + "0,40,5\n0.2,90,7\n")
    edited = read_trace(file)
    run = drive(scenario, FakeEngine(), levels=None, streams=[edited], earlier=earlier)
    assert [point.whole_run["prompt_tokens"].number for point in run.curve] == [90, 130]
    assert run.curve[1].load == edited.name != run.curve[0].load
    assert drive(scenario, Unstarted(), levels=None, streams=[edited], earlier=run) == run


def test_levels_choose_themselves(scenario: Scenario) -> None:
    told: list[str] = []
    run = drive(scenario, FakeEngine(slots=2), levels="auto", progress=told.append)
    assert [point.level for point in run.curve] == [1, 2, 4]
    one, two, four = (p.steady["output_tokens_per_s"].number for p in run.curve)
    assert two > 1.5 * one
    assert four < 1.05 * two
    assert any(line.startswith("no higher level is tried") for line in told)
    assert run.settings["levels"] == "auto"


def test_a_load_is_measured_again_until_it_is_known_or_time_is_over(scenario: Scenario) -> None:
    told: list[str] = []
    bursts = Stream(15.0, burstiness=0.3)
    run = drive(
        scenario,
        FakeEngine(slots=2),
        levels=None,
        streams=[bursts],
        window_s=2.0,
        budget_s=12.0,
        progress=told.append,
    )
    ends = ("all loads are known well enough", "the time for further measuring is over")
    assert told[-2] in ends or told[-1] in ends
    times = [w for w in run.windows if w.path.startswith("gamma-15") and "/" not in w.path]
    assert [w.path for w in times][:2] == ["gamma-15", "gamma-15-time-2"]
    (point,) = run.curve
    found = point.whole_run
    assert found["duration_s"].number == pytest.approx(sum(w.duration_s for w in times), rel=1e-3)
    counts = run.settings["levels_seen"]
    sent = [seen["requests_sent"] - seen["requests_failed"] for seen in counts.values()]
    assert len(sent) == len(times) >= 2
    assert found["requests"].number == sum(sent)
    assert found["energy_j"].number == pytest.approx(300 * found["duration_s"].number, rel=0.02)
    tokens = sum(seen["client_output_tokens"] for seen in counts.values())
    assert found["output_tokens"].number == tokens
    batches = 10 * len(times)
    assert f"interval by {batches} batch means" in found["output_tokens_per_s"].source
