"""Labels, or numbers, of whole sequences as a task."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, NamedTuple

import numpy as np
import torch
from torch import Tensor, nn

from ...errors import InputError, argument
from ...tables.sequences import Sequences, Whole, read_sequences
from ...training import Shuffled, Source
from ...words import count
from ..sequence.network import (
    BATCH,
    DROPOUT,
    INPUT_DROPOUT,
    Examples,
    PaddedBatch,
    SequenceNetwork,
    answers,
    collate,
)
from ..sequence.scaling import Standard
from ..sequence.targets import aligned, held_out, labels_of
from .answers import Answers, Labels, Numbers
from .measure import Floats
from .task import Around, Course, Floor, MakeBody, Part, Stepwise

TEST, VALIDATION = 0.25, 0.2
"""The share of all sequences that is held out for the test, where there is none, and of the others for validation."""


class Split(NamedTuple):
    """Rows to learn from, to choose learning rates by, and to test on."""

    learn: Whole
    validate: Whole
    test: Whole

    @property
    def known(self) -> Whole:
        """All but the test."""
        return np.concatenate((self.learn, self.validate))


class SequenceTask:
    """Sequences with an answer each; see `Task`.

    sequences: all of them, in the order of the answers.
    """

    around: Around = "body"
    course = Course()

    def __init__(self, sequences: Sequences, answers: Answers, split: Split, source: str) -> None:
        self.name, self.measure, self.source = answers.name, answers.measure, source
        self.answers, self.split = answers, split
        self.longest, self.items = int(sequences.lengths.max()), len(split.test)
        self.width = sequences.width
        scale = Standard.of(sequences.take(split.known).steps)
        rows = torch.from_numpy(scale.applied(sequences.steps)).float()
        self._inputs = list(rows.split(sequences.lengths.tolist()))
        self.about = (_described(sequences, split),)

    def network(self, make: MakeBody) -> SequenceNetwork:
        """The body, its last output, a linear layer."""
        return SequenceNetwork(make(self.width), self.answers.outputs, dropout=DROPOUT, input_dropout=INPUT_DROPOUT)

    def stepwise(self, network: nn.Module) -> Stepwise:
        """The body and the linear layer: an answer after each step."""
        assert isinstance(network, SequenceNetwork)
        return Stepwise(network.body, network.linear)

    def batches(self, part: Part, seed: int) -> Source:
        """Each sequence once in a pass."""
        rows = self.split.learn if part == "learn" else self.split.known
        return Shuffled(self._examples(rows), min(BATCH, len(rows)), collate=collate, seed=seed)

    def loss(self, network: nn.Module, batch: PaddedBatch) -> Tensor:
        """That of the answers."""
        return self.answers.loss(network(batch.x, batch.lengths), batch.y)

    def validation(self, network: nn.Module) -> float:
        """The mean loss."""
        examples = self._examples(self.split.validate)
        return float(self.answers.loss(answers(network, examples.sequences), examples.y))

    def scores(self, network: nn.Module) -> Floats:
        """By what the network says after the last step."""
        examples = self._examples(self.split.test)
        return self.answers.scores(self.answers.said(answers(network, examples.sequences)), examples.y)

    def floors(self) -> list[Floor]:
        """The same answer for all, and that of the sequence whose means and deviations are nearest."""
        known, actual = (self.answers.wanted[torch.from_numpy(rows)] for rows in (self.split.known, self.split.test))
        usual = self.answers.usual(known).expand_as(actual)
        nearest = known[torch.cdist(self._summary(self.split.test), self._summary(self.split.known)).argmin(1)]
        said = {"always the same": usual, "nearest means": nearest}
        return [Floor(name, self.answers.scores(answer, actual)) for name, answer in said.items()]

    def _summary(self, rows: Whole) -> Tensor:
        """Mean and deviation of every feature, (N, 2 I)."""
        steps = [self._inputs[row] for row in rows]
        return torch.stack([torch.cat((one.mean(0), one.std(0, correction=0))) for one in steps])

    def _examples(self, rows: Whole) -> Examples:
        return Examples([self._inputs[row] for row in rows], self.answers.wanted[torch.from_numpy(rows)])


def classification(
    X: Any, y: Any, *, lengths: Any = None, test: tuple[Any, Any] | None = None, seed: int = 0, source: str = "data"
) -> SequenceTask:
    """Labels of sequences, to be predicted by each model.

    Args:
        X: N sequences, as `SequenceClassifier.fit` takes them.
        y: Their labels, (N,).
        lengths: Steps of each row of an array (N, T, I), (N,).
        test: Sequences and labels to be tested on; None holds out a quarter of each class.
        seed: Of what is held out.
        source: What the data are called on the page.

    Returns:
        A task for `compare`.

    Raises:
        InputError: The data cannot be used, or are too few to hold anything out.
    """
    return _task(X, y, lengths, test, seed, source, lambda values, known: Labels(values), labels_of)


def regression(
    X: Any, y: Any, *, lengths: Any = None, test: tuple[Any, Any] | None = None, seed: int = 0, source: str = "data"
) -> SequenceTask:
    """Numbers of sequences, to be predicted by each model.

    Args:
        X: N sequences, as `SequenceRegressor.fit` takes them.
        y: Their numbers, (N,) or (N, K).
        lengths: As of `classification`; so are the others.
        test: See ``lengths``; None holds out a quarter.
        seed: See ``lengths``.
        source: See ``lengths``.

    Returns:
        A task for `compare`.

    Raises:
        InputError: As `classification`.
    """
    return _task(X, y, lengths, test, seed, source, Numbers, lambda values: np.zeros(len(values), np.int64))


def _task(
    X: Any,
    y: Any,
    lengths: Any,
    test: tuple[Any, Any] | None,
    seed: int,
    source: str,
    answer: Callable[[Any, Whole], Answers],
    grouped: Callable[[Any], Any],
) -> SequenceTask:
    sequences = read_sequences(X, lengths)
    values: Any = aligned(y, sequences)
    tested = np.zeros(len(sequences), bool)
    if test is not None:
        sequences, values, tested = _joined(sequences, values, test)
    split = _split(grouped(values), tested, seed)
    return SequenceTask(sequences, answer(values, split.known), split, source)


def _joined(sequences: Sequences, values: Any, test: tuple[Any, Any]) -> tuple[Sequences, Any, Any]:
    """All sequences, all answers, and which of them are those of the test."""
    others = read_sequences(test[0])
    if others.width != sequences.width:
        raise InputError(
            f"the test has {others.width} features, and the data have {sequences.width}", where=argument("test")
        )
    more = aligned(test[1], others)
    steps = np.concatenate((sequences.steps, others.steps))
    joined = Sequences(steps, np.concatenate((sequences.lengths, others.lengths)), features=sequences.features)
    tested = np.arange(len(joined)) >= len(sequences)
    return joined, np.concatenate((np.asarray(values), np.asarray(more))), tested


def _split(groups: Any, tested: Any, seed: int) -> Split:
    """Raises InputError where a part would be empty, or the test holds a label that nothing else has."""
    strata = np.unique(np.asarray(groups).astype(str), return_inverse=True)[1].astype(np.int64)
    rest, test = np.flatnonzero(~tested), np.flatnonzero(tested)
    if not len(test):
        rest, test = held_out(strata, TEST, seed)
    learn, validate = (rest[rows] for rows in held_out(strata[rest], VALIDATION, seed))
    if not (len(learn) and len(validate) and len(test)):
        raise InputError(
            f"{count(len(strata), 'sequence')} are too few to hold any out",
            hint=f"a group of labels needs {int(1 / VALIDATION / (1 - TEST)) + 1} or more",
        )
    if strange := set(strata[test].tolist()) - set(strata[rest].tolist()):
        row = int(test[np.isin(strata[test], list(strange))][0])
        raise InputError(f"the label {str(groups[row])!r} is in the test alone", where=argument("test"))
    return Split(learn, validate, test)


def _described(sequences: Sequences, split: Split) -> str:
    low, high = int(sequences.lengths.min()), int(sequences.lengths.max())
    steps = f"{low}" if low == high else f"{low} to {high}"
    return (
        f"{count(len(sequences), 'sequence')} of {steps} steps with {count(sequences.width, 'feature')}: "
        f"{len(split.learn):,} to learn from, {len(split.validate):,} to choose the learning rate by, "
        f"{len(split.test):,} to test on; the chosen rate learns from both of the former."
    )
