"""NVIDIA GPUs through NVML: the boards that the program sees."""

from __future__ import annotations

import os
import time
from collections.abc import Collection, Sequence
from contextlib import ExitStack
from typing import Any

from ecoaudit.checks import doubt
from ecoaudit.errors import MeterUnavailableError
from ecoaudit.measurement import Device, Reading
from ecoaudit.meters.nvidia_board import NvidiaBoard, asked, text
from ecoaudit.meters.visible_devices import VARIABLE, Board, visible_boards
from ecoaudit.run import Doubt

# Slices of a GPU instance by its profile (nvml.h, NVML_GPU_INSTANCE_PROFILE_*), the largest first:
# the largest that a board offers is the whole board.
_PROFILES = ("8_SLICE", "7_SLICE", "6_SLICE", "4_SLICE", "3_SLICE", "2_SLICE", "1_SLICE")


class NoGpuError(MeterUnavailableError):
    """There is no NVIDIA GPU or driver here, as opposed to one that cannot be read."""


class NvidiaMeter:
    """Reads every board that the program sees (see ``visible_devices``).

    Args:
        mask: stands in for ``CUDA_VISIBLE_DEVICES``; by default the environment's.

    Raises:
        NoGpuError: no NVIDIA driver or no board.
        MeterUnavailableError: the driver refuses, or the mask hides all boards.
        UsageError: the mask has a word that names no board, or more than one.
    """

    name = "nvidia"

    def __init__(self, mask: str | None = None):
        self._nvml = _initialised()
        self._open = True
        self._boards: list[NvidiaBoard] = []
        self._doubts: list[Doubt] = []
        with ExitStack() as on_failure:
            on_failure.callback(self.close)
            self._open_boards(os.environ if mask is None else {**os.environ, VARIABLE: mask})
            on_failure.pop_all()

    def devices(self) -> Sequence[Device]:
        return [board.device for board in self._boards]

    def keep(self, ids: Collection[str]) -> None:
        """Read only the boards with these UUIDs from now on."""
        self._boards = [board for board in self._boards if board.device.id in ids]

    def read(self, now_s: float) -> Sequence[Reading]:
        started_s = time.monotonic()
        return [board.read(now_s + (time.monotonic() - started_s)) for board in self._boards]

    def doubts(self) -> Sequence[Doubt]:
        boards = (board.doubts + board.conditions.doubts() for board in self._boards)
        return [*self._doubts, *(told for doubts in boards for told in doubts)]

    def close(self) -> None:
        if self._open:
            self._open = False
            asked(self._nvml, self._nvml.nvmlShutdown)

    def _open_boards(self, environment: Any) -> None:
        nvml = self._nvml
        count = asked(nvml, nvml.nvmlDeviceGetCount) or 0
        if not count:
            raise NoGpuError("the NVIDIA driver shows no GPU")
        handles = [asked(nvml, nvml.nvmlDeviceGetHandleByIndex, index) for index in range(count)]
        instances = [_instances(nvml, handle) for handle in handles]
        known = [
            Board(
                text(asked(nvml, nvml.nvmlDeviceGetUUID, handle) or ""),
                tuple(uuid for uuid, _ in inside),
                tuple(_ids(nvml, instance) for _, instance in inside),
            )
            for handle, inside in zip(handles, instances, strict=True)
        ]
        shown = visible_boards(environment, known)
        self._doubts += shown.doubts
        mask = environment.get(VARIABLE)
        if not shown.places:
            raise MeterUnavailableError(
                f"{VARIABLE}={mask} hides all {len(known)} GPUs, whose energy is then not"
                " counted; unset it to measure them"
            )
        driver = asked(nvml, nvml.nvmlSystemGetDriverVersion)
        for index in shown.places:
            uuid, inside = known[index].uuid, instances[index]
            if not uuid:
                self._doubts.append(
                    doubt(
                        "gpu-not-read", f"GPU {index} does not answer", "`nvidia-smi` may say why"
                    )
                )
                continue
            parts = shown.parts.get(index, [])
            share = _share(nvml, handles[index], inside, parts) if parts else None
            self._boards.append(
                NvidiaBoard(
                    nvml, handles[index], index, uuid, driver, bool(inside), bool(parts), share
                )
            )
        names = {asked(nvml, nvml.nvmlDeviceGetName, handle) for handle in handles}
        by_number = mask is not None and any(word.strip().isdigit() for word in mask.split(","))
        if by_number and len(names) > 1 and "CUDA_DEVICE_ORDER" not in environment:
            self._doubts.append(
                doubt(
                    "gpu-order",
                    f"{VARIABLE} gives numbers on a machine with unlike GPUs, which CUDA may count"
                    " in another order than NVML",
                )
            )


def _initialised() -> Any:
    """The binding, with the library started."""
    import pynvml as nvml

    try:
        nvml.nvmlInit()
    except nvml.NVMLError_LibraryNotFound:
        raise NoGpuError("no NVIDIA driver is installed") from None
    except nvml.NVMLError_DriverNotLoaded:
        raise MeterUnavailableError(
            "the NVIDIA library is installed but its driver is not loaded; `nvidia-smi` says why"
        ) from None
    except nvml.NVMLError as error:
        raise MeterUnavailableError(
            f"the NVIDIA driver refuses ({error}); check that this user, or this container, may"
            " use /dev/nvidia*"
        ) from None
    return nvml


def _instances(nvml: Any, handle: Any) -> list[tuple[str, Any]]:
    """UUID and handle of each MIG instance of a board."""
    found = []
    for index in range(asked(nvml, nvml.nvmlDeviceGetMaxMigDeviceCount, handle) or 0):
        instance = asked(nvml, nvml.nvmlDeviceGetMigDeviceHandleByIndex, handle, index)
        uuid = instance and asked(nvml, nvml.nvmlDeviceGetUUID, instance)
        if uuid:
            found.append((text(uuid), instance))
    return found


def _ids(nvml: Any, instance: Any) -> tuple[int, int] | None:
    """Numbers of a MIG device's GPU instance and compute instance; None if NVML does not tell."""
    ids = [
        asked(nvml, question, instance)
        for question in (nvml.nvmlDeviceGetGpuInstanceId, nvml.nvmlDeviceGetComputeInstanceId)
    ]
    return None if None in ids else (int(ids[0]), int(ids[1]))


def _share(
    nvml: Any, handle: Any, instances: list[tuple[str, Any]], parts: Sequence[int | None]
) -> float | None:
    """Share of a board's compute slices that its instances ``parts`` have; None if not known."""
    whole = 0
    for profile in _PROFILES:
        number = getattr(nvml, f"NVML_GPU_INSTANCE_PROFILE_{profile}", None)
        if number is None:
            continue
        info = asked(nvml, nvml.nvmlDeviceGetGpuInstanceProfileInfo, handle, number, 1)
        if info is not None:
            whole = max(whole, int(info.sliceCount))
    mine = 0
    for part in parts:
        if part is None or part >= len(instances):
            return None
        attributes = asked(nvml, nvml.nvmlDeviceGetAttributes, instances[part][1])
        if attributes is None:
            return None
        mine += int(attributes.computeInstanceSliceCount)
    return mine / whole if 0 < mine <= whole else None
