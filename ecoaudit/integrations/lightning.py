"""Measures each ``fit()`` of a Lightning ``Trainer`` as one run.

::

    from ecoaudit.integrations.lightning import EcoauditCallback

    energy = EcoauditCallback("finetune", warmup=5, count_tokens="all", country="KEN")
    Trainer(max_epochs=1, callbacks=[energy]).fit(module, loader)
    print(energy.run.summary["energy_per_token_j"])
"""

from __future__ import annotations

import sys
from typing import Any

from ecoaudit.endings import status_of
from ecoaudit.integrations.callback import TrainingCallback
from ecoaudit.ranks import Rank
from ecoaudit.run import RunStatus
from ecoaudit.training import Profile

try:
    if "pytorch_lightning" in sys.modules and "lightning" not in sys.modules:
        from pytorch_lightning import Callback
    else:
        from lightning.pytorch import Callback
except ImportError as error:
    raise ImportError(
        f"ecoaudit.integrations.lightning needs lightning and torch ({error}); "
        "pip install 'ecoaudit[lightning]'"
    ) from error


class EcoauditCallback(TrainingCallback, Callback):  # type: ignore[misc]  # mypy skips lightning
    """Records each ``fit()`` as a run with the windows ``steps``, ``eval`` and ``save``.

    A step is an update of the weights, however many batches are accumulated for it: what moves
    the trainer's ``global_step``, except that several optimisers stepping on one batch are one
    step. The figures leave out validations, checkpoints and the first ``warmup`` steps.

    The arguments are those of :class:`ecoaudit.integrations.callback.TrainingCallback`.
    """

    _trains = "fit"
    _global_step = 0

    # -- what the trainer tells ------------------------------------------------------------------

    def on_fit_start(self, trainer: Any, pl_module: Any) -> None:
        settings = {"accumulate_grad_batches": trainer.accumulate_grad_batches}
        _time_saves(trainer, self._begin("lightning", settings, rank=_rank(trainer)))

    def on_train_start(self, trainer: Any, pl_module: Any) -> None:
        if self._active is not None:
            self._global_step = trainer.global_step
            self._active.begin_steps(self._warmup)

    def on_train_batch_start(
        self, trainer: Any, pl_module: Any, batch: Any, batch_idx: int
    ) -> None:
        if self._active is not None:
            self._counter.count(self._active, batch)

    def on_train_batch_end(
        self, trainer: Any, pl_module: Any, outputs: Any, batch: Any, batch_idx: int
    ) -> None:
        if self._active is not None and trainer.global_step > self._global_step:
            self._global_step = trainer.global_step
            self._active.end_step()

    def on_validation_start(self, trainer: Any, pl_module: Any) -> None:
        self._begin_aside("sanity" if trainer.sanity_checking else "eval")

    def on_validation_end(self, trainer: Any, pl_module: Any) -> None:
        self._go_on()

    def on_fit_end(self, trainer: Any, pl_module: Any) -> None:
        self._end(trainer, RunStatus.COMPLETE)

    def on_exception(self, trainer: Any, pl_module: Any, exception: BaseException) -> None:
        self._end(trainer, status_of(exception))

    def _end(self, trainer: Any, status: RunStatus) -> None:
        if self._active is not None:
            vars(trainer).pop("save_checkpoint", None)
        self._finish(status)


def _time_saves(trainer: Any, profile: Profile) -> None:
    """Put a window round each checkpoint: Lightning tells when one begins, but not when it ends."""
    save = trainer.save_checkpoint

    def timed(*args: Any, **kwargs: Any) -> Any:
        with profile.aside("save"):
            return save(*args, **kwargs)

    trainer.save_checkpoint = timed


def _rank(trainer: Any) -> Rank | None:
    """This process in a job of several, however it was started; None when it is the only one."""
    if trainer.world_size == 1:
        return None
    here = trainer.world_size // trainer.num_nodes
    return Rank(
        rank=trainer.global_rank,
        world_size=trainer.world_size,
        local_rank=trainer.local_rank,
        local_world_size=here,
        node=trainer.node_rank,
        # Lightning's own launcher starts the others from the first of each machine, as torchrun
        # does from one process above them all.
        whole_tree=trainer.local_rank == 0,
    )
