"""What ``corpus.toml`` lists."""

from __future__ import annotations

import tomllib
from functools import cache
from pathlib import Path
from typing import Any

from .wheels import wheel

LISTED = Path(__file__).with_name("corpus.toml")


@cache
def listed() -> dict[str, Any]:
    """The file."""
    return tomllib.loads(LISTED.read_text(encoding="utf-8"))


def package(name: str) -> Path:
    """The wheel of a package of the list."""
    return wheel(name, **listed()["packages"][name])
