"""The callback in the real Lightning trainer, its counts held against the trainer's."""

from __future__ import annotations

from pathlib import Path

import pytest

from ecoaudit.run import Run, RunStatus, load_run
from tests.integrations.programs import DATA, EXAMPLES, LENGTH, REAL_TOKENS, last_line, python

pytestmark = pytest.mark.training

FIT = (
    DATA
    + """
import lightning.pytorch as pl
from ecoaudit.integrations.lightning import EcoauditCallback

class Module(pl.LightningModule):
    def __init__(self):
        super().__init__()
        self.model = small_llama()
        self.seen = 0
        self.fails_at = None
    def training_step(self, batch, number):
        if self.trainer.global_step == self.fails_at:
            raise LookupError("mine")
        self.seen += int(batch["attention_mask"].sum())
        return self.model(**batch).loss
    def validation_step(self, batch, number):
        self.log("loss", self.model(**batch).loss)
    def configure_optimizers(self):
        return torch.optim.AdamW(self.parameters())

def fit(callback, module, **changed):
    options = dict(
        max_epochs=2, accelerator="cpu", accumulate_grad_batches=2, logger=False,
        enable_progress_bar=False, enable_model_summary=False, default_root_dir="out",
    )
    trainer = pl.Trainer(**{**options, **changed}, callbacks=[callback])
    loader = torch.utils.data.DataLoader
    trainer.fit(module, loader(Data(), batch_size=2), loader(Data(), batch_size=11))
    print(json.dumps({"steps": trainer.global_step, "tokens": module.seen}))
"""
)


def values(run: Run) -> dict[str, float | None]:
    return {name: figure.value for name, figure in run.summary.items()}


def windows(run: Run) -> list[str]:
    return [window.name for window in run.windows]


def test_steps_and_tokens_are_those_of_the_trainer(tmp_path: Path) -> None:
    code = """
callback = EcoauditCallback("toy", count_tokens="non_padding", country="KEN", output="run.json")
fit(callback, Module(), val_check_interval=4)
"""
    said = last_line(python(FIT + code, tmp_path))
    assert said == {"steps": 12, "tokens": 2 * REAL_TOKENS}
    run = load_run(tmp_path / "run.json")
    assert run.status is RunStatus.COMPLETE
    found = values(run)
    assert found["steps"] == said["steps"]
    assert found["tokens"] == said["tokens"]
    assert found["samples"] == 2 * EXAMPLES
    names = windows(run)
    assert names[0] == "sanity"
    assert names.count("eval") == 4  # of 11 batches after the 4th and the 8th, in two epochs
    assert names.count("save") == 4
    in_steps = sum(window.duration_s for window in run.windows if window.name == "steps")
    assert in_steps < 0.95 * run.duration_s
    assert found["tokens_per_s"] == pytest.approx(2 * REAL_TOKENS / in_steps, rel=1e-3)


def test_warm_up_steps_are_left_out_and_all_tokens_can_count(tmp_path: Path) -> None:
    code = """
callback = EcoauditCallback("toy", warmup=5, count_tokens="all", country="KEN")
fit(callback, Module(), limit_val_batches=0, enable_checkpointing=False)
callback.run.save("run.json")
trainer = pl.Trainer(
    max_epochs=1, accelerator="cpu", logger=False, callbacks=[callback],
    enable_checkpointing=False, enable_progress_bar=False, enable_model_summary=False,
)
trainer.fit(Module(), torch.utils.data.DataLoader(Data(), batch_size=2))
print(json.dumps({
    "steps": callback.run.summary["steps"].value, "patched": "save_checkpoint" in vars(trainer),
}))
"""
    # The second fit is a run of its own, and the trainer is left as it was.
    assert last_line(python(FIT + code, tmp_path)) == {"steps": 6, "patched": False}
    run = load_run(tmp_path / "run.json")
    assert windows(run) == ["warmup", "steps"]
    assert values(run)["steps"] == 7
    assert values(run)["tokens"] == (2 * EXAMPLES - 5 * 4) * LENGTH


def test_a_fit_that_fails_is_saved_as_failed(tmp_path: Path) -> None:
    code = """
module = Module()
module.fails_at = 4
callback = EcoauditCallback("toy", count_tokens="all", country="KEN", output="run.json")
fit(callback, module, limit_val_batches=0)
"""
    ended = python(FIT + code, tmp_path, check=False)
    assert ended.returncode == 1
    assert "LookupError: mine" in ended.stderr
    run = load_run(tmp_path / "run.json")
    assert run.status is RunStatus.FAILED
    assert values(run)["steps"] == 4
    assert values(run)["tokens"] == 16 * LENGTH


def test_two_processes_are_two_ranks_of_one_job(tmp_path: Path) -> None:
    script = tmp_path / "script.py"
    script.write_text(
        FIT
        + """
if __name__ == "__main__":
    callback = EcoauditCallback("toy", count_tokens="all", country="KEN", output="run.json")
    fit(callback, Module(), devices=2, strategy="ddp", max_epochs=1, limit_val_batches=0)
"""
    )
    # Lightning starts the second process itself, by running the script again.
    python("import runpy; runpy.run_path('script.py', run_name='__main__')", tmp_path)
    ranks = [load_run(tmp_path / f"run.rank{rank}.json") for rank in range(2)]
    # 11 examples for each rank, in twos: 6 batches, 3 steps.
    assert [values(run)["steps"] for run in ranks] == [3, 3]
    assert [values(run)["tokens"] for run in ranks] == [11 * LENGTH, 11 * LENGTH]
    assert [run.settings["rank"]["local_rank"] for run in ranks] == [0, 1]
    assert values(ranks[1])["cpu_energy_j"] is None


def test_without_the_library_the_error_says_what_to_install(tmp_path: Path) -> None:
    code = """
import sys
sys.modules["lightning"] = sys.modules["lightning.pytorch"] = None
import ecoaudit.integrations.lightning
"""
    ended = python(code, tmp_path, check=False)
    assert ended.returncode == 1
    assert "pip install 'ecoaudit[lightning]'" in ended.stderr.splitlines()[-1]
