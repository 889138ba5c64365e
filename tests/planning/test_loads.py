"""A workload in its languages is larger for models whose tokenizers split them finer."""

from __future__ import annotations

from dataclasses import replace

import pytest

from ecoaudit.factors.languages import token_premium
from ecoaudit.factors.models import find_model
from ecoaudit.plan import Option, Plan
from ecoaudit.planning import make_plan
from ecoaudit.planning.languages import tokenizer_of_model
from ecoaudit.planning.loads import loads_of
from ecoaudit.scenario import Scenario, load_scenario
from tests.planning.sites import exact

QWEN, LLAMA = find_model("Qwen3-4B"), find_model("Llama-3.2-3B")


@pytest.fixture(scope="module")
def urban() -> Scenario:
    scenario = load_scenario("urban-clinic-summaries")
    return replace(scenario, hardware=["L4"], weights=["int4"])


def speaking(scenario: Scenario, **shares: float) -> Scenario:
    languages = {code: exact(share, "") for code, share in shares.items()}
    return replace(scenario, workload=replace(scenario.workload, languages=languages))


def always(plan: Plan, model: str) -> Option:
    options = (each for each in plan.options if each.mode == "always-on")
    return next(option for option in options if option.model.endswith(model))


def test_without_languages_all_models_have_one_load(urban: Scenario) -> None:
    loads = loads_of(urban, [QWEN, LLAMA])
    assert loads[QWEN.name] is loads[LLAMA.name]
    assert loads[QWEN.name].output_mean == urban.workload.output.mean


def test_each_model_counts_in_its_own_tokens(urban: Scenario) -> None:
    loads = loads_of(speaking(urban, amh=1.0), [QWEN, LLAMA])
    for model in (QWEN, LLAMA):
        premium = token_premium("amh", tokenizer_of_model(model)).number
        assert premium > 3
        work, load = urban.workload, loads[model.name]
        assert load.output_mean.number == pytest.approx(work.output.mean.number * premium)
        system = work.system_prompt.number  # one English text for all
        assert load.prompt_mean.number - system == pytest.approx(work.prompt.mean.number * premium)


def test_a_language_of_many_tokens_takes_longer_more_memory_and_more_energy(
    urban: Scenario,
) -> None:
    plans = [
        make_plan(replace(each, models=["Qwen3-4B"]))
        for each in (urban, speaking(urban, eng=1.0), speaking(urban, amh=1.0))
    ]
    plain, english, amharic = (always(plan, "Qwen3-4B").quantities for plan in plans)
    for name in ("e2e_s", "kv_bytes_per_sequence", "active_energy_j_per_day", "busy_share"):
        assert english[name].number == pytest.approx(plain[name].number, rel=0.02)
        assert amharic[name].number > 2.5 * plain[name].number
    assert amharic["idle_energy_j_per_day"].number == plain["idle_energy_j_per_day"].number


def test_the_tables_hold_the_load_of_each_row(urban: Scenario) -> None:
    """Weighed together or alone, a model has the same figures."""
    mixed = speaking(urban, amh=0.5, eng=0.5)
    both = make_plan(replace(mixed, models=["Qwen3-4B", "gemma-3-4b-it"]))
    for name in ("Qwen3-4B", "gemma-3-4b-it"):
        alone = always(make_plan(replace(mixed, models=[name])), name)
        assert always(both, name).quantities == alone.quantities


def test_the_mix_is_a_driver_of_the_sensitivity(urban: Scenario) -> None:
    plan = make_plan(replace(speaking(urban, amh=0.2, eng=0.8), models=["Qwen3-4B"]))
    rows = {row["setting"]: row for row in plan.sensitivity if row["driver"] == "languages"}
    assert list(rows) == ["all in English", "all in Amharic"]
    cost = [row["usd_per_year"]["value"] for row in rows.values()]
    assert cost[0] < cost[1]
    assert [row["energy_j_per_year"] for row in rows.values()] == [None, None]  # to be measured
