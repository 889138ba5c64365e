"""Attaching to servers that answer oddly, and keys that cannot be sent."""

from __future__ import annotations

import subprocess
import sys
from functools import partial
from pathlib import Path
from typing import Any

import pytest

from ecoaudit.engines.base import EngineFacts
from ecoaudit.engines.http import base_url, is_local, request
from ecoaudit.engines.openai_http import OpenAIServer
from ecoaudit.errors import EngineError, UsageError
from tests.standins.odd_server import Said, odd_server, plain, stream

CANARY = "sk-CANARY-7f3a"


def attached(served_name: str | None = None, **instead: Said) -> EngineFacts:
    """What is found out of a server that says something else of these."""
    with odd_server(partial(plain, instead=instead)) as url:
        engine = OpenAIServer(url, served_name=served_name)
        return engine.start(lambda _: None, concurrency=1, context=100)


# -- odd servers -------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("models", "said"),
    [
        ((200, {"data": "oops"}), "it lists no model; check --url, or name a model with"),
        ((200, {"data": ["m"]}), "it lists no model; check --url"),
        ((200, {"data": [{"id": 7}]}), "it lists no model; check --url"),
        ((200, {"data": {"id": "m"}}), "it lists no model; check --url"),
        ((200, [1]), "it lists no model; check --url"),
        ((200, b"<html>hi</html>"), "it lists no model; check --url"),
        ((200, b"[" * 100_000), "it lists no model; check --url"),
        ((500, {"error": CANARY}), r"it lists no model \(/v1/models answered HTTP 500\)"),
        ((307, {}), "it answered HTTP 307, and redirects are not followed; give --url the address"),
        ((401, {"error": CANARY}), "the key was refused; set OPENAI_API_KEY"),
    ],
)
def test_a_list_of_models_that_is_none(models: Said, said: str) -> None:
    with pytest.raises(EngineError, match=said) as caught:
        attached(models=models)
    assert CANARY not in str(caught.value)


def test_a_server_without_a_list_serves_the_name_that_is_given() -> None:
    assert attached("m", models=(404, {})).served_name == "m"
    assert attached("m", models=(200, {"data": ["m", {"id": "m"}]})).max_model_len is None
    with pytest.raises(EngineError, match="HTTP 307"):
        attached("m", models=(307, {}))


@pytest.mark.parametrize("length", ["lots", None, True, -1, 4096.0, [4096], {}])
def test_a_longest_context_that_is_no_number_is_not_known(length: Any) -> None:
    card = {"id": "m", "max_model_len": length}
    assert attached(models=(200, {"data": [card]})).max_model_len is None


@pytest.mark.parametrize("version", [(200, [1]), (200, {"version": {"a": 1}}), (404, {})])
def test_a_version_that_is_no_text_is_not_known(version: Said) -> None:
    assert attached(version=version).version is None


@pytest.mark.parametrize(
    "said",
    [
        {"choices": [None], "usage": {"prompt_tokens": 64, "completion_tokens": 8}},
        {"choices": "x", "usage": {"prompt_tokens": "lots", "completion_tokens": None}},
        {"choices": {}, "usage": [1]},
        {"usage": {"prompt_tokens": -3, "completion_tokens": [8]}},
        {},
        [],
    ],
)
def test_probes_that_are_answered_oddly_are_told_as_no_ability(said: Any) -> None:
    facts = attached(probe=(200, said))
    assert facts.abilities.completions
    assert not facts.abilities.answer_ids
    assert facts.tokens_per_word == 1.0


@pytest.mark.parametrize(
    ("streamed", "counts"),
    [
        ((200, b'data: {"choices":[{}],"usage":{"completion_tokens":1}}\n\n'), True),
        ((200, b'data:{"choices":[{}],"usage":{"completion_tokens":0}}\r\n\r\n'), True),
        ((200, stream(4)), False),  # at the end alone
        ((200, b'data: {"choices":[{}],"usage":null}\n\n'), False),
        ((200, b'data: {"choices":[{}],"usage":"x"}\n\n'), False),
        ((200, b"data: [DONE]\n\n"), False),
        ((200, b"<html>"), False),
        ((400, {"error": "unknown field stream_options"}), False),
    ],
)
def test_whether_each_chunk_tells_a_count_is_tried(streamed: Said, counts: bool) -> None:
    assert attached(stream=streamed).abilities.continuous_usage is counts


# -- keys --------------------------------------------------------------------------------------


@pytest.mark.parametrize("value", [f"{CANARY}\n", f"{CANARY}\r\n", f"  {CANARY} "])
def test_the_line_end_of_a_key_is_no_part_of_it(
    value: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("OPENAI_API_KEY", value)
    assert OpenAIServer("127.0.0.1:9").headers == {"Authorization": f"Bearer {CANARY}"}
    monkeypatch.setenv("OPENAI_API_KEY", " \n")
    assert OpenAIServer("127.0.0.1:9").headers == {}


@pytest.mark.parametrize("value", [f"{CANARY}\nX: y", f"{CANARY}\u00e9", f"\u2018{CANARY}\u2019"])
def test_a_key_that_cannot_be_sent_is_refused_before_anything_else(
    value: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("OPENAI_API_KEY", value)
    with pytest.raises(UsageError, match="the key in OPENAI_API_KEY holds characters") as caught:
        OpenAIServer("127.0.0.1:9")
    assert CANARY not in str(caught.value)
    assert caught.value.__cause__ is None


def test_bench_tells_of_such_a_key_in_one_line_without_it(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    words = ("-m", "ecoaudit", "bench", "solar-rural-screening", "--url", "http://127.0.0.1:9")
    for value in (f"{CANARY}\nX: y", f"{CANARY}\u00e9"):
        monkeypatch.setenv("OPENAI_API_KEY", value)
        done = subprocess.run(
            [sys.executable, *words, "--idle", "0s"],
            capture_output=True,
            text=True,
            check=False,
            cwd=tmp_path,
        )
        assert done.returncode == 2
        assert "the key in OPENAI_API_KEY holds characters" in " ".join(done.stderr.split())
        assert "Traceback" not in done.stderr
        assert CANARY not in done.stdout + done.stderr


@pytest.mark.parametrize("value", [f"{CANARY}\nX: y", f"{CANARY}\u00e9"])
def test_no_request_shows_a_header_that_it_cannot_send(value: str) -> None:
    with pytest.raises(UsageError, match="the header Authorization holds") as caught:
        request("http://127.0.0.1:9", "/health", None, {"Authorization": value})
    assert CANARY not in str(caught.value)


# -- addresses ---------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "url", ["http://b\u00fccher:1", "http://a b:1", "http://box/\u00e9", "a\nb"]
)
def test_an_address_that_cannot_be_sent_is_refused(url: str) -> None:
    with pytest.raises(UsageError, match="expected an address such as"):
        base_url(url)


@pytest.mark.parametrize(
    "url", [f"http://u:{CANARY}@b:x", f"http://u:{CANARY}@[b", f"b x?{CANARY}"]
)
def test_an_address_that_may_hold_a_password_is_not_shown(url: str) -> None:
    with pytest.raises(UsageError) as caught:
        base_url(url)
    assert CANARY not in str(caught.value)


def test_a_name_that_no_name_server_can_hold_is_told() -> None:
    with pytest.raises(EngineError, match="check that the server runs and the address is right"):
        request(f"http://{'a' * 70}.example:1", "/health")


def test_every_address_of_this_machine_is_this_machine() -> None:
    assert is_local("http://127.8.9.1:1")
    assert is_local("http://0.0.0.0:1")
    assert not is_local("http://192.0.2.1:1")  # of documentation: no machine has it (RFC 5737)
    assert not is_local("http://[2001:db8::1]:1")
