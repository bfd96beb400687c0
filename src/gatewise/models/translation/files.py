"""What the files are called that a translator becomes for other runtimes."""

from __future__ import annotations

from pathlib import Path


def files_of(folder: Path, name: str) -> tuple[Path, Path, Path]:
    """The encoder, the decoder of one unit, and the vocabularies."""
    return folder / f"{name}_encoder.onnx", folder / f"{name}_decoder.onnx", folder / f"{name}_units.json"
