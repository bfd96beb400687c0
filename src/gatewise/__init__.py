"""The LSTM family for PyTorch, from equation to device.

equation -> cell -> program -> backward program -> rendered step -> sequence driver -> module -> forecast.
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from .equation import Cell as Cell
    from .equation import cell as cell
    from .inspect.recorded_run import record as record
    from .inspect.recorded_run import recording as recording
    from .models.registry import load as load
    from .nn.from_torch import from_torch as from_torch
    from .nn.stream import stream as stream

# Found when asked for, so that the command line answers without importing torch.
_EXPORTS = {
    "Cell": ".equation",
    "cell": ".equation",
    "from_torch": ".nn.from_torch",
    "load": ".models.registry",
    "record": ".inspect.recorded_run",
    "recording": ".inspect.recorded_run",
    "stream": ".nn.stream",
}
__all__ = ["Cell", "cell", "from_torch", "load", "record", "recording", "stream"]


def __getattr__(name: str) -> Any:
    if name in _EXPORTS:
        return getattr(import_module(_EXPORTS[name], __name__), name)
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
