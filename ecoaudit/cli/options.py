"""Options that several verbs share."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Any, TypeVar

import click

if TYPE_CHECKING:
    from ecoaudit.scenario import Site

F = TypeVar("F", bound=Callable[..., Any])


def seconds(text: str) -> float:
    """A time such as ``10s``, ``2 min`` or ``500ms``, in seconds; a type for options."""
    from ecoaudit.errors import UsageError
    from ecoaudit.units import parse_quantity

    try:
        result = parse_quantity(text, "time")
    except UsageError as error:
        raise click.BadParameter(str(error)) from None
    if result < 0:
        raise click.BadParameter(f"expected a time of 0 s or more; got {text!r}")
    return result


site_option = click.option(
    "--site", metavar="SITE", help="Site profile (name or file): country, grid, PUE."
)
country_option = click.option(
    "--country", metavar="ISO3", help="Country for the grid's carbon intensity, such as KEN."
)


def output_option(what: str) -> Callable[[F], F]:
    """``-o FILE``."""
    return click.option("-o", "--output", metavar="FILE", help=f"Where to write the {what}.")


def load_site_option(site: str | None) -> Site | None:
    """The site profile that was named, if one was."""
    if site is None:
        return None
    from ecoaudit.cli.lookups import lookups
    from ecoaudit.scenario import load_site

    return load_site(site, lookups())
