"""vLLM's ``LLM`` class, which answers whole batches, in a child process: for a night's work.

There is no server in the sense of HTTP: :mod:`ecoaudit.engines.offline_process` runs in the child,
and is reached over a Unix socket in a folder that only this user can enter. vLLM is never imported
here.
"""

from __future__ import annotations

import json
import shutil
import socket
import sys
import tempfile
from collections.abc import Sequence
from pathlib import Path
from typing import Any, Final

from ecoaudit.engines.base import Abilities, EngineFacts, Progress
from ecoaudit.engines.model_files import ModelFiles
from ecoaudit.engines.server_process import ServerProcess
from ecoaudit.engines.toy_model import TOY_MODEL
from ecoaudit.engines.vllm_flags import checked
from ecoaudit.engines.vllm_log import died, keeps_log, not_started, said_in_log
from ecoaudit.engines.vllm_model import (
    START_LIMIT_S,
    VllmModel,
    installed,
    model_settings,
    weight_format,
)
from ecoaudit.errors import EngineError

_MODULE: Final = "ecoaudit.engines.offline_process"
_WHAT: Final = "vLLM's LLM class"
_SCHEME: Final = "unix:"
_ASK_LIMIT_S: Final = 10.0


class VllmOffline:
    """vLLM's ``LLM`` class with one model.

    How many requests it works on at once (``max_num_seqs``) and how many tokens in a step are
    vLLM's own choice for batches, unless flags say otherwise.

    Args:
        model: folder or Hugging Face id; None: the toy model, made on the spot.
        random_weights: do not load weights, fill them at random. Always so for the toy model.
        served_name: the model's name in the run's settings; the model's by default.
        max_model_len: longest prompt and answer together [tokens]; by default what the load needs.
        allow_download: whether missing models may be fetched from Hugging Face.
        ready_s: how long the start may take before it is given up [s].
        flags: more engine flags, as vLLM's server takes them, handed on as they are.

    Raises:
        UsageError: a flag that ecoaudit sets itself.
    """

    name = "vllm-offline"
    owns_server = True

    def __init__(
        self,
        model: str | None = None,
        *,
        random_weights: bool = False,
        served_name: str | None = None,
        max_model_len: int | None = None,
        allow_download: bool = False,
        ready_s: float = START_LIMIT_S,
        flags: Sequence[str] = (),
    ):
        self._model = VllmModel(model or TOY_MODEL, random_weights, max_model_len, allow_download)
        self._served_name = served_name or self._model.name
        self._ready_s = ready_s
        self._flags = checked(flags)
        self._process: ServerProcess | None = None
        self._folder: Path | None = None

    @property
    def label(self) -> str:
        """The model in a few words, for people."""
        return f"{self._model.label}, in batches"

    @property
    def headers(self) -> dict[str, str]:
        """There are none."""
        return {}

    @property
    def process_group(self) -> int | None:
        """The child's process group while it runs."""
        return None if self._process is None else self._process.group

    def start(self, progress: Progress, *, concurrency: int, context: int) -> EngineFacts:
        """Load the model in a child process; see :class:`ecoaudit.engines.base.Engine`.

        ``concurrency`` sets nothing: a batch waits in vLLM's own queue.
        """
        installed()
        files = self._model.files()
        flags = [*self._model.flags(files, context), *self._flags]
        self._folder = Path(tempfile.mkdtemp(prefix="ecoaudit-batch-"))
        path = self._folder / "socket"
        command = [sys.executable, "-W", "ignore", "-m", _MODULE, str(path), *flags]
        self._process = process = ServerProcess(command, self._model.environment(self._flags))
        try:
            if not process.wait_ready(lambda: _listens(path), self._ready_s, progress, _WHAT):
                raise not_started(_WHAT, process, self._ready_s)
            return self._facts(path, process.text(), files)
        except BaseException as error:  # Ctrl-C too: the child would outlive us
            self._take_down(keep_log=keeps_log(error, process))
            raise

    def alive(self) -> str | None:
        """None while the child runs; otherwise what happened to it."""
        process, folder = self._process, self._folder
        if process is None or folder is None:
            return f"{_WHAT} is not running"
        if process.exit_code() is None and _listens(folder / "socket"):
            return None
        return died(_WHAT, process)

    def stop(self) -> None:
        """Take the child down with its process group."""
        self._take_down(keep_log=False)

    def _take_down(self, keep_log: bool) -> None:
        if self._process is not None:
            self._process.stop(keep_log)
            self._process = None
        if self._folder is not None:
            shutil.rmtree(self._folder, ignore_errors=True)
            self._folder = None

    def _facts(self, path: Path, log: str, files: ModelFiles) -> EngineFacts:
        told = _asked(path)
        said = said_in_log(log)
        return EngineFacts(
            engine=self.name,
            version=told.pop("version"),
            url=f"{_SCHEME}{path}",
            model=self._model.name,
            served_name=self._served_name,
            weights=weight_format(files, said),
            weights_are_random=self._model.is_random,
            max_model_len=told.pop("max_model_len"),
            local=True,
            abilities=Abilities(streams=False),
            settings={"server_flags": self._flags, **model_settings(files), **said, **told},
        )


def socket_path(url: str) -> str:
    """The path of the socket in :attr:`~ecoaudit.engines.base.EngineFacts.url`."""
    return url.removeprefix(_SCHEME)


def _asked(path: Path) -> dict[str, Any]:
    """What the child says of the engine.

    Raises:
        EngineError: it says nothing.
    """
    try:
        with socket.socket(socket.AF_UNIX) as connection:
            connection.settimeout(_ASK_LIMIT_S)
            connection.connect(str(path))
            connection.sendall(b"facts\n")
            with connection.makefile("rb") as answer:
                found: dict[str, Any] = json.loads(answer.readline())
    except (OSError, ValueError) as error:
        raise EngineError(
            f"{_WHAT} was loaded but does not answer ({error}); run it again"
        ) from error
    return found


def _listens(path: Path) -> bool:
    """Whether the child takes connections: its death shows here before its exit code comes."""
    try:
        with socket.socket(socket.AF_UNIX) as connection:
            connection.settimeout(_ASK_LIMIT_S)
            connection.connect(str(path))
    except OSError:
        return False
    return True
