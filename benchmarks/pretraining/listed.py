"""What ``corpus.toml`` lists."""

from __future__ import annotations

import tomllib
from functools import cache
from pathlib import Path
from typing import Any

from ..data import FOLDER
from .wheels import archive, wheel

LISTED = Path(__file__).with_name("corpus.toml")


@cache
def listed() -> dict[str, Any]:
    """The file."""
    return tomllib.loads(LISTED.read_text(encoding="utf-8"))


def package(name: str) -> Path:
    """The wheel of a package of the list, or an archive of it."""
    if name in listed()["archives"]:
        one = listed()["archives"][name]
        return archive(FOLDER / one["path"], one["sha256"])
    return wheel(name, **listed()["packages"][name])
