"""``profile``: a decorator and context manager round a training loop or any block of work.

::

    with ecoaudit.profile("finetune", tokens_per_step=8192) as rec:
        for batch in rec.steps(loader, warmup=5):
            ...
        with rec.window("eval"):
            ...
    rec.run.save("run.json")

As a decorator it measures each call of a function, coroutine, generator or asynchronous generator,
from its first step to its end. The wrapper's ``last`` is the recorder of the call that ended last,
None before the first; calls that run at once each have their own.
"""

from __future__ import annotations

import functools
import inspect
import sys
from collections.abc import AsyncGenerator, Callable, Iterator
from contextlib import contextmanager
from typing import Any, TypeVar, overload

from ecoaudit.errors import UsageError
from ecoaudit.training import Profile, check_options

F = TypeVar("F", bound=Callable[..., Any])


class _Decorator:
    """What ``profile(...)`` gives: enter it with ``with``, or put it over a function."""

    def __init__(self, options: dict[str, Any]):
        check_options(options)
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
        if isinstance(function, classmethod | staticmethod):
            return type(function)(self(function.__func__))
        if isinstance(function, type):
            raise UsageError(
                f"profile stands over functions, and {function.__qualname__} is a class; put it "
                "over the method that does the work"
            )
        if not callable(function):
            raise UsageError(
                f"profile takes a name or options, or stands over a function; got {function!r}"
            )
        return _wrap(function, {"name": _name_of(function), **self._options})


def _name_of(function: Any) -> str:
    """The name of a function, of what a ``partial`` calls, or of a callable object's class."""
    while isinstance(function, functools.partial):
        function = function.func
    return str(getattr(function, "__qualname__", type(function).__qualname__))


def _wrap(function: F, options: dict[str, Any]) -> F:
    """``function``, measured at each call, as the same kind of function."""
    wrapper: Any

    @contextmanager
    def measured() -> Iterator[None]:
        rec = Profile(**options)
        try:
            with rec:
                yield
        finally:
            wrapper.last = rec

    called = _called(function)
    if inspect.isasyncgenfunction(called):

        @functools.wraps(function)
        async def wrapper(*args: Any, **kwargs: Any) -> Any:
            with measured():
                inner = function(*args, **kwargs)
                step = _begin(inner)
                try:
                    while True:
                        item = await step
                        try:
                            sent = yield item
                        except BaseException as error:  # GeneratorExit too: it is inner's to handle
                            step = inner.athrow(error)
                        else:
                            step = inner.asend(sent)
                except StopAsyncIteration:
                    return

    elif inspect.iscoroutinefunction(called) or inspect.iscoroutinefunction(function):

        @functools.wraps(function)
        async def wrapper(*args: Any, **kwargs: Any) -> Any:
            with measured():
                return await function(*args, **kwargs)

    elif inspect.isgeneratorfunction(called):

        @functools.wraps(function)
        def wrapper(*args: Any, **kwargs: Any) -> Any:
            with measured():
                return (yield from function(*args, **kwargs))

    else:

        @functools.wraps(function)
        def wrapper(*args: Any, **kwargs: Any) -> Any:
            with measured():
                return function(*args, **kwargs)

    wrapper.last = None
    return wrapper  # type: ignore[no-any-return]


def _called(function: Any) -> Any:
    """What runs in the end: of a ``partial`` its function, of a callable object its method."""
    while isinstance(function, functools.partial):
        function = function.func
    return function if inspect.isroutine(function) else type(function).__call__


def _begin(inner: AsyncGenerator[Any, Any]) -> Any:
    """The first step of ``inner``, which the event loop shall not close: its wrapper does.

    A loop that ends closes all asynchronous generators at once, and the two would meet.
    """
    hooks = sys.get_asyncgen_hooks()
    sys.set_asyncgen_hooks(None, None)
    try:
        return inner.__anext__()
    finally:
        sys.set_asyncgen_hooks(*hooks)


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
    if callable(name) or isinstance(name, classmethod):
        return _Decorator(options)(name)
    if name is not None:
        options["name"] = name
    return _Decorator(options)
