"""Reads the public rows into one form. What is left out, by layout and format, is counted.

Rows that look odd stay: a row is never left out because it is met badly.
"""

from __future__ import annotations

import csv
from collections import Counter
from dataclasses import dataclass
from pathlib import Path

from ecoaudit.factors.hardware import Device, find_device
from ecoaudit.factors.models import Model
from ecoaudit.sizing.constants import TERMS, Constants
from ecoaudit.sizing.memory import kv_bytes
from ecoaudit.sizing.speed import rates

from .shapes import shape_of

ML_ENERGY = "ML.ENERGY leaderboard v3"
AICONFIGURATOR = "NVIDIA aiconfigurator silicon_sample"
ARGONNE = "Argonne LLM-Inference-Bench"
# ML.ENERGY gives no prompt lengths: about 150 to 250 tokens for chat; those of questions (GPQA)
# and of code to fill in are assumed.
PROMPTS = {"lm-arena-chat": 200.0, "gpqa": 250.0, "sourcegraph-fim": 600.0}
_FORMATS = {"bfloat16": "bf16", "fp8": "fp8", "mxfp4": "mxfp4", "int4": "int4"}
_DEVICES = {
    "H100": "NVIDIA H100 SXM5 80GB",
    "B200": "NVIDIA B200 SXM",
    "h100_sxm": "NVIDIA H100 SXM5 80GB",
    "h200_sxm": "NVIDIA H200 SXM",
    "b200_sxm": "NVIDIA B200 SXM",
    "Nvidia H100 GPU": "NVIDIA H100 SXM5 80GB",
    "Nvidia A100 GPU": "NVIDIA A100 40GB SXM4",
}
UNIT = Constants(
    "", "", (1.0,) * len(TERMS), (1.0,) * len(TERMS), 1.0, 0.0, 0.0, {}, 0, 0, "", 0, 0, ""
)


@dataclass(frozen=True, slots=True)
class Point:
    """One measured point.

    Attributes:
        source: whose row.
        engine: generation of the engine, for grouping.
        version: of the engine, as given; may be blank.
        model: the shape.
        checkpoint: name as given.
        task: what was asked.
        device: what it ran on.
        devices: how many.
        weights: format.
        clients: limit of requests at once, or clients in a closed loop.
        batch: answers under way in the mean.
        prompt: [tokens].
        output: [tokens].
        step_s: time per output token of one answer in the mean [s].
        power_w: of one device in the mean [W]; None: not measured.
        energy_j: per output token, all devices [J]; None: not measured.
        first_s: until the first token [s]; None: not measured.
    """

    source: str
    engine: str
    version: str
    model: Model
    checkpoint: str
    task: str
    device: Device
    devices: int
    weights: str
    clients: float
    batch: float
    prompt: float
    output: float
    step_s: float
    power_w: float | None = None
    energy_j: float | None = None
    first_s: float | None = None

    @property
    def context(self) -> float:
        """Tokens before one that is being made, in the mean."""
        return self.prompt + self.output / 2

    @property
    def kv_each(self) -> float:
        """Cache of one answer under way on one device [bytes]."""
        return kv_bytes(self.model, self.context, tensor_parallel=self.devices)

    @property
    def sort(self) -> str:
        """``dense`` or ``experts``."""
        return "experts" if self.model.experts else "dense"

    def parts(self) -> tuple[float, ...]:
        """What a mean step does, by kind of work; see ``Rates.parts``."""
        rate = rates(self.model, self.weights, self.device, self.devices, UNIT)
        return rate.parts(self.batch, self.kv_each, self.context, self.prompt, self.output)

    def roofline_s(self) -> float:
        """The longer of reading and computing at the datasheet's rates [s]."""
        parts = self.parts()
        return max(parts[0] + parts[1], parts[2])


@dataclass(frozen=True, slots=True)
class Data:
    """All points and what was left out, by reason."""

    points: list[Point]
    anchors: list[Point]
    left_out: Counter[str]
    contradicted: frozenset[Point]


def read_data(folder: Path) -> Data:
    """Read the three files that are used.

    Raises:
        SystemExit: a file is missing.
    """
    for name in ("ml_energy_v3", "aiconfigurator_silicon", "argonne"):
        if not (folder / f"{name}.csv").is_file():
            raise SystemExit(f"{folder}: {name}.csv is missing; name the folder with the rows")
    left_out: Counter[str] = Counter()
    energy = _ml_energy(folder / "ml_energy_v3.csv", left_out)
    silicon = _aiconfigurator(folder / "aiconfigurator_silicon.csv", left_out)
    anchors = _argonne(folder / "argonne.csv")
    return Data(energy + silicon, anchors, left_out, frozenset(contradicted(energy)))


def contradicted(points: list[Point]) -> set[Point]:
    """Points of one model, format, device, count and limit that two tasks contradict.

    Their step times differ by more than twice what bytes and operations do, so no formula of these
    meets both. Nothing is fitted on them, but they are predicted and counted as any other.
    """
    groups: dict[tuple[object, ...], list[Point]] = {}
    for point in points:
        key = (point.model.name, point.weights, point.device.name, point.devices, point.clients)
        groups.setdefault(key, []).append(point)
    found = set()
    for group in groups.values():
        for one in group:
            for other in group:
                if one.task == other.task:
                    continue
                seen = one.step_s / other.step_s
                if seen > 2 * one.roofline_s() / other.roofline_s():
                    found |= {one, other}
    return found


def _lines(path: Path) -> list[dict[str, str]]:
    with path.open(encoding="utf-8", newline="") as file:
        return list(csv.DictReader(file))


def _ml_energy(path: Path, left_out: Counter[str]) -> list[Point]:
    points = []
    for row in _lines(path):
        model = shape_of(row["model"])
        replicas = row["parallelism"].rpartition("dp")[2]
        if model is None:
            left_out[f"{ML_ENERGY}: {row['model']}: shape not known"] += 1
            continue
        if replicas != "1":
            left_out[f"{ML_ENERGY}: attention in several replicas (dp{replicas}), not planned"] += 1
            continue
        count, batch = int(row["n_gpus"]), float(row["avg_batch_size"])
        points.append(
            Point(
                ML_ENERGY,
                f"vLLM {row['engine_version']}",
                row["engine_version"],
                model,
                row["model"],
                row["task"],
                find_device(_DEVICES[row["gpu"]]),
                count,
                _FORMATS[row["dtype"]],
                float(row["batch_or_concurrency"]),
                batch,
                PROMPTS[row["task"]],
                float(row["output_tokens_mean"]),
                batch / float(row["output_tok_s"]),
                float(row["avg_power_w"]) / count,
                float(row["energy_per_output_token_j"]),
            )
        )
    return points


def _aiconfigurator(path: Path, left_out: Counter[str]) -> list[Point]:
    points: list[Point] = []
    seen = set()
    for row in _lines(path):
        layout, device = row["parallelism"], _DEVICES.get(row["gpu"])
        model = shape_of(row["model"])
        weights = _FORMATS.get(row["dtype"])
        if row["dtype"] == "fp4" and "gpt-oss" in row["model"]:
            weights = "mxfp4"  # its only checkpoint
        first, step = float(row["ttft_ms"]) / 1e3, float(row["tpot_ms"]) / 1e3
        output, clients = float(row["output_tokens_mean"]), float(row["batch_or_concurrency"] or 0)
        answering = output * step
        key = tuple(row[name] for name in row if name not in ("measured_date", "note"))
        reason = ""
        if layout == "disagg":
            reason = "prompts and answers on different devices, not planned"
        elif "dp1" not in layout and "dpep" not in layout:
            reason = "attention in several replicas, not planned"
        elif weights is None:
            reason = "NVFP4 computes in FP4, a rate that the table of devices does not have"
        elif device is None:
            reason = f"{row['gpu']} is not in the table of devices"
        elif model is None:
            reason = f"{row['model']}: shape not known"
        elif key in seen:
            reason = "stands twice"
        if reason or model is None or weights is None or device is None:
            left_out[f"{AICONFIGURATOR}: {reason}"] += 1
            continue
        seen.add(key)
        points.append(
            Point(
                AICONFIGURATOR,
                _generation(row["engine_version"]),
                row["engine_version"],
                model,
                row["model"],
                "fixed lengths",
                find_device(device),
                int(float(row["n_gpus"])),
                weights,
                clients,
                clients * answering / (first + answering),
                float(row["input_tokens_mean"]),
                output,
                step,
                first_s=first,
            )
        )
    return points


def _generation(version: str) -> str:
    """Versions that are fitted together; those without a number are with the newest."""
    return f"vLLM {version}" if version in ("0.11.2", "0.12.0") else "vLLM 0.15 to 0.19"


def _argonne(path: Path) -> list[Point]:
    """Power at small batches: vLLM, one device, 16 bit, models whose shape is known."""
    points = []
    for row in _lines(path):
        model, device = shape_of(row["model"]), _DEVICES.get(row["gpu"])
        plain = row["engine"] == "vLLM" and row["n_gpus"] == "1" and row["dtype"] == "fp16/bf16"
        if model is None or device is None or not plain or not row["avg_power_w"]:
            continue
        batch = float(row["batch_or_concurrency"])
        points.append(
            Point(
                ARGONNE,
                "vLLM of 2024",
                "",
                model,
                row["model"],
                "static batch",
                find_device(device),
                1,
                "bf16",
                batch,
                batch,
                float(row["input_tokens_mean"]),
                float(row["output_tokens_mean"]),
                batch / float(row["output_tok_s"]),
                float(row["avg_power_w"]),
            )
        )
    return points
