"""What the page of a plan says besides its options: money, renting, load, languages, what if, and
the day by the hour."""

from __future__ import annotations

import csv
import io
import re
from dataclasses import replace

import pytest

from ecoaudit.errors import FileFormatError
from ecoaudit.estimate import Basis, Estimate
from ecoaudit.plan import Limit, Plan
from ecoaudit.planning.cost import ROWS
from ecoaudit.planning.limits import LIMIT_NAMES
from ecoaudit.reporters import REPORTERS, Content, svg
from ecoaudit.reporters.figures import figure, named
from ecoaudit.reporters.options import margin_text
from ecoaudit.reporters.plan_words import COSTS
from ecoaudit.reporters.supply_page import supply
from ecoaudit.reporters.view import Columns, Layer, Span, Spans, Table
from ecoaudit.reporters.whatif_page import what_if
from ecoaudit.reporters.words import LIMITS, SHORT_LIMITS
from tests.reporters.examples import a_plan, with_nothing_that_fits
from tests.reporters.whole_plan import a_whole_plan

WHOLE = a_whole_plan()


def markdown(plan: Plan) -> str:
    return REPORTERS[".md"]().render(Content(plan))


def html(plan: Plan) -> str:
    return REPORTERS[".html"]().render(Content(plan))


def part(text: str, heading: str) -> str:
    """The part of a page under a heading."""
    return text.split(f"\n## {heading}\n")[1].split("\n## ")[0]


# -- the first screen ------------------------------------------------------------------------------


def test_the_decision_says_what_it_costs_a_year_and_what_to_do_next() -> None:
    text = markdown(WHOLE).split("\n## What was asked")[0]
    assert "With 2.52 times the load the first to break is wait for the whole answer." in text
    assert "- To run, each year: 356 USD/year (309 to 427, modelled), electricity and fuel" in text
    assert "time of the staff; not given: maintenance" in text
    assert "- Over its life of 3.5 years: 6,370 USD" in text
    assert "- Without electricity: 3.0 h (0 to 5.0, modelled), of a working day" in text
    steps = text.split("**What to do next:**")[1].split("**The answer changes when:**")[0]
    assert steps.strip().splitlines() == [
        (
            "1. Measure it: `ecoaudit bench example --model Qwen/Qwen3-4B` on NVIDIA L4, then plan"
            " again with that run."
        ),
        "2. Judge its answers on your own cases: how good they are is not measured.",
        "3. Put your own in place of the 1 figure marked “assumed” below.",
        (
            "4. Ask what these cost, which are not in it: freight, installation, spare parts, "
            "maintenance, disposal."
        ),
    ]


def test_a_measured_and_scored_option_asks_for_neither() -> None:
    scored = WHOLE.scenario | {"quality": {"metric": "agreement"}}
    options = [replace(WHOLE.options[0], trust="measured"), *WHOLE.options[1:]]
    text = markdown(replace(WHOLE, scenario=scored, options=options))
    assert "Measure it:" not in text
    assert "Judge its answers" not in text


def test_when_nothing_fits_the_ways_past_are_what_to_do_next() -> None:
    text = markdown(with_nothing_that_fits(a_plan()))
    steps = text.split("**What to do next:**")[1].split("\n## ")[0]
    assert "2. Energy per day stops Qwen3-8B in bf16 on one NVIDIA RTX 4090: switch it off" in steps
    assert "3. Put your own in place of the 1 figure marked “assumed” below." in steps
    assert "The answer changes when" not in text


# -- money -----------------------------------------------------------------------------------------


def test_costs_stand_by_year_with_absent_rows_named() -> None:
    text = part(markdown(WHOLE), "What it costs, by year")
    assert "5 rows that nobody gave are absent, not nothing: freight, installation" in text
    assert "| Row | At the purchase | Each of years 1 to 3 | Year 4, 0.5 of it | Source |" in text
    rows = {line.split(" |")[0]: line for line in text.splitlines() if line.startswith("| ")}
    duty = "| Import duty (once) | 1,020 USD (820 to 1,230, modelled) | – | – |"
    assert rows["| Import duty (once)"].startswith(duty)
    staff = "| Time of the staff (each year) | – | 216 USD (declared) | 108 USD (declared) |"
    assert rows["| Time of the staff (each year)"].startswith(staff)
    freight = "| Freight (once) | absent | – | – | not given: money.freight |"
    assert rows["| Freight (once)"] == freight
    assert rows["| Maintenance (each year)"].startswith("| Maintenance (each year) | – | absent |")
    assert rows["| Disposal (at the end)"].startswith("| Disposal (at the end) | – | – | absent |")
    assert rows["| Together"].startswith("| Together | 5,100 USD (4,300 to 6,000, modelled) | 360")
    assert "Worth today at 8 % a year: 6,200 USD" in text
    assert "At the purchase 5,100 USD; Year 1 360 USD; Year 2 360 USD; Year 3 360 USD" in text


def test_without_a_life_the_rows_stand_without_years() -> None:
    text = part(markdown(a_whole_plan(life_years=None)), "What it costs, by year")
    assert "Without `money.life` there is no cost by year." in text
    assert "| Row | Amount | Source |" in text
    assert "| Time of the staff (each year) | 216 USD/year (declared) |" in text
    assert "- Over its life: absent, not given: money.life" in text
    assert "Cost by year, central" not in text


def test_every_row_of_the_cost_and_every_limit_has_a_word() -> None:
    assert {name: str(when) for name, when in ROWS.items()} == {
        name: when.replace("once", "at the purchase") for name, (_, when) in COSTS.items()
    }
    assert set(LIMIT_NAMES) == set(LIMITS) == set(SHORT_LIMITS)


def test_renting_stands_beside_buying_and_says_why_it_is_not_allowed() -> None:
    text = part(markdown(WHOLE), "Instead of buying")
    cloud = next(line for line in text.splitlines() if line.startswith("| Rent a GPU"))
    assert cloud.startswith(
        "| Rent a GPU in a cloud (A cloud) | ✕ not allowed | 800 USD/year (declared) |"
        " not within its life of 42 months (139) (140 months (100 to 190, modelled)) |"
    )
    assert "patient text may not leave the site (data\\_must\\_stay)" in cloud
    api = "| Pay a hosted model by the token | ✓ allowed | absent | – | no price was typed |"
    assert api in text
    buy = next(line for line in text.splitlines() if line.startswith("| Buy "))
    assert "✓ fits | 360 USD/year (310 to 430, modelled)" in buy
    assert "the purchase is counted once" in text


def test_renting_that_costs_less_never_pays_for_buying() -> None:
    text = part(markdown(a_whole_plan(usd_per_hour=0.1)), "Instead of buying")
    assert "| never (renting costs 100 USD a year, running one's own 356 USD) |" in text


# -- load, ways, dominated -------------------------------------------------------------------------


def test_limits_break_in_the_order_of_the_load() -> None:
    text = part(markdown(WHOLE), "What fits, and what breaks first")
    table = text.split("when each limit breaks**")[1].split("**Models")[0]
    rows = [line for line in table.splitlines() if line.startswith("| ")][2:]
    assert rows == [
        (
            "| Wait for the whole answer (the first to break) | 2.52 times the load (modelled) |"
            " 5 clinicians like those now |"
        ),
        "| Energy per day | 7.80 times the load (modelled) | 15 clinicians like those now |",
        "| Memory | not up to a thousand times |  |",
    ]


def test_the_ways_of_running_one_option_stand_side_by_side() -> None:
    text = part(markdown(WHOLE), "The options")
    table = text.split("**Ways of running Qwen3-4B in int4 on NVIDIA L4**")[1]
    rows = [line for line in table.splitlines() if line.startswith("| ")][2:4]
    assert rows[0].startswith(
        "| Always on (recommended) | ✓ fits | 2.4 kWh/day (1.6 to 3.6, modelled)"
    )
    assert rows[1].startswith(
        "| Asleep between jobs | ✕ Wait for the whole answer (over by 150 %) | 0.40 kWh/day (0.20"
    )
    assert rows[1].endswith("| 90 s (40 to 140, assumed) |")
    assert "| Qwen3-4B (int4 on NVIDIA L4, asleep between jobs) |" in text


def test_a_dominated_option_says_of_which() -> None:
    text = part(markdown(WHOLE), "The options")
    assert "| 2. Qwen3-4B (bf16 on NVIDIA RTX 4090; dominated by 1.) |" in text
    assert "1 option of 2 that fit is dominated" in text
    rows = list(csv.DictReader(io.StringIO(REPORTERS[".csv"]().render(Content(WHOLE)))))
    assert [row["dominated_by"] for row in rows] == ["", WHOLE.options[0].id, "", "", ""]
    assert [row["mode"] for row in rows][2] == "sleep-between-jobs"


# -- languages -------------------------------------------------------------------------------------


def test_the_worst_served_language_is_named_and_no_energy_is_claimed() -> None:
    text = part(markdown(WHOLE), "Languages of the patients")
    assert "Amharic is served worst and English best, by tokens." in text
    assert (
        "waits differ by up to 3.50 times and tokens of a patient differ by up to 4.11 times, by"
        in text
    )
    assert "A token premium is not an energy premium" in text
    assert "- Worst over best: 4.11 times (constant), tokens for the same text" in text
    assert (
        "| Amharic (10 % of them, worst) | 4.11 times (constant) | 4,110 tokens (modelled) |"
        " 35 s (modelled) | 4.11 times (constant) | 2.0 % (1.0 to 3.0, modelled) | not measured |"
    ) in text
    assert "| under 0.01 % (modelled) | not measured |" in text
    assert not re.search(r"\d (k?Wh|J)\b", text)


# -- what if ---------------------------------------------------------------------------------------


def test_sensitivity_names_what_changes_the_recommendation() -> None:
    text = part(markdown(WHOLE), "What if")
    assert "The recommendation changes with: load, price of electricity." in text
    rows = [line for line in text.splitlines() if line.startswith("| ")][2:]
    assert rows[0].startswith("| As planned | ✓ fits | the same | 1,000 USD/year (900 to 1,100")
    assert rows[2].startswith(
        "| Load (twice the clinicians) | ✕ does not fit (Wait for the whole answer) |"
        " Qwen3-4B in bf16 on one NVIDIA RTX 4090 | 1,040 USD/year"
    )
    assert "(Cost of a year) | nothing among those |" in rows[4]
    assert "Not in the plan: cost per result." in text


def test_spans_are_widest_first_around_what_is_planned() -> None:
    section = what_if(WHOLE)
    assert section is not None
    spans = next(block for block in section.blocks if isinstance(block, Spans))
    labels = [each.label for each in spans.items]
    assert labels == ["Years that it is kept", "Price of electricity", "Load"]
    life, _, load = spans.items
    assert life.base == pytest.approx(0.04 + 0.92 * 20 / 420)  # 1,000 of 980 to 1,400 USD
    assert (life.start, life.end) == pytest.approx((life.base, 0.96))
    assert (load.start, load.end) == pytest.approx((0.04, 0.04 + 0.92 * 60 / 420))
    assert load.said == "half the clinicians: 980 USD/year; twice the clinicians: 1,040 USD/year"


def test_a_span_is_drawn_from_end_to_end_with_its_mark() -> None:
    text = svg.draw(Span("Load", 0.25, 0.75, 0.5, "half 1; twice 3"), "c1")
    assert 'class="tone2" x="25.00%" y="5" width="50.00%"' in text
    assert 'class="mark" x1="50.00%"' in text
    assert '<desc id="c1-d">half 1; twice 3</desc>' in text


# -- the day by the hour ---------------------------------------------------------------------------


def test_the_day_says_when_nothing_feeds_it() -> None:
    text = part(markdown(WHOLE), "The day by the hour")
    assert (
        "It is without electricity for 3.0 h of a working day, from 3:00 to 6:00; at the cautious"
        " ends for 5 h."
    ) in text
    assert "of 600 Wh: panels 480 Wh, battery 90 Wh, nothing 30 Wh" in text
    assert "| 3:00 | 10 Wh | 0 Wh | 0 Wh | 10 Wh | 50 Wh |" in text
    assert "Nothing in any hour: grid, generator, UPS, not used." in text
    assert "| Lowest charge of the battery | 0 % (0 to 20, modelled) |" in text
    assert "Nothing on either day: from the grid." in text
    assert "Absent: fuel of the generator: the site has no generator." in text
    assert "| How long the UPS carries it | 2.0 h (1.5 to 2.5, modelled) |" in text
    assert "does most harm" not in text  # no outage does any
    assert "- The sun shines from 6:00 to 18:00." in text


def test_the_hours_can_be_read_without_the_chart() -> None:
    section = supply(WHOLE)
    assert section is not None
    chart = next(block for block in section.blocks if isinstance(block, Columns))
    assert [layer.tone for layer in chart.layers] == ["3", "2", "lack"]
    assert chart.sayings[4] == "4:00 to 5:00: nothing 10 Wh"
    table = next(b for b in section.blocks if isinstance(b, Table) and b.closed)
    assert len(table.rows) == 24
    drawn = svg.draw(chart, "c1")
    assert drawn.count('class="tonelack"') == 3
    assert drawn.count("<g><title>") == 24


def test_columns_pile_up_from_zero() -> None:
    layers = [Layer("a", [1.0, 0.0], "1"), Layer("b", [3.0, 2.0], "lack")]
    text = svg.draw(Columns("t", "w", "USD", ["x", ""], ["one", "two"], layers), "c1")
    # 4 USD is all of the 140 px; columns are 44 % wide, 84 % of that is drawn
    assert 'class="tone1" x="15.52%" y="125" width="36.96%" height="35"' in text
    assert 'class="tonelack" x="15.52%" y="20" width="36.96%" height="105"' in text
    assert 'class="tonelack" x="59.52%" y="90" width="36.96%" height="70"' in text
    assert text.count(">x<") == 1


def test_a_day_that_is_always_fed_says_so() -> None:
    fed = Estimate.exact(0.0, "s", Basis.MODELLED, "hours")
    day = WHOLE.supply["working"] | {
        "unserved_s": {
            "value": 0.0,
            "low": 0.0,
            "high": 0.0,
            "unit": "s",
            "basis": "modelled",
            "source": fed.source,
        }
    }
    text = markdown(replace(WHOLE, supply=WHOLE.supply | {"working": day}))
    assert "It is fed in every hour, also at the cautious ends." in text
    assert "- Without electricity" not in text


# -- what lacks ------------------------------------------------------------------------------------


def test_parts_that_a_plan_lacks_are_named() -> None:
    text = part(markdown(a_plan()), "What is not in this plan")
    named_parts = re.findall(r"^\| ([A-Z][^|]+?) \|", text, re.MULTILINE)[1:]
    assert named_parts == [
        "Cost by year",
        "Present value",
        "Renting beside buying",
        "Other ways of running it",
        "More load",
        "Languages of the patients",
        "What if",
        "The day by the hour",
        "Quality of the answers",
        "Carbon besides electricity",
    ]
    for heading in ("What it costs, by year", "Instead of buying", "What if"):
        assert f"\n## {heading}\n" not in markdown(a_plan())


def test_a_limit_of_nothing_is_over_by_all_that_is_needed() -> None:
    need = Estimate(4100, 3600, 4600, "USD", Basis.MODELLED, "list")
    assert margin_text(Limit("capital", need, 0.0, False, None)) == "over by 4,600 USD"
    none = Estimate.exact(0.0, "s", Basis.MODELLED, "hours")
    assert margin_text(Limit("supply", none, 0.0, True, None)) == "kept"
    assert margin_text(Limit("supply", none, None, None, None)) == "not known"


def test_figures_have_the_units_of_bills() -> None:
    def shown(name: str, value: float, unit: str) -> str:
        return named(name, Estimate.exact(value, unit, Basis.DECLARED, "x")).text

    assert shown("life", 4.5 * 365.25 * 86400, "s") == "4.50 years"
    assert shown("input", 0.5e-6, "USD/token") == "0.500 USD/1M tokens"
    assert shown("link_speed", 2e6, "bit/s") == "2 Mbit/s"
    assert shown("price", 0.8 / 3600, "USD/s") == "0.800 USD/h"
    lacking = Estimate(0.0, 0.0, 7200.0, "s", Basis.MODELLED, "hours")
    assert figure(lacking).full == "0 h (0 to 2.0, modelled)"


def test_who_mends_it_stands_in_what_was_asked() -> None:
    assert "- Who restarts and mends it: A technician who visits" in markdown(WHOLE)
    assert "<dt>Who restarts and mends it</dt>" in html(WHOLE)


@pytest.mark.parametrize(
    ("name", "damaged", "said"),
    [
        ("costs", {"rows": 5}, "costs.rows: expected names with their values; got 5"),
        ("costs", {"years": [{"rows": 1.5}]}, "costs.years.rows: expected names"),
        ("costs", {"missing": "freight"}, "costs.missing: expected a list; got 'freight'"),
        ("breaks", {"limits": [2.0]}, "breaks.limits: expected names with their values"),
        ("languages", {"languages": ["am"]}, "languages.languages.0: expected names"),
        ("supply", {"assumptions": [1]}, "supply.assumptions.0: expected text; got 1"),
        ("supply", {"working": {"hours": [{"load_j": "x"}]}}, "hours.load_j: expected a number"),
    ],
)
def test_a_damaged_part_is_refused_with_its_place(
    name: str, damaged: dict[str, object], said: str
) -> None:
    plan = replace(WHOLE, **{name: getattr(WHOLE, name) | damaged})
    with pytest.raises(FileFormatError, match=re.escape(said)):
        html(plan)


def test_a_shared_computer_says_whose_figures_they_are() -> None:
    option = replace(WHOLE.options[0], mode="shared")
    text = markdown(replace(WHOLE, options=[option, *WHOLE.options[1:]]))
    assert "shared with the other clinics\n" in text
    assert "), this clinic's part, of 6,000 USD" in text
    assert (
        "- Energy per working day: 2.4 kWh/day (1.6 to 3.6, modelled), of 4 kWh/day; of all the"
        in text
    )
    assert (
        "- To run, each year: 356 USD/year (309 to 427, modelled), of all the clinics that" in text
    )
    assert "They are the costs of one computer for all the clinics that share it." in text
    assert "Break-even is of this clinic's part of the computer that they share." in text


def test_what_is_not_varied_is_said() -> None:
    rows = [row for row in WHOLE.sensitivity if row["driver"] in ("none", "load", "tariff")]
    section = what_if(replace(WHOLE, sensitivity=rows))
    assert section is not None
    assert (
        "Not varied, for the scenario states none: the life of the computer (`money.life`), the"
        " share of answers that is used (`used_fraction` of the workload), several languages"
    ) in section.lead
