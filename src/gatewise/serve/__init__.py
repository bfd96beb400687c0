"""Models behind HTTP: the Open Inference protocol for tensors, plain JSON for tables, sequences and texts."""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

from ..extras import how_to_install

if TYPE_CHECKING:
    from .app import application as application
    from .limits import Limits as Limits
    from .listening import run as run
    from .listening import running as running

_EXPORTS = {"Limits": ".limits", "application": ".app", "run": ".listening", "running": ".listening"}
__all__ = ["Limits", "application", "run", "running"]


def __getattr__(name: str) -> Any:
    if name in _EXPORTS:
        try:
            return getattr(import_module(_EXPORTS[name], __name__), name)
        except ModuleNotFoundError as error:
            error.add_note(how_to_install(error.name or ""))
            raise
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")


def __dir__() -> list[str]:
    return sorted({*globals(), *__all__})
