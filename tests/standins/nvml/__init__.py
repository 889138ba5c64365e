"""Simulated NVIDIA GPUs behind the real pynvml.

`nvml_standin.c` is built as `libnvidia-ml.so.1`; a subprocess finds it through LD_LIBRARY_PATH:

    library = compile_library(cache_dir)
    gpu = StandInGpu(power=Square(60.0, 300.0, period_s=0.2))
    origin_s = write_config(config, [gpu])
    subprocess.run([sys.executable, "-c", script], env=environment(library, config), check=True)
    truth_j = true_energy_j(gpu, t0, t1, origin_monotonic_s=origin_s)

All times `t0`, `t1`, `origin_monotonic_s` are `time.monotonic()` values, which processes share.
`load_in_process` does without the subprocess, for the price of a process-wide effect.
"""

from __future__ import annotations

import ctypes
import hashlib
import importlib.util
import math
import os
import shutil
import subprocess
import sys
import tempfile
import time
from collections.abc import Sequence
from dataclasses import dataclass, fields, replace
from pathlib import Path

CONFIG_VARIABLE = "ECOAUDIT_STANDIN_NVML"
LIBRARY_NAME = "libnvidia-ml.so.1"
MAX_GPUS = 16
MAX_MIG_DEVICES = 7

_SOURCE = Path(__file__).with_name("nvml_standin.c")
_FLAGS = ("-std=c11", "-O2", "-Wall", "-Wextra", "-Werror", "-fPIC", "-shared")


class CompilerMissingError(RuntimeError):
    """No C compiler was found."""


@dataclass(frozen=True, slots=True)
class Constant:
    """The same power at all times."""

    watts: float

    def config_text(self) -> str:
        return f"constant {self.watts!r}"

    def energy_j(self, t: float) -> float:
        """Integral from trace time 0 to `t`."""
        return self.watts * t


@dataclass(frozen=True, slots=True)
class Square:
    """`low_w` for the first half of each period, `high_w` for the second."""

    low_w: float
    high_w: float
    period_s: float

    def __post_init__(self) -> None:
        if self.period_s <= 0:
            raise ValueError("Square: period_s must be above 0")

    def config_text(self) -> str:
        return f"square {self.low_w!r} {self.high_w!r} {self.period_s!r}"

    def energy_j(self, t: float) -> float:
        """Integral from trace time 0 to `t`; the wave also runs before 0."""
        half_s = self.period_s / 2
        periods, rest_s = divmod(t, self.period_s)
        low_s = periods * half_s + min(rest_s, half_s)
        return self.low_w * low_s + self.high_w * (t - low_s)


@dataclass(frozen=True, slots=True)
class Steps:
    """Power by `(start_s, watts)` steps from trace time 0.

    The last value is held; with `loop_s`, the trace repeats every `loop_s` seconds instead.
    """

    steps: tuple[tuple[float, float], ...]
    loop_s: float | None = None

    def __post_init__(self) -> None:
        starts = [start_s for start_s, _ in self.steps]
        if not starts or starts[0] != 0 or sorted(set(starts)) != starts:
            raise ValueError("Steps: times must start at 0 and increase")
        if self.loop_s is not None and self.loop_s <= starts[-1]:
            raise ValueError("Steps: loop_s must lie after the last step")

    def config_text(self) -> str:
        words = [f"{start_s!r}:{watts!r}" for start_s, watts in self.steps]
        if self.loop_s is not None:
            words += ["loop", repr(self.loop_s)]
        return " ".join(["steps", *words])

    def energy_j(self, t: float) -> float:
        """Integral from trace time 0 to `t`; before 0, the loop or the first value holds too."""
        if self.loop_s is None:
            return self._one_pass_j(t)
        turns, rest_s = divmod(t, self.loop_s)
        return turns * self._one_pass_j(self.loop_s) + self._one_pass_j(rest_s)

    def _one_pass_j(self, t: float) -> float:
        if t < 0:
            return self.steps[0][1] * t
        ends = [start_s for start_s, _ in self.steps[1:]] + [math.inf]
        return math.fsum(
            watts * (min(end_s, t) - start_s)
            for (start_s, watts), end_s in zip(self.steps, ends, strict=True)
            if start_s < t
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class StandInGpu:
    """One simulated board. `None` and `0` limits are "not supported"; times are trace times."""

    power: Constant | Square | Steps = Constant(100.0)
    name: str = "NVIDIA H100 80GB HBM3"
    uuid: str = "GPU-00000000-0000-4000-8000-000000000000"
    pci_bus_id: str = "00000000:01:00.0"
    pci_device_id: int = 0x233010DE
    architecture: int = 9  # NVML_DEVICE_ARCH_HOPPER
    compute_capability: str = "9.0"
    memory_total_bytes: int = 80 * 1024**3
    memory_used_bytes: int = 0
    power_limit_w: float | None = 700.0
    default_power_limit_w: float | None = 700.0
    min_power_limit_w: float | None = 200.0
    max_power_limit_w: float | None = 700.0
    temperature_c: int = 45
    gpu_utilization: int = 0  # percent
    memory_utilization: int = 0  # percent
    clocks_event_reasons: int = 0  # bit mask
    processes: int = 0  # compute processes, with pids that no live process can have

    # The energy counter keeps its value between ticks at origin + phase + n * step.
    # Zero is a continuous counter. Real boards: 10 to 100 ms.
    counter_step_ms: float = 0.0
    counter_phase_ms: float = 0.0
    counter_offset_mj: float = 1e9

    # Power is the mean over the window that ended at the last tick; window 0 is a point sample.
    # A100 and H100: step 100, window 25.
    power_step_ms: float = 0.0
    power_phase_ms: float = 0.0
    power_window_ms: float = 0.0

    no_counter: bool = False  # NOT_SUPPORTED, field 83 too
    no_power: bool = False  # NOT_SUPPORTED, fields 185 and 186 too
    no_field_185: bool = False  # average power alone fails, inside a call that succeeds
    no_field_186: bool = False  # instant power alone fails, inside a call that succeeds
    legacy_power_averaged: bool = False  # nvmlDeviceGetPowerUsage is the mean of the last 1 s
    stuck_counter: bool = False  # the counter stays at its offset
    stuck_from_s: float | None = None  # the counter stays where it is from then on
    no_counter_from_s: float | None = None  # the counter fails from then on
    lost_at_s: float | None = None  # GPU_IS_LOST from then on
    back_at_s: float | None = None  # a lost board answers again from then on
    latency_ms: float = 0.0  # that each call takes; what it tells is of its end
    reset_at_s: float | None = None  # the counter restarts from zero
    mig: bool = False
    no_mig: bool = False  # a board that does not know MIG
    no_mig_ids: bool = False  # the numbers of MIG devices are NOT_SUPPORTED
    mig_devices: tuple[str, ...] = ()  # UUIDs of its MIG devices; the n-th is GPU instance n
    mig_slices: tuple[int, ...] = ()  # compute slices of each; by default one
    board_slices: int = 7  # of the whole board; 0: asking for it is not permitted

    def __post_init__(self) -> None:
        if len(self.mig_devices) > MAX_MIG_DEVICES:
            raise ValueError(f"StandInGpu: at most {MAX_MIG_DEVICES} mig_devices")
        if self.mig_slices and len(self.mig_slices) != len(self.mig_devices):
            raise ValueError("StandInGpu: mig_slices has one number for each of mig_devices")


def distinct(*gpus: StandInGpu) -> list[StandInGpu]:
    """The GPUs of one host: the n-th gets UUID "GPU-<n>0000000-..." and its own PCI address."""
    return [
        replace(
            gpu,
            uuid=f"GPU-{index:x}0000000-0000-4000-8000-{index:012x}",
            pci_bus_id=f"00000000:{index + 1:02X}:00.0",
        )
        for index, gpu in enumerate(gpus)
    ]


def write_config(
    path: Path,
    gpus: Sequence[StandInGpu],
    *,
    origin_monotonic_s: float | None = None,
    driver_not_loaded: bool = False,
    no_permission: bool = False,
    driver_version: str = "580.65.06",
    cuda_driver_version: int = 13000,
) -> float:
    """Write the file that the library reads on nvmlInit; returns the origin (default: now)."""
    if len(gpus) > MAX_GPUS:
        raise ValueError(f"at most {MAX_GPUS} GPUs")
    origin_s = time.monotonic() if origin_monotonic_s is None else origin_monotonic_s
    lines = [
        _config_line("origin_monotonic_s", origin_s),
        _config_line("driver_version", driver_version),
        _config_line("cuda_driver_version", cuda_driver_version),
        _config_line("driver_not_loaded", driver_not_loaded),
        _config_line("no_permission", no_permission),
    ]
    for gpu in gpus:
        lines.append("gpu")
        own = [field.name for field in fields(gpu) if not field.name.startswith("mig_")]
        lines += [_config_line(name, getattr(gpu, name)) for name in own]
        slices = gpu.mig_slices or (1,) * len(gpu.mig_devices)
        lines += [
            f"mig_device {uuid} {part}" for uuid, part in zip(gpu.mig_devices, slices, strict=True)
        ]
    # Replaced whole, so that a library that is starting up never reads half a file.
    partial = path.with_name(f"{path.name}.{os.getpid()}.partial")
    partial.write_text("\n".join(filter(None, lines)) + "\n", encoding="utf-8")
    partial.replace(path)
    return origin_s


def _config_line(key: str, value: object) -> str:
    match value:
        case None | False:
            return ""
        case True:
            return key
        case Constant() | Square() | Steps():
            return f"{key} {value.config_text()}"
        case float():
            return f"{key} {value!r}"
        case _:
            return f"{key} {value}"


def true_energy_j(gpu: StandInGpu, t0: float, t1: float, *, origin_monotonic_s: float) -> float:
    """The exact energy between two `time.monotonic()` values: what a perfect meter reports.

    Computed from the trace here, not by the library. The sensor flags do not change it.
    """
    energy_j = gpu.power.energy_j
    return energy_j(t1 - origin_monotonic_s) - energy_j(t0 - origin_monotonic_s)


def compile_library(cache_dir: Path) -> Path:
    """Build the library under `cache_dir`, once per source text and flags; returns its path."""
    digest = hashlib.sha256(_SOURCE.read_bytes() + " ".join(_FLAGS).encode()).hexdigest()[:16]
    library = cache_dir / digest / LIBRARY_NAME
    if library.exists():
        return library
    compiler = _compiler()
    library.parent.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(dir=library.parent) as scratch:
        # Built aside and moved, so that test processes that start together do not collide.
        built = Path(scratch, LIBRARY_NAME)
        soname = f"-Wl,-soname,{LIBRARY_NAME}"
        command = [*compiler, *_FLAGS, soname, "-o", str(built), str(_SOURCE), "-lm"]
        result = subprocess.run(command, capture_output=True, text=True, check=False)
        if result.returncode != 0:
            raise RuntimeError(f"{' '.join(command)} failed:\n{result.stderr}")
        built.replace(library)
    return library


def _compiler() -> list[str]:
    """The system's C compiler, or the one of the ziglang package, which `make test` installs."""
    system = next(filter(None, map(shutil.which, ("cc", "gcc", "clang"))), None)
    if system is not None:
        return [system]
    if importlib.util.find_spec("ziglang") is not None:
        return [sys.executable, "-m", "ziglang", "cc"]
    raise CompilerMissingError(
        "the NVML stand-in needs a C compiler, and none of cc, gcc, clang is on PATH: "
        "install one (Debian, Ubuntu: apt install gcc), or the Python package ziglang"
    )


def environment(library: Path, config: Path) -> dict[str, str]:
    """This process's environment, changed so that a subprocess sees the simulated GPUs."""
    search = [str(library.parent.resolve()), os.environ.get("LD_LIBRARY_PATH", "")]
    return os.environ | {
        "LD_LIBRARY_PATH": ":".join(filter(None, search)),
        CONFIG_VARIABLE: str(config.resolve()),
    }


def load_in_process(library: Path) -> None:
    """Make this process use the stand-in: a later load of libnvidia-ml.so.1 finds it by soname.

    It stays until the process ends. With CONFIG_VARIABLE set (monkeypatch.setenv), nvmlInit reads
    that file; unset, nvmlInit fails as if no NVML were installed. Needs glibc.
    """
    ctypes.CDLL(str(library), mode=ctypes.RTLD_GLOBAL)
    if not hasattr(ctypes.CDLL(LIBRARY_NAME), "ecoaudit_standin_nvml"):
        raise RuntimeError(
            "this process has already loaded the real NVML: use a subprocess with environment()"
        )
