"""The fields on compute and energy of the EU's form for general-purpose models.

Model Documentation Form of the Code of Practice for general-purpose AI models (10 July 2025), and
Annex XI, section 1, 2(d) and 2(e) of Regulation (EU) 2024/1689. The form was read in others'
words, not in its own text: compare before handing it in. Numbers have two significant figures or
more, as the form asks; what is not known is ``N/A`` with the reason.
"""

from __future__ import annotations

import math
from collections.abc import Iterator
from typing import Any, Final

from ecoaudit.citing.base import BOTH
from ecoaudit.citing.facts import Facts, said
from ecoaudit.citing.ledger_facts import uses_of
from ecoaudit.citing.yaml_text import entry, yaml_text
from ecoaudit.estimate import Basis, Estimate
from ecoaudit.ledger import Ledger
from ecoaudit.reporters.figures import last_place
from ecoaudit.run import Run, RunKind
from ecoaudit.units import S_PER_HOUR, significant

_LEAST: Final = 2  # significant figures
_MOST: Final = 4
_KWH_PER_MWH: Final = 1000.0
_WORDS: Final = 110  # the form recommends 100 for the method
_HEAD: Final = """\
# Model Documentation Form of the EU's Code of Practice for general-purpose AI models:
# the fields on compute and energy. N/A is not nothing: each says why.
"""


class EuGpaiCiter:
    """Writes YAML."""

    name = "eu-gpai"
    what = "the compute and energy fields of the EU's form for general-purpose models"
    holds = BOTH
    instead = ""

    def render(self, facts: Facts) -> str:
        energy = training_energy(facts)
        time = training_time(facts)
        fields = {
            "model": facts.model or _na("the file names no model"),
            "training_time_hours": _number(time.converted(1 / S_PER_HOUR, "h")),
            "training_compute_flop": _na(_flop(facts)),
            "training_energy_mwh": _number(energy.converted(1 / _KWH_PER_MWH, "MWh")),
            "training_energy_method": _method(facts, energy),
            "inference_compute_flop": _na(_inference(facts)),
            "inference_benchmark": _na("see inference_compute_flop"),
            "what_the_form_does_not_ask": _beyond(facts, energy),
        }
        return _HEAD + yaml_text(fields)


def training_energy(facts: Facts) -> Estimate:
    """Electricity of training alone [kWh]; absent where the file has none, or more than that."""
    why = _no_training(facts)
    return facts.energy if why is None else Estimate.absent("kWh", why)


def training_time(facts: Facts) -> Estimate:
    """How long training took, by the clock [s]."""
    why = _no_training(facts)
    if why is None and isinstance(facts.source, Ledger):
        why = "the account's period is not the time of a training"
    return facts.duration if why is None else Estimate.absent("s", why)


def _no_training(facts: Facts) -> str | None:
    """Why the file's energy is not that of training; None: it is."""
    source = facts.source
    if isinstance(source, Run):
        if source.kind is RunKind.TRAINING:
            return None
        return f"the file is of {facts.what}, and no training was measured"
    uses = uses_of(source)
    if "training" not in uses:
        return "the account holds no training or adaptation"
    if "inference" in uses:
        return "the account's electricity is of training and serving together"
    return None


def _flop(facts: Facts) -> str:
    why = _no_training(facts)
    if why is not None:
        return why
    return "the file tells a rate of operations at most, and no sum over the training"


def _inference(facts: Facts) -> str:
    """That nothing was counted of inference, and on what basis its energy stands below."""
    told = "no floating-point operations of a stated benchmark were counted"
    source = facts.source
    if isinstance(source, Run):
        uses: tuple[str, ...] = ("inference",) if source.kind is RunKind.INFERENCE else ()
    else:
        uses = uses_of(source)
    if "inference" not in uses or not facts.energy.known:
        return told
    measured = facts.energy.basis is Basis.MEASURED
    energy = "energy that was measured" if measured else f"energy ({facts.energy.basis})"
    of = " and ".join(uses)
    return f"{told}; {energy} of {of} stands below, and the form does not ask for it"


def _number(figure: Estimate) -> float | str:
    """With no more digits than the interval allows, and no fewer than the form asks for."""
    if figure.value is None or figure.low is None or figure.high is None:
        return _na(said(figure.source))
    return float(significant(figure.value, digits(figure)).replace(",", ""))


def digits(figure: Estimate) -> int:
    """Significant figures to write: as many as the interval allows, and two at least."""
    value, low, high = figure.numbers
    if value == 0:
        return _LEAST
    step = last_place(value, low, high, _MOST)
    allowed = math.floor(math.log10(abs(value))) - round(math.log10(step)) + 1
    return min(max(allowed, _LEAST), _MOST)


def _method(facts: Facts, energy: Estimate) -> str:
    """About 100 words, of whole sentences."""
    if not energy.known:
        return _na(said(energy.source))
    words: list[str] = []
    for sentence in _sentences(facts, energy):
        more = sentence.split()
        if len(words) + len(more) > _WORDS:
            break
        words += more
    return " ".join(words)


def _sentences(facts: Facts, energy: Estimate) -> Iterator[str]:
    measured = (
        "measured, not estimated from compute"
        if energy.basis == "measured"
        else (f"{energy.basis}, in whole or in part")
    )
    yield f"Energy is {measured}, by {facts.tool}."
    yield from facts.boundary
    yield from facts.method
    yield "Not counted are " + "; ".join(facts.not_counted) + "."
    yield "The figure has an 80 % interval, stated beside it."
    yield f"Source: {said(energy.source)}."


def _beyond(facts: Facts, energy: Estimate) -> dict[str, Any]:
    found: dict[str, Any] = {
        "boundary": list(facts.boundary),
        "not_counted": list(facts.not_counted),
        "interval": "80 %",
        "training_energy": entry(energy),
        "energy_of_the_file": entry(facts.energy),
        "carbon_of_the_file": entry(facts.carbon),
        "pue": entry(facts.pue),
        "hardware": list(facts.hardware),
        "doubts": list(dict.fromkeys(said(each.code) for each in facts.doubts)),
        "tool": facts.tool,
        "file": facts.id,
    }
    if isinstance(facts.source, Run):
        for name in ("energy_per_request_j", "energy_per_output_token_j"):
            figure = facts.source.summary.get(name)
            if figure is not None:
                found[name] = entry(figure)
    return found


def _na(why: str) -> str:
    return f"N/A: {why}"
