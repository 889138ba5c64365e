"""``profile``: a decorator and context manager round a training loop or any block of work.

::

    with ecoaudit.profile("finetune", tokens_per_step=8192) as rec:
        for batch in rec.steps(loader, warmup=5):
            ...
        with rec.window("eval"):
            ...
    rec.run.save("run.json")

As a decorator it measures each call of a function, coroutine, generator or asynchronous generator,
from its first step to its end.
"""

from __future__ import annotations

import functools
import inspect
import os
from collections.abc import Callable, Iterable, Iterator
from itertools import pairwise
from typing import Any, TypeVar, overload

from ecoaudit.errors import UsageError
from ecoaudit.estimate import Basis, Estimate
from ecoaudit.recorder import Recorder
from ecoaudit.recording import Window
from ecoaudit.run import RunKind
from ecoaudit.scenario import Site
from ecoaudit.statistics import percentile, percentile_interval

F = TypeVar("F", bound=Callable[..., Any])
T = TypeVar("T")


class Profile(Recorder):
    """A recorder of a training loop: :meth:`steps` adds throughput and energy per step.

    Args:
        name: for people.
        tokens_per_step: tokens that one step processes; gives tokens/s and J/token.
        samples_per_step: samples that one step processes; gives samples/s.
        country: ISO 3166-1 alpha-3 code for the grid's carbon intensity.
        site: a site profile; gives country, grid intensity and PUE.
        output: where the run goes; None keeps it in the runs folder.
    """

    def __init__(
        self,
        name: str = "training",
        *,
        tokens_per_step: float | None = None,
        samples_per_step: float | None = None,
        country: str | None = None,
        site: Site | None = None,
        output: str | os.PathLike[str] | None = None,
        **recorder: Any,
    ):
        for key, value in (("tokens", tokens_per_step), ("samples", samples_per_step)):
            if value is not None and not value > 0:
                raise UsageError(f"{key}_per_step must be more than 0, got {value!r}")
        recorder.setdefault("kind", RunKind.TRAINING)
        super().__init__(name, country=country, site=site, output=output, **recorder)
        self._per_step = {"tokens": tokens_per_step, "samples": samples_per_step}

    def start(self) -> Profile:
        """Open the meters and start sampling."""
        super().start()
        return self

    def __enter__(self) -> Profile:
        return self.start()

    def steps(self, iterable: Iterable[T], warmup: int = 0) -> Iterator[T]:
        """Yield from ``iterable``, timing each step: from one item's arrival to the next.

        Args:
            iterable: the batches.
            warmup: steps at the start that are left out of all figures.

        The run's summary then has ``steps``, ``step_s_p50``, ``step_s_p95``,
        ``energy_per_step_j`` and, where the amounts per step were given, ``tokens_per_s``,
        ``energy_per_token_j`` and ``samples_per_s``. They come from one window named ``steps``
        over all steps after the warm-up. An early ``break`` keeps the steps that were begun.
        """
        if warmup < 0:
            raise UsageError(f"warmup must be 0 or more, got {warmup}")
        edges: list[float] = []
        try:
            for item in iterable:
                edges.append(self.now())
                yield item
        finally:
            edges.append(self.now())
            self._add_steps(edges, warmup)

    def _add_steps(self, edges: list[float], warmup: int) -> None:
        if len(edges) - 1 <= warmup:
            self.doubt(
                "no-steps",
                f"the loop made {len(edges) - 1} steps, of which {warmup} were warm-up",
                "run more steps, or lower warmup",
            )
            return
        if warmup:
            self.add_window("warmup", edges[0], edges[warmup])
        window = self.add_window("steps", edges[warmup], edges[-1])
        self._mark_edge(edges[-1])
        times = [end - start for start, end in pairwise(edges)][warmup:]
        self.summary.update(self._figures(window, times))

    def _figures(self, window: Window, times: list[float]) -> dict[str, Estimate]:
        clock = "monotonic clock at each step"
        energy = self.energy(window)
        count = len(times)
        steps = Estimate.exact(count, "steps", Basis.MEASURED, "counted")
        figures = {"steps": steps, "energy_per_step_j": energy.converted(1 / count, "J/step")}
        for q in (50, 95):
            low, high = percentile_interval(times, q)
            figures[f"step_s_p{q}"] = Estimate(
                percentile(times, q), low, high, "s", Basis.MEASURED, clock
            )
        for noun, each in self._per_step.items():
            if each is not None:
                rate = each * count / sum(times)
                source = f"{noun}_per_step as declared x steps counted, over the {clock}"
                figures[f"{noun}_per_s"] = Estimate.exact(rate, f"{noun}/s", Basis.MEASURED, source)
        if self._per_step["tokens"] is not None:
            tokens = self._per_step["tokens"] * count
            figures["energy_per_token_j"] = energy.converted(1 / tokens, "J/token")
        return figures


class _Decorator:
    """What ``profile(...)`` gives: enter it with ``with``, or put it over a function."""

    def __init__(self, options: dict[str, Any]):
        self._options = options
        self._active: Profile | None = None

    def __enter__(self) -> Profile:
        if self._active is not None:
            raise UsageError("this profile is already running; make another with profile(...)")
        self._active = Profile(**self._options).start()
        return self._active

    def __exit__(self, kind: Any, error: Any, traceback: Any) -> None:
        active, self._active = self._active, None
        if active is not None:
            active.__exit__(kind, error, traceback)

    def __call__(self, function: F) -> F:
        if not callable(function):
            raise UsageError(
                f"profile takes a name or options, or stands over a function; got {function!r}"
            )
        options = {"name": getattr(function, "__qualname__", "profile"), **self._options}
        return _wrap(function, lambda: Profile(**options))


def _wrap(function: F, make: Callable[[], Profile]) -> F:
    """``function``, measured at each call, as the same kind of function."""
    wrapper: Any
    if inspect.isasyncgenfunction(function):

        @functools.wraps(function)
        async def wrapper(*args: Any, **kwargs: Any) -> Any:
            with make():
                async for item in function(*args, **kwargs):
                    yield item

    elif inspect.iscoroutinefunction(function):

        @functools.wraps(function)
        async def wrapper(*args: Any, **kwargs: Any) -> Any:
            with make():
                return await function(*args, **kwargs)

    elif inspect.isgeneratorfunction(function):

        @functools.wraps(function)
        def wrapper(*args: Any, **kwargs: Any) -> Any:
            with make():
                return (yield from function(*args, **kwargs))

    else:

        @functools.wraps(function)
        def wrapper(*args: Any, **kwargs: Any) -> Any:
            with make() as rec:
                wrapper.last = rec
                return function(*args, **kwargs)

    return wrapper  # type: ignore[no-any-return]


@overload
def profile(name: F) -> F: ...
@overload
def profile(name: str | None = None, **options: Any) -> _Decorator: ...
def profile(name: Any = None, **options: Any) -> Any:
    """Measure a block of work: as ``@profile``, ``@profile(...)`` or ``with profile(...) as rec``.

    Args:
        name: for people; a decorator takes the function's name.
        **options: as for :class:`Profile` (``tokens_per_step``, ``samples_per_step``,
            ``country``, ``site``, ``output``).

    Raises:
        UsageError: options that cannot be used, before the work starts.
    """
    if callable(name):
        return _Decorator({})(name)
    if name is not None:
        options["name"] = name
    return _Decorator(options)
