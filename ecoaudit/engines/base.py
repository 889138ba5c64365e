"""What every engine offers: something that answers prompts over an OpenAI-compatible interface."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import asdict, dataclass, field
from typing import Any, Protocol

Progress = Callable[[str], None]  # is given one line at a time, for people


@dataclass(frozen=True, slots=True)
class Abilities:
    """What a server understands. Ask for these, never for an engine's name.

    Attributes:
        completions: ``/v1/completions``; otherwise ``/v1/chat/completions`` with text.
        token_ids: prompts as lists of token ids, so that their length is exact.
        answer_ids: the token ids of answers, so that a history can be sent again word for word.
        continuous_usage: a running token count on each chunk of a stream.
        ignore_eos: answers of exactly the length asked for.
        metrics: counters of vLLM's names under ``/metrics``.
        streams: requests can be sent at any time and are answered token by token; False: whole
            batches only.
    """

    completions: bool = True
    token_ids: bool = True
    answer_ids: bool = True
    continuous_usage: bool = True
    ignore_eos: bool = True
    metrics: bool = True
    streams: bool = True


@dataclass(frozen=True, slots=True)
class EngineFacts:
    """What is known of a running engine.

    Attributes:
        engine: registry name.
        version: of the engine, as its server says; None when it does not.
        url: base address, without ``/v1``.
        model: the model as tables know it: a Hugging Face id, or the toy model's name.
        served_name: the name that requests must give.
        weights: weight format (``bf16``, ``fp8``, ``int4`` ...); ``unknown`` when it is.
        weights_are_random: whether the weights were never trained.
        max_model_len: longest prompt and answer together [tokens]; None when not known.
        local: whether the server runs on this machine.
        abilities: what the server understands.
        tokens_per_word: tokens of one word of our text prompts; for servers without token ids.
        settings: more facts for the run file (dtype, prefix caching, max_num_seqs, revision ...).
    """

    engine: str
    version: str | None
    url: str
    model: str
    served_name: str
    weights: str
    weights_are_random: bool
    max_model_len: int | None
    local: bool
    abilities: Abilities = field(default_factory=Abilities)
    tokens_per_word: float = 1.0
    settings: dict[str, Any] = field(default_factory=dict)

    def described(self) -> dict[str, Any]:
        """All of it, as the settings of a run."""
        return {
            **self.settings,
            "engine_version": self.version,
            "url": self.url,
            "model": self.model,
            "served_name": self.served_name,
            "weights": self.weights,
            "random_weights": self.weights_are_random,
            "max_model_len": self.max_model_len,
            "abilities": asdict(self.abilities),
        }


class Engine(Protocol):
    """Something that answers prompts.

    ``owns_server`` says whether ``start`` starts a server, whose energy and memory then count as
    ours, or only looks at one that runs already. ``headers`` go with each request and are never
    written anywhere.
    """

    name: str
    owns_server: bool

    @property
    def label(self) -> str:
        """The model in a few words, for people, before anything is started."""
        ...

    @property
    def headers(self) -> dict[str, str]:
        """HTTP headers for each request."""
        ...

    def start(self, progress: Progress, *, concurrency: int, context: int) -> EngineFacts:
        """Make it ready to answer.

        Args:
            progress: is told what goes on.
            concurrency: most requests that will be in flight.
            context: longest prompt and answer together that will be asked for [tokens].

        Raises:
            EngineError: it cannot be; the message holds the remedy. Nothing is left running.
        """
        ...

    def alive(self) -> str | None:
        """None while it runs; otherwise what happened to it."""
        ...

    def stop(self) -> None:
        """Take down whatever ``start`` started. May be called twice, or without ``start``."""
        ...
