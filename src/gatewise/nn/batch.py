"""The forms in which a module takes sequences, and gives its outputs back."""

from __future__ import annotations

from typing import Any

from torch import Tensor
from torch.nn.utils.rnn import PackedSequence

from ..errors import InputError
from .check import check_lengths
from .rows import Rows, of_lengths, of_packed


class Batch:
    """One call's input: padded (T, B, I) or (B, T, I), with lengths or without; packed; or one sequence (T, I).

    x: its rows (N, I). rows: how they belong to sequences. batched: whether states have a dimension for B.
    """

    def __init__(self, input: Tensor | PackedSequence, lengths: Any, batch_first: bool) -> None:
        self._packed = input if isinstance(input, PackedSequence) else None
        self.batched = isinstance(input, PackedSequence) or input.dim() == 3
        self._batch_first = batch_first and self.batched
        if lengths is not None and (self._packed is not None or not self.batched):
            raise InputError("lengths go with a padded batch of 3 dimensions, not with packed or unbatched input")
        if isinstance(input, PackedSequence):
            self.rows = of_packed(input)
            self.x: Tensor = input.data
            return
        padded = input if self.batched else input.unsqueeze(1)
        padded = padded.transpose(0, 1) if self._batch_first else padded
        steps, batch = padded.shape[:2]
        if lengths is None:
            self.rows = Rows(batch, steps)
        else:
            self.rows = of_lengths(check_lengths(lengths, steps, batch), steps, input.device)
        self.x = self.rows.gathered(padded)

    def output(self, rows: Tensor) -> Tensor | PackedSequence:
        """Rows (N, K) in the form of the input."""
        if self._packed is None:
            return self.padded(rows)
        return PackedSequence(
            rows, self._packed.batch_sizes, self._packed.sorted_indices, self._packed.unsorted_indices
        )

    def padded(self, rows: Tensor) -> Tensor:
        """Rows (N, K) as a tensor with dimensions for time and batch, as the input has them."""
        padded = self.rows.padded(rows)
        if not self.batched:
            return padded.squeeze(1)
        return padded.transpose(0, 1) if self._batch_first else padded

    def where(self, row: int) -> str:
        """Which step of which sequence a row is."""
        batch, time = self.rows.where(row)
        return f"batch {batch}, time {time}" if self.batched else f"time {time}"
