"""What the callbacks share: a profile while a training runs, and its run afterwards."""

from __future__ import annotations

from typing import Any, ClassVar

from ecoaudit.errors import EcoauditError
from ecoaudit.integrations.batches import BatchCounter, Counter
from ecoaudit.recording import Window
from ecoaudit.run import Run, RunStatus
from ecoaudit.training import Profile


class TrainingCallback:
    """Records each training as a run; a callback is this and its library's own base.

    Args:
        name: for people.
        warmup: steps at the start that are left out of the figures.
        count_tokens: ``"all"``, ``"non_padding"``, or a function of the batch; see
            :class:`ecoaudit.integrations.batches.BatchCounter`.
        **options: as for :class:`ecoaudit.training.Profile`.
    """

    _trains: ClassVar[str]  # the trainer's method that trains, for messages

    def __init__(
        self,
        name: str = "training",
        *,
        warmup: int = 0,
        count_tokens: str | Counter | None = None,
        **options: Any,
    ):
        super().__init__()
        self._name = name
        self._warmup = warmup
        self._count_tokens = count_tokens
        self._counter = BatchCounter(count_tokens)
        self._options = options
        self._active: Profile | None = None
        self._finished: Run | None = None
        self._aside: Window | None = None

    @property
    def run(self) -> Run:
        """The run of the last training.

        Raises:
            EcoauditError: none is finished.
        """
        if self._finished is None:
            raise EcoauditError(
                f"no training is finished yet; call the trainer's {self._trains}() first"
            )
        return self._finished

    def _begin(self, trainer: str, settings: dict[str, Any], **options: Any) -> Profile:
        """Start the profile of a training; what the user gave counts before what the trainer says.

        Args:
            trainer: whose it is, for the run's settings.
            settings: what else of the trainer they name.
            **options: of the profile.
        """
        settings = {"trainer": trainer, **settings, **self._options.get("settings", {})}
        options = {**options, **self._options, "settings": settings}
        self._counter = BatchCounter(self._count_tokens)  # one that gave up is tried again
        self._active = Profile(self._name, **options).start()
        return self._active

    def _begin_aside(self, name: str) -> None:
        """What follows is part of no step, and a window of its own."""
        if self._active is not None:
            self._end_aside()
            self._active.hold_steps()
            self._aside = self._active.open_window(name)

    def _end_aside(self) -> None:
        if self._active is not None and self._aside is not None:
            self._active.close_window(self._aside)
        self._aside = None

    def _go_on(self) -> None:
        """What follows is part of a step again."""
        self._end_aside()
        if self._active is not None:
            self._active.go_on_with_steps()

    def _finish(self, status: RunStatus) -> None:
        """The training has ended; none is running where it has been told already."""
        active, self._active, self._aside = self._active, None, None
        if active is not None:
            active.end_steps()
            self._finished = active.finish(status)
