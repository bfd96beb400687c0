"""How contenders are trained: all by the same loop, that of gatewise.training."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from typing import Any

import torch
from torch import Tensor, nn
from torch.nn.functional import binary_cross_entropy_with_logits, cross_entropy
from torch.optim.lr_scheduler import CosineAnnealingLR

from gatewise.training import Callback, Source, Trained, Trainer

from .data.synthetic import Labelled, Tagged


class Until(Callback):
    """Ends the training when a test is passed, which is made every so many updates.

    solved: at which update that was, infinity if at none.
    """

    def __init__(self, passes: Callable[[], bool], every: int) -> None:
        self.passes, self.every = passes, every
        self.solved = math.inf

    def after_step(self, trainer: Trainer) -> None:
        """Make the test, if it is time."""
        if trainer.step % self.every == 0 and trainer.validate(lambda: float(self.passes())):
            self.solved = trainer.step
            trainer.stop("solved")


def fit(
    module: nn.Module,
    loss: Callable[[nn.Module, Any], Tensor],
    source: Source,
    steps: int,
    rate: float,
    *,
    clip: float = 1.0,
    callbacks: Sequence[Callback] = (),
    cosine: bool = False,
    seed: int = 0,
) -> Trained:
    """Train with Adam; rate: its learning rate, which falls to zero along a cosine where so wished."""
    optimizer = torch.optim.Adam(module.parameters(), lr=rate)
    schedule = CosineAnnealingLR(optimizer, steps) if cosine else None
    trainer = Trainer(module, loss, source, optimizer, schedule=schedule, clip=clip, callbacks=callbacks, seed=seed)
    return trainer.run(steps=steps)


def answers(module: nn.Module, batch: Labelled) -> Tensor:
    """What a network says after the last step of each sequence (B, K)."""
    y, _ = module(batch.x)
    return y[batch.last, torch.arange(y.shape[1])]


def squared_error(module: nn.Module, batch: Labelled) -> Tensor:
    """Mean over sequences."""
    return (answers(module, batch).squeeze(1) - batch.y).square().mean()


def class_entropy(module: nn.Module, batch: Labelled) -> Tensor:
    """Mean over sequences, nats."""
    return cross_entropy(answers(module, batch), batch.y)


def bit_entropy(module: nn.Module, batch: Tagged) -> Tensor:
    """Mean over the bits that are asked for, nats."""
    y, _ = module(batch.x)
    return binary_cross_entropy_with_logits(y[batch.asked], batch.y[batch.asked])


@torch.no_grad()
def accuracy(module: nn.Module, batch: Labelled) -> float:
    """The share of sequences that are given the right class."""
    return float((answers(module, batch).argmax(1) == batch.y).float().mean())


@torch.no_grad()
def bit_accuracy(module: nn.Module, batch: Tagged) -> float:
    """The share of right bits, of those asked for."""
    y, _ = module(batch.x)
    return float(((y > 0) == (batch.y > 0.5))[batch.asked].float().mean())


def fresh(seed: int) -> torch.Generator:
    """What test sequences are drawn with: no training draws with it."""
    return torch.Generator().manual_seed(1_000_000 + seed)
