"""What a page says of single options: their limits, and which of them it shows."""

from __future__ import annotations

from collections import Counter
from typing import Final

from ecoaudit.plan import Limit, Option, Plan, Verdict
from ecoaudit.reporters.figures import figure, named, percent, plain, unit_of
from ecoaudit.reporters.matrix import state_of
from ecoaudit.reporters.view import FAILS, FITS, UNKNOWN, Cell, Gauge, Gauges, Row, Table
from ecoaudit.reporters.words import CHANGES, MODES, TRUST, count, inside, limit_word, short_model
from ecoaudit.units import human

MOST_FITTING: Final = 12
STATE_WORDS: Final = {FITS: "fits", FAILS: "does not fit", UNKNOWN: "not known"}


def title_of(option: Option) -> str:
    """``Qwen3-8B in int4 on one NVIDIA L4, asleep between jobs``."""
    number = "one" if option.n_devices == 1 else str(option.n_devices)
    how = f", {MODES[option.mode]}" if option.mode in MODES else ""
    return f"{short_model(option.model)} in {option.weights} on {number} {option.hardware}{how}"


def place_of(option: Option) -> str:
    """``int4 on NVIDIA L4, asleep between jobs``: what tells options of one model apart."""
    number = "" if option.n_devices == 1 else f"{option.n_devices} x "
    how = f", {MODES[option.mode]}" if option.mode in MODES else ""
    return f"{option.weights} on {number}{option.hardware}{how}"


def option_by_id(plan: Plan, ident: object) -> Option | None:
    """The option of a plan with this id; None where there is none."""
    return next((option for option in plan.options if option.id == ident), None)


def chosen(plan: Plan) -> Option | None:
    """The recommended option, else the first one, which is the nearest; None in an empty plan."""
    for option in plan.options:
        if option.id == plan.recommended:
            return option
    return plan.options[0] if plan.options else None


def tightest(option: Option) -> list[Limit]:
    """Limits with a known margin, least margin first; not a score, which no load wears down."""
    known = [each for each in option.limits if each.margin is not None and each.name != "quality"]
    return sorted(known, key=lambda limit: limit.margin or 0.0)


def score_text(limit: Limit) -> str:
    """``scores 0.700, at least 0.500 is asked``: a floor, whose need is the least score."""
    if limit.limit is None or limit.value.high is None:
        return "not known"
    return f"scores {limit.limit:.3f}, at least {limit.value.high:.3f} is asked"


def added_wait(option: Option) -> str:
    """``95 % of the requests wait up to 60.0 s more``; empty where nobody does."""
    added = option.quantities.get("added_wait_s")
    if added is None or not added.high:
        return ""
    return f"95 % of the requests wait up to {human(added.high, 's')} more"


def margin_text(limit: Limit) -> str:
    """``12 % to spare``, ``over by 150 %``, or ``not known``; of nothing no share can be taken."""
    if limit.name == "quality":
        return score_text(limit)
    if limit.margin is None:
        return {True: "kept", False: f"over by {needed_text(limit)}", None: "not known"}[limit.ok]
    if limit.margin < 0:
        return f"over by {percent(-limit.margin)}"
    return f"{percent(limit.margin)} to spare"


def limit_text(limit: Limit) -> str:
    """What there is, in the scale of what is needed."""
    if limit.limit is None:
        return "no limit stated"
    return plain(limit.limit, unit_of(limit.name, limit.value.unit))


def needed_text(limit: Limit) -> str:
    """The cautious end of what is needed, which decides; with as many digits as tell it from the
    limit."""
    if limit.value.high is None:
        return "not known"
    unit = unit_of(limit.name, limit.value.unit)
    texts = (plain(limit.value.high, unit, digits) for digits in (3, 4, 5, 6))
    return next((text for text in texts if text != limit_text(limit)), limit_text(limit))


def change_text(limit: Limit) -> str:
    """What must happen before an option that keeps this limit no longer does."""
    times = "many"
    if limit.limit is not None and limit.value.high:
        times = plain(limit.limit / limit.value.high, "")
    phrase = CHANGES.get(limit.name, f"{inside(limit_word(limit.name))} reaches {{limit}}")
    return phrase.format(need=needed_text(limit), limit=limit_text(limit), times=times)


def state_of_limit(limit: Limit) -> str:
    return {True: FITS, False: FAILS, None: UNKNOWN}[limit.ok]


def gauges(option: Option, caption: str) -> Gauges:
    """The limits of an option as bars."""
    return Gauges(caption, [_gauge(limit) for limit in option.limits])


def _gauge(limit: Limit) -> Gauge:
    shares: tuple[float | None, ...] = (None, None, None)
    ends = (limit.value.value, limit.value.low, limit.value.high)
    if limit.limit:
        there = limit.limit
        shares = tuple(None if end is None else end / there for end in ends)
    elif limit.ok is not None:  # nothing is there: all of the bar, or none of it
        shares = tuple(2.0 if end else 0.0 for end in ends)
    return Gauge(
        label=limit_word(limit.name),
        state=state_of_limit(limit),
        needed=named(limit.name, limit.value),
        limit=limit_text(limit),
        margin=margin_text(limit),
        source=limit.source,
        used=shares[0],
        low=shares[1],
        high=shares[2],
    )


def fitting_table(plan: Plan) -> Table:
    """The best option of each model, in the order of the plan."""
    fits = [option for option in plan.options if option.verdict is Verdict.FITS]
    places = {option.id: place for place, option in enumerate(plan.options, 1)}
    shown: dict[str, Option] = {}
    for option in fits:
        shown.setdefault(option.model, option)
    picked = list(shown.values())[:MOST_FITTING]
    for option in fits:  # a plan about few models: fill up with their other devices
        if len(picked) < MOST_FITTING and option.limits and option not in picked:
            picked.append(option)
    picked.sort(key=lambda option: places[option.id])
    listed = {option.id for option in picked}
    beaten = sum(option.dominated_by is not None for option in fits)
    note = ""
    if beaten:
        note = (
            f"{count(beaten, 'option')} of {len(fits):,} that fit {'is' if beaten == 1 else 'are'} "
            "dominated: another, named below it, is as large or as good, takes no more energy in a "
            "year and costs no more, by central figures."
        )
    scored = " by energy" if plan.scenario.get("quality") else ", largest model first"
    return Table(
        caption=f"Options that fit{scored}: the best device and way of running for each model",
        columns=["Option", "Tightest limit", "Purchase", "Energy per day", "Carbon per year"],
        rows=[_row(option, plan, places, listed) for option in picked],
        numeric=frozenset({2, 3, 4}),
        note=note,
    )


def nearest_misses(plan: Plan, each: int) -> list[Option]:
    """For each limit, those that stop most options first, the ``each`` options nearest to fitting.

    A plan's options that fail are ranked by how near they are: fewest limits missed comes first.
    """
    missing = [option for option in plan.options if option.verdict is not Verdict.FITS]
    stopped = Counter(option.first_limit or "" for option in missing)
    taken: dict[str, list[Option]] = {}
    for option in missing:
        near = taken.setdefault(option.first_limit or "", [])
        if len(near) < each and option.model not in {other.model for other in near}:
            near.append(option)
    names = sorted(taken, key=lambda name: (name == "memory", -stopped[name], name))
    return [option for name in names for option in taken[name]]


def missing_table(plan: Plan) -> Table:
    """The nearest misses; more of them when nothing fits."""
    picked = nearest_misses(plan, 1 if plan.recommended else 2)
    return Table(
        caption="The nearest misses: the option nearest to fitting that each limit stops",
        columns=["Option", "Stopped by", "Needs at most", "There is", "What would help"],
        rows=[_miss_row(option) for option in picked],
        numeric=frozenset({2, 3}),
    )


def _row(option: Option, plan: Plan, places: dict[str, int], listed: set[str]) -> Row:
    near = tightest(option)
    tight = Cell("not known", state=UNKNOWN)
    if near:
        tight = Cell(limit_word(near[0].name), state=FITS, note=margin_text(near[0]))
    said = place_of(option)
    if option.id == plan.recommended:
        said += "; recommended"
    better = option_by_id(plan, option.dominated_by)
    if better is not None:
        name = "" if better.id in listed else f" {title_of(better)}"
        said += f"; dominated by {places[better.id]}.{name}"
    return Row(
        [
            Cell(f"{places[option.id]}. {short_model(option.model)}", note=said),
            tight,
            *(_quantity(option, name) for name in _SHOWN),
        ],
        details=limits_table(option),
        summary="Every limit, and what the figures stand on",
        strong=option.id == plan.recommended,
    )


_SHOWN: Final = ("capital_usd", "energy_j_per_day", "operational_kgco2e_per_year")


def _quantity(option: Option, name: str) -> Cell:
    estimate = option.quantities.get(name)
    return Cell("not in the plan") if estimate is None else Cell(figure=named(name, estimate))


def _miss_row(option: Option) -> Row:
    first = next((lim for lim in option.limits if lim.name == option.first_limit), None)
    state = state_of(option)
    note = "a figure is absent" if state == UNKNOWN else ""
    if first is not None and state == FAILS:
        note = margin_text(first)
    return Row(
        [
            Cell(short_model(option.model), note=place_of(option)),
            Cell(limit_word(option.first_limit or ""), state=state, note=note),
            Cell("not known" if first is None else needed_text(first)),
            Cell("not known" if first is None else limit_text(first)),
            Cell(sentence(option.remedy or "")),
        ],
        details=limits_table(option),
        summary="The limits that it misses" if not option.quantities else "Every limit",
    )


def limits_table(option: Option) -> Table:
    """Every limit of an option: number, limit, margin, source."""
    return Table(
        caption=f"Limits of {title_of(option)}. Speed and energy rest on "
        f"{TRUST.get(option.trust, option.trust)}.",
        columns=["Limit", "Needs", "There is", "Margin", "Where the figures come from"],
        rows=[
            Row(
                [
                    Cell(limit_word(limit.name)),
                    Cell(figure=named(limit.name, limit.value)),
                    Cell(limit_text(limit)),
                    Cell(margin_text(limit), state=state_of_limit(limit)),
                    Cell(_sources(limit)),
                ]
            )
            for limit in option.limits
        ],
        numeric=frozenset({1, 2}),
    )


def _sources(limit: Limit) -> str:
    needs = f"Needs: {figure(limit.value).source}."
    return f"{needs} There is: {limit.source}." if limit.source else needs


def sentence(text: str) -> str:
    """With a capital and a full stop; a name such as ``openai/gpt-oss`` keeps its first letter."""
    if not text:
        return ""
    first = text.split(maxsplit=1)[0]
    start = text if "/" in first or "`" in first else text[0].upper() + text[1:]
    return start if start[-1] in ".!?" else start + "."
