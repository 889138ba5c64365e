"""What holds for every engine in the registry, and for the small helpers beside them."""

from __future__ import annotations

import inspect
import json
import os
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from ecoaudit.engines import ENGINES, Abilities, EngineFacts, engine_class, make_engine
from ecoaudit.engines.fake import FakeEngine
from ecoaudit.engines.http import base_url, is_local, request
from ecoaudit.engines.model_files import is_here, read_model_files
from ecoaudit.engines.openai_http import OpenAIServer
from ecoaudit.engines.vllm import remedy, said_in_log
from ecoaudit.errors import EngineError, NotFoundError, UsageError


def silent(line: str) -> None:
    """Nobody listens."""


@pytest.mark.parametrize("name", ENGINES)
def test_every_engine_fits_the_protocol(name: str) -> None:
    cls = engine_class(name)
    assert cls.name == name
    assert isinstance(cls.owns_server, bool)
    assert list(inspect.signature(cls.start).parameters) == [
        "self",
        "progress",
        "concurrency",
        "context",
    ]
    for member in ("label", "headers", "alive", "stop"):
        assert hasattr(cls, member)


@pytest.mark.parametrize(("name", "options"), [("vllm", {}), ("vllm-offline", {}), ("fake", {})])
def test_an_engine_can_be_stopped_without_having_been_started(
    name: str, options: dict[str, str]
) -> None:
    engine = make_engine(name, **options)
    engine.stop()
    engine.stop()
    assert "not running" in str(engine.alive())


def test_an_unknown_engine_is_refused_with_a_near_name() -> None:
    with pytest.raises(NotFoundError, match="no engine 'vlm'; did you mean 'vllm'"):
        make_engine("vlm")


def test_making_a_vllm_engine_imports_neither_vllm_nor_torch() -> None:
    code = (
        "import sys; from ecoaudit.engines import make_engine; make_engine('vllm'); "
        "from ecoaudit.workloads.inference import bench; "
        "print([name for name in ('vllm', 'torch', 'transformers') if name in sys.modules])"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"


@pytest.fixture
def fake(request: pytest.FixtureRequest) -> Iterator[FakeEngine]:
    engine = FakeEngine(ttft_s=0.0, chunk_s=0.0, abilities=getattr(request, "param", Abilities()))
    engine.start(silent, concurrency=1, context=100)
    yield engine
    engine.stop()


def attach(fake: FakeEngine, **options: Any) -> EngineFacts:
    engine = OpenAIServer(fake.url + "/v1/", **options)
    return engine.start(silent, concurrency=1, context=100)


def test_attaching_finds_out_what_the_server_is(fake: FakeEngine) -> None:
    facts = attach(fake, model="org/model", weights="int4")
    assert (facts.url, facts.served_name, facts.model) == (fake.url, "fake", "org/model")
    assert (facts.version, facts.max_model_len, facts.weights) == ("1", 8192, "int4")
    assert facts.local
    assert facts.abilities == Abilities()
    assert facts.tokens_per_word == 1.0


@pytest.mark.parametrize(
    "fake",
    [
        replace(Abilities(), token_ids=False, answer_ids=False),
        replace(Abilities(), completions=False, token_ids=False, answer_ids=False, metrics=False),
        replace(Abilities(), ignore_eos=False),
        replace(Abilities(), continuous_usage=False),
    ],
    indirect=True,
)
def test_attaching_finds_out_what_the_server_understands(fake: FakeEngine) -> None:
    assert attach(fake).abilities == fake._abilities


def test_an_attached_server_is_left_running(fake: FakeEngine) -> None:
    engine = OpenAIServer(fake.url)
    engine.start(silent, concurrency=1, context=100)
    engine.stop()
    assert request(fake.url, "/health")[0] == 200


def test_a_model_that_the_server_lacks_is_named_with_those_it_has(fake: FakeEngine) -> None:
    with pytest.raises(EngineError, match="it serves no 'other', but fake"):
        attach(fake, served_name="other")


def test_a_server_that_is_not_there() -> None:
    with pytest.raises(EngineError, match=r"http://127.0.0.1:9: no answer .*; check that"):
        OpenAIServer("127.0.0.1:9").start(silent, concurrency=1, context=100)


def test_the_key_comes_from_the_environment_only(monkeypatch: pytest.MonkeyPatch) -> None:
    engine = OpenAIServer("http://127.0.0.1:9")
    monkeypatch.delenv("OPENAI_API_KEY", raising=False)
    assert engine.headers == {}
    monkeypatch.setenv("OPENAI_API_KEY", "secret")
    assert engine.headers == {"Authorization": "Bearer secret"}
    assert "secret" not in str(vars(engine))


def test_the_openai_engine_needs_a_url() -> None:
    with pytest.raises(UsageError, match="needs --url"):
        OpenAIServer()


@pytest.mark.parametrize(
    ("given", "read"),
    [
        ("127.0.0.1:8000", "http://127.0.0.1:8000"),
        ("http://box:8000/v1/", "http://box:8000"),
        ("https://box/llm/v1", "https://box/llm"),
    ],
)
def test_addresses(given: str, read: str) -> None:
    assert base_url(given) == read


@pytest.mark.parametrize(
    ("given", "said"),
    [
        ("http://user:secret@box", "OPENAI_API_KEY"),
        ("http://box?key=secret", "OPENAI_API_KEY"),
        ("ftp://box", "expected an address"),
        ("http://box:port", "expected an address"),
        ("http://", "expected an address"),
    ],
)
def test_addresses_that_cannot_be_used(given: str, said: str) -> None:
    with pytest.raises(UsageError, match=said) as caught:
        base_url(given)
    assert "secret" not in str(caught.value)


def test_which_addresses_are_this_machine() -> None:
    assert is_local("http://localhost:1")
    assert is_local("http://127.0.0.1:1")
    assert is_local("http://[::1]:1")
    assert not is_local("http://10.0.0.7:1")
    assert not is_local("http://example.org")


def test_a_model_folder(tmp_path: Path) -> None:
    config = {"dtype": "float16", "text_config": {"max_position_embeddings": 4096}}
    (tmp_path / "config.json").write_text(json.dumps(config))
    files = read_model_files(str(tmp_path))
    assert (files.weights, files.longest_context, files.revision) == ("fp16", 4096, None)


@pytest.mark.parametrize(
    ("quantization", "weights"),
    [
        ({"quant_method": "awq", "bits": 4}, "int4"),
        ({"quant_method": "gptq", "bits": 8}, "int8"),
        ({"quant_method": "fp8"}, "fp8"),
        ({"quant_method": "mxfp4"}, "mxfp4"),
    ],
)
def test_the_weight_format_of_quantised_models(
    tmp_path: Path, quantization: dict[str, object], weights: str
) -> None:
    config = {"torch_dtype": "bfloat16", "quantization_config": quantization}
    (tmp_path / "config.json").write_text(json.dumps(config))
    assert read_model_files(str(tmp_path)).weights == weights


def test_a_model_in_the_hugging_face_cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("HF_HUB_CACHE", "HUGGINGFACE_HUB_CACHE"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("HF_HOME", str(tmp_path))
    model = tmp_path / "hub" / "models--org--name"
    (model / "snapshots" / "abc123").mkdir(parents=True)
    (model / "refs").mkdir()
    (model / "refs" / "main").write_text("abc123\n")
    config = {"torch_dtype": "bfloat16", "max_position_embeddings": 32768}
    (model / "snapshots" / "abc123" / "config.json").write_text(json.dumps(config))
    files = read_model_files("org/name")
    assert (files.revision, files.weights, files.longest_context) == ("abc123", "bf16", 32768)
    assert read_model_files("org/other").config == {}
    assert is_here("org/name")
    assert is_here(str(tmp_path))
    assert not is_here("org/other")


# Lines as vLLM 0.32.0 prints them.
LOG = (
    "(EngineCore pid=1) INFO 11-23 04:51:20 [core.py:133] Initializing a V1 LLM engine (v0.32.0) "
    "with config: model='m', revision=None, dtype=torch.bfloat16, max_seq_len=6144, "
    "tensor_parallel_size=1, quantization=None, kv_cache_dtype=auto, device_config=cpu\n"
)


def test_what_the_log_says_of_the_settings() -> None:
    assert said_in_log(LOG) == {
        "dtype": "bfloat16",
        "kv_cache_dtype": "auto",
        "tensor_parallel_size": 1,
        "serving_device": "cpu",
        "max_num_batched_tokens": "engine default",
    }
    assert said_in_log(LOG.replace("quantization=None", "quantization=awq"))["quantization"] == (
        "awq"
    )


@pytest.mark.parametrize(
    ("line", "said"),
    [
        ("RuntimeError: operator torchvision::nms does not exist", "pip uninstall -y torchvision"),
        ("torch.OutOfMemoryError: CUDA out of memory. Tried to", "smaller model"),
        ("ValueError: No available memory for the cache blocks.", "smaller model"),
        ("OSError: You are trying to access a gated repo.", "licence"),
        ("OSError: [Errno 98] Address already in use", "run it again"),
        ("LocalEntryNotFoundError: Cannot find the requested files", "--allow-download"),
        ("something new", "see its log"),
    ],
)
def test_remedies(line: str, said: str) -> None:
    assert said in remedy(f"INFO fine\n{line}\n")


def test_no_key_is_read_by_the_engine_that_we_start(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("OPENAI_API_KEY", "secret")
    assert make_engine("vllm").headers == {}
    assert os.environ["OPENAI_API_KEY"] == "secret"
