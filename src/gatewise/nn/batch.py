"""A batch as it is given, and the ragged rows that kernels take."""

from __future__ import annotations

from typing import Any

from torch import Tensor
from torch.nn.utils.rnn import PackedSequence

from ..errors import InputError
from ..kernels.layer import lengths_of
from .check import check_lengths, check_resets
from .episodes import cut
from .rows import Rows, of_lengths, of_packed


class Batch:
    """One call's input: padded (T, B, I) or (B, T, I), with lengths or without; packed; or one sequence (T, I).

    x: its rows (N, I). rows: how they belong to sequences. batched: whether states have a dimension for B.
    """

    def __init__(self, input: Tensor | PackedSequence, lengths: Any, batch_first: bool, resets: Any = None) -> None:
        self._packed = of_packed(input) if isinstance(input, PackedSequence) else None
        self._input = input
        self.batched = isinstance(input, PackedSequence) or input.dim() == 3
        self._batch_first = batch_first and self.batched
        if lengths is not None and (self._packed is not None or not self.batched):
            raise InputError("lengths go with a padded batch of 3 dimensions, not with packed or unbatched input")
        if resets is not None:
            resets = check_resets(resets, input)
        if self._packed is not None and isinstance(input, PackedSequence):
            self._of_packed(self._packed, input, resets)
            return
        padded = self._as_given(input)
        steps, batch = padded.shape[:2]
        length = None if lengths is None else check_lengths(lengths, steps, batch)
        self.rows = Rows(batch, steps) if length is None else of_lengths(length, steps, padded.device)
        if resets is not None:
            self.rows = cut(self.rows, self._as_given(resets), length, padded.device)
        self.x = self.rows.gathered(padded)

    def _of_packed(self, rows: Rows, packed: PackedSequence, resets: Tensor | None) -> None:
        self.rows = rows
        self.x: Tensor = packed.data
        if resets is None:
            return
        lengths = rows.unsorted(lengths_of(packed.batch_sizes, rows.batch).to(self.x.device))
        mask = rows.padded(resets.unsqueeze(1)).squeeze(2)
        self.rows = cut(rows, mask, lengths, self.x.device)
        if self.rows.episodes is not None:
            self.x = self.rows.gathered(rows.padded(packed.data))

    def _as_given(self, tensor: Any) -> Tensor:
        """A tensor that lies as the input does as (T, B, ...)."""
        tensor = tensor if self.batched else tensor.unsqueeze(1)
        return tensor.transpose(0, 1) if self._batch_first else tensor

    def output(self, rows: Tensor) -> Tensor | PackedSequence:
        """Rows (N, K) in the form of the input."""
        if self._packed is None or not isinstance(self._input, PackedSequence):
            return self.padded(rows)
        packed = self._input
        if self.rows.episodes is not None:
            rows = self._packed.gathered(self.rows.padded(rows))[: len(packed.data)]
        return PackedSequence(rows, packed.batch_sizes, packed.sorted_indices, packed.unsorted_indices)

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
