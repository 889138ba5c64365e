"""What the requests of each language met: how many, how long, and how long they waited."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict
from typing import Any

from ecoaudit.workloads.answer import Answer, told_prompt_tokens
from ecoaudit.workloads.figures import latency


def by_language(answers: Sequence[Answer]) -> dict[str, dict[str, Any]]:
    """Counts and median times of a whole load, by language; empty where none is stated.

    Times, lengths and their medians are of the answers that came whole.

    Args:
        answers: all of the load, the failed too.
    """
    found = {}
    for code in sorted({answer.language for answer in answers} - {""}):
        asked = [answer for answer in answers if answer.language == code]
        good = [answer for answer in asked if not answer.error and answer.ended_s is not None]
        found[code] = {
            "requests": len(asked),
            "requests_failed": sum(1 for answer in asked if answer.error),
            "prompt_tokens": told_prompt_tokens(good),
            "output_tokens": sum(answer.output_tokens for answer in good),
            "ttft_s_p50": asdict(latency([answer.ttft_s for answer in good], 50)),
            "e2e_s_p50": asdict(latency([answer.e2e_s for answer in good], 50)),
        }
    return found
