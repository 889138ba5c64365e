"""Waiting for CUDA, with a stand-in for torch: there is no GPU where these tests run."""

from __future__ import annotations

import subprocess
import sys
from types import SimpleNamespace

import pytest

from ecoaudit.cuda import synchronise


class StandInCuda:
    """The part of ``torch.cuda`` that is used: three devices, the program on the second."""

    def __init__(self) -> None:
        self.initialised = True
        self.capturing = False
        self.fails = False
        self.reserved = {0: 512, 1: 0, 2: 0}
        self.waited: list[int] = []

    def is_initialized(self) -> bool:
        return self.initialised

    def is_current_stream_capturing(self) -> bool:
        self._fail()
        return self.capturing

    def device_count(self) -> int:
        return len(self.reserved)

    def current_device(self) -> int:
        return 1

    def memory_reserved(self, device: int) -> int:
        return self.reserved[device]

    def synchronize(self, device: int) -> None:
        self._fail()
        self.waited.append(device)

    def _fail(self) -> None:
        if self.fails:
            raise RuntimeError("CUDA error: an illegal memory access was encountered")


@pytest.fixture
def cuda(monkeypatch: pytest.MonkeyPatch) -> StandInCuda:
    made = StandInCuda()
    monkeypatch.setitem(sys.modules, "torch", SimpleNamespace(cuda=made))
    return made


def test_it_waits_for_the_devices_in_use_and_no_others(cuda: StandInCuda) -> None:
    assert synchronise()
    assert cuda.waited == [0, 1]


def test_it_does_not_start_cuda(cuda: StandInCuda) -> None:
    cuda.initialised = False
    assert not synchronise()
    assert cuda.waited == []


def test_it_leaves_a_graph_capture_alone(cuda: StandInCuda) -> None:
    cuda.capturing = True
    assert not synchronise()
    assert cuda.waited == []


def test_an_error_of_cuda_is_left_to_the_program(cuda: StandInCuda) -> None:
    cuda.fails = True
    assert synchronise()


def test_torch_is_not_imported() -> None:
    code = (
        "import sys; from ecoaudit.cuda import synchronise; "
        "assert not synchronise(); assert 'torch' not in sys.modules"
    )
    subprocess.run([sys.executable, "-c", code], check=True)


@pytest.mark.training
def test_with_a_real_torch_on_a_cpu_there_is_nothing_to_wait_for() -> None:
    import torch

    assert not torch.cuda.is_initialized()
    assert not synchronise()
