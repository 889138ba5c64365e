"""What the user says of a result that its file leaves out, and what must be said of it."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field, replace
from typing import Final

from ecoaudit.checks import doubt
from ecoaudit.errors import UsageError
from ecoaudit.importers.base import CLOSED, Level, Setup, weight_format
from ecoaudit.run import Doubt

# Weights in these are computed in as they are.
_COMPUTED_IN: Final = ("bf16", "fp16", "fp32")
# Engines that cannot be run without a KV cache.
_KEEPS_KV: Final = ("vllm", "sglang", "tensorrt-llm", "llama.cpp", "ollama", "tgi", "lmdeploy")
_OPTIONS: Final = {
    "model": "--model",
    "engine": "--engine",
    "engine_version": "--engine-version",
    "weights": "--weights",
    "dtype": "--dtype",
    "gpu": "--gpu",
    "gpus": "--gpus",
    "kv_cache": "--kv-cache",
    "prefix_cache": "--prefix-cache",
    "workload": "--workload",
}


@dataclass(frozen=True, slots=True)
class Said:
    """What the user says; None: nothing.

    Attributes:
        setup: what served the requests.
        concurrency: requests in flight, in the loads whose file does not say.
        random_weights: whether the weights were never trained; no result says so.
    """

    setup: Setup = field(default_factory=Setup)
    concurrency: int | None = None
    random_weights: bool = False

    def items(self) -> Iterator[tuple[str, str | int]]:
        """Each thing that was said, by name."""
        for key in _OPTIONS:
            value = getattr(self.setup, key)
            if value is not None:
                yield key, value
        if self.concurrency is not None:
            yield "concurrency", self.concurrency
        if self.random_weights:
            yield "random_weights", True


def completed(levels: Sequence[Level], said: Said) -> list[Level]:
    """The loads with what the user says put where their files say nothing.

    Raises:
        UsageError: a file says otherwise, or what a figure cannot do without is still not said.
    """
    filled = [_filled(level, said) for level in levels]
    if said.concurrency is not None:
        filled = _with_concurrency(filled, said.concurrency)
    return [_needed(level) for level in filled]


def _with_concurrency(levels: list[Level], concurrency: int) -> list[Level]:
    """The loads with the level that the user says put where their files say no load."""
    unsaid = [level for level in levels if level.arrivals is None]
    for level in levels:
        if not unsaid and level.level != concurrency:
            raise UsageError(
                f"{level.place}: says that its load is {level.load}, not --concurrency"
                f" {concurrency}; leave the option out"
            )
    return [
        replace(level, level=concurrency, arrivals=CLOSED) if level.arrivals is None else level
        for level in levels
    ]


def _filled(level: Level, said: Said) -> Level:
    setup = level.setup
    for key, option in _OPTIONS.items():
        theirs, ours = getattr(setup, key), getattr(said.setup, key)
        if key == "weights":
            ours = weight_format(ours)
        if ours is None:
            continue
        if theirs is not None and str(theirs).lower() != str(ours).lower():
            raise UsageError(
                f"{level.place}: says that {key} is {theirs}, not {ours}; leave {option} out, or"
                f" choose among several with --pick {key}={ours}"
            )
        if theirs is None:
            setup = replace(setup, **{key: ours})
    return replace(level, setup=setup)


def _needed(level: Level) -> Level:
    """The load, if all is said that its figures mean nothing without."""
    setup, at = level.setup, level.place
    if setup.model is None:
        raise UsageError(f"{at}: does not say which model answered; say it with --model")
    if level.arrivals is None:
        raise UsageError(
            f"{at}: says neither how many requests were in flight nor how they came, without which"
            " no figure of a server means anything; say it with --concurrency"
        )
    if setup.engine is None:
        raise UsageError(f"{at}: does not say which engine served; say it with --engine, as vllm")
    if setup.engine_version is None:
        raise UsageError(
            f"{at}: does not say which version of {setup.engine} served, and versions differ"
            " threefold in speed; say it with --engine-version"
        )
    if setup.kv_cache is None:
        if setup.engine.lower() not in _KEEPS_KV:
            raise UsageError(
                f"{at}: does not say whether {setup.engine} kept a KV cache, and energy per token"
                " differs many times over; say it with --kv-cache on or off"
            )
        return replace(level, setup=replace(setup, kv_cache="on"))
    return level


def setup_doubts(setup: Setup, said: Said, says_setup: str | None) -> Iterator[Doubt]:
    """What is not known of the setup, and what is known from the user alone.

    Args:
        setup: of all loads of the run.
        said: what the user says.
        says_setup: how the tool can be told to write the setup down; None: it cannot.
    """
    told = [f"{key} {value}" for key, value in said.items()]
    if told:
        message = f"not the file but the user says: {', '.join(told)}"
        yield doubt("said-by-user", message, says_setup)
    if said.random_weights:
        yield doubt(
            "random-weights",
            f"the weights of {setup.model} are random: engine and load are real, the model is not",
        )
    if setup.weights is None:
        yield doubt(
            "unknown-weights",
            f"the weight format of {setup.model} is not known",
            "say it with --weights, such as bf16",
        )
    if setup.dtype is None and setup.weights not in _COMPUTED_IN:
        yield doubt("unknown-dtype", "the result does not say in which number format was computed")
    if setup.gpu is None or setup.gpus is None:
        missing = "on which device it was served" if setup.gpu is None else "on how many devices"
        yield doubt("unknown-device", f"the result does not say {missing}")
    if setup.prefix_cache is None:
        yield doubt(
            "unknown-prefix-cache",
            "the result does not say whether prompts were found in a prefix cache, which brings the"
            " first token early",
        )
    if setup.speculative is not None:
        yield doubt(
            "speculative-decoding",
            "tokens were guessed by a draft and checked by the model: speed and energy are of both",
        )
    if setup.kv_cache == "off":
        yield doubt("kv-cache-off", "the engine kept no KV cache, and computed each context anew")
