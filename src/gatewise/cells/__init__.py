"""The cells, one small file each. ``CELLS`` finds them: a new file here is a new cell everywhere."""

from __future__ import annotations

from importlib import import_module
from pkgutil import iter_modules

from ..equation import Cell


def _discover() -> dict[str, Cell]:
    names = sorted(module.name for module in iter_modules(__path__))
    return {name: getattr(import_module(f"{__name__}.{name}"), name) for name in names}


CELLS: dict[str, Cell] = _discover()
