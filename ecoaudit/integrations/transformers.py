"""Measures each ``train()`` of a ``transformers.Trainer`` as one run.

::

    from ecoaudit.integrations.transformers import EcoauditCallback

    energy = EcoauditCallback("finetune", warmup=5, count_tokens="non_padding", country="KEN")
    with energy:  # a training that fails is then saved as failed at once
        Trainer(model, args, train_dataset=data, callbacks=[energy]).train()
    print(energy.run.summary["energy_per_token_j"])
"""

from __future__ import annotations

import atexit
import sys
from types import TracebackType
from typing import Any, Self

from ecoaudit.endings import status_of
from ecoaudit.integrations.batches import ALL, NON_PADDING, BatchCounter
from ecoaudit.integrations.callback import TrainingCallback
from ecoaudit.run import RunStatus

try:
    from transformers.trainer_callback import TrainerCallback
except ImportError as error:
    raise ImportError(
        f"ecoaudit.integrations.transformers needs transformers and torch ({error}); "
        "pip install 'ecoaudit[transformers]'"
    ) from error


class EcoauditCallback(TrainingCallback, TrainerCallback):  # type: ignore[misc]  # mypy skips it
    """Records each ``train()`` as a run with the windows ``steps``, ``eval`` and ``save``.

    A step is one of the trainer's own: an update of the weights, however many micro-batches. The
    figures leave out evaluations, checkpoints and the first ``warmup`` steps. Samples are counted
    from the batches that the model is given while it trains; tokens too, if asked for here, or if
    the trainer's ``include_num_input_tokens_seen`` asks for them.

    Transformers tells a callback of the end of a training but not of an exception. As a context
    manager the callback saves the run when the exception passes; without, the run goes on until
    the next training or the program's end, and is saved then.

    The arguments are those of :class:`ecoaudit.integrations.callback.TrainingCallback`.
    """

    _trains = "train"
    _perhaps_save_s: float | None = None
    _hook: Any = None

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        self._finish(status_of(error))

    # -- what the trainer tells ------------------------------------------------------------------

    def on_train_begin(self, args: Any, state: Any, control: Any, **kwargs: Any) -> None:
        self._finish(RunStatus.FAILED)  # the training before this one never ended
        settings = {
            "per_device_train_batch_size": args.per_device_train_batch_size,
            "gradient_accumulation_steps": args.gradient_accumulation_steps,
        }
        profile = self._begin("transformers", settings)
        atexit.register(self._at_exit)
        self._watch_batches(kwargs["model"], args)
        profile.begin_steps(self._warmup)
        if args.eval_on_start:
            self._begin_aside("eval")

    def on_step_begin(self, args: Any, state: Any, control: Any, **kwargs: Any) -> None:
        self._go_on()

    def on_step_end(self, args: Any, state: Any, control: Any, **kwargs: Any) -> None:
        if self._active is not None:
            self._active.end_step()
        self._foresee(control)

    def on_epoch_end(self, args: Any, state: Any, control: Any, **kwargs: Any) -> None:
        self._foresee(control)

    def on_prediction_step(self, args: Any, state: Any, control: Any, **kwargs: Any) -> None:
        if self._aside is None:  # an evaluation that another callback asked for after us
            self._begin_aside("eval")

    def on_evaluate(self, args: Any, state: Any, control: Any, **kwargs: Any) -> None:
        self._end_aside()
        if control.should_save:
            self._begin_aside("save")
        elif args.save_strategy == "best":  # whether a checkpoint follows is only now found out
            self._perhaps_save_s = None if self._active is None else self._active.now()
        else:
            self._go_on()

    def on_save(self, args: Any, state: Any, control: Any, **kwargs: Any) -> None:
        if self._active is not None and self._perhaps_save_s is not None:
            self._active.add_window("save", self._perhaps_save_s, self._active.now())
        self._go_on()

    def on_train_end(self, args: Any, state: Any, control: Any, **kwargs: Any) -> None:
        self._finish(RunStatus.COMPLETE)

    # -- what is made of it ----------------------------------------------------------------------

    def _watch_batches(self, model: Any, args: Any) -> None:
        """Count what the model is given while it trains: forward passes that keep gradients."""
        import torch

        asked = self._count_tokens
        trainers = args.include_num_input_tokens_seen  # in transformers 4 also True or False
        if asked is None and trainers in (True, ALL, NON_PADDING):
            asked = ALL if trainers is True else trainers
        self._counter = BatchCounter(asked)

        def hook(module: Any, positional: tuple[Any, ...], batch: dict[str, Any]) -> None:
            active = self._active
            if active is not None and module.training and torch.is_grad_enabled():
                self._counter.count(active, batch or positional)

        self._hook = model.register_forward_pre_hook(hook, with_kwargs=True)

    def _foresee(self, control: Any) -> None:
        """The trainer evaluates first and saves then, and tells only when each is done."""
        if control.should_evaluate:
            self._begin_aside("eval")
        elif control.should_save:
            self._begin_aside("save")

    def _end_aside(self) -> None:
        super()._end_aside()
        self._perhaps_save_s = None

    def _finish(self, status: RunStatus) -> None:
        atexit.unregister(self._at_exit)
        if self._hook is not None:
            self._hook.remove()
            self._hook = None
        super()._finish(status)

    def _at_exit(self) -> None:
        """The program ends within a training: by an exception, if Python reported one."""
        error = getattr(sys, "last_value", None)
        self._finish(RunStatus.INTERRUPTED if error is None else status_of(error))
