"""What a run leaves behind, however its program ends: real processes, from outside.

All of them replay a board that draws 100 W without change, so a second of recording is 100 J and
lost time shows as lost energy.
"""

from __future__ import annotations

import os
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path

from ecoaudit.journal import SUFFIX
from ecoaudit.run import Run

CONSTANT = Path(__file__).parents[1] / "data" / "trace-constant-100w.csv"
POWER_W = 100.0
ECOAUDIT = (sys.executable, "-m", "ecoaudit")
RUN = (*ECOAUDIT, "run", "--country", "KEN")
LATE_S = 0.5  # by which a busy machine may run the sampling thread late
AT_ONCE = 16  # programs that run beside each other


DYING = """
import os, sys, time
from ecoaudit.recorder import Recorder
Recorder(sys.argv[1], country="KEN").start()
time.sleep(float(sys.argv[2]))
os._exit(0)
"""


IN_PYTHON = """
import sys, time
import ecoaudit
with ecoaudit.profile(sys.argv[1], country="KEN", output=sys.argv[2] or None):
    print("ready", flush=True)
    time.sleep(4)
"""


@dataclass(frozen=True, slots=True)
class Place:
    """Where the programs of a test work, and their runs folder."""

    folder: Path

    @property
    def runs(self) -> Path:
        return self.folder / "runs"

    @property
    def env(self) -> dict[str, str]:
        return os.environ | {"ECOAUDIT_RUNS": str(self.runs), "ECOAUDIT_REPLAY": str(CONSTANT)}

    def start(self, *command: str | Path) -> subprocess.Popen[str]:
        return subprocess.Popen(
            [*map(str, command)],
            cwd=self.folder,
            env=self.env,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
        )

    def run(self, *command: str | Path) -> subprocess.CompletedProcess[str]:
        with self.start(*command) as process:
            try:
                out, err = process.communicate(timeout=60)
            finally:
                process.kill()  # nothing to a program that has ended
        return subprocess.CompletedProcess(process.args, process.returncode, out, err)

    def python(self, program: str, *arguments: str) -> subprocess.CompletedProcess[str]:
        return self.run(sys.executable, "-c", program, *arguments)

    def recover(self) -> subprocess.CompletedProcess[str]:
        return self.run(*ECOAUDIT, "runs", "recover")

    def left(self) -> list[str]:
        """Names of what lies in the runs folder and is no run."""
        names = [path.name for path in self.runs.glob("*")]
        return sorted(name for name in names if name.startswith(".") or SUFFIX in name)

    def files(self) -> list[Path]:
        """Files of runs in the runs folder."""
        return sorted(self.runs.glob("[!.]*.json"))


def energy_j(run: Run) -> float:
    return run.summary["energy_j"].number
