"""Models behind HTTP: the Open Inference protocol for tensors, plain JSON for tables, sequences and texts."""

from __future__ import annotations

from typing import TYPE_CHECKING

from ..extras import found_late

if TYPE_CHECKING:
    from .app import application as application
    from .limits import Limits as Limits
    from .listening import run as run
    from .listening import running as running

_EXPORTS = {"Limits": ".limits", "application": ".app", "run": ".listening", "running": ".listening"}
__all__ = ["Limits", "application", "run", "running"]
__getattr__ = found_late(__name__, _EXPORTS)


def __dir__() -> list[str]:
    return __all__
