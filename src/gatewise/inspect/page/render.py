"""A page as HTML text: styles, script and data inside, nothing fetched."""

from __future__ import annotations

from functools import cache
from typing import TYPE_CHECKING

from ...pages import policy_hash, script, templates
from ...version import version
from .binning import fitted
from .document import Page
from .encode import diagrams_of, encoded, labelled

if TYPE_CHECKING:
    from jinja2 import Environment

# In the order in which a reader needs them; they become one script.
_SCRIPTS = (
    "data.js", "elements.js", "colours.js", "plot.js", "state.js",
    "outputs.js", "cell.js", "heat.js", "sums.js", "timescales.js", "controls.js", "keys.js",
)  # fmt: skip


def render(page: Page) -> str:
    """The page, under 3 MB, on which one steps through time: see `fitted` for what happens to many steps."""
    from markupsafe import Markup

    page = fitted(page)
    return (
        _environment()
        .get_template("page.html.j2")
        .render(
            page=page,
            figures=[picture.figure for picture in page.chart.pictures()] if page.chart else [],
            version=version(),
            places=[label for _, label in labelled(page)],
            diagrams=[Markup(diagram) for diagram in diagrams_of(page)],
            data=Markup(encoded(page)),
            script=Markup(_script()),
            script_hash=script_hash(),
        )
    )


@cache
def script_hash() -> str:
    """What a policy of content lets run of every page: its script and no other."""
    return policy_hash(_script())


@cache
def _environment() -> Environment:
    return templates(__package__ or "")


@cache
def _script() -> str:
    return script(_environment(), _SCRIPTS)
