"""One self-contained HTML page: no script, no network, light and dark, prints."""

from __future__ import annotations

import re
from itertools import count

from jinja2 import Environment, PackageLoader, StrictUndefined
from markupsafe import Markup, escape

from ecoaudit.printable import printable
from ecoaudit.reporters import svg
from ecoaudit.reporters.base import Content
from ecoaudit.reporters.page import build_page


class HtmlReporter:
    """Renders the page model through the templates. All text is escaped by jinja."""

    suffix = ".html"

    def render(self, content: Content) -> str:
        numbers = count(1)

        def chart(item: svg.Chart) -> Markup:
            # svg escapes every text that it is given
            return Markup(svg.draw(item, f"c{next(numbers)}"))  # noqa: S704

        environment = Environment(
            loader=PackageLoader("ecoaudit.reporters", "templates"),
            autoescape=True,
            undefined=StrictUndefined,
            trim_blocks=True,
            lstrip_blocks=True,
            keep_trailing_newline=True,
            finalize=_unbroken,
        )
        environment.globals["chart"] = chart
        environment.filters["soft"] = _soft
        page = environment.get_template("page.html.j2").render(page=build_page(content))
        return printable(page, keep="\n\t")


def _unbroken(value: object) -> object:
    """Keeps a percent sign on the line of its number."""
    return value.replace(" %", "\u00a0%") if type(value) is str else value


def _soft(text: str) -> Markup:
    """Escaped text whose words of 17 letters or more may break after ``/`` and ``_``."""
    parts = re.split(r"(\S{17,})", str(_unbroken(text)))
    safe = [str(escape(part)) for part in parts]
    safe[1::2] = [re.sub(r"(?<=[/_])(?=\w)", "<wbr>", word) for word in safe[1::2]]
    return Markup("".join(safe))  # noqa: S704
