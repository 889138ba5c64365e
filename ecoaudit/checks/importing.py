"""Doubts about results of other tools. Their thresholds lie in ``ecoaudit.importers``."""

from __future__ import annotations

from ecoaudit.checks.base import SERVING, Check

_BENCH = "measure it with `ecoaudit bench`"
_BOARDS = ("gpu_energy_*", "gpu_power_w")
_TIMES = ("ttft_*", "tpot_*")

CHECKS: dict[str, Check] = {
    "imported": Check(
        "the figures are another tool's, read from its file by ecoaudit's definitions",
        f"see `settings.definitions` in the run, or {_BENCH}",
    ),
    "said-by-user": Check(
        "something of the setup is known from the user alone, not from the result",
        "have the tool write it, as `vllm bench serve --metadata engine_version=0.32.0` does",
    ),
    "unknown-device": Check(
        "a result does not say on which GPU, or on how many, it was served",
        "say it with --gpu and --gpus",
    ),
    "unknown-dtype": Check(
        "a result does not say in which number format was computed", "say it with --dtype"
    ),
    "unknown-prefix-cache": Check(
        "a result does not say whether prompts were found in a prefix cache",
        "say it with --prefix-cache on or off, and send unique prompts",
        SERVING,
    ),
    "kv-cache-off": Check(
        "the engine kept no KV cache, so that time and energy per token grow with the context",
        "use an engine that keeps one, such as vLLM",
        SERVING,
    ),
    "summaries-only": Check(
        "a result holds summaries and no single requests, so that rates have no interval",
        "save every request",
        SERVING,
    ),
    "cut-window": Check(
        "a result's figures are of a part that is neither the whole run nor proved to be steady",
        f"run it without warm-up and cool-down, or {_BENCH}",
        SERVING,
    ),
    "board-energy": Check(
        "the energy of a result is of GPU boards alone, or of more of them than served",
        f"compare it with `gpu_energy_*` only; {_BENCH} to have the host's",
        _BOARDS,
    ),
    "self-contradiction": Check(
        "a result gives a figure that does not follow from its own others",
        "mistrust it, and look for another version of the tool",
        (*SERVING, *_BOARDS),
    ),
    "queue-left-out": Check(
        "requests waited in the client for a free slot, and no time of the result counts that: they"
        " look fast because few were let through",
        "take off the limit on requests in flight, or a lower rate",
        ("ttft_*", "e2e_*"),
    ),
    "role-chunk": Check(
        "the first token was timed at a chunk that holds none, with which chat streams begin: its"
        " time reads low, and the time per token high",
        "use --endpoint /v1/completions",
        _TIMES,
    ),
}
