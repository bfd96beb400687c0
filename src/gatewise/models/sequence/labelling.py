"""The labels that a classifier gives to sequences, beside the names of these."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass
from pathlib import Path
from typing import Any, NamedTuple

from ...files import written
from ...tables.csv_text import csv_text
from ...tables.sequences import Floats, Sequences
from .classifier import SequenceClassifier
from .targets import Array


class LabelledSequence(NamedTuple):
    """One sequence's label.

    Attributes:
        id: The sequence's name in its table; where it has none, its number in the file, from 1.
        label: The most probable label.
        probability: Of this label, 0 to 1.
    """

    id: Any
    label: Any
    probability: float


@dataclass(frozen=True)
class Labelling:
    """Labels of N sequences.

    Attributes:
        ids: Their names, N.
        labels: The most probable labels, (N,).
        probabilities: Of these labels, (N,), 0 to 1.
    """

    ids: tuple[Any, ...]
    labels: Array
    probabilities: Floats

    def rows(self) -> list[LabelledSequence]:
        """Sequence by sequence."""
        columns = (self.ids, self.labels.tolist(), self.probabilities.tolist())
        return [LabelledSequence(*row) for row in zip(*columns, strict=True)]

    def counts(self) -> dict[Any, int]:
        """How many sequences have each label, the commonest first."""
        return dict(Counter(self.labels.tolist()).most_common())

    def to_csv(self, path: str | Path | None = None) -> str:
        """A table of the columns id, label and probability; written to a file where a path is given.

        An id or label that a spreadsheet would run as a formula is led by an apostrophe.

        Raises:
            InputError: The file cannot be written.
        """
        import pandas as pd

        return written(path, csv_text(pd.DataFrame(self.rows(), columns=pd.Index(LabelledSequence._fields))))


def labelling(model: SequenceClassifier, sequences: Sequences) -> Labelling:
    """What a fitted classifier says of sequences. Raises as its ``predict``."""
    probabilities = model.predict_proba(sequences)
    most = probabilities.argmax(axis=1)
    ids = range(1, len(sequences) + 1) if sequences.ids is None else sequences.ids.tolist()
    return Labelling(tuple(ids), model.classes_[most], probabilities.max(axis=1))
