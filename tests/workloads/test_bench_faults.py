"""What goes wrong with a real vLLM server: clear words, nothing left running, nothing lost.

One story in three starts of the server: the bench is killed in its second level; going on with it,
the server's engine is killed there; going on again with a second model that does not exist, the
first is measured to its end.
"""

from __future__ import annotations

import os
import signal
import socket
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

import psutil
import pytest

from ecoaudit.engines.toy_model import TOY_MODEL
from ecoaudit.engines.vllm import HOST, VllmServer
from ecoaudit.engines.vllm_offline import VllmOffline
from ecoaudit.errors import EngineError
from ecoaudit.recovery import run_at
from ecoaudit.run import Run, RunStatus
from tests.engines.test_server_process import gone, living_in_group
from tests.short_scenario import short_scenario
from tests.workloads.test_vllm_bench import contents

REPOSITORY = Path(__file__).parents[2]
SCENARIO = short_scenario("{levels: [1, 2], window: 3 s, idle: 500 ms}", output="{mean: 24, sd: 4}")
IN_LEVEL_2 = " level 2: about"
INTO_IT_S = 2.0


# -- a server that never is one ------------------------------------------------------------------


def silent(_: str) -> None:
    """Nobody listens."""


@pytest.fixture
def temporary(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """An empty temporary folder of its own."""
    folder = tmp_path / "tmp"
    folder.mkdir()
    monkeypatch.setattr(tempfile, "tempdir", str(folder))
    return folder


def supervisors() -> list[int]:
    """Supervisors of servers that this process has started and that still run."""
    own = psutil.Process().children()
    return [child.pid for child in own if any("supervise" in word for word in child.cmdline())]


@pytest.mark.engine
@pytest.mark.parametrize(("kind", "what"), [(VllmServer, "server"), (VllmOffline, "LLM class")])
def test_one_that_never_gets_ready_is_given_up(
    kind: type[VllmServer] | type[VllmOffline], what: str, temporary: Path
) -> None:
    engine = kind(ready_s=1.5)
    with pytest.raises(EngineError) as caught:
        engine.start(silent, concurrency=1, context=200)
    first, last = str(caught.value).splitlines()[0], list(temporary.iterdir())
    assert f"{what} was not ready after 2 s: " in first
    assert "wait longer" in first
    assert [str(log) in first for log in last] in ([True], [])  # no log of nothing
    assert supervisors() == []
    assert "not running" in str(engine.alive())


@pytest.mark.engine
def test_a_port_that_is_taken_is_refused_before_the_start(temporary: Path) -> None:
    with socket.create_server((HOST, 0)) as other:
        port = other.getsockname()[1]
        with pytest.raises(EngineError) as caught:
            VllmServer(port=port).start(silent, concurrency=1, context=200)
    said = str(caught.value)
    assert f"--port {port}: another program listens there; end it, give another port" in said
    assert f"--engine openai --url http://127.0.0.1:{port}" in said
    assert list(temporary.iterdir()) == []  # not even a log


@pytest.mark.engine
def test_a_model_that_is_not_here_is_refused_before_the_start(temporary: Path) -> None:
    with pytest.raises(EngineError, match="model org/none is not on this machine; check its name"):
        VllmServer("org/none").start(silent, concurrency=1, context=200)
    assert list(temporary.iterdir()) == []


@pytest.mark.engine
def test_a_model_that_does_not_fit_into_memory(temporary: Path) -> None:
    engine = VllmServer(flags=["--gpu-memory-utilization", "1.0"])  # all, of which some is taken
    with pytest.raises(EngineError) as caught:
        engine.start(silent, concurrency=1, context=2000)
    first, cause, *_, last = str(caught.value).splitlines()
    assert first.startswith("the vLLM server did not start: memory ran out; take a smaller model")
    assert cause.startswith("ValueError: Available memory on node 0 (")  # far above the last lines
    assert last.startswith("RuntimeError: Engine core initialization failed")
    assert supervisors() == []


# -- the story -----------------------------------------------------------------------------------


@dataclass(frozen=True)
class Ended:
    """A bench that has ended.

    Attributes:
        code: its exit code.
        said: all that it printed.
        left: processes of the server's group, long after its end.
        run: what is at ``-o``, or can be recovered from its journal.
    """

    code: int
    said: str
    left: bool
    run: Run


class Bench:
    """``ecoaudit bench`` in a process of its own.

    Args:
        folder: its home; ``-o`` is a folder in it.
        arguments: after the scenario.
    """

    def __init__(self, folder: Path, *arguments: str | Path):
        scenario = folder / "short.yaml"
        scenario.write_text(SCENARIO)
        words = [sys.executable, "-m", "ecoaudit", "bench", scenario, *arguments]
        (folder / "tmp").mkdir(exist_ok=True)
        self._process = subprocess.Popen(
            [str(word) for word in words],
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            cwd=folder,
            env={
                **os.environ,
                "PYTHONPATH": str(REPOSITORY),
                "TMPDIR": str(folder / "tmp"),
                "ECOAUDIT_RUNS": str(folder / "runs"),
                "XDG_CACHE_HOME": str(folder / "cache"),
            },
        )
        self._lines: list[str] = []
        self.group = 0

    def until(self, text: str) -> None:
        """Read until it says so, and note the group of its server."""
        assert self._process.stdout is not None
        for line in self._process.stdout:
            self._lines.append(line)
            if text in line:
                self.group = os.getpgid(self.find("EngineCore"))
                return
        raise AssertionError("".join(self._lines))

    def find(self, name: str) -> int:
        """A process below it by a part of its command line."""
        below = psutil.Process(self._process.pid).children(recursive=True)
        (found,) = (child.pid for child in below if name in child.cmdline()[0])
        return found

    def kill(self) -> None:
        """As the kernel would."""
        self._process.send_signal(signal.SIGKILL)

    def ended(self, output: Path) -> Ended:
        """Wait for its end."""
        assert self._process.stdout is not None
        with self._process:
            self._lines.append(self._process.stdout.read())
            code = self._process.wait()
        left = bool(self.group) and not gone(self.group)
        run = run_at(output)
        assert run is not None
        return Ended(code, "".join(self._lines), left, run)


@dataclass(frozen=True)
class Story:
    """The benches, one after the other, at one ``-o``."""

    client_killed: Ended
    engine_killed: Ended
    with_a_missing_model: Ended
    once_more: Ended
    folder: Path


@pytest.fixture(scope="module")
def story(tmp_path_factory: pytest.TempPathFactory) -> Story:
    folder = tmp_path_factory.mktemp("story")
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("ECOAUDIT_RUNS", str(folder / "runs"))  # where run_at looks for journals
        output = folder / "models" / "toy-llama.json"
        one: Sequence[str | Path] = ("--model", TOY_MODEL, "-o", output)
        two = ("--model", TOY_MODEL, "--model", "/nowhere", "-o", output.parent, "--resume")

        bench = Bench(folder, *one)
        bench.until(IN_LEVEL_2)
        time.sleep(INTO_IT_S)
        bench.kill()
        client_killed = bench.ended(output)

        bench = Bench(folder, *one, "--resume")
        bench.until(IN_LEVEL_2)
        time.sleep(INTO_IT_S)
        os.kill(bench.find("EngineCore"), signal.SIGKILL)
        engine_killed = bench.ended(output)

        bench = Bench(folder, *two)
        bench.until(IN_LEVEL_2)
        with_a_missing_model = bench.ended(output)
        once_more = Bench(folder, *two).ended(output)
    return Story(client_killed, engine_killed, with_a_missing_model, once_more, folder)


def loads(run: Run) -> list[int | None]:
    return [point.level for point in run.curve]


@pytest.mark.engine
def test_a_killed_bench_takes_its_server_along_and_leaves_its_levels(story: Story) -> None:
    ended = story.client_killed
    assert ended.code == -signal.SIGKILL
    assert not ended.left
    assert ended.run.status is RunStatus.RECOVERED
    assert loads(ended.run) == [1]
    assert "level-2" in {window.path for window in ended.run.windows}


@pytest.mark.engine
def test_a_bench_whose_engine_was_killed_is_failed_and_keeps_its_answers(story: Story) -> None:
    ended, first = story.engine_killed, story.client_killed.run
    assert ended.code == 1
    assert not ended.left
    assert "level 1: finished by the earlier run" in ended.said
    assert "ecoaudit: the vLLM server " in ended.said
    assert "The last lines of its log:" in ended.said
    assert "what was measured is in" in ended.said
    assert "Traceback" not in ended.said.partition("The last lines of its log:")[0]
    run = ended.run
    assert run.status is RunStatus.FAILED
    assert loads(run) == [1, 2]
    assert run.curve[0] == first.curve[0]
    assert run.curve[1].whole_run["requests"].number >= 1
    assert run.curve[1].steady == {}
    assert run.settings["levels_seen"]["2"]["cut"] != ""
    assert "cut-load" in {doubt.code for doubt in run.doubts}


@pytest.mark.engine
def test_a_model_that_is_not_there_does_not_keep_the_others_from_being_measured(
    story: Story,
) -> None:
    ended = story.with_a_missing_model
    assert ended.code == 1
    assert not ended.left
    assert "the model /nowhere is not on this machine" in ended.said
    assert "1 of 2 were not measured: /nowhere" in ended.said
    run = ended.run
    assert run.status is RunStatus.COMPLETE
    assert loads(run) == [1, 2]
    assert run.curve[0] == story.client_killed.run.curve[0]
    assert run.settings["levels_seen"]["2"]["cut"] == ""
    codes = {said.code for said in run.doubts}
    assert not {"recovered", "cut-load", "failed-requests"} & codes


@pytest.mark.engine
def test_going_on_then_tries_the_missing_one_alone(story: Story) -> None:
    ended = story.once_more
    assert ended.code == 1
    assert "the earlier run has all of it" in ended.said
    assert "the model /nowhere is not on this machine" in ended.said
    assert "is starting" not in ended.said
    assert ended.run == story.with_a_missing_model.run
    assert [path.name for path in (story.folder / "models").iterdir()] == ["toy-llama.json"]
    assert not list((story.folder / "runs").glob("*.journal.jsonl"))


# -- a server that refuses all -------------------------------------------------------------------

REFUSES = """
import asyncio, sys
from aiohttp import web
from tests.short_scenario import short_scenario

async def models(_):
    return web.json_response({"data": [{"id": "refuses", "max_model_len": 4096}]})

async def no(_):
    return web.Response(status=500, text="QuetzalcoatlZanzibar")

async def main():
    app = web.Application()
    app.router.add_get("/v1/models", models)
    app.router.add_route("*", "/{rest:.*}", no)
    runner = web.AppRunner(app)
    await runner.setup()
    site = web.TCPSite(runner, "127.0.0.1", 0)
    await site.start()
    print(runner.addresses[0][1], flush=True)
    await asyncio.Event().wait()

asyncio.run(main())
"""


@pytest.fixture
def refusing() -> Iterator[str]:
    process = subprocess.Popen([sys.executable, "-c", REFUSES], stdout=subprocess.PIPE, text=True)
    assert process.stdout is not None
    with process:
        yield f"http://127.0.0.1:{process.stdout.readline().strip()}"
        process.kill()


def test_a_server_that_answers_500_to_everything(refusing: str, tmp_path: Path) -> None:
    scenario, output = tmp_path / "short.yaml", tmp_path / "run.json"
    scenario.write_text(SCENARIO)
    done = subprocess.run(
        [sys.executable, "-m", "ecoaudit", "bench", scenario, "--url", refusing, "-o", output],
        capture_output=True,
        text=True,
        check=False,
        timeout=60,
    )
    assert done.returncode == 1
    assert f"{refusing}: it answers neither /v1/completions nor /v1/chat/completions" in done.stderr
    assert "Traceback" not in done.stderr
    assert not output.exists()
    for name, content in contents(tmp_path).items():
        assert b"QuetzalcoatlZanzibar" not in content, name
    assert "QuetzalcoatlZanzibar" not in done.stdout + done.stderr


def test_the_helper_that_looks_for_survivors_finds_this_process() -> None:
    assert os.getpid() in living_in_group(os.getpgid(0))
