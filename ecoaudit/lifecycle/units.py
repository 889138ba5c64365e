"""Functional units: how many of each an account yields, as formulas."""

from __future__ import annotations

from ecoaudit.lifecycle.book import Book
from ecoaudit.scenario.account import Units

THOUSAND_TOKENS = "1000 output tokens"
THOUSAND_CONSULTATIONS = "1000 consultations"
PATIENT_YEAR = "patient-year"
REQUEST = "request"


def units_of(units: Units, book: Book) -> tuple[dict[str, str], dict[str, str]]:
    """Formulas of how many of each unit there are, and of each that cannot be told the reason.

    What was made and not used, and what was made again, is charged to what was used: requests
    count in full, and accepted results are requests x used fraction.
    """
    found: dict[str, str] = {}
    lacking: dict[str, str] = {}
    if units.training_tokens is not None:
        book.put("training_tokens", "training tokens", units.training_tokens)
    if units.requests is None:
        why = "how many requests there were is not stated: units.requests"
        names = (f"accepted {units.unit}", THOUSAND_CONSULTATIONS, PATIENT_YEAR, THOUSAND_TOKENS)
        return found, dict.fromkeys(names, why)
    requests = book.put("requests", "requests", units.requests)
    found[REQUEST] = requests
    accepted = f"accepted {units.unit}"
    if units.used_fraction is None:
        lacking[accepted] = "what share of the results is used is not stated: used_fraction"
    else:
        used = book.put("used_fraction", "used fraction", units.used_fraction)
        found[accepted] = f"{requests} * {used}"
    if units.requests_per_consultation is None:
        why = "the requests of a consultation are not stated: requests_per_consultation"
        lacking[THOUSAND_CONSULTATIONS] = lacking[PATIENT_YEAR] = why
    else:
        each = book.put(
            "requests_per_consultation",
            "requests per consultation",
            units.requests_per_consultation,
        )
        found[THOUSAND_CONSULTATIONS] = f"{requests} / {each} / 1000"
        if units.consultations_per_patient_year is None:
            why = "how often a patient comes is not stated: consultations_per_patient_year"
            lacking[PATIENT_YEAR] = why
        else:
            often = book.put(
                "consultations_per_patient_year",
                "consultations per patient-year",
                units.consultations_per_patient_year,
            )
            found[PATIENT_YEAR] = f"{requests} / {each} / {often}"
    if units.output_tokens is None:
        lacking[THOUSAND_TOKENS] = "the tokens of a result are not stated: output_tokens"
    else:
        tokens = book.put("output_tokens", "output tokens", units.output_tokens)
        found[THOUSAND_TOKENS] = f"{requests} * {tokens} / 1000"
    return found, lacking
