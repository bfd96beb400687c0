"""Trained models for other runtimes: C for devices, ONNX for everything that reads it."""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from .c.write import to_c as to_c
    from .onnx.write import to_onnx as to_onnx

# Loaded when asked for, so that defaults and choices can be read without importing torch.
_EXPORTS = {"to_c": ".c.write", "to_onnx": ".onnx.write"}
__all__ = ["to_c", "to_onnx"]


def __getattr__(name: str) -> Any:
    if name in _EXPORTS:
        return getattr(import_module(_EXPORTS[name], __name__), name)
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")


def __dir__() -> list[str]:
    return __all__
