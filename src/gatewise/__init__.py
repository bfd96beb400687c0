"""The LSTM family for PyTorch, from equation to device.

equation -> cell -> program -> backward program -> rendered step -> sequence driver -> module -> forecast.

Everything here is loaded when it is first used: ``import gatewise`` imports no torch, and
``gatewise.export.to_c`` needs no other import.
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from . import cache as cache
    from . import cells as cells
    from . import compare as compare
    from . import errors as errors
    from . import estimators as estimators
    from . import export as export
    from . import forecast as forecast
    from . import inspect as inspect
    from . import nn as nn
    from . import serve as serve
    from . import synthetic as synthetic
    from . import training as training
    from . import transforms as transforms
    from .declaration import cell as cell
    from .equation import Cell as Cell
    from .inspect.recorded_run import record as record
    from .inspect.recorded_run import recording as recording
    from .inspect.time_chunks import time_chunks as time_chunks
    from .kernels.choice import selfcheck as selfcheck
    from .models.registry import load as load
    from .nn.from_torch import from_torch as from_torch
    from .nn.stream import stream as stream

_EXPORTS = {
    "Cell": ".equation",
    "cell": ".declaration",
    "from_torch": ".nn.from_torch",
    "load": ".models.registry",
    "record": ".inspect.recorded_run",
    "recording": ".inspect.recorded_run",
    "selfcheck": ".kernels.choice",
    "stream": ".nn.stream",
    "time_chunks": ".inspect.time_chunks",
}
_PACKAGES = (
    "cache",
    "cells",
    "compare",
    "errors",
    "estimators",
    "export",
    "forecast",
    "inspect",
    "nn",
    "serve",
    "synthetic",
    "training",
    "transforms",
)
__all__ = [
    "Cell",
    "cache",
    "cell",
    "cells",
    "compare",
    "errors",
    "estimators",
    "export",
    "forecast",
    "from_torch",
    "inspect",
    "load",
    "nn",
    "record",
    "recording",
    "selfcheck",
    "serve",
    "stream",
    "synthetic",
    "time_chunks",
    "training",
    "transforms",
]


def __getattr__(name: str) -> Any:
    if name in _PACKAGES:
        return import_module(f".{name}", __name__)
    if name in _EXPORTS:
        return getattr(import_module(_EXPORTS[name], __name__), name)
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")


def __dir__() -> list[str]:
    return __all__
