"""Files that the real ``vllm bench serve`` wrote of a real vLLM server, imported.

What is imported is held against the tool's own summary of the same requests, against the server's
own counter, and against the figures that ``ecoaudit bench`` writes.
"""

from __future__ import annotations

import json
import os
import re
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path
from statistics import median
from typing import Any
from urllib.request import urlopen

import pytest

from ecoaudit.engines import make_engine
from ecoaudit.engines.toy_model import toy_model
from ecoaudit.importers import import_results
from ecoaudit.importers.base import Setup
from ecoaudit.importers.saying import Said
from ecoaudit.run import CurvePoint, Run, load_run
from tests.importers.results import write

DATA = Path(__file__).parents[1] / "data"
# `vllm bench serve` has no module of its own to run, and its command fails on the CPU build. One
# process for all levels: importing it takes longer than a level.
PROGRAM = """
import json, sys
from vllm.benchmarks.serve import add_cli_args, main
from vllm.utils.argparse_utils import FlexibleArgumentParser
if __name__ == "__main__":
    parser = FlexibleArgumentParser(); add_cli_args(parser)
    for words in json.loads(sys.argv[1]):
        main(parser.parse_args(words))
"""
LEVELS = (1, 4)
REQUESTS, PROMPT, ANSWER = 12, 64, 24
# What is left out of the file without --save-detailed (vLLM 0.32.0).
DETAIL = ("input_lens", "output_lens", "start_times", "ttfts", "itls", "generated_texts", "errors")


@dataclass(frozen=True)
class Seen:
    """What the benches left."""

    file: Path
    results: list[dict[str, Any]]
    run: Run
    version: str
    server_tokens: float

    def point(self, level: int) -> CurvePoint:
        (found,) = [point for point in self.run.curve if point.level == level]
        return found


def generated(url: str) -> float:
    """The server's counter of tokens made."""
    with urlopen(f"{url}/metrics", timeout=30) as answer:
        text = answer.read().decode()
    return sum(
        map(float, re.findall(r"^vllm:generation_tokens_total\{.*\} (\S+)$", text, re.MULTILINE))
    )


@pytest.fixture(scope="module")
def seen(tmp_path_factory: pytest.TempPathFactory) -> Seen:
    folder = tmp_path_factory.mktemp("vllm-bench")
    file = folder / "result.json"
    engine = make_engine("vllm")
    facts = engine.start(lambda _: None, concurrency=max(LEVELS), context=256)
    try:
        before = generated(facts.url)
        levels = [
            [
                *("--backend", "vllm", "--endpoint", "/v1/completions"),
                *("--base-url", facts.url, "--model", facts.served_name),
                *("--tokenizer", str(toy_model()), "--dataset-name", "random"),
                *("--random-input-len", str(PROMPT), "--random-output-len", str(ANSWER)),
                *("--num-prompts", str(REQUESTS), "--max-concurrency", str(level)),
                *("--seed", str(level), "--temperature", "0", "--ignore-eos"),
                *("--percentile-metrics", "ttft,tpot,itl,e2el"),
                *("--metric-percentiles", "50,95,99", "--disable-tqdm"),
                *("--save-result", "--save-detailed", "--append-result"),
                *("--result-filename", str(file)),
            ]
            for level in LEVELS
        ]
        subprocess.run(
            [sys.executable, "-c", PROGRAM, json.dumps(levels)],
            check=True,
            cwd=folder,
            env=os.environ | {"HF_HUB_OFFLINE": "1", "VLLM_NO_USAGE_STATS": "1"},
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
            timeout=300,
        )
        made = generated(facts.url) - before
    finally:
        engine.stop()
    said = Said(Setup(engine_version=facts.version, weights="bf16"), random_weights=True)
    run = import_results([file], said=said)
    results = [json.loads(line) for line in file.read_text().splitlines() if line]
    return Seen(file, results, run, facts.version or "", made)


@pytest.mark.engine
def test_each_level_of_the_file_is_a_point(seen: Seen, tmp_path: Path) -> None:
    assert load_run(seen.run.save(tmp_path / "run.json")) == seen.run
    assert [point.level for point in seen.run.curve] == list(LEVELS)
    assert seen.run.settings["engine"] == "vllm"
    assert seen.run.settings["engine_version"] == seen.version
    assert not {doubt.code for doubt in seen.run.doubts} & {
        "failed-requests",
        "self-contradiction",
        "role-chunk",
        "summaries-only",
    }


@pytest.mark.engine
def test_tokens_are_those_of_the_servers_counter(seen: Seen) -> None:
    tokens = [seen.point(level).whole_run["output_tokens"].number for level in LEVELS]
    # One more request goes before each bench, to see that the server answers; it may be longer.
    assert sum(tokens) == len(LEVELS) * REQUESTS * ANSWER
    assert seen.server_tokens >= sum(tokens)
    assert seen.server_tokens == pytest.approx(sum(tokens), rel=0.25)


@pytest.mark.engine
def test_percentiles_are_those_of_the_tools_own_summary(seen: Seen) -> None:
    for result in seen.results:
        found = seen.point(result["max_concurrency"]).whole_run
        for theirs, ours in (
            ("ttft", "ttft"),
            ("tpot", "tpot"),
            ("e2el", "e2e"),
            ("itl", "chunk_gap"),
        ):
            for q in (50, 95):
                figure = found[f"{ours}_s_p{q}"]
                assert figure.number * 1e3 == pytest.approx(result[f"p{q}_{theirs}_ms"], rel=1e-9)
                assert figure.low is not None
                assert figure.high is not None
                assert figure.low <= figure.number <= figure.high


@pytest.mark.engine
def test_rates_are_near_the_tools_own(seen: Seen) -> None:
    """Theirs ends when the client has gathered all answers, ours with the last token."""
    for result in seen.results:
        found = seen.point(result["max_concurrency"]).whole_run
        assert found["duration_s"].number <= result["duration"]
        for ours, theirs in (
            ("output_tokens_per_s", "output_throughput"),
            ("requests_per_s", "request_throughput"),
        ):
            assert found[ours].number == pytest.approx(result[theirs], rel=0.05)
        in_flight = found["requests_in_flight"].number
        assert 0.8 * result["max_concurrency"] < in_flight <= result["max_concurrency"] + 1e-6


@pytest.mark.engine
def test_definitions_are_those_of_our_own_client(seen: Seen) -> None:
    """The same names as a bench of ours writes, and the identity that ties its times together."""
    own = load_run(DATA / "district-hospital-notes.run.json").curve[0].whole_run
    found = seen.point(4).whole_run
    not_read = {"client_cpu_s", "power_w"}
    missing = {name for name in own.keys() - found.keys() if "energy" not in name}
    assert {
        name for name in missing if not re.search(r"power|memory|goodput|service", name)
    } <= not_read
    for name in own.keys() & found.keys():
        assert found[name].unit == own[name].unit
    (result,) = [each for each in seen.results if each["max_concurrency"] == 4]
    answers = zip(result["ttfts"], result["latencies"], result["output_lens"], strict=True)
    per_token = [(whole - first) / (tokens - 1) for first, whole, tokens in answers]
    assert found["tpot_s_p50"].number == pytest.approx(median(per_token))


@pytest.mark.engine
def test_without_detail_the_figures_agree(seen: Seen, tmp_path: Path) -> None:
    bare = [{k: v for k, v in each.items() if k not in DETAIL} for each in seen.results]
    said = Said(Setup(engine_version=seen.version, weights="bf16"))
    run = import_results([write(tmp_path / "bare.json", *bare)], said=said)
    assert "summaries-only" in {doubt.code for doubt in run.doubts}
    for point in run.curve:
        detailed = seen.point(point.level or 0).whole_run
        for name in ("ttft_s_p50", "tpot_s_p50", "e2e_s_p50", "e2e_s_p95", "output_tokens"):
            assert point.whole_run[name].number == pytest.approx(detailed[name].number)
        rate = point.whole_run["output_tokens_per_s"].number
        assert rate == pytest.approx(detailed["output_tokens_per_s"].number, rel=0.05)
