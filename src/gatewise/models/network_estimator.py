"""What estimators with one network share: how it is trained, saved and loaded."""

from __future__ import annotations

from collections.abc import Callable, Generator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Self

import torch
from torch import Tensor, nn

from ..equation import Cell
from ..training import Average, Callback, Progress, Source, Trained, Trainer
from ..training.schedule import one_cycle_by_steps
from ..training.torch_state import exactly_threads
from . import modelfile
from .arguments import jobs, number, whole
from .estimator import Estimator


@dataclass(frozen=True)
class Course:
    """How fast and how long a network is trained, in epochs. callbacks: told of every update."""

    learning_rate: float
    weight_decay: float
    batch_size: int
    epochs: int
    seed: int
    callbacks: tuple[Callback, ...] = ()


def train(
    network: nn.Module,
    loss: Callable[[nn.Module, Any], Tensor],
    source: Source,
    course: Course,
    *,
    updates: int,
    warmup: float,
    average: Average | None = None,
    callbacks: tuple[Callback, ...] = (),
) -> Trained:
    """Train with AdamW under a one-cycle learning rate, the gradient's norm bounded by 1.

    updates: in one epoch. warmup: the share of the run in which the learning rate rises. callbacks: told before the
    course's own.
    """
    optimizer = torch.optim.AdamW(network.parameters(), lr=course.learning_rate, weight_decay=course.weight_decay)
    trainer = Trainer(
        network,
        loss,
        source,
        optimizer,
        schedule=one_cycle_by_steps(optimizer, updates * course.epochs, warmup),
        average=average,
        callbacks=(*callbacks, *course.callbacks),
        seed=course.seed,
    )
    return trainer.run(epochs=course.epochs)


class NetworkEstimator(Estimator):
    """An estimator with one network, built of a cell's name or a cell, and trained by a `Course`.

    Subclasses build the network in `_network`, and give and take what else they learned in `_learned` and `_restore`.
    """

    cell: str | Cell
    learning_rate: float
    weight_decay: float
    batch_size: int
    max_epochs: int
    random_state: Any
    n_jobs: int | None
    verbose: bool

    def save(self, path: str | Path) -> None:
        """Write the fitted estimator to one file: weights and settings, none of the data.

        Args:
            path: The file; one that exists is replaced.

        Raises:
            InputError: Before `fit`, and for parameters or labels that a file cannot hold.
        """
        self._check_fitted()
        modelfile.write_estimator(path, self, *self._learned())

    @classmethod
    def _load(cls, path: str | Path, **supplied: Any) -> Self:
        """The estimator in a file. supplied: parameters that a file does not hold, such as a user's cell."""
        params, tensors, fitted = modelfile.read_estimator(path, cls, **supplied)
        with modelfile.understood(path):
            estimator = cls(**params)
            estimator._restore(tensors, fitted)
        return estimator

    def _learned(self) -> tuple[dict[str, Tensor], dict[str, Any]]:
        """What a file holds beside the parameters: tensors by name, and what JSON can hold."""
        raise NotImplementedError

    def _restore(self, tensors: Mapping[str, Tensor], fitted: Mapping[str, Any]) -> None:
        """Become what gave this as `_learned`."""
        raise NotImplementedError

    def _course(self, seed: int) -> Course:
        """The arguments of a training, checked."""
        return Course(
            learning_rate=number("learning_rate", self.learning_rate, 0, 10, open_low=True),
            weight_decay=number("weight_decay", self.weight_decay, 0, 10),
            batch_size=whole("batch_size", self.batch_size),
            epochs=whole("max_epochs", self.max_epochs),
            seed=seed,
            callbacks=(Progress(),) if self.verbose else (),
        )

    @contextmanager
    def _threads(self) -> Generator[None]:
        """As many threads as `n_jobs` says inside the block."""
        with exactly_threads(jobs(self.n_jobs)):
            yield


@contextmanager
def seeded(seed: int) -> Generator[None]:
    """torch's generator begins with this seed inside the block, and goes on after it as if nothing had been drawn."""
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(seed)
        yield
