"""Trained models for other runtimes: C for devices, ONNX for everything that reads it."""

from __future__ import annotations

from typing import TYPE_CHECKING

from ..extras import found_late

if TYPE_CHECKING:
    from .c.write import to_c as to_c
    from .onnx.write import to_onnx as to_onnx

# Loaded when asked for, so that defaults and choices can be read without importing torch.
_EXPORTS = {"to_c": ".c.write", "to_onnx": ".onnx.write"}
__all__ = ["to_c", "to_onnx"]

__getattr__ = found_late(__name__, _EXPORTS)


def __dir__() -> list[str]:
    return __all__
