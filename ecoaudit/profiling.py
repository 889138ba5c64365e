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
from collections.abc import Callable
from typing import Any, TypeVar, overload

from ecoaudit.errors import UsageError
from ecoaudit.training import Profile

F = TypeVar("F", bound=Callable[..., Any])


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
            ``parameters``, ``synchronize``, ``country``, ``site``, ``output`` ...).

    Raises:
        UsageError: options that cannot be used, before the work starts.
    """
    if callable(name):
        return _Decorator({})(name)
    if name is not None:
        options["name"] = name
    return _Decorator(options)
