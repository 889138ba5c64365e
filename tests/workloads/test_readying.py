"""A warm-up that nothing answers is told by what went wrong, with what to do about that."""

from __future__ import annotations

from functools import partial

import pytest

from ecoaudit.engines.openai_http import OpenAIServer
from ecoaudit.errors import EngineError
from ecoaudit.scenario import load_scenario
from ecoaudit.workloads.failures import KINDS, http_status, remedy, told
from ecoaudit.workloads.inference import bench
from tests.standins.odd_server import Said, odd_server, plain, stream

CANARY = b"CANARY-prompt"


@pytest.mark.parametrize(
    ("streamed", "said"),
    [
        ((500, CANARY), "HTTP 500 (2 times); look at the server's log"),
        ((200, stream(8)[:-14]), "cut short (2 times); a stream must end with data: [DONE]"),
        ((200, b"\x1f\x8b\x08" + CANARY), "malformed stream (2 times); the server must stream"),
        ((401, CANARY), "HTTP 401 (2 times); the key was refused: set OPENAI_API_KEY"),
        ((404, CANARY), "HTTP 404 (2 times); check --url and --served-name"),
    ],
)
def test_a_warm_up_that_nothing_answers(streamed: Said, said: str) -> None:
    reply = partial(plain, instead={"stream": streamed})
    with odd_server(reply) as url, pytest.raises(EngineError) as caught:
        bench(load_scenario("solar-rural-screening"), OpenAIServer(url), levels=[1], idle_s=0.0)
    message = str(caught.value)
    assert message.startswith(f"{url}: no request of the warm-up was answered: {said}")
    assert CANARY.decode() not in message


def test_each_kind_has_something_to_do_about_it() -> None:
    assert told({"HTTP 500": 3, "timed out": 1}) == "HTTP 500 (3 times), timed out"
    assert told({}) == "none was sent"
    assert remedy({"timed out": 1, "HTTP 500": 3}) == "look at the server's log"
    assert remedy({"timed out": 1}).endswith("--timeout")
    assert "redirects are not followed" in remedy({http_status(307): 1})
    assert "its served name, length or a field" in remedy({http_status(422): 1})
    assert remedy({}) == "look at the server's log"
    assert all(remedy({kind: 1}) for kind in KINDS)
