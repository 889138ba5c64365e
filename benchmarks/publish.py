"""Writes the tables and the plot of docs/benchmarks.md from benchmarks/results.

A table stands between ``<!-- name -->`` and ``<!-- end -->``; the text around it is left alone.

    python -m benchmarks.publish
"""

from __future__ import annotations

import hashlib
import json
import re
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from importlib import import_module
from pathlib import Path
from statistics import median
from typing import Any

from benchmarks.bench import RESULTS, Row

ROOT = Path(__file__).parents[1]
DOCUMENT = ROOT / "docs" / "benchmarks.md"
PLOT = ROOT / "docs" / "images" / "accuracy.svg"
MEASURED = (
    *("accuracy", "overhead", "slowdown", "imports"),
    *("load_client", "agreement", "simulated_load"),
)
MAIN = {"load": "bursty", "counter_ms": 100.0, "sensor": "like an H100's"}
MOMENT = {**MAIN, "sensor": "of the moment"}
PLOTTED = {
    "bursty load, counter moves every 100 ms": MAIN,
    "bursty load, counter moves every 10 ms": {**MAIN, "counter_ms": 10.0},
}
TITLES = {"zeus": "Zeus", "edges": "counter at the edges", "zeus, approximate": "Zeus, approximate"}
AGREED = {"ttft_ms": "TTFT, ms", "tpot_ms": "TPOT, ms", "tokens_per_s": "tokens/s"}
ACCURACY_TARGETS = {0.3: (1.5, 6.0), 1.0: (0.5, 2.5), 5.0: (0.15, 0.6)}


@dataclass(frozen=True, slots=True)
class CostTarget:
    """A limit of a figure: where its row is, which column, and what makes its unit of it."""

    what: str
    result: str
    row: dict[str, Any]
    column: str
    unit: str
    limit: float
    factor: float = 1.0
    floor: str | None = None  # a way to show beside it


_OURS = {"way": "ecoaudit"}
COST_TARGETS = (
    CostTarget(
        "own CPU, one GPU, 10 Hz",
        "overhead",
        {**_OURS, "what": "CPU while sampling"},
        "median",
        "% of a core",
        0.5,
        1 / 600,
    ),
    CostTarget("slow-down of pinned work", "slowdown", _OURS, "slower_percent", "%", 0.5),
    CostTarget(
        "a window, back to back",
        "overhead",
        {**_OURS, "what": "windows back to back"},
        "median",
        "µs",
        10.0,
    ),
    CostTarget(
        "a window, 20 ms after the last",
        "overhead",
        {**_OURS, "what": "windows 20 ms apart"},
        "median",
        "µs",
        10.0,
        floor="a context manager that does nothing",
    ),
    CostTarget(
        "start of `profile()`, imported",
        "overhead",
        {**_OURS, "what": "start, imported"},
        "median",
        "ms",
        50.0,
    ),
    CostTarget(
        "`import ecoaudit`",
        "imports",
        {"what": "import ecoaudit"},
        "above_bare_ms",
        "ms of CPU above bare Python",
        20.0,
    ),
    CostTarget(
        "`ecoaudit --help`",
        "imports",
        {"what": "ecoaudit --help"},
        "above_bare_ms",
        "ms of CPU above bare Python",
        120.0,
    ),
    *(
        CostTarget(
            f"load client, {streams} streams",
            "load_client",
            {**_OURS, "streams": streams},
            "us_per_event",
            "µs of CPU per streamed event",
            25.0,
        )
        for streams in (1, 16, 64, 128)
    ),
)
Results = dict[str, dict[str, Any]]


def load(folder: Path = RESULTS) -> Results:
    """The results by name, each with ``conditions`` and ``rows``."""
    return {path.stem: json.loads(path.read_text("utf-8")) for path in folder.glob("*.json")}


def conditions(results: Results) -> str:
    """What each script was run on."""
    alike: dict[tuple[str, str], list[str]] = {}
    for name in (
        "accuracy",
        "overhead",
        "slowdown",
        "imports",
        "load_client",
        "agreement",
        "simulated_load",
    ):
        on = results[name]["conditions"]
        packages = ", ".join(f"{p} {v}" for p, v in on["packages"].items() if v is not None)
        machine = "virtual machine" if on["virtual_machine"] else "machine"
        where = f"{on['logical_cpus']}-core {machine}, {on['cpu']}"
        scripts = alike.setdefault((where, f"Python {on['python']}, {packages}"), [])
        scripts.append(f"`{name}` {on['load_over_5_min']:g}")
    lines = [[", ".join(scripts), where, on] for (where, on), scripts in alike.items()]
    return _table(["Script, and load over 5 min at its end", "Machine", "Versions"], lines)


def accuracy(results: Results) -> str:
    """Error of all ways over the main case."""
    rows = _where(results["accuracy"]["rows"], MAIN)
    ways = list(dict.fromkeys(row["way"] for row in rows))
    lines = []
    for window_s in _unique(rows, "window_s"):
        by_way = {row["way"]: row for row in _where(rows, {"window_s": window_s})}
        count = by_way["ecoaudit"]["windows"]
        lines.append([f"{window_s:g} s", f"{count}", *(_error(by_way[way]) for way in ways)])
    return _table(["Window", "Windows", *(TITLES.get(way, way) for way in ways)], lines)


def intervals(results: Results) -> str:
    """ecoaudit against the edges in every case, and how often the truth lies in its interval."""
    lines = []
    for row in results["accuracy"]["rows"]:
        if row["way"] != "ecoaudit":
            continue
        place = {key: row[key] for key in ("load", "counter_ms", "sensor", "window_s")}
        [edges] = _where(results["accuracy"]["rows"], {**place, "way": "edges"})
        better = edges["median_percent"] / row["median_percent"] if row["median_percent"] else None
        lines.append(
            [
                f"{row['load']}, {row['counter_ms']:g} ms, {row['sensor']}",
                f"{row['window_s']:g} s",
                f"{row['windows']}",
                _error(row),
                _error(edges),
                "-" if better is None else _short(better),
                f"{row['in_interval_percent']:.0f} %",
                f"{row['in_interval_without_board_percent']:.0f} %",
            ]
        )
    heads = ["Load, counter, power sensor", "Window", "Windows", "ecoaudit", "edges"]
    heads += ["edges / ecoaudit", "truth in interval", "the same, without the board's ±5 %"]
    return _table(heads, lines)


def targets(results: Results) -> str:
    """What was to be reached, and what was."""
    lines = []
    for window_s, limits in ACCURACY_TARGETS.items():
        for sensor in (MOMENT, MAIN):
            place = {**sensor, "window_s": window_s, "way": "ecoaudit"}
            [row] = _where(results["accuracy"]["rows"], place)
            found = (row["median_percent"], row["p95_percent"])
            lines.append(
                [
                    f"error over {window_s:g} s, sensor {sensor['sensor']}, median / p95",
                    f"{limits[0]:g} / {limits[1]:g} %",
                    f"{_short(found[0])} / {_short(found[1])} %",
                    " / ".join(
                        _met(value, limit) for value, limit in zip(found, limits, strict=True)
                    ),
                ]
            )
    for target in COST_TARGETS:
        [row] = _where(results[target.result]["rows"], target.row)
        value = row[target.column] * target.factor
        found_text = _short(value)
        if target.floor:
            [floor] = _where(results[target.result]["rows"], {**target.row, "way": target.floor})
            found_text += f" ({target.floor}: {_short(floor[target.column])})"
        limit_text = f"{target.limit:g} {target.unit}"
        lines.append([target.what, limit_text, found_text, _met(value, target.limit)])
    return _table(["What", "Target", "Reached", ""], lines)


def overhead(results: Results) -> str:
    """The cost of sampling, of a window and of the start."""
    rows = results["overhead"]["rows"]
    lines = []
    for row in rows:
        value = _short(row["median"])
        if row["unit"] == "ms a minute":
            share = row["median"] / 600
            value += f" ({share:.2f} % of a core)" if share >= 0.01 else " (under 0.01 % of a core)"
        spread = f"{_short(row['least'])} to {_short(row['most'])}"
        way = TITLES.get(row["way"], row["way"])
        unit = row["unit"].replace("us", "µs")
        lines.append([row["what"], way, value, spread, unit, f"{row['processes']}"])
    return _table(["What", "Way", "Median", "Least to most", "Unit", "Processes"], lines)


def slowdown(results: Results) -> str:
    """What measuring takes from work on one core."""
    lines = [
        [
            TITLES.get(row["way"], row["way"]),
            f"{row['slower_percent']:.2f} %",
            f"{row['low']:.2f} to {row['high']:.2f} %",
            f"{row['pairs']}",
        ]
        for row in results["slowdown"]["rows"]
    ]
    return _table(["Way", "Slow-down", "95 % interval", "Pairs"], lines)


def imports(results: Results) -> str:
    """CPU time of fresh processes."""
    lines = []
    for row in results["imports"]["rows"]:
        what = row["what"] if row["what"] == "bare Python" else f"`{row['what']}`"
        lines.append([what, _short(row["cpu_ms"]), _short(row["above_bare_ms"])])
    return _table(["What", "CPU ms", "above bare Python"], lines)


def load_client(results: Results) -> str:
    """CPU time of the load client per streamed event."""
    lines = []
    for row in results["load_client"]["rows"]:
        ratio = "1"
        if row["way"] != "ecoaudit":
            spread = f"{_short(row['ratio_least'])} to {_short(row['ratio_most'])}"
            ratio = f"{_short(row['of_ecoaudit'])} ({spread})"
        lines.append(
            [
                f"{row['streams']}",
                row["way"],
                f"{_short(row['us_per_event'])} ({_short(row['least'])} to {_short(row['most'])})",
                ratio,
                f"{_short(row['core_percent'])} %",
                f"{row['gap_ms_p50']:.1f} / {row['gap_ms_p99']:.1f}",
            ]
        )
    heads = ["Streams", "Client", "µs per event (least to most)", "of ecoaudit's (least to most)"]
    return _table([*heads, "of a core", "gap, ms, p50 / p99"], lines)


def agreement(results: Results) -> str:
    """ecoaudit's figures over those of `vllm bench serve`, round by round."""
    rows = results["agreement"]["rows"]
    lines = []
    for in_flight in dict.fromkeys(row["in_flight"] for row in rows):
        for name, what in AGREED.items():
            ratios = [row[f"{name}_ratio"] for row in rows if row["in_flight"] == in_flight]
            each = " ".join(f"{ratio:.3f}" for ratio in ratios)
            theirs = median(row[f"{name}_vllm"] for row in rows if row["in_flight"] == in_flight)
            lines.append(
                [f"{in_flight}", what, _short(theirs), each, f"{median(ratios):.3f}"],
            )
    return _table(["In flight", "What", "theirs", "ecoaudit over theirs", "median"], lines)


def simulated_load(results: Results) -> str:
    """What the simulation tells of a load, beside what a real server was seen to do."""
    lines = []
    for row in results["simulated_load"]["rows"]:
        ttft = f"{row['ttft_p95_ms_told']:.0f} ({row['ttft_off_percent']:+.0f} %)"
        running = f"{row['running_told']:.2f} ({row['running_off_percent']:+.0f} %)"
        seen = (f"{row['ttft_p95_ms']:.0f}", f"{row['running']:.2f}")
        share = f"{row['share_of_capacity']:.0%}"
        lines.append([share, f"{row['requests']}", row["steps"], seen[0], ttft, seen[1], running])
    heads = ["Load", "Requests", "Steps", "p95 TTFT, ms", "told", "running, mean", "told"]
    return _table(heads, lines)


TABLES: dict[str, Callable[[Results], str]] = {
    "conditions": conditions,
    "targets": targets,
    "accuracy": accuracy,
    "intervals": intervals,
    "overhead": overhead,
    "slowdown": slowdown,
    "imports": imports,
    "load_client": load_client,
    "agreement": agreement,
    "simulated_load": simulated_load,
}


def render(text: str, results: Results) -> str:
    """The document with its tables made anew.

    Raises:
        ValueError: it lacks the place of a table.
    """
    for name, table in TABLES.items():
        place = re.compile(rf"(<!-- {name} -->\n).*?(<!-- end -->)", re.DOTALL)
        made = table(results)
        text, count = place.subn(lambda m, made=made: f"{m[1]}{made}{m[2]}", text)  # type: ignore[misc]
        if count != 1:
            raise ValueError(f"{DOCUMENT.name}: expected one `<!-- {name} -->` ... `<!-- end -->`")
    return text


def digest(results: Results) -> str:
    """What the plot was made from, to be told from its file."""
    text = json.dumps(results["accuracy"]["rows"], sort_keys=True)
    return hashlib.sha256(text.encode()).hexdigest()


def plot(results: Results, file: Path) -> None:
    """Error against the length of the window, for each way."""
    matplotlib: Any = import_module("matplotlib")
    matplotlib.use("svg")
    matplotlib.rcParams.update({"svg.hashsalt": "ecoaudit", "svg.fonttype": "none"})
    pyplot: Any = import_module("matplotlib.pyplot")
    figure, panels = pyplot.subplots(1, 2, figsize=(11, 4.6), sharey=True, layout="constrained")
    for axes, (title, case) in zip(panels, PLOTTED.items(), strict=True):
        rows = _where(results["accuracy"]["rows"], case)
        for way in _unique(rows, "way"):
            own = _where(rows, {"way": way})
            lengths = [row["window_s"] for row in own]
            width = 2.6 if way == "ecoaudit" else 1.2
            name = TITLES.get(way, way)
            [line] = axes.plot(
                lengths, _shown(own, "median_percent"), marker="o", ms=4, lw=width, label=name
            )
            axes.plot(
                lengths, _shown(own, "p95_percent"), ls=":", lw=width / 2, color=line.get_color()
            )
        axes.set(xscale="log", yscale="log", title=title, xlabel="length of the window [s]")
        axes.set_xticks(lengths, [f"{length:g}" for length in lengths])
        axes.minorticks_off()
        axes.grid(alpha=0.3)
    panels[0].set_ylabel("error [%]: median, and dotted the 95th percentile")
    panels[1].legend(fontsize="small")
    about = {"Date": None, "Description": f"accuracy.json {digest(results)}"}
    figure.savefig(file, metadata=about)


def main() -> None:
    """Write the document and the plot."""
    results = load()
    DOCUMENT.write_text(render(DOCUMENT.read_text("utf-8"), results), "utf-8")
    PLOT.parent.mkdir(exist_ok=True)
    plot(results, PLOT)


def _where(rows: Iterable[Row], wanted: Row) -> list[Row]:
    return [row for row in rows if wanted.items() <= row.items()]


def _unique(rows: Iterable[Row], key: str) -> list[Any]:
    return list(dict.fromkeys(row[key] for row in rows))


def _shown(rows: Sequence[Row], column: str) -> list[float]:
    """What a logarithmic axis can show."""
    return [max(row[column], 1e-3) for row in rows]


def _error(row: Row) -> str:
    """Median and 95th percentile; with the windows in which nothing was read."""
    unread = row["unread"]
    if 2 * unread > row["windows"]:
        return f"cannot ({unread} unread)"
    text = f"{_short(row['median_percent'])} / {_short(row['p95_percent'])}"
    return f"{text} ({unread} unread)" if unread else text


def _met(value: float, limit: float) -> str:
    return "met" if value <= limit else "**missed**"


def _short(value: float) -> str:
    """Two or three digits."""
    if abs(value) >= 100:
        return f"{value:,.0f}"
    return f"{value:.2g}" if abs(value) < 10 else f"{value:.0f}"


def _table(heads: list[str], lines: list[list[str]]) -> str:
    rows = [heads, ["---"] * len(heads), *lines]
    return "".join("| " + " | ".join(row) + " |\n" for row in rows)


if __name__ == "__main__":
    main()
