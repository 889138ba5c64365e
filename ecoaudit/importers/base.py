"""What an importer gives: the loads of another tool's result, in ecoaudit's names and units."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, Final

from ecoaudit.estimate import Estimate
from ecoaudit.importers.figures import Requests
from ecoaudit.importers.reading import Document
from ecoaudit.measurement import Device
from ecoaudit.run import Doubt, load_in_words

CLOSED: Final = "closed loop"
ALL_AT_ONCE: Final = "all at once"
TRACE: Final = "trace"
UNSAID: Final = "not said"

# How tools write a number format, and how ecoaudit does.
_FORMATS: Final = {
    "bfloat16": "bf16",
    "float16": "fp16",
    "half": "fp16",
    "float32": "fp32",
    "float": "fp32",
}
_NO_FORMAT: Final = ("", "none", "null")


@dataclass(frozen=True, slots=True)
class Setup:
    """What served the requests; None: the result does not say.

    Attributes:
        model: its name in the requests.
        engine: such as ``vllm``.
        engine_version: as the engine gives it.
        weights: format of the weights, such as ``bf16``.
        dtype: what is computed in, such as ``bfloat16``.
        gpu: the maker's name of the GPU.
        gpus: how many of them.
        parallel: how the model is spread over them, such as ``tp2-ep1-dp1``.
        kv_cache: ``on`` or ``off``: whether keys and values are kept between tokens.
        prefix_cache: ``on`` or ``off``: whether beginnings of prompts are kept between requests.
        speculative: ``on``: tokens were guessed by a draft and checked by the model.
        workload: what was asked for.
    """

    model: str | None = None
    engine: str | None = None
    engine_version: str | None = None
    weights: str | None = None
    dtype: str | None = None
    gpu: str | None = None
    gpus: int | None = None
    parallel: str | None = None
    kv_cache: str | None = None
    prefix_cache: str | None = None
    speculative: str | None = None
    workload: str | None = None


@dataclass(frozen=True, slots=True)
class Level:
    """One load of a result.

    Attributes:
        place: where it stands: the file, its line or its key.
        setup: what served it.
        level: requests in flight, in a closed loop; None in an open one, or where it is not said.
        arrivals: how requests came; None where nothing is said of it.
        rate_per_s: mean arrivals in a second, in an open loop.
        tool_version: of the tool, where it says so.
        started_at: ISO 8601; None where it is not said.
        clock: what ``started_at`` counts by.
        duration_s: first send to last end [s]; None where it is not said.
        whole_run: figures of the whole of it, by ecoaudit's names.
        steady: figures of its steady window, by the same names.
        counted: counts beside the figures, for whoever checks them.
        devices: whose energy was read.
        doubts: what weakens its figures; the run says which load they are about.
        requests: the single requests that ended well; None where the file has them not.
        client: whose clock and whose counts they are.
        waited_s: mean wait in the client of arrivals in an open loop, which no time counts [s];
            None where it is not said.
    """

    place: str
    setup: Setup
    level: int | None
    arrivals: str | None
    rate_per_s: float | None = None
    tool_version: str | None = None
    started_at: str | None = None
    clock: str = ""
    duration_s: float | None = None
    whole_run: dict[str, Estimate] = field(default_factory=dict)
    steady: dict[str, Estimate] = field(default_factory=dict)
    counted: dict[str, float | int | None] = field(default_factory=dict)
    devices: tuple[Device, ...] = ()
    doubts: tuple[Doubt, ...] = ()
    requests: Requests | None = None
    client: str = ""
    waited_s: float | None = None

    @property
    def figures(self) -> dict[str, Estimate]:
        """Those of the whole load, else those of its steady window."""
        return self.whole_run or self.steady

    @property
    def load(self) -> str:
        """What was driven, in a few words."""
        return load_in_words(self.level, self.arrivals or UNSAID, self.rate_per_s)

    @property
    def title(self) -> str:
        """The same for people."""
        if self.level is None and self.arrivals is None:
            return "an unknown load"
        return self.load if self.level is None else f"level {self.level}"

    def mean_of(self, name: str) -> float | None:
        """A count of the load per request, such as ``prompt_tokens``; None where it is not said."""
        count, requests = self.figures.get(name), self.figures.get("requests")
        if count is None or count.value is None or requests is None or not requests.value:
            return None
        return count.value / requests.value


@dataclass(frozen=True, slots=True)
class Importer:
    """A tool whose results can be read.

    Attributes:
        tool: its name for people.
        looked_for: the keys by which its files are known, in words.
        recognises: whether a JSON object is a result of it.
        read: the loads that a file holds; at least one.
        definitions: what each figure is, in the tool's own terms.
        says_setup: how the tool can be told to write the setup down; None: it cannot.
    """

    tool: str
    looked_for: str
    recognises: Callable[[Mapping[str, Any]], bool]
    read: Callable[[Document], list[Level]]
    definitions: Mapping[str, str]
    says_setup: str | None = None


def limited(arrivals: str, most: int | None) -> str:
    """How requests came, with the most that the client let through at one time."""
    return f"{arrivals}, at most {most} in flight" if most else arrivals


def moment(text: str | None) -> str | None:
    """A time of day in ISO 8601, as it is written: with an offset only where it has one."""
    try:
        return None if text is None else datetime.fromisoformat(text).isoformat()
    except ValueError:
        return None


def weight_format(text: str | None) -> str | None:
    """ecoaudit's name of a number format; one that it does not know stays as it is."""
    known = (text or "").strip().lower()
    return None if known in _NO_FORMAT else _FORMATS.get(known, known)
