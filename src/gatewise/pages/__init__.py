"""What every page of HTML shares: templates that escape, and the look of the house in ``templates/house.css``."""

from __future__ import annotations

from typing import TYPE_CHECKING

from ..escape import visible

if TYPE_CHECKING:
    from jinja2 import Environment


def templates(package: str) -> Environment:
    """The templates of a package, and ``house.css`` beside them.

    All text is escaped, an unknown name is an error; the filter ``visible`` spells out what is not printable.
    """
    from jinja2 import ChoiceLoader, Environment, PackageLoader, StrictUndefined

    environment = Environment(
        loader=ChoiceLoader([PackageLoader(package), PackageLoader(__name__)]),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    environment.filters["visible"] = visible
    return environment
