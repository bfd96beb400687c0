"""A data set in random order."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import torch
from torch import Tensor
from torch.utils.data import Dataset, default_collate

from ..errors import InputError
from .sources import State


class Shuffled:
    """Each sample once per pass, in a new random order each time.

    data: a sequence or map-style dataset of N samples, or a tuple of tensors (N, ...) that share their first axis.
    A batch is ``collate(samples)``, by default `torch.utils.data.default_collate`; of a tuple of tensors without
    ``collate``, it is the tuple with the drawn rows, (batch_size, ...) each. The last batch of a pass is shorter where
    batch_size does not divide N, or left out with drop_last.
    Raises InputError where there is no batch to be had, or where tensors differ in length.
    """

    def __init__(
        self,
        data: Sequence[Any] | Dataset[Any] | tuple[Tensor, ...],
        batch_size: int,
        *,
        collate: Callable[[list[Any]], Any] | None = None,
        seed: int = 0,
        drop_last: bool = False,
    ) -> None:
        self.take, self.size = _reader(data, collate)
        if batch_size < 1 or self.size < (batch_size if drop_last else 1):
            raise InputError(f"batches of {batch_size} cannot be taken from {self.size} samples")
        self.batch_size = batch_size
        self.end = self.size // batch_size * batch_size if drop_last else self.size
        self.epoch = 0
        self.position = 0
        self.generator = torch.Generator().manual_seed(seed)
        self._shuffle()

    def next_batch(self) -> Any:
        """The next samples of this pass."""
        return self.take(self.next_rows())

    def next_rows(self) -> Tensor:
        """The positions of the next batch's samples in the data, int64."""
        rows = self.order[self.position : min(self.position + self.batch_size, self.end)]
        self.position += len(rows)
        if self.position == self.end:
            self.epoch, self.position = self.epoch + 1, 0
            self._shuffle()
        return rows

    def state_dict(self) -> State:
        """The pass, the place in it, and the generator as it was before it made this pass's order."""
        return {"epoch": self.epoch, "position": self.position, "generator": self.before}

    def load_state_dict(self, state: State) -> None:
        """Go to that place of that pass."""
        self.generator.set_state(state["generator"])
        self._shuffle()
        self.epoch, self.position = state["epoch"], state["position"]

    def _shuffle(self) -> None:
        self.before = self.generator.get_state()
        self.order = torch.randperm(self.size, generator=self.generator)


def _reader(data: Any, collate: Callable[[list[Any]], Any] | None) -> tuple[Callable[[Tensor], Any], int]:
    """What makes a batch of positions, and how many positions there are."""
    if isinstance(data, tuple) and data and all(isinstance(column, Tensor) for column in data):
        lengths = [len(column) for column in data]
        if len(set(lengths)) > 1:
            raise InputError(f"tensors must have as many rows as each other, not {lengths}")
        if collate is None:
            return (lambda rows: tuple(column[rows] for column in data)), lengths[0]
        samples: Any = list(zip(*data, strict=True))
    else:
        samples = data
    gather = collate or default_collate
    return (lambda rows: gather([samples[row] for row in rows.tolist()])), len(samples)
