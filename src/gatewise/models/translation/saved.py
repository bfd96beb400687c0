"""What can be done with the file of a translator."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

from ...errors import InputError, argument
from ...inspect.subject import Subject
from ...tables.options import ReadOptions
from ...tables.parallel import Parallel, load_pairs
from ..estimator_file import named_cell
from ..kind import Question, Supplied
from .exported import ExportedTranslator
from .model import Translator
from .stream import TranslationStream


def load(path: str | Path, supplied: Supplied) -> Translator:
    """The translator in a file."""
    return Translator.load(path, cell=named_cell(path, supplied.cells))


def load_stream(path: str | Path, supplied: Supplied) -> TranslationStream:
    """A stream of the translator that was supplied, where it was saved."""
    if not isinstance(supplied.model, Translator):
        what = "it holds a translator's stream, which goes with that translator"
        raise InputError(what, where=str(path), hint="give load the translator as its model too")
    stream = supplied.model.stream()
    stream.load(path)
    return stream


def read(path: Path, options: ReadOptions | None, label: str) -> Parallel:
    """Pairs of lines."""
    return load_pairs(path)


def explain(model: Translator, data: Parallel, question: Question, source: str) -> Subject:
    """What the model writes for one of the lines, and why."""
    row = question.row or 0
    if not 0 <= row < len(data.source):
        raise InputError(f"there is no pair {row}", hint=f"there are 0 to {len(data.source) - 1}")
    return replace(model.subject(data.source[row], output=question.output), title=f"{source}, pair {row}")


def onnx(model: Translator, folder: Path, name: str, history: int | None) -> ExportedTranslator:
    """Its encoder, its decoder and its vocabularies, written there."""
    if history is not None:
        raise InputError(f"{argument('history')} is what a forecaster reads", hint="leave it out")
    return model.to_onnx(folder, name=name)
