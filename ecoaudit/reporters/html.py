"""One self-contained HTML page: no script, no network, light and dark, prints."""

from __future__ import annotations

from itertools import count

from ecoaudit.reporters import svg
from ecoaudit.reporters.base import Content
from ecoaudit.reporters.page import build_page


class HtmlReporter:
    """Renders the page model through the templates. All text is escaped by jinja."""

    suffix = ".html"

    def render(self, content: Content) -> str:
        from jinja2 import Environment, PackageLoader, StrictUndefined
        from markupsafe import Markup

        numbers = count(1)

        def chart(kind: str, item: object) -> Markup:
            draw = {"bar": svg.bar, "gauge": svg.gauge, "curve": svg.curve}[kind]
            # svg escapes every text that it is given
            return Markup(draw(item, f"c{next(numbers)}"))  # type: ignore[operator]  # noqa: S704

        environment = Environment(
            loader=PackageLoader("ecoaudit.reporters", "templates"),
            autoescape=True,
            undefined=StrictUndefined,
            trim_blocks=True,
            lstrip_blocks=True,
            keep_trailing_newline=True,
        )
        environment.globals["chart"] = chart
        environment.filters["soft"] = _soft
        return environment.get_template("page.html.j2").render(page=build_page(content))


def _soft(text: str) -> str:
    """Lets long names break after ``/``, ``-`` and ``_`` on a narrow screen."""
    return "".join(f"{letter}\u200b" if letter in "/_" else letter for letter in text)
