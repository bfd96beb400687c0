"""How a translator's network learns, and what it is measured by while it does."""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

import torch
from torch import Tensor, nn
from torch.nn.functional import cross_entropy

from ...training import timed
from ...training.schedule import Schedule
from ...training.trainer import Callback, Trained
from .batches import Batch, ByLength, Pair, Respelling, batch_of, together
from .coder import EncoderDecoder
from .network import TranslationNetwork

_WARMUP = 0.1
"""The share of the run in which the learning rate rises."""
_UPDATES, _FEWEST_EPOCHS = 3_000, 12
"""A run whose epochs nobody says has at least so many updates, and so many epochs."""


@dataclass(frozen=True)
class Course:
    """How a network is trained. epochs, seconds: None for enough, and for no limit. units: target units in a batch.
    averaging: the share of the run, at its end, over which weights are averaged. precision: of the forward pass, as for
    `Trainer`."""

    learning_rate: float
    weight_decay: float
    units: int
    epochs: int | None
    seconds: float | None
    smoothing: float
    averaging: float
    seed: int
    precision: str
    callbacks: tuple[Callback, ...] = ()


def learn(
    network: TranslationNetwork, pairs: Sequence[Pair], course: Course, respelling: Respelling | None = None
) -> tuple[Trained, int]:
    """Train the network in place. Returns how it ended, and the epochs that were begun.

    respelling: gives the pairs other units in each epoch.
    """
    source = ByLength(pairs, course.units, seed=course.seed, respelling=respelling)
    epochs = course.epochs or max(_FEWEST_EPOCHS, math.ceil(_UPDATES / source.per_epoch))
    schedule = Schedule(
        epochs * source.per_epoch,
        course.learning_rate,
        course.weight_decay,
        warmup=_WARMUP,
        average_from=1 - course.averaging,
        seconds=course.seconds,
    )

    def loss(module: nn.Module, batch: Batch) -> Tensor:
        return _loss(network, batch, course.smoothing)

    ended = timed.train(
        network, loss, source, schedule, seed=course.seed, callbacks=course.callbacks, precision=course.precision
    )
    return ended, source.epoch + (source.position > 0)


def _loss(network: TranslationNetwork, batch: Batch, smoothing: float) -> Tensor:
    """Mean nats of a target unit, with the label smoothing of Szegedy et al., arXiv:1512.00567, section 7."""
    logits, targets = logits_of(network, batch)
    return cross_entropy(logits, targets, label_smoothing=smoothing)


def logits_of(network: EncoderDecoder, batch: Batch) -> tuple[Tensor, Tensor]:
    """Of every target unit given those before it, (N, V), and its number (N,); padding is left out."""
    encoded = network.encode(batch.source, batch.source_lengths)
    before, _ = network.decode(batch.target[:-1], batch.target_lengths, encoded)
    within = torch.arange(len(before))[:, None] < batch.target_lengths
    return network.logits(before[within]), batch.target[1:][within]


@torch.inference_mode()
def mean_loss(network: EncoderDecoder, pairs: Sequence[Pair], units: int) -> float:
    """Mean nats of a target unit, the end included, given the source and all units before it."""
    lengths = [(len(target), len(source)) for source, target in pairs]
    order = sorted(range(len(pairs)), key=lengths.__getitem__)
    total, count = 0.0, 0
    for batch in _batches(pairs, together(order, lengths, units)):
        logits, targets = logits_of(network, batch)
        total += float(cross_entropy(logits.double(), targets, reduction="sum"))
        count += len(targets)
    return total / count


def _batches(pairs: Sequence[Pair], places: Iterable[list[int]]) -> Iterable[Batch]:
    return (batch_of([pairs[at] for at in batch]) for batch in places)
