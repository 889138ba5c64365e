"""What this computer is: its CPU and its memory."""

from __future__ import annotations

import platform
import re
from dataclasses import dataclass
from pathlib import Path

import psutil

_CPUINFO = Path("/proc/cpuinfo")


@dataclass(frozen=True, slots=True)
class Machine:
    """A computer as far as models of its power need to know it.

    Attributes:
        cpu: the CPU's name as the kernel gives it; ``unknown`` when it gives none.
        sockets: CPUs in sockets.
        logical_cpus: CPUs that the kernel schedules.
        memory_bytes: installed memory, less what the firmware keeps [bytes].
        arm: whether its architecture is ARM.
        virtual: whether the CPU says that it runs under a hypervisor.
    """

    cpu: str
    sockets: int
    logical_cpus: int
    memory_bytes: float
    arm: bool
    virtual: bool

    @classmethod
    def this(cls, cpuinfo: Path = _CPUINFO) -> Machine:
        """The computer that this runs on.

        Args:
            cpuinfo: the kernel's description of the CPU.
        """
        try:
            text = cpuinfo.read_text("utf-8", errors="replace")
        except OSError:  # not Linux
            text = ""
        name = re.search(r"^model name\s*:\s*(\S.*)$", text, re.MULTILINE)
        sockets = set(re.findall(r"^physical id\s*:\s*(\d+)", text, re.MULTILINE))
        return cls(
            cpu=name.group(1).strip() if name else platform.processor() or "unknown",
            sockets=len(sockets) or 1,
            logical_cpus=psutil.cpu_count() or 1,
            memory_bytes=float(psutil.virtual_memory().total),
            arm=platform.machine().lower().startswith(("arm", "aarch")),
            virtual=re.search(r"^flags\s*:.*\bhypervisor\b", text, re.MULTILINE) is not None,
        )
