"""A scenario so short that a bench of it takes seconds, as the text of a profile."""

from __future__ import annotations


def short_scenario(bench: str, output: str = "{mean: 12, sd: 2}") -> str:
    """The text.

    Args:
        bench: levels, window and idle.
        output: lengths of the answers.
    """
    return f"""\
name: Short
site: solar-rural-clinic
workload:
  name: Short
  prompt: {{mean: 40, sd: 5}}
  output: {output}
  system_prompt: 10
  requests_per_clinician: 20
demand: {{clinicians: 2, opening: 8 h, days_per_year: 300, peak_factor: 2}}
budget: 3000 USD
bench: {bench}
"""
