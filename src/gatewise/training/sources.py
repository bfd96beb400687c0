"""Where batches come from, and in what order."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any, Protocol

import torch
from torch import Tensor
from torch.utils.data import Dataset, default_collate

from ..errors import InputError

State = dict[str, Any]


class Source(Protocol):
    """The protocol of an endless stream of batches, for `Trainer`.

    A batch may be anything that the loss takes. Where it has an attribute ``rate``, the learning rate of its update is
    multiplied by it. A source without passes over data has an attribute ``endless`` that is True.
    """

    @property
    def epoch(self) -> int:
        """How many whole passes over the data `next_batch` has completed."""
        ...

    def next_batch(self) -> Any:
        """The next batch."""
        ...

    def state_dict(self) -> State:
        """The position in the data: tensors, numbers, strings and None, in dicts, lists and tuples."""
        ...

    def load_state_dict(self, state: State) -> None:
        """Go to a position that `state_dict` gave."""
        ...


class Drawn:
    """Batches drawn at random by a function, for tasks without a data set.

    Args:
        draw: Makes a batch; takes a `torch.Generator`, which must be its only source of randomness.
        seed: Of that generator.
        per_epoch: How many batches count as one pass, at least 1; None where there are no passes.

    Raises:
        InputError: For ``per_epoch`` below 1.
    """

    def __init__(self, draw: Callable[[torch.Generator], Any], *, seed: int = 0, per_epoch: int | None = None) -> None:
        if per_epoch is not None and per_epoch < 1:
            raise InputError(f"per_epoch must be at least 1, not {per_epoch}")
        self.draw, self.per_epoch = draw, per_epoch
        self.generator = torch.Generator().manual_seed(seed)
        self.count = 0

    @property
    def endless(self) -> bool:
        """Whether there are no passes to count."""
        return self.per_epoch is None

    @property
    def epoch(self) -> int:
        """How many passes of ``per_epoch`` batches have been drawn; 0 where there are no passes."""
        return 0 if self.per_epoch is None else self.count // self.per_epoch

    def next_batch(self) -> Any:
        """A new batch."""
        self.count += 1
        return self.draw(self.generator)

    def state_dict(self) -> State:
        """How many batches have been drawn, and the generator's state."""
        return {"count": self.count, "generator": self.generator.get_state()}

    def load_state_dict(self, state: State) -> None:
        """Continue as after that many batches."""
        self.count = state["count"]
        self.generator.set_state(state["generator"])


class Shuffled:
    """Batches of a data set: each sample once per pass, in a new random order each time.

    Args:
        data: A sequence or map-style dataset of N samples, or a tuple of tensors (N, ...) that share their first axis.
        batch_size: Samples in a batch; the last batch of a pass is shorter where it does not divide N.
        collate: Makes a batch of a list of samples; by default `torch.utils.data.default_collate`. For a tuple of
            tensors without ``collate`` a batch is the tuple with the drawn rows, (batch_size, ...) each.
        seed: Of the orders.
        drop_last: Whether to leave out a last batch that would be shorter.

    Raises:
        InputError: Where there are too few samples for a batch, or tensors differ in length.
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
        """The pass, the position in it, and the generator as it was before it made this pass's order."""
        return {"epoch": self.epoch, "position": self.position, "generator": self.before}

    def load_state_dict(self, state: State) -> None:
        """Go to a position that `state_dict` gave."""
        self.generator.set_state(state["generator"])
        self._shuffle()
        self.epoch, self.position = state["epoch"], state["position"]

    def _shuffle(self) -> None:
        self.before = self.generator.get_state()
        self.order = torch.randperm(self.size, generator=self.generator)


def _reader(data: Any, collate: Callable[[list[Any]], Any] | None) -> tuple[Callable[[Tensor], Any], int]:
    """The function that makes a batch of positions, and how many positions there are."""
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
