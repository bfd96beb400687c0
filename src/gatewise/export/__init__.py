"""Trained models on their way out: ONNX files."""

from .onnx import to_onnx as to_onnx

__all__ = ["to_onnx"]
