"""The page at ``/``: every model, something to ask it, and its answer, in a browser."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from functools import cache
from typing import TYPE_CHECKING, Any

from ..pages import policy_hash, script, templates
from ..version import version
from .served import Served
from .tasks.task import example_steps

if TYPE_CHECKING:
    from jinja2 import Environment

_SCRIPTS = ("elements.js", "table.js", "chart.js", "asking.js")
"""In the order in which a reader needs them; they become one script."""


@dataclass(frozen=True)
class Card:
    """A model on the page. path: where it is asked. form: how a text becomes a body, see ``asking.js``. text: to begin
    with. about: what it is, in words."""

    name: str
    path: str
    form: str
    text: str
    about: str


def page(models: Mapping[str, Served]) -> str:
    """The page as HTML: styles and script inside, nothing fetched but answers of this server."""
    from markupsafe import Markup

    template = _environment().get_template("try.html.j2")
    cards = [_card(name, one) for name, one in models.items()]
    return template.render(cards=cards, version=version(), script=Markup(_script()))


def policy() -> str:
    """What the page may do: run its own script, and ask this server."""
    return (
        f"default-src 'none'; style-src 'unsafe-inline'; script-src '{policy_hash(_script())}'; connect-src 'self'; "
        "img-src data:; base-uri 'none'; form-action 'none'; frame-ancestors 'none'"
    )


def _card(name: str, one: Served) -> Card:
    if one.task is not None:
        return Card(name, one.task.path, one.task.form, _TEXTS[one.task.form](one.task.example(one.model)), one.about)
    tensors = one.by_tensors()
    form, text = f"tensors {tensors.datatype}", _lines(example_steps(tensors.inputs))
    return Card(name, f"/v2/models/{name}/infer", form, text, one.about)


def _lines(rows: Iterable[Iterable[object]]) -> str:
    return "\n".join(", ".join(map(str, row)) for row in rows)


def _csv(columns: Mapping[str, Iterable[object]]) -> str:
    rows = [columns.keys(), *zip(*columns.values(), strict=True)]
    return "\n".join(",".join(f'"{cell}"' if "," in str(cell) else str(cell) for cell in row) for row in rows)


_TEXTS: dict[str, Callable[[Mapping[str, Any]], str]] = {
    "table": lambda body: _csv(body["columns"]),
    "watch": lambda body: _csv(body["columns"]),
    "sequences": lambda body: _lines(body["sequences"][0]),
    "text": lambda body: body["prompt"],
    "json": json.dumps,
}
"""By form, what stands there to begin with, from an example of a body: the way back of ``templates/asking.js``."""


@cache
def _environment() -> Environment:
    return templates(__package__ or "")


@cache
def _script() -> str:
    return script(_environment(), _SCRIPTS)
