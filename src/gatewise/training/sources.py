"""Where batches come from. A source knows its position, so that a resumed run meets the same batches."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, Protocol

import torch

from ..errors import InputError

State = dict[str, Any]


class Source(Protocol):
    """An endless stream of batches.

    epoch: whole passes over the data that `next_batch` has completed. A batch may be anything that the loss takes;
    where it has a number ``rate``, the learning rate of its update is multiplied by it.
    """

    @property
    def epoch(self) -> int:
        """Whole passes done."""
        ...

    def next_batch(self) -> Any:
        """The next batch."""
        ...

    def state_dict(self) -> State:
        """The position."""
        ...

    def load_state_dict(self, state: State) -> None:
        """Go to a position that `state_dict` gave."""
        ...


class Drawn:
    """Batches drawn at random by a function, for tasks without a data set.

    draw: makes a batch with the generator it is given, and nothing else that is random. per_epoch: batches that count
    as one pass; None if there are no passes.
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
        """Whole passes done."""
        return 0 if self.per_epoch is None else self.count // self.per_epoch

    def next_batch(self) -> Any:
        """A new batch."""
        self.count += 1
        return self.draw(self.generator)

    def state_dict(self) -> State:
        """Batches drawn, and the generator."""
        return {"count": self.count, "generator": self.generator.get_state()}

    def load_state_dict(self, state: State) -> None:
        """Go on as after that many batches."""
        self.count = state["count"]
        self.generator.set_state(state["generator"])
