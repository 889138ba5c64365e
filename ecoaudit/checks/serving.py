"""Doubts about a load on an inference engine. Their thresholds lie in ``ecoaudit.workloads``."""

from __future__ import annotations

from ecoaudit.checks.base import PARTS, SERVING, Check

_LONGER = "measure longer: --window"
_ALONE = "keep other clients off the server while it is measured"

CHECKS: dict[str, Check] = {
    "short-steady": Check("a level's steady window was too short for figures", _LONGER, SERVING),
    "no-steady": Check(
        "a load had no steady part: the server did not keep up with it",
        "take a lower --rate, or read the figures of the whole load",
        SERVING,
    ),
    "cut-load": Check(
        "a load ended early: it was interrupted, the server had gone, or every request failed",
        "go on with it: --resume",
        SERVING,
    ),
    "prompt-count-mismatch": Check(
        "the server read another number of prompt tokens than were sent",
        _ALONE,
        ("prompt_tokens", "energy_per_token_j", "ttft_*"),
    ),
    "gpu-beside": Check(
        "GPUs were measured that the server does not use: their energy is on a line of its own,"
        " unused_gpu_energy_j",
        "hide them with CUDA_VISIBLE_DEVICES, if they are not to be in the run's energy either",
        ("gpu_energy_j", "energy_j", "operational_kgco2e"),
    ),
    "few-requests": Check(
        "so few answers came that the upper end of a 95th percentile is not known",
        "take more requests: a longer --window, a larger --batch, a longer trace",
        ("*_p95",),
    ),
    "cold-prefix": Check(
        "prompts repeated what the server had seen, and it computed much of it again",
        "give the server more cache memory, and see that its prefix cache is on; blocks of many"
        " tokens are found only whole",
        SERVING,
    ),
    "late-client": Check(
        "the client sent requests later than they were due; latencies count from when they were",
        "leave a core to the client, or drive from another machine",
        SERVING,
    ),
    "whole-run-summary": Check(
        "the run's figures are those of a whole level, with its ramp-up and its emptying batch",
        _LONGER,
        SERVING,
    ),
    "failed-requests": Check(
        "requests failed, and are left out",
        "look at the server's log; a lower level may hold",
        SERVING,
    ),
    "level-failed": Check(
        "every request of a level failed",
        "look at the server's log; a lower level may hold",
    ),
    "demand-above-levels": Check(
        "the busiest hour has more requests in flight than the highest level measured",
        "measure a higher level too: --levels",
        SERVING,
    ),
    "clipped-lengths": Check(
        "requests were cut to the served context",
        "serve a longer context: --max-model-len",
        SERVING,
    ),
    "short-answers": Check(
        "answers were shorter than the scenario asks for",
        "use a server that honours ignore_eos, such as vLLM",
        SERVING,
    ),
    "uncounted-answers": Check(
        "the server told no token count: chunks with text count as tokens, prompts are not counted",
        "use a server that sends usage in its streams (stream_options.include_usage), such as vLLM",
        (
            "prompt_tokens",
            "output_tokens*",
            "tpot_*",
            "*energy_per_output_token_j",
            "*energy_per_token_j",
        ),
    ),
    "long-answers": Check(
        "answers were longer than was asked for",
        "use a server that honours max_tokens, such as vLLM",
        SERVING,
    ),
    "lengthened-prompts": Check(
        "prompts of a trace were too short to be unlike all others, and were sent longer",
        "leave such requests out of the trace, or read its figures as those of eight tokens each",
        ("prompt_tokens", *SERVING),
    ),
    "approximate-lengths": Check(
        "prompts were sent as text, whose lengths only come near the scenario's",
        "use a server that takes token ids on /v1/completions, such as vLLM",
        SERVING,
    ),
    "not-saturated": Check(
        "fewer requests were running than the level asks for",
        "raise the server's max_num_seqs, or take this level as above the server's limit",
        SERVING,
    ),
    "token-count-mismatch": Check(
        "the server's token count differs from the client's", _ALONE, SERVING
    ),
    "warm-prefix": Check(
        "prompt tokens came from the prefix cache, though no two prompts are alike",
        _ALONE,
        SERVING,
    ),
    "preemptions": Check(
        "requests were put back for want of KV cache",
        "lower the level, or give the server more cache memory",
        SERVING,
    ),
    "busy-client": Check(
        "the client had more streams than it can follow, so that its late percentiles read high",
        "drive it from another machine, or trust the medians only",
        SERVING,
    ),
    "random-weights": Check(
        "the weights are random: engine and load are real, the model is not",
        "bench the model you mean to use: --model with a model on this machine",
    ),
    "unknown-weights": Check("the weight format is not known", "say it with --weight-format"),
    "no-server-counters": Check(
        "the server shows no vLLM counters, so that nothing could be held against them",
        "use a vLLM server for figures that are to be published",
    ),
    "remote-server": Check(
        "the server is another machine: all energy and memory is the client's",
        "run ecoaudit on the machine that serves",
        (*PARTS, *SERVING),
    ),
    "attached-server": Check(
        "the server is no child of ecoaudit, so that the modelled CPU leaves it out: the loads have"
        " no host energy",
        "let ecoaudit start it: --engine vllm --model",
        (*PARTS, "peak_host_memory_bytes"),
    ),
}
