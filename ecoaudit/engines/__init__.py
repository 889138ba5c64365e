"""Engines: what answers the prompts of a workload.

An engine is named on the command line and made by :func:`make_engine`. To add one, write a module
beside this one with a class that fits :class:`~ecoaudit.engines.base.Engine`, and name it here.
"""

from __future__ import annotations

from importlib import import_module
from typing import Any

from ecoaudit.engines.base import Abilities, Engine, EngineFacts, Progress
from ecoaudit.errors import NotFoundError, did_you_mean

# Name -> module and class; a module is imported when its engine is made.
ENGINES: dict[str, tuple[str, str]] = {
    "vllm": ("vllm", "VllmServer"),
    "vllm-offline": ("vllm_offline", "VllmOffline"),
    "openai": ("openai_http", "OpenAIServer"),
    "fake": ("fake", "FakeEngine"),
}


def engine_class(name: str) -> type[Any]:
    """The class of an engine.

    Raises:
        NotFoundError: no such engine.
    """
    if name not in ENGINES:
        raise NotFoundError(f"no engine {name!r}; {did_you_mean(name, ENGINES)}")
    module, cls = ENGINES[name]
    found: type[Any] = getattr(import_module(f"ecoaudit.engines.{module}"), cls)
    return found


def make_engine(name: str, **options: Any) -> Engine:
    """An engine by name, not started yet; ``options`` are those of its class."""
    engine: Engine = engine_class(name)(**options)
    return engine


__all__ = [
    "ENGINES",
    "Abilities",
    "Engine",
    "EngineFacts",
    "Progress",
    "engine_class",
    "make_engine",
]
