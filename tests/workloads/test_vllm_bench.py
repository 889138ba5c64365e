"""A real vLLM server under a real load: started, measured, interrupted, gone. One start for all.

The bench runs in a process of its own with its own home and temporary folder, so that every file
that it writes can be searched for the prompts. It is ended by SIGTERM in its second level: the
first level must be whole, the second must keep what had come, and nothing may be left running.
"""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
from dataclasses import dataclass
from pathlib import Path

import pytest

from ecoaudit.engines.toy_model import toy_model
from ecoaudit.run import CurvePoint, Run, RunStatus, load_run
from tests.engines.test_server_process import gone, living_in_group

REPOSITORY = Path(__file__).parents[2]
CANARY = "QuetzalcoatlZanzibar"
PROGRAM = """
import sys
sys.path.insert(0, sys.argv[1])
from ecoaudit.engines import make_engine
from ecoaudit.scenario import load_scenario
from ecoaudit.workloads.inference import bench
from tests.workloads.test_inference import short

engine = make_engine("vllm")

def progress(line):
    print(engine.process_group, line, flush=True)

bench(
    short(load_scenario("solar-rural-screening"), prompt=30, output=24),
    engine,
    levels=[2, 3],
    window_s=6.0,
    idle_s=1.0,
    shortest_steady_s=5.0,
    words=[sys.argv[3], "fever", "cough"],
    output=sys.argv[2],
    progress=progress,
)
"""


@dataclass(frozen=True)
class Seen:
    """What is left of the bench."""

    run: Run
    code: int
    group: int
    members: int
    folder: Path
    files_while_running: dict[str, bytes]
    text: str

    @property
    def level(self) -> CurvePoint:
        """The one that is whole."""
        return self.run.curve[0]


def contents(folder: Path) -> dict[str, bytes]:
    """Every file under a folder, read."""
    return {str(path): path.read_bytes() for path in folder.rglob("*") if path.is_file()}


@pytest.fixture(scope="module")
def seen(tmp_path_factory: pytest.TempPathFactory) -> Seen:
    folder = tmp_path_factory.mktemp("bench")
    (folder / "tmp").mkdir()
    environment = {
        **os.environ,
        "TMPDIR": str(folder / "tmp"),
        "ECOAUDIT_RUNS": str(folder / "runs"),
        "XDG_CACHE_HOME": str(folder / "cache"),
        "VLLM_CPU_KVCACHE_SPACE": "1",
    }
    output = folder / "run.json"
    process = subprocess.Popen(
        [sys.executable, "-c", PROGRAM, str(REPOSITORY), str(output), CANARY],
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        env=environment,
        cwd=folder,
    )
    assert process.stdout is not None
    lines: list[str] = []
    try:
        for line in process.stdout:
            lines.append(line)
            if " level 3: about" in line:
                break
        assert lines, "the bench said nothing"
        assert " level 3: about" in lines[-1], "".join(lines)
        group = int(lines[-1].split()[0])
        time.sleep(2.0)  # into the level, and past two flushes of the journal
        members, files = len(living_in_group(group)), contents(folder)
        process.send_signal(signal.SIGTERM)
        lines.append(process.stdout.read())
        code = process.wait()
    finally:
        process.kill()
        process.wait()
        process.stdout.close()
    return Seen(load_run(output), code, group, members, folder, files, "".join(lines))


@pytest.mark.engine
def test_the_server_ran_and_is_gone(seen: Seen) -> None:
    assert seen.members >= 3  # supervisor, server, engine core
    assert seen.code == -signal.SIGTERM
    assert gone(seen.group)
    assert seen.run.status is RunStatus.INTERRUPTED


@pytest.mark.engine
def test_the_interrupted_level_keeps_its_answers(seen: Seen) -> None:
    assert [point.level for point in seen.run.curve] == [2, 3]
    counts, cut = seen.run.settings["levels_seen"], seen.run.curve[1]
    assert (counts["2"]["cut"], counts["3"]["cut"]) == ("", "it was interrupted")
    assert cut.steady == {}
    assert cut.whole_run["duration_s"].number > 1.5
    sent, failed = counts["3"]["requests_sent"], counts["3"]["requests_failed"]
    assert failed == 0
    assert sent - 3 <= cut.whole_run["requests"].number <= sent  # up to three were in flight
    (said,) = (doubt.message for doubt in seen.run.doubts if doubt.code == "cut-load")
    assert said.startswith("level 3: ended early: it was interrupted; its figures are those")
    assert seen.run.settings["summary"]["load"] == "2"


@pytest.mark.engine
def test_tokens_are_those_of_the_servers_own_counters(seen: Seen) -> None:
    counts = seen.run.settings["levels_seen"]["2"]
    assert counts["requests_failed"] == 0
    assert counts["client_output_tokens"] == counts["server_output_tokens"] > 8 * 15
    assert counts["client_prompt_tokens"] == counts["server_prompt_tokens"]
    assert counts["prefix_hit_tokens"] == 0
    assert counts["preemptions"] == 0
    assert seen.level.whole_run["output_tokens"].number == counts["client_output_tokens"]


@pytest.mark.engine
def test_the_figures_are_sane(seen: Seen) -> None:
    found = {name: estimate.value or 0.0 for name, estimate in seen.level.steady.items()}
    assert found["duration_s"] >= 6.0
    assert found["requests_in_flight"] == pytest.approx(2, rel=0.15)
    assert 0.0005 < found["tpot_s_p50"] < 1.0
    assert 0.001 < found["ttft_s_p50"] <= found["ttft_s_p95"] < found["e2e_s_p95"] < 30
    assert found["e2e_s_p50"] > found["ttft_s_p50"] + 10 * found["tpot_s_p50"]
    assert found["energy_j"] > 0
    assert found["energy_per_output_token_j"] == pytest.approx(
        found["energy_j"] / found["output_tokens"]
    )
    assert found["peak_host_memory_bytes"] > 5e8  # the server's memory is in it
    assert seen.run.summary["idle_power_w"].number > 0


@pytest.mark.engine
def test_the_run_says_how_it_was_made(seen: Seen) -> None:
    settings = seen.run.settings
    assert settings["engine_version"][0].isdigit()
    assert settings["model"] == "ecoaudit/toy-llama"
    assert settings["weights"] == "bf16"
    assert settings["random_weights"] is True
    assert settings["dtype"] == "bfloat16"
    assert settings["cache"]["enable_prefix_caching"] == "True"
    assert settings["max_num_seqs"] == 64
    codes = {doubt.code for doubt in seen.run.doubts}
    assert {"random-weights", "approximate-lengths"} <= codes
    wrong = {"token-count-mismatch", "warm-prefix", "failed-requests", "not-saturated"}
    assert not wrong & codes, [doubt for doubt in seen.run.doubts if doubt.code in wrong]


@pytest.mark.engine
def test_no_prompt_is_in_any_file(seen: Seen) -> None:
    logs = [name for name in seen.files_while_running if name.endswith(".log")]
    assert len(logs) == 1
    assert b"Application startup complete" in seen.files_while_running[logs[0]]
    assert any(name.endswith(".journal.jsonl") for name in seen.files_while_running)
    for files in (seen.files_while_running, contents(seen.folder)):
        for name, content in files.items():
            assert CANARY.encode() not in content, name
    assert CANARY not in seen.text
    assert not list((seen.folder / "tmp").glob("ecoaudit-server-*"))  # the log went too


@pytest.mark.engine
def test_the_toy_model_is_the_same_each_time(tmp_path: Path, seen: Seen) -> None:
    made = toy_model(tmp_path / "toy")
    names = sorted(path.name for path in made.iterdir())
    assert names == ["config.json", "tokenizer.json", "tokenizer_config.json"]
    (cached,) = (seen.folder / "cache" / "ecoaudit").glob("toy-llama-*")
    for name in names:
        assert (made / name).read_bytes() == (cached / name).read_bytes()
    config = json.loads((made / "config.json").read_text())
    vocabulary = json.loads((made / "tokenizer.json").read_text())["model"]["vocab"]
    assert len(vocabulary) == config["vocab_size"] == 2048
    assert config["max_position_embeddings"] == 8192
    stamp = (made / "tokenizer.json").stat().st_mtime_ns
    assert toy_model(made) == made
    assert (made / "tokenizer.json").stat().st_mtime_ns == stamp
