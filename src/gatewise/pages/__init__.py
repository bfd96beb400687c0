"""What every page of HTML shares: templates that escape, and the look of the house in ``templates/house.css``."""

from __future__ import annotations

import base64
import hashlib
from collections.abc import Iterable
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


def script(environment: Environment, names: Iterable[str]) -> str:
    """The scripts among the templates, in this order, as one that is strict."""
    assert environment.loader
    parts = [environment.loader.get_source(environment, name)[0] for name in names]
    return '"use strict";\n' + "\n".join(parts)


def policy_hash(text: str) -> str:
    """What a policy of content lets run of a page: this script and no other."""
    return f"sha256-{base64.b64encode(hashlib.sha256(text.encode()).digest()).decode()}"
