"""What vLLM prints: its settings, and why it did not start."""

from __future__ import annotations

import re
import signal
from typing import Any, Final

from ecoaudit.engines.server_process import ServerProcess, last_lines
from ecoaudit.errors import EngineError

LOG_LINES: Final = 12
_WAIT_LONGER: Final = (
    "if it is still loading, wait longer with --ready-timeout; if it hangs, see its log"
)
_PRINTED_NOTHING: Final = "It had printed nothing."
# What the log of a failed start says, and what to do about it; the first that is found counts.
_REMEDIES: Final = {
    r"torchvision::nms|_torchaudio|libtorchcodec": (
        "vLLM's CPU build comes with packages that do not match its torch; "
        "pip uninstall -y torchvision torchaudio torchcodec"
    ),
    r"out of memory|OutOfMemory|No available memory for the cache|Cannot allocate memory"
    r"|Free memory on device|Available memory on node|larger than the available KV cache": (
        "memory ran out; take a smaller model or weight format, or a smaller --max-model-len"
    ),
    r"gated repo|401 Client Error|403 Client Error|awaiting a review": (
        "the model's licence must be accepted on its page, and HF_TOKEN set, before the download"
    ),
    r"offline mode|HF_HUB_OFFLINE|LocalEntryNotFound|couldn't connect to|not a local folder"
    r"|Repository Not Found|not a valid model identifier|Invalid repository ID": (
        "the model is not on this machine; check its name, give a folder, or pass --allow-download"
    ),
    r"max_model_len .*(greater|larger) than|max_position_embeddings": (
        "pass a smaller --max-model-len"
    ),
    r"error: (unrecognized arguments|argument |ambiguous option)": (
        "vLLM does not know a flag after the --, or its value; see the last line"
    ),
    r"ipc path .* is longer than|AF_UNIX path too long": (
        "the temporary folder's name is too long for a socket; set TMPDIR to a shorter one"
    ),
    r"[Aa]ddress already in use": "another program took the port; run it again",
    r"No module named": "the installation is not whole; install vLLM again",
}
# What stands before a line: the process, and level, time and place of what is logged.
_BEFORE: Final = r"^(?:\([\w-]+ pid=\d+\) *)?(?:[A-Z]+ \S+ \S+ \[\S+\] *)?"
_ERROR: Final = re.compile(_BEFORE + r"(\w*(?:Error|Exception): .+)", re.MULTILINE)
_LONGEST_LINE: Final = 400
_PARALLEL: Final = ("tensor_parallel_size", "pipeline_parallel_size", "data_parallel_size")
# What the engine's processes say of their memory [GiB], to two places: each of them, or the first
# alone. vLLM 0.32: worker/gpu_model_runner.py, worker/gpu_worker.py, worker/cpu_worker.py.
_MEMORY: Final = {
    "weights": (r"Model loading took ([\d.]+) GiB",),
    "kv_cache": (
        r"Available KV cache memory: ([\d.]+) GiB",
        r"reserved ([\d.]+) GiB memory for KV Cache",
        r"(?:Explicitly|Auto) set \(([\d.]+)/[\d.]+\) GiB for KV cache",
    ),
}


def remedy(log: str) -> str:
    """What to do about a failed start, from its log."""
    return _advice(log)[0]


def _advice(log: str) -> tuple[str, str]:
    """What to do about a failed start, and the line of the log that tells it.

    The last lines of a log seldom tell: each process above the one that failed adds its own.
    """
    for pattern, advice in _REMEDIES.items():
        match = re.search(rf".*(?:{pattern}).*", log)
        if match:
            return advice, re.sub(_BEFORE, "", match.group())[:_LONGEST_LINE]
    match = _ERROR.search(log)
    return "see its log", "" if match is None else match.group(1)[:_LONGEST_LINE]


def not_started(what: str, process: ServerProcess, limit_s: float) -> EngineError:
    """The error of an engine that did not get ready within ``limit_s`` seconds."""
    text, code = process.text(), process.exit_code()
    said = last_lines(text, LOG_LINES)
    if not said:
        if code is not None:
            return EngineError(f"{what} did not start: it {_how(code)}. {_PRINTED_NOTHING}")
        return EngineError(
            f"{what} was not ready after {limit_s:.0f} s: wait longer with --ready-timeout."
            f" {_PRINTED_NOTHING}"
        )
    if code is None:
        how, advice, cause = f"was not ready after {limit_s:.0f} s", _WAIT_LONGER, ""
    else:
        how, (advice, cause) = "did not start", _advice(text)
    told = f" It said:\n{cause}\n" if cause and cause not in said else " "
    return EngineError(
        f"{what} {how}: {advice}.{told}The last lines of its log ({process.log}):\n{said}"
    )


def keeps_log(error: BaseException, process: ServerProcess) -> bool:
    """Whether an error sends people to the log, so that it must stay."""
    return isinstance(error, EngineError) and str(process.log) in str(error)


def died(what: str, process: ServerProcess) -> str:
    """What to say of an engine that has ended by itself."""
    said = last_lines(process.text(), LOG_LINES)
    told = f"The last lines of its log:\n{said}" if said else _PRINTED_NOTHING
    return f"{what} {_how(process.exit_code())}\n{told}"


def _how(code: int | None) -> str:
    """How it ended, by the code that its supervisor gives: 128 + N when signal N ended it."""
    if code is None:
        return "no longer answers"
    if code in (-signal.SIGKILL, 128 + signal.SIGKILL):
        return "was killed, as the kernel does where memory runs out: see dmesg"
    return f"ended with code {code}"


def said_in_log(log: str) -> dict[str, Any]:
    """Settings that vLLM prints at start and that no endpoint gives."""
    found: dict[str, Any] = {"max_num_batched_tokens": "engine default"}
    for key in ("dtype", "quantization", "kv_cache_dtype"):
        match = re.search(rf"\b{key}=([\w.]+)", log)
        if match and match.group(1) != "None":
            found[key] = match.group(1).removeprefix("torch.")
    for key in ("max_num_batched_tokens", *_PARALLEL):
        match = re.search(rf"\b{key}=(\d+)", log)
        if match:
            found[key] = int(match.group(1))
    match = re.search(r"\bdevice_config=(\w+)", log)
    if match:
        found["serving_device"] = match.group(1)
    memory = {
        name: [float(number) for pattern in patterns for number in re.findall(pattern, log)]
        for name, patterns in _MEMORY.items()
    }
    if any(memory.values()):
        found["memory_in_log_gib"] = {name: said for name, said in memory.items() if said}
    return found
