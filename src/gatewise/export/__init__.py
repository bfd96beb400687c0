"""Trained models on their way out: C for devices, ONNX for other runtimes."""

from .c import to_c as to_c
from .onnx import to_onnx as to_onnx

__all__ = ["to_c", "to_onnx"]
