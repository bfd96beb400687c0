"""The network of the sequence estimators, how it learns, and how it is asked.

A body that reads the steps, one vector for each sequence, a linear layer.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any, NamedTuple

import numpy as np
import torch
from torch import Tensor, nn
from torch.nn.utils.rnn import pad_sequence
from torch.utils.data import Dataset

from ...equation import Cell
from ...errors import InputError
from ...nn import Recurrent
from ...nn.init import recommended_
from ...training import EarlyStopping, MeanAverage, Shuffled, Trained
from ..bodies import Body
from ..network_estimator import Course, train

DROPOUT, INPUT_DROPOUT, WEIGHT_DECAY, BATCH = 0.5, 0.2, 0.1, 16
"""What the estimators, and comparisons of kinds of models, use unless told otherwise."""

Loss = Callable[[Tensor, Tensor], Tensor]
AT_ONCE = 256
"""Sequences in one batch of predictions."""
_WARMUP = 0.2
"""Share of the run in which the learning rate rises."""
_SHORTEST = 3
"""Steps below which there is no span of time scales to spread."""


def _last(outputs: Tensor, lengths: Tensor, both_ways: bool) -> Tensor:
    """What each direction has put out once it has read the whole sequence."""
    forward = outputs[lengths - 1, torch.arange(len(lengths))]
    if not both_ways:
        return forward
    half = outputs.shape[-1] // 2
    return torch.cat((forward[:, :half], outputs[0, :, half:]), dim=1)


def _mean(outputs: Tensor, lengths: Tensor, both_ways: bool) -> Tensor:
    """The mean over the sequence's own steps; those beyond are zero."""
    return outputs.sum(0) / lengths[:, None]


POOLINGS: dict[str, Callable[[Tensor, Tensor, bool], Tensor]] = {"last": _last, "mean": _mean}
"""By name: outputs (T, B, K), lengths (B,) and whether there are two directions, to (B, K)."""


def recurrent_body(
    cell: Cell,
    inputs: int,
    hidden: int,
    *,
    layers: int = 1,
    both_ways: bool = False,
    dropout: float = 0.0,
    options: Mapping[str, Any] | None = None,
    longest: int = 0,
) -> Recurrent:
    """A recurrent stack as the body of a network.

    Layers drop their outputs with this probability for the next one. Weights are drawn as `recommended_` does, to
    remember over ``longest`` steps where the cell has a gate for that; on the meta device there are none to draw.
    """
    between = dropout if layers > 1 else 0.0
    body = Recurrent(cell, inputs, hidden, layers, dropout=between, bidirectional=both_ways, **(options or {}))
    if next(body.parameters()).is_meta:
        return body
    try:
        recommended_(body, longest if longest >= _SHORTEST else None)
    except InputError:
        recommended_(body)
    return body


class SequenceNetwork(nn.Module):
    """From padded sequences (T, B, I) and their lengths to (B, outputs), around a body.

    The input loses features at random in training, each feature at each step by itself, and so does the vector before
    the linear layer. both_ways: whether half of what the body puts out is of a direction that reads from the end.
    """

    def __init__(
        self,
        body: Body,
        outputs: int,
        *,
        both_ways: bool = False,
        pooling: str = "last",
        dropout: float,
        input_dropout: float,
    ) -> None:
        super().__init__()
        self.body = body
        self.before, self.after = nn.Dropout(input_dropout), nn.Dropout(dropout)
        self.pooling, self.both_ways = POOLINGS[pooling], both_ways
        self.linear = nn.Linear(body.output_size, outputs)

    def forward(self, x: Tensor, lengths: Tensor) -> Tensor:
        """x: (T, B, I), lengths: (B,), each at least 1."""
        outputs, _ = self.body(self.before(x), lengths=lengths)
        return self.linear(self.after(self.pooling(outputs, lengths, self.both_ways)))


class PaddedBatch(NamedTuple):
    """x: (T, B, I), padded. lengths: (B,). y: what is to be predicted, (B, ...)."""

    x: Tensor
    lengths: Tensor
    y: Tensor


class Examples(Dataset[tuple[Tensor, Tensor]]):
    """Sequences and what is to be predicted of each, as `Shuffled` draws them."""

    def __init__(self, sequences: list[Tensor], y: Tensor) -> None:
        self.sequences, self.y = sequences, y

    def __len__(self) -> int:
        return len(self.sequences)

    def __getitem__(self, row: int) -> tuple[Tensor, Tensor]:
        return self.sequences[row], self.y[row]


def collate(samples: list[tuple[Tensor, Tensor]]) -> PaddedBatch:
    """A batch of some examples."""
    sequences = [sequence for sequence, _ in samples]
    lengths = torch.tensor([len(sequence) for sequence in sequences])
    return PaddedBatch(pad_sequence(sequences), lengths, torch.stack([y for _, y in samples]))


def learn(
    network: nn.Module,
    loss: Loss,
    examples: Examples,
    held_out: Examples | None,
    course: Course,
    *,
    average_from: float,
    patience: int,
) -> tuple[Trained, float | None]:
    """Train the network; how that went, and the lowest loss on the held-out part.

    Of all epochs the network keeps the weights of the lowest held-out loss, and training stops after ``patience``
    epochs without a lower one. Where nothing is held out, it keeps the last. average_from: share of the run after which
    weights are averaged (arXiv:1803.05407), 1 for no average.
    """
    source = Shuffled(examples, course.batch_size, collate=collate, seed=course.seed)
    updates = -(-len(examples) // course.batch_size)
    average = MeanAverage(int(updates * course.epochs * average_from) + 1) if average_from < 1 else None
    stopping = _stopping(network, loss, held_out, patience)
    trained = train(
        network,
        lambda module, batch: loss(module(batch.x, batch.lengths), batch.y),
        source,
        course,
        updates=updates,
        warmup=_WARMUP,
        average=average,
        callbacks=stopping,
    )
    if average and not stopping:
        average.install()
    return trained, min((callback.best for callback in stopping), default=None)


def _stopping(network: nn.Module, loss: Loss, held_out: Examples | None, patience: int) -> tuple[EarlyStopping, ...]:
    if held_out is None:
        return ()

    def evaluate() -> float:
        return float(loss(answers(network, held_out.sequences), held_out.y))

    return (EarlyStopping(evaluate, patience=patience),)


@torch.no_grad()
def answers(network: nn.Module, sequences: list[Tensor]) -> Tensor:
    """The output for each sequence, (N, K); long ones are computed together, so that there is little padding."""
    network.eval()
    order = np.argsort([len(sequence) for sequence in sequences], kind="stable")
    outputs: list[Tensor] = []
    for start in range(0, len(order), AT_ONCE):
        batch = [sequences[row] for row in order[start : start + AT_ONCE]]
        outputs.append(network(pad_sequence(batch), torch.tensor([len(sequence) for sequence in batch])))
    return torch.cat(outputs)[torch.from_numpy(np.argsort(order))]
