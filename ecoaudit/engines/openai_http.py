"""Any OpenAI-compatible server that runs already. It is never started, changed or stopped."""

from __future__ import annotations

import os
from typing import Any

from ecoaudit.engines.base import Abilities, EngineFacts, Progress
from ecoaudit.engines.http import base_url, get_json, is_local, parsed, request
from ecoaudit.errors import EngineError, UsageError

KEY_VARIABLE = "OPENAI_API_KEY"
PROBE_TOKENS = list(range(1000, 1064))
PROBE_WORDS = " ".join(["visit"] * 64)


class OpenAIServer:
    """A server at a URL; what it understands is found out with a few short requests.

    Args:
        url: its address, with or without ``/v1``.
        model: the model as tables know it; the served name by default.
        served_name: the name that requests give; the first that the server lists by default.
        weights: weight format, if known.
        random_weights: whether the weights were never trained.
        max_model_len: longest prompt and answer together [tokens], if the server does not say.
    """

    name = "openai"
    owns_server = False

    def __init__(
        self,
        url: str | None = None,
        *,
        model: str | None = None,
        served_name: str | None = None,
        weights: str = "unknown",
        random_weights: bool = False,
        max_model_len: int | None = None,
    ):
        if url is None:
            raise UsageError("--engine openai needs --url, such as http://127.0.0.1:8000")
        self._url = base_url(url)
        self._model = model
        self._served_name = served_name
        self._weights = weights
        self._random = random_weights
        self._max_model_len = max_model_len
        self._last_status = 0
        _key()  # one that cannot be sent is told now, before anything is measured

    @property
    def label(self) -> str:
        """The model in a few words, for people."""
        return self._model or self._served_name or f"the model at {self._url}"

    @property
    def headers(self) -> dict[str, str]:
        """The key from the environment, if there is one. It is never written anywhere."""
        key = _key()
        return {"Authorization": f"Bearer {key}"} if key else {}

    def start(self, progress: Progress, *, concurrency: int, context: int) -> EngineFacts:
        """Look at the server; see :class:`ecoaudit.engines.base.Engine`."""
        card = self._card()
        served = self._served_name or str(card.get("id", ""))
        abilities, per_word = self._probe(served)
        progress(f"{self._url} serves {served}")
        return EngineFacts(
            engine=self.name,
            version=self._version(),
            url=self._url,
            model=self._model or served,
            served_name=served,
            weights=self._weights,
            weights_are_random=self._random,
            max_model_len=self._max_model_len or _count(card.get("max_model_len")),
            local=is_local(self._url),
            abilities=abilities,
            tokens_per_word=per_word,
        )

    def alive(self) -> str | None:
        """None while something listens there; otherwise that nothing does."""
        try:
            request(self._url, "/health", None, self.headers)
        except EngineError as error:
            return str(error)
        return None

    def stop(self) -> None:
        """Nothing was started."""

    def _card(self) -> dict[str, Any]:
        """What the server says of the model."""
        status, content = request(self._url, "/v1/models", None, self.headers)
        if status in (401, 403):
            raise EngineError(f"{self._url}: the key was refused; set {KEY_VARIABLE}")
        if 300 <= status < 400:
            raise EngineError(
                f"{self._url}: it answered HTTP {status}, and redirects are not followed; give "
                "--url the address that it leads to"
            )
        listed = (parsed(content) or {}).get("data") if status == 200 else None
        cards = [card for card in _objects(listed) if isinstance(card.get("id"), str)]
        if self._served_name is None:
            if not cards:
                lists = "" if status == 200 else f" (/v1/models answered HTTP {status})"
                raise EngineError(
                    f"{self._url}: it lists no model{lists}; check --url, or name a model with "
                    "--served-name"
                )
            return cards[0]
        named = [card for card in cards if card["id"] == self._served_name]
        if cards and not named:
            names = ", ".join(card["id"] for card in cards[:8])
            raise EngineError(f"{self._url}: it serves no {self._served_name!r}, but {names}")
        return named[0] if named else {}

    def _version(self) -> str | None:
        """The engine's version, if the server says it."""
        version = (get_json(self._url, "/version", self.headers) or {}).get("version")
        return version if isinstance(version, str) else None

    def _probe(self, served: str) -> tuple[Abilities, float]:
        """What the server understands, and how many tokens one of our words has."""
        usage = self._ask("/v1/completions", served, prompt=PROBE_TOKENS)
        token_ids = usage is not None and usage.get("prompt_tokens") == len(PROBE_TOKENS)
        path, prompt = _asking(completions=True)
        words = self._ask(path, served, **prompt)
        completions = words is not None
        if words is None:
            path, prompt = _asking(completions=False)
            words = self._ask(path, served, **prompt)
        if words is None:
            raise EngineError(
                f"{self._url}: it answers neither /v1/completions nor /v1/chat/completions "
                f"for {served!r} (its last answer was HTTP {self._last_status}); check --url and "
                "--served-name, and the server's log"
            )
        status, metrics = request(self._url, "/metrics", None, self.headers)
        per_word = (_count(words.get("prompt_tokens")) or 64) / 64
        return Abilities(
            completions=completions,
            token_ids=token_ids,
            answer_ids=token_ids and self._gives_ids(served),
            continuous_usage=self._counts_each(served, completions),
            ignore_eos=self._ends_as_told(served, completions),
            metrics=status == 200 and b"vllm:generation_tokens_total" in metrics,
        ), per_word

    def _gives_ids(self, served: str) -> bool:
        """Whether it tells the token ids of its answers."""
        asked = {"model": served, "max_tokens": 2, "prompt": PROBE_TOKENS, "return_token_ids": True}
        _, content = request(self._url, "/v1/completions", asked, self.headers)
        choices = _objects((parsed(content) or {}).get("choices"))
        return bool(choices) and isinstance(choices[0].get("token_ids"), list)

    def _counts_each(self, served: str, completions: bool) -> bool:
        """Whether each chunk of a stream tells how many tokens there were so far, if asked to."""
        path, prompt = _asking(completions)
        options = {"include_usage": True, "continuous_usage_stats": True}
        asked = {"model": served, "max_tokens": 4, "stream": True, "stream_options": options}
        status, content = request(self._url, path, {**asked, **prompt}, self.headers)
        if status != 200:
            return False
        events = (
            parsed(line.removeprefix(b"data:"))
            for line in content.splitlines()
            if line.startswith(b"data:")
        )
        for event in events:
            if event is not None and event.get("choices"):  # the first one tells
                usage = event.get("usage")
                told = usage.get("completion_tokens") if isinstance(usage, dict) else None
                return isinstance(told, int)
        return False

    def _ends_as_told(self, served: str, completions: bool) -> bool:
        """Whether ``ignore_eos`` is accepted and honoured."""
        path, prompt = _asking(completions)
        usage = self._ask(path, served, **prompt, ignore_eos=True, max_tokens=8)
        return usage is not None and usage.get("completion_tokens") == 8

    def _ask(self, path: str, served: str, **body: Any) -> dict[str, Any] | None:
        """Token counts of one short request; None when the server does not take it."""
        asked = {"model": served, "max_tokens": 1, "temperature": 0, **body}
        status, content = request(self._url, path, asked, self.headers)
        self._last_status = status
        if status != 200:
            return None
        usage = (parsed(content) or {}).get("usage")
        return usage if isinstance(usage, dict) else {}


def _key() -> str:
    """The key from the environment, without the line end that those in files have; may be empty.

    Raises:
        UsageError: it cannot be sent; never with what is in it.
    """
    key = os.environ.get(KEY_VARIABLE, "").strip()
    if not key.isascii() or not key.isprintable():
        raise UsageError(
            f"the key in {KEY_VARIABLE} holds characters that no HTTP header can; set it again"
        )
    return key


def _asking(completions: bool) -> tuple[str, dict[str, Any]]:
    """Path and prompt of a request in words."""
    if completions:
        return "/v1/completions", {"prompt": PROBE_WORDS}
    return "/v1/chat/completions", {"messages": [{"role": "user", "content": PROBE_WORDS}]}


def _objects(data: Any) -> list[dict[str, Any]]:
    """The objects of what should be a list of them."""
    return [each for each in data if isinstance(each, dict)] if isinstance(data, list) else []


def _count(data: Any) -> int | None:
    """What should be a number of tokens; None where it is none."""
    return data if type(data) is int and data > 0 else None
