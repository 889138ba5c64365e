"""What the scripts share: their options, their table, processes that are timed, simulated GPUs."""

from __future__ import annotations

import argparse
import json
import os
import platform
import random
import subprocess
import sys
import tempfile
import time
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from tests.standins.nvml import CONFIG_VARIABLE, StandInGpu, Steps, compile_library, environment

CACHE = Path(tempfile.gettempdir()) / f"ecoaudit-benchmarks-{os.getuid()}"
Row = dict[str, Any]


def options(about: str | None, repeats: int, what: str) -> argparse.ArgumentParser:
    """The options of every script: how much is measured, and whether to print data."""
    parser = argparse.ArgumentParser(description=(about or "").partition("\n")[0])
    parser.add_argument("--repeats", type=int, default=repeats, help=f"{what} ({repeats})")
    parser.add_argument("--json", action="store_true", help="print data instead of a table")
    return parser


def show(rows: Sequence[Row], as_json: bool) -> None:
    """Print the rows, which have the same keys, and what they were measured on."""
    conditions = {
        "cpu": f"{os.cpu_count()} logical CPUs, {platform.machine()}",
        "python": platform.python_version(),
        "load": f"{os.getloadavg()[1]:.1f} over 5 min",
    }
    if as_json:
        print(json.dumps({"conditions": conditions, "rows": list(rows)}, indent=1))
        return
    cells = [list(rows[0]), *([_text(value) for value in row.values()] for row in rows)]
    widths = [max(map(len, column)) for column in zip(*cells, strict=True)]
    for line in cells:
        print("  ".join(cell.ljust(width) for cell, width in zip(line, widths, strict=True)))
    print(", ".join(f"{name}: {value}" for name, value in conditions.items()))


def child(script: str, env: dict[str, str] | None = None) -> tuple[Any, float, float]:
    """Run a Python script in a fresh process.

    Returns:
        What it printed as JSON on its last line (None if nothing), its CPU time and its wall
        time [s].

    Raises:
        RuntimeError: the script failed; with what it said.
    """
    return command([sys.executable, "-c", script], env)


def command(words: Sequence[str], env: dict[str, str] | None = None) -> tuple[Any, float, float]:
    """As :func:`child`, of any command."""
    with tempfile.TemporaryDirectory() as folder:
        out, err = Path(folder, "out"), Path(folder, "err")
        start_s = time.perf_counter()
        with out.open("wb") as stdout, err.open("wb") as stderr:
            process = subprocess.Popen(
                words,
                stdout=stdout,
                stderr=stderr,
                env={**os.environ, **(env or {}), "ECOAUDIT_RUNS": folder},
            )
            _, status, used = os.wait4(process.pid, 0)
        wall_s = time.perf_counter() - start_s
        process.returncode = os.waitstatus_to_exitcode(status)
        if process.returncode:
            raise RuntimeError(f"{words[-1]}\n{err.read_text()}")
        lines = out.read_text().splitlines()
        try:
            answer = json.loads(lines[-1]) if lines else None
        except ValueError:
            answer = None
        return answer, used.ru_utime + used.ru_stime, wall_s


def one_gpu(folder: Path, gpu: StandInGpu) -> tuple[dict[str, str], float]:
    """The environment in which one simulated GPU is seen, and the start of its trace."""
    from tests.standins.nvml import write_config

    config = folder / "gpu.txt"
    origin_s = write_config(config, [gpu])
    env = environment(compile_library(CACHE), config)
    return {name: env[name] for name in ("LD_LIBRARY_PATH", CONFIG_VARIABLE)}, origin_s


def switching(seed: int, length_s: float = 97.0) -> Steps:
    """A load between 60 and 400 W that switches every 20 to 400 ms."""
    chance = random.Random(seed)
    steps, t_s = [], 0.0
    while t_s < length_s:
        steps.append((round(t_s, 6), round(chance.uniform(60.0, 400.0), 3)))
        t_s += chance.uniform(0.02, 0.4)
    return Steps(tuple(steps), loop_s=round(t_s, 6))


def installed(package: str) -> bool:
    """Whether a peer can be compared with."""
    from importlib.util import find_spec

    return find_spec(package) is not None


def _text(value: object) -> str:
    if value is None:
        return "-"
    return f"{value:.3g}" if isinstance(value, float) else str(value)
