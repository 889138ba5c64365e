"""A meter at the plug: asked about once a second by a thread of its own, over the network.

The power is integrated. Counters of such meters are coarse (Tasmota shows 3.6 kJ steps, a Redfish
service may show whole kWh), and none says how often it moves; so a counter is held against the
integrated power, and bridges stretches in which the meter did not answer.
"""

from __future__ import annotations

import re
import threading
import time
from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Protocol
from urllib.parse import parse_qsl, urlsplit

from ecoaudit.checks import doubt
from ecoaudit.errors import MeterUnavailableError, UsageError
from ecoaudit.estimate import Basis
from ecoaudit.measurement import WALL, Device, Reading
from ecoaudit.meters.wall_http import TIMEOUT_S, PollError, RefusedError, last_digit, number_of
from ecoaudit.run import Doubt

USER_VARIABLE = "ECOAUDIT_WALL_USER"
PASSWORD_VARIABLE = "ECOAUDIT_WALL_PASSWORD"  # noqa: S105 - a variable's name, no password
TOKEN_VARIABLE = "ECOAUDIT_WALL_TOKEN"  # noqa: S105 - likewise

PERIOD_S = 1.0  # between two requests
_GAP_PERIODS = 3.0  # without an answer, after which a stretch counts as not read
_BRIDGE_STEPS = 20  # steps of the counter that a gap must be long for the counter to bridge it
_CHECK_STEPS = 20  # steps before the counter says anything about the integrated power
_APART = 0.05  # share by which both may differ unremarked
_EXAMPLES = (
    "shelly://192.168.1.20, tasmota://192.168.1.21, redfish://192.168.1.22/Chassis/1 or"
    " csv:meter.csv"
)


@dataclass(frozen=True, slots=True)
class WallAddress:
    """Where a meter is, as typed: ``KIND://HOST[:PORT][/PATH][?OPTION=VALUE]`` or ``csv:FILE``.

    Attributes:
        kind: ``shelly``, ``tasmota``, ``redfish`` or ``csv``.
        host: host and port; empty for a file.
        path: what follows, without the first slash; for ``csv`` the file.
        options: what stands behind the question mark.
    """

    kind: str
    host: str
    path: str
    options: dict[str, str] = field(default_factory=dict)

    @classmethod
    def parse(cls, text: str) -> WallAddress:
        """Read an address.

        Raises:
            UsageError: no address, or one that holds a password.
        """
        kind, colon, rest = text.partition(":")
        if colon and kind == "csv" and rest:
            return cls("csv", "", rest)
        try:
            parts = urlsplit(text)
            port = parts.port
        except ValueError:
            raise UsageError(f"--wall: expected a meter such as {_EXAMPLES}") from None
        if "@" in parts.netloc:
            raise UsageError(
                f"--wall: a password in the address would be seen by others; put it into"
                f" {PASSWORD_VARIABLE}, and the user name into {USER_VARIABLE}"
            )
        if not parts.scheme or not parts.hostname or not re.fullmatch(r"[\w.:%-]+", parts.hostname):
            raise UsageError(f"--wall: expected a meter such as {_EXAMPLES}; got {text!r}")
        name = f"[{parts.hostname}]" if ":" in parts.hostname else parts.hostname
        host = name if port is None else f"{name}:{port}"
        return cls(parts.scheme, host, parts.path.strip("/"), dict(parse_qsl(parts.query)))

    def only(self, *options: str) -> None:
        """Check that no other option is given.

        Raises:
            UsageError: one is.
        """
        for name in self.options:
            if name not in options:
                known = ", ".join(options) or "none"
                raise UsageError(
                    f"--wall {self.kind}: the option {name!r} is unknown; known: {known}"
                )


@dataclass(frozen=True, slots=True)
class Answer:
    """What a meter said.

    Attributes:
        power_w: power now [W].
        counter_j: its energy counter [J]; None where it has none.
        step_j: the least amount by which the counter can move [J].
    """

    power_w: float
    counter_j: float | None = None
    step_j: float = 0.0

    @classmethod
    def counted(cls, power_w: float, counter: object, unit_j: float) -> Answer:
        """With the counter as the JSON holds it, in units of ``unit_j`` [J]; none if no number."""
        number = number_of(counter)
        counter_j = None if number is None else number * unit_j
        return cls(power_w, counter_j, last_digit(counter) * unit_j)


class Plug(Protocol):
    """One maker's way to ask."""

    device: Device

    def ask(self) -> Answer:
        """Ask now; waits for the answer.

        Raises:
            PollError: there was none that can be used.
        """
        ...


def wall_device(
    device_id: str,
    name: str,
    *,
    method: str,
    source: str,
    either_way: float,
    step_s: float,
    details: dict[str, str | float | None] | None = None,
) -> Device:
    """The :class:`Device` of a meter whose energy may be off by the share ``either_way``."""
    return Device(
        id=device_id,
        kind="wall",
        boundary=WALL,
        name=name,
        method=method,
        basis=Basis.MEASURED,
        source=source,
        relative_low=either_way,
        relative_high=either_way,
        step_s=step_s,
        details=details or {},
    )


def unreadable(
    where: str, error: PollError, *, refused: str, otherwise: str
) -> MeterUnavailableError:
    """What to raise where the first request failed, with the remedy for either kind of failure."""
    if isinstance(error, RefusedError):
        return MeterUnavailableError(f"{where}: {error}; {refused}")
    return MeterUnavailableError(f"{where} cannot be read: {error}; {otherwise}")


class WallMeter:
    """Asks a plug in a thread, and hands each reading over once.

    The thread starts with the first :meth:`read`. A reading carries the middle of its request and
    its answer as time.

    Args:
        plug: whom to ask; was asked once already, so that it is known to answer.
        period_s: between two requests.
        clock: monotonic seconds, the same as the recorder's.
    """

    name = "wall"

    def __init__(
        self,
        plug: Plug,
        *,
        period_s: float = PERIOD_S,
        clock: Callable[[], float] = time.monotonic,
    ):
        self._plug = plug
        self._period_s = period_s
        self._clock = clock
        self._lock = threading.Lock()
        self._stop = threading.Event()
        self._thread: threading.Thread | None = None
        self._waiting: list[Reading] = []
        self._counter = CounterWatch()
        self._last: tuple[float, Answer] | None = None  # time and content of the last answer
        self._first_read_s: float | None = None
        self._last_read_s = 0.0
        self._requests = 0
        self._answered = True  # the last request
        self._failures: Counter[str] = Counter()
        self._gaps: list[tuple[float, bool]] = []  # length [s], whether the counter bridged it

    def devices(self) -> Sequence[Device]:
        return [self._plug.device]

    def read(self, now_s: float) -> Sequence[Reading]:
        """The readings since the last call, mostly none or one; does not wait."""
        self._last_read_s = now_s
        if self._first_read_s is None:
            self._first_read_s = now_s
            self._thread = threading.Thread(target=self._loop, name="ecoaudit-wall", daemon=True)
            self._thread.start()
        with self._lock:
            taken, self._waiting = self._waiting, []
        return taken

    def last_readings(self) -> Sequence[Reading]:
        """The readings that remain at the end, and one more from just after it; may wait 2 s."""
        self._end_thread(TIMEOUT_S)
        if self._first_read_s is not None and self._answered and not self._running():
            self._poll()
        with self._lock:
            taken, self._waiting = self._waiting, []
        return taken

    def doubts(self) -> Sequence[Doubt]:
        name = self._plug.device.name
        told = [
            doubt("wall-failed", f"{name}: {count} of {self._requests} requests failed: {why}")
            for why, count in self._failures.items()
        ]
        for by_counter, how in (
            (True, "its counter says what was used meanwhile"),
            (False, "its power meanwhile is taken as a straight line from before to after"),
        ):
            gaps = [length_s for length_s, counted in self._gaps if counted is by_counter]
            if gaps:
                length = f"{sum(gaps):.0f} s in {len(gaps)} stretch(es)"
                told.append(doubt("wall-failed", f"{name}: no reading for {length}: {how}"))
        told += self._silence(name)
        if self._counter.resets:
            what = "its counter was set back, which leaves the integrated power untouched"
            told.append(doubt("wall-reset", f"{name}: {what}"))
        apart = self._counter.power_against_counter()
        if apart is not None and abs(apart) > _APART:
            told.append(
                doubt(
                    "wall-against-counter",
                    f"{name}: its power, integrated, says {apart:+.0%} against its own counter",
                    "a load that changes faster than once a second needs a longer run or a faster"
                    " meter",
                )
            )
        return told

    def close(self) -> None:
        self._end_thread(0.0)

    def _silence(self, name: str) -> list[Doubt]:
        if self._first_read_s is None:
            return []
        if self._last is None:
            return [doubt("wall-failed", f"{name}: gave no reading during the run")]
        silent_s = self._last_read_s - self._last[0]
        if silent_s <= _GAP_PERIODS * self._period_s:
            return []
        what = f"no reading in the last {silent_s:.0f} s of the run: its last power stands for them"
        return [doubt("wall-failed", f"{name}: {what}")]

    def _loop(self) -> None:
        due_s = self._clock()
        while not self._stop.is_set():
            self._poll()
            due_s = max(due_s + self._period_s, self._clock())
            self._stop.wait(due_s - self._clock())

    def _poll(self) -> None:
        sent_s = self._clock()
        self._requests += 1
        try:
            answer = self._plug.ask()
        except PollError as error:
            self._answered = False
            self._failures[str(error)] += 1
            return
        except Exception as error:  # an answer of a shape nobody thought of must not end the thread
            self._answered = False
            self._failures[f"the answer is not understood ({type(error).__name__})"] += 1
            return
        self._answered = True
        self._take((sent_s + self._clock()) / 2, answer)

    def _take(self, t_s: float, answer: Answer) -> None:
        readings = self._bridge(t_s, answer)
        readings.append(self._reading(t_s, answer.power_w))
        self._counter.add(t_s, answer)
        self._last = (t_s, answer)
        with self._lock:
            self._waiting += readings

    def _bridge(self, t_s: float, answer: Answer) -> list[Reading]:
        """What the counter says of a stretch without readings, as readings at both its ends."""
        if self._last is None or t_s - self._last[0] <= _GAP_PERIODS * self._period_s:
            return []
        since_s, before = self._last
        length_s = t_s - since_s
        mean_w = self._counter.mean_power_w(length_s, before, answer)
        self._gaps.append((length_s, mean_w is not None))
        if mean_w is None:
            return []
        hair_s = length_s * 1e-6
        return [self._reading(since_s + hair_s, mean_w), self._reading(t_s - hair_s, mean_w)]

    def _reading(self, t_s: float, power_w: float) -> Reading:
        return Reading(self._plug.device.id, t_s, power_w=power_w)

    def _running(self) -> bool:
        return self._thread is not None and self._thread.is_alive()

    def _end_thread(self, wait_s: float) -> None:
        self._stop.set()
        if self._thread is not None:
            self._thread.join(wait_s)


class CounterWatch:
    """A coarse counter beside the integral of the power."""

    def __init__(self) -> None:
        self.resets = 0
        self._start()

    def _start(self) -> None:
        self._last: tuple[float, Answer] | None = None
        self._power_j = 0.0  # integral of the power since the first answer
        self._moves = 0
        self._moved_s = 0.0
        self._longest_s = 0.0  # between two moves
        # Both energies at the first and at the last move of the counter.
        self._from: tuple[float, float] | None = None
        self._to: tuple[float, float] = (0.0, 0.0)

    def add(self, t_s: float, answer: Answer) -> None:
        """Take in an answer."""
        last, counter_j = self._last, answer.counter_j
        if counter_j is None:
            return
        if last is not None and last[1].counter_j is not None:
            if counter_j < last[1].counter_j:
                self.resets += 1
                self._start()
            else:
                self._power_j += (t_s - last[0]) * (answer.power_w + last[1].power_w) / 2
                if counter_j > last[1].counter_j:
                    self._move(t_s, counter_j)
        self._last = (t_s, answer)

    def mean_power_w(self, length_s: float, before: Answer, after: Answer) -> float | None:
        """Mean power between two answers by the counter [W]; None when it is too coarse."""
        if before.counter_j is None or after.counter_j is None or self._moves < 2:
            return None
        gained_j = after.counter_j - before.counter_j
        fine = length_s >= _BRIDGE_STEPS * self._longest_s
        return gained_j / length_s if fine and gained_j >= _BRIDGE_STEPS * after.step_j else None

    def power_against_counter(self) -> float | None:
        """The integrated power over the counter, less 1; None while the counter moved too little.

        Both are taken between two moves, so that the step of the counter does not enter.
        """
        if self._from is None or self._moves < _CHECK_STEPS:
            return None
        counter_j, power_j = (self._to[i] - self._from[i] for i in (0, 1))
        return power_j / counter_j - 1 if counter_j > 0 else None

    def _move(self, t_s: float, counter_j: float) -> None:
        if self._from is None:
            self._from = (counter_j, self._power_j)
        else:
            self._longest_s = max(self._longest_s, t_s - self._moved_s)
        self._to = (counter_j, self._power_j)
        self._moves += 1
        self._moved_s = t_s
