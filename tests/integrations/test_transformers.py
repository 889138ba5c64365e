"""The callback in the real ``transformers.Trainer``, its counts held against the trainer's."""

from __future__ import annotations

import json
import re
from pathlib import Path

import pytest

from ecoaudit.run import Run, RunStatus, load_run
from tests.integrations.programs import DATA, EXAMPLES, LENGTH, REAL_TOKENS, python

pytestmark = pytest.mark.training

TRAIN = (
    DATA
    + """
from transformers import Trainer, TrainingArguments
from ecoaudit.integrations.transformers import EcoauditCallback

def train(callback, **changed):
    options = dict(
        per_device_train_batch_size=2, gradient_accumulation_steps=2, num_train_epochs=2,
        use_cpu=True, report_to=[], save_strategy="no", disable_tqdm=True,
    )
    args = TrainingArguments("out", **{**options, **changed})
    trainer = Trainer(
        small_llama(), args, train_dataset=Data(), eval_dataset=Data(), callbacks=[callback]
    )
    trainer.train()
    print(json.dumps({
        "steps": trainer.state.global_step, "tokens": trainer.state.num_input_tokens_seen,
    }))
"""
)


def values(run: Run) -> dict[str, float | None]:
    return {name: figure.value for name, figure in run.summary.items()}


def windows(run: Run) -> list[str]:
    return [window.name for window in run.windows]


def test_steps_and_tokens_are_those_of_the_trainer(tmp_path: Path) -> None:
    code = """
callback = EcoauditCallback("toy", country="KEN")
for counted in ("non_padding", "all"):
    train(
        callback, include_num_input_tokens_seen=counted, eval_strategy="steps", eval_steps=4,
        save_strategy="epoch",
    )
    callback.run.save(f"{counted}.json")
"""
    ended = python(TRAIN + code, tmp_path, warnings="error")
    said = [json.loads(line) for line in ended.stdout.splitlines() if line.startswith('{"steps"')]
    tokens = {"non_padding": 2 * REAL_TOKENS, "all": 2 * EXAMPLES * LENGTH}
    # 22 examples in twos: 11 batches, 6 steps.
    assert said == [{"steps": 12, "tokens": number} for number in tokens.values()]
    runs = [load_run(tmp_path / f"{counted}.json") for counted in tokens]
    assert runs[0].id != runs[1].id
    for run, trainer in zip(runs, said, strict=True):
        assert run.status is RunStatus.COMPLETE
        found = values(run)
        assert found["steps"] == trainer["steps"]
        assert found["tokens"] == trainer["tokens"]
        assert found["samples"] == 2 * EXAMPLES
        assert windows(run) == [
            *("steps", "eval", "steps", "save", "steps", "eval", "steps", "eval", "save")
        ]
        assert run.settings["gradient_accumulation_steps"] == 2
        # What is not a step is not in the rate.
        in_steps = sum(window.duration_s for window in run.windows if window.name == "steps")
        assert in_steps < 0.95 * run.duration_s
        assert found["tokens_per_s"] == pytest.approx(trainer["tokens"] / in_steps, rel=1e-3)


def test_warm_up_steps_are_left_out(tmp_path: Path) -> None:
    code = """
callback = EcoauditCallback("toy", warmup=5, count_tokens="all", country="KEN", output="run.json")
train(callback)
print(json.dumps(callback.run.id))
"""
    ended = python(TRAIN + code, tmp_path)
    run = load_run(tmp_path / "run.json")
    assert run.id in ended.stdout
    assert windows(run) == ["warmup", "steps"]
    assert values(run)["steps"] == 7
    assert values(run)["samples"] == 2 * EXAMPLES - 5 * 4
    assert values(run)["tokens"] == (2 * EXAMPLES - 5 * 4) * LENGTH


def test_a_checkpoint_of_the_best_model_is_a_save(tmp_path: Path) -> None:
    code = """
callback = EcoauditCallback("toy", country="KEN", output="run.json")
train(
    callback, eval_strategy="epoch", save_strategy="best", metric_for_best_model="eval_loss",
    learning_rate=1e-2, eval_on_start=True,
)
"""
    python(TRAIN + code, tmp_path)
    run = load_run(tmp_path / "run.json")
    names = windows(run)
    assert names.count("eval") == 3  # at the start, and after each epoch
    assert names.count("save") == len(list((tmp_path / "out").glob("checkpoint-*")))
    assert "save" in names
    assert values(run)["steps"] == 12


FAILING = """
from transformers import TrainerCallback

class Failing(EcoauditCallback):
    def on_step_end(self, args, state, control, **kwargs):
        super().on_step_end(args, state, control, **kwargs)
        if state.global_step == 4:
            raise LookupError("mine")

callback = Failing("toy", count_tokens="all", country="KEN", output="run.json")
"""


@pytest.mark.parametrize(
    "use", ["train(callback)\n", "with callback:\n    train(callback)\n"], ids=["bare", "with"]
)
def test_a_training_that_fails_is_saved_as_failed(tmp_path: Path, use: str) -> None:
    ended = python(TRAIN + FAILING + use, tmp_path, check=False)
    assert ended.returncode == 1
    assert "LookupError: mine" in ended.stderr
    run = load_run(tmp_path / "run.json")
    assert run.status is RunStatus.FAILED
    assert values(run)["steps"] == 4
    assert values(run)["tokens"] == 16 * LENGTH


def test_the_documented_example_runs(tmp_path: Path) -> None:
    text = (Path(__file__).parents[2] / "docs" / "training.md").read_text("utf-8")
    blocks = re.findall(r"^```py\n(.*?)^```$", text, re.DOTALL | re.MULTILINE)
    (example,) = [block for block in blocks if "EcoauditCallback" in block]
    said = python(example, tmp_path, warnings="error").stdout.splitlines()[-1]
    # 40 examples in fours, three epochs: 30 steps, of which 2 are warm-up.
    assert said.startswith("1,790 tokens (measured) ")  # 28 x 4 x 16, to three digits
    assert "J/token" in said


def test_without_the_library_the_error_says_what_to_install(tmp_path: Path) -> None:
    code = """
import sys
sys.modules["transformers"] = sys.modules["transformers.trainer_callback"] = None
import ecoaudit.integrations.transformers
"""
    ended = python(code, tmp_path, check=False)
    assert ended.returncode == 1
    assert "pip install 'ecoaudit[transformers]'" in ended.stderr.splitlines()[-1]
