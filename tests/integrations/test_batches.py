"""How much is in a batch, without torch: anything with a shape will do."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from ecoaudit.errors import UsageError
from ecoaudit.integrations.batches import BatchCounter, count_batch
from ecoaudit.meters.replay import ReplayMeter
from ecoaudit.training import Profile

CONSTANT = Path(__file__).parents[1] / "data" / "trace-constant-100w.csv"


class Array:
    """Rows of numbers, with the few methods of a tensor that are used."""

    def __init__(self, rows: list[list[int]]):
        self._rows = rows
        self.shape = (len(rows), len(rows[0]))

    def numel(self) -> int:
        return self.shape[0] * self.shape[1]

    def sum(self) -> int:
        return sum(map(sum, self._rows))


IDS = Array([[1, 2, 3], [4, 5, 0]])
MASK = Array([[1, 1, 1], [1, 1, 0]])


@pytest.mark.parametrize(
    ("batch", "tokens", "expected"),
    [
        ({"input_ids": IDS, "attention_mask": MASK}, "all", {"samples": 2, "tokens": 6}),
        ({"input_ids": IDS, "attention_mask": MASK}, "non_padding", {"samples": 2, "tokens": 5}),
        ({"labels": None, "pixels": IDS}, None, {"samples": 2}),
        ((IDS, MASK), None, {"samples": 2}),
        (IDS, None, {"samples": 2}),
        ("text", None, {}),
    ],
)
def test_what_is_counted(batch: Any, tokens: str | None, expected: dict[str, int]) -> None:
    assert count_batch(batch, tokens) == expected


@pytest.mark.parametrize(
    ("batch", "tokens", "missing"),
    [({"pixels": IDS}, "all", "input_ids"), ({"input_ids": IDS}, "non_padding", "attention_mask")],
)
def test_what_is_missing_is_named(batch: Any, tokens: str, missing: str) -> None:
    with pytest.raises(UsageError, match=f"needs '{missing}' in the batch"):
        count_batch(batch, tokens)


def test_another_word_is_refused() -> None:
    with pytest.raises(UsageError, match="expected 'all', 'non_padding' or a function"):
        BatchCounter("most")


def stepped(counter: BatchCounter, batches: list[Any], **options: Any) -> Profile:
    with Profile("batches", meters=[ReplayMeter.load(CONSTANT)], country="KEN", **options) as rec:
        for batch in rec.steps(batches):
            counter.count(rec, batch)
    return rec


def test_a_function_of_the_batch_counts() -> None:
    counter = BatchCounter(lambda batch: {"tokens": 10 * batch})
    assert stepped(counter, [1, 2, 3]).run.summary["tokens"].value == 60


def test_a_batch_that_cannot_be_counted_is_a_doubt_and_samples_go_on() -> None:
    run = stepped(BatchCounter("non_padding"), [{"input_ids": IDS}] * 3).run
    assert run.summary["samples"].value == 6
    assert "tokens" not in run.summary
    (doubt,) = [d for d in run.doubts if d.code == "batch-not-counted"]
    assert "'attention_mask'" in doubt.message


def test_what_was_declared_is_not_counted_again() -> None:
    counter = BatchCounter("all")
    run = stepped(counter, [{"input_ids": IDS}] * 3, tokens_per_step=100).run
    assert run.summary["tokens"].value == 300
    assert run.summary["samples"].value == 6
