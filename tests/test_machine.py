from __future__ import annotations

from pathlib import Path

import psutil

from ecoaudit.machine import Machine

CPUINFO = """\
processor\t: 0
model name\t: Intel(R) Xeon(R) Gold 6248 CPU @ 2.50GHz
physical id\t: 0
flags\t\t: fpu vme{more}

processor\t: 1
model name\t: Intel(R) Xeon(R) Gold 6248 CPU @ 2.50GHz
physical id\t: 1
flags\t\t: fpu vme{more}
"""


def test_two_sockets(tmp_path: Path) -> None:
    cpuinfo = tmp_path / "cpuinfo"
    cpuinfo.write_text(CPUINFO.format(more=""))
    machine = Machine.this(cpuinfo)
    assert machine.cpu == "Intel(R) Xeon(R) Gold 6248 CPU @ 2.50GHz"
    assert (machine.sockets, machine.virtual) == (2, False)
    assert machine.memory_bytes == psutil.virtual_memory().total


def test_a_hypervisor(tmp_path: Path) -> None:
    cpuinfo = tmp_path / "cpuinfo"
    cpuinfo.write_text(CPUINFO.format(more=" hypervisor lahf_lm"))
    assert Machine.this(cpuinfo).virtual


def test_no_cpuinfo(tmp_path: Path) -> None:
    machine = Machine.this(tmp_path / "none")
    assert machine.cpu
    assert (machine.sockets, machine.virtual) == (1, False)
