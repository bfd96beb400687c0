"""Of each batch the part of one process."""

from __future__ import annotations

from typing import Any

from torch import Tensor

from ..errors import InputError
from .shuffled import Shuffled
from .sources import Source, State


class Shards:
    """A source that gives the rows of one process, of batches that all processes agree on.

    source: the same in each process, seed and all. Of `Shuffled`, only the process's own samples are read. Batches of
    other sources are made whole and each tensor in them is cut along ``dim`` (`Stretches`: 1); they are a tensor, or
    tensors, numbers and None in a tuple or dict, and all but tensors stays. Every part is equally large, so that the
    mean of the processes' means is the batch's mean. Raises InputError for a batch that cannot be divided so.
    """

    def __init__(self, source: Source, rank: int, size: int, dim: int = 0) -> None:
        self.source, self.rank, self.size, self.dim = source, rank, size, dim

    @property
    def epoch(self) -> int:
        """Whole passes done, by all processes together."""
        return self.source.epoch

    @property
    def endless(self) -> bool:
        """Whether there are no passes to count."""
        return getattr(self.source, "endless", False)

    def next_batch(self) -> Any:
        """This process's part of the next batch."""
        if isinstance(self.source, Shuffled):
            return self.source.take(self._rows(self.source.next_rows(), 0))
        return self._part(self.source.next_batch())

    def state_dict(self) -> State:
        """The position, the same in each process."""
        return self.source.state_dict()

    def load_state_dict(self, state: State) -> None:
        """Go to that position."""
        self.source.load_state_dict(state)

    def _part(self, batch: Any) -> Any:
        if isinstance(batch, Tensor):
            return self._rows(batch, self.dim)
        if isinstance(batch, dict):
            return {name: self._part(entry) for name, entry in batch.items()}
        if isinstance(batch, tuple):
            parts = [self._part(entry) for entry in batch]
            return type(batch)(*parts) if hasattr(batch, "_fields") else tuple(parts)
        if batch is None or isinstance(batch, int | float):
            return batch
        raise InputError(
            f"a {type(batch).__name__} in a batch cannot be divided among processes",
            hint="give tensors, numbers and None in a tuple or dict; or write a source of this process alone",
        )

    def _rows(self, tensor: Tensor, dim: int) -> Tensor:
        if tensor.shape[dim] % self.size:
            raise InputError(
                f"a batch of {tensor.shape[dim]} cannot be divided evenly among {self.size} processes",
                where=f"axis {dim} of {tuple(tensor.shape)}",
                hint="choose a batch size that is a multiple of the processes, and drop_last=True with Shuffled",
            )
        return tensor.chunk(self.size, dim)[self.rank]
