"""Flags that are handed on to vLLM's server."""

from __future__ import annotations

import pytest

from ecoaudit.engines import make_engine
from ecoaudit.engines.vllm_flags import checked, value_of
from ecoaudit.errors import UsageError


def test_flags_are_handed_on_as_they_are() -> None:
    flags = ["--kv-cache-dtype", "fp8", "--no-enable-prefix-caching", "-O3", "--seed=3"]
    assert checked(flags) == flags
    assert checked(()) == []


@pytest.mark.parametrize(
    "flag",
    ["--port", "--port=80", "--served_model_name", "--max-model", "--api-key", "--load-form"],
)
def test_what_ecoaudit_sets_is_refused_with_what_to_do(flag: str) -> None:
    with pytest.raises(UsageError, match=r"is set by ecoaudit: \w+"):
        make_engine("vllm", flags=["--dtype", "float32", flag, "x"])


def test_a_word_that_is_no_flag_is_refused() -> None:
    with pytest.raises(UsageError, match="such as --dtype; got 'fp8'"):
        checked(["fp8", "--dtype"])


def test_the_last_value_of_a_flag_counts() -> None:
    command = ["--max-num-seqs", "64", "--max_num_seqs=8"]
    assert value_of("--max-num-seqs", command) == "8"
    assert value_of("--max-num-seqs", command[:2]) == "64"
    assert value_of("--seed", command) is None
