"""A scenario's requests in the tokens of each model, in the workload's languages."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

from ecoaudit.factors.models import Model
from ecoaudit.planning.languages import in_its_languages, tokenizer_of_model
from ecoaudit.scenario import Scenario
from ecoaudit.sizing.demand import Load, load_of


def loads_of(scenario: Scenario, models: Sequence[Model]) -> dict[str, Load]:
    """The load of each model, by its name; one for all where the workload states no languages.

    Models whose tokenizers are counted alike share one load, so that simulations of them get the
    same requests.

    Args:
        scenario: its lengths are those of English texts.
        models: whose tokenizers count.
    """
    if not scenario.workload.languages:
        plain = load_of(scenario)
        return {model.name: plain for model in models}
    found: dict[str, Load] = {}
    by_columns: dict[tuple[str, ...], Load] = {}
    for model in models:
        tokenizer = tokenizer_of_model(model)
        if tokenizer.columns not in by_columns:
            workload = in_its_languages(scenario.workload, tokenizer)
            by_columns[tokenizer.columns] = load_of(replace(scenario, workload=workload))
        found[model.name] = by_columns[tokenizer.columns]
    return found
