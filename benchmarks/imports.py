"""CPU time of imports and of ``--help`` above bare Python, beside the peers that are installed.

python -m benchmarks.imports --save     # about 2 minutes
"""

from __future__ import annotations

import sys
from importlib.util import find_spec
from statistics import median

from benchmarks.bench import Row, command, options, report

_BARE = "bare Python"
_IMPORTS = {
    _BARE: ("sys", "pass"),
    "import ecoaudit": ("ecoaudit", "import ecoaudit"),
    "import ecoaudit; ecoaudit.profile": ("ecoaudit", "import ecoaudit; ecoaudit.profile"),
    "import psutil, pynvml": ("psutil", "import psutil, pynvml"),
    "import codecarbon": ("codecarbon", "import codecarbon"),
    "from zeus.monitor import ZeusMonitor": ("zeus", "from zeus.monitor import ZeusMonitor"),
    "import carbontracker": ("carbontracker", "import carbontracker"),
    "from carbontracker.tracker import CarbonTracker": (
        "carbontracker",
        "from carbontracker.tracker import CarbonTracker",
    ),
}
_COMMANDS = {
    "ecoaudit --help": ("ecoaudit", ["-m", "ecoaudit", "--help"]),
    "ecoaudit run --help": ("ecoaudit", ["-m", "ecoaudit", "run", "--help"]),
    "ecoaudit plan --help": ("ecoaudit", ["-m", "ecoaudit", "plan", "--help"]),
    "codecarbon --help": ("codecarbon", ["-m", "codecarbon.cli.main", "--help"]),
    "python -m zeus.monitor --help": ("zeus", ["-m", "zeus.monitor", "--help"]),
    "carbontracker --help": (
        "carbontracker",
        ["-c", "import sys; from carbontracker.cli import main; sys.argv[1:] = ['--help']; main()"],
    ),
}


def main() -> None:
    """Run each in turn, so often, so that a busy moment of the machine hits all alike."""
    parser = options(__doc__)
    parser.add_argument("--repeats", type=int, default=9, help="processes for each figure (9)")
    asked = parser.parse_args()
    cases = {name: (package, ["-c", code]) for name, (package, code) in _IMPORTS.items()}
    cases |= _COMMANDS
    there = {name: words for name, (package, words) in cases.items() if find_spec(package)}
    used: dict[str, list[float]] = {name: [] for name in there}
    for words in there.values():  # once for nothing: byte code and disk cache
        command([sys.executable, *words])
    for _ in range(asked.repeats):
        for name, words in there.items():
            used[name].append(1e3 * command([sys.executable, *words])[1])
    bare_ms = median(used[_BARE])
    rows: list[Row] = [
        {
            "what": name,
            "processes": len(values),
            "cpu_ms": median(values),
            "least": min(values),
            "above_bare_ms": median(values) - bare_ms,
        }
        for name, values in used.items()
    ]
    report("imports", rows, asked)


if __name__ == "__main__":
    main()
