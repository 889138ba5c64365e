"""What a model's own files say of it: read from a folder or from the local Hugging Face cache."""

from __future__ import annotations

import json
import os
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from ecoaudit.errors import EngineError

# How config.json and the engine call a number format, and how ecoaudit does.
FORMATS = {
    "bfloat16": "bf16",
    "float16": "fp16",
    "half": "fp16",
    "float32": "fp32",
    "float": "fp32",
    "fp8": "fp8",
    "mxfp4": "mxfp4",
}
_DESCRIPTIONS = ("config.json", "params.json")  # of Hugging Face, and of Mistral


@dataclass(frozen=True, slots=True)
class ModelFiles:
    """What was found.

    Attributes:
        config: the content of ``config.json``; empty when it was not found.
        revision: the commit in the cache; None for a folder.
    """

    config: dict[str, Any]
    revision: str | None = None

    @property
    def longest_context(self) -> int | None:
        """Longest context that the model was made for [tokens]."""
        text = self.config.get("text_config")
        places = (self.config, text if isinstance(text, dict) else {})
        found = [place.get("max_position_embeddings") for place in places]
        return next((int(value) for value in found if isinstance(value, int)), None)

    @property
    def weights(self) -> str | None:
        """The weight format, when the files say it."""
        quantization = self.config.get("quantization_config")
        if isinstance(quantization, dict):
            method = str(quantization.get("quant_method", "")).lower()
            bits = quantization.get("bits", quantization.get("w_bit"))
            if method in FORMATS:
                return FORMATS[method]
            return f"int{bits}" if isinstance(bits, int) else (method or None)
        dtype = self.config.get("dtype", self.config.get("torch_dtype"))
        return FORMATS.get(str(dtype).removeprefix("torch."))


def is_here(model: str) -> bool:
    """Whether ``model`` is a folder, or something of it is in the local Hugging Face cache."""
    return Path(model).is_dir() or _cached(model).is_dir()


def check_folder(folder: str) -> None:
    """Refuse a folder that cannot be one of a model.

    Raises:
        EngineError: it describes no model.
    """
    if not any((Path(folder) / name).is_file() for name in _DESCRIPTIONS):
        raise EngineError(
            f"--model {folder}: there is no config.json in this folder, so it holds no model; give "
            "the folder that has config.json, tokenizer and weights, or a Hugging Face id"
        )


def read_model_files(model: str) -> ModelFiles:
    """The files of ``model``, a folder or a Hugging Face id; empty when they are not here."""
    folder = Path(model)
    if folder.is_dir():
        return ModelFiles(_json(folder / "config.json"))
    cached = _cached(model)
    try:
        revision = (cached / "refs" / "main").read_text("utf-8").strip()
    except OSError:
        return ModelFiles({})
    return ModelFiles(_json(cached / "snapshots" / revision / "config.json"), revision)


def _cached(model: str) -> Path:
    return _cache() / ("models--" + model.replace("/", "--"))


def _cache() -> Path:
    for name, below in (("HF_HUB_CACHE", ""), ("HUGGINGFACE_HUB_CACHE", ""), ("HF_HOME", "hub")):
        if os.environ.get(name):
            return Path(os.environ[name]) / below
    home = os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache"
    return Path(home) / "huggingface" / "hub"


def _json(path: Path) -> dict[str, Any]:
    try:
        data = json.loads(path.read_text("utf-8"))
    except (OSError, ValueError):
        return {}
    return data if isinstance(data, dict) else {}
