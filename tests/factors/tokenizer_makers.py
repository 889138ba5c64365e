"""Small tokenizer files of each kind, made here: no tokenizer of anybody's is needed."""

from __future__ import annotations

import base64
import io
import json
from pathlib import Path
from typing import Any

import sentencepiece
import tokenizers
from tokenizers import models, normalizers, pre_tokenizers

WORDS = r"\p{L}+| ?[^\s\p{L}]+|\s+"


def tokenizer_json(path: Path, compose: bool = False) -> Path:
    """One token for each byte, and one more for ``th``; cuts at four tokens, as training leaves it.

    Args:
        path: where to write it.
        compose: whether it composes Unicode (NFC) first.
    """
    letters = sorted(pre_tokenizers.ByteLevel.alphabet())
    vocabulary = {letter: place for place, letter in enumerate([*letters, "th"])}
    made = tokenizers.Tokenizer(models.BPE(vocab=vocabulary, merges=[("t", "h")]))
    made.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False)
    if compose:
        made.normalizer = normalizers.NFC()
    made.enable_truncation(4)
    made.enable_padding(length=50)
    made.save(str(path))
    return path


def tekken_json(path: Path, pairs: tuple[bytes, ...] = (), **config: Any) -> Path:
    """All bytes, then ``pairs`` by falling rank, then one that the vocabulary in use leaves out."""
    tokens = [*(bytes([byte]) for byte in range(256)), *pairs, b"never used"]
    vocab = [
        {"rank": rank, "token_bytes": base64.b64encode(token).decode(), "token_str": None}
        for rank, token in enumerate(tokens)
    ]
    size = {"default_vocab_size": len(tokens) - 1 + 10, "default_num_special_tokens": 10}
    path.write_text(json.dumps({"config": {"pattern": WORDS} | size | config, "vocab": vocab}))
    return path


def sentencepiece_model(path: Path) -> Path:
    """A SentencePiece model of the letters a to e, a letter a token."""
    made = io.BytesIO()
    sentencepiece.SentencePieceTrainer.train(
        sentence_iterator=iter(["a b c d e"] * 20),
        model_writer=made,
        vocab_size=10,
        model_type="char",
        minloglevel=2,
    )
    path.write_bytes(made.getvalue())
    return path
