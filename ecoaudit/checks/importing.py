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
        "hold it against the command that started the engine, or against its log",
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
    "rate-not-reached": Check(
        "fewer requests were answered in a second than were to come: the server, or the client's"
        " limit on requests in flight, did not keep up",
        "take a lower rate; the figures are not those of the rate asked for",
        SERVING,
    ),
    "uneven-lengths": Check(
        "the loads of a result differ in the mean length of their prompts or answers by more than"
        " 10 %, so that its curve is not one of load alone",
        "drive every load with the same lengths, or import them as runs of their own",
        SERVING,
    ),
    "other-lengths": Check(
        "a plan uses a run whose requests are longer or shorter than the scenario's; the times of"
        " an operating curve are scaled to these, with more doubt",
        f"{_BENCH}, which sends the scenario's own lengths",
    ),
    "speculative-decoding": Check(
        "tokens were guessed by a draft and checked by the model: how many guesses held depends on"
        " the text, and with it speed and energy",
        "measure it with your own texts, or without the draft",
        SERVING,
    ),
    "role-chunk": Check(
        "the first token was timed at a chunk that holds none, with which chat streams begin: its"
        " time reads low, and the time per token high",
        "use --endpoint /v1/completions",
        _TIMES,
    ),
}
