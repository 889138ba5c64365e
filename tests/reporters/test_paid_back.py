"""When buying has paid for itself beside renting, what is left where nothing fits, and the first
screen's waits, prices and scores."""

from __future__ import annotations

from dataclasses import asdict, replace

import pytest

from ecoaudit.estimate import Basis, Estimate
from ecoaudit.plan import Limit, Option, Plan, Verdict
from ecoaudit.reporters import REPORTERS, Content
from ecoaudit.reporters.decision import decision
from ecoaudit.reporters.options import margin_text, tightest
from ecoaudit.reporters.paid_back import instead, never, too_late
from ecoaudit.run import Doubt
from tests.reporters.examples import a_plan, declared, modelled, with_nothing_that_fits
from tests.reporters.whole_plan import a_whole_plan


def fact(plan: Plan, label: str) -> tuple[str, str]:
    found = next(each for each in decision(plan).facts if each.label == label)
    assert found.figure is not None
    return found.figure.text, found.note


def months(value: float | None, source: str = "") -> Estimate:
    if value is None:
        return Estimate.absent("months", source)
    return Estimate.exact(value, "months", Basis.MODELLED, source)


def rented(plan: Plan, usd: float, even: Estimate) -> dict[str, object]:
    told = {"mode": "cloud-gpu", "name": "A cloud", "allowed": True, "note": ""}
    return told | {
        "usd_per_year": asdict(declared(usd, "USD")),
        "break_even_months": asdict(even),
    }


def only(plan: Plan, told: dict[str, object]) -> str:
    text = REPORTERS[".md"]().render(Content(replace(plan, alternatives=[told])))
    return next(line for line in text.splitlines() if line.startswith("| Rent a GPU"))


@pytest.mark.parametrize(
    ("even", "said"),
    [
        (months(66), "not within its life of 48 months (66)"),
        (months(48.3), "not within its life of 48 months (over 48)"),
        (months(48), ""),
        (
            months(None, "66 months, from 20 to never"),
            "not within its life of 48 months (66 months, from 20 to never)",
        ),
        (months(None, "44 months, from 20 to never"), ""),
        (months(None, "no price to never"), ""),
    ],
)
def test_what_pays_after_its_life_is_not_said_to_pay(even: Estimate, said: str) -> None:
    plan = a_whole_plan(life_years=4)
    assert too_late(plan, even) == said
    if said:
        assert said in only(plan, rented(plan, 800, even))
    assert too_late(a_whole_plan(life_years=None), even) == ""


def test_what_never_pays_says_both_yearly_costs() -> None:
    plan = a_whole_plan()
    best = plan.options[0]
    own = declared(183, "USD")
    best = replace(best, quantities=best.quantities | {"running_usd_per_year": own})
    plan = replace(plan, options=[best, *plan.options[1:]])
    even = months(None, "renting costs no more in a month than running one's own: never")
    told = rented(plan, 15, even)
    said = "renting costs 15 USD a year, running one's own 183 USD"
    assert never(plan, told) == f"buying never pays for itself: {said}"
    assert f"| never ({said}) |" in only(plan, told)
    assert never(plan, rented(plan, 800, months(66))) == ""


def test_where_nothing_fits_the_cheapest_renting_that_is_allowed_is_named() -> None:
    plan = with_nothing_that_fits(a_plan())
    api = {"mode": "hosted-api", "name": "", "allowed": True, "note": ""}
    rows = [
        rented(plan, 800, months(None)),
        api | {"usd_per_year": asdict(declared(412.4, "USD"))},
        api | {"usd_per_year": asdict(declared(10, "USD")), "allowed": False},
        api | {"usd_per_year": asdict(declared(0, "USD")), "mode": "do-nothing"},
        api | {"usd_per_year": asdict(Estimate.absent("USD", "no price was typed"))},
    ]
    plan = replace(plan, alternatives=rows)
    (said,) = instead(plan)
    assert said == "Instead of buying: pay a hosted model by the token, 412 USD a year."
    for budget, word in ((500, "within"), (400, "over")):
        money = {"yearly_budget": asdict(declared(budget, "USD"))}
        rich = replace(plan, scenario=plan.scenario | {"money": money})
        step = f"412 USD a year, {word} the yearly budget of {budget} USD."
        assert any(each.endswith(step) for each in decision(rich).next)
    assert instead(replace(plan, alternatives=rows[2:])) == []


def asleep(plan: Plan) -> Plan:
    """Recommended asleep, 30.5 s at work and 90.5 s with the wait that waking adds."""
    waits = {"first_token": (61.2, 120.0), "complete": (90.5, 120.0)}
    limits = [
        Limit(name, modelled(value, value, value, "s", "simulated"), most, True, 0.2, "the site")
        for name, (value, most) in waits.items()
    ]
    best = plan.options[0]
    found = {
        "e2e_s": modelled(30.5, 30, 31, "s", "roofline"),
        "added_wait_s": declared(60, "s"),
    }
    best = replace(
        best,
        mode="sleep-between-jobs",
        limits=[*best.limits, *limits],
        quantities=best.quantities | found,
    )
    return replace(plan, options=[best, *plan.options[1:]])


def test_the_waits_of_a_computer_that_wakes_hold_the_waking() -> None:
    plan = asleep(a_plan())
    assert fact(plan, "Wait for the whole answer") == ("90.5 s", "of 2 min")
    assert fact(plan, "Wait for the first word")[0] == "61.2 s"
    assert decision(plan).headline == (
        "Qwen3-4B in int4 on one NVIDIA L4, asleep between jobs: "
        "95 % of the requests wait up to 60.0 s more"
    )


def with_limit(option: Option, limit: Limit) -> Option:
    kept = [each for each in option.limits if each.name != limit.name]
    return replace(option, limits=[*kept, limit])


def test_the_purchase_has_three_digits_with_duty_and_freight() -> None:
    plan = a_plan()
    price = Estimate.within(1850, 0.3, "USD", Basis.CONSTANT, "price list")
    best = plan.options[0]
    best = replace(best, quantities=best.quantities | {"capital_usd": price})
    paid = price * 1.25
    with_duty = with_limit(best, Limit("capital", paid, 6000, True, 0.4, "the board"))
    without = with_limit(best, Limit("capital", price, 6000, True, 0.5, "the board"))
    assert fact(replace(plan, options=[without]), "Purchase") == ("1,850 USD", "of 6,000 USD")
    assert fact(replace(plan, options=[with_duty]), "Purchase") == (
        "2,310 USD",
        "of 6,000 USD; 1,850 USD of it for the computer",
    )


def test_a_score_is_a_floor_and_never_the_tightest_limit() -> None:
    least = declared(0.5, "")
    gate = Limit("quality", least, 0.7, True, (0.7 - 0.5) / 0.7, "our review")
    tight = replace(gate, limit=0.51, margin=(0.51 - 0.5) / 0.51)
    plan = a_plan()
    best = with_limit(plan.options[0], tight)
    assert tightest(best)[0].name == "energy_per_day"
    assert margin_text(gate) == "scores 0.700, at least 0.500 is asked"
    shown = decision(replace(plan, options=[with_limit(best, gate)]))
    assert "Its model scores 0.700, at least 0.500 is asked." in shown.sentence
    assert not any("score" in change for change in shown.changes)


def test_a_score_that_is_too_low_is_said_as_a_score() -> None:
    gate = Limit("quality", declared(0.5, ""), 0.3, False, (0.3 - 0.5) / 0.3, "our review")
    best = with_limit(a_plan().options[0], gate)
    best = replace(best, verdict=Verdict.FAILS, first_limit="quality")
    shown = decision(replace(a_plan(), options=[best], recommended=None))
    assert "fails on quality score, scores 0.300, at least 0.500 is asked." in shown.sentence


def test_where_nothing_fits_it_says_how_many_were_weighed_and_are_listed() -> None:
    message = "9,612 options were weighed; the file lists the best weight format of each pair"
    doubt = Doubt("options-left-out", message, "name models")
    plan = replace(with_nothing_that_fits(a_plan()), doubts=[doubt])
    assert f"None of 2 options is known to stay within every limit. {message}. " in (
        decision(plan).sentence
    )
