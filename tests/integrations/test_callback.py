"""What the callbacks share, without any trainer's library."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from ecoaudit.errors import EcoauditError, UsageError
from ecoaudit.integrations.callback import TrainingCallback
from ecoaudit.meters.replay import ReplayMeter
from ecoaudit.run import RunStatus

CONSTANT = Path(__file__).parents[1] / "data" / "trace-constant-100w.csv"


class Callback(TrainingCallback):
    """Of a trainer that trains one batch."""

    _trains = "practise"

    def practise(self, settings: dict[str, Any], batch: Any, **options: Any) -> None:
        profile = self._begin("mine", settings, **options)
        profile.begin_steps(self._warmup)
        self._counter.count(profile, batch)
        profile.end_step()
        self._begin_aside("eval")
        self._begin_aside("save")
        self._go_on()
        self._finish(RunStatus.COMPLETE)


def callback(**options: Any) -> Callback:
    meters = [ReplayMeter.load(CONSTANT)]
    return Callback("x", country="KEN", meters=meters, sampling=False, **options)


def test_a_training_is_a_run_with_its_asides() -> None:
    made = callback()
    with pytest.raises(EcoauditError, match=r"no training is finished yet; .* practise\(\) first"):
        _ = made.run
    made.practise({"batch": 3}, [])
    assert [window.name for window in made.run.windows] == ["steps", "eval", "save"]
    assert made.run.settings["trainer"] == "mine"
    assert made.run.settings["batch"] == 3


def test_what_the_user_gives_counts_before_what_the_trainer_says() -> None:
    made = callback(settings={"batch": 5, "mine": True}, synchronize=False)
    made.practise({"batch": 3, "other": 1}, [], synchronize="nonsense")
    wanted = {"trainer": "mine", "batch": 5, "other": 1, "mine": True}
    assert wanted.items() <= made.run.settings.items()


def test_a_word_that_means_nothing_is_refused_at_once() -> None:
    with pytest.raises(UsageError, match="count_tokens: expected 'all'"):
        callback(count_tokens="most")


def test_a_batch_that_cannot_be_counted_spoils_no_later_training() -> None:
    made = callback(count_tokens=lambda batch: {"tokens": batch["tokens"]})
    made.practise({}, {"words": 3})
    assert "tokens" not in made.run.summary
    assert "batch-not-counted" in [doubt.code for doubt in made.run.doubts]
    made.practise({}, {"tokens": 3})
    assert made.run.summary["tokens"].value == 3
    assert "batch-not-counted" not in [doubt.code for doubt in made.run.doubts]
