"""What a page says first of a run: its figures, and of which load they are.

The summary of an inference run speaks of two things: one load, which stands for the demand, and the
whole run, with its rests and the loading of the model. They stand apart here.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import replace
from itertools import groupby
from typing import Final

from ecoaudit.checks import weakening
from ecoaudit.estimate import Basis, Estimate, total
from ecoaudit.measurement import HOST_PARTS, Measurement
from ecoaudit.reporters.asked import limits_in_words, requests_per_day
from ecoaudit.reporters.figures import named, plain
from ecoaudit.reporters.view import Block, Cell, Fact, Facts, Row, Section, Table
from ecoaudit.reporters.words import count, quantity_word
from ecoaudit.run import CurvePoint, Run

_FACTS: Final = (
    *("energy_j", "duration_s", "operational_kgco2e", "output_tokens_per_s"),
    *("tokens_per_s", "energy_per_output_token_j", "energy_per_token_j", "idle_power_w"),
)
_MOST_FACTS: Final = 6
_SAME_REASON: Final = "for the same reason"
_ALL_OF_IT: Final = "rests, loading and all loads"
_SERVER_APART: Final = ("attached-server", "remote-server")
_ALIKE: Final = 3  # absent figures, one after the other, with one reason: from here on one row

Wanted = tuple[tuple[str, ...], str, str]  # the first known of these, as what, and what below it
_OF_LOAD: Final[tuple[Wanted, ...]] = (
    (("ttft_s_p50",), "First token, median", "ttft_s_p95"),
    (("e2e_s_p50",), "Whole answer, median", "e2e_s_p95"),
    (("service_level_share",), "Answers in time", "service level"),
    (("output_tokens_per_s",), "Output tokens per second", "requests_per_s"),
    (
        ("energy_per_request_j", "gpu_energy_per_request_j"),
        "Energy per request",
        "all that was used, shared out",
    ),
    (
        ("marginal_energy_per_request_j",),
        "One more request adds",
        "above the engine at rest",
    ),
    (("allocated_energy_per_request_j",), "With its part of a day at rest", "day"),
    (
        ("energy_per_output_token_j", "gpu_energy_per_output_token_j"),
        "Energy per output token",
        "",
    ),
)
_OF_RUN: Final[tuple[Wanted, ...]] = (
    (("energy_j", "gpu_energy_j"), "Energy", _ALL_OF_IT),
    (("duration_s",), "Duration", ""),
    (("operational_kgco2e",), "Operational carbon", "of that energy"),
    (("idle_power_w",), "Idle power", "model loaded, no request"),
)


def result(run: Run, prefix: str, name: str) -> Section:
    """The section about what came out.

    Args:
        run: of any kind.
        prefix: keeps its id apart on a page with several runs.
        name: what its title begins with.
    """
    point = run.summary_point
    if point is None:
        article = "An" if str(run.kind)[0] in "aeiou" else "A"
        lead = f"{article} {run.kind} run, {run.status}, started {run.started_at}."
        blocks = _of_a_run(run)
    else:
        lead = f"{str(run.status).capitalize()}, started {run.started_at}. {_why(run, point)}"
        blocks = _of_a_load(run, point)
    return Section(f"{prefix}result", f"{name}Result", blocks, lead)


def load_in_words(point: CurvePoint) -> str:
    """A load, which window of it its figures are of, and how long that is."""
    span = point.figures.get("duration_s")
    length = "" if span is None or not span.known else f" of {plain(span.number, 's')}"
    return f"{point.title}, {'steady window' if point.steady else 'whole run'}{length}"


def leaves_server_out(run: Run) -> bool:
    """Whether the energy of the run does not hold all of the server's."""
    return any(said.code in _SERVER_APART for said in run.doubts)


def start_and_wake(run: Run) -> Iterator[tuple[Measurement, Estimate | None]]:
    """The windows that a clinic pays for each time that it starts its server and each time that it
    wakes it, with their energy [J]; None where that leaves the server out.

    A server that ran before is not started: what its run calls ``model_load`` is no such thing.
    """
    apart = leaves_server_out(run)
    for window in run.windows:
        started = run.settings.get("started_by_ecoaudit", True)
        if window.path == "first_request" or (window.path == "model_load" and started):
            energy = host_energy(window)
            yield window, energy if energy.known and not apart else None


def host_energy(window: Measurement) -> Estimate:
    """Energy of a window without any meter at the plug [J]."""
    parts = [d.energy_j for d in window.devices if d.boundary in (*HOST_PARTS, "module")]
    return total(parts, "J") if parts else Estimate.absent("J", "no meter was found")


def _of_a_run(run: Run) -> list[Block]:
    facts = [
        Fact(quantity_word(key), named(key, run.summary[key]))
        for key in _FACTS
        if key in run.summary and run.summary[key].known
    ]
    return [Facts(facts[:_MOST_FACTS]), _table("Every figure of the run", run, run.summary)]


def _of_a_load(run: Run, point: CurvePoint) -> list[Block]:
    of_load = {key: each for key, each in run.summary.items() if run.load_of(key) is not None}
    of_run = {key: each for key, each in run.summary.items() if key not in of_load}
    known = replace(run, summary={key: e for key, e in of_run.items() if e.known})
    load, whole = load_in_words(point), "the whole bench" if run.windows else "the whole result"
    return [
        Facts(_facts(run, _OF_LOAD), f"At {load}", _doubted(run)),
        Facts(
            [*_facts(known, _OF_RUN), *_of_windows(run)],
            f"{whole.capitalize()}, with {count(len(run.curve), 'load')}",
        ),
        _table(f"Every figure at {load}", run, of_load, closed=True),
        _table(f"Every figure of {whole}", run, of_run, closed=True),
    ]


def _why(run: Run, point: CurvePoint) -> str:
    """Of which load the figures are, and why of that one; and what the whole of it took."""
    why = str(run.settings["summary"].get("why") or "the file does not say why")
    said = f"The figures are those of {point.title}: {why}."
    energy = run.summary.get("energy_j")
    if not run.windows or energy is None or not energy.known:
        return said
    took = f"{plain(run.duration_s, 's')} and {named('energy_j', energy).text}"
    if leaves_server_out(run):
        took += ", in which not all of the server is"
    return f"{said} The whole bench, from its first rest to its last load, took {took}."


def _doubted(run: Run) -> str:
    """What weakens the figures that are shown of the load."""
    keys = [_present(run.summary, wanted) for wanted, _, _ in _OF_LOAD]
    keys += [below for _, _, below in _OF_LOAD if below in run.summary]
    known = [key for key in keys if key is not None and run.summary[key].known]
    weak = [said for key in known for said in weakening(key, run.doubts, run.load_of(key))]
    codes = ", ".join(dict.fromkeys(said.code for said in weak))
    return f"Doubted, see below: {codes}." if codes else ""


def _facts(run: Run, wanted: Iterable[Wanted]) -> list[Fact]:
    facts = []
    reasons: set[str] = set()
    for keys, label, below in wanted:
        key = _present(run.summary, keys)
        if key is None:
            continue
        estimate = run.summary[key]
        note = _below(run, below)
        if not estimate.known:
            note = _SAME_REASON if estimate.source in reasons else estimate.source
            reasons.add(estimate.source)
        boards = f"{label}, GPU boards alone" if key.startswith("gpu_") else label
        facts.append(Fact(boards, named(key, estimate), note=note))
    return facts


def _present(figures: Mapping[str, Estimate], keys: Iterable[str]) -> str | None:
    """The first of ``keys`` that is known, else the first that is there at all."""
    here = [key for key in keys if key in figures]
    return next((key for key in here if figures[key].known), here[0] if here else None)


def _below(run: Run, what: str) -> str:
    """The line under a figure: a sentence, or what a name stands for."""
    if what == "service level":
        return limits_in_words(run.scenario or {})
    if what == _ALL_OF_IT:
        return "not all of the server is in it" if leaves_server_out(run) else what
    if what == "day":
        per_day = requests_per_day(run.scenario or {})
        return "" if per_day is None else f"{plain(per_day.number, '')} requests a day"
    if what not in run.summary:
        return "" if what in ("ttft_s_p95", "e2e_s_p95", "requests_per_s") else what
    other = named(what, run.summary[what])
    return f"95 % within {other.text}" if what.endswith("_p95") else other.text


def _of_windows(run: Run) -> list[Fact]:
    """Cards of what a start and a wake of the server cost."""
    facts = []
    for window, energy in start_and_wake(run):
        joules = f"{named('j', energy).text}, {energy.basis}" if energy is not None else ""
        if window.path == "model_load":
            lasted = Estimate.exact(window.duration_s, "s", Basis.MEASURED, "monotonic clock")
            facts.append(Fact("Loading the model", named("duration_s", lasted), note=joules))
        elif "ttft_s" in window.quantities:
            seen = window.quantities
            said = [f"whole answer {named('e2e_s', seen['e2e_s']).text}"] if "e2e_s" in seen else []
            note = "; ".join(filter(None, [*said, joules]))
            facts.append(
                Fact("First token after a rest", named("ttft_s", seen["ttft_s"]), "", note)
            )
    return facts


# -- every figure --------------------------------------------------------------------------------


def _table(caption: str, run: Run, figures: Mapping[str, Estimate], closed: bool = False) -> Table:
    rows = []
    for absent, group in groupby(figures.items(), lambda pair: _why_absent(pair[1])):
        pairs = list(group)
        if absent and len(pairs) >= _ALIKE:
            keys = ", ".join(key for key, _ in pairs)
            shown = named(*pairs[0])
            rows.append(
                Row([Cell(f"{len(pairs)} figures", note=keys), Cell(figure=shown), Cell(absent)])
            )
        else:
            rows += [_row(run, key, estimate) for key, estimate in pairs]
    show = f"{caption}: show {count(len(rows), 'row')}" if closed else ""
    return Table(caption, ["Quantity", "Figure", "Source"], rows, frozenset({1}), closed=show)


def _why_absent(estimate: Estimate) -> str:
    return "" if estimate.known else estimate.source


def _row(run: Run, key: str, estimate: Estimate) -> Row:
    """A figure, where it is from, and the codes of the doubts that weaken it."""
    shown = named(key, estimate)
    weak = weakening(key, run.doubts, run.load_of(key)) if estimate.known else []
    codes = ", ".join(dict.fromkeys(said.code for said in weak))
    source = Cell(shown.source, note=f"doubted: {codes}" if codes else "")
    return Row([Cell(quantity_word(key), note=key), Cell(figure=shown), source])
