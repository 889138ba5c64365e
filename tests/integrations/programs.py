"""Programs that the tests run in a process of their own: small models, real trainers."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

DATA = """
import json, sys, torch
from transformers import LlamaConfig, LlamaForCausalLM

torch.manual_seed(0)
EXAMPLES, LENGTH = 22, 16

class Data(torch.utils.data.Dataset):
    "Sequences padded to one length; number n has 6 + n % 10 real tokens."
    def __len__(self):
        return EXAMPLES
    def __getitem__(self, n):
        ids = torch.arange(n, n + LENGTH) % 64
        mask = (torch.arange(LENGTH) < 6 + n % 10).long()
        return {"input_ids": ids, "attention_mask": mask, "labels": ids}

def small_llama():
    sizes = dict(vocab_size=64, hidden_size=16, intermediate_size=32)
    return LlamaForCausalLM(
        LlamaConfig(**sizes, num_hidden_layers=1, num_attention_heads=2)
    )
"""
EXAMPLES, LENGTH = 22, 16
REAL_TOKENS = sum(6 + n % 10 for n in range(EXAMPLES))


def python(
    code: str, folder: Path, *, warnings: str = "default", check: bool = True
) -> subprocess.CompletedProcess[str]:
    """Run a program."""
    ended = subprocess.run(
        [sys.executable, "-W", warnings, "-c", code],
        cwd=folder,
        env=os.environ | {"OMP_NUM_THREADS": "1"},
        capture_output=True,
        text=True,
        check=False,
        timeout=240,
    )
    assert not check or ended.returncode == 0, ended.stderr
    return ended


def last_line(ended: subprocess.CompletedProcess[str]) -> dict[str, Any]:
    """What the program printed last, as JSON."""
    found: dict[str, Any] = json.loads(ended.stdout.splitlines()[-1])
    return found
