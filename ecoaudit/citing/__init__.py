"""Ways of handing figures on to papers, model cards and other programs, one file per format."""

from __future__ import annotations

from ecoaudit.citing.base import Citer, cite, load_facts
from ecoaudit.citing.boamps import BoAmpsCiter
from ecoaudit.citing.codecarbon import CodeCarbonCiter
from ecoaudit.citing.eu_gpai import EuGpaiCiter
from ecoaudit.citing.facts import Facts
from ecoaudit.citing.huggingface import HuggingFaceCiter
from ecoaudit.citing.impact_framework import ImpactFrameworkCiter
from ecoaudit.citing.latex import LatexCiter
from ecoaudit.citing.markdown import MarkdownCiter
from ecoaudit.errors import UsageError, did_you_mean

__all__ = ["CITERS", "Citer", "Facts", "cite", "citer_for", "load_facts"]

CITERS: dict[str, type[Citer]] = {
    "latex": LatexCiter,
    "markdown": MarkdownCiter,
    "huggingface": HuggingFaceCiter,
    "boamps": BoAmpsCiter,
    "impact-framework": ImpactFrameworkCiter,
    "eu-gpai": EuGpaiCiter,
    "codecarbon": CodeCarbonCiter,
}


def citer_for(name: str) -> Citer:
    """The format of that name.

    Raises:
        UsageError: there is none; the message names the nearest.
    """
    if name not in CITERS:
        raise UsageError(f"--as {name}: no such format; {did_you_mean(name, CITERS)}")
    return CITERS[name]()
