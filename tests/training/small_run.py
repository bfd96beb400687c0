"""A small training with everything that has a state: dropout, momentum, schedule, average, carried state."""

from __future__ import annotations

import hashlib
from collections.abc import Iterable
from pathlib import Path
from typing import Any

import torch
from torch import Tensor, nn

from gatewise.nn import LSTM
from gatewise.training.averaging import ExponentialAverage
from gatewise.training.distributed import Group
from gatewise.training.state_codec import flatten
from gatewise.training.tbptt import Carried, Stretch, Stretches
from gatewise.training.trainer import Callback, Trainer

SYMBOLS, COLUMNS, STEPS = 5, 4, 60


class Reader(nn.Module):
    """Foretells the next symbol."""

    def __init__(self, dropout: float = 0.3) -> None:
        super().__init__()
        self.embed = nn.Embedding(SYMBOLS, 4)
        self.dropout = nn.Dropout(dropout)
        self.lstm = LSTM(4, 6)
        self.head = nn.Linear(6, SYMBOLS)

    def forward(self, symbols: Tensor, state: Any) -> tuple[Tensor, Any]:
        outputs, state = self.lstm(self.dropout(self.embed(symbols)), state)
        return self.head(outputs), state


def loss(module: nn.Module, batch: Stretch, state: Any) -> tuple[Tensor, Any]:
    device = next(module.parameters()).device
    scores, state = module(batch.inputs.to(device), state)
    return nn.functional.cross_entropy(scores.flatten(0, 1), batch.targets.to(device).flatten()), state


def make(callbacks: Iterable[Callback] = (), group: Group | None = None, dropout: float = 0.3) -> Trainer:
    """The same training each time it is asked for."""
    group = group or Group()
    with torch.random.fork_rng():
        torch.manual_seed(0)
        module = group.wrap(Reader(dropout))
        symbols = torch.randint(SYMBOLS, (COLUMNS * 70,))
    optimizer = torch.optim.SGD(module.parameters(), lr=0.5, momentum=0.9)
    return Trainer(
        module,
        Carried(loss),
        group.share(Stretches(symbols, COLUMNS, 10, variable=True, seed=3), dim=1),
        optimizer,
        schedule=torch.optim.lr_scheduler.CosineAnnealingLR(optimizer, STEPS),
        average=ExponentialAverage(0.9),
        callbacks=callbacks,
        seed=group.rank,
    )


def digest(trainer: Trainer) -> str:
    """SHA-256 of all that the training holds: weights, optimiser, average, carried state, generators, places."""
    state = trainer.state_dict()
    tensors, rest = flatten({name: part for name, part in state.items() if name != "callbacks"})
    whole = hashlib.sha256(repr(rest).encode())
    for name in sorted(tensors):
        whole.update(name.encode() + tensors[name].reshape(-1).view(torch.uint8).numpy().tobytes())
    return whole.hexdigest()


def uninterrupted() -> str:
    """The digest at the end of a run that nobody disturbs."""
    trainer = make()
    trainer.run(steps=STEPS)
    return digest(trainer)


def files(folder: Path) -> list[str]:
    """The names of everything in a folder."""
    return sorted(path.name for path in folder.iterdir())
