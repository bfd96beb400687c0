"""How a network learns from sequences, and how it is asked about others."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import NamedTuple

import numpy as np
import torch
from torch import Tensor, nn
from torch.nn.utils.rnn import pad_sequence
from torch.utils.data import Dataset

from ...training import Callback, EarlyStopping, MeanAverage, Shuffled, Trained, Trainer

Loss = Callable[[Tensor, Tensor], Tensor]
_AT_ONCE = 256  # sequences in one batch of predictions
_WARMUP = 0.2  # share of the run in which the learning rate rises
_FEWEST = int(2 / _WARMUP)  # steps that a one-cycle schedule needs; a shorter run sees its beginning


class Batch(NamedTuple):
    """x: (T, B, I), padded. lengths: (B,). y: what is to be predicted, (B, ...)."""

    x: Tensor
    lengths: Tensor
    y: Tensor


@dataclass(frozen=True)
class Course:
    """How long to learn and how fast.

    average_from: share of the run after which the weights are averaged, 1 for no average. patience: epochs without a
    gain on the held-out part.
    """

    learning_rate: float
    weight_decay: float
    batch_size: int
    epochs: int
    average_from: float
    patience: int
    seed: int


class Examples(Dataset[tuple[Tensor, Tensor]]):
    """Sequences and what is to be predicted of each, as `Shuffled` draws them."""

    def __init__(self, sequences: list[Tensor], y: Tensor) -> None:
        self.sequences, self.y = sequences, y

    def __len__(self) -> int:
        return len(self.sequences)

    def __getitem__(self, row: int) -> tuple[Tensor, Tensor]:
        return self.sequences[row], self.y[row]


def collate(samples: list[tuple[Tensor, Tensor]]) -> Batch:
    """A batch of some examples."""
    sequences = [sequence for sequence, _ in samples]
    lengths = torch.tensor([len(sequence) for sequence in sequences])
    return Batch(pad_sequence(sequences), lengths, torch.stack([y for _, y in samples]))


def learn(
    network: nn.Module, loss: Loss, part: Examples, held_out: Examples | None, course: Course, *watchers: Callback
) -> tuple[Trained, float | None]:
    """Train the network; how that went, and the lowest loss on the held-out part.

    AdamW under a one-cycle learning rate (arXiv:1708.07120), with the mean of the last weights (arXiv:1803.05407). Of
    all epochs the network keeps the weights of the lowest held-out loss, or where nothing is held out the last.
    """
    source = Shuffled(part, course.batch_size, collate=collate, seed=course.seed)
    total = -(-len(part) // course.batch_size) * course.epochs
    optimizer = torch.optim.AdamW(network.parameters(), lr=course.learning_rate, weight_decay=course.weight_decay)
    schedule = torch.optim.lr_scheduler.OneCycleLR(
        optimizer, course.learning_rate, total_steps=max(total + 1, _FEWEST), pct_start=_WARMUP, cycle_momentum=False
    )
    average = MeanAverage(int(total * course.average_from) + 1) if course.average_from < 1 else None
    stopping = _stopping(network, loss, held_out, course.patience)
    trainer = Trainer(
        network,
        lambda module, batch: loss(module(batch.x, batch.lengths), batch.y),
        source,
        optimizer,
        schedule=schedule,
        average=average,
        callbacks=(*stopping, *watchers),
        seed=course.seed,
    )
    trained = trainer.run(epochs=course.epochs)
    if average and not stopping:
        average.install()
    return trained, min((each.best for each in stopping), default=None)


def _stopping(network: nn.Module, loss: Loss, held_out: Examples | None, patience: int) -> list[EarlyStopping]:
    if held_out is None:
        return []

    def evaluate() -> float:
        return float(loss(answers(network, held_out.sequences), held_out.y))

    return [EarlyStopping(evaluate, patience=patience)]


@torch.no_grad()
def answers(network: nn.Module, sequences: list[Tensor]) -> Tensor:
    """What the network says of each sequence, (N, K); the long ones together, so that there is little padding."""
    network.eval()
    order = np.argsort([len(sequence) for sequence in sequences], kind="stable")
    found: list[Tensor] = []
    for start in range(0, len(order), _AT_ONCE):
        some = [sequences[row] for row in order[start : start + _AT_ONCE]]
        found.append(network(pad_sequence(some), torch.tensor([len(sequence) for sequence in some])))
    return torch.cat(found)[torch.from_numpy(np.argsort(order))]
