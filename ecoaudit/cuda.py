"""Waits for the work that a program has given to CUDA through torch.

A GPU works behind the program's back: a time taken without waiting for it is the time at which the
work was asked for. torch is never imported here; only where the program has loaded it, and uses
CUDA, is there anything to wait for.
"""

from __future__ import annotations

import sys
from contextlib import suppress


def synchronise() -> bool:
    """Wait until the GPUs that this process uses are done; gives whether there was any to ask.

    A GPU counts as used when torch holds memory on it: asking another would claim memory there.
    While a CUDA graph is being captured nothing may wait. An error of CUDA is left to the
    program, which meets it at its next call.
    """
    torch = sys.modules.get("torch")
    cuda = getattr(torch, "cuda", None)
    if cuda is None or not cuda.is_initialized():
        return False
    with suppress(RuntimeError):
        if cuda.is_current_stream_capturing():
            return False
        for device in range(cuda.device_count()):
            if device == cuda.current_device() or cuda.memory_reserved(device):
                cuda.synchronize(device)
    return True
