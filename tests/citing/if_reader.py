"""A small reader of Impact Framework manifests: the formulas of the builtin plugins that we use.

Formulas and defaults as documented and as in version 1.1.0 of the framework, which gives the same
outputs for the manifests of these tests (run once, by hand, with Node).
"""

from __future__ import annotations

import math
import re
from collections.abc import Callable
from typing import Any

Values = dict[str, Any]
# The framework refuses other names of outputs: it takes them for arithmetic.
OUTPUT = re.compile(r"[a-zA-Z]+(?:[-_/][a-zA-Z]+)*")


def _sum(config: Values, values: Values) -> float:
    return float(sum(values[name] for name in config["input-parameters"]))


def _subtract(config: Values, values: Values) -> float:
    first, *others = (values[name] for name in config["input-parameters"])
    return float(first - sum(others))


def _multiply(config: Values, values: Values) -> float:
    return float(math.prod(values[name] for name in config["input-parameters"]))


def _divide(config: Values, values: Values) -> float:
    assert values[config["denominator"]] != 0  # the framework would give the numerator
    return float(values[config["numerator"]] / values[config["denominator"]])


def _exponent(config: Values, values: Values) -> float:
    return float(values[config["input-parameter"]] ** config["exponent"])


def _coefficient(config: Values, values: Values) -> float:
    return float(values[config["input-parameter"]] * config["coefficient"])


def _sci(config: Values, values: Values) -> float:
    assert values["duration"] >= 1
    assert values["carbon"] >= 0
    return float(values["carbon"] / values[config["functional-unit"]])


def _sci_embodied(config: Values, values: Values) -> float:
    """Constants are in g, but that of memory, which is in kg per GB."""
    base = config.get("baseline-memory", 16)
    per_gb = config.get("memory-emissions-constant", 533 / 384) * base / 16 * 1000
    grams = (
        config.get("baseline-emissions", 1_000_000)
        + (values.get("vCPUs", 1) - config.get("baseline-vcpus", 1))
        * config.get("vcpu-emissions-constant", 100_000)
        + (values.get("memory", 16) - base) * per_gb
        + values.get("ssd", 0) * config.get("ssd-emissions-constant", 50_000)
        + values.get("hdd", 0) * config.get("hdd-emissions-constant", 100_000)
        + values.get("gpu", 0) * config.get("gpu-emissions-constant", 150_000)
    )
    time = values.get("time") or values["duration"]
    return float(grams * values.get("usage-ratio", 1) * time / config.get("lifespan", 126_144_000))


PLUGINS: dict[str, tuple[Callable[[Values, Values], float], str, str]] = {
    "Sum": (_sum, "output-parameter", ""),
    "Subtract": (_subtract, "output-parameter", ""),
    "Multiply": (_multiply, "output-parameter", ""),
    "Divide": (_divide, "output", ""),
    "Exponent": (_exponent, "output-parameter", ""),
    "Coefficient": (_coefficient, "output-parameter", ""),
    "Sci": (_sci, "", "sci"),
    "SciEmbodied": (_sci_embodied, "output-parameter", "embodied-carbon"),
}


def outputs_of(manifest: Values) -> dict[str, Values]:
    """What the pipeline of each child gives for its first input."""
    plugins = manifest["initialize"]["plugins"]
    found = {}
    for name, child in manifest["tree"]["children"].items():
        values = dict(child["inputs"][0])
        for step in child.get("pipeline", {}).get("compute", []):
            plugin = plugins[step]
            assert plugin["path"] == "builtin"
            work, key, usual = PLUGINS[plugin["method"]]
            output = plugin["config"].get(key, usual)
            assert OUTPUT.fullmatch(output), output
            values[output] = work(plugin["config"], values)
        found[name] = values
    return found
