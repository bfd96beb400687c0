"""The version of gatewise."""

from __future__ import annotations


def version() -> str:
    """The version of the installed distribution; ``0+source`` where it runs from a source tree."""
    from importlib import metadata

    try:
        return metadata.version("gatewise")
    except metadata.PackageNotFoundError:
        return "0+source"
