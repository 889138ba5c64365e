"""What every test can rely on: its own runs folder, no site settings from outside, 80 columns."""

from __future__ import annotations

import signal
from pathlib import Path

import pytest

# A shell starts what runs in its background with these ignored, and nohup does so with SIGHUP. A
# program that is measured keeps what it inherits; the tests send these signals to such programs.
for number in (signal.SIGINT, signal.SIGQUIT, signal.SIGHUP):
    if signal.getsignal(number) is signal.SIG_IGN:
        usual = signal.default_int_handler if number is signal.SIGINT else signal.SIG_DFL
        signal.signal(number, usual)

AMD_MASKS = ("ROCR_VISIBLE_DEVICES", "HIP_VISIBLE_DEVICES")


@pytest.fixture(autouse=True)
def _own_world(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("ECOAUDIT_RUNS", str(tmp_path / "runs"))
    monkeypatch.setenv("COLUMNS", "80")
    monkeypatch.setenv("NO_COLOR", "1")
    for name in ("ECOAUDIT_REPLAY", "ECOAUDIT_POWERCAP", "ECOAUDIT_CPU_TDP_W"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("ECOAUDIT_SYSFS", str(tmp_path / "no-sys"))  # no GPU of this machine
    for name in ("CUDA_VISIBLE_DEVICES", "NVIDIA_VISIBLE_DEVICES", *AMD_MASKS):
        monkeypatch.delenv(name, raising=False)
