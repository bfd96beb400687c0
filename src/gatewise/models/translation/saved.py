"""What can be done with the file of a translator."""

from __future__ import annotations

from pathlib import Path

from ...tables.options import ReadOptions
from ...tables.parallel import Parallel, load_pairs
from ..estimator_file import named_cell
from ..kind import Supplied
from .exported import ExportedTranslator
from .model import Translator


def load(path: str | Path, supplied: Supplied) -> Translator:
    """The translator in a file."""
    return Translator.load(path, cell=named_cell(path, supplied.cells))


def read(path: Path, options: ReadOptions | None, label: str) -> Parallel:
    """Pairs of lines."""
    return load_pairs(path)


def onnx(model: Translator, folder: Path, name: str) -> ExportedTranslator:
    """Its encoder, its decoder and its vocabularies, written there."""
    return model.to_onnx(folder, name=name)
