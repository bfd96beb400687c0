"""How a language model learns from a text, and how it is measured on one."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor, nn

from ...training import Carried, Progress, Stretch, Stretches, Trained, Trainer
from .network import LanguageNetwork

_WARMUP = 0.1  # share of the run in which the learning rate rises
_FEWEST = int(2 / _WARMUP)  # steps that a one-cycle schedule needs; a shorter run sees its beginning
_AT_ONCE = 4096  # tokens measured in one call


@dataclass(frozen=True)
class Course:
    """How long to learn and how fast. batch_size columns are read side by side, ``length`` tokens at a time."""

    learning_rate: float
    weight_decay: float
    batch_size: int
    length: int
    epochs: int
    seed: int


def learn(network: LanguageNetwork, tokens: Tensor, course: Course, *, verbose: bool) -> Trained:
    """Train the network on tokens (N,) by truncated backpropagation through time, with the state carried on.

    AdamW under a one-cycle learning rate (arXiv:1708.07120), the gradient's norm bounded by 1. Raises InputError where
    the text is too short for the columns.
    """
    source = Stretches(tokens, course.batch_size, course.length)
    total = -(-(len(source.columns) - 1) // course.length) * course.epochs
    optimizer = torch.optim.AdamW(network.parameters(), lr=course.learning_rate, weight_decay=course.weight_decay)
    schedule = torch.optim.lr_scheduler.OneCycleLR(
        optimizer, course.learning_rate, total_steps=max(total + 1, _FEWEST), pct_start=_WARMUP, cycle_momentum=False
    )
    watchers = [Progress()] if verbose else []
    trainer = Trainer(
        network, Carried(_loss), source, optimizer, schedule=schedule, callbacks=watchers, seed=course.seed
    )
    return trainer.run(epochs=course.epochs)


def _loss(network: nn.Module, batch: Stretch, state: Any) -> tuple[Tensor, Any]:
    logits, state = network(batch.inputs, state)
    return nn.functional.cross_entropy(logits.flatten(0, 1), batch.targets.flatten()), state


@torch.no_grad()
def mean_loss(network: LanguageNetwork, tokens: Tensor) -> float:
    """Mean nats of each of the tokens (N,) but the first, given all before it."""
    total, state = 0.0, None
    for start in range(0, len(tokens) - 1, _AT_ONCE):
        read = tokens[start : min(start + _AT_ONCE, len(tokens) - 1)]
        logits, state = network(read[:, None], state)
        actual = tokens[start + 1 : start + 1 + len(read)]
        total += float(nn.functional.cross_entropy(logits[:, 0].double(), actual, reduction="sum"))
    return total / (len(tokens) - 1)
