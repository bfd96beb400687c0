"""What estimators with one network share: how it is trained, saved and loaded."""

from __future__ import annotations

from collections.abc import Callable, Generator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any, ClassVar, Self

import torch
from torch import Tensor, nn

from .. import fields
from ..equation import Cell
from ..fields import Fields
from ..nn.stored import recurrent_fields
from ..training import Average, Callback, Progress, Source, Trained, Trainer
from ..training.optimizer import adamw
from ..training.schedule import one_cycle_by_steps
from ..training.torch_state import exactly_threads
from . import estimator_file
from .arguments import LARGEST_SEED, jobs, number, whole
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
    optimizer = adamw(network, course.learning_rate, course.weight_decay)
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

    _rules: ClassVar[Mapping[str, fields.Check]] = {
        "learning_rate": partial(number, low=0, high=10, open_low=True),
        "weight_decay": partial(number, low=0, high=10),
        "batch_size": whole,
        "max_epochs": whole,
        "hidden_size": whole,
        "num_layers": whole,
        "dropout": partial(number, low=0, high=1, open_high=True),
    }
    """What arguments may be, when they are used and when they come out of a file; see `_argument`."""
    _rules_of_files: ClassVar[Mapping[str, fields.Check]] = {}
    """What further arguments may be when they come out of a file; others are text, a number, or nothing."""

    cell: str | Cell
    learning_rate: float
    weight_decay: float
    batch_size: int
    max_epochs: int | None
    options: Mapping[str, Any] | None
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
        estimator_file.write_estimator(path, self, *self._learned())

    @classmethod
    def load(cls, path: str | Path, *, cell: Cell | None = None) -> Self:
        """Load the estimator that `save` wrote, ready to predict.

        ``n_jobs`` and ``verbose`` are their defaults: a file does not say how much of a machine is used.

        Args:
            path: The file. Nothing in it is executed.
            cell: The cell, where it is one of your own.

        Returns:
            A fitted estimator.

        Raises:
            ModelFileError: The file is damaged, too new, or of another estimator.
        """
        return cls._load(path, cell=cell)

    @classmethod
    def _load(cls, path: str | Path, **supplied: Any) -> Self:
        """The estimator in a file. supplied: parameters that a file does not hold, such as a user's cell."""
        params, tensors, fitted = estimator_file.read_estimator(path, cls, cls._declared, **supplied)
        with estimator_file.understood(path):
            estimator = cls(**params)
            estimator._restore(tensors, fitted)
        return estimator

    @classmethod
    def _declared(cls, most: int) -> Fields:
        """What a file of this estimator says. most: the largest size."""
        checks = {
            **{name: fields.scalar for name in cls._parameters() if name not in estimator_file.NOT_STORED},
            "cell": fields.text,
            "options": fields.optional(recurrent_fields(most, ignored=("device", "dtype"))),
            "random_state": fields.optional(fields.whole(0, LARGEST_SEED)),
            **cls._rules,
            **cls._rules_of_files,
        }
        params = Fields(checks, lacking=checks.keys() - {"cell"}, ignored=estimator_file.NOT_STORED)
        return Fields({"estimator": fields.text, "params": params, "fitted": cls._fitted_fields(most)})

    @classmethod
    def _fitted_fields(cls, most: int) -> Fields:
        """What of `_learned` is no tensor. most: the largest size."""
        raise NotImplementedError

    def _argument(self, name: str) -> Any:
        """An argument by its name, checked."""
        return self._rules[name](name, getattr(self, name))

    def _learned(self) -> tuple[dict[str, Tensor], dict[str, Any]]:
        """What a file holds beside the parameters: tensors by name, and what JSON can hold."""
        raise NotImplementedError

    def _restore(self, tensors: Mapping[str, Tensor], fitted: Mapping[str, Any]) -> None:
        """Become what gave this as `_learned`."""
        raise NotImplementedError

    def _course(self, seed: int) -> Course:
        """The arguments of a training, checked."""
        return Course(
            learning_rate=self._argument("learning_rate"),
            weight_decay=self._argument("weight_decay"),
            batch_size=self._argument("batch_size"),
            epochs=self._argument("max_epochs"),
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
