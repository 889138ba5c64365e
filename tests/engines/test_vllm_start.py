"""What is said of an engine that does not start, without one: the servers here are small scripts,
and the models folders."""

from __future__ import annotations

import sys
from pathlib import Path

import pytest

from ecoaudit.engines.server_process import ServerProcess
from ecoaudit.engines.vllm_log import died, keeps_log, not_started
from ecoaudit.engines.vllm_model import VllmModel
from ecoaudit.errors import EngineError

WHAT = "the vLLM server"


def given_up(script: str, limit_s: float) -> tuple[EngineError, ServerProcess]:
    """A server that never gets ready, and what is said of it."""
    server = ServerProcess([sys.executable, "-c", script], {}, grace_s=1.0)
    assert not server.wait_ready(lambda: False, limit_s, lambda _: None, WHAT)
    return not_started(WHAT, server, limit_s), server


def test_one_that_has_printed_nothing_yet_sends_nobody_to_an_empty_log() -> None:
    error, server = given_up("import time; time.sleep(600)", 0.3)
    server.stop(keep_log=keeps_log(error, server))
    assert str(error) == (
        "the vLLM server was not ready after 0 s: wait longer with --ready-timeout."
        " It had printed nothing."
    )
    assert not server.log.exists()


def test_one_that_ended_without_a_word() -> None:
    error, server = given_up("raise SystemExit(3)", 20.0)
    assert died(WHAT, server) == "the vLLM server ended with code 3\nIt had printed nothing."
    server.stop(keep_log=keeps_log(error, server))
    assert str(error) == (
        "the vLLM server did not start: it ended with code 3. It had printed nothing."
    )
    assert not server.log.exists()


def test_a_log_that_is_spoken_of_stays() -> None:
    error, server = given_up("print('ValueError: no such thing'); raise SystemExit(1)", 20.0)
    server.stop(keep_log=keeps_log(error, server))
    assert str(error) == (
        f"the vLLM server did not start: see its log. The last lines of its log ({server.log}):\n"
        "ValueError: no such thing"
    )
    server.log.unlink()
    assert not keeps_log(KeyboardInterrupt(), server)
    assert not keeps_log(EngineError("something else"), server)


def test_a_folder_without_a_model_is_refused_before_the_start(tmp_path: Path) -> None:
    model = VllmModel(str(tmp_path))
    (tmp_path / "model.safetensors").write_bytes(b"")
    with pytest.raises(EngineError) as caught:
        model.files()
    said = str(caught.value)
    assert said.startswith(f"--model {tmp_path}: there is no config.json in this folder, so it")
    for name in ("params.json", "config.json"):
        (tmp_path / name).write_text("{}")
        assert model.path() == str(tmp_path)
        (tmp_path / name).unlink()
