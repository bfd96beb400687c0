"""What can be done with the file of a language model."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

import torch
from torch import Tensor

from ...inspect.subject import Subject
from ...nn.chain import Chain
from ...tables.text_file import read_text
from ..estimator_file import named_cell
from ..kind import Question, Supplied
from ..sequence.subject import most_probable
from .model import LanguageModel

if TYPE_CHECKING:
    from ...tables.options import ReadOptions

_LONGEST = 10_000
"""Characters of a text that become steps, its last: each is a step, and more of them show nothing new."""


def load(path: str | Path, supplied: Supplied) -> LanguageModel:
    """The language model in a file."""
    return LanguageModel.load(path, cell=named_cell(path, supplied.cells), tokenizer=supplied.tokenizer)


def read(path: Path, options: ReadOptions | None, label: str) -> str:
    """A text, plain or gzip."""
    return read_text(path)


def explain(model: LanguageModel, text: str, question: Question, source: str) -> Subject:
    """What the model expects after the last characters of a text."""
    end = text[-question.last :]
    subject = model.subject(end, output=question.output)
    about = ("Text", f"the last {len(end)} characters")
    return replace(subject, title=source or subject.title, about=(*most_probable(subject), about))


def chain(model: LanguageModel) -> Chain:
    """The model step by step."""
    return model.chain()


def steps(model: LanguageModel, text: str) -> list[Tensor]:
    """The end of a text as one sequence: of each character a 1 in its place, (T, V)."""
    tokens = torch.from_numpy(model.vocabulary_.encode(text[-_LONGEST:]))
    return [torch.nn.functional.one_hot(tokens, model.vocabulary_.size).float()]
