"""What is public: the modules whose names users import, and those names."""

from __future__ import annotations

from importlib import import_module

import gatewise

FIRST = gatewise.__name__
PACKAGES = [name for name in gatewise._PACKAGES if name != "cells"]
"""Without the cells, which have pages of their own."""
MODULES = (FIRST, *(f"{FIRST}.{name}" for name in (*PACKAGES, "nn.init", "nn.exchange", "mlflow")))


def public(module: str) -> list[str]:
    """The names that a module offers: its ``__all__``, or what it defines. Packages have a page each."""
    contents = vars(import_module(module))
    own = [name for name, value in contents.items() if getattr(value, "__module__", "") == module and name[0] != "_"]
    return [name for name in contents.get("__all__", own) if name not in gatewise._PACKAGES or module != FIRST]
