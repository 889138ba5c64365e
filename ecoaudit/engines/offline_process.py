"""Runs vLLM's ``LLM`` class and answers batches over a Unix socket. A program of its own::

    python -m ecoaudit.engines.offline_process SOCKET [FLAG ...]

The flags are vLLM's engine flags. The socket is there once the model is loaded; who may reach it is
a matter of the folder that it lies in. A connection holds one exchange, in lines:

- ``facts``: one line comes back, a JSON object;
- ``metrics``: the engine's counters come back, as a server gives them under ``/metrics``;
- ``batch N`` and N lines, each the JSON body of a request as ``/v1/completions`` takes it: N lines
  come back in the same order when all have been answered, each a JSON object with
  ``prompt_tokens``, ``output_tokens``, ``first_s`` and ``last_s`` (CLOCK_MONOTONIC, by the engine),
  ``ids`` where the body asks to ``return_token_ids``, or ``error``: what went wrong, in some
  words of a closed list.

No prompt and no answer is printed or kept. Counters can be read while a batch is under way; one
batch follows the other. The program ends when vLLM's engine does, and otherwise not by itself.
"""

from __future__ import annotations

import contextlib
import json
import multiprocessing
import os
import queue
import socketserver
import sys
import threading
from collections.abc import Sequence
from concurrent.futures import Future
from multiprocessing.connection import wait
from typing import TYPE_CHECKING, Any, Final

if TYPE_CHECKING:
    from vllm import LLM

# What can be wrong with a request.
NO_PROMPT: Final = "no prompt"
TOO_LONG: Final = "longer than the context"
FAILED: Final = "engine failed"

Job = tuple[list[bytes], "Future[list[dict[str, Any]]]"]


def main(arguments: Sequence[str]) -> None:
    """Load the model, then answer batches for as long as the engine lives."""
    path, *flags = arguments
    from vllm import LLM, EngineArgs
    from vllm.utils.argparse_utils import FlexibleArgumentParser
    from vllm.v1.engine.exceptions import EngineDeadError

    parser = EngineArgs.add_cli_args(FlexibleArgumentParser(prog="vLLM's LLM class"))
    llm = LLM.from_engine_args(EngineArgs.from_cli_args(parser.parse_args(flags)))
    threading.Thread(target=_end_with_the_engine, daemon=True).start()
    jobs: queue.Queue[Job] = queue.Queue()
    server = _Server(path, facts(llm), jobs)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    while True:
        bodies, answered = jobs.get()
        try:
            answered.set_result(answers(llm, bodies))
        except EngineDeadError:
            raise
        except Exception as error:  # whatever it was, the next batch may do
            print(f"a batch failed: {type(error).__name__}", flush=True)  # its words may quote
            answered.set_result([{"error": FAILED}] * len(bodies))


def _end_with_the_engine() -> None:
    """End this program when a process of vLLM's engine does.

    ``LLM.generate`` waits for ever where its engine process was killed, as for want of memory (seen
    with vLLM 0.32.0).
    """
    processes = multiprocessing.active_children()
    if not processes:
        return  # the engine runs in this process
    wait([process.sentinel for process in processes])
    print("vLLM's engine process has ended", flush=True)
    os._exit(1)


def facts(llm: LLM) -> dict[str, Any]:
    """What the engine was set up with."""
    import vllm

    config = llm.llm_engine.vllm_config
    return {
        "version": vllm.__version__,
        "max_model_len": config.model_config.max_model_len,
        "max_num_seqs": config.scheduler_config.max_num_seqs,
        "max_num_batched_tokens": config.scheduler_config.max_num_batched_tokens,
        "enforce_eager": config.model_config.enforce_eager,
    }


def answers(llm: LLM, bodies: Sequence[bytes]) -> list[dict[str, Any]]:
    """Answer the requests of a batch; what is known of each, in the same order."""
    from vllm import SamplingParams

    asked = [json.loads(body) for body in bodies]
    wrong = [_wrong_with(body, llm.model_config.max_model_len) for body in asked]
    taken = [body for body, what in zip(asked, wrong, strict=True) if what is None]
    outputs = iter(
        llm.generate(
            [_prompt(body["prompt"]) for body in taken],
            [
                SamplingParams(
                    max_tokens=body["max_tokens"],
                    temperature=body.get("temperature", 1.0),
                    ignore_eos=body.get("ignore_eos", False),
                )
                for body in taken
            ],
            use_tqdm=False,
        )
        if taken
        else ()
    )
    return [
        _told(body, next(outputs)) if what is None else {"error": what}
        for body, what in zip(asked, wrong, strict=True)
    ]


def _wrong_with(body: dict[str, Any], longest: int) -> str | None:
    """Why a request cannot be answered; None when it can. A text's length is left to vLLM."""
    prompt = body.get("prompt")
    if not isinstance(prompt, str | list):
        return NO_PROMPT
    too_long = isinstance(prompt, list) and len(prompt) + body["max_tokens"] > longest
    return TOO_LONG if too_long else None


def _prompt(prompt: str | list[int]) -> dict[str, Any]:
    return {"prompt": prompt} if isinstance(prompt, str) else {"prompt_token_ids": prompt}


def _told(body: dict[str, Any], output: Any) -> dict[str, Any]:
    """What is known of one request, from vLLM's ``RequestOutput``."""
    (answer,) = output.outputs
    if answer.finish_reason not in ("length", "stop"):
        return {"error": FAILED}
    found = {
        "prompt_tokens": len(output.prompt_token_ids),
        "output_tokens": len(answer.token_ids),
        "first_s": output.metrics.first_token_ts,
        "last_s": output.metrics.last_token_ts,
    }
    if body.get("return_token_ids"):
        found["ids"] = list(answer.token_ids)
    return found


class _Server(socketserver.ThreadingUnixStreamServer):
    daemon_threads = True
    request_queue_size = 64  # connections that may wait; a further one would be refused

    def __init__(self, path: str, facts: dict[str, Any], jobs: queue.Queue[Job]):
        self.facts = facts
        self.jobs = jobs
        super().__init__(path, _Exchange)


class _Exchange(socketserver.StreamRequestHandler):
    server: _Server

    def handle(self) -> None:
        """Take what is asked and answer it; who asked may be gone by then."""
        with contextlib.suppress(ConnectionError):
            what, _, count = self.rfile.readline().decode().strip().partition(" ")
            if what == "facts":
                self.wfile.write(json.dumps(self.server.facts).encode() + b"\n")
            elif what == "metrics":
                from prometheus_client import REGISTRY, generate_latest

                self.wfile.write(generate_latest(REGISTRY))
            elif what == "batch":
                bodies = [self.rfile.readline() for _ in range(int(count))]
                if not all(bodies):
                    return  # cut off before the batch was whole
                answered: Future[list[dict[str, Any]]] = Future()
                self.server.jobs.put((bodies, answered))
                lines = [json.dumps(told) for told in answered.result()]
                self.wfile.write("".join(f"{line}\n" for line in lines).encode())


if __name__ == "__main__":
    main(sys.argv[1:])
