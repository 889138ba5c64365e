"""Ways to run a computer, in energy by the hour and in waiting.

Always on; off outside opening hours; asleep between jobs; one batch at night; one computer shared
by n clinics. What one could rent instead is in ``ecoaudit.planning.renting``.

The doubt of each figure goes into the energy one at a time, and the deviations are added in
quadrature (JCGM 100:2008, section 5.1.2).
"""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Final

from ecoaudit.estimate import Basis, Estimate
from ecoaudit.planning.courses import HOURS
from ecoaudit.planning.hours import DayLoad, arrivals_by_hour, busy_by_hour, opens_at_s
from ecoaudit.planning.waking import Wake
from ecoaudit.units import S_PER_DAY, S_PER_HOUR

if TYPE_CHECKING:
    import numpy
    from numpy.typing import NDArray

    from ecoaudit.scenario import Demand

    Array = NDArray[numpy.float64]

ALWAYS_ON: Final = "always-on"
OPENING_HOURS: Final = "opening-hours"
SLEEP: Final = "sleep-between-jobs"
NIGHT: Final = "night-batch"
SHARED: Final = "shared"
_P95: Final = 0.05


@dataclass(frozen=True, slots=True)
class Machine:
    """A computer with its work of a working day. Powers are at the plug.

    Attributes:
        idle_w: the model loaded, no request [W].
        busy_w: at work [W].
        sleep_w: asleep or switched off [W]; absent where it is not known.
        wake: from sleep.
    """

    idle_w: Estimate
    busy_w: Estimate
    sleep_w: Estimate
    wake: Wake


@dataclass(frozen=True, slots=True)
class Work:
    """Requests of a working day.

    Attributes:
        requests: [requests].
        busy_s: the computer's time at work for them [s].
        shares: of the requests by hour of the day.
        opens_s: when the first may arrive, seconds since midnight.
        opening_s: how long they arrive [s].
    """

    requests: Estimate
    busy_s: Estimate
    shares: tuple[float, ...]
    opens_s: float
    opening_s: float

    def times(self, clinics: Estimate) -> Work:
        """The work of so many clinics like this one, one request after the other."""
        return replace(
            self,
            requests=self.requests.times(clinics, "requests"),
            busy_s=self.busy_s.times(clinics, "s"),
        )


@dataclass(frozen=True, slots=True)
class Mode:
    """What a way of running does.

    Attributes:
        name: of the way.
        working: a working day by the hour; None where a figure is absent.
        rest: a day without requests; None likewise.
        energy_j_per_day: of a working day [J].
        energy_j_per_rest_day: [J].
        energy_per_request_j: a working day's over its requests [J/request].
        busy_share: of a working day, at work; above 1 it cannot do it.
        added_wait_s: what 95 % of the requests wait at most, beyond an always-on computer [s].
        woken_share: of the requests, that wake it.
        notes: what is not in it, or why it is absent.
    """

    name: str
    working: DayLoad | None
    rest: DayLoad | None
    energy_j_per_day: Estimate
    energy_j_per_rest_day: Estimate
    energy_per_request_j: Estimate
    busy_share: Estimate
    added_wait_s: Estimate
    woken_share: Estimate
    notes: tuple[str, ...] = ()

    def energy_j_per_year(self, days_per_year: Estimate) -> Estimate:
        """Working days and days of rest [J]."""
        days = days_per_year.number
        return self.energy_j_per_day * days + self.energy_j_per_rest_day * max(365.25 - days, 0.0)


def work_of(demand: Demand, requests: Estimate, busy_s: Estimate) -> Work:
    """The work of a scenario's day.

    Args:
        demand: its opening hours and busiest hour.
        requests: of the day [requests].
        busy_s: at work for them [s].
    """
    opens_s, opening_s = opens_at_s(demand), demand.opening.number
    shares = arrivals_by_hour(opening_s, opens_s, demand.peak_factor.number)
    return Work(requests, busy_s, tuple(shares), opens_s, opening_s)


def always_on(machine: Machine, work: Work, pue: Estimate) -> Mode:
    """The model is loaded day and night."""

    def energy(at: _Figures) -> Array:
        found: Array = at.idle_w * S_PER_HOUR + (at.busy_w - at.idle_w) * at.busy
        return found

    awake = replace(machine, sleep_w=_nothing("W"), wake=Wake(_nothing("s"), _nothing("J")))
    return _mode(ALWAYS_ON, awake, work, pue, energy, _nothing("s"), _nothing(""))


def opening_hours(machine: Machine, work: Work, pue: Estimate) -> Mode:
    """On while the clinic is open, asleep outside; it wakes once, before it opens."""
    open_s = _open_by_hour(work)
    first = int(work.opens_s // S_PER_HOUR) % HOURS

    def energy(at: _Figures) -> Array:
        there = open_s * at.works
        late = _most(at.busy - there)
        found: Array = at.idle_w * _most(there - at.busy) + at.busy_w * at.busy
        found += at.sleep_w * (S_PER_HOUR - there - late)
        found[:, first] += at.wake_j[:, 0] * at.works[:, 0]
        return found

    return _mode(OPENING_HOURS, machine, work, pue, energy, _nothing("s"), _nothing(""))


def sleep_between_jobs(machine: Machine, work: Work, pue: Estimate, linger_s: float = 0.0) -> Mode:
    """Asleep whenever there is nothing to do; a request that comes then wakes it and waits.

    Arrivals of an hour are taken as Poisson and each as holding the computer for its own time at
    work, the time to wake and ``linger_s``: it is then asleep with the probability exp(-rate x
    time), as an infinite-server queue is empty, and as many of the requests wake it (arrivals see
    time averages). Ross, Introduction to Probability Models, 11th ed., sections 5.3 and 8.2.

    Args:
        machine: with ``sleep_w`` and ``wake``.
        work: of the day.
        pue: site energy over computer energy.
        linger_s: how long it stays awake after its last answer [s].
    """
    asleep, woken = _asleep(work, machine.wake.time_s, linger_s)

    def energy(at: _Figures) -> Array:
        import numpy

        rate = at.requests * at.shares / S_PER_HOUR
        each_s = at.busy_s / numpy.maximum(at.requests, 1e-12) + at.wake_s + linger_s
        quiet = numpy.exp(-rate * each_s)
        wakes = at.requests * at.shares * quiet
        # The time at work comes first; what is left is asleep, waking or idle.
        left = _most(S_PER_HOUR - at.busy)
        sleeping = numpy.minimum(quiet * S_PER_HOUR, left)
        waking = numpy.minimum(wakes * at.wake_s, left - sleeping)
        found: Array = at.sleep_w * sleeping + at.busy_w * at.busy + at.wake_j * wakes
        found += at.idle_w * (left - sleeping - waking)
        return found

    wait = machine.wake.time_s
    if wait.known and asleep is not None and asleep <= _P95:
        wait = _nothing("s")
    return _mode(SLEEP, machine, work, pue, energy, wait, woken)


def night_batch(machine: Machine, work: Work, pue: Estimate, starts_s: float | None = None) -> Mode:
    """Requests are kept until closing, or ``starts_s``, and answered in one go; else it sleeps.

    Its time at work is that of the day: a full batch takes less, which is not known without a run.

    Args:
        machine: with ``sleep_w`` and ``wake``.
        work: of the day.
        pue: site energy over computer energy.
        starts_s: when it begins, seconds since midnight; None: at closing.
    """
    closes_s = work.opens_s + work.opening_s
    begins_s = closes_s if starts_s is None else starts_s
    while begins_s < closes_s:
        begins_s += S_PER_DAY
    at_once = [0.0] * HOURS
    at_once[int(begins_s // S_PER_HOUR) % HOURS] = 1.0
    batch = replace(work, shares=tuple(at_once))
    first = at_once.index(1.0)

    def energy(at: _Figures) -> Array:
        found: Array = at.sleep_w * (S_PER_HOUR - at.busy) + at.busy_w * at.busy
        found[:, first] += at.wake_j[:, 0] * at.works[:, 0]
        return found

    end_s = begins_s - work.opens_s
    source = "the first of the day, until the batch ends"
    wait = Estimate.absent("s", work.busy_s.source)
    if work.busy_s.known and machine.wake.time_s.known:
        whole = work.busy_s + machine.wake.time_s
        wait = replace(
            whole,
            value=whole.number + end_s,
            low=(whole.low or 0.0) + end_s,
            high=(whole.high or 0.0) + end_s,
            basis=Basis.MODELLED,
            source=source,
        )
    mode = _mode(NIGHT, machine, batch, pue, energy, wait, _nothing(""))
    note = "the time at work is that of single requests; a full batch takes less"
    return replace(mode, notes=(*mode.notes, note))


def shared(machine: Machine, work: Work, pue: Estimate, clinics: Estimate) -> Mode:
    """One always-on computer for so many clinics like this one: energies are of all of them.

    Its time at work is theirs added up: requests that share a batch take less.
    """
    mode = always_on(machine, work.times(clinics), pue)
    note = "requests of several clinics in one batch take less time than is counted here"
    return replace(mode, name=SHARED, notes=(*mode.notes, note))


# All ways in which one clinic can run its own computer.
OWN_MODES: Final[dict[str, Callable[[Machine, Work, Estimate], Mode]]] = {
    ALWAYS_ON: always_on,
    OPENING_HOURS: opening_hours,
    SLEEP: sleep_between_jobs,
    NIGHT: night_batch,
}


# -- energy by the hour, with its doubt -----------------------------------------------------------


@dataclass(frozen=True, slots=True)
class _Figures:
    """All figures, one row for the central ones and two for the ends of each."""

    idle_w: Array
    busy_w: Array
    sleep_w: Array
    wake_s: Array
    wake_j: Array
    busy_s: Array
    requests: Array
    pue: Array
    busy: Array  # at work in each hour [s]
    shares: Array  # of the requests in each hour
    works: Array  # 1 on a working day, else 0


_Energy = Callable[[_Figures], "Array"]


def _mode(
    name: str,
    machine: Machine,
    work: Work,
    pue: Estimate,
    energy: _Energy,
    wait: Estimate,
    woken: Estimate,
) -> Mode:
    used = {
        "idle_w": machine.idle_w,
        "busy_w": machine.busy_w,
        "sleep_w": machine.sleep_w,
        "wake_s": machine.wake.time_s,
        "wake_j": machine.wake.energy_j,
        "busy_s": work.busy_s,
        "requests": work.requests,
        "pue": pue,
    }
    missing = list(dict.fromkeys(each.source for each in used.values() if not each.known))
    share = (work.busy_s / S_PER_DAY).converted(1, "")
    if missing:
        why = "; ".join(missing)
        day = Estimate.absent("J", why)
        each = Estimate.absent("J/request", why)
        return Mode(name, None, None, day, day, each, share, wait, woken, tuple(missing))
    working = _by_hour(used, work.shares, energy, works=True)
    rest = _by_hour(used, work.shares, energy, works=False)
    day = working.energy_j
    return Mode(
        name=name,
        working=working,
        rest=rest,
        energy_j_per_day=day,
        energy_j_per_rest_day=rest.energy_j,
        energy_per_request_j=day.per(work.requests, "J/request"),
        busy_share=share,
        added_wait_s=wait,
        woken_share=woken,
        notes=machine.wake.notes,
    )


def _by_hour(
    used: Mapping[str, Estimate], shares: Sequence[float], energy: _Energy, *, works: bool
) -> DayLoad:
    import numpy

    figures = list(used.values())
    rows = numpy.array([[figure.number for figure in figures]] * (1 + 2 * len(figures)))
    for place, figure in enumerate(figures):
        rows[1 + 2 * place, place] = figure.numbers[1]
        rows[2 + 2 * place, place] = figure.numbers[2]
    column = {name: rows[:, place : place + 1] for place, name in enumerate(used)}
    if not works:
        column["busy_s"], column["requests"] = column["busy_s"] * 0.0, column["requests"] * 0.0
    central = busy_by_hour(used["busy_s"].number, shares)
    whole = math.fsum(central)
    along = numpy.array(central) / whole if whole else numpy.zeros(HOURS)
    at = _Figures(
        **column,
        busy=numpy.minimum(column["busy_s"] * along, S_PER_HOUR),
        shares=numpy.array(shares)[None, :],
        works=numpy.full((len(rows), 1), float(works)),
    )
    found = energy(at) * at.pue
    off = found[1:] - found[0]
    down = numpy.sqrt((numpy.minimum(off, 0.0) ** 2).sum(0))
    up = numpy.sqrt((numpy.maximum(off, 0.0) ** 2).sum(0))
    source = "; ".join(dict.fromkeys(figure.source for figure in figures if any(figure.numbers)))
    hours = []
    for value, less, more in zip(found[0], down, up, strict=True):
        low = max(float(value - less), 0.0)
        hours.append(Estimate(float(value), low, float(value + more), "J", Basis.MODELLED, source))
    return DayLoad(tuple(hours))


def _asleep(work: Work, wake_s: Estimate, linger_s: float) -> tuple[float | None, Estimate]:
    """Share of the requests that find it asleep: central, and with its doubt."""
    if not (wake_s.known and work.busy_s.known and work.requests.known):
        why = "; ".join(
            each.source for each in (wake_s, work.busy_s, work.requests) if not each.known
        )
        return None, Estimate.absent("", why)
    ends = []
    for end in (0, 2, 1):  # more requests and longer work: fewer find it asleep
        requests = work.requests.numbers[end]
        each_s = work.busy_s.numbers[end] / requests if requests else 0.0
        hold_s = each_s + wake_s.numbers[end] + linger_s
        parts = (share * math.exp(-requests * share / S_PER_HOUR * hold_s) for share in work.shares)
        ends.append(math.fsum(parts))
    found = Estimate(
        ends[0], min(ends), max(ends), "", Basis.MODELLED, "probability to find it asleep"
    )
    return ends[0], found


def _open_by_hour(work: Work) -> Array:
    """Time in each hour of the day in which the clinic is open [s]."""
    import numpy

    found = numpy.zeros(HOURS)
    start_s, left_s = work.opens_s, work.opening_s
    while left_s > 1e-6:
        hour = math.floor(start_s / S_PER_HOUR + 1e-9)
        part_s = min((hour + 1) * S_PER_HOUR - start_s, left_s)
        found[hour % HOURS] += part_s
        start_s, left_s = start_s + part_s, left_s - part_s
    return found


def _most(of: Array) -> Array:
    import numpy

    return numpy.maximum(of, 0.0)


def _nothing(unit: str) -> Estimate:
    return Estimate.exact(0.0, unit, Basis.MODELLED, "it is awake when it is asked")
