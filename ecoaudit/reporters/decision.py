"""The first screen of a plan: the decision, its first limit, what it takes, and what to do next."""

from __future__ import annotations

from typing import Final

from ecoaudit.estimate import Estimate
from ecoaudit.plan import Limit, Option, Plan, Verdict
from ecoaudit.quantities import estimate_of
from ecoaudit.reporters.asked import assumed
from ecoaudit.reporters.figures import money, named
from ecoaudit.reporters.load_page import first_break
from ecoaudit.reporters.matrix import state_of
from ecoaudit.reporters.money_page import life_word, missing_of, names_of, running_note
from ecoaudit.reporters.options import (
    added_wait,
    change_text,
    chosen,
    limit_text,
    margin_text,
    nearest_misses,
    needed_text,
    score_text,
    tightest,
    title_of,
)
from ecoaudit.reporters.paid_back import instead
from ecoaudit.reporters.supply_page import fed_fact
from ecoaudit.reporters.view import FAILS, FITS, UNKNOWN, Decision, Fact
from ecoaudit.reporters.words import TRUST, count, inside, limit_word

_MOST_CHANGES: Final = 4
# Label, quantity and limit; of a wait the limit's value counts: it holds that of waking up.
_FACTS: Final = (
    ("Energy per working day", "energy_j_per_day", "energy_per_day"),
    ("Wait for the first word", "", "first_token"),
    ("Wait for the whole answer", "e2e_s", "complete"),
    ("Peak power", "peak_power_w", "circuit_power"),
    ("Carbon per year", "operational_kgco2e_per_year", ""),
)
_WAITS: Final = ("first_token", "complete")
_OF_ALL: Final = "of all the clinics that share it"  # what is told of a shared computer
_SHARED_OUT: Final = ("energy_j_per_day", "operational_kgco2e_per_year")


def decision(plan: Plan) -> Decision:
    """The decision box."""
    option = chosen(plan)
    if option is None:
        return Decision(UNKNOWN, "Nothing to decide", "No option", "The plan is empty.", [], "")
    return _fits(plan, option) if plan.recommended else _nothing_fits(plan, option)


def _fits(plan: Plan, option: Option) -> Decision:
    fitting = sum(each.verdict is Verdict.FITS for each in plan.options)
    near = tightest(option)
    first = ""
    if near:
        first = (
            f" The first limit it would meet is {inside(limit_word(near[0].name))}: "
            f"{margin_text(near[0])} at the cautious end."
        )
    sentence = (
        f"{fitting:,} of {count(len(plan.options), 'option')} in this plan stay within every "
        f"limit; this one comes first.{first}{first_break(plan)}{_score(option)} Its "
        f"speed and energy rest on {TRUST.get(option.trust, option.trust)}."
    )
    waits = added_wait(option)
    return Decision(
        FITS,
        "Recommended",
        f"{title_of(option)}: {waits}" if waits else title_of(option),
        sentence,
        _facts(plan, option),
        "The answer changes when",
        [change_text(limit) for limit in near[:_MOST_CHANGES]],
        _next(plan, option),
    )


def _nothing_fits(plan: Plan, option: Option) -> Decision:
    unknown = sum(state_of(each) == UNKNOWN for each in plan.options)
    sentence = f"None of {count(len(plan.options), 'option')} is known to stay within every limit."
    sentence += "".join(f" {said}." for said in weighed(plan))
    if unknown:
        sentence += f" {count(unknown, 'option')} cannot be judged, because a figure is absent."
    first = next((lim for lim in option.limits if lim.name == option.first_limit), None)
    if first is not None:
        sentence += (
            f" The nearest is {title_of(option)}: it fails on {inside(limit_word(first.name))}, "
            f"{_of_there(first)}."
        )
    ways = [
        f"{limit_word(each.first_limit or '')} stops {title_of(each)}: {each.remedy or 'no remedy'}"
        for each in nearest_misses(plan, 1)[:3]
    ]
    return Decision(
        FAILS,
        "Nothing fits",
        "No option stays within every limit of this site",
        sentence,
        _facts(plan, option),
        next=[*ways, *instead(plan), *_placeholders(plan)],
    )


def weighed(plan: Plan) -> list[str]:
    """How many were weighed, where the file lists fewer."""
    return [doubt.message for doubt in plan.doubts if doubt.code == "options-left-out"]


def _score(option: Option) -> str:
    gate = next((limit for limit in option.limits if limit.name == "quality"), None)
    return "" if gate is None else f" Its model {score_text(gate)}."


def _of_there(limit: Limit) -> str:
    if limit.name == "quality":
        return score_text(limit)
    return f"{needed_text(limit)} of {limit_text(limit)}"


def _next(plan: Plan, option: Option) -> list[str]:
    """What a planner does before buying, the weightiest first."""
    steps = []
    scenario = plan.scenario.get("id") or "SCENARIO"
    if option.trust != "measured":
        several = option.n_devices > 1
        number = f"{option.n_devices} x " if several else ""
        flags = f" -- --tensor-parallel-size {option.n_devices}" if several else ""
        steps.append(
            f"Measure it: `ecoaudit bench {scenario} --model {option.model}{flags}` on "
            f"{number}{option.hardware}, then plan again with that run."
        )
    if not plan.scenario.get("quality"):
        steps.append("Judge its answers on your own cases: how good they are is not measured.")
    steps += _placeholders(plan)
    missing = missing_of(plan)
    if missing and plan.costs.get("option") == option.id:
        steps.append(f"Ask what these cost, which are not in it: {names_of(missing)}.")
    return steps


def _placeholders(plan: Plan) -> list[str]:
    number = assumed(plan)
    if not number:
        return []
    return [f"Put your own in place of the {count(number, 'figure')} marked “assumed” below."]


# -- facts ---------------------------------------------------------------------------------------


def _facts(plan: Plan, option: Option) -> list[Fact]:
    limits = {limit.name: limit for limit in option.limits}
    facts = [_purchase(option, limits.get("capital")), *_yearly(plan, option, limits)]
    for label, name, limit_name in _FACTS:
        limit = limits.get(limit_name)
        estimate = option.quantities.get(name)
        if limit_name in _WAITS and limit is not None:
            estimate = limit.value
        if estimate is not None:
            said = [_of(limit)]
            if option.mode == "shared" and name in _SHARED_OUT:
                said.append(_OF_ALL)
            facts.append(Fact(label, named(name, estimate), note="; ".join(filter(None, said))))
    facts.append(fed_fact(plan, option))
    return [fact for fact in facts if fact is not None]


def _of(limit: Limit | None) -> str:
    return "" if limit is None or limit.limit is None else f"of {limit_text(limit)}"


def _purchase(option: Option, limit: Limit | None) -> Fact | None:
    """What is paid at the purchase: with duty, freight and the like where the limit counts them."""
    price = option.quantities.get("capital_usd")
    if limit is None:
        return None if price is None else Fact("Purchase", money("capital_usd", price))
    note = _of(limit)
    if option.mode == "shared":
        note = f"this clinic's part, {note}" if note else "this clinic's part"
    elif price is not None and price.known and limit.value.known:
        more = limit.value.number > price.number
        note += f"; {money('capital_usd', price).text} of it for the computer" if more else ""
    return Fact("Purchase", money("capital", limit.value), note=note)


def _yearly(plan: Plan, option: Option, limits: dict[str, Limit]) -> list[Fact | None]:
    """What it costs a year, and over its life where that is given."""
    running = option.quantities.get("running_usd_per_year")
    name = "running_usd_per_year"
    if running is None:
        name, running = "energy_usd_per_year", option.quantities.get("energy_usd_per_year")
    facts: list[Fact | None] = []
    if running is not None:
        of_all = _OF_ALL if option.mode == "shared" else ""
        said = [_of(limits.get("running_cost")), of_all, running_note(plan, option)]
        label = "To run, each year" if name == "running_usd_per_year" else "Electricity per year"
        facts.append(Fact(label, money(name, running), note="; ".join(filter(None, said))))
    whole = _life_cost(plan, option)
    if whole is not None:
        label = life_word(estimate_of(plan.costs.get("life")))
        said = ["purchase and all years", _OF_ALL if option.mode == "shared" else ""]
        facts.append(Fact(label, money("total", whole), note=", ".join(filter(None, said))))
    return facts


def _life_cost(plan: Plan, option: Option) -> Estimate | None:
    if plan.costs.get("option") != option.id:
        return None
    found = estimate_of(plan.costs.get("total"))
    return found if found is not None and found.known else None
