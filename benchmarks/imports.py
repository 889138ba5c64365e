"""CPU time of imports and of ``--help`` above bare Python, beside the peers that are installed.

python -m benchmarks.imports
"""

from __future__ import annotations

import sys
from statistics import median

from benchmarks.bench import Row, command, installed, options, show

_BARE = "pass"
_IMPORTS = {
    "import ecoaudit": ("ecoaudit", "import ecoaudit"),
    "import ecoaudit; ecoaudit.profile": ("ecoaudit", "import ecoaudit; ecoaudit.profile"),
    "import psutil, pynvml": ("psutil", "import psutil, pynvml"),
    "import codecarbon": ("codecarbon", "import codecarbon"),
    "from zeus.monitor import ZeusMonitor": ("zeus", "from zeus.monitor import ZeusMonitor"),
}
_COMMANDS = {
    "ecoaudit --help": ("ecoaudit", ["-m", "ecoaudit", "--help"]),
    "ecoaudit run --help": ("ecoaudit", ["-m", "ecoaudit", "run", "--help"]),
    "ecoaudit plan --help": ("ecoaudit", ["-m", "ecoaudit", "plan", "--help"]),
    "codecarbon --help": ("codecarbon", ["-m", "codecarbon.cli.main", "--help"]),
    "zeus.monitor --help": ("zeus", ["-m", "zeus.monitor", "--help"]),
}


def main() -> None:
    """Run each in turn, so often, so that a busy moment of the machine hits all alike."""
    asked = options(__doc__, 9, "processes for each figure").parse_args()
    cases = {name: (package, ["-c", code]) for name, (package, code) in _IMPORTS.items()}
    cases = {"bare Python": ("sys", ["-c", _BARE]), **cases, **_COMMANDS}
    there = {name: words for name, (package, words) in cases.items() if installed(package)}
    used: dict[str, list[float]] = {name: [] for name in there}
    for words in there.values():  # once for nothing: byte code and disk cache
        command([sys.executable, *words])
    for _ in range(asked.repeats):
        for name, words in there.items():
            used[name].append(1e3 * command([sys.executable, *words])[1])
    bare = median(used["bare Python"])
    rows: list[Row] = [
        {
            "what": name,
            "CPU ms": median(values),
            "above bare Python": median(values) - bare,
            "times bare Python": median(values) / bare,
        }
        for name, values in used.items()
    ]
    show(rows, asked.json)


if __name__ == "__main__":
    main()
